"""Adaptation: how the step size settled, and how deep the trees of NUTS grew."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.panels import (
    NO_DRAWS,
    add_note,
    float32,
    heading,
    label_once,
    label_rows,
    panels,
    place,
    sizes,
)
from hbdash.figures.traces import FIGURE_POINTS, LINE_POINTS, envelope
from hbdash.quantities import variable, with_draws


def adaptation(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """Above: the step size of each chain, tuned during the warmup and fixed after the vertical
    line. A small step means that some corner of the posterior is narrow; chains that settle far
    apart saw different geometry. Below: the depth of the trees; a draw of depth d costs 2 to the
    power d gradients or nearly so, and draws that reach the maximum were cut short.

    Parameters
    ----------
    runs : label to draws; needs sample_stats/step_size, tree_depth, reached_max_treedepth, and
        warmup_sample_stats/step_size where the warmup is to be seen.

    Raises
    ------
    ValueError
        When a run lacks one of these statistics.
    """  # noqa: D205
    shown = with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    steps = [step_sizes(dt) for _, _, dt in shown]
    shares = [depth_shares(variable(dt, "sample_stats/tree_depth")) for _, _, dt in shown]
    positive = np.concatenate([np.log10(s[s > 0]) for s, _ in steps])
    low, high = (positive.min(), positive.max()) if positive.size else (-2.0, 0.0)
    longest = max(s.shape[1] for s, _ in steps)
    deepest = max(share.shape[1] for share in shares) - 1
    used = np.flatnonzero(
        sum(np.pad(s, ((0, 0), (0, deepest + 1 - s.shape[1]))).sum(0) for s in shares)
    )
    tallest = max(float(share.max()) for share in shares)
    points = int(np.clip(FIGURE_POINTS // sum(len(s) for s, _ in steps), 100, LINE_POINTS))
    titles = [_title(*run, dark=dark) for run in shown]
    fig = panels(titles, 2, dark=dark, height=200, gap=62)
    for column, (_, _, dt) in enumerate(shown):
        above, below = (place(column, row, len(shown), 2) for row in (0, 1))
        _steps(fig, above, *steps[column], points, dark)
        _depths(fig, below, shares[column], dark)
        reached = float(variable(dt, "sample_stats/reached_max_treedepth").mean())
        note = f"{reached:.1%} reached<br>the maximum"
        add_note(fig, below, note, x=0.99, y=1, anchor=("right", "top"), font_size=11)
        fig.update_yaxes(
            type="log",
            range=[low - 0.1, high + 0.1],
            tickvals=_round_numbers(low, high),
            tickformat="~g",
            row=above[0],
            col=above[1],
        )
        fig.update_xaxes(
            title_text="iteration",
            range=[0, longest],
            nticks=3,
            tickformat=",d",
            row=above[0],
            col=above[1],
        )
        fig.update_yaxes(
            range=[0, 1.16 * tallest], tickformat=".0%", nticks=5, row=below[0], col=below[1]
        )
        fig.update_xaxes(
            title_text="tree depth",
            range=[used.min() - 0.6, used.max() + 0.6],
            tickvals=list(range(int(used.min()), int(used.max()) + 1)),
            showgrid=False,
            row=below[0],
            col=below[1],
        )
    label_rows(fig, 0, "step size<br>(unconstrained units)", len(shown), 2)
    label_rows(fig, 1, "share of the<br>chain's draws", len(shown), 2)
    fig.update_layout(barmode="group", bargap=0.25, bargroupgap=0.06)
    return label_once(fig)


def step_sizes(dt: xr.DataTree) -> tuple[np.ndarray, int]:
    """Return the step size through warmup and sampling, shape (chain, iteration), and the warmup.

    The second value is the number of warmup iterations; 0 where the run kept none.
    """
    sampled = variable(dt, "sample_stats/step_size").transpose("chain", "draw").values
    if "warmup_sample_stats" not in dt.children:
        return sampled, 0
    warm = variable(dt, "warmup_sample_stats/step_size").transpose("chain", "draw").values
    return np.concatenate([warm, sampled], axis=1), warm.shape[1]


def depth_shares(depth: xr.DataArray) -> np.ndarray:
    """Share of each chain's draws at tree depth 0, 1, ..., shape (chain, deepest + 1)."""
    values = depth.transpose("chain", "draw").values.astype(int)
    deepest = int(values.max())
    counts = np.stack([np.bincount(chain, minlength=deepest + 1) for chain in values])
    return counts / values.shape[1]


def _round_numbers(low: float, high: float) -> list[float]:
    """About six round numbers between two decimal logarithms, to stand on the axis."""
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        found = [m * 10.0**e for e in range(int(low) - 2, int(high) + 2) for m in mantissas]
        found = [float(f"{v:.3g}") for v in found if low - 0.1 <= np.log10(v) <= high + 0.1]
        if len(found) <= 7:
            return found
    return found[:: -(-len(found) // 6)]


def _title(i: int, label: str, dt: xr.DataTree, *, dark: bool) -> str:
    note = sizes(variable(dt, "sample_stats/lp"))
    if "n_steps" in dt["sample_stats"]:
        note += f", {float(variable(dt, 'sample_stats/n_steps').mean()):,.0f} steps each"
    return heading(i, label, note, dark=dark)


def _steps(fig, at, steps: np.ndarray, warmup: int, points: int, dark: bool) -> None:
    for chain, values in enumerate(steps):
        kept = envelope(values, points)
        fig.add_trace(
            go.Scatter(
                x=(kept + 1).astype(np.int32),
                y=float32(values[kept]),
                mode="lines",
                line={"color": theme.colour(chain, dark=dark), "width": 1.3},
                name=f"chain {chain + 1}",
                hovertemplate="iteration %{x}: %{y:.3g}",
            ),
            *at,
        )
    if warmup:
        fig.add_vline(
            x=warmup + 0.5, line={"color": theme.ink(dark), "width": 1}, row=at[0], col=at[1]
        )
        where = warmup / steps.shape[1]
        left = where > 0.5
        add_note(
            fig,
            at,
            "warmup" if left else "sampling",
            x=where,
            y=0.99,
            anchor=("right" if left else "left", "top"),
            xshift=-4 if left else 4,
            font_size=11,
        )


def _depths(fig, at, shares: np.ndarray, dark: bool) -> None:
    for chain, share in enumerate(shares):
        fig.add_trace(
            go.Bar(
                x=np.arange(len(share), dtype=np.int32),
                y=float32(share),
                marker={"color": theme.colour(chain, dark=dark), "line_width": 0},
                name=f"chain {chain + 1}",
                hovertemplate="depth %{x}: %{y:.1%}",
            ),
            *at,
        )
