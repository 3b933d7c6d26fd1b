"""Spectrum: the merger-rate density of m1 and of q, and what of it is detected."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash import population_draws as read
from hbdash.figures import theme
from hbdash.figures.events import TITLES, mass_ratios, medians
from hbdash.figures.pairs import log_ticks
from hbdash.figures.panels import NO_DRAWS, float32, label_once
from hbdash.population_draws import Run

#: Probabilities of the bands, wide first; values of x in one of them at the most.
BANDS, MOST_X = (0.9, 0.5), 200
#: Decades below the highest rate that are shown at the most.
DECADES = 5
#: Pixels: of the three panels, above each, below each.
PANELS, ABOVE, BELOW = (270, 170, 230), 30, 52
UNIT_M1, UNIT_Q = "Gpc⁻³ yr⁻¹ M☉⁻¹", "Gpc⁻³ yr⁻¹"


def spectrum(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """The population that the draws describe: merger rate by primary mass (above) and by mass
    ratio (below), median and bands that hold 50 and 90% of the draws at each value; the truth is
    dashed. Between them, what detectors should see of it (bands) and what they saw (bars: medians
    of the events' own posteriors, also the ticks below each panel). Events are drawn from the
    detected curve, not from the rate: heavy pairs are heard farther away. The curve of q ends at
    1, where a Gaussian component does not.

    Parameters
    ----------
    runs : label to draws of the population model, on the same data; needs the group `spectrum`.
    dark : whether the page behind is dark.
    """  # noqa: D205
    shown = read.with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    kept = [run for run in shown if read.values(run.dt, *_path("rate_m1")) is not None]
    if not kept:
        return theme.empty("These runs have no spectrum.", dark=dark)
    fig = _canvas(dark)
    first = kept[0].dt
    middle = medians(first)
    limits = _limits(kept, "m1")
    _bars(fig, middle, limits, dark)
    for row, name in ((1, "rate_m1"), (2, "detected_m1"), (3, "rate_q")):
        floor, top = _heights(kept, name, log=row != 2)
        for run in kept:
            _bands(fig, row, run, name, floor, dark)
        truth = next((t for run in kept if (t := _truth(run.dt, name)) is not None), None)
        if truth is not None:
            _dashed(fig, row, *truth, floor, dark)
        if row == 2 and len(middle):
            top = max(top, 1.15 * float(np.max(_counts(middle[:, 0], limits)[1], initial=0)))
        _heights_of(fig, row, floor, top)
    _rug(fig, 1, middle[:, 0], "m1", dark)
    _rug(fig, 3, mass_ratios(first), "q", dark)
    _axes(fig, limits, _limits(kept, "q"))
    return label_once(fig)


def _path(name: str) -> tuple[str, str, str]:
    return f"spectrum/{name}", "sample", name.rpartition("_")[2]


def bands(curves: np.ndarray) -> np.ndarray:
    """Quantiles of curves at every value of x.

    Parameters
    ----------
    curves : shape (sample, x); a curve with a value that is not finite is left out there.

    Returns
    -------
    Shape (5, x): the 5, 25, 50, 75 and 95 % quantiles.
    """
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    finite = np.where(np.isfinite(curves), curves, np.nan)
    if not np.isnan(finite).any():
        return np.quantile(finite, levels, axis=0)
    found = np.full((5, curves.shape[1]), np.nan)
    there = np.isfinite(finite).any(0)
    found[:, there] = np.nanquantile(finite[:, there], levels, axis=0)
    return found


def _curves(dt: xr.DataTree, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Values of x and curves (sample, x), thinned to at most 200 values."""
    there, axis = read.values(dt, *_path(name)), _path(name)[2]
    if there is None:
        return None
    x = _grid(dt, axis, there.shape[1])
    at = np.linspace(0, len(x) - 1, min(len(x), MOST_X)).round().astype(int)
    return x[at], there[:, at]


def _grid(dt: xr.DataTree, axis: str, number: int) -> np.ndarray:
    coords = dt["spectrum"].coords
    return np.asarray(coords[axis].values if axis in coords else np.arange(number), float)


def _truth(dt: xr.DataTree, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    axis = _path(name)[2]
    there = read.values(dt, f"spectrum/true_{name}", axis)
    return None if there is None else (_grid(dt, axis, len(there)), there)


def _limits(kept: list[Run], axis: str) -> tuple[float, float]:
    """Where any curve is not negligible, and where the events are."""
    middle = medians(kept[0].dt) if axis == "m1" else mass_ratios(kept[0].dt)[:, None]
    ends = [middle[np.isfinite(middle).all(1), 0]]
    for run in kept:
        found = _curves(run.dt, f"rate_{axis}")
        if found is None:
            continue
        x, curves = found
        high = np.nan_to_num(bands(curves)[4])
        truth = _truth(run.dt, f"rate_{axis}")
        ends.append(x[high > 10.0**-DECADES * high.max()] if high.max() > 0 else x)
        if truth is not None:
            ends.append(truth[0][truth[1] > 0])
    every = np.concatenate(ends)
    if not every.size:
        return 0.0, 1.0
    pad = 0.03 * max(np.ptp(every), 1e-3)
    return float(every.min() - pad), float(every.max() + pad)


def _heights(kept: list[Run], name: str, *, log: bool) -> tuple[float, float]:
    """Lowest and highest value of a panel."""
    highest, lowest = [], []
    for run in kept:
        found, truth = _curves(run.dt, name), _truth(run.dt, name)
        if found is not None:
            five = np.nan_to_num(bands(found[1]))
            highest.append(five[4].max())
            lowest += five[2][five[2] > 0].tolist()
        if truth is not None:
            highest.append(np.nan_to_num(truth[1]).max())
            lowest += truth[1][truth[1] > 0].tolist()
    top = max(highest, default=1.0) or 1.0
    if not log:
        return 0.0, 1.06 * top
    floor = min(lowest, default=top / 10) / 3
    return max(floor, top * 10.0**-DECADES), 2 * top


def _bands(fig, row: int, run: Run, name: str, floor: float, dark: bool) -> None:
    found = _curves(run.dt, name)
    if found is None:
        return
    x, curves = found
    five, colour = np.maximum(bands(curves), floor), theme.colour(run.number, dark=dark)
    number = len(curves)
    for low, high, shade in ((0, 4, 0.16), (1, 3, 0.26)):
        fig.add_trace(
            go.Scatter(
                x=float32(np.r_[x, x[::-1]]),
                y=float32(np.r_[five[low], five[high][::-1]]),
                mode="lines",
                line_width=0,
                fill="toself",
                fillcolor=theme.rgba(colour, shade),
                legendgroup=_name(run, number),
                hoverinfo="skip",
            ),
            row,
            1,
        )
    fig.add_trace(
        go.Scatter(
            x=float32(x),
            y=float32(np.where(five[2] > floor, five[2], np.nan) if floor > 0 else five[2]),
            customdata=float32(bands(curves)[[0, 4]].T),
            mode="lines",
            line={"color": colour, "width": 2, "dash": theme.dash(run.number)},
            name=_name(run, number),
            hovertemplate="%{x:.3~g}: median %{y:.3~g}, 90% %{customdata[0]:.3~g} to "
            "%{customdata[1]:.3~g}<extra></extra>",
        ),
        row,
        1,
    )


def _name(run: Run, number: int) -> str:
    return f"{theme.shorten(run.label, 26)}, {theme.count(number, 'draw')}"


def _dashed(fig, row: int, x: np.ndarray, y: np.ndarray, floor: float, dark: bool) -> None:
    # Beyond its ends the true rate is zero, which a logarithm does not have.
    near = np.convolve(y > floor, np.ones(3), "same") > 0
    fig.add_trace(
        go.Scatter(
            x=float32(x),
            y=float32(np.where(near, np.maximum(y, floor), np.nan)),
            mode="lines",
            line=theme.truth_line(dark) | {"width": 1.6},
            name="truth",
            hovertemplate="truth %{y:.3~g}<extra></extra>",
        ),
        row,
        1,
    )


def _counts(values: np.ndarray, limits: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Edges of about twelve bins, and events per solar mass in each."""
    inside = values[np.isfinite(values)]
    number = int(np.clip(np.sqrt(len(inside)) * 2, 5, 30))
    edges = np.linspace(*limits, number + 1)
    counts = np.histogram(inside, edges)[0]
    return edges, counts / np.diff(edges)


def _bars(fig, middle: np.ndarray, limits: tuple[float, float], dark: bool) -> None:
    if not len(middle):
        return
    edges, density = _counts(middle[:, 0], limits)
    fig.add_trace(
        go.Scatter(
            x=float32(np.repeat(edges, 2)),
            y=float32(np.r_[0, np.repeat(density, 2), 0]),
            mode="lines",
            line={"color": theme.muted(dark), "width": 1.2},
            fill="tozeroy",
            fillcolor=theme.rgba(theme.muted(dark), 0.25),
            name=f"medians of {theme.count(len(middle), 'event')}",
            hoverinfo="skip",
        ),
        2,
        1,
    )


def _rug(fig, row: int, values: np.ndarray, axis: str, dark: bool) -> None:
    """Ticks at the foot of a panel, on an axis of their own from 0 to 1."""
    values = values[np.isfinite(values)]
    if not values.size:
        return
    nothing = np.full(len(values), np.nan)
    fig.add_trace(
        go.Scatter(
            x=float32(np.stack([values, values, nothing], 1).ravel()),
            y=float32(np.tile([0, 0.05, np.nan], len(values))),
            mode="lines",
            line={"color": theme.muted(dark), "width": 1.2},
            xaxis=f"x{row}" if row > 1 else "x",
            yaxis=f"y{row + 3}",
            name=f"medians of {theme.count(len(values), 'event')}",
            hovertemplate=f"median {axis} %{{x:.3g}}<extra></extra>",
        )
    )


def _canvas(dark: bool) -> go.Figure:
    total = sum(PANELS) + 3 * (ABOVE + BELOW) - BELOW
    fig = theme.layout(go.Figure(), dark=dark, height=total + 40 + BELOW)
    fig.set_subplots(3, 1)
    fig.update_layout(
        margin={"l": 72, "r": 16, "t": 40, "b": BELOW},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    top = 0
    for row, height in enumerate(PANELS, 1):
        top += ABOVE
        domain = [max(1 - (top + height) / total, 0), 1 - top / total]
        fig.update_yaxes(domain=domain, row=row, col=1)
        if row != 2:
            fig.update_layout(
                {
                    f"yaxis{row + 3}": {
                        "domain": domain,
                        "anchor": f"x{row}" if row > 1 else "x",
                        "overlaying": f"y{row}" if row > 1 else "y",
                        "range": [0, 1],
                        "visible": False,
                        "fixedrange": True,
                    }
                }
            )
        top += height + BELOW
    return fig


def _heights_of(fig, row: int, floor: float, top: float) -> None:
    if row == 2:
        fig.update_yaxes(range=[0, top], nticks=5, row=row, col=1)
    else:
        ends = np.log10([floor, top]).tolist()
        marks, text = log_ticks(floor, top)
        fig.update_yaxes(type="log", range=ends, tickvals=marks, ticktext=text, row=row, col=1)


def _axes(fig, m1: tuple[float, float], q: tuple[float, float]) -> None:
    titles = (
        (f"dR/dm<sub>1</sub> ({UNIT_M1})", TITLES["m1"], m1),
        ("detected per M☉", TITLES["m1"], m1),
        (f"dR/dq ({UNIT_Q})", TITLES["q"], q),
    )
    for row, (up, across, limits) in enumerate(titles, 1):
        fig.update_xaxes(title_text=across, range=list(limits), nticks=8, row=row, col=1)
        fig.update_yaxes(title_text=up, row=row, col=1)
