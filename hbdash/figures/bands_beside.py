"""Predictive bands of one group under several runs, side by side on the same axes."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.bands import (
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
from hbdash.figures.panels import NO_DRAWS, columns_of, heading, label_once, panels, place
from hbdash.predict import lines


def bands_beside(
    runs: dict[str, xr.DataTree], group: int, *, prob: float = 0.9, dark: bool = False
) -> go.Figure:
    """Where each run expects new observations of one group to lie (light band) and the line itself
    (dark band), beside the rows that were seen; all panels have the same axes. Runs that sampled
    one posterior show one band; a Student-t likelihood or another prior shows as a wider or a
    narrower one.

    Parameters
    ----------
    runs : label to draws of the regression, on the same data.
    group : which group, from 0.
    prob : probability of the bands, which are central; in (0, 1).
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When an option is out of its range, or a run lacks a variable.
    """  # noqa: D205
    shown = [(i, label, dt) for i, (label, dt) in enumerate(runs.items()) if has_draws(dt)]
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    first = shown[0][2]
    check(first, group, prob)
    rows = rows_of(first)
    grid, mine = predictor_grid(rows), rows.index == group
    titles = [heading(i, label, said(dt), dark=dark) for i, label, dt in shown]
    fig = panels(titles, 1, dark=dark, height=340, between=24)
    seen: list[np.ndarray] = [rows.y[mine]]
    for panel, (i, _, dt) in enumerate(shown):
        at, found = place(panel, 0, len(shown), 1), lines(dt)
        for word in ("new observations", "mean"):
            drawn = band(found, group, grid, prob, word)
            add_band(fig, at, drawn, word, prob, i, median=word == "mean", dark=dark)
            seen += [drawn.low, drawn.high]
        add_rows(fig, at, rows, mine, dark=dark)
        if (line := true_line(dt, group, grid)) is not None:
            add_truth(fig, at, grid, line, dark)
            seen.append(line)
    count = len(shown)
    for panel in range(count):
        row, column = place(panel, 0, count, 1)
        left, last = column == 1, panel + columns_of(count) >= count
        title = f"{group_names(first)[group]}: {response_name(first)}" if left else None
        fig.update_yaxes(title_text=title, showticklabels=left, row=row, col=column)
        words = predictor_name(first) if last else None
        fig.update_xaxes(title_text=words, row=row, col=column)
    fig.update_xaxes(range=padded(grid, share=0.02), nticks=6)
    fig.update_yaxes(range=padded(*seen))
    return label_once(fig)
