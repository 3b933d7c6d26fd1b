"""What every grid of run panels shares: its layout, headings, labels and ranges."""

from collections.abc import Iterable
from math import ceil
from typing import Any

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots

from hbdash.figures import theme

NO_DRAWS = "No draws yet."
WIDTH = 1000  # nominal width in pixels, to turn a gap between columns into a fraction
NARROW = 430  # pixels of a figure on a narrow page, beside the controls


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
    titles : one a run; room is made for as many lines as they have.
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
    top += 14 * max(0, *(title.count("<br>") - 1 for title in titles))
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

    Where the legend needs more lines on a narrow page, the figure makes room.
    """
    seen: dict[str, None] = {}
    drawn: Any = tuple(fig.select_traces())
    for trace in drawn:
        trace.update(showlegend=bool(trace.name) and trace.name not in seen)
        trace.update(legendgroup=trace.name or "")
        if trace.name:
            seen[trace.name] = None
    layout: Any = fig.layout
    margin = layout.margin
    extra = 19 * (legend_lines(list(seen), NARROW - margin.l - margin.r) - 1)
    fig.update_layout(margin_t=margin.t + extra, height=layout.height + extra)
    return fig


def legend_lines(names: list[str], room: float) -> int:
    """Count the lines of a legend in `room` pixels: each name stands beside the last if it fits."""
    lines, used = 1, 0.0
    for name in names:
        wide = 48 + 6.9 * len(name)
        if used and used + wide > room:
            lines, used = lines + 1, 0.0
        used += wide
    return lines


def heading(i: int, label: str, note: str, *, dark: bool) -> str:
    """Title of one run's panels: its name in its colour, and a note in small print below.

    Each part of the note has a line of its own: three panels side by side are narrow.
    """
    note = note.replace(", ", "<br>")
    return (
        f'<b style="color:{theme.colour(i, dark=dark)}">{theme.shorten(label, 26)}</b><br>'
        f'<span style="font-size:11px;color:{theme.muted(dark)}">{note}</span>'
    )


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


def float32(values: Iterable[float] | np.ndarray) -> np.ndarray:
    """Convert to the typed array that Plotly ships as binary."""
    return np.asarray(values, np.float32)
