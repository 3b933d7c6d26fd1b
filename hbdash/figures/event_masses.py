"""Event masses: every event's posterior samples in the plane of the two masses."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash import population_draws as read
from hbdash.figures import theme
from hbdash.figures.events import TITLES, cloud, medians, true_masses
from hbdash.figures.panels import float32, label_once, span

#: Samples drawn, of all events together.
MOST_POINTS = 4000


def event_masses(dt: xr.DataTree, *, dark: bool = False) -> go.Figure:
    """The data: each event is known only as a cloud of samples of its two masses. Neighbouring
    events have other colours; circles are their medians and crosses the true masses, where they
    are known. Both masses are measured together, so clouds are tilted, and no sample lies above
    the line of equal masses. What looks like a broad population may be a narrow one, blurred: that
    is what the hierarchical model takes apart.

    Parameters
    ----------
    dt : a run of the population model; its observed_data is shown, not its draws.
    dark : whether the page behind is dark.
    """  # noqa: D205
    samples, middle = cloud(dt, MOST_POINTS), medians(dt)
    if samples is None and not len(middle):
        return theme.empty("This run does not hold the samples of its events.", dark=dark)
    fig = theme.layout(go.Figure(), dark=dark, height=520)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": 48, "b": 56},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    true, drawn = true_masses(dt), [middle]
    x_limits, y_limits = _limits([a for a in (*drawn, true) if a is not None], samples)
    _equal(fig, x_limits, y_limits, dark)
    if samples is not None:
        _cloud(fig, dt, samples, dark)
    if len(middle):
        _middles(fig, dt, middle, dark)
    if true is not None:
        _true(fig, dt, true, dark)
    fig.update_xaxes(title_text=TITLES["m1"], range=list(x_limits), nticks=8)
    fig.update_yaxes(title_text=TITLES["m2"], range=list(y_limits), nticks=8)
    return label_once(fig)


def _limits(marks: list[np.ndarray], samples) -> tuple[tuple[float, float], tuple[float, float]]:
    """Hold all marks, and all but the rarest samples."""
    found = []
    for k in (0, 1):
        values = [mark[:, k] for mark in marks]
        if samples is not None and len(samples.event):
            values.append(np.quantile((samples.m1, samples.m2)[k], (0.002, 0.998)))
        low, high = span(*values)
        pad = 0.04 * (high - low)
        found.append((max(low - pad, 0.0), high + pad))
    return found[0], found[1]


def _equal(fig, x_limits, y_limits, dark: bool) -> None:
    """Line of equal masses, and the side on which no pair lies."""
    low, high = max(x_limits[0], y_limits[0]), min(x_limits[1], y_limits[1])
    if not high > low:
        return
    top = y_limits[1]
    fig.add_trace(
        go.Scatter(
            x=float32([x_limits[0], x_limits[0], low, high, high, x_limits[0]]),
            y=float32([top, low, low, high, top, top]),
            mode="lines",
            line_width=0,
            fill="toself",
            fillcolor=theme.rgba(theme.muted(dark), 0.12),
            hoverinfo="skip",
        )
    )
    fig.add_trace(
        go.Scatter(
            x=float32([low, high]),
            y=float32([low, high]),
            mode="lines",
            line={"color": theme.muted(dark), "width": 1.2},
            name="m<sub>1</sub> = m<sub>2</sub>",
            hoverinfo="skip",
        )
    )


def _cloud(fig, dt: xr.DataTree, samples, dark: bool) -> None:
    events = int(samples.event.max()) + 1 if len(samples.event) else 0
    names = np.array(_names(dt, events), dtype=object)
    # Events beside each other in m1 get other colours.
    heavy = [np.median(samples.m1[samples.event == n]) for n in np.unique(samples.event)]
    place = np.zeros(events, int)
    place[np.unique(samples.event)] = np.argsort(np.argsort(heavy))
    palette = [theme.colour(k, dark=dark) for k in range(6)]
    shown, total = len(samples.event), samples.total
    words = (
        f"{shown:,} of {theme.count(total, 'sample')}" if shown < total else f"{total:,} samples"
    )
    fig.add_trace(
        go.Scattergl(
            x=float32(samples.m1),
            y=float32(samples.m2),
            text=names[samples.event],
            mode="markers",
            marker={
                "color": [palette[place[n] % 6] for n in samples.event],
                "size": 3.5,
                "opacity": 0.45,
            },
            name=words,
            hovertemplate="%{text}: %{x:.3g}, %{y:.3g} M☉<extra></extra>",
        )
    )


def _names(dt: xr.DataTree, events: int) -> list[str]:
    rows = read.found(dt, "observed_data/rows")
    every = read.event_names(dt, events if rows is None else max(rows.size, events))
    return every[:events] if len(every) >= events else read.event_names(dt, events)


def _middles(fig, dt: xr.DataTree, middle: np.ndarray, dark: bool) -> None:
    fig.add_trace(
        go.Scattergl(
            x=float32(middle[:, 0]),
            y=float32(middle[:, 1]),
            text=read.event_names(dt, len(middle)),
            mode="markers",
            marker={
                "color": theme.surface(dark),
                "size": 7,
                "line": {"color": theme.ink(dark), "width": 1.4},
            },
            name=f"medians of {theme.count(len(middle), 'event')}",
            hovertemplate="%{text}: median %{x:.3g}, %{y:.3g} M☉<extra></extra>",
        )
    )


def _true(fig, dt: xr.DataTree, true: np.ndarray, dark: bool) -> None:
    fig.add_trace(
        go.Scattergl(
            x=float32(true[:, 0]),
            y=float32(true[:, 1]),
            text=read.event_names(dt, len(true)),
            mode="markers",
            marker={
                "symbol": "cross-thin",
                "size": 8,
                "line": {"color": theme.ink(dark), "width": 1.4},
            },
            name="truth",
            hovertemplate="%{text}: truth %{x:.3g}, %{y:.3g} M☉<extra></extra>",
        )
    )
