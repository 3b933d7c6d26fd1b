"""Logarithms of the two normalising integrals, without loss of digits anywhere.

The integral of x^a is (hi^e - lo^e) / e, e = a + 1: as it stands it loses all digits near e = 0
and overflows far from it. That of a normal density loses them in the tails.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr

#: Below this |x| the logarithm of sinh(x / 2) / (x / 2) is its series, to 17 digits.
_SMALL = 0.3
#: Its coefficients of x^2, x^4, ...: 2^2k B_2k / (2k (2k)!) of x / 2.
_SINH = (1 / 24, -1 / 2880, 1 / 181440, -1 / 9676800, 1 / 479001600)
#: Intervals shorter than this (times their distance from zero) are integrated by Gauss-Legendre.
_SHORT = 1.0
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_HALF_LOG_TAU = 0.5 * np.log(2 * np.pi)
#: Terms of the tail of the normal distribution function: full precision where it begins, at -20.
_TAIL_TERMS = 12


def log_power_integral(exponent: Any, low: Any, high: Any) -> Array:
    """Log of the integral of x^exponent from low to high, 0 < low < high.

    With e = exponent + 1 and L = ln(high / low) it is e ln(high) + ln L + ln(-expm1(-eL) / (eL)),
    exact through e = 0.
    """
    return (exponent + 1.0) * jnp.log(high) + log_ratio_integral(exponent, low, high)


def log_ratio_integral(exponent: Any, low: Any, high: Any) -> Array:
    """Log of the integral of t^exponent from low / high to 1, 0 < low < high."""
    length = jnp.log1p((high - low) / low)
    return jnp.log(length) + log_mean_exp((exponent + 1.0) * length)


def log_mean_exp(x: Any) -> Array:
    """Log of the mean of exp(-x t) over t in (0, 1): ln((1 - exp(-x)) / x), for x of either sign.

    It is -x / 2 + ln(sinh(x / 2) / (x / 2)); no step overflows, and the gradient is smooth at 0.
    """
    small = jnp.abs(x) < _SMALL
    near = jnp.where(small, x, 0.0)
    series = near**2 * jnp.polyval(jnp.array(_SINH[::-1]), near**2)
    far = jnp.abs(jnp.where(small, 1.0, x))
    exact = far / 2 + jnp.log(-jnp.expm1(-far)) - jnp.log(far)
    return -x / 2 + jnp.where(small, series, exact)


def log_normal_mass(low: Any | None, high: Any | None) -> Array | float:
    """Log probability that a standard normal lies between low < high, None for no bound."""
    if low is None:
        return 0.0 if high is None else log_ndtr(high, _TAIL_TERMS)
    if high is None:
        return log_ndtr(-low, _TAIL_TERMS)
    # By symmetry the interval lies on the left, where the distribution function is accurate.
    right = low + high > 0
    low, high = jnp.where(right, -high, low), jnp.where(right, -low, high)
    middle, width = (low + high) / 2, high - low
    short = width * jnp.maximum(1.0, -middle) < _SHORT

    near, step = jnp.where(short, middle, 0.0), jnp.where(short, width, 1.0) / 2
    offsets = step[..., None] * jnp.asarray(_NODES)
    bumps = jnp.exp(-offsets * (near[..., None] + offsets / 2))
    quadrature = -(near**2) / 2 - _HALF_LOG_TAU + jnp.log(step * (bumps @ jnp.asarray(_WEIGHTS)))

    upper = log_ndtr(jnp.where(short, 0.0, high), _TAIL_TERMS)
    lower = log_ndtr(jnp.where(short, -1.0, low), _TAIL_TERMS)
    return jnp.where(short, quadrature, upper + jnp.log(-jnp.expm1(lower - upper)))
