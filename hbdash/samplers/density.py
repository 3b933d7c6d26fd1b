"""A target's log density for samplers that move many points at once, in bounded memory."""

from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap

#: Numbers of the largest input that are worked on at a time, over all points: what stays in a
#: processor's cache. For 138,000 rows a hundred gradients at once take five times as long as one
#: after the other, and gigabytes; for 8,000 rows all at once take three times as long as six.
MOST_AT_ONCE = 50_000


class Target(Protocol):
    """A density to sample: hashable, equal targets share compiled programs."""

    @property
    def size(self) -> int:
        """Number of unconstrained coordinates."""
        ...

    def potential(self, z: Any, given: Any) -> Any:
        """Minus the log density at z of shape (size,), infinite where impossible, never NaN."""
        ...

    def sites(self, z: Any, given: Any) -> dict[str, Any]:
        """The named parameters at z of shape (size,), each a scalar."""
        ...


def log_density(target: Target, given: dict[str, Any]) -> Callable[[Any, Any], Any]:
    """Return the log density as a function of a point and the inputs, safe to map and to derive.

    Parameters
    ----------
    target : its `potential` is evaluated.
    given : inputs of the shapes that will be used, for their sizes alone.

    Returns
    -------
    callable
        ``(z of shape (size,), given) -> scalar``, minus infinity where the potential is not
        finite. However often it is mapped over points, at most `MOST_AT_ONCE` numbers of the
        largest input are worked on at a time. Its derivative by z is 0 where it is not finite; by
        the inputs there is none.
    """
    most = points_at_once(given)

    def value(z: Any, given: Any) -> Any:
        potential = target.potential(z, given)
        return jnp.where(jnp.isfinite(potential), -potential, -jnp.inf)

    def both(z: Any, given: Any) -> Any:
        value, slope = jax.value_and_grad(lambda z: -target.potential(z, given))(z)
        good = jnp.isfinite(value)
        slope = jnp.where(good & jnp.isfinite(slope), slope, 0.0)
        return jnp.where(good, value, -jnp.inf), slope

    value_mapped, both_mapped = _bounded(value, most), _bounded(both, most)

    @jax.custom_vjp
    def density(z: Any, given: Any) -> Any:
        return value_mapped(z, given)

    def forward(z: Any, given: Any) -> Any:
        return both_mapped(z, given)

    def backward(slope: Any, weight: Any) -> Any:
        return weight * slope, None

    density.defvjp(forward, backward)
    return density


def points_at_once(given: dict[str, Any]) -> int:
    """Points that are evaluated at a time, at least 1."""
    counts = [np.size(leaf) for leaf in jax.tree.leaves({**given, "starts": ()})]
    return max(1, MOST_AT_ONCE // max([1, *counts]))


def sizes(given: dict[str, Any]) -> Any:
    """What a compiled program depends on in its inputs: their names, shapes and types."""
    leaves, tree = jax.tree.flatten(given)
    return tree, tuple((np.shape(leaf), np.result_type(leaf)) for leaf in leaves)


def pick_starts(starts: Any, count: int, key: Any) -> Any:
    """Pick starting points at random, no point twice before each was taken once.

    Parameters
    ----------
    starts : shape (P, size), points of finite density.
    count : how many.
    key : decides the order.

    Returns
    -------
    array of shape (count, size)
    """
    starts = np.asarray(starts)
    return starts[np.resize(jax.random.permutation(key, len(starts)), count)]


def _bounded(function: Callable[[Any, Any], Any], most: int) -> Any:
    """Map a function of a point in batches of `most`, and maps of maps one after the other."""

    @custom_vmap
    def batch(z: Any, given: Any) -> Any:
        return jax.vmap(function, in_axes=(0, None))(z, given)

    @custom_vmap
    def point(z: Any, given: Any) -> Any:
        return function(z, given)

    @batch.def_vmap
    def batches(size: int, mapped: Any, z: Any, given: Any) -> Any:
        _check(mapped)
        answers = jax.lax.map(lambda z: batch(z, given), z)
        return answers, jax.tree.map(lambda _: True, answers)

    @point.def_vmap
    def points(size: int, mapped: Any, z: Any, given: Any) -> Any:
        _check(mapped)
        whole = size // most * most
        parts = []
        if whole:
            rows = jax.lax.map(lambda z: batch(z, given), z[:whole].reshape(-1, most, *z.shape[1:]))
            parts.append(jax.tree.map(lambda rows: rows.reshape(whole, *rows.shape[2:]), rows))
        if whole < size:
            parts.append(batch(z[whole:], given))
        answers = jax.tree.map(lambda *parts: jnp.concatenate(parts), *parts)
        return answers, jax.tree.map(lambda _: True, answers)

    return point


def _check(mapped: Any) -> None:
    if any(jax.tree.leaves(mapped[1])):
        raise ValueError("The log density maps over points, not over its inputs.")
