"""Choosing where a lab's data come from; what each source held last comes back with it."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from hbdash.ui.widgets import here, preset


def choose(
    data: Any,
    sources: dict[str, str],
    show: Callable[[str, Any], Any],
    load: Callable[[Any], Any],
    source_of: Callable[[Any], str] = lambda data: data.source,
) -> tuple[Any, Any]:
    """Show the choice of a source and the controls of the one that is chosen.

    Parameters
    ----------
    data : what the draft holds.
    sources : what a source is called on the screen, by name.
    show : (name, what it held last or None) to the data chosen, or None for those of the draft.
    load : data to what they load.
    source_of : data to the name of their source.

    Returns
    -------
    The choice, and what it loads, None where it does not: that is said in the main area, where the
    results would be.
    """
    kept: dict[str, Any] = here().setdefault("kept_data", {})
    kept[source_of(data)] = data
    source: Any = st.segmented_control(
        "Data",
        list(sources),
        format_func=sources.__getitem__,
        **preset("source", source_of(data)),
        required=True,
        label_visibility="collapsed",
    )
    chosen = show(str(source), kept.get(source)) or data
    kept[source_of(chosen)] = chosen
    try:
        return chosen, load(chosen)
    except (ValueError, LookupError):
        return chosen, None
