"""Traces of mu, log tau, sigma and the worst theta, and what every grid of run panels shares."""

from collections.abc import Iterable
from math import ceil
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.sampling_diagnostics import ess, rhat
from plotly.subplots import make_subplots

from hbdash.figures import theme

#: Points of one line, and of all lines of a figure together (SVG stays quick below this).
LINE_POINTS, FIGURE_POINTS = 1000, 24_000
#: Markers of one rug; more divergences than this are thinned evenly, and the legend says so.
RUG_POINTS = 200
NO_DRAWS = "No draws yet."
WIDTH = 1000  # nominal width in pixels, to turn a gap between columns into a fraction


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


def variable(dt: xr.DataTree, path: str) -> xr.DataArray:
    """Return one variable of a run, such as "sample_stats/energy", or say that it is missing."""
    group, name = path.split("/")
    if group not in dt.children or name not in dt[group].data_vars:
        raise ValueError(
            f"This figure needs {path}, which this run does not record. "
            "Run it again with NUTS, which records every variable that the figures use."
        )
    return dt[group].to_dataset()[name]


def quantity(dt: xr.DataTree, name: str) -> xr.DataArray:
    """Return the draws of "mu", "log_tau" or "sigma", shape (chain, draw)."""
    if name != "log_tau":
        return variable(dt, f"posterior/{name}").transpose("chain", "draw")
    tau = variable(dt, "posterior/tau").transpose("chain", "draw")
    return tau.copy(data=np.log(np.maximum(tau.values, np.finfo(float).tiny)))


def with_draws(runs: dict[str, xr.DataTree]) -> list[tuple[int, str, xr.DataTree]]:
    """Return number (the run's colour), label and draws of each run that has draws."""
    return [
        (i, label, dt)
        for i, (label, dt) in enumerate(runs.items())
        if "posterior" in dt.children and variable(dt, "posterior/mu").size
    ]


def worst_group(runs: list[xr.DataTree]) -> tuple[int, str]:
    """Return the group whose theta has the largest R-hat of any run, and why it was chosen.

    Where R-hat does not exist (one chain, for instance) the lowest bulk ESS decides.
    """
    theta = [variable(dt, "posterior/theta") for dt in runs]
    worst = np.max([r_hat(draws) for draws in theta], axis=0)
    if not np.isnan(worst).all():
        return int(np.argmax(np.nan_to_num(worst, nan=0.0, posinf=np.inf))), "worst R-hat"
    if min(draws.sizes["draw"] for draws in theta) < 4:
        return 0, "data units"
    lowest = np.min([ess(draws).values for draws in theta], axis=0)
    return int(np.argmin(np.nan_to_num(lowest, nan=0.0))), "lowest ESS"


def r_hat(draws: xr.DataArray) -> np.ndarray:
    """R-hat of draws (chain, draw, ...); NaN with one chain, under four draws, or if all are equal.

    It is infinite where every chain stands still in a place of its own.
    """
    if draws.sizes["chain"] < 2 or draws.sizes["draw"] < 4:
        return np.full(
            [n for dim, n in draws.sizes.items() if dim not in ("chain", "draw")], np.nan
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        return rhat(draws).values


def sizes(draws: xr.DataArray) -> str:
    """Say how many draws there are, such as "4 × 1,000 draws"."""
    chains, number = draws.sizes["chain"], draws.sizes["draw"]
    return theme.count(number, "draw") if chains == 1 else f"{chains} × {number:,} draws"


def span(*values: np.ndarray | float) -> tuple[float, float]:
    """Return the smallest and largest finite value; never an empty interval."""
    flat = np.concatenate([np.ravel(np.asarray(v, float)) for v in values])
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return 0.0, 1.0
    low, high = float(flat.min()), float(flat.max())
    pad = 0.0 if high > low else max(abs(low) * 0.05, 0.5)
    return low - pad, high + pad


def heading(i: int, label: str, note: str, *, dark: bool) -> str:
    """Title of one run's panels: its name in its colour, and a note in small print below."""
    return (
        f'<b style="color:{theme.colour(i, dark=dark)}">{theme.shorten(label, 26)}</b><br>'
        f'<span style="font-size:11px;color:{theme.muted(dark)}">{note}</span>'
    )


def columns_of(number: int) -> int:
    """How many runs stand side by side; more than three are wrapped into two blocks."""
    return number if number <= 3 else ceil(number / 2)


def place(run: int, row: int, number: int, rows: int) -> tuple[int, int]:
    """Row and column (from 1) of a run's panel, among `number` runs of `rows` panels each."""
    columns = columns_of(number)
    return run // columns * rows + row + 1, run % columns + 1


def panels(
    titles: list[str],
    rows: int,
    *,
    dark: bool,
    height: int = 150,
    gap: int = 12,
    top: int = 70,
    between: int = 42,
) -> go.Figure:
    """Lay out one column of `rows` panels a run, wrapped into blocks where there are many runs.

    Parameters
    ----------
    titles : one a run, at most two lines.
    height, gap : pixels of one panel, and between the panels of one run.
    top : pixels above the panels, for the legend and the titles.
    between : pixels between columns, on a page 1,000 pixels wide.
    """
    columns = columns_of(len(titles))
    blocks = ceil(len(titles) / columns)
    cells = {
        place(run, row, len(titles), rows) for run in range(len(titles)) for row in range(rows)
    }
    grid = [[(r + 1, c + 1) in cells for c in range(columns)] for r in range(blocks * rows)]
    fig = make_subplots(
        blocks * rows,
        columns,
        specs=[[{} if used else None for used in line] for line in grid],
        horizontal_spacing=between / WIDTH,
        vertical_spacing=0,
    )
    below, block = 52, rows * height + (rows - 1) * gap
    inner = blocks * block + (blocks - 1) * (below + 48)
    theme.layout(fig, dark=dark, height=inner + top + below)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": top, "b": below},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    for row, column in sorted(cells):
        upper = inner - (row - 1) // rows * (block + below + 48) - (row - 1) % rows * (height + gap)
        fig.update_yaxes(
            domain=[max(upper - height, 0) / inner, upper / inner], row=row, col=column
        )
    for run, title in enumerate(titles):
        add_note(fig, place(run, 0, len(titles), rows), title, x=0, y=1, anchor=("left", "bottom"))
    return fig


def add_note(
    fig: go.Figure,
    at: tuple[int, int],
    text: str,
    *,
    x: float,
    y: float,
    anchor: tuple[str, str],
    **options,
) -> None:
    """Write at a place of one panel, with x and y as fractions of the panel."""
    axes = (
        next(fig.select_xaxes(row=at[0], col=at[1])),
        next(fig.select_yaxes(row=at[0], col=at[1])),
    )
    xref, yref = (axis.plotly_name.replace("axis", "") + " domain" for axis in axes)
    fig.add_annotation(
        text=text,
        x=x,
        y=y,
        xref=xref,
        yref=yref,
        xanchor=anchor[0],
        yanchor=anchor[1],
        align="left",
        showarrow=False,
        **options,
    )


def label_rows(fig: go.Figure, row: int, title: str, number: int, rows: int) -> None:
    """Title one row of panels; its runs share their range, so only the first shows numbers."""
    for run in range(number):
        at = place(run, row, number, rows)
        first = at[1] == 1
        fig.update_yaxes(
            title_text=title if first else None, showticklabels=first, row=at[0], col=at[1]
        )


def label_columns(fig: go.Figure, title: str, number: int, rows: int) -> None:
    """Title the horizontal axis under each run; the panels above share it."""
    for run in range(number):
        for row in range(rows):
            at, last = place(run, row, number, rows), row == rows - 1
            fig.update_xaxes(
                title_text=title if last else None, showticklabels=last, row=at[0], col=at[1]
            )


def label_once(fig: go.Figure) -> go.Figure:
    """Let every name stand in the legend once and switch all traces of that name together.

    Where the legend needs a second line on a narrow page (620 pixels), the figure makes room.
    """
    seen: dict[str, None] = {}
    drawn: Any = tuple(fig.select_traces())
    for trace in drawn:
        trace.update(showlegend=bool(trace.name) and trace.name not in seen)
        trace.update(legendgroup=trace.name or "")
        if trace.name:
            seen[trace.name] = None
    lines = ceil(sum(48 + 7 * len(name) for name in seen) / 620)
    extra = 20 * (max(lines, 1) - 1)
    fig.update_layout(margin_t=fig.layout.margin.t + extra, height=fig.layout.height + extra)
    return fig


def float32(values: Iterable[float] | np.ndarray) -> np.ndarray:
    """Convert to the typed array that Plotly ships as binary."""
    return np.asarray(values, np.float32)


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
