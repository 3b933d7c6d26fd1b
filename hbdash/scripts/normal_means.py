"""The script of normal means: summaries of each group, and effects around a population."""

import numpy as np

from hbdash.data import GroupData
from hbdash.models.model import Priors
from hbdash.scripts.code import Code, array, prior

_DATA = """\
# Rows, mean and sum of squares about the mean of each group are sufficient for a normal likelihood.
n = {n}
mean = {mean}
ss = {ss}
"""
_MODEL = """\
@numpyro.handlers.reparam(config={{"theta": LocScaleReparam(centeredness)}})
def model():
    mu = numpyro.sample("mu", {mu})
    tau = numpyro.sample("tau", {tau})
{sigma}    with numpyro.plate("groups", len(n)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("mean", dist.Normal(theta, sigma / jnp.sqrt(n)), obs=mean)
        within = -(n - 1) * jnp.log(sigma) - 0.5 * ss / sigma**2
        numpyro.factor("within", within)
"""


def code(data: GroupData, priors: Priors, centeredness: dict[str, np.ndarray]) -> Code:
    """Write the model's part of a script."""
    arrays = _DATA.format(n=array(data.n), mean=array(data.mean), ss=array(data.ss))
    sampled = ""
    if data.sigma is not None:
        arrays += f"sigma = {array(data.sigma)}\n"
    else:
        sampled = f'    sigma = numpyro.sample("sigma", {prior(priors["sigma"])})\n'
    model = _MODEL.format(mu=prior(priors["mu"]), tau=prior(priors["tau"]), sigma=sampled)
    return Code(arrays, model, f"centeredness = {array(centeredness['theta'])}\n")
