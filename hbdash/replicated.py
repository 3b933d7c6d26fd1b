"""Replicated data: the rows that were seen, drawn anew from the posterior predictive."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from hbdash.predict import Lines, lines, mean_response, observations
from hbdash.quantities import variable

#: Numbers (draws times rows) that a table of replicated rows may hold.
LARGEST_TABLE = 8_000_000
#: Numbers (draws times rows times predictors) worked on at a time.
_AT_ONCE = 2_000_000


class Rows(NamedTuple):
    """The complete rows among those that a run keeps, in the units of the data.

    Attributes
    ----------
    row : shape (N,): their places among the kept rows, from 0. group : shape (N,), from 0.
    x : shape (N, P); blank (NaN) where a predictor does not apply. y : shape (N,).
    incomplete : how many kept rows are left out, blank where a predictor applies.
    """

    row: np.ndarray
    group: np.ndarray
    x: np.ndarray
    y: np.ndarray
    incomplete: int


class Statistic(NamedTuple):
    """One number T of a data set: of each replicated one, shape (S,), and of the observed one.

    `p` is the posterior predictive p-value, the share of replicated data sets with
    T(y_rep) >= T(y); NaN where T is not defined.
    """

    replicated: np.ndarray
    observed: float
    p: float


def has_draws(dt: xr.DataTree) -> bool:
    """Whether a run has any; a run that was stopped during its warmup has none."""
    return "posterior" in dt.children and bool(dt["posterior"].sizes.get("draw", 0))


def complete_rows(dt: xr.DataTree, group: int | None = None) -> Rows:
    """Read the rows without blank cells where a predictor applies, of one group or of all."""
    index = variable(dt, "observed_data/index").values.astype(int)
    x = variable(dt, "observed_data/x").transpose("row", "predictor").values
    y = variable(dt, "observed_data/y").values
    mask = variable(dt, "constant_data/mask").transpose("group", "predictor").values.astype(bool)
    chosen = np.full(len(y), True) if group is None else index == group
    complete = ~(np.isnan(x) & mask[index]).any(1)
    row = np.flatnonzero(chosen & complete)
    return Rows(row, index[row], x[row], y[row], int((chosen & ~complete).sum()))


def heights(found: Lines, rows: Rows) -> np.ndarray:
    """Heights of the lines at rows, shape (S, N), computed in pieces to bound the memory."""
    samples, width = len(found.noise), rows.x.shape[1]
    step = max(1, _AT_ONCE // max(samples * width, 1))
    result = np.empty((samples, len(rows.y)))
    for first in range(0, len(rows.y), step):
        part = slice(first, first + step)
        result[:, part] = mean_response(found, rows.group[part], rows.x[part])
    return result


def replications(
    dt: xr.DataTree, most: int = 200, *, group: int | None = None, seed: int = 0
) -> np.ndarray:
    """Draw the observed rows anew: same groups, same predictors, one data set a posterior draw.

    Parameters
    ----------
    dt : draws of either regression model.
    most : data sets at most, evenly among the draws.
    group : the group (from 0) whose rows are drawn, or None for all rows.

    Returns
    -------
    Shape (S, N), in the units of the response, for the N rows of `complete_rows`.
    """
    rows = complete_rows(dt, group)
    if not has_draws(dt):
        return np.empty((0, len(rows.y)))
    found = lines(dt, most)
    return observations(found, heights(found, rows), seed)


def statistics(
    dt: xr.DataTree, most: int = 1000, *, group: int | None = None, seed: int = 0
) -> dict[str, Statistic]:
    """Compare mean, sd, min and max of the observed response with those of replicated data.

    Parameters
    ----------
    dt, group, seed : as in `replications`.
    most : replicated data sets at most; fewer where there are many rows.

    Notes
    -----
    Rubin (1984), doi:10.1214/aos/1176346785; Gelman, Meng and Stern (1996), Statistica Sinica 6,
    733-760. A p-value near 0 or 1 is a feature of the data that the model does not reproduce; the
    data were used twice, so the p-value is drawn towards 0.5.
    """
    y = complete_rows(dt, group).y
    sets = replications(
        dt, min(most, max(100, LARGEST_TABLE // max(len(y), 1))), group=group, seed=seed
    )
    functions = {
        "mean": (np.mean, 1),
        "sd": (lambda rows, axis: np.std(rows, axis=axis, ddof=1), 2),
        "min": (np.min, 1),
        "max": (np.max, 1),
    }
    found = {}
    for name, (function, least) in functions.items():
        if len(y) < least:
            found[name] = Statistic(np.full(len(sets), np.nan), np.nan, np.nan)
            continue
        replicated, observed = function(sets, axis=1), float(function(y, axis=0))
        p = float(np.mean(replicated >= observed)) if len(sets) else np.nan
        found[name] = Statistic(replicated, observed, p)
    return found
