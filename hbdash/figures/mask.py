"""The mask: which predictor applies to which group, and where its cells are blank."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.panels import add_note, float32, label_once, panels
from hbdash.quantities import variable

MOST_GROUPS = 60
#: With more predictors than this a cell has room for a sign, but not for words.
IN_WORDS = 5


def mask(dt: xr.DataTree, *, dark: bool = False) -> go.Figure:
    """Which predictor applies to which group. A predictor that does not apply (hatched) adds
    nothing to the group's line: its weight is told by the prior alone, and its cells should be
    blank. A blank cell where a predictor does apply is another thing, a number that exists and is
    missing: such cells are counted here, and are never taken as zero.

    Parameters
    ----------
    dt : draws of the missing-predictors model; its constant_data and observed_data are shown.
    dark : whether the page behind is dark.
    """  # noqa: D205
    applies = applying(dt)
    blank = blank_cells(dt)
    groups, width = applies.shape
    shown = min(groups, MOST_GROUPS)
    row = float(np.clip(420 / shown, 18, 44))
    fig = panels([""], 1, dark=dark, height=round(shown * row), top=76)
    fig.update_layout(margin_b=24, height=round(shown * row) + 76 + 24)
    kinds = {
        "does not apply": (~applies, does_not_apply(dark)),
        "applies": (applies & (blank == 0), _filled(theme.colour(theme.BLUE, dark=dark), 0.3)),
        "applies, with blank cells": (
            applies & (blank > 0),
            _filled(theme.colour(theme.ORANGE, dark=dark), 0.5),
        ),
    }
    for name, (cells, style) in kinds.items():
        _cells(fig, cells[:shown], name, style)
    words = np.array(
        [
            [
                _word(a, int(b), width if row > 34 else IN_WORDS + 1)
                for a, b in zip(*line, strict=True)
            ]
            for line in zip(applies[:shown], blank[:shown], strict=True)
        ]
    )
    _write(fig, words, applies[:shown], row, dark)
    _axes(fig, dt, shown, width, row, dark)
    if note := _left_out(dt, groups, shown):
        quiet = {"size": 11, "color": theme.muted(dark)}
        add_note(fig, (1, 1), note, x=0, y=0, anchor=("left", "top"), yshift=-8, font=quiet)
    return label_once(fig)


def applying(dt: xr.DataTree) -> np.ndarray:
    """Whether each predictor applies to each group, shape (group, predictor), bool."""
    found = variable(dt, "constant_data/mask").transpose("group", "predictor")
    return found.values.astype(bool)


def blank_cells(dt: xr.DataTree) -> np.ndarray:
    """Count blank cells by group and predictor, shape (group, predictor)."""
    index = variable(dt, "observed_data/index").values.astype(int)
    blank = np.isnan(variable(dt, "observed_data/x").transpose("row", "predictor").values)
    groups = variable(dt, "observed_data/n").size
    return np.stack([np.bincount(index, column, groups) for column in blank.T], 1).astype(int)


def does_not_apply(dark: bool) -> dict:
    """Fill of everything that does not apply: hatched grey."""
    grey = theme.muted(dark)
    return {
        "fillpattern": {
            "shape": "/",
            "fgcolor": theme.rgba(grey, 0.5),
            "bgcolor": theme.rgba(grey, 0.07),
            "size": 7,
            "solidity": 0.16,
        },
        "line": {"color": theme.rgba(grey, 0.5), "width": 0.8},
    }


def _filled(colour: str, alpha: float) -> dict:
    return {"fillcolor": theme.rgba(colour, alpha), "line": {"color": colour, "width": 0.8}}


def _word(applies: bool, blank: int, width: int) -> str:
    if width > IN_WORDS:
        return "–" if not applies else f"{blank:,}" if blank else "✓"
    return "does not<br>apply" if not applies else f"{blank:,} blank" if blank else "applies"


def _cells(fig: go.Figure, chosen: np.ndarray, name: str, style: dict) -> None:
    """Draw chosen cells (group, predictor) as boxes of one trace."""
    group, predictor = np.nonzero(chosen)
    if not len(group):
        return
    x = predictor[:, None] + [-0.47, 0.47, 0.47, -0.47, -0.47, np.nan]
    y = group[:, None] + [-0.42, -0.42, 0.42, 0.42, -0.42, np.nan]
    fig.add_trace(
        go.Scatter(
            x=float32(x.ravel()),
            y=float32(y.ravel()),
            mode="lines",
            fill="toself",
            hoverinfo="skip",
            name=name,
            **style,
        ),
        1,
        1,
    )


def _write(fig: go.Figure, words: np.ndarray, applies: np.ndarray, row: float, dark: bool) -> None:
    y, x = np.indices(words.shape)
    fig.add_trace(
        go.Scatter(
            x=float32(x.ravel()),
            y=float32(y.ravel()),
            mode="text",
            text=words.ravel().tolist(),
            textfont={
                "size": float(np.clip(row * 0.42, 9, 12)),
                "color": np.where(applies, theme.ink(dark), theme.muted(dark)).ravel().tolist(),
            },
            hoverinfo="skip",
        ),
        1,
        1,
    )


def _axes(fig: go.Figure, dt: xr.DataTree, shown: int, width: int, row: float, dark: bool) -> None:
    found = variable(dt, "constant_data/mask").coords
    n = variable(dt, "observed_data/n").values
    names = [str(name) for name in found["predictor"].values]
    # On a narrow page about 34 characters fit side by side; a name may have two lines.
    tilted = width > 4 and max(map(len, names)) > 34 // width
    most = max(34 // width, 12)
    names = [theme.shorten(name, 20) if tilted else theme.broken(name, most) for name in names]
    fig.update_xaxes(
        side="top",
        range=[-0.52, width - 0.48],
        tickvals=list(range(width)),
        ticktext=[f"<b>{name}</b>" for name in names],
        tickangle=-40 if tilted else 0,
        tickfont={"color": theme.ink(dark), "size": 12},
        showgrid=False,
        showline=False,
        ticks="",
    )
    fig.update_yaxes(
        range=[shown - 0.45, -0.55],
        tickvals=list(range(shown)),
        ticktext=[
            f"{theme.shorten(str(name), 20)}{'<br>' if row > 34 else ' '}(n = {count:,.0f})"
            for name, count in zip(found["group"].values[:shown], n[:shown], strict=True)
        ],
        tickfont_size=12 if row > 20 else 10,
        showgrid=False,
        showline=False,
        ticks="",
    )


def _left_out(dt: xr.DataTree, groups: int, shown: int) -> str:
    """Say what the grid leaves out: groups, and rows in which blank cells were not counted."""
    notes = [f"{shown} of {groups:,} groups"] if shown < groups else []
    present = variable(dt, "observed_data/y").size
    total = int(dt["observed_data"].attrs.get("rows", present))
    if present < total:
        notes.append(f"blank cells counted in {present:,} of {total:,} rows")
    return ", ".join(notes)
