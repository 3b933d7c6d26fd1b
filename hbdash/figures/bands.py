"""Predictive bands of one group's line, and what the figures of lines share."""

from typing import Literal, NamedTuple

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.draws import evenly
from hbdash.figures.draws import heading as group_heading
from hbdash.figures.panels import (
    NO_DRAWS,
    add_note,
    float32,
    heading,
    label_once,
    panels,
    sizes,
    span,
)
from hbdash.predict import Lines, lines, mean_response, new_group, observations
from hbdash.quantities import variable

Kind = Literal["new observations", "mean", "both"]
KINDS: tuple[Kind, ...] = ("new observations", "mean", "both")
POINTS = 120  # predictor values along a band
MOST_ROWS = 1500  # dots of one panel
LINE_SEED, NOISE_SEED = 0, 1  # apart, so that a new group's line tells nothing about its noise


class Band(NamedTuple):
    """A central band along the predictor, shape (R,) each: x in its units, the rest in y's."""

    x: np.ndarray
    low: np.ndarray
    median: np.ndarray
    high: np.ndarray


class Rows(NamedTuple):
    """Rows seen, shape (N,) each, without those whose predictor is blank."""

    index: np.ndarray
    x: np.ndarray
    y: np.ndarray


def bands(
    dt: xr.DataTree,
    group: int,
    *,
    kind: Kind = "both",
    new_group: bool = False,
    prob: float = 0.9,
    x: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Where the fitted model expects data of this group to lie (light band: new observations) and
    where it expects the line itself (dark band: the mean), beside the rows that were seen. About
    as many dots should lie outside the light band as its probability says; many more, or a bend
    that the band does not follow, is what the model misses. A brand-new group has no rows of its
    own: its band holds everything that groups may differ in.

    Parameters
    ----------
    dt : draws of a run of the regression.
    group : which group, from 0.
    kind : "new observations", "mean" or "both".
    new_group : whether the band of a group that was not seen stands beside it.
    prob : probability of the bands, which are central; in (0, 1).
    x : a value of the predictor to mark, or None.
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When an option is out of its range, or the run lacks a variable.
    """  # noqa: D205
    check(dt, group, prob, x)
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}, got {kind!r}.")
    if not has_draws(dt):
        return theme.empty(NO_DRAWS, dark=dark)
    rows = rows_of(dt)
    grid = predictor_grid(rows, x)
    mine = rows.index == group
    found = lines(dt)
    shown = [(group_names(dt)[group], found, group, mine, theme.BLUE)]
    if new_group:
        everyone = np.ones(len(mine), bool)
        shown.append(("a brand-new group", newcomer(dt, found), 0, everyone, theme.VERMILION))
    total = int(variable(dt, "observed_data/n").values[group])
    own = rows_said(min(mine.sum(), MOST_ROWS), total)
    every = rows_said(min(len(mine), MOST_ROWS), int(variable(dt, "observed_data/n").sum()))
    notes = [f"{own} of its own, {said(dt)}", f"dots: {every} of all groups, none of its own"]
    titles = [
        heading(number, title, note, dark=dark)
        for (title, _, _, _, number), note in zip(shown, notes, strict=False)
    ]
    fig = panels(titles, 1, dark=dark, height=400, between=24)
    seen: list[np.ndarray] = []
    for panel, (_, its, k, at, number) in enumerate(shown):
        cell = (1, panel + 1)
        wanted = [word for word in ("new observations", "mean") if kind in (word, "both")]
        for word in wanted:
            drawn = band(its, k, grid, prob, word)
            add_band(fig, cell, drawn, word, prob, number, median=word == wanted[-1], dark=dark)
            seen += [drawn.low, drawn.high]
        add_rows(fig, cell, rows, at, faint="rows of all groups" if panel else "", dark=dark)
        seen.append(rows.y[at])
        line = true_line(dt, None if panel else group, grid)
        if line is not None:
            add_truth(fig, cell, grid, line, dark)
            seen.append(line)
    across = padded(grid, share=0.02)
    for panel in range(len(shown)):
        cell, first = (1, panel + 1), panel == 0
        if x is not None:
            add_marker(fig, cell, x, across, f"{predictor_name(dt)} = {x:.4g}", dark)
        title = response_name(dt) if first else None
        fig.update_yaxes(title_text=title, showticklabels=first, row=1, col=panel + 1)
    fig.update_xaxes(title_text=predictor_name(dt), range=across, nticks=8)
    fig.update_yaxes(range=padded(*seen))
    return label_once(fig)


def check(dt: xr.DataTree, group: int, prob: float, x: float | None = None) -> None:
    """Refuse a group that is not there, a probability outside (0, 1), an x that is no number."""
    total = variable(dt, "posterior/intercept").sizes["group"]
    if not 0 <= group < total:
        raise ValueError(f"`group` must lie in 0 to {total - 1}, got {group}.")
    if not 0 < prob < 1:
        raise ValueError(f"`prob` must lie between 0 and 1, got {prob:g}.")
    if x is not None and not np.isfinite(x):
        raise ValueError(f"`x` must be a finite number, got {x}.")


def has_draws(dt: xr.DataTree) -> bool:
    """Say whether a run has draws of lines."""
    return "posterior" in dt.children and variable(dt, "posterior/mu_intercept").size > 0


def said(dt: xr.DataTree) -> str:
    """Say how many draws a run has."""
    return sizes(variable(dt, "posterior/mu_intercept"))


def rows_said(drawn: int, total: int) -> str:
    """Say how many rows are drawn, and of how many where some are left out."""
    return f"{drawn:,} of {total:,} rows" if drawn < total else theme.count(total, "row")


def response_name(dt: xr.DataTree) -> str:
    """Name of the response's column, cut where it is very long."""
    return theme.shorten(str(dt.attrs.get("response", "y")), 40)


def predictor_name(dt: xr.DataTree) -> str:
    """Name of the predictor's column, cut where it is very long."""
    names = variable(dt, "observed_data/x").coords
    return theme.shorten(str(names["predictor"].values[0]) if "predictor" in names else "x", 40)


def group_names(dt: xr.DataTree) -> list[str]:
    """Name the groups as in a title: a bare number gets the name of the groups' column."""
    column = str(dt.attrs.get("group_name", ""))
    names = [str(name) for name in variable(dt, "posterior/intercept").coords["group"].values]
    return [
        f"{column} {name}" if column and name.replace(".", "", 1).isdigit() else group_heading(name)
        for name in names
    ]


def origin_of(dt: xr.DataTree) -> float:
    """Where the predictor counts from: intercepts are heights of the lines there."""
    return float(variable(dt, "constant_data/x_origin").values.ravel()[0])


def effect_titles(dt: xr.DataTree) -> dict[str, str]:
    """Title the axes of intercepts and slopes with what they are, in the columns' own names.

    Long names stand on a second line, in small print.
    """
    y, x = (theme.shorten(name, 18) for name in (response_name(dt), predictor_name(dt)))
    at = f"{origin_of(dt):.4g}".replace("-", theme.MINUS)
    about = {"intercept": f"{y} at {x} = {at}", "slope": f"{y} per {x}"}
    if max(map(len, about.values())) <= 18:
        return {effect: f"{effect} ({words})" for effect, words in about.items()}
    return {
        effect: f'{effect}<br><span style="font-size:11px">{words}</span>'
        for effect, words in about.items()
    }


def rows_of(dt: xr.DataTree) -> Rows:
    """Read the rows that were seen and whose predictor is not blank."""
    x = variable(dt, "observed_data/x").transpose("row", "predictor").values[:, 0]
    known = np.isfinite(x)
    index, y = (variable(dt, f"observed_data/{name}").values for name in ("index", "y"))
    return Rows(index[known], x[known], y[known])


def predictor_grid(rows: Rows, *include: float | None, points: int = POINTS) -> np.ndarray:
    """Spread `points` values evenly over the range of all rows, and of values to include."""
    low, high = span(rows.x, *(value for value in include if value is not None))
    return np.linspace(low, high, points)


def newcomer(dt: xr.DataTree, found: Lines) -> Lines:
    """Draw lines of a group that was not seen, one a kept draw."""
    return new_group(dt, found, LINE_SEED)


def heights(found: Lines, group: int, x: np.ndarray, *, noise: bool) -> np.ndarray:
    """Draws of a group's line at predictor values, or of new observations around it.

    A draw's noise is the same at every x, so that what is read off along x is smooth; at each x
    the draws have their own distribution all the same.

    Parameters
    ----------
    x : shape (R,), in the predictor's units.
    noise : whether one observation's noise is added.

    Returns
    -------
    Shape (S, R), in the response's units.
    """
    mean = mean_response(found, np.full(len(x), group), x[:, None])
    if not noise:
        return mean
    none = np.zeros((len(found.noise), 1))
    return mean + observations(found, none, NOISE_SEED)


def band(found: Lines, group: int, x: np.ndarray, prob: float, kind: str) -> Band:
    """Compute the central band of a group's mean, or of its new observations, at x (R,)."""
    draws = heights(found, group, x, noise=kind != "mean")
    low, median, high = np.quantile(draws, [(1 - prob) / 2, 0.5, (1 + prob) / 2], axis=0)
    return Band(x, low, median, high)


def true_line(dt: xr.DataTree, group: int | None, x: np.ndarray) -> np.ndarray | None:
    """Heights at x (R,) of the line that generated a group, or of the population's where None."""
    known = dt["constant_data"].to_dataset() if "constant_data" in dt.children else xr.Dataset()
    sites = ("true_mu_intercept", "true_mu_slope")
    sites = sites if group is None else ("true_intercept", "true_slope")
    if any(site not in known for site in sites):
        return None
    intercept, slope = (np.ravel(known[site].values)[group or 0] for site in sites)
    return intercept + slope * (x - origin_of(dt))


def padded(*values: np.ndarray | float, share: float = 0.04) -> tuple[float, float]:
    """Range of all values, a little widened."""
    low, high = span(*values)
    return low - share * (high - low), high + share * (high - low)


def percent(prob: float) -> str:
    """Write a probability such as "90%" or "97.5%"."""
    return f"{100 * prob:.4g}%"


def add_band(
    fig: go.Figure,
    at: tuple[int, int],
    drawn: Band,
    kind: str,
    prob: float,
    number: int,
    *,
    median: bool = True,
    dark: bool = False,
) -> None:
    """Draw a band, light for new observations and darker for the mean, and its median."""
    colour = theme.colour(number, dark=dark)
    fig.add_trace(
        go.Scatter(
            x=float32(np.concatenate([drawn.x, drawn.x[::-1]])),
            y=float32(np.concatenate([drawn.high, drawn.low[::-1]])),
            mode="lines",
            fill="toself",
            fillcolor=theme.rgba(colour, 0.36 if kind == "mean" else 0.16),
            line={"color": theme.rgba(colour, 0.5), "width": 0.6, "simplify": False},
            hoverinfo="skip",
            name=f"{percent(prob)} band, {kind}",
        ),
        *at,
    )
    if median:
        fig.add_trace(
            go.Scatter(
                x=float32(drawn.x),
                y=float32(drawn.median),
                mode="lines",
                line={"color": colour, "width": 2.2, "dash": theme.dash(number)},
                customdata=float32(np.stack([drawn.low, drawn.high], 1)),
                hovertemplate="at %{x:.4g}: median %{y:.4g}, "
                f"{percent(prob)} " + "%{customdata[0]:.4g} to %{customdata[1]:.4g}<extra></extra>",
                name="median",
            ),
            *at,
        )


def add_rows(
    fig: go.Figure,
    at: tuple[int, int],
    rows: Rows,
    chosen: np.ndarray,
    *,
    faint: str = "",
    small: bool = False,
    most: int = MOST_ROWS,
    dark: bool = False,
) -> None:
    """Draw chosen rows (N,) as dots, evenly thinned to `most`; `faint` names them as background."""
    kept = evenly(np.flatnonzero(chosen), most)
    if not len(kept):
        return
    small = small or bool(faint) or len(kept) > 300
    fig.add_trace(
        go.Scatter(
            x=float32(rows.x[kept]),
            y=float32(rows.y[kept]),
            mode="markers",
            marker={
                "color": theme.muted(dark) if faint else theme.ink(dark),
                "size": 3.5 if small else 5.5,
                "opacity": 0.35 if faint else 0.75 if len(kept) <= 300 else 0.45,
                "line_width": 0,
            },
            name=faint or "data",
            hovertemplate="%{x:.4g}, %{y:.4g}<extra></extra>",
        ),
        *at,
    )


def add_truth(
    fig: go.Figure, at: tuple[int, int], x: np.ndarray, y: np.ndarray, dark: bool
) -> None:
    """Draw a generating line, dashed."""
    ends = [0, -1]
    fig.add_trace(
        go.Scatter(
            x=float32(x[ends]),
            y=float32(y[ends]),
            mode="lines",
            line=theme.truth_line(dark) | {"width": 1.6},
            name="truth",
            hoverinfo="skip",
        ),
        *at,
    )


def add_marker(
    fig: go.Figure,
    at: tuple[int, int],
    x: float,
    across: tuple[float, float],
    words: str,
    dark: bool,
) -> None:
    """Mark one value of the predictor with a thin line from edge to edge, named at its top."""
    share = (x - across[0]) / (across[1] - across[0])
    axis = next(fig.select_xaxes(row=at[0], col=at[1])).plotly_name.replace("axis", "")
    fig.add_shape(
        type="line",
        xref=axis,
        yref=axis.replace("x", "y") + " domain",
        x0=x,
        x1=x,
        y0=0,
        y1=1,
        line={"color": theme.rgba(theme.ink(dark), 0.55), "width": 1},
    )
    left = share > 0.5
    add_note(
        fig,
        at,
        words,
        x=share,
        y=1,
        anchor=("right" if left else "left", "top"),
        xshift=-4 if left else 4,
        font={"size": 11, "color": theme.muted(dark)},
    )
