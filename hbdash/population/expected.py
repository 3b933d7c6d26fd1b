"""The expected number of events of a population, mu = T sum_k R_k <VT>_k, as a function in JAX."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hbdash.population import sensitivity
from hbdash.population.component_draws import gaussian_draws, power_law_draws
from hbdash.population.log_vt import heat_map, injections, log_vt_of, network, table
from hbdash.population.mass_models import log_rate_density, normal, power_law
from hbdash.population.network import forward
from hbdash.population.parameters import Components
from hbdash.population.pmean import Analytic, Constant, Injections, Pmean
from hbdash.population.quadrature import (
    POWER_LAW_NODES,
    SMOOTH_NODES,
    LogVT,
    gaussian_mean,
    power_law_mean,
)

__all__ = ["PmeanShape", "expected_number", "heat_map", "log_vt_of", "prepare"]
#: Of the uniform numbers behind the draws of `monte_carlo`.
SEED = 0
#: Logarithms of rates are cut here, that their exponentials and squares stay finite.
MOST_LOG = 300.0


@dataclass(frozen=True)
class PmeanShape:
    """What a compiled expected number depends on besides the shapes of its arrays.

    Attributes
    ----------
    method : how the mean of VT is found.
    log_vt : which function gives ln VT; "" for injections, which are weighed themselves.
    inputs : of a network, for each of its inputs which mass it is, 0 or 1.
    batch_size : draws evaluated at once; None is all.
    """

    method: Literal["quadrature", "monte_carlo", "injection"]
    log_vt: Literal["analytic", "constant", "table", "network", ""]
    inputs: tuple[int, ...] = ()
    batch_size: int | None = None


def prepare(pmean: Pmean, components: Components) -> tuple[PmeanShape, dict[str, np.ndarray]]:
    """Split a pmean into what is compiled and what is computed with.

    Returns
    -------
    The shape, and arrays by name: ``time_scale`` (), and those of the method.

    Raises
    ------
    LookupError
        Where the file it names is not in this machine's store.
    ValueError
        Where that file is not what it must be.
    """
    design = {"time_scale": np.array(pmean.time_scale)}
    if isinstance(pmean, Injections):
        return _prepare_injections(pmean, design)
    if isinstance(pmean, Constant):
        return PmeanShape("quadrature", "constant"), design | {"vt": np.array(pmean.vt)}
    if pmean.method == "quadrature":
        if isinstance(pmean, Analytic):
            return PmeanShape("quadrature", "analytic"), design
        return PmeanShape("quadrature", "table"), design | {"table": table(pmean)}
    count = len(components.log_rates)
    draws = np.random.default_rng(SEED).random((count, pmean.num_samples, 2))
    design["uniforms"] = np.clip(draws, 1e-12, 1 - 1e-12)
    if isinstance(pmean, Analytic):
        return PmeanShape("monte_carlo", "analytic", (), pmean.batch_size), design
    net = network(pmean)
    for i, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        design |= {f"weight_{i}": weight, f"bias_{i}": bias}
    return PmeanShape("monte_carlo", "network", net.inputs, pmean.batch_size), design


@partial(jax.jit, static_argnums=(0, 1))
def expected_number(
    shape: PmeanShape, c: Components, params: dict[str, Any], design: dict[str, Any]
) -> tuple[Array, Array]:
    """Return the expected number of detected events, and the variance of its estimate.

    Differentiable in `params`; a component that is empty, such as a power law of mmin >= mmax,
    adds nothing and has no gradient. By quadrature the variance is 0. Of S draws a component it
    is sum_k T^2 R_k^2 / S^2 (sum_s VT^2 - (sum_s VT)^2 / S); of n found signals among N placed,
    T^2 / N^2 (sum w^2 - (sum w)^2 / N) with w = rho / p_draw (Farr 2019, eq. 7).

    Parameters
    ----------
    shape, design : from `prepare`.
    c, params : the population; an absent bound of a Gaussian is a missing name.
    """
    if shape.method == "injection":
        return _weigh_injections(shape, c, params, design)
    time = design["time_scale"]
    log_rates = jnp.stack([jnp.asarray(params[name], float) for name in c.log_rates])
    rates = jnp.exp(jnp.minimum(log_rates, MOST_LOG))
    log_vt = _log_vt(shape, design)
    if shape.method == "quadrature":
        counts = POWER_LAW_NODES if shape.log_vt == "table" else SMOOTH_NODES
        means = [power_law_mean(log_vt, *power_law(params, i), counts) for i in range(c.n_pl)]
        means += [
            gaussian_mean(log_vt, normal(params, 1, j), normal(params, 2, j)) for j in range(c.n_g)
        ]
        return time * rates @ jnp.stack(means), jnp.zeros(())
    vt = _vt_of_draws(shape, c, params, design["uniforms"], log_vt)
    size = vt.shape[1]
    sums, squares = jnp.sum(vt, axis=1), jnp.sum(vt**2, axis=1)
    weights = time * rates / size
    return weights @ sums, weights**2 @ (squares - sums**2 / size)


def _log_vt(shape: PmeanShape, design: dict[str, Any]) -> LogVT:
    if shape.log_vt == "analytic":
        return sensitivity.analytic
    if shape.log_vt == "table":
        return partial(sensitivity.interpolate, design["table"])
    if shape.log_vt == "constant":
        return lambda log_m1, log_m2: jnp.log(design["vt"]) + 0.0 * (log_m1 + log_m2)
    layers = range(sum(name.startswith("weight_") for name in design))
    weights = [design[f"weight_{i}"] for i in layers]
    biases = [design[f"bias_{i}"] for i in layers]

    def log_vt(log_m1: Array, log_m2: Array) -> Array:
        masses = jnp.exp(jnp.stack([log_m1, log_m2]))
        return forward(weights, biases, masses[jnp.array(shape.inputs)])

    return log_vt


def _vt_of_draws(
    shape: PmeanShape, c: Components, params: dict[str, Any], uniforms: Any, log_vt: LogVT
) -> Array:
    """Return VT of draws from each component, shape (K, S); 0 of what cannot be detected."""
    drawn = [power_law_draws(uniforms[i], *power_law(params, i)) for i in range(c.n_pl)]
    drawn += [
        gaussian_draws(uniforms[c.n_pl + j], normal(params, 1, j), normal(params, 2, j))
        for j in range(c.n_g)
    ]
    log_m1, log_m2, seen = (jnp.stack(parts) for parts in zip(*drawn, strict=True))
    values = in_batches(log_vt, shape.batch_size, log_m1.ravel(), log_m2.ravel())
    return jnp.where(seen, jnp.exp(values.reshape(seen.shape)), 0.0)


def in_batches(function: LogVT, batch_size: int | None, x: Array, y: Array) -> Array:
    """Evaluate a function of two arrays of shape (n,), at most `batch_size` entries at once.

    Its derivative is taken batch by batch as well, at the price of evaluating it again.
    """
    n = x.shape[0]
    if batch_size is None or batch_size >= n:
        return function(x, y)
    padding = -n % batch_size
    batches = [jnp.pad(a, (0, padding), mode="edge").reshape(-1, batch_size) for a in (x, y)]
    again = jax.checkpoint(lambda pair: function(*pair))
    return jax.lax.map(again, tuple(batches)).reshape(-1)[:n]


def _prepare_injections(
    pmean: Injections, design: dict[str, Any]
) -> tuple[PmeanShape, dict[str, np.ndarray]]:
    found = injections(pmean)
    design = design | {"total": np.array(float(found.total)), "log_pdraw": found.log_pdraw}
    shape = PmeanShape("injection", "", (), pmean.batch_size)
    return shape, design | {"m1": found.m1, "m2": found.m2}


def _weigh_injections(
    shape: PmeanShape, c: Components, params: dict[str, Any], design: dict[str, Any]
) -> tuple[Array, Array]:
    def log_rate(m1: Array, m2: Array) -> Array:
        return log_rate_density(c, params, m1, m2)

    found = in_batches(log_rate, shape.batch_size, design["m1"], design["m2"])
    weights = jnp.exp(jnp.minimum(found - design["log_pdraw"], MOST_LOG))
    scale, total = design["time_scale"] / design["total"], jnp.sum(weights)
    variance = jnp.sum(weights**2) - total**2 / design["total"]
    return scale * total, scale**2 * variance
