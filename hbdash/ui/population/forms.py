"""A form of a settings record: one widget a field, its bounds those that the field declares."""

import json
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import annotated_types
import streamlit as st
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from streamlit.delta_generator import DeltaGenerator

from hbdash.spec import explain
from hbdash.ui.plain import plain
from hbdash.ui.population.records import compact
from hbdash.ui.widgets import listed, optional, valued

Record = TypeVar("Record", bound=BaseModel)
#: The largest whole number that a browser's number field holds exactly.
LARGEST = 2**53 - 1


class Words(NamedTuple):
    """What a field is called, what stands behind its question mark, its step, and its absence."""

    label: str
    help: str | None = None
    step: float | None = None
    absent: str = "none"


def form(start: Record, words: dict[str, Words], name: str) -> Record:
    """Show the fields that have words, two numbers a line, and return the record that they make.

    What is out of bounds is said, and not taken.

    Parameters
    ----------
    start : the record that the fields begin with; its other fields are kept.
    words : by field, in the order of the screen.
    name : tells these widgets from those of other forms.
    """
    given, unread, content, columns = {}, [], start.model_dump(mode="json"), []
    for field, said in words.items():
        info = type(start).model_fields[field]
        if _type(info) is bool:
            where, columns = st.container(), []
        else:
            columns = columns or list(st.columns(2, vertical_alignment="bottom"))
            where = columns.pop(0)
        try:
            given[field] = _widget(where, info, f"{name}.{field}", content[field], said)
        except ValueError as error:
            unread.append(f"{said.label}: {plain(error)}")
    try:
        found = type(start).model_validate(start.model_dump() | given)
    except ValidationError as error:
        unread.append(plain(explain(error).removeprefix("spec: ")))
        found = start
    if unread:
        st.error("\n\n".join(unread))
        return start
    return found


def _shown(info: FieldInfo, value: Any) -> Any:
    if _is_text(info):
        return "" if value is None else compact(value)
    return float(value) if isinstance(value, int) and _type(info) is float else value


def _widget(where: DeltaGenerator, info: FieldInfo, name: str, value: Any, words: Words) -> Any:
    kind, value = _type(info), _shown(info, value)
    if get_origin(kind) is Literal and not _is_text(info):
        options = [*([None] if _optional(info) else []), *get_args(kind)]
        shown = listed(name, value, options)
        return where.selectbox(
            words.label, options, help=words.help, format_func=lambda one: one or "none", **shown
        )
    if _is_text(info):
        text: Any = where.text_input(words.label, help=words.help, **valued(name, value))
        return _read(text, _optional(info))
    if kind is bool:
        return where.toggle(words.label, help=words.help, **valued(name, value))
    low, high = _bounds(info)
    return where.number_input(
        words.label,
        kind(low) if low is not None else None,
        kind(high) if high is not None else None,
        placeholder=words.absent if _optional(info) else None,
        **(optional if _optional(info) else valued)(name, value),
        help=words.help,
        step=words.step or (1 if kind is int else None),
        format="%d" if kind is int else "%g",
    )


def _read(text: str, optional: bool) -> Any:
    """Read what stands in a text field: JSON, such as [64, 64]."""
    if optional and not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(
            f"numbers in JSON must stand here, such as [64, 64], got {text[:40]!r}."
        ) from None


def _members(info: FieldInfo) -> tuple[Any, ...]:
    kind = info.annotation
    if get_origin(kind) in (Union, UnionType):
        return get_args(kind)
    return (kind,)


def _optional(info: FieldInfo) -> bool:
    return NoneType in _members(info)


def _type(info: FieldInfo) -> Any:
    (kind,) = [one for one in _members(info) if one is not NoneType][:1]
    while hasattr(kind, "__metadata__"):
        kind = kind.__origin__
    return kind


def _is_text(info: FieldInfo) -> bool:
    """Whether a field holds more than one number, or one of several kinds."""
    kinds = [one for one in _members(info) if one is not NoneType]
    return len(kinds) > 1 or not (
        _type(info) in (bool, int, float) or get_origin(_type(info)) is Literal
    )


def _bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    whole = _type(info) is int
    low: Any = -LARGEST if whole else None
    high: Any = LARGEST if whole else None
    metadata = list(info.metadata)
    for member in _members(info):  # those of `Annotated[int, Field(ge=0)] | None`
        for one in getattr(member, "__metadata__", ()):
            metadata += one.metadata if isinstance(one, FieldInfo) else [one]
    for one in metadata:
        if isinstance(one, annotated_types.Ge):
            low = one.ge
        elif isinstance(one, annotated_types.Gt):
            exclusive: Any = one.gt
            low = exclusive + 1 if whole else exclusive
        elif isinstance(one, annotated_types.Le):
            high = one.le
        elif isinstance(one, annotated_types.Lt):
            exclusive: Any = one.lt
            high = exclusive - 1 if whole else exclusive
    return low, high
