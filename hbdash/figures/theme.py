"""The one look of every figure: colours, markers, lines and a Plotly template, light and dark.

Colour and shape mean the same everywhere. A run (or a chain) has colour, marker and dash number i;
a divergence is a yellow diamond outlined in the colour of its run; truth is a dashed line; an
exact answer is a thin solid line. Backgrounds are transparent, so the page shows through; draw with
`st.plotly_chart(figure, theme=None)`. The palette is Okabe and Ito's (2008), lightened on dark.
"""

import json
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = range(6)
_LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DARK = ("#5BB8F0", "#FF8A3C", "#3DD3A7", "#F0A6CC", "#F5C04A", "#A8DCFA")
_SYMBOLS = ("circle", "square", "triangle-up", "cross", "x", "star")
_DASHES = ("solid", "dashdot", "longdash", "longdashdot", "dot", "10px,2px")
_DIAMONDS = ("diamond", "diamond-dot", "diamond-cross", "diamond-x", "star-diamond", "diamond-tall")
_YELLOW = "#F0E442"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
MINUS = "\N{MINUS SIGN}"

#: Axis titles: symbol, then unit. "Data units" are those of the measurements.
LABELS = {
    "mu": "μ (data units)",
    "tau": "τ (data units)",
    "log_tau": "log τ (τ in data units)",
    "sigma": "σ (data units)",
    "theta": "θ (data units)",
    "energy": "energy (nats)",
    "lp": "log density (nats)",
    "step_size": "step size (unconstrained units)",
    "draw": "draw (iteration after warmup)",
    "density": "density",
}


def label(name: str, attrs: Mapping[Any, Any]) -> str:
    """Title an axis: symbol, the site of the model that it stands for, and unit.

    Parameters
    ----------
    name : a key of `LABELS`.
    attrs : those of a run, or of a level of one, which name its sites and their unit.
    """
    sites = json.loads(attrs.get("sites", "{}"))
    role = name.removeprefix("log_")
    if role not in sites or sites[role] == role:
        return LABELS[name]
    symbol = LABELS[role].split(" ")[0]
    known = f"{symbol} = {shorten(sites[role], 24)}"
    unit = shorten(attrs.get("unit") or "data units", 22)
    return f"log {symbol}, {known} ({unit})" if name != role else f"{known} ({unit})"


def colour(i: int, *, dark: bool = False) -> str:
    """Colour of the i-th run or chain, as "#rrggbb"; repeats after six."""
    palette = _DARK if dark else _LIGHT
    return palette[i % len(palette)]


def symbol(i: int) -> str:
    """Marker shape of the i-th run, so that runs differ without colour."""
    return _SYMBOLS[i % len(_SYMBOLS)]


def dash(i: int) -> str:
    """Dash of the i-th run's line; plain "dash" is left to the truth."""
    return _DASHES[i % len(_DASHES)]


def rgb(hexcolour: str) -> tuple[int, int, int]:
    """Red, green and blue (0 to 255) of "#rrggbb"."""
    return int(hexcolour[1:3], 16), int(hexcolour[3:5], 16), int(hexcolour[5:7], 16)


def rgba(hexcolour: str, alpha: float) -> str:
    """Give the colour "#rrggbb" an opacity in [0, 1], as Plotly reads it."""
    red, green, blue = rgb(hexcolour)
    return f"rgba({red},{green},{blue},{alpha:g})"


def ink(dark: bool) -> str:
    """Colour of text, exact lines and contours."""
    return "#F2F4F8" if dark else "#111418"


def muted(dark: bool) -> str:
    """Colour of notes, ticks and axis lines."""
    return "#A3ABB8" if dark else "#5B6470"


def grid(dark: bool) -> str:
    """Colour of the grid."""
    return "rgba(200,210,225,0.13)" if dark else "rgba(30,45,65,0.09)"


def frame(dark: bool) -> str:
    """Colour of axis lines and panel frames."""
    return "rgba(200,210,225,0.32)" if dark else "rgba(30,45,65,0.26)"


def surface(dark: bool) -> str:
    """Opaque background of hover boxes."""
    return "#1B2029" if dark else "#FFFFFF"


def backdrop(dark: bool) -> str:
    """Opaque colour of the page behind, so that a picture that leaves it stays readable."""
    return "#0E1319" if dark else "#FFFFFF"


def divergence(i: int = 0, *, dark: bool = False, size: float = 7) -> dict:
    """Marker of a divergence of the i-th run: a yellow diamond, outlined in the run's colour."""
    return {
        "symbol": _DIAMONDS[i % len(_DIAMONDS)] if size > 5 else "diamond",
        "size": size,
        "color": _YELLOW,
        "opacity": 1.0,
        "line": {"color": colour(i, dark=dark), "width": 1 if size > 5 else 0.6},
    }


def truth_line(dark: bool) -> dict:
    """Line of a generating value: dashed."""
    return {"color": ink(dark), "width": 1.2, "dash": "6px,4px"}


def exact_line(dark: bool) -> dict:
    """Line of an exact answer: thin and solid."""
    return {"color": ink(dark), "width": 1, "dash": "solid"}


def count(number: int, noun: str) -> str:
    """Write a number with its noun, such as "1 draw" or "4,000 draws"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _template(dark: bool) -> go.layout.Template:
    axis = {
        "gridcolor": grid(dark),
        "gridwidth": 1,
        "linecolor": frame(dark),
        "linewidth": 1,
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": frame(dark),
        "tickfont": {"size": 11, "color": muted(dark)},
        "title": {"font": {"size": 13, "color": ink(dark)}, "standoff": 8},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 12, "color": ink(dark)},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(_DARK if dark else _LIGHT),
            "xaxis": axis,
            "yaxis": axis,
            "title": {"font": {"size": 15}, "x": 0, "xref": "paper", "xanchor": "left"},
            "hovermode": "closest",
            "hoverlabel": {
                "bgcolor": surface(dark),
                "bordercolor": frame(dark),
                "font": {"family": FONT, "size": 12, "color": ink(dark)},
                "align": "left",
                "namelength": -1,
            },
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.02,
                "yanchor": "bottom",
                "bgcolor": "rgba(0,0,0,0)",
                "font": {"size": 12, "color": ink(dark)},
                "tracegroupgap": 2,
            },
            "annotationdefaults": {"font": {"size": 12, "color": ink(dark)}, "showarrow": False},
            "modebar": {
                "bgcolor": "rgba(0,0,0,0)",
                "color": muted(dark),
                "activecolor": ink(dark),
            },
        }
    )


_TEMPLATES = {dark: _template(dark) for dark in (False, True)}


def layout(fig: go.Figure, *, dark: bool, title: str | None = None, height: int = 420) -> go.Figure:
    """Give a figure the common look and return it.

    Parameters
    ----------
    dark : whether the page behind is dark.
    title : words above the figure, or None; the page usually has its own heading.
    height : pixels; the width is that of the page.
    """
    fig.update_layout(
        template=_TEMPLATES[dark],
        height=height,
        margin={"l": 56, "r": 16, "t": 64 if title else 40, "b": 48},
    )
    if title:
        fig.update_layout(title_text=title, title_yref="container", title_y=1, title_yanchor="top")
        fig.update_layout(title_pad_t=12)
    return fig


def empty(note: str, *, dark: bool = False, height: int = 240) -> go.Figure:
    """Return a figure with nothing but a centred note, for when there is nothing to draw."""
    fig = layout(go.Figure(), dark=dark, height=height)
    fig.update_xaxes(visible=False)
    fig.update_yaxes(visible=False)
    fig.add_annotation(
        text=note,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font={"size": 14, "color": muted(dark)},
    )
    return fig


def shorten(words: str, most: int) -> str:
    """Cut words to at most `most` characters, with an ellipsis where cut."""
    if len(words) <= most:
        return words
    tail = max(most - 1, 1) // 3  # names often differ at their ends
    return words[: max(most - 1, 1) - tail] + "…" + words[len(words) - tail :]


def broken(words: str, most: int) -> str:
    """Break words of more than `most` characters in two lines, where it shows the least.

    A name breaks after a space, an underscore or a hyphen, or before a bracket, as near to its
    middle as it can; each line is cut to `most` characters.
    """
    if len(words) <= most:
        return words
    places = [i + (sign != "[") for i, sign in enumerate(words) if sign in " _-["]
    places = [at for at in places if 0 < at < len(words)]
    if not places:
        return shorten(words, most)
    middle = min(places, key=lambda at: abs(at - len(words) / 2))
    return "<br>".join(shorten(part.strip(), most) for part in (words[:middle], words[middle:]))
