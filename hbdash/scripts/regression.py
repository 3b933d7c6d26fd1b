"""The script of varying intercepts and slopes: lines of groups around a population."""

import numpy as np

from hbdash.models.model import Priors
from hbdash.regression_data import RegressionData
from hbdash.scripts.code import Code, array, holds_rows, labels, prior, rows, statistics

_HEAD = """\
@numpyro.handlers.reparam(
    config={{
        "intercept": LocScaleReparam(centeredness["intercept"]),
        "slope": LocScaleReparam(centeredness["slope"]),
    }}
)
def model():
    mu_intercept = numpyro.sample("mu_intercept", {mu_intercept})
    mu_slope = numpyro.sample("mu_slope", {mu_slope})
    sigma_intercept = numpyro.sample("sigma_intercept", {sigma_intercept})
    sigma_slope = numpyro.sample("sigma_slope", {sigma_slope})
    sigma_noise = numpyro.sample("sigma_noise", {sigma_noise})
{nu}    with numpyro.plate("groups", len(groups)):
        intercept = numpyro.sample("intercept", dist.Normal(mu_intercept, sigma_intercept))
        slope = numpyro.sample("slope", dist.Normal(mu_slope, sigma_slope))
"""
_ROWS = """\
    with numpyro.plate("rows", len(y)):
        line = intercept[group] + slope[group] * x
        numpyro.sample("y", dist.{law}, obs=y)
"""
_STATISTICS = """\
    # The residual sum of squares of each group's rows, as a sum of three squares.
    height = y_mean - intercept - x_mean * slope
    turned = root * (slope - fit)
    squares = n * height**2 + turned**2 + ss
    numpyro.factor("rows", -n * jnp.log(sigma_noise) - 0.5 * squares / sigma_noise**2)
"""


def code(data: RegressionData, priors: Priors, centeredness: dict[str, np.ndarray]) -> Code:
    """Write the model's part of a script.

    Student's t has no sufficient statistics, so its script holds all rows, however many.
    """
    student = "nu" in priors
    by_row = student or holds_rows(data)
    law = "StudentT(nu, line, sigma_noise)" if student else "Normal(line, sigma_noise)"
    sampled = {site: prior(given) for site, given in priors.items()}
    sampled["nu"] = f'    nu = numpyro.sample("nu", {sampled["nu"]})\n' if student else ""
    arrays = rows(data, data.complete, single=True) if by_row else statistics(data, single=True)
    return Code(
        labels(data, single=True) + arrays,
        _HEAD.format(**sampled) + (_ROWS.format(law=law) if by_row else _STATISTICS),
        "centeredness = {\n"
        + "".join(f'    "{effect}": {array(c, 1)},\n' for effect, c in centeredness.items())
        + "}\n",
    )
