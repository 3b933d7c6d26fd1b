"""What if the predictor had this value: three predictive distributions, drawn and read out."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.base.array import array_stats

from hbdash.figures import theme
from hbdash.figures.bands import (
    check,
    group_names,
    has_draws,
    heights,
    newcomer,
    percent,
    predictor_name,
    response_name,
    said,
    true_line,
)
from hbdash.figures.panels import NO_DRAWS, float32, label_once, span
from hbdash.predict import lines

TAIL = 0.001  # probability beyond either end of a curve
CURVE_POINTS = 256
ROW, TOP, BOTTOM = 112, 46, 54  # pixels: one distribution, above and below all
PEAK, WORDS = 0.55, 0.74  # of a row: height of a curve, and where its words stand


class Interval(NamedTuple):
    """Median and ends of a central interval, in the response's units."""

    median: float
    low: float
    high: float


class Predictions(NamedTuple):
    """What is expected at one value of the predictor.

    Attributes
    ----------
    mean : height of the group's line.
    observation : a new observation of the group.
    new_group : a new observation of a group that was not seen.
    """

    mean: Interval
    observation: Interval
    new_group: Interval


def what_if(
    dt: xr.DataTree, group: int, x: float, *, prob: float = 0.9, dark: bool = False
) -> go.Figure:
    """What the response would be at one value of the predictor, in three answers. The mean is where
    the group's line runs; one new observation also has noise; one of a brand-new group differs,
    too, in intercept and slope. Thick bars are central intervals, points are medians, and every
    curve is scaled to its own height.

    Parameters
    ----------
    dt : draws of a run of the regression.
    group : which group, from 0.
    x : value of the predictor, in its units.
    prob : probability of the intervals, in (0, 1).
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When an option is out of its range, or the run lacks a variable.
    """  # noqa: D205
    check(dt, group, prob, x)
    if not has_draws(dt):
        return theme.empty(NO_DRAWS, dark=dark)
    samples = _samples(dt, group, x)
    answers = _read(samples, prob)
    name = theme.shorten(group_names(dt)[group], 24)
    words = (
        f"The mean response of {name}",
        f"One new observation of {name}",
        "One new observation of a brand-new group",
    )
    fig = theme.layout(go.Figure(), dark=dark, height=3 * ROW + TOP + BOTTOM)
    fig.update_layout(
        margin={"l": 20, "r": 20, "t": TOP, "b": BOTTOM},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    truth = [true_line(dt, of, np.array([x])) for of in (group, group, None)]
    ends: list[float] = []
    for row, (draws, answer, about, true) in enumerate(
        zip(samples, answers, words, truth, strict=True)
    ):
        base = 2.0 - row
        number = theme.BLUE if row < 2 else theme.VERMILION
        ends += [*np.quantile(draws, [TAIL, 1 - TAIL]), answer.low, answer.high]
        _curve(fig, draws, base, number, row == 0, dark)
        _bar(fig, answer, base, number, prob, dark)
        _words(fig, answer, base + WORDS, about, number, prob, dark)
        if true is not None:
            _truth(fig, float(true[0]), base, dark)
            ends.append(float(true[0]))
    low, high = span(np.array(ends))
    pad = 0.03 * (high - low)
    value = f"{x:.4g}".replace("-", theme.MINUS)
    fig.update_xaxes(
        title_text=f"{response_name(dt)} at {predictor_name(dt)} = {value}, {said(dt)}",
        range=[low - pad, high + pad],
        nticks=9,
    )
    fig.update_yaxes(visible=False, range=[-0.12, 3.0])
    return label_once(fig)


def predictions(dt: xr.DataTree, group: int, x: float, *, prob: float = 0.9) -> Predictions:
    """Read out the predictive distributions at one value of the predictor.

    Parameters
    ----------
    dt : draws of a run of the regression, at least one.
    group : which group, from 0.
    x : value of the predictor, in its units.
    prob : probability of the central intervals, in (0, 1).

    Raises
    ------
    ValueError
        When an option is out of its range, or there are no draws.
    """
    check(dt, group, prob, x)
    if not has_draws(dt):
        raise ValueError("Predictions need draws, but this run has none: run it first.")
    return _read(_samples(dt, group, x), prob)


def _read(samples: tuple[np.ndarray, ...], prob: float) -> Predictions:
    ends = [0.5, (1 - prob) / 2, (1 + prob) / 2]
    return Predictions(*(Interval(*map(float, np.quantile(draws, ends))) for draws in samples))


def _samples(dt: xr.DataTree, group: int, x: float) -> tuple[np.ndarray, ...]:
    """Draws of the mean, of a new observation, and of one of a new group, each of shape (S,)."""
    at, found = np.array([x], float), lines(dt)
    return (
        heights(found, group, at, noise=False)[:, 0],
        heights(found, group, at, noise=True)[:, 0],
        heights(newcomer(dt, found), 0, at, noise=True)[:, 0],
    )


def _density(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Density without the outermost draws, smoothed as a single peak is; empty where constant."""
    low, high = np.quantile(draws, [TAIL, 1 - TAIL])
    inside = draws[(draws >= low) & (draws <= high)]
    if len(inside) < 2 or np.ptp(inside) == 0:
        return np.empty(0), np.empty(0)
    x, y, _ = array_stats.kde(inside, bw="scott", grid_len=CURVE_POINTS)
    return x, y


def _curve(fig, draws: np.ndarray, base: float, number: int, dense: bool, dark: bool) -> None:
    """Draw a density over its base line."""
    across, up = _density(draws)
    if not len(across):
        return
    colour = theme.colour(number, dark=dark)
    up = base + PEAK * up / up.max()
    fig.add_trace(
        go.Scatter(
            x=float32([across[0], *across, across[-1]]),
            y=float32([base, *up, base]),
            mode="lines",
            fill="toself",
            fillcolor=theme.rgba(colour, 0.36 if dense else 0.16),
            line={
                "color": colour,
                "width": 1.6,
                "dash": theme.dash(number),
                "simplify": False,
            },
            showlegend=False,
            hoverinfo="skip",
        )
    )


def _bar(fig, answer: Interval, base: float, number: int, prob: float, dark: bool) -> None:
    colour = theme.colour(number, dark=dark)
    fig.add_trace(
        go.Scatter(
            x=float32([answer.low, answer.high]),
            y=float32([base, base]),
            mode="lines",
            line={"color": colour, "width": 5},
            name=f"central {percent(prob)} interval",
            hoverinfo="skip",
        )
    )
    fig.add_trace(
        go.Scatter(
            x=float32([answer.median]),
            y=float32([base]),
            mode="markers",
            marker={
                "color": theme.surface(dark),
                "size": 10,
                "line": {"color": colour, "width": 2.5},
            },
            name="median",
            hovertemplate="median %{x:.4g}<extra></extra>",
        )
    )


def _words(fig, answer: Interval, y: float, about: str, number: int, prob, dark) -> None:
    decimals = _decimals(answer)
    median, low, high = (f"{v:,.{decimals}f}".replace("-", theme.MINUS) for v in answer)
    colour = theme.colour(number, dark=dark)
    fig.add_annotation(
        text=f'<b style="color:{colour}">{about}</b><br>about {median}; '
        f"with probability {percent(prob)} between {low} and {high}",
        x=0,
        xref="paper",
        xanchor="left",
        y=y,
        yanchor="middle",
        align="left",
        showarrow=False,
    )


def _decimals(answer: Interval) -> int:
    """Choose decimals worth a tenth to a hundredth of the interval's width: draws tell no more."""
    width = answer.high - answer.low
    return int(np.clip(1 - np.floor(np.log10(width if width > 0 else 1.0)), 0, 8))


def _truth(fig, value: float, base: float, dark: bool) -> None:
    fig.add_trace(
        go.Scatter(
            x=float32([value, value]),
            y=float32([base - 0.08, base + PEAK]),
            mode="lines",
            line=theme.truth_line(dark) | {"width": 1.6},
            name="truth: height of the generating line",
            hovertemplate="truth %{x:.4g}<extra></extra>",
        )
    )
