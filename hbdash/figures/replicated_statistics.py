"""Test statistics: mean, spread and extremes of replicated data beside the observed ones."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.panels import NO_DRAWS, float32, label_once, panels, place, span
from hbdash.replicated import Statistic, has_draws, statistics

BINS = 30


def replicated_statistics(
    dt: xr.DataTree, *, group: int | None = None, dark: bool = False
) -> go.Figure:
    """Mean, standard deviation, minimum and maximum of data sets that the fitted model made up
    (bars), and of the observed data (line). p is the share of made-up data sets at or above the
    observed one: near 0 or 1, the model does not reproduce that feature. Minimum and maximum
    judge the tails; the mean is fitted, so it rarely fails. Bars at the ends hold all that lies
    beyond.

    Parameters
    ----------
    dt : draws of either regression model.
    group : the group (from 0) whose rows count, or None for all rows.
    dark : whether the page behind is dark.
    """  # noqa: D205
    if not has_draws(dt):
        return theme.empty(NO_DRAWS, dark=dark)
    found = statistics(dt, group=group)
    if np.isnan(found["mean"].observed):
        return theme.empty("No rows without blank cells to compare with.", dark=dark)
    fig = panels(
        [_title(name, statistic, dark) for name, statistic in found.items()],
        1,
        dark=dark,
        height=140,
        top=70,
        between=70,
    )
    response = theme.shorten(str(dt.attrs.get("response", "y")), 30)
    number = theme.count(len(found["mean"].replicated), "replicated data set")
    for k, (name, statistic) in enumerate(found.items()):
        at = place(k, 0, len(found), 1)
        top = _bars(fig, at, statistic, number, dark) if np.isfinite(statistic.observed) else 1.0
        title = theme.broken(f"{name} of {response} (data units)", 26)
        fig.update_xaxes(title_text=title, row=at[0], col=at[1])
        fig.update_yaxes(
            title_text="data sets", range=[0, 1.08 * top], nticks=5, row=at[0], col=at[1]
        )
    return label_once(fig)


def _title(name: str, statistic: Statistic, dark: bool) -> str:
    small = f'<span style="font-size:11px;color:{theme.muted(dark)}">'
    if np.isnan(statistic.observed):
        return f"<b>{name}</b>  {small}needs two rows</span>"
    observed = f"{statistic.observed:.4g}".replace("-", theme.MINUS)
    return f"<b>{name}</b><br>{small}observed {observed}, {p_value(statistic)}</span>"


def p_value(statistic: Statistic) -> str:
    """Write a p-value, with no more certainty than the number of data sets allows."""
    least = 1 / len(statistic.replicated)
    if statistic.p == 0:
        return f"p &lt; {least:.2g}"
    if statistic.p == 1:
        return f"p > {1 - least:.3g}"
    digits = 3 if min(statistic.p, 1 - statistic.p) < 0.05 else 2
    return f"p = {statistic.p:.{digits}f}"


def _bars(fig: go.Figure, at: tuple[int, int], found: Statistic, number: str, dark: bool) -> float:
    low, high = span(np.quantile(found.replicated, [0.005, 0.995]), found.observed)
    counts, edges = np.histogram(np.clip(found.replicated, low, high), BINS, (low, high))
    blue = theme.colour(theme.BLUE, dark=dark)
    fig.add_trace(
        go.Bar(
            x=float32((edges[1:] + edges[:-1]) / 2),
            y=counts.astype(np.int32),
            width=float(edges[1] - edges[0]),
            marker={"color": theme.rgba(blue, 0.55), "line_width": 0},
            name=number,
            hovertemplate="%{x:.4g}: %{y} data sets<extra></extra>",
        ),
        *at,
    )
    top = float(counts.max())
    fig.add_trace(
        go.Scatter(
            x=float32([found.observed, found.observed]),
            y=float32([0, 1.08 * top]),
            mode="lines",
            line={"color": theme.ink(dark), "width": 2.8},
            name="observed",
            hovertemplate="observed %{x:.4g}<extra></extra>",
        ),
        *at,
    )
    pad = 0.04 * (high - low)
    fig.update_xaxes(range=[low - pad, high + pad], nticks=6, row=at[0], col=at[1])
    return top
