"""Means of VT over one component of a population, by Gauss-Legendre quadrature.

The nodes lie where the component has its mass, in coordinates in which density and VT are smooth:
ln m1 and ln q of a power law, m1 and m2 of a Gaussian. Weights are normalized over the nodes, so
that a mean stays between the smallest and the largest VT however steep the density is. Means are
zero, with zero gradient, where the component is empty.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hbdash.population.mass_models import possible_normal, possible_power_law
from hbdash.population.normalisers import log_normal_mass

LogVT = Callable[[Array, Array], Array]
#: loc, scale, low and high of a truncated normal; None is an absent bound.
Normal = tuple[Any, Any, Any, Any]
#: Nodes in ln m1 and ln q of a power law, and in each mass of a Gaussian. Of a smooth VT the means
#: are right to 1e-12 and 1e-6, of cut Gaussians to 1e-10; of a network with kinks to about 1e-3.
POWER_LAW_NODES, GAUSSIAN_NODES = (48, 24), (32, 32)
#: Nodes of a power law that are enough where VT is smooth.
SMOOTH_NODES = (24, 16)
#: Standard deviations from its peak at which a Gaussian is cut off.
REACH = 8.0
#: Stands for masses at or below zero, in solar masses.
TINY = 1e-12


def nodes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return places in (0, 1) and the logarithms of their weights, each of shape (n,)."""
    places, weights = np.polynomial.legendre.leggauss(n)
    return (places + 1) / 2, np.log(weights / 2)


def safe_power_law(alpha: Any, beta: Any, mmin: Any, mmax: Any) -> tuple[Array, Array, Array]:
    """Return whether a power law is a density, its slopes, and ln mmin and ln mmax.

    Shapes (), (2,) and (2,); a flat density over 1 to 2 where it is none.
    """
    possible = possible_power_law(alpha, beta, mmin, mmax)
    slopes = jnp.where(possible, jnp.stack([alpha, beta]), 0.0)
    bounds = jnp.where(possible, jnp.stack([mmin, mmax]), jnp.array([1.0, 2.0]))
    return possible, slopes, jnp.log(bounds)


def safe_normal(loc: Any, scale: Any, low: Any, high: Any) -> tuple[Array, Normal]:
    """Return whether a truncated normal is a density, and it with bounds counted in its scales.

    A standard one between 0 and 2 where it is none.
    """
    possible = possible_normal(loc, scale, low, high)
    loc, scale = jnp.where(possible, loc, 0.0), jnp.where(possible, scale, 1.0)
    a = None if low is None else (jnp.where(possible, low, 0.0) - loc) / scale
    b = None if high is None else (jnp.where(possible, high, 2.0) - loc) / scale
    return possible, (loc, scale, a, b)


def power_law_mean(
    log_vt: LogVT, alpha: Any, beta: Any, mmin: Any, mmax: Any,
    counts: tuple[int, int] = POWER_LAW_NODES,
) -> Array:  # fmt: skip
    """Return the mean of VT under p(m1) ∝ m1^-alpha, p(q | m1) ∝ q^beta, mmin < m2 < m1 < mmax."""
    possible, (alpha, beta), (low, high) = safe_power_law(alpha, beta, mmin, mmax)
    (s, log_a), (t, log_b) = nodes(counts[0]), nodes(counts[1])
    above = (high - low) * s
    log_m1, log_q = (low + above)[:, None], -above[:, None] * t
    # m^-alpha dm = m^(1 - alpha) d ln m, and the like for q.
    outer = jax.nn.softmax((1 - alpha) * above + log_a)
    inner = jax.nn.softmax((1 + beta) * log_q + log_b, axis=1)
    mean = outer @ jnp.sum(inner * jnp.exp(log_vt(log_m1, log_m1 + log_q)), axis=1)
    return jnp.where(possible, mean, 0.0)


def gaussian_mean(
    log_vt: LogVT, first: Normal, second: Normal, counts: tuple[int, int] = GAUSSIAN_NODES
) -> Array:
    """Return the mean of VT under independent truncated normals of m1 and m2.

    Mass at or below zero is never detected; m2 > m1 is, and `log_vt` is evaluated there as it
    stands.
    """
    log_m1, weight_1, possible_1 = _normal_nodes(counts[0], *first)
    log_m2, weight_2, possible_2 = _normal_nodes(counts[1], *second)
    vt = jnp.exp(log_vt(log_m1[:, None], log_m2[None, :]))
    return jnp.where(possible_1 & possible_2, weight_1 @ vt @ weight_2, 0.0)


def _normal_nodes(n: int, *normal: Any) -> tuple[Array, Array, Array]:
    """Return ln m, weights that add up to the share of mass above zero, and whether there is any.

    Shapes (n,), (n,) and ().
    """
    possible, (loc, scale, a, b) = safe_normal(*normal)
    zero = -loc / scale
    left = zero if a is None else jnp.maximum(a, zero)
    some = possible if b is None else possible & (left < b)
    left, b = jnp.where(some, left, -1.0), None if b is None else jnp.where(some, b, 1.0)
    a = None if a is None else jnp.where(some, a, -1.0)
    share = jnp.exp(log_normal_mass(left, b) - log_normal_mass(a, b))
    # Where the peak is cut off, the mass stands at the bound and falls faster than e^(-z^2 / 2).
    end = jnp.hypot(jnp.maximum(left, 0.0), REACH)
    start = -REACH if b is None else -jnp.hypot(jnp.minimum(b, 0.0), REACH)
    start, end = jnp.maximum(left, start), end if b is None else jnp.minimum(b, end)
    places, log_weights = nodes(n)
    z = start + (end - start) * places
    weights = jax.nn.softmax(-0.5 * z**2 + log_weights) * share
    return jnp.log(jnp.maximum(loc + scale * z, TINY)), weights, some
