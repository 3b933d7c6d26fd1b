"""Varying intercepts and slopes: a line for each group, lines around a population.

    intercept_k ~ Normal(mu_intercept, sigma_intercept);  slope_k ~ Normal(mu_slope, sigma_slope)
    y_i ~ Normal(intercept_g(i) + slope_g(i) x_i, sigma_noise)

The normal likelihood is evaluated from each group's sufficient statistics, so a gradient costs
O(K), however many rows there are. With a prior on nu the likelihood is Student's t, row by row.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro.distributions import Distribution, Normal, StudentT

from hbdash.exact import regression as exact_regression
from hbdash.models import likelihood
from hbdash.models.carried import carry
from hbdash.models.model import Grouped, Level, Model, Priors
from hbdash.models.prior_form import sample
from hbdash.models.reparam import LogScaleReparam
from hbdash.parameterization import Information
from hbdash.priors import LOCATION, SCALE, Prior
from hbdash.regression_data import Estimates, RegressionData
from hbdash.regression_sources import (
    Rats,
    RegressionRows,
    SimulatedLines,
    UploadedRegression,
    load,
)

EFFECTS = ("intercept", "slope")
#: The sites that always have a prior: of each effect its location and scale, and the noise.
POPULATION = ("mu_intercept", "sigma_intercept", "mu_slope", "sigma_slope", "sigma_noise")
#: Rows that a likelihood without statistics goes through at every gradient.
MOST_ROWS = 200_000


def fit(data: RegressionData, priors: Priors) -> RegressionData:
    """Check that the data are one predictor's, and not too many for Student's t.

    Raises
    ------
    ValueError
        When they are not.
    """
    if len(data.predictors) != 1:
        raise ValueError(
            f"The regression takes one predictor, got {', '.join(data.predictors)}: choose one, or "
            "use the missing-predictors lab."
        )
    if data.latent:
        raise ValueError(
            "`missing` must be 'drop' here: latent cells are for the missing-predictors lab."
        )
    if "nu" in priors and len(data.rows[2]) > MOST_ROWS:
        raise ValueError(
            f"Student's t goes through every row: at most {MOST_ROWS:,}, got "
            f"{len(data.rows[2]):,}. Remove the prior of nu for a normal likelihood."
        )
    return data


def design(data: RegressionData, priors: Priors) -> dict[str, np.ndarray]:
    """Gather the arrays that enter the program: statistics, or rows for Student's t."""
    mask = {"mask": data.mask.astype(float)}
    return likelihood.row_arrays(data) | mask if "nu" in priors else likelihood.statistics(data)


def program(design: dict[str, Any], prior: dict[str, Distribution], centeredness: Any) -> None:
    """The model itself, in NumPyro.

    Parameters
    ----------
    design : arrays of `design`.
    prior : a distribution for each mu and sigma, and for "nu" under Student's t.
    centeredness : for "intercept" and "slope" an array of shape (K,), in [0, 1].
    """
    intercept, slope, noise, *nu = _lines(prior, centeredness, design["mask"].shape[0])
    weights = slope[:, None]
    if nu:
        likelihood.rowwise_student(intercept, weights, noise, nu[0], design)
    else:
        likelihood.sufficient_normal(intercept, weights, noise, design)


def _lines(prior: dict[str, Distribution], centeredness: Any, groups: int) -> list[Any]:
    """Sample intercepts, slopes, the noise and, under Student's t, nu."""
    sites = [*POPULATION, *(["nu"] if "nu" in prior else [])]
    scalars = dict(zip(sites, sample(prior, *sites), strict=True))
    reparam: Any = {
        effect: LogScaleReparam(centeredness[effect]) for effect in EFFECTS if centeredness
    }
    with numpyro.plate("groups", groups), numpyro.handlers.reparam(config=reparam):
        lines = [
            numpyro.sample(effect, Normal(scalars[f"mu_{effect}"], scalars[f"sigma_{effect}"]))
            for effect in EFFECTS
        ]
    return [*lines, *(scalars[site] for site in sites[2 * len(EFFECTS) :])]


def rowwise_program(
    data: RegressionData, prior: dict[str, Distribution], centeredness: Any = None
) -> None:
    """The same model row by row: the reference for the statistics, and the diagram.

    Without a centeredness every group is centered.
    """
    index, x, y = data.rows
    intercept, slope, noise, *nu = _lines(prior, centeredness, len(data.names))
    with numpyro.plate("rows", len(y)):
        mean = intercept[index] + slope[index] * jnp.asarray(x[:, 0])
        law = StudentT(nu[0], mean, noise) if nu else Normal(mean, noise)
        numpyro.sample("y", law, obs=jnp.asarray(y))


def default_priors() -> Priors:
    """The workflow's priors."""
    location = {"dist": "Normal", "loc": 0, "scale": 5}
    spread = {"dist": "HalfCauchy", "scale": 2}
    given = {
        "mu_intercept": location,
        "mu_slope": location,
        "sigma_intercept": spread,
        "sigma_slope": spread,
        "sigma_noise": {"dist": "Exponential", "rate": 1},
    }
    return {site: Prior.model_validate(prior) for site, prior in given.items()}


def levels(data: Grouped, priors: Priors) -> tuple[Level, ...]:
    """Intercepts and slopes."""
    return tuple(
        Level(e, e, f"mu_{e}", f"sigma_{e}", "sigma_noise", title=f"{e}s") for e in EFFECTS
    )


def information(data: RegressionData, level: str) -> Information:
    """Each group's own least-squares intercept or slope, in the units of the model."""
    fits = data.fits
    if level == "slope":
        return Estimates(data.n, fits.weights[:, 0], fits.weight_errors[:, 0])
    return Estimates(data.n, fits.intercept, fits.intercept_error)


def units(data: RegressionData) -> dict[str, tuple[Any, Any]]:
    """Origin and unit of every site, to go back to those the data came in."""
    u = data.units
    slope = u.y_unit / float(u.x_unit[0])
    found: dict[str, tuple[Any, Any]] = {
        name: (u.y_origin, u.y_unit) for name in ("mu_intercept", "intercept")
    }
    found |= {name: (0.0, u.y_unit) for name in ("sigma_intercept", "sigma_noise")}
    return found | {name: (0.0, slope) for name in ("mu_slope", "slope", "sigma_slope")}


def exact(data: RegressionData, priors: Priors) -> Any:
    """The exact answer, by quadrature over the three scales."""
    return exact_regression.posterior(data, priors)


def equations(priors: Priors) -> tuple[str, ...]:
    """The model as LaTeX lines."""
    student = "nu" in priors
    law = r"\mathrm{StudentT}(\nu, \; " if student else r"\mathrm{Normal}("
    return (
        r"\mu_{a}, \mu_{b} \sim p(\mu), \qquad \sigma_{a}, \sigma_{b}, \sigma \sim p(\sigma)"
        + (r", \qquad \nu \sim p(\nu)" if student else ""),
        r"a_k \sim \mathrm{Normal}(\mu_{a}, \sigma_{a}), \qquad "
        r"b_k \sim \mathrm{Normal}(\mu_{b}, \sigma_{b}), \qquad k = 1, \dots, K",
        rf"y_i \sim {law}a_{{g(i)}} + b_{{g(i)}} \, x_i, \; \sigma), \qquad i = 1, \dots, N",
    )


REGRESSION = Model(
    name="regression",
    title="Varying intercepts and slopes",
    sources=(SimulatedLines, Rats, UploadedRegression, RegressionRows),
    load=load,
    fit=fit,
    structures=(frozenset(POPULATION), frozenset({*POPULATION, "nu"})),
    families={
        "mu_intercept": LOCATION,
        "mu_slope": LOCATION,
        "sigma_intercept": SCALE,
        "sigma_slope": SCALE,
        "sigma_noise": SCALE,
        "nu": SCALE,
    },
    default_priors=default_priors,
    program=program,
    rowwise_program=rowwise_program,
    design=design,
    design_dims=likelihood.DIMS,
    effects=EFFECTS,
    levels=levels,
    information=information,
    dims={effect: ("group",) for effect in EFFECTS},
    units=units,
    size=lambda data, priors: 4 * len(data.names) + 10,
    observed=lambda data: carry(data, {"intercept": "intercept", "slope": "weights"}),
    exact=exact,
    equations=equations,
    references=(
        "Gelman and Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical "
        "Models, chapter 13",
        "Gelfand, Hills, Racine-Poon and Smith (1990), JASA 85, 972-985",
    ),
)
