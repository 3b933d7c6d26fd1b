"""Events of similar length side by side: Jenks natural breaks, and what padding costs.

Jenks (1967), by the dynamic program of Fisher (1958, doi:10.1080/01621459.1958.10501479).
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

#: Widths of the blocks of a flat array, widest first, and the padding that is allowed for one.
WIDTHS, MOST_PADDING = (64, 32, 16, 8, 4, 2, 1), 0.1
#: Slots that are computed at once: their intermediate arrays fit in a core's cache.
CHUNK = 8192
#: Numbers of an intermediate matrix at most.
_MOST_NUMBERS = 4_000_000

NumberOfBuckets = int | Literal["auto"] | None


class BucketRow(NamedTuple):
    """One bucket: its events, the samples of the longest, its slots and the share left empty."""

    events: int
    longest: int
    slots: int
    padding: float


class Buckets(NamedTuple):
    """Where each event goes, shape (N,), one row a bucket from short to long, and a warning."""

    of_event: np.ndarray
    rows: tuple[BucketRow, ...]
    warning: str = ""


def bucket_table(
    sizes: ArrayLike, n_buckets: NumberOfBuckets = None, threshold: float = 3.0
) -> Buckets:
    """Sort events into buckets by their numbers of samples.

    Parameters
    ----------
    sizes : shape (N,): samples of each event, at least 1.
    n_buckets : how many; None for one flat array of short blocks, 0 or "auto" for the smallest
        number n such that n + 1 buckets save less than `threshold` per cent of the slots.
    threshold : in per cent.

    Raises
    ------
    ValueError
        For an impossible number of buckets or threshold.
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    if n_buckets is None:
        return Buckets(np.zeros(len(sizes), np.int64), (_flat_row(sizes),))
    if isinstance(n_buckets, bool) or not (n_buckets == "auto" or _is_count(n_buckets)):
        raise ValueError(
            f"`n_buckets` must be a whole number from 1, 0 or 'auto' for an automatic number, or "
            f"None for a flat array, got {n_buckets!r}."
        )
    if n_buckets in (0, "auto"):
        return _automatic(sizes, threshold)
    distinct = len(np.unique(sizes))
    classes = list(_all_breaks(sizes, min(int(n_buckets), distinct)))[-1]
    warning = ""
    if n_buckets > distinct:
        one = "all events have the same number of samples: 1 bucket is used."
        more = f"the events have only {distinct} different numbers of samples, so many are used."
        warning = f"n_buckets is {n_buckets}, but {one if distinct == 1 else more}"
    return Buckets(classes, _rows(sizes, classes), warning)


def natural_breaks(sizes: ArrayLike, n_classes: int) -> np.ndarray:
    """Assign classes 0 (smallest) to n_classes - 1 with the least squares about class means.

    Equal sizes share a class.

    Raises
    ------
    ValueError
        When there are fewer distinct sizes than classes.
    """
    sizes = np.asarray(sizes)
    if not 1 <= n_classes <= len(np.unique(sizes)):
        raise ValueError(
            f"`n_classes` must be 1 to the {len(np.unique(sizes))} distinct sizes, got {n_classes}."
        )
    return list(_all_breaks(sizes, n_classes))[-1]


def flat_shape(sizes: ArrayLike) -> tuple[int, int, int]:
    """Choose chunks, blocks a chunk and the width of a block of a flat array.

    Blocks are as wide as they can be without padding events by more than a tenth together.
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    width = next(w for w in WIDTHS if (-sizes % w).sum() <= MOST_PADDING * sizes.sum())
    total = int(-(-sizes // width).sum())
    chunks = max(1, round(total * width / CHUNK))
    blocks = -(-total // chunks)
    # XLA's loops over an odd number are slower.
    return chunks, blocks + blocks % 2, width


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and int(value) >= 0


def _flat_row(sizes: np.ndarray) -> BucketRow:
    slots = int(np.prod(flat_shape(sizes)))
    return BucketRow(len(sizes), int(sizes.max()), slots, float(1 - sizes.sum() / slots))


def _rows(sizes: np.ndarray, classes: np.ndarray) -> tuple[BucketRow, ...]:
    rows = []
    for number in range(classes.max() + 1):
        mine = sizes[classes == number]
        longest = int(mine.max())
        slots = longest * len(mine)
        rows.append(BucketRow(len(mine), longest, slots, float(1 - mine.sum() / slots)))
    return tuple(rows)


def _automatic(sizes: np.ndarray, threshold: float) -> Buckets:
    if not 0 <= threshold <= 100:
        raise ValueError(f"`threshold` must be a percentage from 0 to 100, got {threshold}.")
    found = None
    for classes in _all_breaks(sizes, len(np.unique(sizes))):
        finer = Buckets(classes, _rows(sizes, classes))
        if found and _slots(found) - _slots(finer) < threshold / 100 * _slots(found):
            break
        found = finer
    assert found
    return found


def _slots(buckets: Buckets) -> int:
    return sum(row.slots for row in buckets.rows)


def _all_breaks(sizes: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Yield the classes of the events for 1, 2, ..., `most` classes."""
    values, place, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    # From the mean, squares stay small.
    away = values - (values * counts).sum() / counts.sum()
    sums = [np.append(0.0, np.cumsum(counts * away**power)) for power in (0, 1, 2)]
    ends = np.arange(1, len(values) + 1)

    def spread(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        count, total, squares = (s[last] - s[np.minimum(first, last - 1)] for s in sums)
        return np.where(first < last, squares - total**2 / count, np.inf)

    best = np.append(0.0, np.full(len(values), np.inf))  # of the first i values, i = 0, 1, ...
    begins: list[np.ndarray] = []
    chunk = max(1, _MOST_NUMBERS // len(values))
    for number in range(1, most + 1):
        least, begin = np.full(len(values) + 1, np.inf), np.zeros(len(values) + 1, np.int64)
        for start in range(0, len(values), chunk):
            last = ends[start : start + chunk, None]
            losses = best[:-1] + np.maximum(spread(ends - 1, last), 0.0)
            begin[last[:, 0]] = losses.argmin(1)
            least[last[:, 0]] = losses.min(1)
        best, last = least, len(values)
        begins.append(begin)
        classes = np.zeros(len(values), np.int64)
        for k in range(number - 1, -1, -1):
            first = begins[k][last]
            classes[first:last], last = k, first
        yield classes[place]
