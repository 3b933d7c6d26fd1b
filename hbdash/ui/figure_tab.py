"""A tab of figures from the menu, and the controls of the view that stand at them."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st
import xarray as xr

from hbdash.figures import FIGURES, OF_A_LEVEL, View
from hbdash.models.model import ExactAnswer
from hbdash.quantities import level, levels
from hbdash.ui import answers, choices
from hbdash.ui.chart import chart, keys
from hbdash.ui.draft import Asked
from hbdash.ui.frame import is_dark
from hbdash.ui.widgets import own

#: Levels up to which they are chosen by buttons.
FEW_LEVELS = 4


def show(tab: str, asked: Asked, exact: ExactAnswer | None) -> None:
    """Show the figures of a tab, each with its caption."""
    view, identity = _view(tab, asked, exact)
    figures = {name: figure for name, figure in FIGURES.items() if figure.tab == tab}
    for name in figures:
        draw(name, view, identity, heading=len(figures) > 1)


def draw(name: str, view: View, identity: object, *, heading: bool = True) -> None:
    """Show one figure of the menu under its title; for the arguments see `chart`."""
    figure = FIGURES[name]
    if heading:
        st.markdown(f"#### {figure.title}")
    on_white = partial(figure.draw, replace(view, dark=False))
    drawn = partial(figure.draw, view)
    chart(name, identity, drawn, figure.caption, title=figure.title, on_white=on_white)


def show_if_pooled(tab: str) -> Callable[[Asked, ExactAnswer | None], None]:
    """Return a tab that draws a population of effects, and says so where there is none."""

    def shown(asked: Asked, exact: ExactAnswer | None) -> None:
        if levels(next(iter(asked.runs.values()))):
            show(tab, asked, exact)
        else:
            st.info(
                "The weights are unpooled, so there is no population of effects and no funnel. "
                "Choose **Pool the weights** in the sidebar to see it here."
            )

    return shown


def choose_level(runs: dict[str, xr.DataTree]) -> str | None:
    """Show the choice of a level, where there is one; None where nothing has a population."""
    found = levels(next(iter(runs.values())))
    if len(found) < 2:
        return next(iter(found), None)
    key = own("level")
    if st.session_state.get(key) not in found:
        st.session_state[key] = next(iter(found))
    titles = {name: about["title"] or name for name, about in found.items()}
    if len(found) <= FEW_LEVELS:
        return st.segmented_control(
            "Level",
            list(found),
            format_func=titles.__getitem__,
            required=True,
            key=key,
            persist_state="session",
            label_visibility="collapsed",
        )
    return st.selectbox(
        "Level",
        list(found),
        format_func=titles.__getitem__,
        key=key,
        persist_state="session",
        label_visibility="collapsed",
        width=260,
    )


def _view(tab: str, asked: Asked, exact: ExactAnswer | None) -> tuple[View, tuple]:
    """Read the view controls that stand at a figure; they change no run."""
    draft, runs, grids = asked.draft, asked.runs, None
    bar = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    with bar:
        name = choose_level(runs) if tab in OF_A_LEVEL else None
    if name is not None:
        runs = {label: level(dt, name) for label, dt in runs.items()}
        grids = None if exact is None else answers.level(draft, name)
    names = choices.group_titles(next(iter(runs.values())))
    coordinates, contours, group = "theta", False, 0
    if tab in ("Funnels", "One group"):
        with bar:
            coordinates = _coordinates(tab)
            contours = grids is not None and _contours(tab)
            group = _group(names) if tab == "One group" else 0
    if tab in ("Funnels", "One group", "Predictive") and len(runs) > 2:
        runs = _shown(tab, runs)
    start = 0
    if tab == "Predictive" and len(names) > 40:
        start = st.select_slider("First group shown", range(0, len(names), 40), key=own("first"))
    sampled = prior = None
    if name is not None and contours and coordinates == "sampled":
        sampled = {label: answers.sampled_level(draft, name, dt) for label, dt in runs.items()}
    elif name is not None and contours:
        grids = answers.level(draft, name, effects=True)
    if name is not None and tab == "Population":
        prior = answers.scale_prior(draft, name, runs)
    dark = is_dark()
    view = View(runs, grids, sampled, prior, coordinates, group, start, dark)
    asked_for = grids is not None, contours
    return view, (keys(runs), name, asked_for, coordinates, group, start, dark)


def _coordinates(tab: str) -> str:
    return st.segmented_control(
        "Coordinates",
        ["theta", "sampled"],
        format_func={"theta": "theta", "sampled": "as sampled"}.__getitem__,
        default="theta",
        required=True,
        key=own(f"coordinates_{tab}"),
        persist_state="session",
        label_visibility="collapsed",
        help="As sampled: the coordinate in which NUTS moves, each run in its own.",
    )


def _contours(tab: str) -> bool:
    return st.toggle(
        "Exact contours",
        key=own(f"contours_{tab}"),
        persist_state="session",
        help="50, 90 and 99 % of the exact mass.",
    )


def _group(names: list[str]) -> int:
    key = own("group")
    if st.session_state.get(key, 0) >= len(names):
        st.session_state[key] = 0
    return st.selectbox(
        "Group",
        range(len(names)),
        format_func=names.__getitem__,
        key=key,
        persist_state="session",
        label_visibility="collapsed",
        width=180,
    )


def _shown(tab: str, runs: dict[str, xr.DataTree]) -> dict[str, xr.DataTree]:
    shown = st.pills(
        "Runs shown",
        list(runs),
        selection_mode="multi",
        default=list(runs)[:2],
        key=own(f"shown_{tab}"),
        persist_state="session",
    )
    return {label: runs[label] for label in runs if label in shown} or runs
