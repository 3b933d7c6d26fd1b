"""Draws from one component of a population by its inverse distribution function.

Smooth functions of the parameters: of fixed uniform numbers they make fixed draws, which move as
the parameters do.
"""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtr, ndtri

from hbdash.population.quadrature import TINY, Normal, safe_normal, safe_power_law

#: Slopes below which a truncated exponential is expanded in its slope.
_SMALL = 1e-4
#: Probabilities whose normal quantile is finite.
_LEAST, _MOST = 1e-300, 1 - 1e-16
#: Standard deviations beyond which a normal has no mass that counts.
_FAR = 40.0


def power_law_draws(
    uniforms: Any, alpha: Any, beta: Any, mmin: Any, mmax: Any
) -> tuple[Array, Array, Array]:
    """Draw from p(m1) ∝ m1^-alpha, p(q | m1) ∝ q^beta, mmin < m2 < m1 < mmax.

    Parameters
    ----------
    uniforms : shape (S, 2), in (0, 1).

    Returns
    -------
    ln m1, ln m2, and whether a draw can be detected, each of shape (S,); none can where the power
    law is empty.
    """
    possible, (alpha, beta), (low, high) = safe_power_law(alpha, beta, mmin, mmax)
    length = high - low
    above = length * exponential_quantile(uniforms[:, 0], (1 - alpha) * length)
    log_q = above * (exponential_quantile(uniforms[:, 1], (1 + beta) * above) - 1)
    log_m1 = low + above
    return log_m1, log_m1 + log_q, jnp.broadcast_to(possible, above.shape)


def gaussian_draws(uniforms: Any, first: Normal, second: Normal) -> tuple[Array, Array, Array]:
    """Draw from independent truncated normals of m1 and m2; see `power_law_draws`."""
    m1, possible_1 = _normal_draws(uniforms[:, 0], *first)
    m2, possible_2 = _normal_draws(uniforms[:, 1], *second)
    detectable = (m1 > 0) & (m2 > 0) & possible_1 & possible_2
    return jnp.log(jnp.maximum(m1, TINY)), jnp.log(jnp.maximum(m2, TINY)), detectable


def exponential_quantile(u: Any, slope: Any) -> Array:
    """Return the u-quantile of the density ∝ e^(slope t) on (0, 1), at any slope."""
    # From the end where the density is largest, so that nothing overflows.
    rising = slope > 0
    u = jnp.where(rising, 1 - u, u)
    x = -jnp.abs(slope)
    small = x > -_SMALL
    safe = jnp.where(small, -1.0, x)
    exact = jnp.log1p(u * jnp.expm1(safe)) / safe
    series = u + u * (1 - u) * (x / 2 + (1 - 2 * u) * x**2 / 6)
    t = jnp.where(small, series, exact)
    return jnp.where(rising, 1 - t, t)


def _normal_draws(u: Any, *normal: Any) -> tuple[Array, Array]:
    possible, (loc, scale, a, b) = safe_normal(*normal)
    a = jnp.asarray(-_FAR) if a is None else a
    b = jnp.asarray(_FAR) if b is None else b
    # In the lower tail the distribution function keeps its digits.
    flip = a + b > 0
    low, high = ndtr(jnp.where(flip, -b, a)), ndtr(jnp.where(flip, -a, b))
    p = jnp.clip(low + jnp.where(flip, 1 - u, u) * (high - low), _LEAST, _MOST)
    z = jnp.clip(jnp.where(flip, -1.0, 1.0) * ndtri(p), a, b)
    return loc + scale * z, possible
