"""A few sizes for all numbers of groups, predictors, rows and cells: each is one compiled program.

What is added is empty: it has no rows and no weight, and the program neither moves nor counts it.
"""

import math
from collections.abc import Mapping

import numpy as np

#: Numbers of groups, and of predictors, that programs are compiled for; `padded` goes beyond them.
GROUPS, PREDICTORS = (10, 30, 64), (1, 3, 5, 8, 12, 20)


def padded(count: int, sizes: tuple[int, ...] = ()) -> int:
    """Round a number up to the first of some sizes, beyond them to steps of 16 and of an eighth."""
    step = 2 ** max(4, math.ceil(math.log2(max(count, 1))) - 3)
    return next((size for size in sizes if count <= size), max(1, -(-count // step)) * step)


def next_to(groups: int) -> list[int]:
    """Return the sizes before and after a size that programs are compiled for."""
    smaller = {size for n in range(1, groups) if (size := padded(n, GROUPS)) < groups}
    return [*sorted(smaller)[-1:], padded(groups + 1, GROUPS)]


def sizes(
    arrays: Mapping[str, np.ndarray], dims: Mapping[str, tuple[str, ...]]
) -> dict[str, np.ndarray]:
    """Tell for each dimension of a design, filled up, which entries are real.

    Returns
    -------
    For each dimension an array of bools of the size that programs are compiled for.
    """
    found = {
        dim: length
        for name, array in arrays.items()
        for dim, length in zip(dims[name], np.shape(array), strict=True)
    }
    few = {"group": GROUPS, "predictor": PREDICTORS}
    return {dim: np.arange(padded(n, few.get(dim, ()))) < n for dim, n in found.items()}


def pad(values: np.ndarray, dims: tuple[str, ...], real: Mapping[str, np.ndarray]) -> np.ndarray:
    """Fill an array up with zeros, to the sizes of `sizes`."""
    more = [(0, len(real[dim]) - length) for dim, length in zip(dims, values.shape, strict=True)]
    return np.pad(values, more)
