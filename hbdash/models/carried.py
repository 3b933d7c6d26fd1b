"""What a regression run carries along of its data: rows for pictures, each group's own fit."""

from typing import Any

import numpy as np

from hbdash.data import MOST_DRAWN
from hbdash.models.model import Observed
from hbdash.regression_data import RegressionData


def carry(data: RegressionData, fits: dict[str, str]) -> Observed:
    """Gather rows (thinned evenly within groups), fits of each group alone, mask and units.

    Parameters
    ----------
    fits : for each effect the name of its least-squares estimates in `RegressionData.fits`; the
        column of a single predictor where the effect is "slope".
    """
    rows = _thinned(data)
    u, own = data.units, data.fits
    observed: dict[str, Any] = {
        "n": ("group", data.n),
        "index": ("row", data.index[rows]),
        "x": (("row", "predictor"), data.x[rows]),
        "y": ("row", data.y[rows]),
    }
    for effect, name in fits.items():
        if name == "intercept":
            dims: Any = "group"
            value = u.y_origin + u.y_unit * own.intercept
            error = u.y_unit * own.intercept_error
        else:
            dims = ("group", "predictor")
            value, error = (
                array * u.y_unit / u.x_unit for array in (own.weights, own.weight_errors)
            )
            if effect == "slope":
                dims, value, error = "group", value[:, 0], error[:, 0]
        observed |= {f"estimate_{effect}": (dims, value), f"standard_error_{effect}": (dims, error)}
    constant = {
        "mask": (("group", "predictor"), data.mask),
        "x_origin": ("predictor", u.x_origin),
        "x_unit": ("predictor", u.x_unit),
        "y_origin": ((), u.y_origin),
        "y_unit": ((), u.y_unit),
    }
    coords = {"group": list(data.names), "predictor": list(data.predictors)}
    attrs = {"response": data.response, "group_name": data.group}
    return Observed(observed, constant, coords, attrs, len(data.y))


def _thinned(data: RegressionData) -> np.ndarray:
    """Choose the rows that a picture can show, as indices: all, or evenly many of each group."""
    total = len(data.y)
    if total <= MOST_DRAWN:
        return np.arange(total)
    each = max(5, MOST_DRAWN // len(data.names))
    order = np.argsort(data.index, kind="stable")
    counts = np.bincount(data.index, minlength=len(data.names))
    starts = np.cumsum(counts) - counts
    kept = [
        order[np.unique(np.linspace(start, start + n - 1, min(each, n)).round().astype(int))]
        for start, n in zip(starts, counts, strict=True)
        if n
    ]
    return np.concatenate(kept)
