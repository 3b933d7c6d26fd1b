"""The Corner tab: every parameter and every pair, the samplers over each other."""

import streamlit as st

from hbdash.population_draws import parameters
from hbdash.ui.draft import Asked
from hbdash.ui.population import figures, needs_run
from hbdash.ui.widgets import own

#: Parameters that are shown unless others are picked.
MOST_AT_FIRST = 8


def show(asked: Asked) -> None:
    """Show the corner plot of the parameters that are picked."""
    if needs_run.told(asked):
        return
    names = parameters(next(iter(asked.runs.values())))
    chosen = names
    if len(names) > 2:
        key = own("corner")
        if not set(st.session_state.get(key, names)) <= set(names):
            del st.session_state[key]
        chosen = st.pills(
            "Parameters",
            names,
            selection_mode="multi",
            default=names[:MOST_AT_FIRST],
            key=key,
            persist_state="session",
            label_visibility="collapsed",
        )
    picked = tuple(name for name in names if name in chosen) or tuple(names[:MOST_AT_FIRST])
    figures.show("Corner", asked.runs, parameters=picked)
