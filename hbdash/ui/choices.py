"""Choices that stand at figures and change no run: which run, which group, which probability."""

from typing import Any

import streamlit as st
import xarray as xr

from hbdash.ui.draft import Asked
from hbdash.ui.widgets import own


def run(asked: Asked, tab: str) -> dict[str, xr.DataTree]:
    """Show which run a figure of one run is of, where there are several; label to draws."""
    labels = list(asked.runs)
    if len(labels) == 1:
        return asked.runs
    label = _kept(f"run_{tab}", labels, "Run", lambda name: name, 220)
    return {label: asked.runs[label]}


def group(asked: Asked, tab: str) -> int:
    """Show which group a figure is of; its number."""
    names = group_titles(next(iter(asked.runs.values())))
    return _kept(f"group_{tab}", list(range(len(names))), "Group", names.__getitem__, 220)


def group_titles(dt: xr.DataTree) -> list[str]:
    """Name the groups; a bare number gets the name of the groups' column."""
    noun = str(dt.attrs.get("group_name", "")) or "group"
    names = [str(name) for name in dt["observed_data"].coords["group"].values]
    return [f"{noun} {name}" if name.replace(".", "", 1).isdigit() else name for name in names]


def probability(tab: str) -> float:
    """Show the probability of intervals and bands; in (0, 1)."""
    key = own(f"prob_{tab}")
    percent = st.segmented_control(
        "Intervals",
        [50, 80, 90, 95, 99],
        default=90,
        required=True,
        format_func=lambda value: f"{value} %",
        key=key,
        persist_state="session",
        label_visibility="collapsed",
        help="Probability of intervals and bands.",
    )
    return percent / 100


def page(total: int, each: int, tab: str) -> int:
    """Show the first of many groups, where they do not fit in one figure; its number."""
    if total <= each:
        return 0
    starts = list(range(0, total, each))
    return _kept(
        f"page_{tab}",
        starts,
        "Groups shown",
        lambda k: f"groups {k + 1:,} to {min(k + each, total):,} of {total:,}",
        260,
    )


def _kept(name: str, options: list, label: str, words: Any, width: int) -> Any:
    """Choose from a list, and forget a choice that is no longer on it."""
    key = own(name)
    if st.session_state.get(key, options[0]) not in options:
        del st.session_state[key]
    return st.selectbox(
        label,
        options,
        format_func=words,
        key=key,
        persist_state="session",
        label_visibility="collapsed",
        width=width,
    )
