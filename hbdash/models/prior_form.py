"""Priors as numbers: every family is one formula with its own coefficients, so none is a program.

In the unconstrained coordinate z of a site, with x its value, v = log x for LogNormal and x
otherwise, and u = (v - loc) / scale,

    log p(z) = a - w u^2 / 2 - t log(1 + u^2 / df) + p z - r x - q / x      real and positive
    log p(z) = log sigmoid(z) + log sigmoid(-z)                             between two numbers

where p counts log x and, for a positive x = exp(z), the Jacobian of the way back.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro.distributions import Distribution, constraints

from hbdash.priors import Prior

REAL, POSITIVE, BETWEEN = 0.0, 1.0, 2.0
#: Where exp(z) ends: at 1e130, and its inverse.
MOST_Z = 300.0
_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


class Form(NamedTuple):
    """The coefficients of a prior, as in the formula of this module.

    Attributes
    ----------
    support : `REAL`, `POSITIVE` or `BETWEEN`, from `low` over a `width`.
    of_log : 1 where v is log x.
    normal, tail, power, rate, inverse, constant : w, t, p, r, q and a.
    """

    support: Any
    low: Any = 0.0
    width: Any = 1.0
    of_log: Any = 0.0
    loc: Any = 0.0
    scale: Any = 1.0
    normal: Any = 0.0
    tail: Any = 0.0
    df: Any = 1.0
    power: Any = 0.0
    rate: Any = 0.0
    inverse: Any = 0.0
    constant: Any = 0.0


def _normal(loc: float, scale: float) -> Form:
    constant = -math.log(scale) - _HALF_LOG_TAU
    return Form(REAL, loc=loc, scale=scale, normal=1.0, constant=constant)


def _student(df: float, loc: float, scale: float) -> Form:
    half = (df + 1) / 2
    # lgamma(df / 2 + 1 / 2) - lgamma(df / 2) loses its digits where df is large.
    ratio = math.lgamma(half) - math.lgamma(df / 2) if df < 1e6 else 0.5 * math.log(df / 2)
    constant = ratio - 0.5 * math.log(math.pi * df) - math.log(scale)
    return Form(REAL, loc=loc, scale=scale, tail=half, df=df, constant=constant)


def _half(whole: Form) -> Form:
    return whole._replace(support=POSITIVE, power=1.0, constant=whole.constant + math.log(2))


def _log_normal(loc: float, scale: float) -> Form:
    return _normal(loc, scale)._replace(support=POSITIVE, of_log=1.0)


def _gamma(concentration: float, rate: float) -> Form:
    constant = concentration * math.log(rate) - math.lgamma(concentration)
    return Form(POSITIVE, power=concentration, rate=rate, constant=constant)


def _inverse_gamma(concentration: float, rate: float) -> Form:
    constant = concentration * math.log(rate) - math.lgamma(concentration)
    return Form(POSITIVE, power=-concentration, inverse=rate, constant=constant)


#: The form of each family, from its parameters in NumPyro's order.
FORMS: dict[str, Callable[..., Form]] = {
    "Normal": _normal,
    "StudentT": _student,
    "Cauchy": lambda loc, scale: _student(1.0, loc, scale),
    "Uniform": lambda low, high: Form(BETWEEN, low=low, width=high - low),
    "HalfNormal": lambda scale: _half(_normal(0.0, scale)),
    "HalfCauchy": lambda scale: _half(_student(1.0, 0.0, scale)),
    "Exponential": lambda rate: _gamma(1.0, rate),
    "LogNormal": _log_normal,
    "Gamma": _gamma,
    "InverseGamma": _inverse_gamma,
}


def form(prior: Prior) -> np.ndarray:
    """Write a prior as the numbers of its `Form`, shape (13,)."""
    return np.array(FORMS[prior.dist](*prior.parameters.values()), float)


@jax.custom_jvp
def evaluate(numbers: Any, z: Any) -> tuple[Any, Any]:
    """Return the value of a site and the log density of its unconstrained coordinate.

    Parameters
    ----------
    numbers : shape (13,) from `form`, or (13, ...) for a prior of each z.
    z : unconstrained coordinates.
    """
    return _evaluate(numbers, z)[:2]


@evaluate.defjvp
def _derivative(primals: Any, tangents: Any) -> Any:
    # By hand, because value, density and their slopes share one exponential and one logarithm.
    value, density, value_slope, density_slope = _evaluate(*primals)
    return (value, density), (value_slope * tangents[1], density_slope * tangents[1])


def _evaluate(numbers: Any, z: Any) -> tuple[Any, Any, Any, Any]:
    f = Form(*numbers)
    real, between = f.support == REAL, f.support == BETWEEN
    small, up = jnp.exp(-jnp.minimum(jnp.abs(z), MOST_Z)), z > 0
    large = 1 / small
    x, inverse = jnp.where(up, large, small), jnp.where(up, small, large)
    x, x_slope = jnp.where(real, z, x), jnp.where(real, 1.0, x)
    u = (jnp.where(f.of_log == 1.0, z, x) - f.loc) / f.scale
    u_slope = jnp.where(f.of_log == 1.0, 1.0, x_slope) / f.scale
    log1p = jnp.log1p(jnp.where(between, small, u**2 / f.df))
    density = f.constant - 0.5 * f.normal * u**2 - f.tail * log1p + f.power * z
    density = density - f.rate * x - f.inverse * inverse
    slope = f.power - u_slope * u * (f.normal + 2 * f.tail / (f.df + u**2))
    slope = slope - f.rate * x_slope + f.inverse * inverse
    near = 1 / (1 + small)  # the larger of sigmoid(z) and sigmoid(-z)
    far = small * near
    share = jnp.where(up, near, far)
    return (
        jnp.where(between, f.low + f.width * share, x),
        jnp.where(between, -jnp.abs(z) - 2 * log1p, density),
        jnp.where(between, f.width * near * far, x_slope),
        jnp.where(between, jnp.where(up, far - near, near - far), slope),
    )


class Unconstrained(Distribution):
    """The density of a site's unconstrained coordinate under a prior given as numbers.

    Parameters
    ----------
    numbers : as of `evaluate`; traced, so that no family recompiles.
    """

    support: Any = constraints.real
    pytree_data_fields = ("numbers",)

    def __init__(self, numbers: Any) -> None:
        self.numbers = numbers
        super().__init__(batch_shape=jnp.shape(numbers)[1:], event_shape=())

    def log_prob(self, value: Any, intermediates: Any = None) -> Any:
        """Log density at z, of the shape of `value`."""
        return evaluate(self.numbers, value)[1]


def sample(prior: dict[str, Distribution], *sites: str) -> list[Any]:
    """Sample sites in a NumPyro model, under distributions or priors given as numbers.

    Sites of one call are one vector, which costs hardly more than one of them.
    """
    laws: Any = [prior[site] for site in sites]
    if not all(isinstance(law, Unconstrained) for law in laws):
        return [numpyro.sample(site, prior[site]) for site in sites]
    if len(sites) == 1:
        numbers, name = laws[0].numbers, sites[0]
    else:
        numbers, name = jnp.stack([law.numbers for law in laws], 1), "scalars"
    z = numpyro.sample(f"{name}_unconstrained", Unconstrained(numbers))
    values = evaluate(numbers, z)[0]
    values = [values] if len(sites) == 1 else list(values)
    return [numpyro.deterministic(*pair) for pair in zip(sites, values, strict=True)]
