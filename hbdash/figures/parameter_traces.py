"""Traces of the population's parameters, one panel a parameter and run."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash import population_draws as read
from hbdash.figures import theme
from hbdash.figures.pairs import ends, ticks
from hbdash.figures.panels import (
    NO_DRAWS,
    add_note,
    columns_of,
    float32,
    heading,
    label_columns,
    label_once,
    label_rows,
    panels,
    place,
)
from hbdash.figures.traces import FIGURE_POINTS, LINE_POINTS, envelope
from hbdash.population_draws import Run
from hbdash.population_score import HIGH_R_HAT
from hbdash.posterior_summary import diagnose

#: Parameters at the most; lines of one chain each, or of one ensemble of walkers.
MOST, LINES = 14, 8
LP = "log density<br>(nats)"


def parameter_traces(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """Draws in the order they were made, one line a chain; for the walkers of AIES at most eight
    of each ensemble, in the ensemble's colour. Healthy lines wander over the same range and look
    alike. Lines that keep to levels of their own, stand still or drift have not found the same
    posterior: then R-hat, over all chains, lies above 1.01. Dashed lines generated the data. The
    last row is the log posterior density that the sampler saw.

    Parameters
    ----------
    runs : label to draws of the population model, on the same data.
    dark : whether the page behind is dark.
    """  # noqa: D205
    shown = read.with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    names = list(dict.fromkeys(n for run in shown for n in read.parameters(run.dt)))
    left_out, names = len(names) - MOST, names[:MOST]
    rows = [(_title(shown, name), name) for name in names]
    if any(read.values(run.dt, "sample_stats/lp", "chain", "draw") is not None for run in shown):
        rows.append((LP, ""))
    narrow = columns_of(len(shown)) > 2
    titles = [_heading(run, narrow, dark) for run in shown]
    fig = panels(titles, len(rows), dark=dark, height=112 if len(rows) > 6 else 128)
    chosen = [_chosen(run.dt) for run in shown]
    points = int(np.clip(FIGURE_POINTS // (len(rows) * sum(map(len, chosen))), 60, LINE_POINTS))
    for row, (title, name) in enumerate(rows):
        data = [_draws(run.dt, name) for run in shown]
        known = next((t for run in shown if np.isfinite(t := read.truth(run.dt, name))), np.nan)
        # Every draw has a place here, also that of a chain which wandered off alone.
        low, high = _extent(data, known)
        for k, run in enumerate(shown):
            at = place(k, row, len(shown), len(rows))
            for line in chosen[k]:
                _line(fig, at, data[k], line, read.ensembles(run.dt), points, dark)
            last = max(data[k].shape[1], 1)
            _dashed(fig, at, last, known, dark)
            _r_hat(fig, at, data[k])
            fig.update_xaxes(
                range=[-0.01 * last, 1.01 * last],
                tickvals=sorted({0, last // 2, last} - ({0} if narrow and at[1] > 1 else set())),
                tickformat=",d",
                row=at[0],
                col=at[1],
            )
            marks = ticks((low, high), 3)
            fig.update_yaxes(range=[low, high], tickvals=marks, row=at[0], col=at[1])
        label_rows(fig, row, title, len(shown), len(rows))
    words = "draw" if narrow else theme.LABELS["draw"]
    label_columns(fig, words, len(shown), len(rows))
    if left_out > 0:
        quiet = {"size": 11, "color": theme.muted(dark)}
        words = f"{theme.count(left_out, 'parameter')} more not shown"
        add_note(
            fig, (len(rows), 1), words, x=0, y=0, anchor=("left", "top"), yshift=-36, font=quiet
        )
    return label_once(fig)


def lines(of: np.ndarray | None, chains: int) -> np.ndarray:
    """Choose the chains to draw: at most eight, evenly, or at most eight of each ensemble.

    Parameters
    ----------
    of : the ensemble of each chain, or None. chains : how many there are.
    """
    teams = [np.arange(chains)] if of is None else [np.flatnonzero(of == e) for e in np.unique(of)]
    evenly = [t[np.linspace(0, len(t) - 1, min(len(t), LINES)).round().astype(int)] for t in teams]
    # Ensembles in turn, so that none hides another.
    order = np.argsort(np.concatenate([np.arange(len(t)) for t in evenly]), kind="stable")
    return np.concatenate(evenly)[order]


def _chosen(dt: xr.DataTree) -> np.ndarray:
    return lines(read.ensembles(dt), len(read.draws(dt, read.parameters(dt)[0])))


def _draws(dt: xr.DataTree, name: str) -> np.ndarray:
    path = f"posterior/{name}" if name else "sample_stats/lp"
    there = read.values(dt, path, "chain", "draw")
    return np.empty((0, 0)) if there is None else np.where(np.isfinite(there), there, np.nan)


def _extent(data: list[np.ndarray], known: float) -> tuple[float, float]:
    low, high = ends([values.ravel() for values in data], known)
    finite = np.concatenate([values[np.isfinite(values)] for values in data])
    if finite.size:
        low, high = min(low, finite.min()), max(high, finite.max())
    pad = high - low
    return float(low - 0.06 * pad), float(high + 0.24 * pad)  # room for R-hat at the top


def _title(shown: list[Run], name: str) -> str:
    first = next(run.dt for run in shown if name in read.parameters(run.dt))
    symbol, unit = read.label(first, name)
    unit = unit.replace(" Gpc", "<br>Gpc")
    return f"{symbol}<br>({unit})" if unit else symbol


def _heading(run: Run, narrow: bool, dark: bool) -> str:
    note = read.size(run.dt)
    note = note.replace("walkers ×", "walkers, ×") if narrow else note
    drawn = _chosen(run.dt)
    chains = len(read.draws(run.dt, read.parameters(run.dt)[0]))
    if len(drawn) < chains:
        note += f", shown: {len(drawn)} of {chains}"
    return heading(run.number, run.label, note, dark=dark)


def _line(fig, at, data: np.ndarray, chain: int, of: np.ndarray | None, points: int, dark) -> None:
    if chain >= len(data):
        return
    kept = envelope(data[chain], points)
    number = chain if of is None else int(np.searchsorted(np.unique(of), of[chain]))
    word = "chain" if of is None else "ensemble"
    # Beyond a few the colours come round again, and a legend of them would say nothing.
    named = f"{word} {number + 1}" if of is not None or len(data) <= LINES else None
    fig.add_trace(
        go.Scatter(
            x=kept.astype(np.int32),
            y=float32(data[chain][kept]),
            mode="lines" if len(kept) > 1 else "markers",
            line={"color": theme.colour(number, dark=dark), "width": 0.9},
            opacity=0.7 if of is None else 0.4,
            name=named,
            hovertemplate=("chain " if of is None else "walker ")
            + f"{chain + 1}, draw %{{x}}: %{{y:.4g}}<extra></extra>",
        ),
        *at,
    )


def _dashed(fig, at, last: int, known: float, dark: bool) -> None:
    if not np.isfinite(known):
        return
    halo = {"color": theme.rgba(theme.surface(dark), 0.8), "width": 3}
    for style, words in ((halo, None), (theme.truth_line(dark), "truth")):
        fig.add_trace(
            go.Scatter(
                x=float32([0, last]),
                y=float32([known, known]),
                mode="lines",
                line=style,
                name=words,
                hovertemplate=f"truth: {known:.4g}<extra></extra>",
            ),
            *at,
        )


def _r_hat(fig, at, data: np.ndarray) -> None:
    value = diagnose(data[None])["r_hat"][0] if data.size else np.nan
    if not np.isnan(value):
        words = f"R-hat {value:.3f}" if value <= HIGH_R_HAT else f"<b>R-hat {value:.3g}</b>"
        add_note(fig, at, words, x=0.99, y=1, anchor=("right", "top"), font_size=11)
