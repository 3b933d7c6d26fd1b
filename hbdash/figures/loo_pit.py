"""LOO-PIT: whether each row lies where the others say that it should, as often as it should."""

import textwrap
from functools import lru_cache

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.ecdf_utils import (
    compute_ecdf,
    get_pointwise_confidence_band,
    simulate_confidence_bands,
)

from hbdash.figures import theme
from hbdash.figures.panels import float32, label_once
from hbdash.loo import Loo, loo

PROB = 0.94
#: Places where shares are compared; with fewer rows one less than the rows.
MOST_POINTS = 200
SIMULATIONS = 1000


def loo_pit(dt: xr.DataTree, *, found: Loo | None = None, dark: bool = False) -> go.Figure:
    """For each row, the probability that its prediction from all other rows gives to values below
    the observed one. These should be uniform: the line is their cumulative share minus the uniform
    one, and should stay in the band (94 % of uniform samples lie wholly inside). Below zero on the
    left and above on the right: most rows lie in the middle, predictions are too wide. Above, then
    below: too narrow. One hump above zero: predictions too high; one bowl below it: too low.

    Parameters
    ----------
    dt : draws of either regression model.
    found : what `hbdash.loo.loo` returns for these draws, where it is there already.
    dark : whether the page behind is dark.

    Notes
    -----
    Säilynoja, Bürkner and Vehtari (2022), doi:10.1007/s11222-022-10090-6, with bands by simulation.
    """  # noqa: D205
    try:
        found = loo(dt) if found is None else found
    except ValueError as cannot:
        return theme.empty("<br>".join(textwrap.wrap(str(cannot), 62)), dark=dark)
    if len(found.pit) < 2:
        return theme.empty("One row cannot be compared with a distribution.", dark=dark)
    at, difference, low, high = difference_from_uniform(found.pit)
    outside = (difference < low) | (difference > high)
    blue, grey = theme.colour(theme.BLUE, dark=dark), theme.muted(dark)
    fig = theme.layout(go.Figure(), dark=dark, height=400)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": 48, "b": 52},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    fig.add_trace(
        go.Scatter(
            x=float32(np.r_[at, at[::-1]]),
            y=float32(np.r_[low, high[::-1]]),
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=theme.rgba(grey, 0.22),
            hoverinfo="skip",
            name=f"{PROB:.0%} of uniform samples lie inside",
        )
    )
    fig.add_trace(
        go.Scatter(
            x=float32([0, 1]),
            y=float32([0, 0]),
            mode="lines",
            line={"color": grey, "width": 1},
            hoverinfo="skip",
        )
    )
    rows, draws = theme.count(len(found.pit), "row"), theme.count(found.draws, "draw")
    fig.add_trace(
        go.Scatter(
            x=float32(at),
            y=float32(difference),
            mode="lines",
            line={"color": blue, "width": 2.4, "shape": "hv" if len(at) < MOST_POINTS else None},
            hovertemplate="at %{x:.2f}: %{y:+.3f}<extra></extra>",
            name=f"LOO-PIT of {rows}, {draws}",
        )
    )
    if outside.any():
        fig.add_trace(
            go.Scatter(
                x=float32(at[outside]),
                y=float32(difference[outside]),
                mode="markers",
                marker={
                    "color": theme.colour(theme.VERMILION, dark=dark),
                    "symbol": theme.symbol(theme.VERMILION),
                    "size": 5,
                },
                hovertemplate="outside, at %{x:.2f}: %{y:+.3f}<extra></extra>",
                name="outside the band",
            )
        )
    reach = 1.15 * max(np.abs(difference).max(), np.abs(low).max(), np.abs(high).max())
    fig.update_xaxes(title_text="LOO-PIT (probability)", range=[0, 1])
    fig.update_yaxes(
        title_text="cumulative share minus uniform (probability)", range=[-reach, reach]
    )
    return label_once(fig)


def difference_from_uniform(
    pit: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cumulative share of values in [0, 1] minus the uniform one, with its simultaneous band.

    Returns
    -------
    Places in (0, 1), differences there, and the lower and upper end of the band that holds a
    uniform sample of this size at all places together with probability 0.94; each of shape (M,).
    """
    at, low, high = _band(len(pit))
    return at, compute_ecdf(pit, at) - at, low - at, high - at


@lru_cache(maxsize=32)
def _band(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    points = min(rows, MOST_POINTS)
    at = np.arange(1, points) / points
    rng = np.random.default_rng(214)
    pointwise = simulate_confidence_bands(rows, 1, at, PROB, SIMULATIONS, rng)
    low, high = get_pointwise_confidence_band(pointwise, rows, at)
    return at, low, high
