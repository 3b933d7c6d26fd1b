"""Energy: whether a fresh momentum reaches the energies that the posterior holds."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.sampling_diagnostics import bfmi
from arviz_stats.visualization import kde

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
from hbdash.quantities import variable, with_draws

THRESHOLD = 0.3  # below it, Betancourt's rule of thumb calls the exploration poor
CURVE_POINTS = 200


def energy(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """Energy of the draws, about its mean (filled), and its change from one draw to the next
    (outlined). Where the change is much the narrower of the two, a step cannot reach the energies
    that the posterior holds, and the chain creeps through its tails. E-BFMI measures it: the
    lowest of the chains stands in the title, and below 0.3 the draws are poor.

    Parameters
    ----------
    runs : label to draws; needs sample_stats/energy, in nats.

    Raises
    ------
    ValueError
        When a run does not record its energy.

    Notes
    -----
    Betancourt (2016), "Diagnosing suboptimal cotangent disintegrations in Hamiltonian Monte
    Carlo", arXiv:1604.00695.
    """  # noqa: D205
    shown = [run for run in with_draws(runs) if variable(run[2], "sample_stats/energy").size]
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    data = [variable(dt, "sample_stats/energy").transpose("chain", "draw") for _, _, dt in shown]
    centred = [(draws - draws.mean()).values for draws in data]
    change = [np.diff(draws.values, axis=1) for draws in data]
    curves = [(density(e), density(d)) for e, d in zip(centred, change, strict=True)]
    tails = [np.quantile(v, [0.001, 0.999]) for v in (*centred, *change) if v.size]
    low, high = float(np.min(tails)), float(np.max(tails))
    pad = 0.04 * (high - low) or 1.0
    top = max((float(y.max()) for pair in curves for _, y in pair if y.size), default=1.0)
    titles = [
        _title(i, label, draws, dark) for (i, label, _), draws in zip(shown, data, strict=True)
    ]
    fig = panels(titles, 1, dark=dark, height=280)
    for column, (i, _, _) in enumerate(shown):
        at = place(column, 0, len(shown), 1)
        note = sizes(data[column])
        add_note(fig, at, note, x=0.99, y=1, anchor=("right", "top"), font_size=11)
        _curve(fig, at, curves[column][0], i, True, dark)
        _curve(fig, at, curves[column][1], i, False, dark)
        fig.update_xaxes(range=[low - pad, high + pad], nticks=6, row=at[0], col=at[1])
        fig.update_yaxes(range=[0, 1.16 * top], nticks=6, row=at[0], col=at[1])
    label_rows(fig, 0, "density (1/nat)", len(shown), 1)
    label_columns(fig, "energy (nats)", len(shown), 1)
    return label_once(fig)


def lowest_bfmi(draws: xr.DataArray) -> float:
    """Return the lowest E-BFMI of the chains; NaN below three draws or where energy is constant."""
    if draws.sizes["draw"] < 3 or not np.ptp(draws.values, axis=1).all():
        return np.nan
    return float(bfmi(draws).min())


def density(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kernel density on 200 points; empty where all values are the same."""
    if values.size < 2 or np.ptp(values) == 0:
        return np.empty(0), np.empty(0)
    flat = xr.DataArray(values.ravel(), dims="draw")
    curve = kde(flat, dim="draw", grid_len=CURVE_POINTS)
    return curve.sel(plot_axis="x").values, curve.sel(plot_axis="y").values


def _title(i: int, label: str, draws: xr.DataArray, dark: bool) -> str:
    value = lowest_bfmi(draws)
    verdict = "E-BFMI undefined" if np.isnan(value) else f"E-BFMI {value:.2f}"
    if np.isfinite(value):
        verdict += f" < {THRESHOLD}" if value < THRESHOLD else f" ≥ {THRESHOLD}"
    strong = f'<b style="color:{theme.ink(dark)}">{verdict}</b>'
    return heading(i, label, strong, dark=dark)


def _curve(fig, at, curve: tuple[np.ndarray, np.ndarray], i: int, marginal: bool, dark: bool):
    colour = theme.colour(i, dark=dark)
    fig.add_trace(
        go.Scatter(
            x=float32(curve[0]),
            y=float32(curve[1]),
            mode="lines",
            fill="tozeroy" if marginal else None,
            fillcolor=theme.rgba(colour, 0.35),
            line={"color": colour, "width": 1}
            if marginal
            else {"color": theme.ink(dark), "width": 2},
            name="energy − mean" if marginal else "change between draws",
            hovertemplate="%{x:.1f} nats: %{y:.3f}<extra></extra>",
        ),
        *at,
    )
