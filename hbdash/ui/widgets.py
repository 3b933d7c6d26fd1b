"""Widgets seeded from the draft: the draft is the truth, a widget's memory only its echo."""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pydantic import BaseModel

#: Keys of every widget that holds a part of the draft.
PREFIX = "w."


def enter(model: str) -> bool:
    """Make the lab of a model the one that is shown; say whether another page was before.

    Widgets of the page before would hand on their values to those with the same key: they are
    forgotten, and seeded from this lab's own draft.
    """
    state = st.session_state
    if state.get("_lab") == model:
        return False
    state["_lab"] = model
    _forget_widgets()
    here()["echo"] = {}
    here().pop("json_of", None)
    return True


def here() -> dict[str, Any]:
    """What the lab that is shown remembers in this session; callbacks find it, too."""
    return st.session_state.setdefault(own("lab"), {})


def own(name: str) -> str:
    """Return the key of a widget of this lab alone, for one that holds no part of the draft."""
    return f"{name}.{st.session_state['_lab']}"


def seeded(name: str, value: Any) -> str:
    """Return a widget's key, its first value put where the widget will look for it."""
    key = PREFIX + name
    if key not in st.session_state:
        st.session_state[key] = value
    here().setdefault("echo", {})[key] = st.session_state[key]
    return key


# A rerun that comes quickly drops what the run before sent of it, the values of new widgets too,
# and the browser shows their defaults: each has its value for its default.


def valued(name: str, value: Any) -> dict[str, Any]:
    """Return key and value of a slider, a number, a text or a toggle, seeded with a value."""
    key = seeded(name, value)
    return {"key": key, "value": st.session_state[key]}


def optional(name: str, value: float | None) -> dict[str, Any]:
    """Return key and value of a number that may be absent, seeded with one or with None.

    With a number for its default, the field could not be emptied.
    """
    return valued(name, value) | {"value": None}


def preset(name: str, value: Any, options: Sequence[Any] | None = None) -> dict[str, Any]:
    """Return key and default of pills or of a choice of several, seeded with a value.

    Given the options, what is no longer one of them is no longer chosen.
    """
    key = seeded(name, value)
    if options is not None and not set(st.session_state[key]) <= set(options):
        left = [one for one in st.session_state[key] if one in options]
        st.session_state[key] = left or value
    return {"key": key, "default": st.session_state[key]}


def listed(name: str, value: Any, options: Iterable[Any]) -> dict[str, Any]:
    """Return key and index of a choice from a list, seeded with one of the options.

    What was chosen and is no longer an option gives way to the value.
    """
    key, menu = seeded(name, value), list(options)
    if st.session_state[key] not in menu:
        st.session_state[key] = value
    return {"key": key, "index": menu.index(st.session_state[key])}


def moved() -> bool:
    """Whether a person moved a control since the last rerun; asking starts the next watch."""
    state = st.session_state
    before = here().get("echo", {})
    here()["echo"] = {}
    return any(key not in state or state[key] != value for key, value in before.items())


def forget_hidden() -> None:
    """Drop the keys of widgets that this run did not show: Streamlit left their first values there.

    Where they are shown again, they are seeded with what was kept.
    """
    _forget_widgets(but=here()["echo"])


def replace_draft(draft: BaseModel) -> None:
    """Make this the draft, and let the widgets be seeded from it again."""
    _forget_widgets()
    here().pop("kept_choice", None)
    here()["draft"] = draft


def _forget_widgets(but: dict[str, Any] | None = None) -> None:
    for key in list(st.session_state):
        if str(key).startswith(PREFIX) and key not in (but or {}):
            del st.session_state[key]


def by_group(
    column: str,
    names: tuple[str, ...],
    values: tuple[float, ...],
    empty: float,
    of: str = "",
    **limits: Any,
) -> tuple[float, ...]:
    """Show an editable table of one number a group.

    Parameters
    ----------
    column : title of the numbers.
    names, values : K labels, and the numbers to start from.
    empty : what a cell that was cleared counts as.
    of : tells this table from others with the same title.
    limits : `min_value`, `max_value` and other options of `st.column_config.NumberColumn`.
    """
    # The editor keeps its edits as long as it is given the table that it started from.
    place = seeded(f"{column}{of}_start_{len(names)}", values)
    start = st.session_state[place]
    key = f"{column}{of}_{len(names)}"
    if f"{key}_{hash(start)}" not in st.session_state:  # away, its edits with it
        start = st.session_state[place] = here()["echo"][place] = values
    edited = st.data_editor(
        pd.DataFrame({"group": names, column: start}),
        hide_index=True,
        disabled=["group"],
        height=min(36 * (len(names) + 1), 320),
        column_config={column: st.column_config.NumberColumn(required=True, **limits)},
        key=f"{key}_{hash(start)}",
    )
    numbers = pd.Series(pd.to_numeric(edited[column], errors="coerce")).fillna(empty)
    return tuple(numbers.clip(limits["min_value"], limits["max_value"]))
