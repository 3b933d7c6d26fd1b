"""Normal means: group effects around a population, measured with normal noise.

    mu, tau ~ priors;  theta_k ~ Normal(mu, tau);  y_i ~ Normal(theta_g(i), sigma)

The likelihood is evaluated from each group's rows, mean and sum of squares, which are sufficient:
a gradient costs O(K), however many rows there are.
"""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro.distributions import Distribution, Normal

from hbdash import data as data_
from hbdash import priors
from hbdash.data import GroupData
from hbdash.exact import normal_means as exact
from hbdash.models.model import Level, Model, Observed, Priors
from hbdash.models.prior_form import sample
from hbdash.models.reparam import LogScaleReparam


def fit(data: GroupData, priors: Priors) -> GroupData:
    """Check sigma, which is unknown exactly when it has a prior.

    Raises
    ------
    ValueError
        When sigma is neither known nor given a prior, or cannot have one.
    """
    estimates = len(data.values) == 0
    if "sigma" in priors and estimates:
        raise ValueError(
            "A table of estimates brings its standard errors, so sigma is known: remove the prior "
            "of sigma."
        )
    if "sigma" not in priors and data.sigma is None:
        raise ValueError(
            "sigma must be known or have a prior, and this table brings neither: give sigma a "
            'value in `data`, or a prior such as {"sigma": {"dist": "HalfNormal", "scale": 5}}.'
        )
    return data_.unknown_sigma(data) if "sigma" in priors else data


def design(data: GroupData, priors: Priors | None = None) -> dict[str, np.ndarray]:
    """Gather the arrays that enter the program: n, mean, ss and, where known, sigma; each (K,)."""
    known = {} if data.sigma is None else {"sigma": data.sigma}
    return {"n": data.n, "mean": data.mean, "ss": data.ss} | known


def program(design: dict[str, Any], prior: dict[str, Distribution], centeredness: Any) -> None:
    """The model itself, in NumPyro.

    Parameters
    ----------
    design : arrays of shape (K,), from `design`.
    prior : a distribution for "mu" and "tau", and for "sigma" where the design has none.
    centeredness : for "theta" an array of shape (K,), in [0, 1].
    """
    groups = design["mean"].shape[0]
    mu, tau, *sigma = sample(prior, *(site for site in ("mu", "tau", "sigma") if site in prior))
    sigma = sigma[0] if sigma else design["sigma"]
    reparam: Any = {"theta": LogScaleReparam(centeredness["theta"])}
    with numpyro.plate("groups", groups), numpyro.handlers.reparam(config=reparam):
        theta = numpyro.sample("theta", Normal(mu, tau))
    sufficient_likelihood(theta, sigma, design)


def sufficient_likelihood(theta: Any, sigma: Any, design: dict[str, Any]) -> None:
    """Add the log density of all rows, as a function of n, mean and ss alone.

    A group without rows adds nothing, whatever its sigma.
    """
    n = design["n"]
    sigma = jnp.where(n > 0, sigma, 1.0)
    squares = n * (design["mean"] - theta) ** 2 + design["ss"]
    constant = n * (jnp.log(sigma) + 0.5 * math.log(2 * math.pi))
    numpyro.factor("rows", -constant - 0.5 * squares / sigma**2)


def rowwise_program(
    data: GroupData, prior: dict[str, Distribution], centeredness: Any = None
) -> None:
    """The same model row by row: the reference for the sufficient likelihood, and the diagram.

    Estimates are one row a group. Without a centeredness every group is centered.
    """
    estimates = len(data.values) == 0
    groups = np.arange(len(data.names))
    index, values = (groups, data.mean) if estimates else (data.index, data.values)
    mu = numpyro.sample("mu", prior["mu"])
    tau = numpyro.sample("tau", prior["tau"])
    if "sigma" in prior:
        sigma = jnp.broadcast_to(jnp.asarray(numpyro.sample("sigma", prior["sigma"])), len(groups))
    else:
        sigma = jnp.asarray(data.sigma)
    reparam: Any = {} if centeredness is None else {"theta": LogScaleReparam(centeredness["theta"])}
    with numpyro.plate("groups", len(groups)), numpyro.handlers.reparam(config=reparam):
        theta = numpyro.sample("theta", Normal(mu, tau))
    with numpyro.plate("rows", len(values)):
        numpyro.sample("y", Normal(jnp.asarray(theta)[index], sigma[index]), obs=values)


def default_priors() -> dict[str, priors.Prior]:
    """The study's priors; sigma joins where it is unknown."""
    return {
        "mu": priors.Prior.model_validate({"dist": "Normal", "loc": 0, "scale": 5}),
        "tau": priors.Prior.model_validate({"dist": "HalfNormal", "scale": 5}),
    }


def levels(data: GroupData, priors: Priors) -> tuple[Level, ...]:
    """The one population there is."""
    noise = "sigma" if "sigma" in priors else None
    return (Level("theta", "theta", "mu", "tau", noise, title="groups"),)


def observed(data: GroupData) -> Observed:
    """Carry along each group's summary, and rows as far as a picture can show them."""
    by_group = {"n": data.n, "mean": data.mean, "ss": data.ss}
    by_group["standard_error"] = data.standard_error
    found: dict[str, Any] = {name: ("group", value) for name, value in by_group.items()}
    if len(data.values):
        values, index = data_.for_pictures(data)
        found |= {"values": ("row", values), "index": ("row", index)}
    return Observed(found, {}, {"group": list(data.names)}, {}, len(data.values))


NORMAL_MEANS = Model(
    name="normal_means",
    title="Normal means",
    sources=(
        data_.Scene,
        data_.Simulated,
        data_.Example,
        data_.Rowwise,
        data_.Estimates,
        data_.Uploaded,
    ),
    load=data_.load,
    fit=fit,
    structures=(frozenset({"mu", "tau"}), frozenset({"mu", "tau", "sigma"})),
    families={"mu": priors.LOCATION, "tau": priors.SCALE, "sigma": priors.SCALE},
    default_priors=default_priors,
    program=program,
    rowwise_program=rowwise_program,
    design=design,
    design_dims={name: ("group",) for name in ("n", "mean", "ss", "sigma")},
    effects=("theta",),
    levels=levels,
    information=lambda data, level: data,
    dims={"theta": ("group",)},
    units=lambda data: {},
    size=lambda data, priors: 2 * len(data.names) + 10,
    observed=observed,
    exact=exact.posterior,
    equations=lambda priors: (
        r"\mu \sim p(\mu), \qquad \tau \sim p(\tau)",
        r"\theta_k \sim \mathrm{Normal}(\mu, \tau), \qquad k = 1, \dots, K",
        r"y_i \sim \mathrm{Normal}(\theta_{g(i)}, \sigma), \qquad i = 1, \dots, N",
    ),
    references=(
        "Rubin (1981), Journal of Educational Statistics 6, 377-401",
        "Betancourt and Girolami (2013), arXiv:1312.0906",
    ),
)
