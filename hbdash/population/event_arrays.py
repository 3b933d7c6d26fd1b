"""Events of different lengths in rectangular arrays: short blocks in a row, or padded buckets.

Array number a holds blocks of equal width, each of one event. The flat form is one array of narrow
blocks, several an event, and leaves few slots empty; its blocks come in chunks that fit in a cache.
A bucket is an array as wide as its longest event, one block an event. Empty slots repeat the
event's first sample with a log prior of +inf, so that their weight is zero everywhere.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from hbdash.population.buckets import NumberOfBuckets, bucket_table, flat_shape
from hbdash.population.catalogue import Catalogue

#: What every array holds of its samples, each under its name and the array's number.
SAMPLES = ("m1", "m2", "log_m1", "log_q", "supported", "log_prior")


def layout(
    catalogue: Catalogue, n_buckets: NumberOfBuckets = None, threshold: float = 3.0
) -> dict[str, np.ndarray]:
    """Arrange the samples of N events for the likelihood.

    Parameters
    ----------
    catalogue : the events.
    n_buckets, threshold : as in `hbdash.population.buckets.bucket_table`. No value depends on them.

    Returns
    -------
    ``rows``, shape (N,): the samples of each event, as numbers. For each array a the samples'
    ``m1_a``, ``m2_a`` (Msun), ``log_m1_a``, ``log_q_a``, ``supported_a`` and ``log_prior_a``, shape
    (chunks, blocks, width), and ``event_a``, shape (chunks, blocks), the event of each block. A
    power law has support at a sample where ``supported`` is at least mmin and m1 at most mmax.

    Raises
    ------
    ValueError
        For an impossible number of buckets; where an event has no samples, a mass is not positive
        and finite, or a log prior is not finite.
    """
    sizes = np.diff(catalogue.offsets)
    samples = _samples(catalogue, sizes)
    arrays: dict[str, np.ndarray] = {"rows": sizes.astype(float)}
    buckets = bucket_table(sizes, n_buckets, threshold)
    for number, row in enumerate(buckets.rows):
        mine = np.flatnonzero(buckets.of_event == number)
        if n_buckets is None:
            chunks, blocks, width = flat_shape(sizes)
        else:
            chunks, blocks, width = 1, row.events, row.longest
        event = np.repeat(mine, -(-sizes[mine] // width))
        # Which block of its event each is; what is left over at the end is empty.
        turn = np.arange(chunks * blocks) - np.searchsorted(event, event)[-1]
        turn[: len(event)] = np.arange(len(event)) - np.searchsorted(event, event)
        event = np.pad(event, (0, chunks * blocks - len(event)), mode="edge")
        place = turn[:, None] * width + np.arange(width)
        filled = place < sizes[event][:, None]
        source = catalogue.offsets[:-1][event][:, None] + np.where(filled, place, 0)
        arrays[f"event_{number}"] = event.astype(np.int32).reshape(chunks, blocks)
        for name in SAMPLES:
            found = samples[name][source]
            if name == "log_prior":
                found[~filled] = np.inf
            arrays[f"{name}_{number}"] = found.reshape(chunks, blocks, width)
    return arrays


def number_of_arrays(design: Mapping[str, Any]) -> int:
    """How many arrays a layout holds."""
    return sum(name.startswith("event_") for name in design)


def _samples(catalogue: Catalogue, sizes: np.ndarray) -> dict[str, np.ndarray]:
    if not len(sizes) or sizes.min() < 1:
        name = catalogue.names[int(sizes.argmin())] if len(sizes) else "the catalogue"
        raise ValueError(f"Every event needs at least one sample; {name} has none.")
    given = ("m1", "m2", "log_prior")
    found = {name: np.asarray(getattr(catalogue, name), float) for name in given}
    for name, values in found.items():
        good = np.isfinite(values) & ((values > 0) | (name == "log_prior"))
        if not good.all():
            row = int((~good).argmax())
            event = int(np.searchsorted(catalogue.offsets, row, side="right")) - 1
            what = "finite" if name == "log_prior" else "positive and finite"
            raise ValueError(
                f"`{name}` must be {what}, got {values[row]} in sample "
                f"{row - catalogue.offsets[event]} of {catalogue.names[event]}."
            )
    m1, m2 = found["m1"], found["m2"]
    # Of equal masses mmin must be below, not at, the smaller; m2 > m1 has no support at all.
    supported = np.where(m2 < m1, m2, np.where(m2 == m1, np.nextafter(m2, 0), -np.inf))
    found["supported"], found["log_m1"] = supported, np.log(m1)
    return found | {"log_q": np.log(m2) - found["log_m1"]}
