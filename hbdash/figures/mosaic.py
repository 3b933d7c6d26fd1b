"""The funnels of many groups as one picture: a single raster, one trace a kind of mark."""

from os.path import commonprefix

import numpy as np
import plotly.graph_objects as go

from hbdash.figures import raster, theme
from hbdash.figures.board import Block, Board, legend, note

#: Pixels: label above a panel, gap below it, heading of a block, margins of the figure.
LABEL, GAP, HEADING, TOP, BOTTOM = 15, 6, 34, 44, 54
#: Share of a cell that a panel fills across; the rest is gap. Raster cells: 12 to 1.
ACROSS = 12 / 13


def mosaic(numbers: Board, dark: bool) -> go.Figure:
    """Draw every group in a cell of one board, without ticks; a cell is one unit wide and high.

    Panels share the range of log tau; each has its own range across, told on hover.
    """
    groups, blocks = len(numbers.names), len(numbers.blocks)
    columns = _columns(groups)
    rows = -(-groups // columns)
    panel = 7 * int(np.clip(92 / rows, 7, 14))
    cell = panel + LABEL + GAP
    heading = HEADING / cell if blocks > 1 else 0
    tall = rows + heading
    grid = _Grid(columns, rows, panel / cell, GAP / cell)
    data, images, annotations = [], [], _words(numbers, dark)
    for b, block in enumerate(numbers.blocks):
        top = (blocks - b) * tall - heading
        data += grid.traces(numbers, block, top, dark)
        images.append(grid.image(numbers, block, top, dark))
        if blocks > 1:
            annotations.append(_heading(block, top + heading / 2, dark))
    keys = legend(numbers, dark)
    if any(block.contours for block in numbers.blocks):
        keys.append(("exact: region of 90%", {"mode": "lines", "line": theme.exact_line(dark)}))
    quiet = {"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip"}
    data += [{**quiet, "name": words, **key} for words, key in keys]
    fig = go.Figure({"data": data, "layout": {"images": images, "annotations": annotations}})
    theme.layout(fig, dark=dark, height=round(blocks * tall * cell) + TOP + BOTTOM)
    fig.update_layout(
        margin={"t": TOP, "b": BOTTOM, "l": 10, "r": 10},
        legend={"itemclick": False, "itemdoubleclick": False, "y": 1},
        xaxis={"visible": False, "range": [-0.01, columns - 1 + ACROSS + 0.01]},
        yaxis={"visible": False, "range": [0, blocks * tall]},
    )
    return fig


def _columns(groups: int) -> int:
    """Choose columns for a wide page with few holes in the last row."""
    choices = range(int(np.ceil((1.2 * groups) ** 0.5)), int((2 * groups) ** 0.5) + 1)
    return min(choices, key=lambda columns: -groups % columns)


class _Grid:
    """Where the cells of a board are; `up` and `gap` are shares of a cell's height."""

    def __init__(self, columns: int, rows: int, up: float, gap: float):
        self.columns, self.rows, self.up, self.gap = columns, rows, up, gap

    def corner(self, groups: int, top: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower left corners of the panels of a block, each of shape (K,)."""
        k = np.arange(groups)
        return (k % self.columns).astype(float), top - k // self.columns - 1 + self.gap

    def image(self, numbers: Board, block: Block, top: float, dark: bool) -> dict:
        """All panels of a block as one picture."""
        # whole raster cells for panel and gap alike, or the picture drifts from the frames
        height = round(12 * self.up / (1 - self.up))
        width = 48 if len(numbers.names) > 100 else 72
        layers = [
            raster.counts(pool.theta, pool.log_tau, block.x_range, numbers.y_range, (height, width))
            for pool in block.runs
        ]
        colours = [theme.colour(pool.number, dark=dark) for pool in block.runs]
        across, above = width // 12, 12
        board = raster.tile(raster.paint(layers, colours), self.columns, (across, above))
        # the gap of a tile is below its panel, but here the label is above it: start higher
        return {
            "source": raster.png(board),
            "xref": "x",
            "yref": "y",
            "x": 0,
            "y": float(top - 1 + self.gap + self.up),
            "sizex": self.columns * (width + across) / width * ACROSS,
            "sizey": self.rows * (height + above) / height * self.up,
            "sizing": "stretch",
            "layer": "below",
        }

    def traces(self, numbers: Board, block: Block, top: float, dark: bool) -> list[dict]:
        """Frames, labels, truth, exact regions and divergences of a block."""
        left, low = self.corner(len(numbers.names), top)
        y_low, y_high = numbers.y_range
        scale = ACROSS / np.diff(block.x_range)[:, 0]

        def place_x(x, k):
            return left[k] + (x - block.x_range[k, 0]) * scale[k]

        def place_y(y, k):
            return low[k] + (y - y_low) / (y_high - y_low) * self.up

        k = np.arange(len(left))
        box_x, box_y = np.array([0, 1, 1, 0, 0]), np.array([0, 0, 1, 1, 0])
        frames = _broken(left[:, None] + ACROSS * box_x, low[:, None] + self.up * box_y)
        traces = [_line(frames, {"color": theme.frame(dark), "width": 0.7})]
        if block.truth is not None:
            shown = np.clip(block.truth, *block.x_range.T)
            ends = place_x(shown, k)
            cross = _broken(np.stack([ends, ends], 1), np.stack([low, low + self.up], 1))
            traces.append(_line(cross, {**theme.truth_line(dark), "width": 1}))
        if block.contours:
            x = [place_x(line[0], i) for i, line in enumerate(block.contours)]
            y = [place_y(line[1], i) for i, line in enumerate(block.contours)]
            joined = [
                np.concatenate([np.append(piece, np.nan) for piece in pieces]) for pieces in (x, y)
            ]
            traces.append(_line((joined[0], joined[1]), {**theme.exact_line(dark), "width": 0.8}))
        for pool in block.runs:
            at = numbers.marked[pool.number]
            if len(at):
                traces.append(
                    {
                        "type": "scatter",
                        "mode": "markers",
                        "x": place_x(pool.theta[at], k).astype(np.float32).ravel(),
                        "y": place_y(pool.log_tau[at, None], k).astype(np.float32).ravel(),
                        "marker": theme.divergence(pool.number, dark=dark, size=3.5),
                        "name": f"{pool.label}: divergence",
                        "hoverinfo": "skip",
                        "showlegend": False,
                        "cliponaxis": True,
                    }
                )
        names = {
            "type": "scatter",
            "mode": "text",
            "x": left.astype(np.float32),
            "y": (low + self.up).astype(np.float32),
            "text": _short(numbers.names, max(100 // self.columns, 4)),
            "textposition": "top right",
            "textfont": {"size": 11 if self.columns <= 11 else 9, "color": theme.muted(dark)},
            "hoverinfo": "skip",
            "showlegend": False,
            "cliponaxis": False,
        }
        return [*traces, names, self._hover(numbers, block, left, low)]

    def _hover(self, numbers: Board, block: Block, left, low) -> dict:
        """Unseen markers that tell about a panel under the pointer."""
        ranges = [f"x from {x_low:.3g} to {x_high:.3g}" for x_low, x_high in block.x_range]
        hover = [
            "<br>".join(part for part in parts if part)
            for parts in zip(
                [f"<b>{name}</b>" for name in numbers.names],
                numbers.sizes,
                block.notes,
                ranges,
                strict=True,
            )
        ]
        return {
            "type": "scatter",
            "mode": "markers",
            "x": (left + ACROSS / 2).astype(np.float32),
            "y": (low + self.up / 2).astype(np.float32),
            "marker": {"size": 40, "opacity": 0},
            "hovertext": hover,
            "hoverinfo": "text",
            "showlegend": False,
        }


def _short(names: list[str], most: int) -> list[str]:
    """Cut names to size; words that all of them begin with go first."""
    if max(map(len, names)) > most and len(names) > 1:
        shared = commonprefix(names)
        names = [name[shared.rfind(" ") + 1 :] for name in names]
    return [theme.shorten(name, most) for name in names]


def _broken(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join lines of shape (K, points) into one, broken by NaN."""
    gap = np.full((len(x), 1), np.nan)
    return np.hstack([x, gap]).ravel(), np.hstack([y, gap]).ravel()


def _line(xy: tuple[np.ndarray, np.ndarray], line: dict) -> dict:
    x, y = (part.astype(np.float32) for part in xy)
    quiet = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False}
    return {**quiet, "x": x, "y": y, "line": line}


def _heading(block: Block, y: float, dark: bool) -> dict:
    pool = block.runs[0]
    colour = theme.colour(pool.number, dark=dark)
    return {
        "text": f"<b style='color:{colour}'>{pool.label}</b>   {block.x_title}",
        "x": 0,
        "y": y,
        "xanchor": "left",
        "yanchor": "middle",
        "font": {"size": 13},
    }


def _words(numbers: Board, dark: bool) -> list[dict]:
    """Say below the board what its axes are and what it leaves out."""
    y_low, y_high = numbers.y_range
    across = numbers.blocks[0].x_title if len(numbers.blocks) == 1 else "sampled coordinate"
    axes = f"across: {across} · upwards: log τ from {y_low:.1f} to {y_high:.1f} in every panel"
    place = {"x": 0, "y": 0, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "top"}
    quiet = {"size": 11, "color": theme.muted(dark)}
    return [
        {**place, "text": axes.replace("-", theme.MINUS), "yshift": -6, "font": {"size": 12}},
        {**place, "text": note(numbers), "yshift": -26, "font": quiet},
    ]
