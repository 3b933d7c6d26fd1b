"""Replicated data: whether the responses as a whole look like those of the fitted model."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.base.array import array_stats

from hbdash.figures import theme
from hbdash.figures.panels import NO_DRAWS, float32, label_once, sizes, span
from hbdash.quantities import variable
from hbdash.replicated import complete_rows, has_draws, replications

SETS = 60
#: With fewer rows than this a density says more about its bandwidth than about the rows.
FEWEST_ROWS = 20
CURVE_POINTS = 200


def replicated_densities(
    dt: xr.DataTree, *, group: int | None = None, dark: bool = False
) -> go.Figure:
    """Each thin line is one data set that the fitted model made up, with the groups and predictors
    of the observed rows; the thick line is the observed data. It should look like one of the thin
    ones. A peak, a gap or a tail that no thin line has is something the model does not know about.
    With fewer than 20 rows the lines are cumulative shares, which need no smoothing.

    Parameters
    ----------
    dt : draws of either regression model.
    group : the group (from 0) whose rows are shown, or None for all rows.
    dark : whether the page behind is dark.

    Notes
    -----
    Gabry, Simpson, Vehtari, Betancourt and Gelman (2019), doi:10.1111/rssa.12378.
    """  # noqa: D205
    if not has_draws(dt):
        return theme.empty(NO_DRAWS, dark=dark)
    rows = complete_rows(dt, group)
    sets = replications(dt, SETS, group=group)
    if not len(rows.y):
        return theme.empty("No rows without blank cells to compare with.", dark=dark)
    low, high = span(rows.y, np.quantile(sets, [0.001, 0.999]))
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)
    smooth = len(rows.y) >= FEWEST_ROWS and np.ptp(rows.y) > 0
    curve = density if smooth else cumulative
    number = sizes(variable(dt, "posterior/" + str(next(iter(dt["posterior"].data_vars)))))
    lines = [curve(values, low, high) for values in sets]
    blue = theme.colour(theme.BLUE, dark=dark)
    words = theme.count(len(sets), "replicated data set")
    fig = theme.layout(go.Figure(), dark=dark, height=400)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": 48, "b": 52},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    gap = [np.nan]
    fig.add_trace(
        go.Scatter(
            x=float32(np.concatenate([np.append(x, gap) for x, _ in lines])),
            y=float32(np.concatenate([np.append(y, gap) for _, y in lines])),
            mode="lines",
            line={"color": theme.rgba(blue, 0.35), "width": 0.9},
            hoverinfo="skip",
            name=f"{words}, of {number}",
        )
    )
    x, y = curve(rows.y, low, high)
    fig.add_trace(
        go.Scatter(
            x=float32(x),
            y=float32(y),
            mode="lines",
            line={"color": theme.ink(dark), "width": 2.8},
            hovertemplate="%{x:.4g}: %{y:.3g}",
            name=f"observed, {theme.count(len(rows.y), 'row')}",
        )
    )
    response = theme.shorten(str(dt.attrs.get("response", "y")), 40)
    fig.update_xaxes(title_text=f"{response} (data units)", range=[low, high])
    top = max(float(np.max(height)) for _, height in [*lines, (x, y)])
    fig.update_yaxes(
        title_text="density (1 / data units)" if smooth else "share of rows at or below",
        range=[0, 1.05 * top],
    )
    return label_once(fig)


def density(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Kernel density on a grid from `low` to `high`; its area is the share of values inside."""
    inside = values[(values >= low) & (values <= high)]
    if len(inside) < 2 or np.ptp(inside) == 0:
        return np.array([low, high]), np.zeros(2)
    x, y, _ = array_stats.kde(
        inside, grid_len=CURVE_POINTS, custom_lims=(low, high), bound_correction=True
    )
    return np.asarray(x), np.asarray(y) * len(inside) / len(values)


def cumulative(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the steps of the share of values at or below, from `low` to `high`."""
    ordered = np.sort(values)
    share = np.arange(len(values) + 1) / len(values)
    return np.clip(np.r_[low, np.repeat(ordered, 2), high], low, high), np.repeat(share, 2)
