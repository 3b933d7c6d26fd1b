"""What the columns of an uploaded table mean, guessed from the header and the first rows."""

import re
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from hbdash.data import MOST_GROUPS
from hbdash.tables.csv_table import UploadError, cells, holds_numbers

GROUP_WORDS = set(
    "group school county id subject site hospital state region country city cluster class study "
    "lab clinic center centre district patient participant player team event name label category "
    "batch unit doe person species plot".split()
)
_VALUE_WORDS = set(
    "value values y outcome effect estimate est mean response measurement score result diff "
    "difference theta yi beta coefficient".split()
)
_ERROR_WORDS = set(
    "se sem std sd stdev stderr sterr sigma error err uncertainty sei sterror".split()
)
_COUNTING_WORDS = set("index row obs n count size weight year date time column".split())


@dataclass(frozen=True)
class Columns:
    """Which column means what.

    Attributes
    ----------
    layout : "rows" (a group and a value a row) or "estimates" (one row a group).
    group : the column of group labels.
    value : layout "rows": the column of measurements.
    estimate, standard_error : layout "estimates": a number a group, and its standard error.
    """

    layout: Literal["rows", "estimates"]
    group: str
    value: str | None = None
    estimate: str | None = None
    standard_error: str | None = None


def guess(table: pd.DataFrame) -> Columns:
    """Guess the layout and the columns from the header's words and the first 5,000 rows.

    Parameters
    ----------
    table : what `read_csv` returned.

    Raises
    ------
    UploadError
        When no column holds numbers.
    """
    head = table.head(5000)
    separator = table.attrs.get("separator", ",")
    names = [str(name) for name in table]
    said = {name: words(name) for name in names}
    numeric = [name for name in names if holds_numbers(cells(head, name), separator)]
    if not numeric:
        raise UploadError("One column must hold numbers, got only text: add a column of values.")
    distinct = {name: int(cells(head, name).nunique()) for name in names}
    whole = {
        name: not cells(head, name).str.contains(r"[0-9][.,][0-9]*[1-9]|[0-9][eE]-").any()
        for name in numeric
    }

    def as_value(name: str) -> float:
        fits, counts = said[name] & _VALUE_WORDS, said[name] & _COUNTING_WORDS
        labels = said[name] & GROUP_WORDS
        likely = 4 * bool(fits) - 3 * bool(counts) - 3 * bool(labels and not fits)
        return likely - 2 * bool(said[name] & _ERROR_WORDS) - (whole[name] or distinct[name] < 3)

    def as_group(name: str) -> float:
        fits, counts = said[name] & GROUP_WORDS, said[name] & _COUNTING_WORDS
        measured = name in numeric and not whole[name]
        crowded = distinct[name] > MOST_GROUPS or (len(head) > 1 and distinct[name] == len(head))
        return (
            3 * bool(fits) + 2 * (name not in numeric) - bool(counts) - 3 * measured - 2 * crowded
        )

    errors = [name for name in numeric if said[name] & _ERROR_WORDS]
    if errors:
        standard_error = min(errors, key=says_deviation)
        estimate = max((n for n in numeric if n != standard_error), key=as_value, default=None)
        others = [name for name in names if name not in (standard_error, estimate)]
        single = [name for name in others if distinct[name] > 0.8 * len(head)]
        group = max(single, key=as_group, default=None)
        if estimate and group:
            return Columns("estimates", group, None, estimate, standard_error)
    value = max(numeric, key=as_value)
    return Columns("rows", max((n for n in names if n != value), key=as_group), value)


def words(name: str) -> set[str]:
    """Split a header cell into lower-case words: "stdErr" and "std_err" have "std" and "stderr"."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    found = re.findall("[a-z]+", apart)
    return {*found, "".join(found)}


def says_deviation(name: str) -> bool:
    """Whether a header speaks of a standard deviation rather than of a standard error."""
    said = words(name)
    return bool(said & {"sd", "std", "stdev", "sigma"}) and not said & {"err", "error", "stderr"}
