"""A table to edit, begun anew whenever the draft is replaced from elsewhere."""

from typing import Any

import pandas as pd
import streamlit as st

from hbdash.ui.widgets import PREFIX, here, seeded


def edited(name: str, table: pd.DataFrame, *, height: int, **options: Any) -> pd.DataFrame:
    """Show a table to edit, and return it as it stands.

    The editor keeps its edits as long as it is given the table that it started from, under one
    key; both are of their own after each `replace_draft`, so that edits made before do not return.

    Parameters
    ----------
    name : of the widget.
    table : what the draft holds.
    height : pixels at most.
    options : of `st.data_editor`.
    """
    place = f"{name}_start"
    if PREFIX + place not in st.session_state:
        here()["editors"] = here().get("editors", 0) + 1
    number, start = st.session_state[seeded(place, (here().get("editors", 0), table))]
    row = options.get("row_height", 35)
    return st.data_editor(
        start,
        height=min(row * len(start) + 37, height),
        key=f"{name}_{st.session_state['_lab']}_{number}",
        **options,
    )
