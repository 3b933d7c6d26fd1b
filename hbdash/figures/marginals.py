"""Marginals: the posterior of each quantity under every run, on one axis."""

from collections.abc import Mapping
from math import ceil

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from hbdash.estimates import Quantity, shared
from hbdash.figures import theme
from hbdash.figures.energy import density
from hbdash.figures.panels import NO_DRAWS, float32, label_once, span

COLUMNS, HEIGHT, MOST = 3, 190, 12
TAIL = 0.002  # probability beyond either end of an axis


def marginals(
    runs: dict[str, xr.DataTree],
    *,
    means: Mapping[str, float] | None = None,
    first: int = 0,
    dark: bool = False,
) -> go.Figure:
    """Posterior density of every quantity, one line a run, all runs on the same axes. Runs of one
    question under other parameterizations should draw one line; where a line stands apart, its
    run has missed a part of the posterior, or was asked with other priors. The exact mean is a
    thin solid line where it is known, the generating value a dashed one. Scales stand as their
    logarithms.

    Parameters
    ----------
    runs : label to draws, of one model and one data set.
    means : exact means by quantity, where there are any.
    first : the first quantity shown, of which there are 12 at a time.
    dark : whether the page behind is dark.

    Notes
    -----
    Kernel density estimates by arviz-stats, over the draws of all chains.
    """  # noqa: D205
    every = shared(runs)
    names = list(every)[first : first + MOST]
    if not names:
        return theme.empty(NO_DRAWS, dark=dark)
    rows = ceil(len(names) / COLUMNS)
    titles = [f"<b>{theme.shorten(name, 34)}</b>" for name in names]
    fig = make_subplots(
        rows,
        COLUMNS,
        subplot_titles=titles,
        horizontal_spacing=0.05,
        vertical_spacing=0.3 / rows,
    )
    theme.layout(fig, dark=dark, height=rows * HEIGHT + 110)
    fig.update_layout(
        margin={"l": 24, "r": 16, "t": 84, "b": 52},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    for panel, name in enumerate(names):
        at = panel // COLUMNS + 1, panel % COLUMNS + 1
        _panel(fig, at, name, every[name], list(runs), (means or {}).get(name), dark)
    fig.update_yaxes(showticklabels=False, ticks="", rangemode="tozero")
    sizes = " · ".join(
        f"{theme.shorten(label, 26)}: {theme.count(one.draws.size, 'draw')}"
        for label, one in zip(runs, every[names[0]], strict=True)
    )
    fig.add_annotation(
        text=f"density, of equal areas; {sizes}",
        x=0, y=0, xref="paper", yref="paper", xanchor="left", yanchor="top", yshift=-30,
        font={"size": 11, "color": theme.muted(dark)},
    )  # fmt: skip
    return label_once(fig)


def _panel(
    fig: go.Figure,
    at: tuple[int, int],
    name: str,
    each: list[Quantity],
    labels: list[str],
    exact: float | None,
    dark: bool,
) -> None:
    finite = [one.draws[np.isfinite(one.draws)] for one in each]
    ends = [np.quantile(draws, [TAIL, 1 - TAIL]) for draws in finite if draws.size]
    known = [value for value in (exact, each[0].truth) if value is not None and value == value]
    low, high = span(*ends, *known)
    top = 0.0
    for number, (label, draws) in enumerate(zip(labels, finite, strict=True)):
        x, y = density(draws)
        inside = (x >= low) & (x <= high)
        x, y = x[inside], y[inside]
        top = max(top, float(y.max(initial=0.0)))
        fig.add_trace(
            go.Scatter(
                x=float32(x),
                y=float32(y),
                mode="lines",
                line={
                    "color": theme.colour(number, dark=dark),
                    "width": 2,
                    "dash": theme.dash(number),
                },
                name=theme.shorten(label, 40),
                hovertemplate=f"{theme.shorten(name, 24)} %{{x:.4g}}"
                "<extra>%{fullData.name}</extra>",
            ),
            *at,
        )
    for value, words, line in (
        (exact, "exact mean", theme.exact_line(dark)),
        (each[0].truth, "truth", theme.truth_line(dark)),
    ):
        if value is not None and value == value:
            fig.add_trace(
                go.Scatter(
                    x=float32([value, value]),
                    y=float32([0, 1.12 * top]),
                    mode="lines",
                    line=line,
                    name=words,
                    hovertemplate=f"{words} {value:.4g}<extra></extra>",
                ),
                *at,
            )
    pad = 0.02 * (high - low)
    fig.update_xaxes(range=[low - pad, high + pad], nticks=6, row=at[0], col=at[1])
    fig.update_yaxes(range=[0, 1.15 * top or 1.0], row=at[0], col=at[1])
