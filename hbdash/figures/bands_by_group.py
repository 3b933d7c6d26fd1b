"""Predictive bands of many groups, one small panel each."""

from math import ceil

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from hbdash.figures import theme
from hbdash.figures.bands import (
    KINDS,
    Kind,
    add_band,
    add_rows,
    add_truth,
    band,
    check,
    group_names,
    has_draws,
    padded,
    predictor_grid,
    predictor_name,
    response_name,
    rows_of,
    said,
    true_line,
)
from hbdash.figures.panels import NO_DRAWS, WIDTH, add_note, label_once
from hbdash.predict import lines
from hbdash.quantities import variable

MOST_GROUPS = 24
NAME = 13  # letters of a panel's name
POINTS = 30  # predictor values along one band
MOST_DOTS = 3000  # of all panels together
TALL, GAP, TOP, BOTTOM = 118, 26, 62, 52  # pixels: a panel, between panels, above and below all


def bands_by_group(
    dt: xr.DataTree,
    *,
    groups: slice = slice(0, MOST_GROUPS),
    prob: float = 0.9,
    kind: Kind = "new observations",
    dark: bool = False,
) -> go.Figure:
    """Every group's rows (dots) and the band that the fitted model expects them in, on the same
    axes. Groups with few rows borrow their line from the others, so their bands are wide. A panel
    whose dots leave the band, or bend where it is straight, is a group that the model misses.

    Parameters
    ----------
    dt : draws of a run of the regression.
    groups : which groups; at most 24 of them are shown.
    prob : probability of the bands, which are central; in (0, 1).
    kind : "new observations", "mean" or "both".
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When an option is out of its range, or the run lacks a variable.
    """  # noqa: D205
    check(dt, 0, prob)
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}, got {kind!r}.")
    if not has_draws(dt):
        return theme.empty(NO_DRAWS, dark=dark)
    names = group_names(dt)
    chosen = list(range(len(names)))[groups][:MOST_GROUPS]
    if not chosen:
        return theme.empty("No groups chosen.", dark=dark)
    rows, found, n = rows_of(dt), lines(dt), variable(dt, "observed_data/n").values
    grid = predictor_grid(rows, points=POINTS)
    columns = _columns(len(chosen))
    fig = _grid(len(chosen), columns, dark)
    wanted = [word for word in ("new observations", "mean") if kind in (word, "both")]
    seen: list[np.ndarray] = []
    for place, group in enumerate(chosen):
        at = (place // columns + 1, place % columns + 1)
        for word in wanted:
            drawn = band(found, group, grid, prob, word)
            last = word == wanted[-1]
            add_band(fig, at, drawn, word, prob, theme.BLUE, median=last, dark=dark)
            seen += [drawn.low, drawn.high]
        mine = rows.index == group
        most = max(1, MOST_DOTS // len(chosen))
        add_rows(fig, at, rows, mine, most=most, small=True, dark=dark)
        seen.append(rows.y[mine])
        if (line := true_line(dt, group, grid)) is not None:
            add_truth(fig, at, grid, line, dark)
            seen.append(line)
        title = (
            f"<b>{theme.shorten(names[group], NAME)}</b> "
            f'<span style="color:{theme.muted(dark)}">n = {n[group]:,.0f}</span>'
        )
        quiet = {"size": 11}
        add_note(fig, at, title, x=0, y=1, anchor=("left", "bottom"), font=quiet)
    _label(fig, dt, len(chosen), len(names), columns, dark)
    fig.update_xaxes(range=padded(grid, share=0.02), nticks=5)
    fig.update_yaxes(range=padded(*seen), nticks=5)
    return label_once(fig)


def _columns(groups: int) -> int:
    """Choose up to four columns with few holes in the last row: a narrow page holds four."""
    if groups <= 3:
        return groups
    return min((4, 3), key=lambda columns: -groups % columns)


def _grid(groups: int, columns: int, dark: bool) -> go.Figure:
    """Lay out a panel a group, each as tall as the page is patient."""
    rows = ceil(groups / columns)
    tall = TALL if rows > 2 else 200 if rows == 2 else 330
    inner = rows * tall + (rows - 1) * GAP
    specs = [
        [{} if r * columns + c < groups else None for c in range(columns)] for r in range(rows)
    ]
    fig = make_subplots(
        rows,
        columns,
        specs=specs,
        horizontal_spacing=18 / WIDTH,
        vertical_spacing=GAP / inner if rows > 1 else 0,
    )
    theme.layout(fig, dark=dark, height=inner + TOP + BOTTOM)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": TOP, "b": BOTTOM},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    return fig


def _label(fig, dt: xr.DataTree, groups: int, total: int, columns: int, dark: bool) -> None:
    """Number the outer panels only; name the axes once a column, and once for all rows."""
    rows = ceil(groups / columns)
    for place in range(groups):
        row, column = place // columns + 1, place % columns + 1
        lowest, first = place + columns >= groups, column == 1
        middle = first and row == (rows + 1) // 2
        fig.update_xaxes(
            title_text=predictor_name(dt) if lowest else None,
            showticklabels=lowest,
            matches="x" if place else None,
            row=row,
            col=column,
        )
        fig.update_yaxes(
            title_text=response_name(dt) if middle else None,
            showticklabels=first,
            matches="y" if place else None,
            row=row,
            col=column,
        )
    shown = f"{groups} of {total:,} groups, " if groups < total else ""
    add_note(
        fig,
        (1, columns),
        shown + said(dt),
        x=1,
        y=1,
        anchor=("right", "bottom"),
        yshift=18,
        font={"size": 11, "color": theme.muted(dark)},
    )
