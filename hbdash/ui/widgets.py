"""Widgets seeded from the draft: the draft is the truth, a widget's memory only its echo."""

from typing import Any

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


def replace_draft(draft: Draft) -> None:
    """Make this the draft, and let the widgets be seeded from it again."""
    for key in list(st.session_state):
        if str(key).startswith(PREFIX):
            del st.session_state[key]
    st.session_state["draft"] = draft
