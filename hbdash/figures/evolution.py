"""Evolution: R-hat and effective sample size as the run grows."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash import population_draws as read
from hbdash.figures import theme
from hbdash.figures.panels import NO_DRAWS, float32, label_once, panels, span
from hbdash.population_score import HIGH_R_HAT, LOW_ESS, between_ensembles, stacked
from hbdash.posterior_summary import diagnose

#: Sizes at which a run is looked at; the smallest has eight draws a chain.
SIZES, FEWEST = 10, 8
#: R-hat below this is drawn at it: what lies under it is noise.
LEAST_EXCESS = 5e-4
R_HATS = (1.001, 1.003, 1.01, 1.03, 1.1, 1.3, 2, 4, 11, 31, 101)
SIZES_ESS = (1, 10, 100, 400, 1000, 10_000, 100_000)


class Evolution(NamedTuple):
    """Diagnostics of the first draws of a run.

    Attributes
    ----------
    size : shape (sizes,): draws a chain that were looked at.
    r_hat, ess_bulk, ess_tail : shape (sizes, parameter).
    between : shape (sizes,): the worst R-hat between ensembles, NaN where there are none.
    """

    size: np.ndarray
    r_hat: np.ndarray
    ess_bulk: np.ndarray
    ess_tail: np.ndarray
    between: np.ndarray


def evolution(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """What the diagnostics would have said, had the run stopped earlier. Thick lines are the worst
    parameter, thin ones each of them. R-hat should fall below 1.01 (dotted) and stay there; the
    effective sample size should pass 400 (dotted) and grow with the draws. A size that no longer
    grows, or an R-hat that rises again, means that the run has just met a region it did not know.

    Parameters
    ----------
    runs : label to draws of the population model.
    dark : whether the page behind is dark.

    Notes
    -----
    Rank-normalised split R-hat, bulk and tail ESS over all chains (Vehtari et al. 2021,
    doi:10.1214/20-BA1221), numbers by arviz-stats; they need eight draws a chain.
    """  # noqa: D205
    shown = read.with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    grown = [evolve(run.dt) for run in shown]
    if not any(len(one.size) for one in grown):
        return theme.empty("Too few draws yet: eight a chain are needed.", dark=dark)
    fig = panels([""], 3, dark=dark, height=190, gap=26, top=44)
    for run, one in zip(shown, grown, strict=True):
        name = f"{theme.shorten(run.label, 26)}, {read.size(run.dt)}"
        symbols = [read.label(run.dt, n)[0] for n in read.parameters(run.dt)]
        worst = np.max, np.min, np.min
        parts = (one.r_hat - 1, one.ess_bulk, one.ess_tail)
        for row, (values, extreme) in enumerate(zip(parts, worst, strict=True), 1):
            values = np.maximum(values, LEAST_EXCESS) if row == 1 else values
            _lines(fig, row, one.size, values, extreme, symbols, run.number, name, dark)
        if np.isfinite(one.between).any():
            _between(fig, one, run.number, dark)
    _axes(fig, grown, dark)
    return label_once(fig)


def evolve(dt: xr.DataTree) -> Evolution:
    """Diagnose the first tenth of the draws of every chain, the first two tenths, and so on."""
    sites = stacked(dt)
    length = sites.shape[2]
    size = np.unique(np.linspace(0, length, SIZES + 1)[1:].astype(int))
    size = size[size >= FEWEST]
    found = [diagnose(sites[:, :, :n]) for n in size]
    teams = [diagnose(between_ensembles(dt, sites[:, :, :n]))["r_hat"] for n in size]
    empty = np.empty((0, len(sites)))
    r_hat, bulk, tail = (
        np.stack([one[name] for one in found]) if found else empty
        for name in ("r_hat", "ess_bulk", "ess_tail")
    )
    between = np.array([r.max() if r.size else np.nan for r in teams])
    return Evolution(size, r_hat, bulk, tail, between)


def _lines(fig, row: int, size, values, extreme, symbols, run: int, name: str, dark) -> None:
    colour = theme.colour(run, dark=dark)
    if not np.isfinite(values).any():
        return
    offset = 1 if row == 1 else 0
    for k, symbol in enumerate(symbols):
        fig.add_trace(
            go.Scatter(
                x=size.astype(np.int32),
                y=float32(values[:, k]),
                customdata=float32(values[:, k] + offset),
                mode="lines",
                line={"color": theme.rgba(colour, 0.35), "width": 1},
                legendgroup=name,
                hovertemplate=f"{symbol}: %{{customdata:.4~g}}<extra></extra>",
            ),
            row,
            1,
        )
    # A parameter without a number (its draws are not finite) is worse than any other.
    whole = np.where(np.isnan(values).any(1), np.nan, extreme(values, axis=1))
    fig.add_trace(
        go.Scatter(
            x=size.astype(np.int32),
            y=float32(whole),
            customdata=float32(whole + offset),
            mode="lines+markers",
            line={"color": colour, "width": 2.4, "dash": theme.dash(run)},
            marker={"symbol": theme.symbol(run), "size": 7},
            name=name,
            hovertemplate="worst at %{x:,} draws a chain: %{customdata:.4~g}<extra></extra>",
        ),
        row,
        1,
    )


def _between(fig, one: Evolution, run: int, dark: bool) -> None:
    excess = np.maximum(one.between - 1, LEAST_EXCESS)
    fig.add_trace(
        go.Scatter(
            x=one.size.astype(np.int32),
            y=float32(excess),
            customdata=float32(one.between),
            mode="markers",
            marker={
                "symbol": "diamond-open",
                "size": 9,
                "color": theme.colour(run, dark=dark),
                "line": {"width": 1.6},
            },
            name="between ensembles",
            hovertemplate="between ensembles: %{customdata:.4~g}<extra></extra>",
        ),
        1,
        1,
    )


def _axes(fig, grown: list[Evolution], dark: bool) -> None:
    longest = max(int(one.size.max()) for one in grown if len(one.size))
    for row in (1, 2, 3):
        fig.update_xaxes(
            range=[0, 1.03 * longest], showticklabels=row == 3, tickformat=",d", row=row, col=1
        )
    fig.update_xaxes(title_text="draws of each chain so far", row=3, col=1)
    excess = [np.maximum(one.r_hat - 1, LEAST_EXCESS) for one in grown]
    excess += [np.maximum(one.between - 1, LEAST_EXCESS) for one in grown]
    low, high = span(*excess, 0.002, 0.03)
    logs = np.log10([low / 1.5, high * 1.5])
    marks = [r for r in R_HATS if logs[0] <= np.log10(r - 1) <= logs[1]]
    fig.update_yaxes(
        title_text="R-hat",
        type="log",
        range=logs.tolist(),
        tickvals=[r - 1 for r in marks],
        ticktext=[f"{r:g}" for r in marks],
        row=1,
        col=1,
    )
    dotted = {"color": theme.muted(dark), "width": 1.3, "dash": "dot"}
    fig.add_hline(HIGH_R_HAT - 1, line=dotted, row=1, col=1)  # pyright: ignore[reportArgumentType]
    for row, name in ((2, "bulk ESS"), (3, "tail ESS")):
        values = [(one.ess_bulk, one.ess_tail)[row - 2] for one in grown]
        low, high = span(*values, 0.5 * LOW_ESS, 2 * LOW_ESS)
        logs = np.log10([max(low, 1) / 1.3, high * 1.3])
        marks = [e for e in SIZES_ESS if logs[0] <= np.log10(e) <= logs[1]]
        fig.update_yaxes(
            title_text=name,
            type="log",
            range=logs.tolist(),
            tickvals=marks,
            ticktext=[f"{e:,}" for e in marks],
            row=row,
            col=1,
        )
        fig.add_hline(LOW_ESS, line=dotted, row=row, col=1)  # pyright: ignore[reportArgumentType]
