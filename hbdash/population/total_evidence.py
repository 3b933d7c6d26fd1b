"""The sum over events of log mean(rho / prior), value and gradient from one pass over the samples.

Within a block of samples everything is linear, relative to the block's largest exponent; blocks
meet in their events on the log scale. A sample costs two exponentials in a power law (its density,
and the normaliser of the mass ratio, which depends on m1) and one in a Gaussian.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from hbdash.population.component_terms import Bounds, Component, numbers, term
from hbdash.population.event_arrays import SAMPLES, number_of_arrays
from hbdash.population.mass_models import finite
from hbdash.population.parameters import Components

Design = Mapping[str, Any]
#: Numbers of each component, such as derivatives.
Slopes = list[list[Array]]


class Sums(NamedTuple):
    """Sums over the samples of each of B blocks, shape (B,), of weights w relative to exp(peak).

    Attributes
    ----------
    peak : the largest exponent.
    total, slopes : sums of w, and of its derivatives in the numbers of each component.
    squares, square_slopes : sums of w^2, and of w times those derivatives.

    What is not asked for is None.
    """

    peak: Array
    total: Array
    slopes: Slopes | None = None
    squares: Array | None = None
    square_slopes: Slopes | None = None


def total_log_evidence(c: Components, params: Mapping[str, Any], design: Design) -> Array:
    """Sum over events of -ln M_n + logsumexp_i(ln rho - log_prior), fast.

    It can be differentiated forward and backward in the parameters, not in the samples.

    Parameters
    ----------
    c, params : components and their parameters by name.
    design : arrays of `hbdash.population.events.layout`.

    Returns
    -------
    A scalar; -inf where an event has no sample in the support, with a finite gradient.
    """
    return _evidence(*numbers(c, params), dict(design)) - jnp.log(design["rows"]).sum()


def variance(c: Components, params: Mapping[str, Any], design: Design) -> Array:
    """Variance that the finite samples give the sum of log evidences.

    It is sum_n [1 / N_eff,n - 1 / M_n], 1 / N_eff = sum w^2 / (sum w)^2 (Farr 2019,
    doi:10.3847/2515-5172/ab1d5f; Talbot and Golomb 2023, doi:10.1093/mnras/stad2968). An event
    without samples in the support counts as one effective sample.

    Parameters
    ----------
    c, params, design : as in `total_log_evidence`; it is differentiated likewise.
    """
    return _inverse_effective(*numbers(c, params), dict(design)) - (1 / design["rows"]).sum()


def _with_own_derivative(
    function: Callable[[Sums, Design], tuple[Array, Any]], *, squares: bool
) -> Callable[..., Array]:
    """Let a function that returns its value and, with slopes, its gradient be differentiated.

    Many populations together, as walkers are, take their turns: one population's arrays fit in the
    cache, which makes it several times faster than all side by side, and needs no memory for them.
    """

    @jax.custom_batching.sequential_vmap
    def value(components: Any, bounds: Any, design: Design) -> Array:
        sums = _sums(components, bounds, design, slopes=False, squares=squares)
        return function(sums, design)[0]

    @jax.custom_batching.sequential_vmap
    def value_and_gradient(components: Any, bounds: Any, design: Design) -> tuple[Array, Any]:
        sums = _sums(components, bounds, design, slopes=True, squares=squares)
        found, slopes = function(sums, design)
        pairs = zip(components, slopes, strict=True)
        return found, tuple(type(component)(*slope) for component, slope in pairs)

    @jax.custom_jvp
    def differentiable(components: Any, bounds: Any, design: Design) -> Array:
        return value(components, bounds, design)

    @differentiable.defjvp
    def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
        found, gradient = value_and_gradient(*primals)
        changes = jax.tree.map(jnp.multiply, gradient, tangents[0])
        return found, sum(jax.tree.leaves(changes), jnp.zeros_like(found))

    return differentiable


@partial(_with_own_derivative, squares=False)
def _evidence(sums: Sums, design: Design) -> tuple[Array, Slopes]:
    """Sum of the events' log sums."""
    events = _events(sums, design)
    slopes = jax.tree.map(lambda slope: jnp.vdot(events.share, slope), sums.slopes)
    return events.log_sums.sum(), slopes


@partial(_with_own_derivative, squares=True)
def _inverse_effective(sums: Sums, design: Design) -> tuple[Array, Slopes]:
    """Sum of the events' sums of squared shares p; d sum p^2 = 2 sum (p - sum p^2) p d ln w."""
    assert sums.squares is not None
    log_sums, event, share = _events(sums, design)
    squares = jax.ops.segment_sum(share**2 * sums.squares, event, len(log_sums))
    mean = squares[event] * share

    def slope(square: Array, first: Array) -> Array:
        return 2 * (jnp.vdot(share**2, square) - jnp.vdot(mean, first))

    slopes = jax.tree.map(slope, sums.square_slopes, sums.slopes)
    return jnp.where(log_sums > -jnp.inf, squares, 1.0).sum(), slopes


class _Events(NamedTuple):
    """Log sums of w of the events, the event of each block, and the share of exp(peak) in it."""

    log_sums: Array
    event: Array
    share: Array


def _events(sums: Sums, design: Design) -> _Events:
    arrays = range(number_of_arrays(design))
    event = jnp.concatenate([design[f"event_{number}"].ravel() for number in arrays])
    count = len(design["rows"])
    highest = finite(jax.ops.segment_max(sums.peak, event, count))
    relative = jnp.exp(sums.peak - highest[event])
    total = jax.ops.segment_sum(sums.total * relative, event, count)
    seen = total > 0
    total = jnp.where(seen, total, 1.0)
    log_sums = jnp.where(seen, jnp.log(total) + highest, -jnp.inf)
    return _Events(log_sums, event, relative / total[event])


def _sums(
    components: tuple[Component, ...],
    bounds: tuple[Bounds, ...],
    design: Design,
    *,
    slopes: bool,
    squares: bool,
) -> Sums:
    """Add up the samples of each block, a cacheful of blocks at a time."""

    def of_chunk(samples: Mapping[str, Array]) -> Sums:
        pairs = zip(components, bounds, strict=True)
        terms = [term(component, bound, samples) for component, bound in pairs]
        peak = jnp.stack([t.exponent.max(-1) for t in terms]).max(0)
        anchor = finite(peak)[:, None]
        weights = [jnp.exp(t.exponent - anchor) * t.factor for t in terms]
        total = sum(weights[1:], weights[0])

        def add_slopes(each: list[Array]) -> Slopes:
            terms_and_weights = zip(terms, each, strict=True)
            return [[_add(w * p) for p in t.partials] for t, w in terms_and_weights]

        return Sums(
            peak,
            _add(total),
            add_slopes(weights) if slopes else None,
            _add(total**2) if squares else None,
            add_slopes([total * weight for weight in weights]) if slopes and squares else None,
        )

    found = [
        jax.lax.map(of_chunk, {name: design[f"{name}_{number}"] for name in SAMPLES})
        for number in range(number_of_arrays(design))
    ]
    return jax.tree.map(lambda *parts: jnp.concatenate([part.ravel() for part in parts]), *found)


def _add(values: Array) -> Array:
    # XLA takes a third longer over a sum than over a product with ones.
    return values @ jnp.ones(values.shape[-1])
