"""Rate densities of the primary mass and of the mass ratio that a population implies."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from hbdash.population.mass_models import (
    log_normaliser,
    log_truncated_normal,
    normal,
    possible_normal,
    possible_power_law,
    power_law,
)
from hbdash.population.normalisers import log_mean_exp, log_power_integral
from hbdash.population.parameters import Components

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
#: Squared reach of a normal in standard deviations: its tail beyond is below exp(-40).
_REACH = 80.0
#: A power law's density of q grows as -ln(1 - q) towards q = 1; nearer than this it is held.
_CLOSEST = 1e-6


def rate_of_m1(c: Components, params: Mapping[str, Any], m1_grid: Any) -> Array:
    """Rate density of the primary mass, shape (M,), in Gpc^-3 yr^-1 Msun^-1.

    Parameters
    ----------
    c, params : components and their parameters by name.
    m1_grid : shape (M,): positive masses in Msun.
    """
    return component_rates_of_m1(c, params, m1_grid).sum(0)


def rate_of_q(c: Components, params: Mapping[str, Any], q_grid: Any) -> Array:
    """Rate density of the mass ratio q = m2 / m1, shape (Q,), in Gpc^-3 yr^-1.

    That of a power law grows without bound, as a logarithm, where q approaches 1; at q = 1 the
    value is the one at 1 - 1e-6. Gaussians, where m2 may exceed m1, have rates at q > 1.

    Parameters
    ----------
    c, params : components and their parameters by name.
    q_grid : shape (Q,).
    """
    return component_rates_of_q(c, params, q_grid).sum(0)


def component_rates_of_m1(c: Components, params: Mapping[str, Any], m1_grid: Any) -> Array:
    """Rate densities of m1 of the components, shape (K, M), power laws first."""
    m1 = jnp.asarray(m1_grid, float)
    densities = [_power_law_m1(*power_law(params, i), m1) for i in range(c.n_pl)]
    densities += [jnp.exp(log_truncated_normal(*normal(params, 1, j), m1)) for j in range(c.n_g)]
    return _rates(c, params) * jnp.stack(densities)


def component_rates_of_q(c: Components, params: Mapping[str, Any], q_grid: Any) -> Array:
    """Rate densities of q of the components, shape (K, Q), power laws first."""
    q = jnp.asarray(q_grid, float)
    densities = [_power_law_q(*power_law(params, i), q) for i in range(c.n_pl)]
    densities += [_gaussian_q(normal(params, 1, j), normal(params, 2, j), q) for j in range(c.n_g)]
    return _rates(c, params) * jnp.stack(densities)


def _rates(c: Components, params: Mapping[str, Any]) -> Array:
    return jnp.exp(jnp.stack([jnp.asarray(params[name], float) for name in c.log_rates]))[:, None]


def _power_law_m1(alpha: Any, beta: Any, mmin: Any, mmax: Any, m1: Array) -> Array:
    inside = possible_power_law(alpha, beta, mmin, mmax) & (mmin < m1) & (m1 <= mmax)
    density = -alpha * jnp.log(m1) - log_power_integral(-alpha, mmin, mmax)
    return jnp.where(inside, jnp.exp(density), 0.0)


def _power_law_q(alpha: Any, beta: Any, mmin: Any, mmax: Any, q: Array) -> Array:
    """Integrate over s = ln L, L = ln(m1 / mmin) from -ln q: 1 / Z(beta; mmin / m1) falls as 1/L.

    In s the integrand m1^(1 - alpha) L / Z is smooth down to the edge.
    """
    possible = possible_power_law(alpha, beta, mmin, mmax)
    most = jnp.log(mmax / mmin)
    least = jnp.maximum(-jnp.log(jnp.where(q > 0, q, 1.0)), _CLOSEST)
    inside = possible & (q > 0) & (q <= 1) & (least < most)
    low = jnp.log(jnp.where(inside, least, most))[:, None]
    half = (jnp.log(most) - low) / 2
    length = jnp.exp(low + half * (1 + jnp.asarray(_NODES)))
    powers = (1 - alpha) * (jnp.log(mmin) + length) - log_mean_exp((beta + 1) * length)
    powers += beta * jnp.log(jnp.where(inside, q, 1.0))[:, None]
    powers -= log_power_integral(-alpha, mmin, mmax)
    found = (half * jnp.exp(powers)) @ jnp.asarray(_WEIGHTS)
    return jnp.where(inside, found, 0.0)


def _gaussian_q(first: tuple[Any, ...], second: tuple[Any, ...], q: Array) -> Array:
    """Integrate m1 p1(m1) p2(q m1) over m1 > 0: in m1 the product is a normal between bounds."""
    (loc1, scale1, low1, high1), (loc2, scale2, low2, high2) = first, second
    fine1, fine2 = possible_normal(*first), possible_normal(*second)
    ratio = jnp.where(q > 0, q, 1.0)
    precision = 1 / scale1**2 + (ratio / scale2) ** 2
    centre = (loc1 / scale1**2 + ratio * loc2 / scale2**2) / precision
    low, high = jnp.zeros_like(q), jnp.full_like(q, jnp.inf)
    for bound, stretch in ((low1, 1.0), (low2, ratio)):
        low = low if bound is None else jnp.maximum(low, bound / stretch)
    for bound, stretch in ((high1, 1.0), (high2, ratio)):
        high = high if bound is None else jnp.minimum(high, bound / stretch)
    # From the highest point between the bounds, as far as the density lasts on either side.
    top = jnp.clip(centre, low, high)
    away = top - centre
    low = jnp.maximum(low, top - _reach(-away, precision))
    high = jnp.minimum(high, top + _reach(away, precision))
    half = (high - low) / 2
    m1 = (low + half)[:, None] + half[:, None] * jnp.asarray(_NODES)
    z1, z2 = (m1 - loc1) / scale1, (ratio[:, None] * m1 - loc2) / scale2
    normalisers = log_normaliser(fine1, *first) + log_normaliser(fine2, *second)
    density = m1 * jnp.exp(-0.5 * (z1**2 + z2**2) - normalisers)
    inside = fine1 & fine2 & (q > 0) & (low < high)
    return jnp.where(inside, half * (density @ jnp.asarray(_WEIGHTS)), 0.0)


def _reach(away: Array, precision: Array) -> Array:
    """How far from a point beyond the centre, or before it, a normal falls by exp(-40)."""
    away = jnp.maximum(away, 0.0)
    tail = _REACH / precision
    return tail / (away + jnp.sqrt(away**2 + tail))
