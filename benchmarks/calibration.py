"""Simulation-based calibration of the two regression models, each parameterization in turn.

Draw parameters from the priors, data from the parameters, and draws from the posterior: the rank of
a parameter among about independent draws is uniform (Talts, Betancourt, Simpson, Vehtari and Gelman
2018, arXiv:1804.06788). A wrong density, change of variables or unit tilts or bends the ranks. One
quantity that fails fails the call.

The priors are moderate: those of the labs throw data sets that no sampler of fixed settings
explores. A centered run is asked about 400 rows a group and a non-centered one about 5, so that
neither has a funnel of its own making to fail in; that one has is what the labs show. Latent cells
take the moments of their column as prior, so they have no prior to simulate from.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from arviz_stats.base.array import array_stats

from benchmarks.table import show
from benchmarks.uniformity import p_value
from hbdash.priors import Prior, distribution
from hbdash.quantities import variable
from hbdash.regression_data import RegressionData
from hbdash.regression_sources import Manufacturing, Range, RegressionSource, SimulatedLines, load
from hbdash.run import run
from hbdash.spec import RunSpec

#: Draws among which a truth is ranked, so that ranks go from 0 to this number.
DRAWS = 99
#: Effective draws that a run must have before it is thinned, and where it gives up.
ENOUGH, MOST_SAMPLES = 2 * DRAWS, 16_000
#: Chance that sound models fail, over all quantities of a call.
LEVEL = 0.01
SAMPLER = {"num_warmup": 500, "num_samples": 500, "num_chains": 2, "target_accept_prob": 0.98}
FEW, MANY = 5, 400

Priors = dict[str, Prior]
Sites = dict[str, np.ndarray]


def _priors(**given: dict[str, Any]) -> Priors:
    return {site: Prior.model_validate(prior) for site, prior in given.items()}


_LOCATION = {"dist": "Normal", "loc": 0, "scale": 1}
_SPREAD = {"dist": "HalfNormal", "scale": 1}
_NOISE = {"dist": "Gamma", "concentration": 4, "rate": 4}
_REGRESSION = _priors(
    mu_intercept=_LOCATION,
    mu_slope=_LOCATION,
    sigma_intercept=_SPREAD,
    sigma_slope=_SPREAD,
    sigma_noise=_NOISE,
)
_UNPOOLED = _priors(alpha=_LOCATION, w=_LOCATION, scale=_NOISE)
_POOLED = _priors(alpha=_LOCATION, mu_w=_LOCATION, sigma_w=_SPREAD, scale=_NOISE)
#: The last predictor does not apply to the first group, nor the first one to the second.
_MASK = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1], [1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
_PREDICTORS = tuple(
    Range(name=name, low=low, high=high)
    for name, low, high in (("x", -1.0, 2.0), ("z", 0.5, 2.5), ("u", -2.0, 1.0))
)


def _draw(prior: Prior, rng: np.random.Generator, *shape: int) -> np.ndarray:
    key = jax.random.key(rng.integers(2**32))
    return np.asarray(distribution(prior.dist, prior.parameters).sample(key, shape), float)


def simulate_lines(rows: int, rng: np.random.Generator) -> tuple[SimulatedLines, Sites]:
    """Draw population parameters; the spec draws each group's line and its rows itself."""
    numbers = {site: float(_draw(prior, rng)) for site, prior in _REGRESSION.items()}
    seed = int(rng.integers(2**32))
    given = numbers | {"n": (rows,) * 6, "predictor_sd": 1.0, "seed": seed}
    data = SimulatedLines.model_validate(given)
    return data, load(data).truth


def simulate_manufacturing(
    rows: int, pooled: bool, rng: np.random.Generator
) -> tuple[Manufacturing, Sites]:
    """Draw all parameters, those of weights that do not apply too; the spec draws the rows."""
    priors = _POOLED if pooled else _UNPOOLED
    groups, width = _MASK.shape
    truth = {"alpha": _draw(priors["alpha"], rng, groups), "scale": _draw(priors["scale"], rng)}
    if pooled:
        truth |= {site: _draw(priors[site], rng, width) for site in ("mu_w", "sigma_w")}
        truth["w"] = rng.normal(truth["mu_w"], truth["sigma_w"], _MASK.shape)
    else:
        truth["w"] = _draw(priors["w"], rng, groups, width)
    data = Manufacturing(
        n=(rows,) * groups,
        predictors=_PREDICTORS,
        weights=tuple(map(tuple, truth["w"].tolist())),
        mask=tuple(map(tuple, _MASK.tolist())),
        intercept=tuple(truth["alpha"].tolist()),
        noise=float(truth["scale"]),
        seed=int(rng.integers(2**32)),
    )
    return data, truth


@dataclass(frozen=True)
class Case:
    """A model in one form, and how its data are drawn from its priors.

    Attributes
    ----------
    model, parameterization, priors : of the spec.
    simulate : a generator to data and truth, sites by name.
    """

    model: str
    parameterization: str
    priors: Priors
    simulate: Callable[[np.random.Generator], tuple[RegressionSource, Sites]]


def _manufacturing(parameterization: str, rows: int, pooled: bool) -> Case:
    return Case(
        "missing_predictors",
        parameterization,
        _POOLED if pooled else _UNPOOLED,
        lambda rng: simulate_manufacturing(rows, pooled, rng),
    )


CASES = {
    "regression, centered": Case(
        "regression", "centered", _REGRESSION, lambda rng: simulate_lines(MANY, rng)
    ),
    "regression, non-centered": Case(
        "regression", "noncentered", _REGRESSION, lambda rng: simulate_lines(FEW, rng)
    ),
    "missing predictors, unpooled": _manufacturing("centered", FEW, False),
    "missing predictors, pooled, centered": _manufacturing("centered", MANY, True),
    "missing predictors, pooled, non-centered": _manufacturing("noncentered", FEW, True),
}


class Calibration(NamedTuple):
    """Ranks and what the runs were like.

    Attributes
    ----------
    ranks : for each quantity the ranks of its truths, from 0 to `DRAWS`, one a simulation.
    divergences : after the warmup, one a simulation.
    ess : least bulk effective sample size over the quantities, one a simulation.
    """

    ranks: dict[str, np.ndarray]
    divergences: np.ndarray
    ess: np.ndarray


def calibrate(case: Case, simulations: int, seed: int, **sampler: Any) -> Calibration:
    """Rank the truth among thinned draws, simulation by simulation.

    A run is as long as it takes to have `ENOUGH` effective draws of every quantity, but no longer
    than `MOST_SAMPLES` a chain; `DRAWS` of them, evenly spaced, are kept.

    Parameters
    ----------
    sampler : settings of NUTS in place of `SAMPLER`'s.
    """
    rng = np.random.default_rng(seed)
    found = [_simulation(case, rng, SAMPLER | sampler) for _ in range(simulations)]
    ranks, divergences, ess = zip(*found, strict=True)
    by_quantity = {name: np.array([one[name] for one in ranks]) for name in ranks[0]}
    return Calibration(by_quantity, np.array(divergences), np.array(ess))


def _simulation(
    case: Case, rng: np.random.Generator, sampler: dict[str, Any]
) -> tuple[dict[str, int], int, float]:
    data, truth = case.simulate(rng)
    spec = RunSpec.model_validate(
        {
            "model": case.model,
            "data": data,
            "priors": case.priors,
            "parameterization": {"kind": case.parameterization},
            "sampler": sampler | {"seed": int(rng.integers(2**32))},
        }
    )
    rows = load(data)
    dt = run(spec)
    while (ess := _least_ess(draws := quantities(_pooled(dt), rows), dt)) < ENOUGH:
        samples = 2 * dt["posterior"].sizes["draw"]
        if samples > MOST_SAMPLES:
            break
        dt = run(spec.with_draws(samples), earlier=dt)
    true = quantities({site: np.asarray(value)[None] for site, value in truth.items()}, rows)
    ranks = {name: rank(true[name][0], values) for name, values in draws.items()}
    return ranks, int(variable(dt, "sample_stats/diverging").sum()), ess


def rank(truth: float, draws: np.ndarray) -> int:
    """Count those of `DRAWS` evenly spaced draws that are below the truth."""
    kept = np.linspace(0, len(draws) - 1, DRAWS).round().astype(int)
    return int((draws[kept] < truth).sum())


def _pooled(dt: xr.DataTree) -> Sites:
    """Put the chains one after another: shape (chain x draw, ...)."""
    posterior = dt["posterior"].to_dataset()
    return {
        str(name): v.values.reshape(-1, *v.shape[2:]) for name, v in posterior.data_vars.items()
    }


def _least_ess(draws: Sites, dt: xr.DataTree) -> float:
    ess: Any = array_stats.ess
    chains = dt["posterior"].sizes["chain"]
    stacked = np.stack([values.reshape(chains, -1) for values in draws.values()])
    return float(np.min(ess(stacked, method="bulk", chain_axis=1, draw_axis=2)))


def quantities(sites: Sites, data: RegressionData) -> dict[str, np.ndarray]:
    """Compute what is ranked: population parameters, one group's effects, and the log likelihood.

    The likelihood joins parameters and rows, so it shows what each parameter by itself does not
    (Modrák et al. 2023, doi:10.1214/23-BA1404).

    Parameters
    ----------
    sites : by name, each with the draws along its first axis.

    Returns
    -------
    Each of shape (draws,).
    """
    found: dict[str, np.ndarray] = {}
    for site, values in sites.items():
        if values.ndim == 1:
            found[site] = values
        elif site in ("intercept", "slope", "alpha"):
            found[f"{site}[0]"] = values[:, 0]
        elif site == "w":
            found["w[0, 0]"], found["w[0, 2], masked"] = values[:, 0, 0], values[:, 0, 2]
        else:
            found |= {f"{site}[{p}]": column for p, column in enumerate(values.T)}
    return found | {"log likelihood": _log_likelihood(sites, data)}


def _log_likelihood(sites: Sites, data: RegressionData) -> np.ndarray:
    lines = "intercept" in sites
    height = sites["intercept" if lines else "alpha"]
    weights = sites["slope"][:, :, None] if lines else sites["w"]
    noise = sites["sigma_noise" if lines else "scale"]
    squares = np.zeros(len(noise))
    for k in range(len(data.names)):
        # A group at a time, the cells of predictors that do not apply left out.
        own, applies = data.index == k, data.mask[k]
        mean = height[:, k, None] + weights[:, k, applies] @ data.x[own][:, applies].T
        squares += ((data.y[own] - mean) ** 2).sum(1)
    return -len(data.y) * np.log(noise) - 0.5 * squares / noise**2


def report(simulations: int, seed: int, chosen: list[str]) -> bool:
    """Calibrate case by case, print a table of all quantities, and say whether all passed."""
    found, about = {}, []
    for name in chosen:
        began = time.perf_counter()
        found[name] = calibrate(CASES[name], simulations, seed)
        one = found[name]
        about.append(
            [
                name,
                f"{time.perf_counter() - began:.0f}",
                f"{(one.divergences > 0).mean():.1%}",
                f"{np.median(one.ess):.0f}",
                str(int((one.ess < ENOUGH).sum())),
            ]
        )
    level = LEVEL / sum(len(one.ranks) for one in found.values())
    rows, passed = [], True
    for case, one in found.items():
        for quantity, ranks in one.ranks.items():
            p, mean = p_value(ranks, DRAWS), (ranks.mean() + 0.5) / (DRAWS + 1)
            verdict = "uniform" if p > level else "NOT UNIFORM"
            rows.append([case, quantity, f"{mean:.3f}", f"{p:.2g}", verdict])
            passed &= p > level
    show(
        f"Ranks among {DRAWS} draws, {simulations} simulations; fails below p = {level:.2g}, "
        f"{LEVEL:g} over {len(rows)} quantities",
        ["case", "quantity", "mean rank, 0 to 1", "p", "verdict"],
        rows,
    )
    show(
        "The runs",
        ["case", "seconds", "with divergences", "ESS, median", f"ESS below {ENOUGH}"],
        about,
    )
    return passed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("part", nargs="?", choices=["regression", "missing", "all"], default="all")
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    part = "" if given.part == "all" else given.part
    names = [name for name in CASES if name.startswith(part)]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HBDASH_STORE"] = folder
        sys.exit(not report(given.simulations, given.seed, names))
