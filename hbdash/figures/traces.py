"""Traces of mu, log tau, sigma and the worst theta."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.panels import (
    NO_DRAWS,
    add_note,
    columns_of,
    float32,
    heading,
    label_columns,
    label_once,
    label_rows,
    panels,
    place,
    sizes,
    span,
)
from hbdash.quantities import quantity, r_hat, variable, with_draws, worst_group

#: Points of one line, and of all lines of a figure together (SVG stays quick below this).
LINE_POINTS, FIGURE_POINTS = 1000, 24_000
#: Markers of one rug; more divergences than this are thinned evenly, and the legend says so.
RUG_POINTS = 200


def traces(
    runs: dict[str, xr.DataTree], *, exact: xr.Dataset | None = None, dark: bool = False
) -> go.Figure:
    """Draws in the order they were made, one line a chain; healthy chains look alike and wander
    freely. A chain that sticks, drifts or keeps to itself has not explored the posterior, and
    divergences (yellow diamonds at the foot) gather where it could not go. The thin solid line is
    the exact posterior mean, the dashed line the value that generated the data. The last row is
    the group whose θ mixes worst. Lines are thinned so that every extreme survives.

    Parameters
    ----------
    runs : label to draws; needs posterior/mu, tau, theta and sample_stats/diverging.
    exact : the exact answer, with attributes such as mu_mean; None where there is none.

    Raises
    ------
    ValueError
        When a run lacks one of these variables.
    """  # noqa: D205
    shown = with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    group, why = worst_group([dt for _, _, dt in shown])
    names = ["mu", "log_tau"]
    names += ["sigma"] if all("sigma" in dt["posterior"] for _, _, dt in shown) else []
    rows = [[quantity(dt, name) for _, _, dt in shown] for name in names]
    rows.append([variable(dt, "posterior/theta").isel(group=group) for _, _, dt in shown])
    label = theme.shorten(str(shown[0][2]["posterior"].coords["group"].values[group]), 14)
    titles = [theme.LABELS[name].replace(" (", "<br>(") for name in names]
    titles.append(f"θ of {label}<br>({why})")
    fig = panels([_title(*run, dark=dark) for run in shown], len(rows), dark=dark)
    lines = len(rows) * sum(data.sizes["chain"] for data in rows[0])
    points = int(np.clip(FIGURE_POINTS // lines, 100, LINE_POINTS))
    for row, data in enumerate(rows):
        reference = _reference(shown[0][2], exact, names[row] if row < len(names) else group)
        low, high = span(np.concatenate([draws.values.ravel() for draws in data]), *reference)
        extent = [low - 0.14 * (high - low), high + 0.2 * (high - low)]
        for column, (i, _, dt) in enumerate(shown):
            at = place(column, row, len(shown), len(rows))
            last = data[column].sizes["draw"]
            for chain, draws in enumerate(data[column].values):
                fig.add_trace(_line(draws, chain, points, dark), *at)
            _levels(fig, at, last, reference, dark)
            _rug(fig, at, dt, i, low - 0.07 * (high - low), dark)
            _corner(fig, at, data[column])
            fig.update_xaxes(
                range=[-0.01 * last, 1.01 * last],
                tickvals=sorted({0, last // 2, last}),
                tickformat=",d",
                row=at[0],
                col=at[1],
            )
            fig.update_yaxes(range=extent, row=at[0], col=at[1])
        label_rows(fig, row, titles[row], len(shown), len(rows))
    narrow = columns_of(len(shown)) > 2
    label_columns(fig, "draw" if narrow else theme.LABELS["draw"], len(shown), len(rows))
    return label_once(fig)


def envelope(values: np.ndarray, points: int) -> np.ndarray:
    """Return the indices, in order, of at most `points` values: minimum and maximum of each bin.

    Parameters
    ----------
    values : shape (draws,).
    points : at least 2; everything is kept when there are no more values than this.
    """
    number = len(values)
    if number <= points:
        return np.arange(number)
    of_bin = np.arange(number) * (points // 2) // number
    order = np.lexsort((values, of_bin))
    starts = np.flatnonzero(np.diff(of_bin[order], prepend=-1))
    ends = np.append(starts[1:], number) - 1
    return np.unique(np.concatenate([order[starts], order[ends]]))


def _title(i: int, label: str, dt: xr.DataTree, *, dark: bool) -> str:
    found = int(variable(dt, "sample_stats/diverging").sum())
    note = f"{sizes(variable(dt, 'posterior/mu'))}, {found:,} divergent"
    return heading(i, label, note, dark=dark)


def _reference(dt: xr.DataTree, exact: xr.Dataset | None, what: str | int) -> tuple[float, float]:
    """Exact posterior mean and generating value of a quantity, or of theta's group; NaN if none."""
    known = dt["constant_data"].to_dataset() if "constant_data" in dt.children else xr.Dataset()
    mean = truth = np.nan
    if isinstance(what, int):
        truth = known["true_theta"].values[what] if "true_theta" in known else np.nan
        if exact is not None and "theta_mean" in exact:
            mean = exact["theta_mean"].values[what]
    else:
        truth = float(known.get(f"true_{what.removeprefix('log_')}", np.nan))
        mean = np.nan if exact is None else exact.attrs.get(f"{what}_mean", np.nan)
        if what == "log_tau":
            truth = np.log(truth) if truth > 0 else np.nan
    return float(mean), float(truth)


def _line(draws: np.ndarray, chain: int, points: int, dark: bool) -> go.Scatter:
    kept = envelope(draws, points)
    return go.Scatter(
        x=kept.astype(np.int32),
        y=float32(draws[kept]),
        mode="lines" if len(kept) > 1 else "markers",
        line={"color": theme.colour(chain, dark=dark), "width": 1},
        opacity=0.75,
        name=f"chain {chain + 1}",
        hovertemplate="draw %{x}: %{y:.4g}",
    )


def _levels(fig, at, last: int, reference: tuple[float, float], dark: bool) -> None:
    lines = (theme.exact_line(dark), "exact mean"), (theme.truth_line(dark), "truth")
    for value, (line, name) in zip(reference, lines, strict=True):
        if not np.isfinite(value):
            continue
        halo = {"color": theme.rgba(theme.surface(dark), 0.8), "width": 3}
        for style, words in ((halo, None), (line, name)):
            fig.add_trace(
                go.Scatter(
                    x=float32([0, last]),
                    y=float32([value, value]),
                    mode="lines",
                    line=style,
                    name=words,
                    hovertemplate=f"{name}: {value:.4g}<extra></extra>",
                ),
                *at,
            )


def _rug(fig, at, dt: xr.DataTree, i: int, height: float, dark: bool) -> None:
    diverging = variable(dt, "sample_stats/diverging").transpose("chain", "draw").values
    chain, draw = np.nonzero(diverging)
    if not len(draw):
        return
    kept = np.linspace(0, len(draw) - 1, min(len(draw), RUG_POINTS)).astype(int)
    fig.add_trace(
        go.Scatter(
            x=draw[kept].astype(np.int32),
            y=np.full(len(kept), height, np.float32),
            customdata=(chain[kept] + 1).astype(np.int32),
            mode="markers",
            marker=theme.divergence(i, dark=dark, size=6),
            name=f"divergence (at most {RUG_POINTS} a panel)",
            hovertemplate="divergence: chain %{customdata}, draw %{x}<extra></extra>",
        ),
        *at,
    )


def _corner(fig, at, draws: xr.DataArray) -> None:
    value = float(r_hat(draws))
    if not np.isnan(value):
        add_note(fig, at, f"R-hat {value:.2f}", x=0.99, y=1, anchor=("right", "top"), font_size=11)
