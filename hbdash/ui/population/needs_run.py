"""What a tab says where there is nothing to draw yet."""

import streamlit as st

from hbdash.ui.draft import Asked


def told(asked: Asked) -> bool:
    """Say that the tab shows a run, where there is none; whether that was said."""
    if not asked.runs:
        st.info("This shows the draws of a run. Press Run to sample with these settings.")
    return not asked.runs
