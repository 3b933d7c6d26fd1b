"""One component of a population at posterior samples: its weights, and their derivatives.

A weight is factor exp(exponent), so that the exponents of many samples can be shifted together
before they are used. The logarithms of masses come with the samples.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from hbdash.population.mass_models import (
    log_normaliser,
    normal,
    possible_normal,
    possible_power_law,
    power_law,
)
from hbdash.population.normalisers import log_power_integral
from hbdash.population.parameters import Components

#: Lower and upper bounds of m1, then of m2; None where there is none.
Bounds = tuple[Any, Any, Any, Any]
#: Below this u, u / (1 - exp(-u)) and the derivative of its logarithm are series, to 14 digits.
_SMALL = 0.1
_GROWTH = (1.0, 1 / 2, 1 / 12, 0.0, -1 / 720, 0.0, 1 / 30240)
_TILT = (-1 / 2, 1 / 12, 0.0, -1 / 720, 0.0, 1 / 30240, 0.0, -1 / 1209600)
#: In place of ln(m1 / mmin) where there is no support, or where rounding makes it zero.
_CLOSEST = 1e-15


class PowerLaw(NamedTuple):
    """ln (R p) = height + slope ln m1 + beta ln q - ln((1 - exp(-size L)) / size), L = ln m1/mmin.

    The last term is ln Z(beta; mmin / m1) with size = |beta + 1|; where beta < -1, the power that
    Z also has is part of height and slope. So nothing overflows.
    """

    height: Any
    slope: Any
    beta: Any
    size: Any
    log_mmin: Any


class Gaussian(NamedTuple):
    """ln (R p) = height - (z1^2 + z2^2) / 2, z = (m - loc) / scale."""

    height: Any
    loc1: Any
    scale1: Any
    loc2: Any
    scale2: Any


Component = PowerLaw | Gaussian


class Term(NamedTuple):
    """One component at the samples of a block: R p / prior = factor exp(exponent).

    `partials` are the derivatives of its logarithm in the numbers of the component, in order.
    """

    exponent: Array
    factor: Array | float
    partials: tuple[Array | float, ...]


def numbers(
    c: Components, params: Mapping[str, Any]
) -> tuple[tuple[Component, ...], tuple[Bounds, ...]]:
    """Turn parameters by name into what weights are made of; what JAX differentiates itself.

    An impossible component has a height of -inf.
    """
    power_laws = [_power_law(params, i, params[f"log_rate_{i}"]) for i in range(c.n_pl)]
    gaussians = [_gaussian(params, j, params[f"log_rate_{c.n_pl + j}"]) for j in range(c.n_g)]
    components, bounds = zip(*power_laws, *gaussians, strict=True)
    return components, bounds


def _power_law(params: Mapping[str, Any], i: int, log_rate: Any) -> tuple[PowerLaw, Bounds]:
    alpha, beta, mmin, mmax = power_law(params, i)
    possible = possible_power_law(alpha, beta, mmin, mmax)
    alpha, beta = jnp.where(possible, alpha, 0.0), jnp.where(possible, beta, 0.0)
    mmin, mmax = jnp.where(possible, mmin, 1.0), jnp.where(possible, mmax, 2.0)
    height = log_rate - log_power_integral(-alpha, mmin, mmax)
    log_mmin, e = jnp.log(mmin), beta + 1
    size, fall = jnp.where(e < 0, -e, e), jnp.where(e < 0, e, 0.0)
    height = jnp.where(possible, height - fall * log_mmin, -jnp.inf)
    return PowerLaw(height, fall - alpha - 1, beta, size, log_mmin), (None, mmax, mmin, None)


def _gaussian(params: Mapping[str, Any], j: int, log_rate: Any) -> tuple[Gaussian, Bounds]:
    height, numbers, bounds = jnp.asarray(log_rate, float), [], []
    for mass in (1, 2):
        loc, scale, low, high = normal(params, mass, j)
        possible = possible_normal(loc, scale, low, high)
        height = height - log_normaliser(possible, loc, scale, low, high)
        height = jnp.where(possible, height, -jnp.inf)
        numbers += [jnp.where(possible, loc, 0.0), jnp.where(possible, scale, 1.0)]
        bounds += [low, high]
    return Gaussian(height, *numbers), (bounds[0], bounds[1], bounds[2], bounds[3])


def term(component: Component, bounds: Bounds, samples: Mapping[str, Array]) -> Term:
    """Weigh samples of any shape, as `hbdash.population.event_arrays.layout` names them."""
    low1, high1, low2, high2 = bounds
    m1, m2 = samples["m1"], samples["m2"]
    if isinstance(component, PowerLaw):
        # One comparison stands for mmin <= m2 <= m1 and mmin < m1.
        inside = (samples["supported"] >= low2) & (m1 <= high1)
        return _power_law_term(component, inside, samples)
    inside = jnp.asarray(True)
    for below, above in ((low1, m1), (m1, high1), (low2, m2), (m2, high2)):
        if below is not None and above is not None:
            inside &= below <= above
    z1, z2 = (m1 - component.loc1) / component.scale1, (m2 - component.loc2) / component.scale2
    exponent = component.height - 0.5 * (z1**2 + z2**2) - samples["log_prior"]
    slope1, slope2 = z1 / component.scale1, z2 / component.scale2
    partials = (1.0, slope1, z1 * slope1, slope2, z2 * slope2)
    return Term(jnp.where(inside, exponent, -jnp.inf), 1.0, partials)


def _power_law_term(x: PowerLaw, inside: Array, samples: Mapping[str, Array]) -> Term:
    """Arrange that a sample costs one division and, with its weight, two exponentials.

    With growth(u) = u / (1 - exp(-u)) and u = size L, the factor is growth / L. L is a difference
    of logarithms: near mmin a sample's weight is known to 4e-16 / L.
    """
    log_m1, log_q = samples["log_m1"], samples["log_q"]
    exponent = x.height + x.slope * log_m1 + x.beta * log_q - samples["log_prior"]
    length = jnp.maximum(log_m1 - x.log_mmin, _CLOSEST)
    u = x.size * length
    small, decay = u < _SMALL, jnp.exp(-u)
    above, below = (
        jnp.where(small, _series(_GROWTH, u), x.size),
        jnp.where(small, length, 1 - decay),
    )
    factor = above / below
    over = 1 / jnp.where(x.size > 0, x.size, 1.0)
    tilt = jnp.where(small, length * _series(_TILT, u), (decay * factor * length - 1) * over)
    partials = (1.0, log_m1, log_q, -tilt, decay * factor)
    return Term(jnp.where(inside, exponent, -jnp.inf), factor, partials)


def _series(coefficients: tuple[float, ...], x: Array) -> Array:
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total
