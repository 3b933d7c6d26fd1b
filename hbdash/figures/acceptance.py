"""Acceptance: how often each sampler's proposals were taken, and what else it says of itself."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from hbdash import population_draws as read
from hbdash.figures import theme
from hbdash.figures.adaptation import depth_shares
from hbdash.figures.panels import NO_DRAWS, WIDTH, add_note, float32, label_once, span
from hbdash.population_draws import Run
from hbdash.population_score import LOW_GLOBAL

#: Points of a line, each the mean of as many neighbouring draws of all chains.
POINTS = 80
HEIGHT, ABOVE, BELOW = 190, 44, 56


class Series(NamedTuple):
    """One line of acceptance.

    Attributes
    ----------
    name : such as "global". at : shape (points,), iterations. mean : shape (points,), in [0, 1].
    """

    name: str
    at: np.ndarray
    mean: np.ndarray


def acceptance(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """The share of proposals that were accepted, averaged over chains and neighbouring draws.
    FlowMC: local steps are fine between 0.2 and 0.8, and the flow's global ones the better the
    higher; below 0.05 (dotted) the flow has learned little, and its loss beside should still be
    falling. AIES: the share of an ensemble's walkers that moved. NUTS: near its target, and the
    depth of its trees beside; many at the largest depth were cut short.

    Parameters
    ----------
    runs : label to draws of the population model.
    dark : whether the page behind is dark.
    """  # noqa: D205
    shown = read.with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    found = [series(run.dt) for run in shown]
    kept = [(run, *one) for run, one in zip(shown, found, strict=True) if one[0]]
    if not kept:
        return theme.empty("These runs do not record their acceptance.", dark=dark)
    fig = _canvas([_beside(run.dt) for run, _, _ in kept], dark)
    for row, (run, lines, before) in enumerate(kept, 1):
        _accepted(fig, row, run, lines, before, dark)
        _second(fig, row, run, dark)
        _heading(fig, row, run, lines, dark)
    return label_once(fig)


def series(dt: xr.DataTree) -> tuple[list[Series], int]:
    """Average the acceptance of a run over its chains, training first.

    Returns
    -------
    lines : local and global ones for flowMC, one an ensemble for AIES, one for NUTS; those that
        have a number. before : iterations before the draws that are kept.
    """
    training = read.values(dt, "training/lp", "chain", "draw")
    warm = read.values(dt, "warmup_sample_stats/acceptance_rate", "chain", "draw")
    before = 0 if training is None else training.shape[1]
    found = []
    for name in ("local", "global"):
        parts = [
            read.values(dt, f"{group}/{name}_acceptance", "chain", "draw")
            for group in ("training", "sample_stats")
        ]
        found.append(_binned(name, parts))
    drawn = read.values(dt, "sample_stats/acceptance_rate", "chain", "draw")
    of = read.ensembles(dt)
    if drawn is not None:
        before = 0 if warm is None else warm.shape[1]
        teams = [slice(None)] if of is None else [of == e for e in np.unique(of)]
        for k, team in enumerate(teams, 1):
            name = "accepted" if of is None else f"ensemble {k}"
            parts = [None if part is None else part[team] for part in (warm, drawn)]
            found.append(_binned(name, parts))
    return [one for one in found if len(one.at)], before


def _binned(name: str, parts: list[np.ndarray | None]) -> Series:
    """Mean over chains and neighbouring iterations; a part that is missing takes no room."""
    there = [part for part in parts if part is not None]
    if not there:
        return Series(name, np.empty(0), np.empty(0))
    total = [np.where(np.isfinite(part), part, 0).sum(0) for part in there]
    counted = [np.isfinite(part).sum(0) for part in there]
    total, counted = np.concatenate(total), np.concatenate(counted)
    bins = np.arange(len(total)) * min(POINTS, len(total)) // len(total)
    number = np.bincount(bins, counted)
    middle = np.bincount(bins, counted * (1 + np.arange(len(total))))
    use = number > 0
    mean = np.bincount(bins, total)[use] / number[use]
    return Series(name, middle[use] / number[use], mean)


def _beside(dt: xr.DataTree) -> bool:
    """Whether a run has a second picture: the loss of its flow, or the depth of its trees."""
    loss = read.values(dt, "training/loss", "epoch")
    depth = read.values(dt, "sample_stats/tree_depth", "chain", "draw")
    return loss is not None or depth is not None


def _canvas(beside: list[bool], dark: bool) -> go.Figure:
    rows = len(beside)
    each = ABOVE + HEIGHT + BELOW
    fig = make_subplots(
        rows,
        2,
        specs=[[{}, {}] if two else [{"colspan": 2}, None] for two in beside],
        column_widths=[0.62, 0.38],
        horizontal_spacing=85 / WIDTH,
        vertical_spacing=0,
    )
    theme.layout(fig, dark=dark, height=rows * each + 30)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": 30, "b": 0},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    for row in range(rows):
        top = 1 - (row * each + ABOVE) / (rows * each)
        fig.update_yaxes(domain=[max(top - HEIGHT / (rows * each), 0), top], row=row + 1)
    return fig


def _accepted(fig, row: int, run: Run, lines: list[Series], before: int, dark: bool) -> None:
    colour = theme.colour(run.number, dark=dark)
    for k, one in enumerate(lines):
        fig.add_trace(
            go.Scatter(
                x=float32(one.at),
                y=float32(one.mean),
                mode="lines+markers",
                line={"color": colour, "width": 1.2},
                marker={"size": 4.5, "symbol": ("circle", "diamond-open", "x", "cross")[k % 4]},
                name=_name(one, run),
                hovertemplate=f"{one.name}, iteration %{{x:,.0f}}: %{{y:.3f}}<extra></extra>",
            ),
            row,
            1,
        )
    last = max(one.at.max() for one in lines)
    if before:
        fig.add_vline(before + 0.5, line={"color": theme.ink(dark), "width": 1}, row=row, col=1)  # pyright: ignore
        word = "training" if any(one.name == "local" for one in lines) else "warmup"
        left = before / last > 0.3
        words = word if left else "sampling"
        place = {"x": before / (1.02 * last), "y": 1, "xshift": -4 if left else 4}
        anchor = ("right" if left else "left", "top")
        add_note(fig, (row, 1), words, **place, anchor=anchor, font_size=11)
    if any(one.name == "global" for one in lines):
        dotted = {"color": theme.muted(dark), "width": 1.3, "dash": "dot"}
        fig.add_hline(LOW_GLOBAL, line=dotted, row=row, col=1)  # pyright: ignore
    fig.update_xaxes(
        title_text="stored iteration",
        range=[0, 1.02 * last],
        nticks=4,
        tickformat=",d",
        row=row,
        col=1,
    )
    fig.update_yaxes(title_text="acceptance", range=[0, 1.08], nticks=6, row=row, col=1)


def _name(one: Series, run: Run) -> str:
    return f"{run.label}: {one.name}" if one.name != "accepted" else run.label


def _second(fig, row: int, run: Run, dark: bool) -> None:
    colour = theme.colour(run.number, dark=dark)
    loss = read.values(run.dt, "training/loss", "epoch")
    if loss is not None:
        loss = np.where(np.isfinite(loss), loss, np.nan)
        epochs = np.arange(1, len(loss) + 1)
        fig.add_trace(
            go.Scatter(
                x=float32(epochs),
                y=float32(loss),
                mode="lines",
                line={"color": colour, "width": 1.6},
                hovertemplate="epoch %{x}: %{y:.4g}<extra></extra>",
            ),
            row,
            2,
        )
        low, high = span(loss)
        pad = 0.06 * (high - low)
        fig.update_xaxes(title_text="epoch", nticks=4, range=[0, len(loss) + 1], row=row, col=2)
        limits = [low - pad, high + pad]
        fig.update_yaxes(range=limits, nticks=5, row=row, col=2)
        _entitle(fig, row, "loss of the flow (nats)", dark)
        return
    depth = read.found(run.dt, "sample_stats/tree_depth")
    if depth is None:
        return
    share = depth_shares(depth).mean(0)
    reached = read.values(run.dt, "sample_stats/reached_max_treedepth", "chain", "draw")
    fig.add_trace(
        go.Bar(
            x=np.arange(len(share), dtype=np.int32),
            y=float32(share),
            marker={"color": theme.rgba(colour, 0.75), "line_width": 0},
            hovertemplate="depth %{x}: %{y:.1%}<extra></extra>",
        ),
        row,
        2,
    )
    used = np.flatnonzero(share)
    fig.update_xaxes(
        title_text="tree depth",
        range=[used.min() - 0.7, used.max() + 0.7],
        tickvals=list(range(int(used.min()), int(used.max()) + 1)),
        showgrid=False,
        row=row,
        col=2,
    )
    top = 1.3 * float(share.max())
    fig.update_yaxes(range=[0, top], tickformat=".0%", nticks=5, row=row, col=2)
    _entitle(fig, row, "share of draws", dark)
    if reached is not None:
        note = f"{reached.mean():.1%} reached<br>the maximum"
        add_note(fig, (row, 2), note, x=0.99, y=1, anchor=("right", "top"), font_size=11)


def _entitle(fig, row: int, words: str, dark: bool) -> None:
    """Title the axis of a second picture above it: beside it there is no room on a narrow page."""
    quiet = {"size": 12, "color": theme.ink(dark)}
    add_note(fig, (row, 2), words, x=1, y=1, anchor=("right", "bottom"), yshift=18, font=quiet)


def _heading(fig, row: int, run: Run, lines: list[Series], dark: bool) -> None:
    """Name the run, its draws and its mean acceptance after the warmup."""
    words = [read.size(run.dt)]
    for name in ("acceptance_rate", "local_acceptance", "global_acceptance"):
        drawn = read.values(run.dt, f"sample_stats/{name}", "chain", "draw")
        finite = np.empty(0) if drawn is None else drawn[np.isfinite(drawn)]
        if finite.size:
            what = name.removesuffix("_acceptance").replace("acceptance_rate", "mean")
            words.append(f"{what} {finite.mean():.2f}")
    quiet = f'<span style="font-size:11px;color:{theme.muted(dark)}">{", ".join(words)}</span>'
    colour = theme.colour(run.number, dark=dark)
    title = f'<b style="color:{colour}">{theme.shorten(run.label, 26)}</b><br>{quiet}'
    add_note(fig, (row, 1), title, x=0, y=1, anchor=("left", "bottom"), yshift=2)
