"""Forest: intercepts and slopes of all groups, with intervals, beside their population."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.base.array import array_stats

from hbdash.figures import theme
from hbdash.figures.bands import effect_titles, group_names, has_draws, percent, said
from hbdash.figures.panels import NO_DRAWS, float32, label_once, panels
from hbdash.figures.panels import span as range_of
from hbdash.quantities import variable

EFFECTS = ("intercept", "slope")
THICK = 0.5  # probability of the thick interval
TALLEST, MOST_TALL = 980, 2600  # pixels of all rows, for two runs and at the very most
REACH = 0.3  # how far beyond the intervals a raw fit is shown, as a share of their range


def forest(runs: dict[str, xr.DataTree], *, prob: float = 0.9, dark: bool = False) -> go.Figure:
    """Every group's intercept and slope: posterior mean (point), 50% interval (thick) and the wide
    interval (thin), both of highest density. Grey marks are raw fits of a group alone; those at
    the edge lie outside. The shaded line is the population mean, to which groups with few rows
    are drawn. Dashed marks are generating values. Sorted by intercept in the first run.

    Parameters
    ----------
    runs : label to draws of the regression, on the same data.
    prob : probability of the wide intervals, in (0, 1).
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When `prob` is out of its range, or a run lacks a variable.
    """  # noqa: D205
    if not 0 < prob < 1:
        raise ValueError(f"`prob` must lie between 0 and 1, got {prob:g}.")
    shown = drawn_runs(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    first, each = shown[0][2], len(shown)
    middle = [posterior_means(dt) for _, _, dt in shown]
    order = np.argsort(middle[0][:, 0], kind="stable")
    groups = len(order)
    tallest = min(TALLEST * max(1.0, each / 2), MOST_TALL)
    row = float(np.clip(7 * each + 10, 1, max(tallest / groups, 1)))
    titles = effect_titles(first)
    raw = {effect: raw_fits(first, effect)[order] for effect in EFFECTS}
    wide = [[interval(dt, effect, prob)[order] for _, _, dt in shown] for effect in EFFECTS]
    known = [truth_of(first, f"true_{effect}") for effect in EFFECTS]
    means = [[interval(dt, f"mu_{effect}", prob) for _, _, dt in shown] for effect in EFFECTS]
    ranges = [
        _range(raw[effect], np.stack(wide[e]), np.stack(means[e]), known[e], middle, e)
        for e, effect in enumerate(EFFECTS)
    ]
    heads = [
        _heading(word, raw[effect], ranges[e], prob, dark)
        for e, (word, effect) in enumerate(zip(("Intercepts", "Slopes"), EFFECTS, strict=True))
    ]
    fig = panels(heads, 1, dark=dark, height=max(round(groups * row + 14), 60), between=22)
    for e, effect in enumerate(EFFECTS):
        at = (1, e + 1)
        for k, (i, _, dt) in enumerate(shown):
            _population(fig, at, dt, effect, means[e][k], i, groups, prob, 0.16 / each**0.8, dark)
        for k, (i, label, dt) in enumerate(shown):
            y = np.arange(groups) + (k - (each - 1) / 2) * 0.66 / each
            narrow = interval(dt, effect, THICK)[order]
            center = middle[k][order, e]
            name = f"{theme.shorten(label, 26)}, {said(dt)}"
            _intervals(fig, at, y, center, narrow, wide[e][k], i, row / each, name, dark)
        _raw(fig, at, raw[effect], ranges[e], row, dark)
        _truth(fig, at, known[e], order, truth_of(first, f"true_mu_{effect}"), row, dark)
        fig.update_xaxes(title_text=titles[effect], range=ranges[e], nticks=6, row=at[0], col=at[1])
    every = group_names(first)
    names = [every[k] for k in order]
    _label(fig, names, variable(first, "observed_data/n").values[order], row)
    return label_once(fig)


def drawn_runs(runs: dict[str, xr.DataTree]) -> list[tuple[int, str, xr.DataTree]]:
    """Return number (the run's colour), label and draws of each run that has draws."""
    return [(i, label, dt) for i, (label, dt) in enumerate(runs.items()) if has_draws(dt)]


def posterior_means(dt: xr.DataTree) -> np.ndarray:
    """Posterior means of intercepts and slopes, shape (group, 2)."""
    return np.stack(
        [variable(dt, f"posterior/{e}").mean(("chain", "draw")).values for e in EFFECTS], 1
    )


def raw_fits(dt: xr.DataTree, effect: str) -> np.ndarray:
    """Least squares of each group alone, shape (group,); NaN where not determined."""
    found = variable(dt, f"observed_data/estimate_{effect}").values.astype(float)
    return np.where(np.isfinite(found), found, np.nan)


def truth_of(dt: xr.DataTree, name: str) -> np.ndarray | None:
    """Generating value(s), such as those of "true_slope"; None where unknown."""
    if "constant_data" not in dt.children or name not in dt["constant_data"].data_vars:
        return None
    return variable(dt, f"constant_data/{name}").values.astype(float)


def interval(dt: xr.DataTree, site: str, prob: float) -> np.ndarray:
    """Highest-density interval over all draws, shape (..., 2) after the site's own dimensions."""
    draws = variable(dt, f"posterior/{site}").stack(sample=("chain", "draw"))
    draws = draws.transpose(..., "sample").values
    if draws.shape[-1] < 2:
        return np.repeat(draws, 2, axis=-1)
    return np.asarray(array_stats.hdi(draws, prob, axis=-1))


def _range(raw, wide, means, known, middle, e: int) -> tuple[float, float]:
    """Hold every interval and truth, and raw fits that do not lie far beyond."""
    centers = np.stack([center[:, e] for center in middle])
    low, high = range_of(wide, means, centers, *([] if known is None else [known]))
    away = REACH * (high - low)
    near = raw[(raw > low - away) & (raw < high + away)]
    low, high = range_of(near, np.array([low, high]))
    return low - 0.03 * (high - low), high + 0.03 * (high - low)


def _heading(word: str, raw: np.ndarray, around, prob: float, dark: bool) -> str:
    notes = [f"mean, {percent(THICK)} and {percent(prob)} HDI"]
    if lost := int(np.isnan(raw).sum()):
        notes.append(f"no raw fit: {theme.count(lost, 'group')}")
    if outside := int(((raw < around[0]) | (raw > around[1])).sum()):
        notes.append(f"{theme.count(outside, 'raw fit')} outside, at the edge")
    quiet = f'<span style="font-size:11px;color:{theme.muted(dark)}">'
    return f"<b>{word}</b>" + "".join(f"<br>{quiet}{note}</span>" for note in notes)


def _population(fig, at, dt, effect: str, band, i, groups: int, prob, shade, dark) -> None:
    colour = theme.colour(i, dark=dark)
    mean = variable(dt, f"posterior/mu_{effect}").mean().item()
    low, high = band
    bottom, top = -0.6, groups - 0.4
    fig.add_trace(
        go.Scatter(
            x=float32([low, high, high, low]),
            y=float32([bottom, bottom, top, top]),
            mode="lines",
            fill="toself",
            fillcolor=theme.rgba(colour, shade),
            line_width=0,
            hoverinfo="skip",
            name=f"population mean, {percent(prob)} HDI",
        ),
        *at,
    )
    fig.add_trace(
        go.Scatter(
            x=float32([mean, mean]),
            y=float32([bottom, top]),
            mode="lines",
            line={"color": colour, "width": 1.4, "dash": theme.dash(i)},
            hovertemplate="population mean %{x:.4g}<extra></extra>",
            legendgroup=f"population mean, {percent(prob)} HDI",
        ),
        *at,
    )


def _raw(fig, at, raw: np.ndarray, around: tuple[float, float], row: float, dark: bool) -> None:
    there = np.flatnonzero(np.isfinite(raw))
    values = raw[there]
    inset = 0.012 * (around[1] - around[0])
    symbols = np.where(values < around[0], "triangle-left", "x-thin")
    symbols = np.where(values > around[1], "triangle-right", symbols)
    fig.add_trace(
        go.Scatter(
            x=float32(np.clip(values, around[0] + inset, around[1] - inset)),
            y=there.astype(np.int32),
            mode="markers",
            marker={
                "color": theme.muted(dark),
                "size": float(np.clip(row / 2, 3, 7)),
                "symbol": symbols.tolist(),
                "line": {"color": theme.muted(dark), "width": 1.6},
            },
            customdata=float32(values),
            hovertemplate="raw fit %{customdata:.4g}<extra></extra>",
            name="no pooling: raw fit",
        ),
        *at,
    )


def _intervals(fig, at, y, center, narrow, wide, i: int, room: float, name: str, dark) -> None:
    """Draw points and intervals of one run; `room` is in pixels a group."""
    colour = theme.colour(i, dark=dark)
    nothing = np.full(len(y), np.nan)
    for ends, width in ((wide, 1.3), (narrow, float(np.clip(room / 4, 1.8, 4.5)))):
        fig.add_trace(
            go.Scatter(
                x=float32(np.column_stack([ends, nothing]).ravel()),
                y=float32(np.stack([y, y, nothing], 1).ravel()),
                mode="lines",
                line={"color": colour, "width": width if room > 4 else 0.7 * width},
                hoverinfo="skip",
                legendgroup=name,
            ),
            *at,
        )
    fig.add_trace(
        go.Scatter(
            x=float32(center),
            y=float32(y),
            mode="markers",
            marker={
                "color": colour,
                "size": float(np.clip(room / 2, 2.5, 8)),
                "symbol": theme.symbol(i),
                "line": {"color": theme.surface(dark), "width": 0.8 if room > 8 else 0},
            },
            customdata=float32(wide),
            hovertemplate="posterior mean %{x:.4g}, interval %{customdata[0]:.4g} to "
            "%{customdata[1]:.4g}<extra></extra>",
            name=name,
        ),
        *at,
    )


def _truth(fig, at, known, order: np.ndarray, mean, row: float, dark: bool) -> None:
    """Mark generating values of groups, and of the population mean over all rows."""
    groups, dashed = len(order), theme.truth_line(dark)
    short = dashed | {"dash": "3px,2px" if row > 12 else "2px,1px", "width": 1.6}
    if known is not None:
        y, nothing = np.arange(groups), np.full(groups, np.nan)
        half = 0.42 if row > 12 else 0.7
        values = known[order]
        x = np.stack([values, values, nothing], 1).ravel()
        _dashed(fig, at, x, np.stack([y - half, y + half, nothing], 1).ravel(), short)
    if mean is not None:
        _dashed(fig, at, [float(mean)] * 2, [-0.6, groups - 0.4], dashed)


def _dashed(fig, at, x, y, line: dict) -> None:
    fig.add_trace(
        go.Scatter(
            x=float32(x),
            y=float32(y),
            mode="lines",
            line=line,
            name="truth",
            hovertemplate="truth %{x:.4g}<extra></extra>",
        ),
        *at,
    )


def _label(fig, names: list[str], n: np.ndarray, row: float) -> None:
    """Name as many rows as there is room for, at the first panel only."""
    every = max(1, int(np.ceil(14 / row)))
    kept = list(range(0, len(names), every))
    words = [f"{theme.shorten(names[k], 16)} (n = {n[k]:,.0f})" for k in kept]
    for column in (1, 2):
        fig.update_yaxes(
            range=[-0.7, len(names) - 0.3],
            tickvals=kept,
            ticktext=words,
            showticklabels=column == 1,
            showgrid=row > 12,
            row=1,
            col=column,
        )
