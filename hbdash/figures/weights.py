"""Weights of every predictor in every group, as intervals beside what each group says alone."""

from math import ceil
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.base.array import array_stats
from plotly.subplots import make_subplots

from hbdash.figures import theme
from hbdash.figures.bands import percent
from hbdash.figures.mask import applying, does_not_apply
from hbdash.figures.panels import (
    NO_DRAWS,
    WIDTH,
    add_note,
    float32,
    label_once,
    sizes,
    span,
)
from hbdash.quantities import variable

COLUMNS = 3
MOST_WEIGHTS = 1200  # of all runs together: more are no picture
TALLEST = 760  # pixels of the rows of one panel
POPULATION = "population (μ)"


class Intervals(NamedTuple):
    """Posterior means and highest-density intervals of weights, in data units.

    Attributes
    ----------
    mean : shape (K, P). half, whole : shape (K, P, 2): ends of the 50 % interval, and of the other.
    """

    mean: np.ndarray
    half: np.ndarray
    whole: np.ndarray


def weights(runs: dict[str, xr.DataTree], *, prob: float = 0.9, dark: bool = False) -> go.Figure:
    """What one more unit of a predictor adds to the response, by group. A line is the narrowest
    interval that holds the weight with the probability in the legend, thick for 50%, and its mark
    the posterior mean; grey circles are least squares of each group alone. Hatched weights do not
    apply: no row speaks of them, so they show nothing but their prior (the population, where the
    weights are pooled). Pooled weights lean towards the population's mean μ, and the more so the
    less their own rows say.

    Parameters
    ----------
    runs : label to draws of the missing-predictors model, on the same data.
    prob : probability of the wider interval, in (0, 1).
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When `prob` does not lie in (0, 1).
    """  # noqa: D205
    if not 0 < prob < 1:
        raise ValueError(f"`prob` must lie in (0, 1), got {prob:g}: give 0.9 for 90 %.")
    shown = [(i, *run) for i, run in enumerate(runs.items()) if _has_draws(run[1])]
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    first = shown[0][2]
    applies = applying(first)
    total, width = applies.shape
    groups = min(total, max(1, MOST_WEIGHTS // (width * len(shown))))
    applies = applies[:groups]
    pooled = any("mu_w" in dt["posterior"] for _, _, dt in shown)
    found = [intervals(dt, "w", prob, groups) for _, _, dt in shown]
    means = [
        intervals(dt, "mu_w", prob, 1) if "mu_w" in dt["posterior"] else None for _, _, dt in shown
    ]
    raw = _of_groups(first, "observed_data/estimate_w")[:groups]
    error = _of_groups(first, "observed_data/standard_error_w")[:groups]
    truth = None
    if "true_w" in first["constant_data"]:
        truth = _of_groups(first, "constant_data/true_w")[:groups]
    rows = groups + pooled
    lanes = len(shown) + 1
    tallest = min(TALLEST, 2400 / ceil(width / COLUMNS))
    row = float(min(15 * lanes + 16, max(tallest / rows, 9)))
    fig = _canvas(width, rows * row, dark)
    for p in range(width):
        at = p // COLUMNS + 1, p % COLUMNS + 1
        on = np.flatnonzero(applies[:, p])
        reach = [numbers.whole[on, p] for numbers in found]
        reach += [numbers.whole[:, p] for numbers in means if numbers is not None]
        reach += [truth[on, p]] if truth is not None else []
        low, high = _range(reach, raw[on, p], error[on, p])
        for k in np.flatnonzero(~applies[:, p]).tolist():
            prior = found[0].whole[k, p]
            _prior_only(fig, at, k + pooled, prior, (low, high), row, dark)
        step = 0.74 / lanes
        offsets = (np.arange(lanes) - (lanes - 1) / 2) * step
        if truth is not None:
            _truth(fig, at, on + pooled, truth[on, p], dark)
        _raw(fig, at, on + pooled + offsets[0], raw[on, p], error[on, p], (low, high), row, dark)
        for offset, numbers, mean, run in zip(offsets[1:], found, means, shown, strict=True):
            y = on + pooled + offset
            chosen = Intervals(*(part[on, p] for part in numbers))
            if mean is not None:
                y = np.r_[offset, y]
                both = zip(mean, chosen, strict=True)
                chosen = Intervals(*(np.concatenate([m[:, p], c]) for m, c in both))
            name = f"{theme.shorten(run[1], 26)}, {sizes(variable(run[2], 'posterior/scale'))}"
            _lines(fig, at, y, chosen, run[0], name, row * step, dark)
        _panel(fig, at, first, p, (low, high), dark)
    _explain(fig, f"50% and {percent(prob)} interval", dark)
    _label(fig, first, groups, total, pooled, row, dark)
    return label_once(fig)


def intervals(dt: xr.DataTree, site: str, prob: float, groups: int) -> Intervals:
    """Summarize the draws of w for the first groups, or of mu_w, as one group."""
    draws = variable(dt, f"posterior/{site}").transpose("chain", "draw", ..., "predictor").values
    flat = draws.reshape(draws.shape[0] * draws.shape[1], -1, draws.shape[-1])[:, :groups]
    if len(flat) < 2:
        ends = np.stack([flat[0], flat[0]], -1)
        return Intervals(flat[0], ends, ends)
    half, whole = (np.asarray(array_stats.hdi(flat, p, axis=0)) for p in (0.5, prob))
    return Intervals(flat.mean(0), half, whole)


def _has_draws(dt: xr.DataTree) -> bool:
    return "posterior" in dt.children and variable(dt, "posterior/w").size > 0


def _of_groups(dt: xr.DataTree, path: str) -> np.ndarray:
    return variable(dt, path).transpose("group", "predictor").values


def _range(reach: list[np.ndarray], raw: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Range of one panel: all intervals, and raw fits that are not far away from them."""
    low, high = span(*reach)
    width = high - low
    ends = np.concatenate([raw - error, raw + error])
    with np.errstate(invalid="ignore"):
        near = ends[(ends > low - width) & (ends < high + width)]
    low, high = span(*reach, near)
    pad = 0.06 * (high - low)
    return low - pad, high + pad


def _canvas(width: int, height: float, dark: bool) -> go.Figure:
    """Lay out a panel a predictor; above each there is room for two lines of its name."""
    columns = min(width, COLUMNS)
    blocks = ceil(width / columns)
    top, between, below = 68, 70, 70
    inner = blocks * height + (blocks - 1) * between
    specs = [
        [{} if b * columns + c < width else None for c in range(columns)] for b in range(blocks)
    ]
    fig = make_subplots(
        blocks,
        columns,
        specs=specs,
        horizontal_spacing=22 / WIDTH,
        vertical_spacing=between / inner if blocks > 1 else 0,
    )
    theme.layout(fig, dark=dark, height=round(inner + top + below))
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": top, "b": below},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    return fig


def _prior_only(fig, at, y: int, prior, limits: tuple[float, float], row: float, dark: bool):
    """Hatch a weight's prior interval as far as it is in sight, and say what it is."""
    low, high = np.clip(prior, *limits)
    if not low < high:  # the prior lies beside the panel
        low, high = limits
    words = f"{prior[0]:.2g} to {prior[1]:.2g}".replace("-", theme.MINUS)
    fig.add_trace(
        go.Scatter(
            x=float32([low, high, high, low, low, np.nan]),
            y=float32(y + np.array([-0.34, -0.34, 0.34, 0.34, -0.34, np.nan])),
            mode="lines",
            fill="toself",
            hoverinfo="skip",
            name="prior only",
            **does_not_apply(dark),
        ),
        *at,
    )
    fig.add_trace(
        go.Scatter(
            x=float32([(low + high) / 2]),
            y=float32([y]),
            mode="text",
            text=[f"<b>{words}</b>"],
            textfont={"size": float(np.clip(row * 0.4, 8, 11)), "color": theme.muted(dark)},
            hoverinfo="skip",
        ),
        *at,
    )


def _truth(fig, at, y: np.ndarray, values: np.ndarray, dark: bool) -> None:
    nothing = np.full(len(y), np.nan)
    fig.add_trace(
        go.Scatter(
            x=float32(np.stack([values, values, nothing], 1).ravel()),
            y=float32(np.stack([y - 0.44, y + 0.44, nothing], 1).ravel()),
            mode="lines",
            line=theme.truth_line(dark) | {"dash": "3px,2px", "width": 1.4},
            name="truth",
            hovertemplate="truth %{x:.4g}<extra></extra>",
        ),
        *at,
    )


def _raw(fig, at, y, raw, error, limits: tuple[float, float], row: float, dark: bool) -> None:
    known = np.isfinite(raw) & np.isfinite(error)
    known[known] = (raw[known] > limits[0]) & (raw[known] < limits[1])
    if not known.any():
        return
    fig.add_trace(
        go.Scatter(
            x=float32(raw[known]),
            y=float32(y[known]),
            error_x={
                "array": float32(error[known]),
                "color": theme.rgba(theme.muted(dark), 0.45),
                "thickness": 2 if row > 20 else 1,
                "width": 0,
            },
            customdata=float32(error[known]),
            mode="markers",
            marker={
                "color": theme.muted(dark),
                "size": float(np.clip(row / 6, 3, 6)),
                "symbol": "circle",
            },
            name="least squares alone ± s.e.",
            hovertemplate="alone %{x:.4g} ± %{customdata:.2g}<extra></extra>",
        ),
        *at,
    )


def _lines(fig, at, y, found: Intervals, i: int, name: str, room: float, dark: bool) -> None:
    """Draw a run's intervals, thin and thick, and its means; `room` is in pixels."""
    colour = theme.colour(i, dark=dark)
    thick = float(np.clip(room / 2.4, 2.5, 6))
    nothing = np.full(len(y), np.nan)
    for ends, thickness in ((found.whole, max(1.2, thick / 4)), (found.half, thick)):
        fig.add_trace(
            go.Scatter(
                x=float32(np.column_stack([ends, nothing]).ravel()),
                y=float32(np.stack([y, y, nothing], 1).ravel()),
                mode="lines",
                line={"color": colour, "width": thickness},
                hoverinfo="skip",
                legendgroup=name,
            ),
            *at,
        )
    fig.add_trace(
        go.Scatter(
            x=float32(found.mean),
            y=float32(y),
            mode="markers",
            marker={
                "color": colour,
                "size": float(np.clip(1.8 * thick, 5, 9)),
                "symbol": theme.symbol(i),
                "line": {"color": theme.surface(dark), "width": 1},
            },
            customdata=float32(np.concatenate([found.whole, found.half], 1)),
            name=name,
            hovertemplate="mean %{x:.4g}, %{customdata[0]:.4g} to %{customdata[1]:.4g}"
            "<extra></extra>",
        ),
        *at,
    )


def _explain(fig, name: str, dark: bool) -> None:
    """Say in the legend what a line is."""
    nothing = float32([np.nan])
    line = {"color": theme.muted(dark), "width": 4}
    fig.add_trace(go.Scatter(x=nothing, y=nothing, mode="lines", line=line, name=name), 1, 1)


def _panel(fig, at, dt: xr.DataTree, p: int, limits: tuple[float, float], dark: bool) -> None:
    predictor = str(variable(dt, "constant_data/mask").coords["predictor"].values[p])
    name = theme.broken(predictor, 14)
    add_note(fig, at, f"<b>{name}</b>", x=0, y=1, anchor=("left", "bottom"), yshift=3)
    fig.update_xaxes(range=list(limits), nticks=4, tickangle=0, row=at[0], col=at[1])
    if limits[0] < 0 < limits[1]:
        fig.add_vline(0, line={"color": theme.frame(dark), "width": 1}, row=at[0], col=at[1])


def _label(fig, dt: xr.DataTree, groups: int, total: int, pooled: bool, row: float, dark: bool):
    names = [str(name) for name in variable(dt, "constant_data/mask").coords["group"].values]
    n = variable(dt, "observed_data/n").values
    labels = [POPULATION] * pooled + [
        f"{theme.shorten(name, 18)}{'<br>' if row > 32 else ' '}(n = {count:,.0f})"
        for name, count in zip(names[:groups], n[:groups], strict=True)
    ]
    kept = list(range(0, len(labels), max(1, ceil(14 / row))))
    for axis in fig.select_yaxes():
        axis.update(
            range=[len(labels) - 0.45, -0.55],
            tickvals=kept,
            ticktext=[labels[k] for k in kept],
            showgrid=False,
            showticklabels=False,
            ticks="",
        )
    fig.update_yaxes(showticklabels=True, col=1)
    response = theme.shorten(str(dt.attrs.get("response", "y")), 30)
    fig.add_annotation(
        text=f"weight: {response}<br>per unit of the predictor",
        x=0.5,
        y=0,
        xref="paper",
        yref="paper",
        yanchor="top",
        yshift=-24,
        showarrow=False,
        font_size=13,
    )
    if pooled:
        fig.add_hline(0.5, line={"color": theme.frame(dark), "width": 1})
    if groups < total:
        quiet = {"size": 11, "color": theme.muted(dark)}
        place = {"x": 1, "y": 1, "anchor": ("right", "bottom"), "yshift": 18}
        columns = sum(1 for _ in fig.select_xaxes(row=1))
        add_note(fig, (1, columns), f"{groups} of {total:,} groups", **place, font=quiet)
