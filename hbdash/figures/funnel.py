"""Every group's funnel at once: all draws as a density, divergences on top."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import raster, theme
from hbdash.figures.board import Block, Board, Exact, board, legend, note
from hbdash.figures.mosaic import mosaic

MOST_PANELS = 36
MOST_FRAMED = 25
#: Pixels: title above a panel, ticks below it, heading of a block, margins of the figure.
ABOVE, BELOW, HEADING, TOP, BOTTOM = 22, 24, 24, 44, 56
#: Pixels for the name of the coordinate below a block, where there are several.
NAMED = 34


def funnel(
    runs: Mapping[str, xr.DataTree],
    *,
    coordinates: str = "theta",
    exact: Exact = None,
    dark: bool = False,
) -> go.Figure:
    """Each panel is one group: its effect θ across, the log of the population scale τ upwards.
    Colour is the density of all draws (log scale), grey where runs agree. Yellow diamonds are
    divergences: where they gather at the neck, the sampler could not enter and the answer is
    biased. Thin lines hold 50, 90 and 99% of the exact posterior; colour that ends above their
    lower end has missed the neck. In sampled coordinates every run has panels of its own, in the
    coordinate in which NUTS moves: a funnel there, upright or inverted, is what hurts it.

    Parameters
    ----------
    runs : label -> draws, one to six runs on the same data, in the order of their colours.
    coordinates : "theta", or "sampled" for (θ − μ) / τ^(1 − c) + c μ at the groups' centeredness c.
    exact : the exact posterior on grids, for contours; None for none. In sampled coordinates it
        belongs to the first run; give a mapping from label to Dataset for several.
    dark : whether the page behind is dark.

    Notes
    -----
    All draws are counted into a PNG layer a panel, and at most 100 divergences a run get a marker.
    Up to 36 panels have axes; more make a mosaic without ticks, and beyond 200 groups it shows 200
    that are spread evenly over their standard errors.

    Raises
    ------
    ValueError
        When `coordinates` is neither word.
    """  # noqa: D205
    if not runs:
        return theme.empty("No run to show yet.", dark=dark)
    groups = next(iter(runs.values()))["posterior/theta"].sizes["group"]
    blocks = 1 if coordinates == "theta" else len(runs)
    small = groups > MOST_FRAMED or groups * blocks > MOST_PANELS
    options = {"masses": (0.9,), "every": 2} if small else {}
    numbers = board(runs, coordinates, exact, **options)
    if numbers is None:
        return theme.empty("No draws yet.", dark=dark)
    return mosaic(numbers, dark) if small else _framed(numbers, dark)


def _columns(groups: int, blocks: int) -> int:
    """Choose columns for a wide page: few holes in the last row, panels wider than high."""
    if groups <= 4:
        return groups
    ideal = (1.15 if blocks == 1 else 1.6) * groups**0.5
    return min(range(3, 7), key=lambda columns: -groups % columns + 0.8 * abs(columns - ideal))


def _framed(numbers: Board, dark: bool) -> go.Figure:
    groups, blocks = len(numbers.names), len(numbers.blocks)
    columns = _columns(groups, blocks)
    rows = -(-groups // columns)
    panel = {1: 380, 2: 230, 3: 180, 4: 160}.get(rows * blocks, 140)
    heading = HEADING if blocks > 1 else 0
    named = NAMED if blocks > 1 else 0
    tall = heading + rows * (ABOVE + panel + BELOW) + named
    total = blocks * tall
    gap = 0.045 if columns < 4 else 0.03
    width = (1 - (columns - 1) * gap) / columns
    data, layout = [], {"images": [], "annotations": []}
    for b, block in enumerate(numbers.blocks):
        start = b * tall
        if blocks > 1:
            layout["annotations"].append(_heading(block, 1 - start / total, dark))
        pixels = _pixels(block, numbers.y_range, groups, dark)
        for k in range(groups):
            row, column = divmod(k, columns)
            top = start + heading + row * (ABOVE + panel + BELOW) + ABOVE
            y_domain = (1 - (top + panel) / total, 1 - top / total)
            left = column * (width + gap)
            i = b * groups + k + 1
            layout |= _axes(i, column, block.x_range[k], numbers.y_range, left, width, y_domain)
            layout["images"].append(_image(i, pixels[k], block.x_range[k], numbers.y_range))
            layout["annotations"].append(
                _title(numbers, block, k, left, y_domain[1], columns, dark)
            )
            data += _lines(numbers, block, k, i, dark)
        layout["annotations"].append(_below(block.x_title, 1 - (start + tall - named) / total))
        layout["annotations"].append(_beside(numbers, 1 - (start + (tall - named) / 2) / total))
    bottom = BOTTOM - named
    layout["annotations"].append(_note(note(numbers), bottom, dark))
    fig = go.Figure({"data": data + _keys(numbers, dark), "layout": layout})
    theme.layout(fig, dark=dark, height=total + TOP + bottom)
    fig.update_layout(
        margin={"t": TOP, "b": bottom},
        legend={"itemclick": False, "itemdoubleclick": False, "y": 1, "yanchor": "bottom"},
    )
    return fig


def _pixels(block: Block, y_range: np.ndarray, groups: int, dark: bool) -> np.ndarray:
    shape = {1: (100, 260), 2: (100, 160)}.get(groups, (84, 124))
    layers = [
        raster.counts(pool.theta, pool.log_tau, block.x_range, y_range, shape)
        for pool in block.runs
    ]
    return raster.paint(layers, [theme.colour(pool.number, dark=dark) for pool in block.runs])


def _axes(i: int, column: int, x_range, y_range, left: float, width: float, y_domain) -> dict:
    x = {
        "domain": [left, min(left + width, 1)],
        "anchor": f"y{i}",
        "range": [float(end) for end in x_range],
        "nticks": 5 if width > 0.2 else 4,
        "tickangle": 0,
    }
    y = {
        "domain": [max(y_domain[0], 0), y_domain[1]],
        "anchor": f"x{i}",
        "range": [float(end) for end in y_range],
        "nticks": 6,
        "showticklabels": column == 0,
    }
    if i > 1:
        y["matches"] = "y"
    return {f"xaxis{i}": x, f"yaxis{i}": y}


def _image(i: int, pixels: np.ndarray, x_range, y_range) -> dict:
    return {
        "source": raster.png(pixels),
        "xref": f"x{i}",
        "yref": f"y{i}",
        "x": float(x_range[0]),
        "y": float(y_range[1]),
        "sizex": float(x_range[1] - x_range[0]),
        "sizey": float(y_range[1] - y_range[0]),
        "sizing": "stretch",
        "layer": "below",
    }


def _lines(numbers: Board, block: Block, k: int, i: int, dark: bool) -> list[dict]:
    """Truth, exact contours and divergences of one panel."""
    axes = {"xaxis": f"x{i}", "yaxis": f"y{i}", "type": "scatter", "showlegend": False}
    quiet = {**axes, "mode": "lines", "hoverinfo": "skip"}
    traces = []
    x, y = _cross(block.x_range[k], numbers.y_range, block.truth, k, numbers.truth)
    if len(x):
        traces.append({**quiet, "x": x, "y": y, "line": theme.truth_line(dark)})
    if block.contours:
        x, y = block.contours[k]
        traces.append({**quiet, "x": x, "y": y, "line": theme.exact_line(dark), "name": "exact"})
    for pool in block.runs:
        at = numbers.marked[pool.number]
        if len(at):
            traces.append(
                {
                    **axes,
                    "mode": "markers",
                    "x": pool.theta[at, k].astype(np.float32),
                    "y": pool.log_tau[at].astype(np.float32),
                    "marker": theme.divergence(pool.number, dark=dark, size=5.5),
                    "name": f"{pool.label}: divergence",
                    "hovertemplate": f"<b>{numbers.names[k]}</b><br>%{{x:.3g}}, "
                    f"log τ = %{{y:.2f}}<extra>{pool.label}: divergence</extra>",
                }
            )
    return traces


def _cross(x_range, y_range, truth, k: int, log_tau: float | None):
    """Dashed cross-lines at the generating values, as one broken line."""
    x, y = [], []
    if truth is not None:
        x += [truth[k], truth[k], np.nan]
        y += [*y_range, np.nan]
    if log_tau is not None:
        x += [*x_range]
        y += [log_tau, log_tau]
    return np.array(x, np.float32), np.array(y, np.float32)


def _keys(numbers: Board, dark: bool) -> list[dict]:
    keys = legend(numbers, dark)
    if any(block.contours for block in numbers.blocks):
        words = "exact: regions of 50, 90, 99%"
        keys.append((words, {"mode": "lines", "line": theme.exact_line(dark)}))
    return [
        {"type": "scatter", "x": [None], "y": [None], "name": words, "hoverinfo": "skip", **key}
        for words, key in keys
    ]


def _title(numbers: Board, block: Block, k: int, left: float, top: float, columns: int, dark: bool):
    most = {1: 60, 2: 40, 3: 24, 4: 16, 5: 12, 6: 10}[columns]
    words = [numbers.sizes[k], block.notes[k]]
    quiet = " · ".join(word for word in words if word)
    return {
        "text": f"<b>{theme.shorten(numbers.names[k], most)}</b>  "
        f"<span style='color:{theme.muted(dark)}'>{quiet}</span>",
        "x": left,
        "y": top,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "font": {"size": 12 if columns < 5 else 11},
        "xshift": -1,
    }


def _heading(block: Block, y: float, dark: bool) -> dict:
    pool = block.runs[0]
    return {
        "text": f"<b>{pool.label}</b>",
        "x": 0,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "top",
        "font": {"size": 14, "color": theme.colour(pool.number, dark=dark)},
    }


def _below(words: str, y: float) -> dict:
    return {
        "text": words,
        "x": 0.5,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "yanchor": "top",
        "font": {"size": 13},
    }


def _beside(numbers: Board, y: float) -> dict:
    return {
        "text": numbers.y_title,
        "x": 0,
        "xshift": -38,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "right",
        "textangle": -90,
        "font": {"size": 13},
    }


def _note(words: str, bottom: int, dark: bool) -> dict:
    return {
        "text": words,
        "x": 0,
        "y": 0,
        "yshift": -bottom + 4,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "font": {"size": 11, "color": theme.muted(dark)},
    }
