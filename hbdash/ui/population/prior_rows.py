"""The priors as rows of a table: a parameter, a family, and the numbers of the family.

Most priors have one or two numbers and are rows by themselves; any other entry of a priors.json is
a row of the kind `OTHER`, with its JSON as the first cell.
"""

import json
import re
from typing import Any, NamedTuple

import pandas as pd

from hbdash.population.parameters import Components
from hbdash.population.priors import default_priors, read_priors
from hbdash.ui.population.records import compact
from hbdash.ui.spelling import number

#: Families that are rows by themselves, with NumPyro's names of their numbers.
FAMILIES: dict[str, tuple[str, ...]] = {
    "Uniform": ("low", "high"),
    "Normal": ("loc", "scale"),
    "LogUniform": ("low", "high"),
    "LogNormal": ("loc", "scale"),
    "HalfNormal": ("scale",),
    "Exponential": ("rate",),
    "Gamma": ("concentration", "rate"),
    "Cauchy": ("loc", "scale"),
    "Laplace": ("loc", "scale"),
}
CONSTANT, ALIAS, ABSENT, OTHER = "constant", "same as", "no bound", "JSON"
KINDS = (*FAMILIES, CONSTANT, ALIAS, ABSENT, OTHER)
#: Columns of the table.
PARAMETER, KIND, FIRST, SECOND = "parameter", "prior", "first", "second"
#: Stands for a parameter without an entry, which is refused where priors are resolved.
_MISSING = object()


class Row(NamedTuple):
    """A parameter's prior, in words: kind, and up to two cells."""

    kind: str
    first: str | None = None
    second: str | None = None


def table(entries: dict[str, Any], components: Components) -> pd.DataFrame:
    """Lay out the priors of all parameters, a row each."""
    rows = [(name, *row_of(entry_of(entries, name))) for name in components.names]
    rows = [tuple(cell or "" for cell in row) for row in rows]  # None would stand there as a word
    return pd.DataFrame(rows, columns=pd.Index([PARAMETER, KIND, FIRST, SECOND]), dtype=object)


def entry_of(entries: dict[str, Any], name: str) -> Any:
    """Find a parameter's entry: under its name, or else the first pattern that matches it."""
    if name in entries:
        return entries[name]
    return next((entry for key, entry in entries.items() if _matches(key, name)), _MISSING)


def row_of(entry: Any) -> Row:
    """Spell an entry."""
    if entry is _MISSING:
        return Row(OTHER, "")
    if entry is None:
        return Row(ABSENT)
    if isinstance(entry, str):
        return Row(ALIAS, entry)
    if _is_number(entry):
        return Row(CONSTANT, number(entry))
    names = FAMILIES.get(str(entry.get("dist")), ()) if isinstance(entry, dict) else ()
    cells = [entry[name] for name in names if name in entry]
    if not names or set(entry) != {"dist", *names} or not all(map(_is_cell, cells)):
        return Row(OTHER, compact(entry))
    return Row(entry["dist"], *(c if isinstance(c, str) else number(c) for c in cells))


def entry_from(name: str, row: Row) -> Any:
    """Read an entry.

    Raises
    ------
    ValueError
        Where a cell that is needed is empty, or holds no number and no parameter's name.
    """
    first = (row.first or "").strip()
    match row.kind:
        case "no bound":
            return None
        case "same as":
            return _needed(name, ALIAS, "the name of a parameter", first)
        case "constant":
            return _number(name, _needed(name, CONSTANT, "a number", first))
        case "JSON":
            text = _needed(name, OTHER, 'an entry such as {"dist": "Normal", "loc": 0}', first)
            return read_priors(f'{{"{name}": {text}}}', name)[name]
    cells = {}
    for word, cell in zip(FAMILIES[row.kind], (first, (row.second or "").strip()), strict=False):
        text = _needed(name, row.kind, f"`{word}`", cell)
        cells[word] = text if _is_name(text) else _number(name, text)
    return {"dist": row.kind} | cells


def merged(entries: dict[str, Any], before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Any]:
    """Take what was changed in the table; all other entries stay as they are written.

    Raises
    ------
    ValueError
        As `entry_from`.
    """
    found = dict(entries)
    for old, new in zip(_rows(before), _rows(after), strict=True):
        if old != new:
            found[new[0]] = entry_from(*new)
    return found


def fitted(entries: dict[str, Any], components: Components, kept: dict[str, Any]) -> dict[str, Any]:
    """Make the priors fit other components.

    Parameters
    ----------
    entries : what the draft has.
    components : the new ones.
    kept : entries of parameters that were there before; else those of a fresh visit are taken.
    """
    names = set(components.names)
    found = {
        key: entry
        for key, entry in entries.items()
        if any(_matches(key, name) for name in names) and _references(entry) <= names
    }
    fresh = default_priors(components) | {
        name: entry for name, entry in kept.items() if _references(entry) <= names
    }
    return found | {
        name: fresh[name] for name in components.names if entry_of(found, name) is _MISSING
    }


def _rows(table: pd.DataFrame) -> list[tuple[str, Row]]:
    def text(cell: Any) -> str | None:
        return None if cell is None or cell != cell or not str(cell).strip() else str(cell).strip()

    return [
        (str(name), Row(str(kind), text(first), text(second)))
        for name, kind, first, second in table.itertuples(index=False, name=None)
    ]


def _references(entry: Any) -> set[str]:
    """Name the parameters that an entry follows."""
    if isinstance(entry, str):
        return {entry}
    if not isinstance(entry, dict):
        return set()
    return {value for key, value in entry.items() if key != "dist" and isinstance(value, str)}


def _matches(key: str, name: str) -> bool:
    try:
        return key == name or re.fullmatch(key, name) is not None
    except re.error:
        return False


def _needed(name: str, kind: str, what: str, text: str) -> str:
    if not text:
        raise ValueError(f"{name}: {kind} needs {what}; its cell is empty.")
    return text


def _number(name: str, text: str) -> float:
    # The minus sign is what a text copied from a figure or a paper has.
    try:
        return float(text.replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        raise ValueError(
            f"{name}: a number must stand here, or the name of a parameter that it follows, got "
            f"{json.dumps(text[:40])}."
        ) from None


def _is_name(text: str) -> bool:
    # Not every word: "inf" and "nan" are read as numbers, and refused as such.
    return re.fullmatch(r"[A-Za-z]\w*_\d+", text) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_cell(value: Any) -> bool:
    return _is_number(value) or isinstance(value, str)
