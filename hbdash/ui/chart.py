"""A figure on the page: drawn once for the same runs and view, its caption under it."""

from collections.abc import Callable

import plotly.graph_objects as go
import streamlit as st
import xarray as xr

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


def chart(name: str, identity: object, draw: Callable[[], go.Figure], caption: str) -> None:
    """Show a figure.

    Parameters
    ----------
    name : of the figure; one on a page.
    identity : everything the figure depends on, as `repr` writes it: the `keys` of the runs, and
        the choices of the view, dark or light among them.
    draw : makes the figure, where it has not been drawn before.
    caption : what a reader looks at.
    """
    figure = _drawn(name, repr(identity), draw)
    st.plotly_chart(figure, key=f"figure_{name}", theme=None, width="stretch", config=CONFIG)
    st.caption(caption)


def keys(runs: dict[str, xr.DataTree]) -> tuple[str, ...]:
    """Return what tells runs and their labels from others."""
    return tuple(f"{label}={dt.attrs['key']}" for label, dt in runs.items())


@st.cache_resource(max_entries=96, show_spinner=False)
def _drawn(name: str, identity: str, _draw: Callable[[], go.Figure]) -> go.Figure:
    return _draw()
