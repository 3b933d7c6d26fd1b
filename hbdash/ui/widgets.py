"""Widgets seeded from the draft: the draft is the truth, a widget's memory only its echo."""

from typing import Any

import pandas as pd
import streamlit as st

from hbdash.ui.draft import Draft

#: Keys of every widget that holds a part of the draft.
PREFIX = "w."


def seeded(name: str, value: Any) -> str:
    """Return a widget's key, its first value put where the widget will look for it."""
    key = PREFIX + name
    if key not in st.session_state:
        st.session_state[key] = value
    st.session_state.setdefault("echo", {})[key] = st.session_state[key]
    return key


def moved() -> bool:
    """Whether a person moved a control since the last rerun; asking starts the next watch."""
    state = st.session_state
    before = state.get("echo", {})
    state["echo"] = {}
    return any(key not in state or state[key] != value for key, value in before.items())


def forget_hidden() -> None:
    """Drop the keys of widgets that this run did not show: Streamlit left their first values there.

    Where they are shown again, they are seeded with what was kept.
    """
    for key in list(st.session_state):
        if str(key).startswith(PREFIX) and key not in st.session_state["echo"]:
            del st.session_state[key]


def replace_draft(draft: Draft) -> None:
    """Make this the draft, and let the widgets be seeded from it again."""
    for key in list(st.session_state):
        if str(key).startswith(PREFIX):
            del st.session_state[key]
    st.session_state["draft"] = draft


def by_group(
    column: str, names: tuple[str, ...], values: tuple[float, ...], empty: float, **limits: Any
) -> tuple[float, ...]:
    """Show an editable table of one number a group.

    Parameters
    ----------
    column : title of the numbers.
    names, values : K labels, and the numbers to start from.
    empty : what a cell that was cleared counts as.
    limits : `min_value`, `max_value` and other options of `st.column_config.NumberColumn`.
    """
    # The editor keeps its edits as long as it is given the table that it started from.
    place = seeded(f"{column}_start_{len(names)}", values)
    start = st.session_state[place]
    if f"{column}_{len(names)}_{hash(start)}" not in st.session_state:  # away, its edits with it
        start = st.session_state[place] = st.session_state["echo"][place] = values
    edited = st.data_editor(
        pd.DataFrame({"group": names, column: start}),
        hide_index=True,
        disabled=["group"],
        height=min(36 * (len(names) + 1), 320),
        column_config={column: st.column_config.NumberColumn(required=True, **limits)},
        key=f"{column}_{len(names)}_{hash(start)}",
    )
    numbers = pd.Series(pd.to_numeric(edited[column], errors="coerce")).fillna(empty)
    return tuple(numbers.clip(limits["min_value"], limits["max_value"]))
