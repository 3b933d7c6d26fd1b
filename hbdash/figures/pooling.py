"""One group's line under no pooling, complete pooling and partial pooling."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.bands import (
    MOST_ROWS,
    Rows,
    add_band,
    add_rows,
    add_truth,
    band,
    check,
    group_names,
    has_draws,
    origin_of,
    padded,
    predictor_grid,
    predictor_name,
    response_name,
    rows_of,
    rows_said,
    said,
    true_line,
)
from hbdash.figures.panels import NO_DRAWS, float32, heading, label_once, panels
from hbdash.predict import lines
from hbdash.quantities import variable

PROB = 0.9


def pooling(dt: xr.DataTree, group: int, *, dark: bool = False) -> go.Figure:
    """Three answers to what this group's line is. No pooling: its own rows alone (black dots), by
    least squares. Complete pooling: one line for the rows of all groups (grey dots), as if groups
    did not differ. Partial pooling, the hierarchical model: between the two, and the closer to
    the group's own line the more its rows say; the band holds the line with 90% probability.

    Parameters
    ----------
    dt : draws of a run of the regression.
    group : which group, from 0.
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When there is no such group, or the run lacks a variable.

    Notes
    -----
    Gelman and Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical Models,
    chapter 12.
    """  # noqa: D205
    check(dt, group, PROB)
    if not has_draws(dt):
        return theme.empty(NO_DRAWS, dark=dark)
    rows, origin = rows_of(dt), origin_of(dt)
    mine = rows.index == group
    grid = predictor_grid(rows)
    n = variable(dt, "observed_data/n").values
    alone, everyone = raw_line(dt, group), complete_pooling(rows, origin)
    note = f"{rows_said(int(min(mine.sum(), MOST_ROWS)), int(n[group]))} of its own, {said(dt)}"
    note += "" if alone else ", too few for a line of its own (no pooling)"
    fig = panels(
        [heading(theme.BLUE, group_names(dt)[group], note, dark=dark)], 1, dark=dark, height=400
    )
    partial = band(lines(dt), group, grid, PROB, "mean")
    add_rows(fig, (1, 1), rows, ~mine, faint="rows of other groups", dark=dark)
    add_band(fig, (1, 1), partial, "mean", PROB, theme.BLUE, median=False, dark=dark)
    add_rows(fig, (1, 1), rows, mine, dark=dark)
    grey, colour = theme.muted(dark), theme.colour(theme.BLUE, dark=dark)
    part = rows_said(len(rows.y), int(n.sum()))
    for line, name, style in (
        (everyone, f"complete pooling: {part}", {"color": grey, "width": 2.2, "dash": "dot"}),
        (_posterior_mean(dt, group), "partial pooling: posterior mean", {"color": colour}),
        (alone, "no pooling: its own rows", {"color": grey, "width": 1.8}),
    ):
        if line is not None:
            y = line[0] + line[1] * (grid - origin)
            _line(fig, grid, y, name, {"width": 2.8} | style)
    seen = [partial.low, partial.high, rows.y]
    if alone is not None:
        # A line of two close rows may be steep: it sets the range where its own rows are.
        seen.append(alone[0] + alone[1] * (rows.x[mine] - origin))
    if (true := true_line(dt, group, grid)) is not None:
        add_truth(fig, (1, 1), grid, true, dark)
        seen.append(true)
    fig.update_xaxes(
        title_text=predictor_name(dt), range=padded(grid, share=0.02), nticks=8, row=1, col=1
    )
    fig.update_yaxes(title_text=response_name(dt), range=padded(*seen), row=1, col=1)
    return label_once(fig)


def raw_line(dt: xr.DataTree, group: int) -> tuple[float, float] | None:
    """Intercept and slope of a group's own least squares; None where not determined."""
    intercept, slope = (
        float(variable(dt, f"observed_data/estimate_{effect}").values[group])
        for effect in ("intercept", "slope")
    )
    return (intercept, slope) if np.isfinite([intercept, slope]).all() else None


def complete_pooling(rows: Rows, origin: float) -> tuple[float, float] | None:
    """Least squares of one line through all rows: its height at the origin, and its slope.

    None where the rows do not determine it: none, or all at one value of the predictor.
    """
    if len(rows.x) < 2 or np.ptp(rows.x) == 0:
        return None
    middle = rows.x.mean()
    away = rows.x - middle
    slope = float(away @ (rows.y - rows.y.mean()) / (away @ away))
    return float(rows.y.mean()) + slope * (origin - middle), slope


def _posterior_mean(dt: xr.DataTree, group: int) -> tuple[float, float]:
    intercept, slope = (
        float(variable(dt, f"posterior/{effect}").isel(group=group).mean())
        for effect in ("intercept", "slope")
    )
    return intercept, slope


def _line(fig, x: np.ndarray, y: np.ndarray, name: str, style: dict) -> None:
    fig.add_trace(
        go.Scatter(
            x=float32(x),
            y=float32(y),
            mode="lines",
            line=style,
            name=name,
            hovertemplate="at %{x:.4g}: %{y:.4g}<extra></extra>",
        ),
        1,
        1,
    )
