"""Exact posteriors by quadrature: a file a model, on integrators that they share."""
