"""Differences: how far the estimates of runs lie apart, in Monte-Carlo standard errors."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.estimates import differences as differ
from hbdash.figures import theme
from hbdash.figures.panels import float32, label_once

MOST = 60  # quantities shown: those that differ most
EDGE = 12.0  # MCSE beyond which a point stands at the edge


def differences(
    runs: dict[str, xr.DataTree], *, means: Mapping[str, float] | None = None, dark: bool = False
) -> go.Figure:
    """Posterior mean of each run minus the exact mean or, where that is not known, minus the first
    run's mean, in Monte-Carlo standard errors (MCSE) of that difference. Two runs that sample one
    posterior differ by less than 2 (the darker stripe) nineteen times in twenty; beyond 4 (the
    lighter one) is no accident: a run missed a part, or the runs were asked different things.

    Parameters
    ----------
    runs : label to draws, of one model and one data set.
    means : exact means by quantity, where there are any.
    dark : whether the page behind is dark.

    Notes
    -----
    MCSE of the mean by arviz-stats (Vehtari et al. 2021, doi:10.1214/20-BA1221).
    """  # noqa: D205
    table = differ(runs, means)
    shown = table.dropna(how="all")
    if shown.empty:
        return theme.empty("Choose a second run to compare with the first.", dark=dark)
    worst = shown.abs().max(axis=1)
    kept = shown.loc[worst.nlargest(MOST).index.intersection(shown.index)]
    kept = kept.loc[[name for name in shown.index if name in kept.index]]
    rows, each = kept.shape
    fig = theme.layout(go.Figure(), dark=dark, height=24 * rows + 150)
    fig.update_layout(
        margin={"l": 24, "r": 16, "t": 70, "b": 56},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    for wide, shade in ((4, 0.10), (2, 0.14)):
        fig.add_shape(
            type="rect", x0=-wide, x1=wide, y0=-0.5, y1=rows - 0.5, line_width=0, layer="below",
            fillcolor=theme.rgba(theme.ink(dark), shade / 2),
        )  # fmt: skip
    for number, label in enumerate(kept.columns):
        values = kept[label].to_numpy(float)
        there = np.isfinite(values)
        if not there.any():
            continue
        fig.add_trace(
            go.Scatter(
                x=float32(np.clip(values[there], -EDGE, EDGE)),
                y=float32(np.flatnonzero(there) + (number - (each - 1) / 2) * 0.5 / each),
                mode="markers",
                marker={
                    "color": theme.colour(number, dark=dark),
                    "symbol": theme.symbol(number),
                    "size": 8,
                    "line_width": 0,
                },
                text=[
                    f"{theme.shorten(str(name), 40)}: {value:+.2f} MCSE"
                    for name, value in zip(kept.index[there], values[there], strict=True)
                ],
                hovertemplate="%{text}<extra>%{fullData.name}</extra>",
                name=f"{theme.shorten(str(label), 34)}, {_draws(runs[str(label)])}",
            )
        )
    reach = float(np.clip(np.nanmax(np.abs(kept.to_numpy(float))) * 1.1, 4.6, EDGE * 1.04))
    against = _against(runs, means, list(map(str, kept.index)))
    some = f"; the {rows} of {len(shown)} that differ most" if rows < len(shown) else ""
    fig.update_xaxes(title_text=f"mean − {against} (MCSE){some}", range=[-reach, reach], nticks=11)
    fig.update_yaxes(
        range=[rows - 0.5, -0.5],
        tickvals=list(range(rows)),
        ticktext=[theme.shorten(str(name), 22) for name in kept.index],
        showgrid=False,
    )
    return label_once(fig)


def _against(
    runs: dict[str, xr.DataTree], means: Mapping[str, float] | None, names: list[str]
) -> str:
    first = f"that of {theme.shorten(next(iter(runs)), 30)}"
    known = [name in (means or {}) for name in names]
    if all(known):
        return "exact mean"
    return f"exact mean where known, else {first}" if any(known) else first


def _draws(dt: xr.DataTree) -> str:
    sizes = dt["posterior"].sizes
    return theme.count(sizes["chain"] * sizes["draw"], "draw")
