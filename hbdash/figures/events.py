"""What figures of events share: their names, medians, clouds of samples, and rows on a page."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from hbdash import population_draws as read

MASSES = ("m1", "m2")
#: Axis titles.
TITLES = {
    "m1": "m<sub>1</sub> (M☉)",
    "m2": "m<sub>2</sub> (M☉)",
    "q": "q = m<sub>2</sub> / m<sub>1</sub> (no unit)",
}


class Cloud(NamedTuple):
    """Posterior samples of all events, thinned.

    Attributes
    ----------
    m1, m2 : shape (R,), in solar masses. event : shape (R,), int. total : samples before thinning.
    """

    m1: np.ndarray
    m2: np.ndarray
    event: np.ndarray
    total: int


def quantiles(dt: xr.DataTree, mass: str) -> np.ndarray | None:
    """The 5, 50 and 95 % quantiles of each event's samples, shape (event, 3); None if absent."""
    there = read.values(dt, f"observed_data/{mass}_q", "event", "quantile")
    return there if there is not None and there.shape[1] == 3 else None


def medians(dt: xr.DataTree) -> np.ndarray:
    """Medians of m1 and m2 of each event's own samples, shape (event, 2); no rows if absent."""
    both = [quantiles(dt, mass) for mass in MASSES]
    if any(one is None for one in both):
        return np.empty((0, 2))
    return np.stack([one[:, 1] for one in both if one is not None], 1)


def cloud(dt: xr.DataTree, most: int | None = None) -> Cloud | None:
    """Read the events' samples, every event thinned evenly to its share of `most`.

    Returns
    -------
    None where the run does not hold them.
    """
    parts = [read.values(dt, f"observed_data/{v}", "row") for v in (*MASSES, "event_index")]
    if any(part is None for part in parts):
        return None
    m1, m2, index = (part for part in parts if part is not None)
    use = np.isfinite(m1) & np.isfinite(m2)
    m1, m2, event = m1[use], m2[use], index[use].astype(int)
    if most is None or len(event) <= most:
        return Cloud(m1, m2, event, len(event))
    order = np.argsort(event, kind="stable")
    starts = np.flatnonzero(np.diff(event[order], prepend=-1))
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    size = np.repeat(np.diff(np.append(starts, len(order))), np.diff(np.append(starts, len(order))))
    each = max(most // len(starts), 1)
    # A sample is kept where its place begins a new one of `each` equal parts of its event.
    kept = order[(place * each // size) != ((place - 1) * each // size)]
    return Cloud(m1[kept], m2[kept], event[kept], len(event))


def mass_ratios(dt: xr.DataTree) -> np.ndarray:
    """Median of m2 / m1 of each event, of its samples where they are kept, else of its medians."""
    middle, samples = medians(dt), cloud(dt)
    rough = middle[:, 1] / middle[:, 0]
    if samples is None:
        return rough
    ratio = samples.m2 / samples.m1
    found = [np.median(ratio[samples.event == n]) for n in np.unique(samples.event)]
    return np.array(found)


def true_masses(dt: xr.DataTree) -> np.ndarray | None:
    """True m1 and m2 of each event, shape (event, 2); None where unknown."""
    both = [read.values(dt, f"constant_data/true_{mass}", "event") for mass in MASSES]
    return None if any(one is None for one in both) else np.stack(both, 1)  # pyright: ignore
