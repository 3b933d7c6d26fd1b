"""The Pareto view: what runs cost against how much they diverge."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.diagnostics import score
from hbdash.figures import theme
from hbdash.figures.panels import float32, label_once


class Point(NamedTuple):
    """A run in two numbers.

    Attributes
    ----------
    label : its name. efficiency : ESS bulk per 1,000 gradients, after the warmup.
    diverging : share of divergent draws, 0 to 1.
    number : its place among the runs compared, which fixes its colour; None for one of the others.
    draws : draws of all chains.
    """

    label: str
    efficiency: float
    diverging: float
    number: int | None
    draws: int


def points(runs: dict[str, xr.DataTree]) -> list[Point]:
    """Measure runs of group models."""
    found = []
    for number, (label, dt) in enumerate(runs.items()):
        one = score(label, dt)
        share = one.divergences / one.draws
        found.append(Point(label, one.ess_per_1000_gradients, share, number, one.draws))
    return found


def pareto(given: Sequence[Point], *, dark: bool = False) -> go.Figure:
    """Effective draws per 1,000 gradients (to the right is better) against the share of divergent
    draws (lower is better). The line joins the runs that no other beats in both: a run above or
    left of it is dominated. Grey dots are the other stored runs of the filter. Gradients are what
    a sampler pays in, whatever the machine; NUTS alone diverges, so runs of other samplers, which
    count no gradients, are not here.

    Parameters
    ----------
    given : the runs; those whose efficiency is not a positive number are left out.
    dark : whether the page behind is dark.

    Notes
    -----
    Bulk ESS by arviz-stats (Vehtari et al. 2021, doi:10.1214/20-BA1221), the worst over the
    population quantities.
    """  # noqa: D205
    shown = [one for one in given if one.efficiency > 0 and np.isfinite(one.diverging)]
    if not shown:
        return theme.empty("No run here counts gradients and divergences.", dark=dark)
    fig = theme.layout(go.Figure(), dark=dark, height=460)
    fig.update_layout(
        margin={"l": 70, "r": 24, "t": 70, "b": 56},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    best = front(shown)
    fig.add_trace(
        go.Scatter(
            x=float32([one.efficiency for one in best]),
            y=float32([100 * one.diverging for one in best]),
            mode="lines",
            line={"color": theme.muted(dark), "width": 1.2, "shape": "vh"},
            name="not beaten in both",
            hoverinfo="skip",
        )
    )
    others = [one for one in shown if one.number is None]
    chosen = [[one] for one in shown if one.number is not None]
    for group in [others, *chosen]:
        if not group:
            continue
        number = group[0].number
        alone = number is not None
        size = f", {theme.count(group[0].draws, 'draw')}" if alone else ""
        fig.add_trace(
            go.Scatter(
                x=float32([one.efficiency for one in group]),
                y=float32([100 * one.diverging for one in group]),
                mode="markers",
                marker={
                    "color": theme.colour(number or 0, dark=dark) if alone else theme.muted(dark),
                    "symbol": theme.symbol(number or 0) if alone else "circle",
                    "size": 13 if alone else 6,
                    "opacity": 1.0 if alone else 0.55,
                    "line": {"color": theme.surface(dark), "width": 1},
                },
                text=[
                    f"{theme.shorten(one.label, 60)}<br>{one.efficiency:.3g} ESS / 1,000 gradients"
                    f", {100 * one.diverging:.2g} % of {theme.count(one.draws, 'draw')} diverge"
                    for one in group
                ],
                hovertemplate="%{text}<extra></extra>",
                name=f"{theme.shorten(group[0].label, 34)}{size}" if alone else "other stored runs",
            )
        )
    across = np.log10([one.efficiency for one in shown])
    pad = max(0.08 * float(np.ptp(across)), 0.15)
    most = 100 * max(one.diverging for one in shown)
    fig.update_xaxes(
        type="log",
        dtick=1 if np.ptp(across) > 1.5 else "D2",
        range=[float(across.min()) - pad, float(across.max()) + pad],
        title_text="ESS bulk per 1,000 gradients (log scale)",
    )
    fig.update_yaxes(
        range=[-0.06 * most - 0.02, 1.1 * most + 0.02],
        title_text="divergent draws (%)",
        rangemode="tozero",
    )
    return label_once(fig)


def front(given: Sequence[Point]) -> list[Point]:
    """The points that no other beats in both numbers, from the least efficient on."""
    kept, least = [], np.inf
    for one in sorted(given, key=lambda p: (-p.efficiency, p.diverging)):
        if one.diverging < least:
            kept.append(one)
            least = one.diverging
    return kept[::-1]
