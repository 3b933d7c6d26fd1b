"""Event weights: how many samples of each event count, and how well the population explains it."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash import population_draws as read
from hbdash.figures import theme
from hbdash.figures.pairs import log_ticks
from hbdash.figures.panels import NO_DRAWS, add_note, float32, label_once, panels
from hbdash.population_draws import Run
from hbdash.population_score import LOW_N_EFF

#: Events that are named, those of the fewest effective samples.
NAMED = 3


def event_weights(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """Above: effective samples of each event, (Σ w)² / Σ w², w the population's rate density at a
    sample over its reference prior; median and 90% interval over draws, events sorted by it. Grey
    marks are all samples. Below 10 (dotted) the event's part of the likelihood is noise: it needs
    more samples. Below: the log of the same event's average weight. An event far under the
    others is one that the population hardly explains.

    Parameters
    ----------
    runs : label to draws of the population model, on the same data; needs event_diagnostics.
    dark : whether the page behind is dark.
    """  # noqa: D205
    shown = read.with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    kept = [run for run in shown if n_eff(run.dt) is not None]
    if not kept:
        return theme.empty("These runs do not record the weights of their events.", dark=dark)
    first = _middle(n_eff(kept[0].dt))
    order = np.argsort(first, kind="stable")
    kept = [run for run in kept if len(_middle(n_eff(run.dt))) == len(order)]
    names = read.event_names(kept[0].dt, len(order))
    notes = "<br>".join(_least(run, names, dark) for run in kept)
    fig = panels([notes], 2, dark=dark, height=230, gap=22, top=62)
    rows = read.values(kept[0].dt, "observed_data/rows", "event")
    if rows is not None and len(rows) == len(order):
        _all_samples(fig, rows[order], [names[n] for n in order], dark)
    for k, run in enumerate(kept):
        aside = (k - (len(kept) - 1) / 2) * 0.6 / len(kept)
        for row, values in ((1, n_eff(run.dt)), (2, _evidence(run.dt))):
            if values is not None and values.shape[1] == len(order):
                _intervals(fig, row, values[:, order], aside, run, [names[n] for n in order], dark)
    _axes(fig, [n_eff(run.dt) for run in kept], rows, len(order), dark)
    return label_once(fig)


def n_eff(dt: xr.DataTree) -> np.ndarray | None:
    """Effective samples, shape (sample, event), or (1, event) at the posterior mean alone."""
    there = read.values(dt, "event_diagnostics/n_eff", "sample", "event")
    if there is None:
        at_mean = read.values(dt, "event_diagnostics/n_eff_at_mean", "event")
        there = None if at_mean is None else at_mean[None]
    # No sample inside the population's range: none is effective.
    return None if there is None else np.nan_to_num(there, nan=0.0, posinf=0.0)


def _evidence(dt: xr.DataTree) -> np.ndarray | None:
    there = read.values(dt, "event_diagnostics/log_evidence", "sample", "event")
    return None if there is None else np.where(np.isfinite(there), there, np.nan)


def _middle(values: np.ndarray | None) -> np.ndarray:
    return np.empty(0) if values is None else np.median(values, axis=0)


def _least(run: Run, names: list[str], dark: bool) -> str:
    """Count the events of too few effective samples, and name the lowest ones."""
    middle = _middle(n_eff(run.dt))
    lowest = np.argsort(middle, kind="stable")[:NAMED]
    words = ", ".join(f"{theme.shorten(names[n], 14)} ({middle[n]:.3g})" for n in lowest)
    colour = theme.colour(run.number, dark=dark)
    quiet = f'<span style="font-size:11px;color:{theme.muted(dark)}">fewest: {words}</span>'
    verdict = f"{theme.count(int((middle < LOW_N_EFF).sum()), 'event')} below {LOW_N_EFF}"
    return f'<b style="color:{colour}">{theme.shorten(run.label, 26)}</b>: {verdict}<br>{quiet}'


def _all_samples(fig, rows: np.ndarray, names: list[str], dark: bool) -> None:
    fig.add_trace(
        go.Scatter(
            x=np.arange(1, len(rows) + 1, dtype=np.int32),
            y=float32(rows),
            text=names,
            mode="markers",
            marker={
                "symbol": "line-ew",
                "size": 7,
                "line": {"color": theme.muted(dark), "width": 1.6},
            },
            name="all samples",
            hovertemplate="%{text}: %{y:,} samples<extra></extra>",
        ),
        1,
        1,
    )


def _intervals(fig, row: int, values: np.ndarray, aside: float, run: Run, names, dark) -> None:
    number, events = values.shape
    quantiles = np.full((3, events), np.nan)
    there = np.isfinite(values).any(0)
    quantiles[:, there] = np.nanquantile(values[:, there], (0.05, 0.5, 0.95), axis=0)
    drawn = np.maximum(quantiles, 0.5) if row == 1 else quantiles  # a logarithm has no zero
    x = np.arange(1, events + 1) + aside
    colour, nothing = theme.colour(run.number, dark=dark), np.full(events, np.nan)
    name = f"{theme.shorten(run.label, 26)}, {theme.count(number, 'draw')}"
    fig.add_trace(
        go.Scatter(
            x=float32(np.stack([x, x, nothing], 1).ravel()),
            y=float32(np.stack([drawn[0], drawn[2], nothing], 1).ravel()),
            mode="lines",
            line={"color": colour, "width": 1.2},
            legendgroup=name,
            hoverinfo="skip",
        ),
        row,
        1,
    )
    low = quantiles[1] < LOW_N_EFF if row == 1 else np.zeros(events, bool)
    symbol = theme.symbol(run.number)
    fig.add_trace(
        go.Scatter(
            x=float32(x),
            y=float32(drawn[1]),
            text=names,
            customdata=float32(quantiles.T),
            mode="markers",
            marker={
                "color": colour,
                "size": float(np.clip(260 / events, 3.5, 7)),
                "symbol": [f"{symbol}-open" if bad else symbol for bad in low],
            },
            name=name,
            hovertemplate="%{text}: %{customdata[1]:.4~g} (%{customdata[0]:.4~g} to "
            "%{customdata[2]:.4~g})<extra></extra>",
        ),
        row,
        1,
    )


def _axes(fig, all_n_eff: list, rows: np.ndarray | None, events: int, dark: bool) -> None:
    every = np.concatenate([values.ravel() for values in all_n_eff])
    top = max(every.max(), 0 if rows is None else rows.max(), 4 * LOW_N_EFF)
    low = min(max(every.min(), 0.5), LOW_N_EFF)
    marks, text = log_ticks(low / 1.5, 1.5 * top)
    ends = np.log10([low / 1.5, 1.5 * top]).tolist()
    kinds = {"type": "log", "range": ends, "tickvals": marks, "ticktext": text}
    fig.update_yaxes(title_text="effective samples", **kinds, row=1, col=1)
    dotted = {"color": theme.muted(dark), "width": 1.3, "dash": "dot"}
    fig.add_hline(LOW_N_EFF, line=dotted, row=1, col=1)  # pyright: ignore[reportArgumentType]
    fig.update_yaxes(title_text="log evidence (nats)", nticks=6, row=2, col=1)
    for row in (1, 2):
        fig.update_xaxes(
            range=[0, events + 1], showgrid=False, showticklabels=row == 2, row=row, col=1
        )
    title = f"event, by effective samples ({events:,})"
    fig.update_xaxes(title_text=title, nticks=8, tickformat=",d", row=2, col=1)
    if not any(trace.yaxis == "y2" for trace in fig.data):
        quiet = {"size": 12, "color": theme.muted(dark)}
        place = {"x": 0.5, "y": 0.5, "anchor": ("center", "middle")}
        add_note(fig, (2, 1), "no log evidence in these runs", **place, font=quiet)
