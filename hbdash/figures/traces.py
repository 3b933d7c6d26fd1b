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
from hbdash.quantities import Followed, followed, r_hat, variable, with_draws, worst_group

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
    runs : label to draws; those of a population, mu, tau and theta; needs
        sample_stats/diverging.
    exact : the exact answer, with attributes such as mu_mean; None where there is none.

    Raises
    ------
    ValueError
        When a run lacks one of these variables.
    """  # noqa: D205
    shown = with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    runs_shown = [dt for _, _, dt in shown]
    chosen = followed(runs_shown)
    first = runs_shown[0].attrs
    titles = [
        theme.label(one.name, first) if one.name in theme.LABELS else theme.broken(one.name, 16)
        for one in chosen
    ]
    titles = [title.replace(" (", "<br>(").replace(", τ =", ",<br>τ =") for title in titles]
    titles = ["<br>".join(theme.shorten(w, 19) for w in t.split("<br>")) for t in titles]
    if all("theta" in dt["posterior"] for dt in runs_shown):
        if all("sigma" in dt["posterior"] for dt in runs_shown):
            chosen.append(Followed("sigma", "sigma"))
            titles.append(theme.label("sigma", first).replace(" (", "<br>("))
        group, why = worst_group(runs_shown)
        chosen.append(Followed("theta", "theta", (group,)))
        name = str(runs_shown[0]["posterior"].coords["group"].values[group])
        titles.append(f"θ of {theme.shorten(name, 14)}<br>({why})")
    rows = [[one.of(dt) for dt in runs_shown] for one in chosen]
    fig = panels([_title(*run, dark=dark) for run in shown], len(rows), dark=dark)
    lines = len(rows) * sum(data.sizes["chain"] for data in rows[0])
    points = int(np.clip(FIGURE_POINTS // lines, 100, LINE_POINTS))
    for row, data in enumerate(rows):
        reference = _reference(runs_shown[0], exact, chosen[row])
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
    note = f"{sizes(variable(dt, 'sample_stats/lp'))}, {found:,} divergent"
    return heading(i, label, note, dark=dark)


def _reference(dt: xr.DataTree, exact: xr.Dataset | None, one: Followed) -> tuple[float, float]:
    """Exact posterior mean and generating value of a quantity; NaN where there is none."""
    mean = np.nan
    if exact is not None and one.site == "theta":
        mean = exact["theta_mean"].values[one.at] if "theta_mean" in exact else np.nan
    elif exact is not None:
        mean = exact.attrs.get(f"{one.name}_mean", np.nan)
    return float(mean), one.truth(dt)


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
