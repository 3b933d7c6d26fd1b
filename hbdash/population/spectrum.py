"""The spectrum that draws of a population imply: rate densities of m1 and q, and detections."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from hbdash.population.batches import by_batches
from hbdash.population.derived import all_parameters, chosen, parameters
from hbdash.population.expected import log_vt_of
from hbdash.population.marginals import rate_of_m1, rate_of_q
from hbdash.population.mass_models import log_rate_density
from hbdash.population.parameters import Components
from hbdash.population.pmean import Pmean
from hbdash.population.question import PopulationQuestion

#: Draws that bands are made of, those of a program, and points of the grids.
DRAWS, AT_ONCE, M1_POINTS, Q_POINTS, M2_POINTS = 200, 8, 160, 80, 120


def spectrum(question: PopulationQuestion, posterior: xr.Dataset) -> xr.Dataset:
    """Rate densities at about 200 draws, dims (sample, m1) and (sample, q), and at the truth.

    ``rate_m1`` in Gpc^-3 yr^-1 per solar mass, ``rate_q`` in Gpc^-3 yr^-1, and ``detected_m1``, the
    detections per solar mass that are expected where the sensitivity is known at every mass.
    """
    sampled = parameters(posterior, chosen(posterior, DRAWS))
    m1, q = _m1_grid(question, sampled), np.linspace(0.005, 1.0, Q_POINTS)
    components = question.target.components
    params = all_parameters(question.target, sampled, question.given)

    def rates(params: Any) -> Any:
        return by_batches(lambda batch: _rates(components, batch, m1, q), params, AT_ONCE)

    found = rates(params)
    variables: dict[str, Any] = {
        "rate_m1": (("sample", "m1"), found[0]),
        "rate_q": (("sample", "q"), found[1]),
    }
    seen = _sensitive(question.spec.pmean, m1)
    if seen is not None:
        detected = by_batches(
            lambda batch: _detected(components, batch, m1, *seen), params, AT_ONCE
        )
        variables["detected_m1"] = ("sample", "m1"), detected
    truth = question.catalogue.truth
    if truth and set(truth) >= set(_needed(components)):
        true = rates({name: np.full(1, value, float) for name, value in truth.items()})
        variables |= {"true_rate_m1": ("m1", true[0][0]), "true_rate_q": ("q", true[1][0])}
    return xr.Dataset(variables, {"m1": m1, "q": q})


def _needed(components: Components) -> list[str]:
    return [name for name in components.names if name not in components.optional]


def _m1_grid(question: PopulationQuestion, sampled: dict[str, np.ndarray]) -> np.ndarray:
    """Cover what the power laws reach, and the Gaussians to four standard deviations."""
    known = {name: np.array([value]) for name, value in question.priors.constants.items()} | sampled
    known |= {
        alias: known[name]
        for alias, name in dict(question.priors.shape.aliases).items()
        if name in known
    }
    lowest, highest = [], []
    components = question.target.components
    for i in range(components.n_pl):
        lowest.append(np.quantile(known[f"mmin_pl_{i}"], 0.01))
        highest.append(np.quantile(known[f"mmax_pl_{i}"], 0.99))
    for j in range(components.n_g):
        loc, scale = known[f"m1_loc_g_{j}"], known[f"m1_scale_g_{j}"]
        lowest.append(np.quantile(loc, 0.05) - 4 * np.quantile(scale, 0.5))
        highest.append(np.quantile(loc, 0.95) + 4 * np.quantile(scale, 0.5))
    low, high = max(0.5, 0.9 * min(lowest)), 1.05 * max(highest)
    return np.linspace(low, max(high, low + 1), M1_POINTS)


@partial(jax.jit, static_argnums=0)
def _rates(components: Components, params: Any, m1: Any, q: Any) -> Any:
    def one(params: Any) -> Any:
        return rate_of_m1(components, params, m1), rate_of_q(components, params, q)

    return jax.vmap(one)(params)


def _sensitive(pmean: Pmean, m1: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the grid of m2, and VT times the time of observation on (m1, m2)."""
    m2 = np.linspace(0.2, m1[-1], M2_POINTS)
    try:
        log_vt = log_vt_of(pmean)
    except ValueError:  # an injection set says nothing about a single pair of masses
        return None
    across, up = np.meshgrid(m1, m2, indexing="ij")
    return m2, np.exp(np.asarray(log_vt(across, up))) * pmean.time_scale


@partial(jax.jit, static_argnums=0)
def _detected(components: Components, params: Any, m1: Any, m2: Any, vt: Any) -> Any:
    across, up = jnp.meshgrid(m1, m2, indexing="ij")

    def one(params: Any) -> Any:
        density = jnp.exp(log_rate_density(components, params, across, up))
        return jnp.trapezoid(density * vt, m2, axis=1)

    return jax.vmap(one)(params)
