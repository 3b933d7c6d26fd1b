"""Residuals: what the posterior mean leaves of every row, by group and along each predictor."""

from math import ceil
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from hbdash.figures import theme
from hbdash.figures.draws import evenly
from hbdash.figures.draws import heading as group_heading
from hbdash.figures.panels import (
    NO_DRAWS,
    WIDTH,
    add_note,
    float32,
    heading,
    label_once,
    sizes,
    span,
)
from hbdash.predict import Lines, lines, mean_response
from hbdash.quantities import variable

COLUMNS, MOST_GROUPS = 3, 12
MOST_ROWS = 2000  # dots of the panels of groups, and again of the panels of predictors
#: Up to here groups have colours and markers of their own.
MOST_COLOURS = 6


class Fitted(NamedTuple):
    """The complete rows that a run keeps, with what its posterior mean says of them.

    Attributes
    ----------
    group : shape (N,), from 0. x : shape (N, P), NaN where a predictor does not apply.
    y, mean : shape (N,): the observed response, and the posterior mean of its expectation.
    noise : posterior mean of the noise's standard deviation.
    incomplete : rows left out, blank where a predictor applies.
    """

    group: np.ndarray
    x: np.ndarray
    y: np.ndarray
    mean: np.ndarray
    noise: float
    incomplete: int


def residuals(dt: xr.DataTree, *, dark: bool = False) -> go.Figure:
    """Observed response minus its posterior mean, first against that mean in each group, then
    against each predictor with all groups together. Dots should scatter about zero without a
    pattern, 95% of them in the band of two noise standard deviations. A bend means that the
    response is not linear in what stands below; a funnel, that the noise is not the same
    everywhere; a whole group off the line, that something applies to it that the mask leaves out.

    Parameters
    ----------
    dt : draws of either regression model.
    dark : whether the page behind is dark.
    """  # noqa: D205
    if "posterior" not in dt.children or not dt["posterior"].sizes.get("draw", 0):
        return theme.empty(NO_DRAWS, dark=dark)
    rows = fitted(dt)
    if not len(rows.y):
        return theme.empty("No rows without blank cells to look at.", dark=dark)
    coords = variable(dt, "constant_data/mask").coords
    names = [str(name) for name in coords["group"].values]
    predictors = [str(name) for name in coords["predictor"].values]
    shown, coloured = min(len(names), MOST_GROUPS), len(names) <= MOST_COLOURS
    fig, places = _canvas(shown, len(predictors), dark)
    residual = rows.y - rows.mean
    low, high = span(residual, np.array([-2.6, 2.6]) * rows.noise)
    pad = 0.04 * (high - low)
    response = theme.shorten(str(dt.attrs.get("response", "y")), 26)
    counts = np.bincount(rows.group, minlength=len(names))
    across = span(rows.mean[rows.group < shown])
    most = min(int(counts.max()), MOST_ROWS)
    for k in range(shown):
        mine = np.flatnonzero(rows.group == k)
        kept = evenly(mine, ceil(MOST_ROWS * len(mine) / max(counts[:shown].sum(), 1)))
        style = k if coloured else None
        lowest = k + COLUMNS >= shown
        title = theme.broken(f"fitted {response}", 18) if lowest else None
        _panel(fig, places[k], across, rows.noise, title, dark)
        _dots(fig, places[k], rows.mean[kept], residual[kept], style, most, dark)
        note = _share(residual[mine], rows.noise)
        title = heading(k, group_heading(names[k]), note, dark=dark)
        if not coloured:
            title = title.replace(theme.colour(k, dark=dark), theme.ink(dark))
        _title(fig, places[k], title)
    each = max(1, MOST_ROWS // len(predictors))
    for p, name in enumerate(predictors):
        at, known = places[shown + p], ~np.isnan(rows.x[:, p])
        name = theme.broken(name, 18)
        _panel(fig, at, span(rows.x[known, p]), rows.noise, name, dark)
        for k in range(len(names)) if coloured else [None]:
            mine = known if k is None else known & (rows.group == k)
            mine = np.flatnonzero(mine)
            kept = evenly(mine, ceil(each * len(mine) / max(known.sum(), 1)))
            style = k if coloured else None
            _dots(fig, at, rows.x[kept, p], residual[kept], style, most, dark)
    fig.update_yaxes(range=[low - pad, high + pad], nticks=5)
    fig.update_yaxes(showticklabels=True, title_text=f"residual ({response})", col=1)
    _say(fig, dt, rows, shown, len(names), dark)
    return label_once(fig)


def fitted(dt: xr.DataTree) -> Fitted:
    """Read the complete rows that a run keeps, and their posterior means."""
    found = lines(dt)
    # A line is linear in its parameters: the mean of its heights is the height of the mean.
    middle = found._replace(
        intercept=found.intercept.mean(0, keepdims=True),
        weights=found.weights.mean(0, keepdims=True),
    )
    group = variable(dt, "observed_data/index").values.astype(int)
    x = variable(dt, "observed_data/x").transpose("row", "predictor").values
    y = variable(dt, "observed_data/y").values
    x = np.where(found.mask[group], x, np.nan)
    mean = mean_response(middle, group, x)[0]
    complete = ~np.isnan(mean)
    return Fitted(
        group[complete],
        x[complete],
        y[complete],
        mean[complete],
        noise_sd(found),
        int((~complete).sum()),
    )


def noise_sd(found: Lines) -> float:
    """Posterior mean of the noise's standard deviation; of its scale where the noise is t."""
    return float(found.noise.mean())


def _canvas(groups: int, predictors: int, dark: bool) -> tuple[go.Figure, list[tuple[int, int]]]:
    """Lay out the groups' panels, and below them the predictors'; tell (row, column) of each."""
    columns = min(COLUMNS, max(groups, predictors))
    blocks = ceil(groups / columns), ceil(predictors / columns)
    total = sum(blocks)
    tall, between, top, below = 150 if total > 3 else 210, 92, 84, 60
    inner = total * tall + (total - 1) * between
    places = [(i // columns + 1, i % columns + 1) for i in range(groups)]
    places += [(blocks[0] + i // columns + 1, i % columns + 1) for i in range(predictors)]
    used = set(places)
    specs = [[{} if (r + 1, c + 1) in used else None for c in range(columns)] for r in range(total)]
    fig = make_subplots(
        total,
        columns,
        specs=specs,
        horizontal_spacing=24 / WIDTH,
        vertical_spacing=between / inner if total > 1 else 0,
    )
    theme.layout(fig, dark=dark, height=inner + top + below)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": top, "b": below},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    return fig, places


def _panel(
    fig, at, across: tuple[float, float], noise: float, title: str | None, dark: bool
) -> None:
    """Draw the band and the zero line of one panel, from edge to edge."""
    pad = 0.04 * (across[1] - across[0])
    low, high = across[0] - pad, across[1] + pad
    fig.add_trace(
        go.Scatter(
            x=float32([low, high, high, low]),
            y=float32(2 * noise * np.array([-1, -1, 1, 1])),
            mode="lines",
            fill="toself",
            fillcolor=theme.rgba(theme.muted(dark), 0.14),
            line_width=0,
            hoverinfo="skip",
            name=f"± 2 noise sd (sd = {noise:.3g})",
        ),
        *at,
    )
    fig.add_trace(
        go.Scatter(
            x=float32([low, high]),
            y=float32([0, 0]),
            mode="lines",
            line={"color": theme.ink(dark), "width": 1},
            hoverinfo="skip",
        ),
        *at,
    )
    fig.update_xaxes(
        title_text=title, title_font_size=12, range=[low, high], nticks=6, row=at[0], col=at[1]
    )
    fig.update_yaxes(showticklabels=False, row=at[0], col=at[1])


def _dots(fig, at, x: np.ndarray, y: np.ndarray, number: int | None, many: int, dark: bool) -> None:
    colour = theme.ink(dark) if number is None else theme.colour(number, dark=dark)
    fig.add_trace(
        go.Scatter(
            x=float32(x),
            y=float32(y),
            mode="markers",
            marker={
                "color": colour,
                "symbol": theme.symbol(number or 0),
                "size": 5 if many <= 150 else 3.5,
                "opacity": 0.7 if many <= 150 else 0.5,
                "line_width": 0,
            },
            hovertemplate="%{x:.4g}: residual %{y:.4g}<extra></extra>",
        ),
        *at,
    )


def _title(fig, at, words: str) -> None:
    add_note(fig, at, words, x=0, y=1, anchor=("left", "bottom"))


def _share(residual: np.ndarray, noise: float) -> str:
    """Say how many rows a group has, and how many of them lie in the band."""
    if not len(residual):
        return "no complete rows"
    inside = float(np.mean(np.abs(residual) <= 2 * noise))
    return f"n = {len(residual):,}, {100 * inside:.3g}% in band"


def _say(fig, dt: xr.DataTree, rows: Fitted, shown: int, total: int, dark: bool) -> None:
    """Say what the dots are made of and what they leave out, above all panels."""
    site = "scale" if "scale" in dt["posterior"] else "sigma_noise"
    notes = [sizes(variable(dt, f"posterior/{site}"))]
    drawn = len(rows.y)
    if drawn > MOST_ROWS:
        notes.append(f"{MOST_ROWS:,} of {drawn:,} rows")
    if shown < total:
        notes.append(f"{shown} of {total:,} groups")
    if rows.incomplete:
        notes.append(f"{theme.count(rows.incomplete, 'row')} with blank cells left out")
    fig.add_annotation(
        text=", ".join(notes),
        x=1,
        y=1,
        xref="paper",
        yref="paper",
        xanchor="right",
        yanchor="bottom",
        yshift=50,
        font={"size": 11, "color": theme.muted(dark)},
        showarrow=False,
    )
