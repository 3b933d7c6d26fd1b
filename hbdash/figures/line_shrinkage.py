"""Shrinkage of lines: intercept and slope together, from each group's own fit to its posterior."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.bands import effect_titles, group_names, origin_of, rows_of, said
from hbdash.figures.forest import EFFECTS, drawn_runs, posterior_means, raw_fits, truth_of
from hbdash.figures.panels import (
    NO_DRAWS,
    columns_of,
    float32,
    heading,
    label_columns,
    label_once,
    label_rows,
    panels,
    place,
    span,
)
from hbdash.figures.pooling import complete_pooling
from hbdash.quantities import variable

INSIDE = (0.5, 0.9)  # probabilities of the population's ellipses
#: How far raw fits and ellipses may widen the view, as shares of the range of posterior means.
RAW_REACH, REACH = 1.0, 0.35
CIRCLE = np.linspace(0, 2 * np.pi, 97)


def line_shrinkage(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """Each arrow runs from the line that a group's own rows say (grey: no pooling) to its posterior
    mean (partial pooling), intercept across and slope upwards. Ellipses hold 50% and 90% of the
    population at the posterior means of its parameters; lines that few rows support are drawn
    into it. The cross is the one line of complete pooling; open circles are generating values.

    Parameters
    ----------
    runs : label to draws of the regression, on the same data; a panel each.
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When a run lacks a variable.

    Notes
    -----
    Intercepts and slopes are independent in the population, so the ellipses stand upright: those
    of a bivariate normal with semi-axes sqrt(-2 log(1 - p)) sigma.
    """  # noqa: D205
    shown = drawn_runs(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    first = shown[0][2]
    raw = np.stack([raw_fits(first, effect) for effect in EFFECTS], 1)
    raw[np.isnan(raw).any(1)] = np.nan
    known = [truth_of(first, f"true_{effect}") for effect in EFFECTS]
    truth = None if known[0] is None or known[1] is None else np.stack([known[0], known[1]], 1)
    means = [posterior_means(dt) for _, _, dt in shown]
    populations = [population(dt) for _, _, dt in shown]
    one = complete_pooling(rows_of(first), origin_of(first))
    points = [*means, *([] if truth is None else [truth]), *([] if one is None else [[one]])]
    ranges = _ranges(raw, np.concatenate(points), populations)
    notes = _notes(raw, ranges)
    heads = [heading(i, label, said(dt) + notes, dark=dark) for i, label, dt in shown]
    fig = panels(heads, 1, dark=dark, height=430 if len(shown) <= 3 else 340, between=20)
    names = group_names(first)
    for panel, (i, _, _) in enumerate(shown):
        at = place(panel, 0, len(shown), 1)
        _population(fig, at, populations[panel], i, dark)
        _arrows(fig, at, raw, means[panel], i, names, dark)
        if truth is not None:
            _truth(fig, at, truth, first, names, dark)
        if one is not None:
            _complete(fig, at, one, dark)
        fig.update_xaxes(range=ranges[0], nticks=6, row=at[0], col=at[1])
        fig.update_yaxes(range=ranges[1], nticks=8, row=at[0], col=at[1])
    titles = effect_titles(first)
    label_rows(fig, 0, titles["slope"], len(shown), 1)
    label_columns(fig, titles["intercept"], len(shown), 1)
    if columns_of(len(shown)) == 3:
        # Three titles side by side would meet on a narrow page: the middle one speaks for all.
        for column in (1, 3):
            fig.update_xaxes(title_text=None, col=column)
    return label_once(fig)


def population(dt: xr.DataTree) -> np.ndarray:
    """Posterior means of the population's means and sds: [[mu, mu], [sigma, sigma]]."""
    return np.array(
        [
            [variable(dt, f"posterior/{kind}_{effect}").mean().item() for effect in EFFECTS]
            for kind in ("mu", "sigma")
        ]
    )


def ellipse(center: np.ndarray, sd: np.ndarray, prob: float) -> np.ndarray:
    """Edge of the region of highest density of two independent normals, shape (97, 2)."""
    radius = np.sqrt(-2 * np.log1p(-prob))
    return center + radius * sd * np.stack([np.cos(CIRCLE), np.sin(CIRCLE)], 1)


def _ranges(raw: np.ndarray, points: np.ndarray, populations: list[np.ndarray]) -> list:
    """Hold every point; raw fits that are not far away; and what fits of the ellipses."""
    ranges = []
    for e in range(2):
        low, high = span(points[:, e])
        away = RAW_REACH * (high - low)
        near = raw[(raw[:, e] > low - away) & (raw[:, e] < high + away), e]
        low, high = span(near, np.array([low, high]))
        away = REACH * (high - low)
        edges = [ellipse(found[0], found[1], INSIDE[-1])[:, e] for found in populations]
        low, high = span(np.clip(np.concatenate(edges), low - away, high + away), low, high)
        ranges.append((low - 0.04 * (high - low), high + 0.04 * (high - low)))
    return ranges


def _notes(raw: np.ndarray, ranges: list) -> str:
    """Count raw fits that are not determined, or that start outside the view."""
    lost = int(np.isnan(raw[:, 0]).sum())
    low, high = np.array(ranges).T
    outside = int(((raw < low) | (raw > high)).any(1).sum())
    words = f", no raw fit: {theme.count(lost, 'group')}" if lost else ""
    return words + (f", {theme.count(outside, 'raw fit')} outside" if outside else "")


def _population(fig, at, found: np.ndarray, i: int, dark: bool) -> None:
    colour = theme.colour(i, dark=dark)
    for prob in reversed(INSIDE):
        edge = ellipse(found[0], found[1], prob)
        fig.add_trace(
            go.Scatter(
                x=float32(edge[:, 0]),
                y=float32(edge[:, 1]),
                mode="lines",
                fill="toself",
                fillcolor=theme.rgba(colour, 0.08),
                line={"color": theme.rgba(colour, 0.6), "width": 1, "simplify": False},
                hoverinfo="skip",
                name="population: 50% and 90%",
            ),
            *at,
        )
    mu = found[0]
    _points(fig, at, mu[None], "population mean", "population mean", {"color": colour, "size": 13})
    fig.data[-1].marker.update(symbol="cross-thin", line={"color": colour, "width": 2.4})


def _arrows(fig, at, raw: np.ndarray, means: np.ndarray, i: int, names, dark: bool) -> None:
    """Draw arrows that end, with their tips, at the posterior means; a dot where no raw fit is."""
    colour, many = theme.colour(i, dark=dark), len(raw) > 60
    grey, there = theme.muted(dark), np.isfinite(raw[:, 0])
    start, words = raw[there], [names[k] for k in np.flatnonzero(there)]
    style = {"color": grey, "size": 3.5 if many else 6}
    _points(fig, at, start, "no pooling: raw fit", words, style)
    gap = np.full(start.shape, np.nan)
    joined = np.stack([start, means[there], gap], 1).reshape(-1, 2)
    fig.add_trace(
        go.Scatter(
            x=float32(joined[:, 0]),
            y=float32(joined[:, 1]),
            mode="lines+markers",
            line={"color": theme.rgba(colour, 0.7), "width": 0.9 if many else 1.5},
            marker={
                "color": colour,
                "symbol": "arrow",
                "angleref": "previous",
                "size": np.tile([0, 6 if many else 10, 0], len(start)).tolist(),
                "line_width": 0,
            },
            text=[word for name in words for word in ("", name, "")],
            hovertemplate="%{text}: posterior mean %{x:.4g}, %{y:.4g}<extra></extra>",
            name="partial pooling: posterior mean",
        ),
        *at,
    )
    if not there.all():
        alone = [names[k] for k in np.flatnonzero(~there)]
        style = {"color": colour, "size": 4 if many else 7, "symbol": "circle"}
        _points(fig, at, means[~there], "posterior mean without a raw fit", alone, style)


def _truth(fig, at, truth: np.ndarray, dt: xr.DataTree, names, dark: bool) -> None:
    ink = theme.ink(dark)
    size = 5 if len(truth) > 60 else 9
    style = {"color": ink, "size": size, "symbol": "circle-open", "line": {"width": 1.3}}
    _points(fig, at, truth, "truth: groups", names, style)
    means = [truth_of(dt, f"true_mu_{effect}") for effect in EFFECTS]
    if means[0] is not None and means[1] is not None:
        style = {"color": ink, "size": 13, "symbol": "cross-open", "line": {"width": 1.3}}
        center = np.array([[float(means[0]), float(means[1])]])
        _points(fig, at, center, "truth: population mean", "population mean", style)


def _complete(fig, at, one: tuple[float, float], dark: bool) -> None:
    ink = theme.ink(dark)
    style = {"symbol": "x-thin", "size": 11, "line": {"color": ink, "width": 2.4}}
    _points(fig, at, np.array([one]), "complete pooling", "one line for all rows", style)


def _points(fig, at, values: np.ndarray, name: str, words, marker: dict) -> None:
    fig.add_trace(
        go.Scatter(
            x=float32(values[:, 0]),
            y=float32(values[:, 1]),
            mode="markers",
            marker=marker,
            text=words,
            hovertemplate="%{text}: %{x:.4g}, %{y:.4g}<extra>" + name + "</extra>",
            name=name,
        ),
        *at,
    )
