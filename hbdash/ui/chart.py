"""A figure on the page: drawn once for the same runs and view, its caption under it; saving it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import plotly.graph_objects as go
import streamlit as st
import xarray as xr

from hbdash.figures.markup import without_markup
from hbdash.figures.theme import backdrop
from hbdash.ui.frame import is_dark
from hbdash.web_page import Picture, figure_page

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}
#: What the camera of a figure saves, one choice for all of them.
FORMATS = {"png": "PNG", "svg": "SVG"}
#: Where a session keeps the figures that its page shows, by name.
_SHOWN = "shown_figures"


class Shown(NamedTuple):
    """A figure that the page shows, to be drawn for paper; see `chart`."""

    name: str
    title: str
    draw: Callable[[], go.Figure]
    caption: str

    def picture(self) -> Picture:
        """Draw it."""
        return Picture(self.name, self.title, self.draw(), self.caption)


def chart(
    name: str,
    identity: object,
    draw: Callable[[], go.Figure],
    caption: str,
    *,
    title: str = "",
    on_white: Callable[[], go.Figure] | None = None,
) -> None:
    """Show a figure.

    Parameters
    ----------
    name : of the figure; one on a page.
    identity : everything the figure depends on, as `repr` writes it: the `keys` of the runs, and
        the choices of the view, dark or light among them.
    draw : makes the figure, where it has not been drawn before.
    caption : what a reader looks at.
    title : of the figure where it stands alone, as the page has it in a heading.
    on_white : makes the figure for a light page, where `draw` makes it for the one that is shown.
    """
    dark = is_dark()
    figure = _drawn(name, repr(identity), dark, draw)
    shown = Shown(name, title, on_white or (lambda: figure), caption)
    figures_shown()[name] = shown
    chosen = st.session_state.setdefault("camera", next(iter(FORMATS)))
    saved = {"format": chosen, "filename": f"hbdash_{name}", "scale": 2}
    config = CONFIG | {"toImageButtonOptions": saved}
    st.plotly_chart(figure, key=f"figure_{name}", theme=None, width="stretch", config=config)
    with st.container(horizontal=True, wrap=False, gap="medium"):
        st.caption(caption)
        with st.popover("Save", type="tertiary", key=f"save_{name}"):
            _save(shown, chosen)


def keys(runs: dict[str, xr.DataTree]) -> tuple[str, ...]:
    """Return what tells runs and their labels from others."""
    return tuple(f"{label}={dt.attrs['key']}" for label, dt in runs.items())


def figures_shown(*, anew: bool = False) -> dict[str, Shown]:
    """Return the figures of this page by name, in their order; `anew` where it begins."""
    if anew or _SHOWN not in st.session_state:
        st.session_state[_SHOWN] = {}
    return st.session_state[_SHOWN]


def _save(shown: Shown, chosen: str) -> None:
    """Offer the figure as a page of its own, and say what the camera saves."""
    st.download_button(
        "HTML",
        lambda: figure_page(shown.picture()),
        f"hbdash_{shown.name}.html",
        "text/html",
        key=f"save_{shown.name}_html",
        on_click="ignore",
        width="stretch",
        help="The figure on white in a page of its own, to zoom and read without a network; its "
        "buttons save PNG and SVG.",
    )
    key = f"camera_{shown.name}"
    st.session_state[key] = chosen
    st.segmented_control(
        "The camera above the figure saves",
        list(FORMATS),
        format_func=FORMATS.__getitem__,
        required=True,
        default=chosen,
        key=key,
        on_change=partial(_choose, key),
        help="As you see it, zoomed and with what the legend hides; the camera appears where the "
        "pointer is over the figure.",
    )


def _choose(key: str) -> None:
    st.session_state["camera"] = st.session_state[key]


@st.cache_resource(max_entries=160, show_spinner=False)
def _drawn(name: str, identity: str, dark: bool, _draw: Callable[[], go.Figure]) -> go.Figure:
    return without_markup(_draw()).update_layout(paper_bgcolor=backdrop(dark))
