"""hbdash beside NumPyro's own `MCMC`, nutpie, PyMC and PyStan: the same questions, one table."""
