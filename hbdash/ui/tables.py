"""Editable tables that keep their edits while the draft follows them."""

from typing import Any

import pandas as pd
import streamlit as st

from hbdash.ui.widgets import here, seeded


def edited(name: str, table: pd.DataFrame, *, height: int = 320, **options: Any) -> pd.DataFrame:
    """Show a table to edit, and return it as it stands.

    Parameters
    ----------
    name : of the widget.
    table : what the draft holds.
    height : pixels at most.
    options : of `st.data_editor`.
    """
    # The editor keeps its edits as long as it is given the table that it started from.
    now = table.to_json(double_precision=15)
    place = seeded(f"{name}_start", (now, table))
    content, start = st.session_state[place]
    key = f"{name}_{hash(content)}"
    if key not in st.session_state:  # away, its edits with it
        content, start = now, table
        st.session_state[place] = here()["echo"][place] = now, table
        key = f"{name}_{hash(content)}"
    return st.data_editor(start, height=min(36 * (len(start) + 2), height), key=key, **options)
