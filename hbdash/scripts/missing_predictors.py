"""The script of missing predictors: weights under a mask, pooled or not, and latent blank cells."""

import numpy as np

from hbdash.models.model import Priors
from hbdash.regression_data import RegressionData
from hbdash.scripts.code import Code, array, holds_rows, labels, prior, rows, statistics

_REPARAM = """\
# A weight that does not apply has no data, so it is sampled non-centered: it makes no funnel.
@numpyro.handlers.reparam(config={"w": LocScaleReparam(centeredness * mask)})
"""
_POOLED = """\
    with numpyro.plate("predictors", len(predictors)):
        mu_w = numpyro.sample("mu_w", {mu_w})
        sigma_w = numpyro.sample("sigma_w", {sigma_w})
"""
_HEAD = """\
def model():
    scale = numpyro.sample("scale", {scale})
{pooled}    with numpyro.plate("groups", len(groups)):
        alpha = numpyro.sample("alpha", {alpha})
    with numpyro.plate("groups", len(groups), dim=-2), numpyro.plate("predictors", len(predictors)):
        w = numpyro.sample("w", {w})
    weights = mask * w  # a predictor that does not apply contributes nothing
"""
_CELLS = """\
    # A blank cell is a latent value, with the mean and sd of its column as prior.
    with numpyro.plate("cells", len(row)):
        x_blank = numpyro.sample("x_blank", dist.Normal(column_mean[column], column_sd[column]))
    filled = x.at[row, column].set(x_blank)
"""
_ROWS = """\
    with numpyro.plate("rows", len(y)):
        line = alpha[group] + (weights[group] * {x}).sum(-1)
        numpyro.sample("y", dist.Normal(line, scale), obs=y)
"""
_STATISTICS = """\
    # The residual sum of squares of each group's complete rows, as a sum of three squares.
    height = y_mean - alpha - (x_mean * weights).sum(-1)
    turned = (root * (weights - fit)[:, None, :]).sum(-1)
    squares = n * height**2 + (turned**2).sum(-1) + ss
    numpyro.factor("complete_rows", -n * jnp.log(scale) - 0.5 * squares / scale**2)
"""


def code(data: RegressionData, priors: Priors, centeredness: dict[str, np.ndarray]) -> Code:
    """Write the model's part of a script."""
    latent, pooled = data.latent and bool(data.blank.any()), "w" not in priors
    by_row = holds_rows(data)
    arrays = labels(data, single=False)
    likelihood, kept = "", data.complete | latent
    if not by_row:
        arrays += statistics(data, single=False)
        likelihood, kept = _STATISTICS, ~data.complete
    if latent and not by_row:
        arrays += "# The rows with a blank cell where a predictor applies.\n"
    if by_row or latent:
        arrays += rows(data, kept, single=False)
        likelihood += (_CELLS if latent else "") + _ROWS.format(x="filled" if latent else "x")
    if latent:
        mean, sd = data.column_moments
        arrays += "# Mean and sd of each column where it applies.\n"
        arrays += f"column_mean = {array(mean)}\ncolumn_sd = {array(sd)}\n"
        arrays += "row, column = jnp.nonzero(jnp.isnan(x))\n"
    sampled = {site: prior(given) for site, given in priors.items()}
    head = _HEAD.format(
        scale=sampled["scale"],
        alpha=sampled["alpha"],
        pooled=_POOLED.format(**sampled) if pooled else "",
        w="dist.Normal(mu_w, sigma_w)" if pooled else sampled["w"],
    )
    return Code(
        arrays,
        (_REPARAM if pooled else "") + head + likelihood,
        f"centeredness = {array(centeredness['w'])}\n" if pooled else "",
    )
