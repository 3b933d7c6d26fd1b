"""Regression where not every predictor applies to every group: weights under a mask.

    alpha_k, w_kp, scale ~ priors;  y_i ~ Normal(alpha_g(i) + sum_p mask_g(i)p w_g(i)p x_ip, scale)

With priors on mu_w and sigma_w in place of w the weights are pooled: w_kp ~ Normal(mu_wp,
sigma_wp). A weight that does not apply contributes nothing, so it follows its prior. Cells that are
blank though the predictor applies leave out their rows, or are latent values of their own.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro.distributions import Distribution, Normal

from hbdash.exact import missing_predictors as exact_missing
from hbdash.exact.marginal import NoExactAnswer
from hbdash.models import likelihood
from hbdash.models.carried import carry
from hbdash.models.model import Level, Model, Priors
from hbdash.models.prior_form import sample
from hbdash.models.reparam import LogScaleReparam
from hbdash.parameterization import Information
from hbdash.priors import LOCATION, SCALE, Prior
from hbdash.regression_data import Estimates, RegressionData
from hbdash.regression_sources import Manufacturing, RegressionRows, UploadedRegression, load

#: Latent cells that one run may have: each is a parameter.
MOST_LATENT = 2000


def fit(data: RegressionData, priors: Priors) -> RegressionData:
    """Check that the latent cells are not too many.

    Raises
    ------
    ValueError
        When they are.
    """
    blank = int(data.blank.sum())
    if data.latent and blank > MOST_LATENT:
        raise ValueError(
            f"At most {MOST_LATENT:,} blank cells can be latent values, got {blank:,}: drop their "
            "rows."
        )
    return data


def design(data: RegressionData, priors: Priors) -> dict[str, np.ndarray]:
    """Gather the arrays that enter the program: statistics of complete rows, and the others.

    Those are rows with blank cells, and the cells: row, predictor, mean and sd.
    """
    arrays = likelihood.statistics(data)
    if not (data.latent and data.blank.any()):
        return arrays
    index, x, y = data.rows
    some = ~data.complete
    rows, columns = np.nonzero(data.blank[some])
    mean, sd = data.column_moments
    return arrays | {
        "row_index": index[some],
        "row_x": np.nan_to_num(x[some]),
        "row_y": y[some],
        "row_weight": np.ones(len(y[some])),
        "cell_row": rows,
        "cell_predictor": columns,
        "cell_mean": mean[columns],
        "cell_sd": sd[columns],
    }


def program(design: dict[str, Any], prior: dict[str, Distribution], centeredness: Any) -> None:
    """The model itself, in NumPyro.

    Parameters
    ----------
    design : arrays of `design`.
    prior : a distribution for "alpha", "scale" and either "w" or "mu_w" and "sigma_w".
    centeredness : for pooled weights an array of shape (K, P) under "w".
    """
    alpha, weights = _weights(prior, centeredness, design["mask"])
    (scale,) = sample(prior, "scale")
    likelihood.sufficient_normal(alpha, weights, scale, design)
    if "row_y" in design:
        index = jnp.asarray(design["row_index"], int)
        x = _filled(design["row_x"], design)
        mean = alpha[index] + (x * (weights * design["mask"])[index]).sum(-1)
        density: Any = Normal(mean, scale).log_prob(design["row_y"])
        numpyro.factor("incomplete_rows", (design["row_weight"] * density).sum())


def _weights(prior: dict[str, Distribution], centeredness: Any, mask: Any) -> Any:
    groups, width = mask.shape
    if "w" in prior:
        with numpyro.plate("groups", groups):
            (alpha,) = sample(prior, "alpha")
        with numpyro.plate("groups", groups, dim=-2), numpyro.plate("predictors", width, dim=-1):
            return alpha, sample(prior, "w")[0]
    with numpyro.plate("predictors", width):
        mu, sigma = (sample(prior, site)[0] for site in ("mu_w", "sigma_w"))
    with numpyro.plate("groups", groups):
        (alpha,) = sample(prior, "alpha")
    # No data speak of a weight that does not apply: centered, it would be a funnel of its own.
    reparam: Any = {"w": LogScaleReparam(centeredness["w"] * mask)} if centeredness else {}
    with (
        numpyro.plate("groups", groups, dim=-2),
        numpyro.plate("predictors", width, dim=-1),
        numpyro.handlers.reparam(config=reparam),
    ):
        return alpha, numpyro.sample("w", Normal(mu, sigma))


def _filled(x: Any, design: dict[str, Any]) -> Any:
    """Put latent values into the blank cells; a padded cell adds nothing to the first of them."""
    cells = design["cell_sd"].shape[0]
    with numpyro.plate("cells", cells):
        z = numpyro.sample("x_blank_z", Normal(0.0, 1.0))
    value = numpyro.deterministic("x_blank", design["cell_mean"] + design["cell_sd"] * z)
    row, predictor = (jnp.asarray(design[f"cell_{name}"], int) for name in ("row", "predictor"))
    real = design["cell_sd"] > 0
    return jnp.asarray(x).at[row, predictor].add(jnp.where(real, value, 0.0))


def rowwise_program(
    data: RegressionData, prior: dict[str, Distribution], centeredness: Any = None
) -> None:
    """The same model row by row, as published: the reference for the statistics, and the diagram.

    Without a centeredness every weight is centered.
    """
    index, x, y = data.rows
    alpha, weights = _weights(prior, centeredness, data.mask)
    (scale,) = sample(prior, "scale")
    x = jnp.asarray(np.nan_to_num(x))
    if data.latent and data.blank.any():
        mean, sd = data.column_moments
        row, column = np.nonzero(data.blank)
        with numpyro.plate("cells", len(row)):
            x_blank = numpyro.sample("x_blank", Normal(mean[column], sd[column]))
        x = x.at[row, column].set(x_blank)
    with numpyro.plate("rows", len(y)):
        height = alpha[index] + (x * (weights * data.mask)[index]).sum(-1)
        numpyro.sample("y", Normal(height, scale), obs=jnp.asarray(y))


def default_priors() -> Priors:
    """The workflow's priors: weights unpooled."""
    wide = {"dist": "Normal", "loc": 0, "scale": 5}
    given = {"alpha": wide, "w": wide, "scale": {"dist": "HalfNormal", "scale": 5}}
    return {site: Prior.model_validate(prior) for site, prior in given.items()}


def pooled_priors() -> Priors:
    """The priors that take the place of that of w where the weights are pooled."""
    given = {
        "mu_w": {"dist": "Normal", "loc": 0, "scale": 5},
        "sigma_w": {"dist": "HalfNormal", "scale": 2.5},
    }
    return {site: Prior.model_validate(prior) for site, prior in given.items()}


def levels(data: RegressionData, priors: Priors) -> tuple[Level, ...]:
    """The weights of each predictor, where they are pooled."""
    if "w" in priors:
        return ()
    return tuple(
        Level(f"w[{name}]", "w", "mu_w", "sigma_w", "scale", name, f"weights of {name}")
        for name in data.predictors
    )


def information(data: RegressionData, level: str) -> Information:
    """Each group's own least-squares weight of a predictor, in the units of the model."""
    p = [f"w[{name}]" for name in data.predictors].index(level)
    return Estimates(data.n, data.fits.weights[:, p], data.fits.weight_errors[:, p])


def units(data: RegressionData) -> dict[str, tuple[Any, Any]]:
    """Origin and unit of every site, to go back to those the data came in."""
    u = data.units
    found: dict[str, tuple[Any, Any]] = {
        "alpha": (u.y_origin, u.y_unit),
        "scale": (0.0, u.y_unit),
    }
    found |= {site: (0.0, u.y_unit / u.x_unit) for site in ("w", "mu_w", "sigma_w")}
    if data.latent and data.blank.any():
        column = np.nonzero(data.blank[~data.complete])[1]
        found["x_blank"] = (u.x_origin[column], u.x_unit[column])
    return found


def exact(data: RegressionData, priors: Priors) -> Any:
    """The exact answer where the weights are unpooled: an integral over the noise alone.

    Raises
    ------
    NoExactAnswer
        For pooled weights and for latent cells.
    """
    if data.latent and data.blank.any():
        raise NoExactAnswer("With latent cells the posterior is not Gaussian given the noise.")
    return exact_missing.posterior(data, priors)


def equations(priors: Priors) -> tuple[str, ...]:
    """The model as LaTeX lines."""
    pooled = "w" not in priors
    weights = (
        r"\mu_p \sim p(\mu), \quad \sigma_p \sim p(\sigma), \quad "
        r"w_{kp} \sim \mathrm{Normal}(\mu_p, \sigma_p)"
        if pooled
        else r"w_{kp} \sim p(w)"
    )
    return (
        r"\alpha_k \sim p(\alpha), \qquad " + weights + r", \qquad s \sim p(s)",
        r"y_i \sim \mathrm{Normal}\Big(\alpha_{g(i)} + \sum_p m_{g(i)p} \, w_{g(i)p} \, x_{ip}, "
        r"\; s\Big), \qquad m_{kp} \in \{0, 1\}",
    )


MISSING_PREDICTORS = Model(
    name="missing_predictors",
    title="Missing predictors",
    sources=(Manufacturing, UploadedRegression, RegressionRows),
    load=load,
    fit=fit,
    structures=(
        frozenset({"alpha", "w", "scale"}),
        frozenset({"alpha", "mu_w", "sigma_w", "scale"}),
    ),
    families={
        "alpha": LOCATION,
        "w": LOCATION,
        "mu_w": LOCATION,
        "sigma_w": SCALE,
        "scale": SCALE,
    },
    default_priors=default_priors,
    program=program,
    rowwise_program=rowwise_program,
    design=design,
    design_dims=likelihood.DIMS
    | {f"cell_{name}": ("cell",) for name in ("row", "predictor", "mean", "sd")},
    effects=("w",),
    levels=levels,
    information=information,
    dims={
        "alpha": ("group",),
        "w": ("group", "predictor"),
        "mu_w": ("predictor",),
        "sigma_w": ("predictor",),
        "x_blank": ("cell",),
    },
    units=units,
    size=lambda data, priors: (
        len(data.names) * (2 * len(data.predictors) + 1) + int(data.latent) * data.blank.sum() + 10
    ),
    observed=lambda data: carry(data, {"alpha": "intercept", "w": "weights"}),
    exact=exact,
    equations=equations,
    references=("Parameter masking in a hierarchical regression: the manufacturing workflow",),
)
