"""Mass sensitivity: how much space and time the detectors watch for a pair of masses."""

import numpy as np
import plotly.graph_objects as go

from hbdash.figures import theme
from hbdash.figures.events import TITLES
from hbdash.figures.panels import float32

#: Cells each way at the most; steps of the contours, in nats, from fine to coarse.
MOST_CELLS, STEPS, MOST_LINES = 160, (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0), 9


def mass_sensitivity(
    m1: np.ndarray,
    m2: np.ndarray,
    log_vt: np.ndarray,
    *,
    unit: str = "Gpc³ yr",
    events: np.ndarray | None = None,
    dark: bool = False,
) -> go.Figure:
    """How much of the universe is searched for a pair of masses: the logarithm of the sensitive
    volume times the time of observation. Lines join pairs that are heard equally far. The louder
    heavy pairs dominate any catalogue, although light ones may be far more common: the expected
    number of detections is the rate density times e to this, summed over all pairs. Circles are
    the medians of the events.

    Parameters
    ----------
    m1, m2 : grids in solar masses, increasing, shapes (columns,) and (rows,).
    log_vt : natural logarithm of the sensitive volume-time in `unit`, shape (rows, columns);
        values that are not finite, and pairs with m2 > m1, stay empty.
    unit : of e to the power of `log_vt`.
    events : masses of events, shape (N, 2), or None.
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When the shapes do not fit.
    """  # noqa: D205
    m1, m2, log_vt = (np.asarray(a, float) for a in (m1, m2, log_vt))
    if log_vt.shape != (len(m2), len(m1)):
        raise ValueError(
            f"`log_vt` must have a row for each m2 and a column for each m1, so shape "
            f"{(len(m2), len(m1))}, got {log_vt.shape}: transpose it."
        )
    columns, rows = _thin(len(m1)), _thin(len(m2))
    m1, m2, log_vt = m1[columns], m2[rows], log_vt[np.ix_(rows, columns)]
    shown = np.isfinite(log_vt) & (m2[:, None] <= m1)
    if min(log_vt.shape) < 2 or not shown.any():
        return theme.empty("There is no sensitivity to show on these masses.", dark=dark)
    # Cells that the line of equal masses cuts are coloured whole, and covered beyond it.
    reached = np.isfinite(log_vt) & (m2[:, None] <= np.append(m1[1:], m1[-1]))
    values = np.where(reached, log_vt, np.nan)
    fig = theme.layout(go.Figure(), dark=dark, height=460)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": 34, "b": 56},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    _map(fig, m1, m2, values, unit, dark)
    _equal(fig, m1, m2, dark)
    if events is not None and len(events):
        _events(fig, np.asarray(events, float), dark)
    fig.update_xaxes(title_text=TITLES["m1"], range=[m1[0], m1[-1]], nticks=8, showgrid=False)
    fig.update_yaxes(title_text=TITLES["m2"], range=[m2[0], m2[-1]], nticks=8, showgrid=False)
    return fig


def _thin(number: int) -> np.ndarray:
    return np.unique(np.linspace(0, number - 1, min(number, MOST_CELLS)).round().astype(int))


def step(low: float, high: float) -> float:
    """Choose the step of the contours so that there are few of them."""
    return next((s for s in STEPS if (high - low) / s <= MOST_LINES), STEPS[-1])


def _map(fig, m1: np.ndarray, m2: np.ndarray, values: np.ndarray, unit: str, dark: bool) -> None:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    # The lightest pairs fall off without end: they must not take all colours.
    low = max(low, high - 14.0)
    each = step(low, high)
    fig.add_trace(
        go.Heatmap(
            x=float32(m1),
            y=float32(m2),
            z=float32(values),
            zmin=low,
            zmax=high if high > low else low + 1,
            colorscale="Cividis",
            zsmooth=False,
            hoverongaps=False,
            colorbar={
                "title": {"text": f"ln VT<br>(VT in {unit})", "font": {"size": 12}},
                "thickness": 14,
                "outlinewidth": 0,
                "len": 1,
                "tickfont": {"size": 11, "color": theme.muted(dark)},
            },
            hovertemplate="%{x:.3g}, %{y:.3g} M☉: ln VT = %{z:.2f}<extra></extra>",
        )
    )
    if not high > low:
        return
    fig.add_trace(
        go.Contour(
            x=float32(m1),
            y=float32(m2),
            z=float32(values),
            contours={
                "start": float(np.ceil(low / each) * each),
                "end": float(np.floor(high / each) * each),
                "size": each,
                "coloring": "none",
                "showlabels": True,
                "labelfont": {"size": 10, "color": "#FFFFFF"},
            },
            line={"color": "rgba(255,255,255,0.75)", "width": 0.9},
            showscale=False,
            showlegend=False,
            hoverinfo="skip",
        )
    )


def _equal(fig, m1: np.ndarray, m2: np.ndarray, dark: bool) -> None:
    """Draw the line of equal masses, and cover the cells beyond it, where no pair lies."""
    low, high = max(m1[0], m2[0]), min(m1[-1], m2[-1])
    if not high > low:
        return
    nothing = {"mode": "lines", "hoverinfo": "skip"}
    fig.add_trace(
        go.Scatter(
            **nothing,
            x=float32([m1[0], m1[0], low, high, high, m1[0]]),
            y=float32([m2[-1], low, low, high, m2[-1], m2[-1]]),
            line_width=0,
            fill="toself",
            fillcolor=theme.surface(dark),
            showlegend=False,
        )
    )
    fig.add_trace(
        go.Scatter(
            **nothing,
            x=float32([low, high]),
            y=float32([low, high]),
            line={"color": theme.muted(dark), "width": 1.2},
            name="m<sub>1</sub> = m<sub>2</sub>",
        )
    )


def _events(fig, events: np.ndarray, dark: bool) -> None:
    fig.add_trace(
        go.Scatter(
            x=float32(events[:, 0]),
            y=float32(events[:, 1]),
            mode="markers",
            marker={
                "color": theme.colour(theme.VERMILION, dark=dark),
                "size": 6,
                "line": {"color": "#FFFFFF", "width": 1},
            },
            name=f"medians of {theme.count(len(events), 'event')}",
            hovertemplate="%{x:.3g}, %{y:.3g} M☉<extra></extra>",
        )
    )
