"""Pareto k: which rows would change the posterior if they were left out."""

import textwrap

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.panels import float32, label_once, span
from hbdash.loo import Loo, loo
from hbdash.quantities import variable

#: Points drawn; where there are more rows, those of the largest k.
MOST_POINTS = 4000


def pareto_k(dt: xr.DataTree, *, found: Loo | None = None, dark: bool = False) -> go.Figure:
    """How strongly each row pulls at the posterior: k is the shape of the tail of its importance
    weights when it is left out. Below the lower line leaving it out by reweighting is sound; above
    it the row's part of LOO is not reliable, and above 1 it means nothing. Rows high up are
    outliers, or the only rows that say something about their group: hover to see which they are.

    Parameters
    ----------
    dt : draws of either regression model.
    found : what `hbdash.loo.loo` returns for these draws, where it is there already.
    dark : whether the page behind is dark.

    Notes
    -----
    The lower line is min(1 - 1 / log10(draws), 0.7): Vehtari, Simpson, Gelman, Yao and Gabry
    (2024), arXiv:1507.02646.
    """  # noqa: D205
    try:
        found = loo(dt) if found is None else found
    except ValueError as cannot:
        return theme.empty("<br>".join(textwrap.wrap(str(cannot), 62)), dark=dark)
    k = np.nan_to_num(found.pareto_k, nan=np.inf, posinf=np.inf, neginf=-np.inf)
    low, high = span(k, 0.0, 1.0)
    low, high = low - 0.05 * (high - low), high + 0.08 * (high - low)
    shown = np.sort(np.argsort(-k, kind="stable")[:MOST_POINTS])
    fig = theme.layout(go.Figure(), dark=dark, height=400)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": 48, "b": 52},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    classes = (
        (f"k ≤ {found.good_k:.2f}", k <= found.good_k, theme.BLUE, 5),
        (f"k > {found.good_k:.2f}: not reliable", (k > found.good_k) & (k <= 1), theme.ORANGE, 9),
        ("k > 1: means nothing", k > 1, theme.VERMILION, 9),
    )
    words = hover(dt, found, shown)
    for name, members, hue, size in classes:
        here = members[shown]
        if not here.any():
            continue
        fig.add_trace(
            go.Scatter(
                x=(found.rows.row[shown][here] + 1).astype(np.int32),
                y=float32(np.clip(k[shown][here], low, high)),
                mode="markers",
                marker={
                    "color": theme.colour(hue, dark=dark),
                    "symbol": theme.symbol(hue),
                    "size": size,
                    "opacity": 0.75 if hue == theme.BLUE else 1.0,
                    "line_width": 0,
                },
                text=[line for line, kept in zip(words, here, strict=True) if kept],
                hovertemplate="%{text}<extra></extra>",
                name=f"{name}, {theme.count(int(members.sum()), 'row')}",
            )
        )
    last = float(found.rows.row[-1] + 1)
    pad = 0.02 * last + 0.5
    for value, style in ((found.good_k, "dashdot"), (1.0, "dot")):
        fig.add_trace(
            go.Scatter(
                x=float32([1 - pad, last + pad]),
                y=float32([value, value]),
                mode="lines",
                line={"color": theme.muted(dark), "width": 1.2, "dash": style},
                hovertemplate=f"k = {value:.2f}<extra></extra>",
            )
        )
    some = "" if len(shown) == len(k) else f", the {len(shown):,} of largest k"
    draws = theme.count(found.draws, "draw")
    fig.update_xaxes(
        title_text=f"row (number among those used{some}); {draws}", range=[1 - pad, last + pad]
    )
    fig.update_yaxes(title_text="Pareto k (no unit)", range=[low, high])
    return label_once(fig)


def hover(dt: xr.DataTree, found: Loo, shown: np.ndarray) -> list[str]:
    """Say which row each point is: its group, its predictors and its response."""
    mask = variable(dt, "constant_data/mask")
    groups, predictors = (
        [theme.shorten(str(name), 24) for name in mask[dim].values]
        for dim in ("group", "predictor")
    )
    response = theme.shorten(str(dt.attrs.get("response", "y")), 24)
    rows, words = found.rows, []
    for i in shown:
        cells = [
            f"{name} {value:.4g}"
            for name, value in zip(predictors, rows.x[i], strict=True)
            if np.isfinite(value)
        ]
        words.append(
            f"row {rows.row[i] + 1:,}, {groups[rows.group[i]]}<br>{', '.join(cells)}"
            f"<br>{response} {rows.y[i]:.4g}<br>k {found.pareto_k[i]:.2f}"
        )
    return words
