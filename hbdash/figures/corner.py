"""Corner: every parameter's density and every pair's, with truths, runs over each other."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash import population_draws as read
from hbdash.figures import theme
from hbdash.figures.pairs import BINS, Column, column, in_words, intervals, outline, regions, ticks
from hbdash.figures.panels import NARROW, NO_DRAWS, float32, legend_lines
from hbdash.population_draws import Run
from hbdash.population_score import HIGH_R_HAT, number, score

#: Parameters side by side at the most.
MOST = 12
#: Probabilities of the regions; fewer draws than this are points, not a density.
MASSES, SHADES, FEW_DRAWS = (0.9, 0.5), (0.16, 0.26), 60
#: Pixels of a panel's height, by how many there are in a row.
HEIGHTS = (320, 250, 215, 180, 152, 128, 112, 100, 92, 86, 82, 78)
#: Up to so many parameters the axes below have units; beyond, the titles alone have them.
ROOMY = 6
#: Letters of a unit that has room beside its symbol.
SHORT = 4


def corner(
    runs: dict[str, xr.DataTree],
    *,
    parameters: tuple[str, ...] | None = None,
    points: int = 0,
    dark: bool = False,
) -> go.Figure:
    """The posterior of every parameter (on the diagonal, darker between its 5 and 95% quantiles;
    the title has the median and the distances to them) and of every pair (regions that hold 50
    and 90% of the draws). Dashed lines are the values that generated the data. A tilted region
    says that the data fix a combination of two parameters better than either. Runs of different
    samplers must cover each other: where they do not, at least one has not converged.

    Parameters
    ----------
    runs : label to draws of the population model, on the same data.
    parameters : those to show, in this order; None for all, the first twelve where there are more.
    points : of each pair, so many draws, evenly kept, in place of regions: what is flat, such as
        most priors, has none.
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When a parameter is asked for that no run has.
    """  # noqa: D205
    shown = read.with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    every = list(dict.fromkeys(n for run in shown for n in read.parameters(run.dt)))
    unknown = [n for n in parameters or () if n not in every]
    if unknown:
        words = ", ".join(unknown)
        raise ValueError(f"`parameters` must be among {', '.join(every)}; got {words}.")
    chosen = list(every if parameters is None else dict.fromkeys(parameters))
    columns = [column(shown, name) for name in chosen[:MOST]]
    if not columns:
        return theme.empty("No parameters are chosen.", dark=dark)
    fig, size = _canvas(columns, len(shown), dark), len(columns)
    for i, across in enumerate(columns):
        for j, up in enumerate(columns[i:], i):
            at = {"xaxis": f"x{_at(size, j, i)}", "yaxis": f"y{_at(size, j, i)}"}
            for k, run in enumerate(shown):
                if i == j:
                    _density(fig, at, across, across.draws[k], run.number, len(shown), dark)
                else:
                    both = across.draws[k], up.draws[k]
                    _pair(fig, at, (across, up), both, run.number, points, dark)
            _truth(fig, at, across, None if i == j else up, dark)
        _title(fig, _at(size, i, i), i, size, across, shown, dark)
    _explain(fig, shown, columns, len(chosen) - size, dark)
    return fig


def _at(size: int, row: int, column: int) -> str:
    """Axis number of a panel, "" for the first."""
    k = row * size + column + 1
    return "" if k == 1 else str(k)


def _canvas(columns: list[Column], each: int, dark: bool) -> go.Figure:
    size = len(columns)
    panel, roomy = HEIGHTS[size - 1], size <= ROOMY
    gap = 22 + 15 * (each - 1)  # room for the titles above the diagonal
    inner, below = size * panel + (size - 1) * gap, 66 if roomy else 96
    fig = theme.layout(go.Figure(), dark=dark, height=inner + gap + 40 + below)
    fig.update_layout(
        margin={"l": 66, "r": 12, "t": gap + 40, "b": below},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    between = 0.02 if roomy else 0.012
    width = (1 - (size - 1) * between) / size
    for j, up in enumerate(columns):
        top = 1 - j * (panel + gap) / inner
        for i, across in enumerate(columns[: j + 1]):
            at, left = _at(size, j, i), i * (width + between)
            below_all, first = j == size - 1, i == 0 and j > 0
            x = _axis(across, f"y{at}", [left, min(left + width, 1)], below_all, roomy)
            y = _axis(up, f"x{at}", [max(top - panel / inner, 0), top], first, roomy)
            if i == j:
                y |= {"range": [0, 1.06], "showticklabels": False, "ticks": ""}
            if below_all and roomy:
                x["title"] = {"text": _named(across, 12)}
            elif below_all:
                _name_below(fig, at, across)
            if first:
                y["title"] = {"text": _named(up, 18).replace("<br>", " ", len(up.unit) <= SHORT)}
            fig.update_layout({f"xaxis{at}": x, f"yaxis{at}": y})
    return fig


def _axis(of: Column, anchor: str, domain: list[float], labelled: bool, roomy: bool) -> dict:
    return {
        "anchor": anchor,
        "domain": domain,
        "range": list(of.ends),
        "tickvals": ticks(of.ends, 3 if roomy else 2),
        "tickangle": 0 if roomy or anchor.startswith("x") else -90,
        "tickfont": {"size": 10},
        "showticklabels": labelled,
        "ticks": "outside" if labelled else "",
        "mirror": True,
        "showgrid": False,
        "title": {"font": {"size": 12}, "standoff": 4},
    }


def _named(of: Column, most: int) -> str:
    """Symbol and unit, a long unit in small lines of its own."""
    if not of.unit:
        return of.symbol
    lines, line = [], ""
    for word in f"({of.unit})".split(" "):
        if line and len(line) + 1 + len(word) > most:
            lines, line = [*lines, line], word
        else:
            line = f"{line} {word}".strip()
    small = "<br>".join([*lines, line])
    return f'{of.symbol}<br><span style="font-size:10px">{small}</span>'


def _name_below(fig, at: str, of: Column) -> None:
    """Name a narrow panel upright, below its ticks."""
    fig.add_annotation(
        text=of.symbol,
        x=0.5,
        y=0,
        xref=f"x{at} domain",
        yref=f"y{at} domain",
        yanchor="top",
        yshift=-34,
        textangle=-90,
        font_size=11,
    )


def _density(fig, at: dict, of: Column, draws: np.ndarray, run: int, each: int, dark) -> None:
    """Histogram of all draws, highest bar 1 so that runs compare, its middle 90 % darker."""
    finite = draws[np.isfinite(draws)]
    if not finite.size:
        return
    edges = np.linspace(*of.ends, BINS + 1)
    height = np.histogram(finite, edges)[0].astype(float)
    height /= max(height.max(), 1)
    low, middle, high = intervals(finite)
    inside = (edges[1:] > low) & (edges[:-1] < high)
    hexcolour = theme.colour(run, dark=dark)
    parts = (
        (edges, height, {"width": 1.3, "dash": theme.dash(run)}, 0.12 / each),
        (np.clip(edges[np.append(inside, False) | np.append(False, inside)], low, high),
         height[inside], {"width": 0}, 0.34 / each),
    )  # fmt: skip
    for ends, heights, line, shade in parts:
        fig.add_trace(
            go.Scatter(
                **at,
                x=float32(np.repeat(ends, 2)),
                y=float32(np.r_[0, np.repeat(heights, 2), 0]),
                mode="lines",
                line={"color": hexcolour, **line},
                fill="tozeroy",
                fillcolor=theme.rgba(hexcolour, shade),
                legendgroup=f"run {run}",
                showlegend=False,
                name=of.name,
                hoverinfo="skip",
            )
        )
    fig.add_trace(
        go.Scatter(
            **at,
            x=float32([middle, middle]),
            y=float32([0, 1]),
            mode="lines",
            line={"color": hexcolour, "width": 1.6, "dash": theme.dash(run)},
            legendgroup=f"run {run}",
            showlegend=False,
            name="median",
            hovertemplate="median %{x:.4g}<extra></extra>",
        )
    )


def _pair(fig, at: dict, of: tuple[Column, Column], draws, run: int, points: int, dark) -> None:
    hexcolour = theme.colour(run, dark=dark)
    style = {**at, "legendgroup": f"run {run}", "showlegend": False, "name": "pair"}
    if not all(d.size for d in draws):
        return
    both = np.isfinite(draws[0]) & np.isfinite(draws[1])
    if points or both.sum() < FEW_DRAWS:
        there = np.flatnonzero(both)
        most = min(points or FEW_DRAWS, len(there))
        kept = there[np.linspace(0, len(there) - 1, most).round().astype(int)]
        fig.add_trace(
            go.Scatter(
                **style,
                x=float32(draws[0][kept]),
                y=float32(draws[1][kept]),
                mode="markers",
                marker={"color": hexcolour, "size": 4, "symbol": theme.symbol(run)},
                hovertemplate="%{x:.4g}, %{y:.4g}<extra></extra>",
            )
        )
        return
    x, y, mass = regions(draws[0], draws[1], of[0].ends, of[1].ends)
    for level, shade in zip(MASSES, SHADES, strict=True):
        right, up = outline(x, y, mass, level)
        fig.add_trace(
            go.Scatter(
                **style,
                x=float32(right),
                y=float32(up),
                mode="lines",
                line={"color": hexcolour, "width": 1.2, "dash": theme.dash(run)},
                fill="toself",
                fillcolor=theme.rgba(hexcolour, shade),
                hoverinfo="skip",
            )
        )


def _truth(fig, at: dict, across: Column, up: Column | None, dark: bool) -> None:
    x, y = [], []
    low, high = (0.0, 1.06) if up is None else up.ends
    if np.isfinite(across.truth):
        x, y = [across.truth, across.truth, np.nan], [low, high, np.nan]
    if up is not None and np.isfinite(up.truth):
        x, y = [*x, *across.ends], [*y, up.truth, up.truth]
    if not x:
        return
    fig.add_trace(
        go.Scatter(
            **at,
            x=float32(x),
            y=float32(y),
            mode="lines",
            line=theme.truth_line(dark),
            name="truth",
            legendgroup="truth",
            showlegend=False,
            hovertemplate=f"truth {across.truth:.4g}<extra></extra>",
        )
    )


def _title(fig, at: str, i: int, size: int, of: Column, shown: list[Run], dark: bool) -> None:
    """Write above the diagonal, from the middle on towards the left, where there is room."""
    right = i > 0 and 2 * i >= size - 1
    words = [
        f'<span style="color:{theme.colour(run.number, dark=dark)}">{in_words(draws)}</span>'
        for run, draws in zip(shown, of.draws, strict=True)
        if draws.size
    ]
    unit = f" {of.unit}" if len(of.unit) <= SHORT or size > ROOMY and len(words) < 2 else ""
    fig.add_annotation(
        text=f"<b>{of.symbol}</b> = " + "<br>".join(words) + unit,
        x=1 if right else 0,
        y=1,
        xref=f"x{at} domain",
        yref=f"y{at} domain",
        xanchor="right" if right else "left",
        yanchor="bottom",
        align="right" if right else "left",
        font_size=12 if size <= ROOMY else 11,
    )


def _explain(fig, shown: list[Run], columns: list[Column], left_out: int, dark: bool) -> None:
    """Name the runs and say how many draws they have, and whether they converged."""
    nothing = {"x": float32([np.nan]), "y": float32([np.nan]), "hoverinfo": "skip"}
    for run in shown:
        found = score(run.label, run.dt)
        name = f"{theme.shorten(run.label, 26)}: {read.size(run.dt)}"
        worst = np.nanmax([found.r_hat, found.r_hat_ensembles, -np.inf])
        if worst > HIGH_R_HAT:
            name += f"<br><b>not converged</b>, R-hat {number(worst)}"
        colour = theme.colour(run.number, dark=dark)
        line = {"color": colour, "width": 3, "dash": theme.dash(run.number)}
        key = {"legendgroup": f"run {run.number}", "name": name}
        fig.add_trace(go.Scatter(**nothing, **key, mode="lines", line=line))
    if any(np.isfinite(of.truth) for of in columns):
        line = theme.truth_line(dark)
        key = {"legendgroup": "truth", "name": "truth"}
        fig.add_trace(go.Scatter(**nothing, **key, mode="lines", line=line))
    away = [of for of in columns if not of.ends[0] <= of.truth <= of.ends[1]]
    notes = [f"truth of {of.symbol}, {of.truth:.4g}, is out of sight" for of in away]
    notes = [note for note, of in zip(notes, away, strict=True) if np.isfinite(of.truth)]
    if left_out:
        notes.append(f"{len(columns)} of {len(columns) + left_out} parameters shown")
    if notes:
        fig.add_annotation(
            text="<br>".join(notes),
            x=1,
            y=1,
            xref="paper",
            yref="paper",
            xanchor="right",
            yanchor="top",
            align="right",
            font={"size": 11, "color": theme.muted(dark)},
        )
    _make_room(fig)


def _make_room(fig: go.Figure) -> None:
    """Let the legend have as many lines as it needs on a narrow page."""
    layout: Any = fig.layout
    margin = layout.margin
    keys: Any = tuple(fig.select_traces(selector=lambda trace: trace.showlegend is None))
    names = [key.name for key in keys]
    widest = [max(name.split("<br>"), key=len) for name in names]
    lines = legend_lines(widest, NARROW - margin.l - margin.r)
    tall = 19 * lines + 15 * sum("<br>" in name for name in names) - 26
    if tall > 0:
        fig.update_layout(margin_t=margin.t + tall, height=layout.height + tall)
