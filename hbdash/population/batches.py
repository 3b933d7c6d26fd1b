"""Draws in batches of one size: whatever their number, one program is compiled for them."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np


def batches(draws: Any, size: int) -> Iterator[tuple[Any, int]]:
    """Cut draws into batches of a size, the last filled up with its last draw.

    Parameters
    ----------
    draws : arrays of shape (draw, ...) in a tree, of at least one draw.

    Returns
    -------
    Of each batch its arrays, of shape (size, ...), and how many of them are draws.
    """
    (number,) = {len(values) for values in jax.tree.leaves(draws)}
    for first in range(0, number, size):
        at = np.minimum(np.arange(first, first + size), number - 1)
        yield jax.tree.map(lambda values: values[at], draws), min(size, number - first)  # noqa: B023


def by_batches(program: Callable[[Any], Any], draws: Any, size: int) -> Any:
    """Apply a program to all draws: what it returns for (size, ...), for (draw, ...)."""
    parts = [
        jax.tree.map(lambda values: np.asarray(values)[:count], program(batch))  # noqa: B023
        for batch, count in batches(draws, size)
    ]
    return jax.tree.map(lambda *values: np.concatenate(values), *parts)
