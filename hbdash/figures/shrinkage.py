"""Shrinkage: from what each group says alone to what it says together with the others."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.panels import NO_DRAWS, float32, heading, label_once, panels, place, sizes, span
from hbdash.quantities import variable, with_draws

#: With more groups than this each run has a panel of its own, and rows are thin.
TOGETHER = 30
TALLEST = 980  # pixels of the rows of a panel


def shrinkage(
    runs: dict[str, xr.DataTree], *, exact: xr.Dataset | None = None, dark: bool = False
) -> go.Figure:
    """Each arrow runs from a group's raw mean (no pooling, with its standard error) to its
    posterior mean (partial pooling). The dotted line is what all groups share under complete
    pooling, their precision-weighted mean. Groups with few or noisy rows travel farthest. Groups
    are sorted by raw mean; dashed marks are the generating values, thin solid ones exact means.

    Parameters
    ----------
    runs : label to draws; needs posterior/theta, observed_data/mean, n and standard_error.
    exact : the exact answer, with theta_mean (group); None where there is none.

    Notes
    -----
    Gelman and Hill (2007), Data Analysis Using Regression and Multilevel/Hierarchical Models,
    chapter 12. The precision of a group is 1 / standard_error squared.
    """  # noqa: D205
    shown = with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    first = shown[0][2]
    raw = variable(first, "observed_data/mean").values
    error = variable(first, "observed_data/standard_error").values
    # Rows that do not determine a group's own estimate leave it without a mark and an arrow.
    error = np.where(np.isfinite(error), error, np.nan)
    order = np.argsort(raw, kind="stable")
    known = first["constant_data"].to_dataset() if "constant_data" in first.children else {}
    truth = known["true_theta"].values[order] if "true_theta" in known else None
    exactly = None if exact is None else exact["theta_mean"].values[order]
    means = [posterior_mean(dt)[order] for _, _, dt in shown]
    apart = len(raw) > TOGETHER
    each = 1 if apart else len(shown)
    counts = [sizes(variable(dt, "sample_stats/lp")) for _, _, dt in shown]
    alike = len(set(counts)) == 1
    row = float(np.clip(12 * each + 10, 22, TALLEST / len(raw)))
    fig = _canvas(shown, len(raw) * row + 14, apart, dark)
    low, high = span(
        raw - error, raw + error, *means, *(v for v in (truth, exactly) if v is not None)
    )
    pad = 0.03 * (high - low)
    for panel in range(len(shown) if apart else 1):
        at = place(panel, 0, len(shown) if apart else 1, 1)
        _no_pooling(fig, at, raw[order], error[order], row, dark)
        for k, (i, label, _) in enumerate(shown):
            if not apart or k == panel:
                offset = 0.0 if apart else (k - (each - 1) / 2) * 0.62 / each
                name = (
                    None
                    if apart
                    else theme.shorten(label, 26) + ("" if alike else f", {counts[k]}")
                )
                _arrows(fig, at, raw[order], means[k], offset, row / each, i, name, dark)
        if truth is not None:
            line = theme.truth_line(dark) | {"dash": "3px,2px" if row > 12 else "2px,1px"}
            _marks(fig, at, truth, 0.42 if row > 12 else 0.7, line, "truth")
        if exactly is not None:
            _marks(fig, at, exactly, 0.36, theme.exact_line(dark), "exact posterior mean")
        _complete_pooling(fig, at, complete_pooling(raw, error), len(raw), dark)
        names = [str(name) for name in first["posterior"].coords["group"].values[order]]
        _axes(fig, at, _labels(names, variable(first, "observed_data/n").values[order]), row)
        title = theme.label("theta", first.attrs)
        title += f", {counts[0]} a run" if alike and not apart else ""
        fig.update_xaxes(
            title_text=title, range=[low - pad, high + pad], nticks=7, row=at[0], col=at[1]
        )
    return label_once(fig)


def posterior_mean(dt: xr.DataTree) -> np.ndarray:
    """Posterior mean of theta, shape (group,)."""
    return variable(dt, "posterior/theta").mean(("chain", "draw")).values


def complete_pooling(mean: np.ndarray, standard_error: np.ndarray) -> float:
    """Precision-weighted mean of the groups, in data units."""
    known = np.isfinite(mean) & np.isfinite(standard_error)
    if not known.any():
        return float("nan")
    return float(np.average(mean[known], weights=standard_error[known] ** -2.0))


def _canvas(shown, height: float, apart: bool, dark: bool) -> go.Figure:
    if apart:
        lengths = [sizes(variable(dt, "sample_stats/lp")) for _, _, dt in shown]
        titles = [
            heading(i, label, length, dark=dark)
            for (i, label, _), length in zip(shown, lengths, strict=True)
        ]
        return panels(titles, 1, dark=dark, height=round(height), between=16)
    return panels([""], 1, dark=dark, height=round(height), top=44)


def _no_pooling(fig, at, raw: np.ndarray, error: np.ndarray, row: float, dark: bool) -> None:
    y = np.arange(len(raw), dtype=np.int32)
    fig.add_trace(
        go.Scatter(
            x=float32(raw),
            y=y,
            error_x={
                "array": float32(error),
                "color": theme.rgba(theme.muted(dark), 0.35),
                "thickness": float(np.clip(row / 4, 1.5, 7)),
                "width": 0,
            },
            mode="markers",
            marker={
                "color": theme.muted(dark),
                "size": float(np.clip(row / 4, 3, 7)),
                "symbol": "circle",
            },
            customdata=float32(error),
            name="no pooling: raw mean ± standard error",
            hovertemplate="raw mean %{x:.3g} ± %{customdata:.3g}<extra></extra>",
        ),
        *at,
    )


def _arrows(fig, at, raw, mean, offset: float, room: float, i: int, name, dark: bool) -> None:
    """Draw arrows that end, with their tips, at the posterior means; `room` is in pixels."""
    y = np.arange(len(raw)) + offset
    colour = theme.colour(i, dark=dark)
    head = float(np.clip(room * 0.6, 5, 9))
    nothing = np.full(len(raw), np.nan)
    fig.add_trace(
        go.Scatter(
            x=float32(np.stack([raw, mean, nothing], 1).ravel()),
            y=float32(np.stack([y, y, nothing], 1).ravel()),
            mode="lines",
            line={"color": colour, "width": 1.8 if room > 8 else 1.2},
            hoverinfo="skip",
            legendgroup=name,
        ),
        *at,
    )
    fig.add_trace(
        go.Scatter(
            x=float32(mean),
            y=float32(y),
            mode="markers",
            marker={
                "color": colour,
                "size": head,
                "symbol": "arrow",
                "angle": float32(np.where(mean < raw, -90, 90)),
                "line_width": 0,
            },
            name=name,
            hovertemplate="posterior mean %{x:.3g}<extra></extra>",
        ),
        *at,
    )


def _marks(fig, at, values: np.ndarray, half: float, line: dict, name: str) -> None:
    y, nothing = np.arange(len(values)), np.full(len(values), np.nan)
    fig.add_trace(
        go.Scatter(
            x=float32(np.stack([values, values, nothing], 1).ravel()),
            y=float32(np.stack([y - half, y + half, nothing], 1).ravel()),
            mode="lines",
            line=line,
            name=name,
            hovertemplate=name + " %{x:.3g}<extra></extra>",
        ),
        *at,
    )


def _complete_pooling(fig, at, value: float, groups: int, dark: bool) -> None:
    fig.add_trace(
        go.Scatter(
            x=float32([value, value]),
            y=float32([-0.6, groups - 0.4]),
            mode="lines",
            line={"color": theme.muted(dark), "width": 2, "dash": "dot"},
            name="complete pooling",
            hovertemplate="complete pooling %{x:.3g}<extra></extra>",
        ),
        *at,
    )


def _labels(names: list[str], n: np.ndarray) -> list[str]:
    """Name every group, with its rows where groups have more than one."""
    rows = n.max() > 1
    return [
        theme.shorten(name, 18) + (f" (n = {count:,.0f})" if rows else "")
        for name, count in zip(names, n, strict=True)
    ]


def _axes(fig, at, labels: list[str], row: float) -> None:
    every = max(1, int(np.ceil(14 / row)))
    kept = list(range(0, len(labels), every))
    first = at[1] == 1
    fig.update_yaxes(
        range=[-0.7, len(labels) - 0.3],
        tickvals=kept,
        ticktext=[labels[k] for k in kept],
        showticklabels=first,
        showgrid=row > 12,
        row=at[0],
        col=at[1],
    )
