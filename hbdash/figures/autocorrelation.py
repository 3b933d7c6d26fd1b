"""Autocorrelation of mu and log tau: how many draws make one independent draw."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.base.dataarray import dataarray_stats
from arviz_stats.sampling_diagnostics import ess

from hbdash.figures import theme
from hbdash.figures.panels import (
    NO_DRAWS,
    add_note,
    float32,
    heading,
    label_columns,
    label_once,
    label_rows,
    panels,
    place,
    sizes,
)
from hbdash.quantities import followed, variable, with_draws

QUANTITIES = {"mu": "μ", "log_tau": "log τ"}
LAST_LAG = 100


def autocorrelation(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """Correlation between draws that lie a number of draws (the lag) apart: thin lines are chains,
    the thick line their mean. The sooner it falls to zero, the more each draw is worth: the
    effective sample size (bulk ESS) stands in the corner. Independent draws would keep a chain
    inside the grey band, ±1.96/√n for n draws a chain, at 95% of the lags.

    Parameters
    ----------
    runs : label to draws. Lags go to 100, or to the last there is.
    """  # noqa: D205
    shown = [run for run in with_draws(runs) if _lengths(run[2]).sizes["draw"] > 1]
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    chosen = followed([dt for _, _, dt in shown])
    rows = [[correlations(one.of(dt)) for _, _, dt in shown] for one in chosen]
    found = [c[np.isfinite(c)] for row in rows for c in row]
    low = min(-0.15, *(float(c.min()) for c in found if c.size), 0.0)
    last = max(c.shape[1] for c in rows[0]) - 1
    titles = [heading(i, label, sizes(_lengths(dt)), dark=dark) for i, label, dt in shown]
    fig = panels(titles, len(chosen), dark=dark, height=190, gap=18)
    for row, one in enumerate(chosen):
        for column, (i, _, dt) in enumerate(shown):
            at = place(column, row, len(shown), len(chosen))
            draws = one.of(dt)
            _panel(fig, at, rows[row][column], draws.sizes["draw"], i, dark)
            if draws.sizes["draw"] >= 4:
                note = f"ESS {float(ess(draws)):,.0f}"
                add_note(fig, at, note, x=0.98, y=0.97, anchor=("right", "top"))
            fig.update_xaxes(range=[-0.01 * last, last], nticks=5, row=at[0], col=at[1])
            fig.update_yaxes(range=[low - 0.03, 1.04], nticks=6, row=at[0], col=at[1])
        symbol = QUANTITIES.get(one.name, theme.broken(one.name, 20))
        words = f"autocorrelation of{' ' if symbol == QUANTITIES.get(one.name) else '<br>'}{symbol}"
        label_rows(fig, row, words, len(shown), len(chosen))
    label_columns(fig, "lag (draws)", len(shown), len(chosen))
    return label_once(fig)


def _lengths(dt: xr.DataTree) -> xr.DataArray:
    return variable(dt, "sample_stats/lp")


def correlations(draws: xr.DataArray) -> np.ndarray:
    """Autocorrelation of each chain from lag 0 on, shape (chain, lag); NaN in a constant chain."""
    everything = dataarray_stats.autocorr(draws, dim="draw").transpose("chain", "draw").values
    return everything[:, : LAST_LAG + 1]


def _panel(fig, at, found: np.ndarray, number: int, i: int, dark: bool) -> None:
    lag = np.arange(found.shape[1], dtype=np.int32)
    bound = 1.96 / np.sqrt(number)
    muted, colour = theme.muted(dark), theme.colour(i, dark=dark)
    fig.add_trace(
        go.Scatter(
            x=float32([lag[0], lag[-1], lag[-1], lag[0]]),
            y=float32([-bound, -bound, bound, bound]),
            fill="toself",
            mode="lines",
            line_width=0,
            fillcolor=theme.rgba(muted, 0.25),
            name="±1.96/√n",
            hoverinfo="skip",
        ),
        *at,
    )
    for chain, values in enumerate(found):
        fig.add_trace(
            go.Scatter(
                x=lag,
                y=float32(values),
                mode="lines",
                line={"color": theme.rgba(colour, 0.5), "width": 1},
                name="one chain",
                hovertemplate=f"chain {chain + 1}, lag %{{x}}: %{{y:.2f}}<extra></extra>",
            ),
            *at,
        )
    whole = found[np.isfinite(found).all(axis=1)]
    if len(whole):
        fig.add_trace(
            go.Scatter(
                x=lag,
                y=float32(whole.mean(axis=0)),
                mode="lines",
                line={"color": colour, "width": 2.8},
                name="mean of the chains",
                hovertemplate="mean, lag %{x}: %{y:.2f}<extra></extra>",
            ),
            *at,
        )
