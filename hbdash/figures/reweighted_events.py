"""Reweighted events: each event's masses before and after it is read as one of a population."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash import population_draws as read
from hbdash.figures import theme
from hbdash.figures.events import MASSES, TITLES, medians, quantiles, true_masses
from hbdash.figures.panels import NO_DRAWS, float32, label_once, panels, span
from hbdash.population_draws import Run
from hbdash.population_score import LOW_N_EFF

#: Pixels of all rows at the most, and of one row.
TALLEST, ROWS = 1100, (9.0, 22.0)


class Shift(NamedTuple):
    """One mass of all events under the population of one run.

    Attributes
    ----------
    before, after : shape (event, 3): 5, 50 and 95 % quantiles; before are NaN where unknown.
    n_eff : shape (event,): effective samples of the weights; NaN where unknown.
    draws : samples of each event that `after` is taken from.
    """

    before: np.ndarray
    after: np.ndarray
    n_eff: np.ndarray
    draws: int


def reweighted_events(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """Each row is one event: a wide grey bar is the 90% interval of its own posterior, under the
    flat reference prior; the coloured one is the same event weighted by the population, which
    knows all the others. Arrows lead from the old median to the new one. Vague events lean most on
    the population, and their intervals shrink; the short dashed marks are the true masses. Hollow
    marks have under 10 effective samples: do not trust them.

    Parameters
    ----------
    runs : label to draws of the population model, on the same data; needs the group `reweighted`.
    dark : whether the page behind is dark.
    """  # noqa: D205
    shown = read.with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    kept = [(run, found) for run in shown if (found := shifts(run.dt)) is not None]
    if not kept:
        return theme.empty("These runs do not hold reweighted events.", dark=dark)
    events = len(kept[0][1]["m1"].after)
    kept = [(run, found) for run, found in kept if len(found["m1"].after) == events]
    first = kept[0][0].dt
    own = medians(first)
    by = own[:, 0] if len(own) == events else kept[0][1]["m1"].after[:, 1]
    order = np.argsort(by, kind="stable")
    row = float(np.clip(TALLEST / events, 3.0, ROWS[1])) if events else ROWS[1]
    row = max(row, min(ROWS[0], 2200 / events))
    true = true_masses(first)
    heads = [f"<b>{word} mass</b>" for word in ("Primary", "Secondary")]
    fig = panels(heads, 1, dark=dark, height=max(round(events * row), 70), between=20, top=52)
    for k, mass in enumerate(MASSES, 1):
        _before(fig, (1, k), kept[0][1][mass].before[order], row, dark)
        for lane, (run, found) in enumerate(kept):
            aside = (lane - (len(kept) - 1) / 2) * 0.6 / len(kept)
            _after(fig, (1, k), run, found[mass], order, aside, row / len(kept), first, dark)
        known = None if true is None or len(true) != events else true[order, k - 1]
        if known is not None:
            _truth(fig, (1, k), known, row, dark)
        _range(fig, k, [found[mass] for _, found in kept], known)
    _label(fig, [read.event_names(first, events)[n] for n in order], row)
    return label_once(fig)


def shifts(dt: xr.DataTree) -> dict[str, Shift] | None:
    """Quantiles of m1 and m2 of every event before and after; None where they were not computed."""
    found = {}
    for mass in MASSES:
        after = read.values(dt, f"reweighted/{mass}", "event", "resample")
        if after is None:
            return None
        after = np.where(np.isfinite(after), after, np.nan)
        ends = np.full((len(after), 3), np.nan)
        there = np.isfinite(after).any(1)
        if there.any():
            ends[there] = np.nanquantile(after[there], (0.05, 0.5, 0.95), axis=1).T
        before, n_eff = quantiles(dt, mass), read.values(dt, "reweighted/weights_n_eff", "event")
        if before is None or len(before) != len(after):
            before = np.full((len(after), 3), np.nan)
        if n_eff is None or len(n_eff) != len(after):
            n_eff = np.full(len(after), np.nan)
        found[mass] = Shift(before, ends, n_eff, after.shape[1])
    return found


def _before(fig, at, ends: np.ndarray, row: float, dark: bool) -> None:
    y, nothing = np.arange(len(ends)), np.full(len(ends), np.nan)
    fig.add_trace(
        go.Scatter(
            x=float32(np.stack([ends[:, 0], ends[:, 2], nothing], 1).ravel()),
            y=float32(np.stack([y, y, nothing], 1).ravel()),
            mode="lines",
            line={
                "color": theme.rgba(theme.muted(dark), 0.28),
                "width": float(np.clip(0.62 * row, 3, 13)),
            },
            name="own posterior, 90%",
            hoverinfo="skip",
        ),
        *at,
    )


def _after(fig, at, run: Run, shift: Shift, order, aside: float, room: float, first, dark) -> None:
    before, after, n_eff = shift.before[order], shift.after[order], shift.n_eff[order]
    events = len(order)
    y, nothing = np.arange(events) + aside, np.full(events, np.nan)
    colour = theme.colour(run.number, dark=dark)
    name = f"{theme.shorten(run.label, 20)}, {theme.count(shift.draws, 'draw')} an event"
    thick = float(np.clip(room / 5, 1.2, 3.2))
    segments = (
        (after[:, 0], after[:, 2], y, {"color": colour, "width": thick}),
        (before[:, 1], after[:, 1], y, {"color": theme.ink(dark), "width": 1}),
    )
    for low, high, at_y, line in segments:
        fig.add_trace(
            go.Scatter(
                x=float32(np.stack([low, high, nothing], 1).ravel()),
                y=float32(np.stack([at_y, at_y, nothing], 1).ravel()),
                mode="lines",
                line=line,
                legendgroup=name,
                hoverinfo="skip",
            ),
            *at,
        )
    # A median that stays is a circle, one that moves an arrow head.
    step = np.where(np.isfinite(before[:, 1]), after[:, 1] - before[:, 1], 0)
    small = np.abs(step) < 0.03 * np.maximum(after[:, 2] - after[:, 0], 1e-9)
    kind = np.where(small, "circle", np.where(step > 0, "triangle-right", "triangle-left"))
    poor = n_eff < LOW_N_EFF
    names = np.array(read.event_names(first, events), dtype=object)[order]
    fig.add_trace(
        go.Scatter(
            x=float32(after[:, 1]),
            y=float32(y),
            text=names,
            customdata=float32(np.column_stack([before[:, 1], after[:, 0], after[:, 2], n_eff])),
            mode="markers",
            marker={
                "color": colour,
                "size": float(np.clip(0.5 * room, 4, 9)),
                "symbol": [f"{s}-open" if bad else s for s, bad in zip(kind, poor, strict=True)],
                "line": {"color": colour if poor.any() else theme.surface(dark), "width": 0.8},
            },
            name=name,
            hovertemplate="%{text}: median %{customdata[0]:.3g} → %{x:.3g} M☉, 90% "
            "%{customdata[1]:.3g} to %{customdata[2]:.3g}, %{customdata[3]:.0f} effective samples"
            "<extra></extra>",
        ),
        *at,
    )


def _truth(fig, at, values: np.ndarray, row: float, dark: bool) -> None:
    y, nothing = np.arange(len(values)), np.full(len(values), np.nan)
    half = 0.45 if row > 8 else 0.7
    dashed = "3px,2px" if row > 12 else "2px,1px"
    fig.add_trace(
        go.Scatter(
            x=float32(np.stack([values, values, nothing], 1).ravel()),
            y=float32(np.stack([y - half, y + half, nothing], 1).ravel()),
            mode="lines",
            line=theme.truth_line(dark) | {"width": 1.6, "dash": dashed},
            name="truth",
            hovertemplate="truth %{x:.3g} M☉<extra></extra>",
        ),
        *at,
    )


def _range(fig, column: int, found: list[Shift], known: np.ndarray | None) -> None:
    ends = [array for shift in found for array in (shift.before, shift.after)]
    low, high = span(*ends, *([] if known is None else [known]))
    pad = 0.03 * (high - low)
    title = TITLES[MASSES[column - 1]]
    fig.update_xaxes(title_text=title, range=[low - pad, high + pad], nticks=6, row=1, col=column)


def _label(fig, names: list[str], row: float) -> None:
    """Name as many rows as there is room for, at the first panel only."""
    kept = list(range(0, len(names), max(1, int(np.ceil(13 / row)))))
    for column in (1, 2):
        fig.update_yaxes(
            range=[-0.8, len(names) - 0.2],
            tickvals=kept,
            ticktext=[theme.shorten(names[k], 14) for k in kept],
            showticklabels=column == 1,
            tickfont_size=10,
            showgrid=row > 11,
            row=1,
            col=column,
        )
