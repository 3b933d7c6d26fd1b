"""Densities of source-frame masses (m1, m2): power laws and truncated Gaussians, and their sum.

With R_k = exp(log_rate_k), in Gpc^-3 yr^-1, the rate density of a population is

    rho(m1, m2) = sum_k R_k p_k(m1, m2),

in Gpc^-3 yr^-1 Msun^-2; it integrates to the sum of the R_k. All logarithms are natural.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from hbdash.population.normalisers import log_normal_mass, log_power_integral, log_ratio_integral
from hbdash.population.parameters import Components

_HALF_LOG_TAU = 0.9189385332046727  # ln(2 pi) / 2


def log_densities(c: Components, params: Mapping[str, Any], m1: Any, m2: Any) -> Array:
    """Log densities of the components, each of which integrates to 1.

    Power law i falls as m1^-alpha and rises as q^beta, q = m2 / m1, where
    mmin <= m2 <= m1 <= mmax and m1 > mmin. Gaussian j is a product of two truncated normals; m2
    may exceed m1 in it.

    Parameters
    ----------
    c : the components.
    params : values by name; a Gaussian's absent bound is a missing name.
    m1, m2 : positive masses in Msun, of shapes that broadcast to (...).

    Returns
    -------
    Shape (K, ...): ln p_k in Msun^-2, power laws first; -inf outside the support, where the
    gradient is zero.
    """
    m1, m2 = jnp.broadcast_arrays(jnp.asarray(m1, float), jnp.asarray(m2, float))
    power_laws = [log_power_law(*power_law(params, i), m1, m2) for i in range(c.n_pl)]
    gaussians = [
        log_truncated_normal(*normal(params, 1, j), m1)
        + log_truncated_normal(*normal(params, 2, j), m2)
        for j in range(c.n_g)
    ]
    return jnp.stack(power_laws + gaussians)


def log_rate_density(c: Components, params: Mapping[str, Any], m1: Any, m2: Any) -> Array:
    """Log of the rate density rho(m1, m2), in Gpc^-3 yr^-1 Msun^-2.

    Parameters
    ----------
    c, params, m1, m2 : as in `log_densities`.

    Returns
    -------
    Shape (...): -inf where no component has support, with zero gradient.
    """
    terms = log_densities(c, params, m1, m2)
    rates = jnp.stack([jnp.asarray(params[name], float) for name in c.log_rates])
    # A rate where there is no support must not reach the gradient through -inf.
    inside = terms > -jnp.inf
    rates = rates.reshape(-1, *[1] * (terms.ndim - 1))
    terms = jnp.where(inside, jnp.where(inside, terms, 0.0) + rates, -jnp.inf)
    return log_sum_exp(terms)


def log_sum_exp(terms: Array) -> Array:
    """Log of the sum of exponentials over the first axis; no gradient where all are -inf."""
    peak = finite(jax.lax.stop_gradient(jnp.max(terms, axis=0)))
    total = jnp.sum(jnp.exp(terms - peak), axis=0)
    return jnp.where(total > 0, jnp.log(jnp.where(total > 0, total, 1.0)) + peak, -jnp.inf)


def finite(peak: Array) -> Array:
    """Put 0 for -inf, the highest of terms that are all zero, so that differences exist."""
    return jnp.where(peak > -jnp.inf, peak, 0.0)


def power_law(params: Mapping[str, Any], i: int) -> tuple[Any, Any, Any, Any]:
    """Pick alpha, beta, mmin and mmax of power law i."""
    alpha, beta, mmin, mmax = (params[f"{n}_pl_{i}"] for n in ("alpha", "beta", "mmin", "mmax"))
    return alpha, beta, mmin, mmax


def normal(params: Mapping[str, Any], mass: int, j: int) -> tuple[Any, Any, Any, Any]:
    """Pick loc, scale, low and high of one mass in Gaussian j; None is an absent bound."""
    loc, scale = params[f"m{mass}_loc_g_{j}"], params[f"m{mass}_scale_g_{j}"]
    return loc, scale, params.get(f"m{mass}_low_g_{j}"), params.get(f"m{mass}_high_g_{j}")


def possible_power_law(alpha: Any, beta: Any, mmin: Any, mmax: Any) -> Array:
    """Whether a power law with these parameters is a density."""
    return jnp.isfinite(alpha + beta) & (mmin > 0) & (mmin < mmax) & jnp.isfinite(mmax)


def possible_normal(loc: Any, scale: Any, low: Any, high: Any) -> Array:
    """Whether a truncated normal with these parameters is a density."""
    possible = jnp.isfinite(loc) & (scale > 0) & jnp.isfinite(scale)
    for bound in (low, high):
        possible &= True if bound is None else jnp.isfinite(bound)
    return possible if low is None or high is None else possible & (low < high)


def log_power_law(alpha: Any, beta: Any, mmin: Any, mmax: Any, m1: Array, m2: Array) -> Array:
    """Log density of one power law, in Msun^-2."""
    possible = possible_power_law(alpha, beta, mmin, mmax)
    inside = possible & (mmin <= m2) & (m2 <= m1) & (m1 <= mmax) & (m1 > mmin)
    # Whatever the mask hides is computed at a harmless point, so that no gradient is NaN.
    alpha, beta = jnp.where(possible, alpha, 0.0), jnp.where(possible, beta, 0.0)
    mmin, mmax = jnp.where(possible, mmin, 1.0), jnp.where(possible, mmax, 2.0)
    m1, m2 = jnp.where(inside, m1, 2.0 * mmin), jnp.where(inside, m2, 1.5 * mmin)
    slope = jnp.log(m1) * (-alpha - 1) - log_power_integral(-alpha, mmin, mmax)
    # The smallest q is mmin / m1, and the largest 1.
    ratio = beta * jnp.log(m2 / m1) - log_ratio_integral(beta, mmin, m1)
    return jnp.where(inside, slope + ratio, -jnp.inf)


def log_truncated_normal(loc: Any, scale: Any, low: Any, high: Any, m: Array) -> Array:
    """Log density of one normal between bounds, None where there is none, in 1 / Msun."""
    possible = possible_normal(loc, scale, low, high)
    inside = possible & jnp.isfinite(m)
    inside &= True if low is None else m >= low
    inside &= True if high is None else m <= high
    normaliser = log_normaliser(possible, loc, scale, low, high)
    loc, scale = jnp.where(possible, loc, 0.0), jnp.where(possible, scale, 1.0)
    z = (jnp.where(inside, m, loc) - loc) / scale
    return jnp.where(inside, -0.5 * z**2 - normaliser, -jnp.inf)


def log_normaliser(possible: Any, loc: Any, scale: Any, low: Any, high: Any) -> Array:
    """Log of the integral of exp(-z^2 / 2) between the bounds; 0 where impossible."""
    loc, scale = jnp.where(possible, loc, 0.0), jnp.where(possible, scale, 1.0)
    low = None if low is None else (jnp.where(possible, low, -1.0) - loc) / scale
    high = None if high is None else (jnp.where(possible, high, 1.0) - loc) / scale
    found = jnp.log(scale) + _HALF_LOG_TAU + log_normal_mass(low, high)
    return jnp.where(possible, found, 0.0)
