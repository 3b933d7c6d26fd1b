"""A person's own CSV becomes grouped data: read, guess the columns, tidy, keep, load."""

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from hbdash.data import GroupData, from_estimates, from_rows
from hbdash.tables import kept_tables
from hbdash.tables.column_guess import Columns, guess, says_deviation
from hbdash.tables.csv_table import UploadError, cells, cut, listed, read_csv, to_numbers
from hbdash.tables.kept_tables import is_stored
from hbdash.tables.table_rows import (
    NO_LABEL,
    Dropped,
    check_column,
    check_magnitude,
    drop,
    group_labels,
)

__all__ = [
    "Columns",
    "Dropped",
    "Tidy",
    "UploadError",
    "guess",
    "is_stored",
    "load_table",
    "read_csv",
    "save_table",
    "tidy",
]

_NO_SPREAD = (
    "In no group do the values vary, so they cannot tell sigma: give the known standard deviation "
    "of one row."
)


@dataclass(frozen=True)
class Tidy:
    """A usable table.

    Attributes
    ----------
    layout : "rows" or "estimates".
    names : K labels, in numeric order where all are numbers, else by first appearance.
    index : shape (N,), the group (0 to K - 1) of each row; for estimates 0 to K - 1.
    values : shape (N,), the measurements; for estimates shape (K,).
    standard_error : shape (K,) for estimates, else None.
    dropped : what was left out, and why.
    notes : what a reader of the results should know about the table.
    """

    layout: Literal["rows", "estimates"]
    names: tuple[str, ...]
    index: np.ndarray
    values: np.ndarray
    standard_error: np.ndarray | None
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sigma_must_be_known(self) -> bool:
        """Whether no group's rows vary, so that they say nothing about sigma."""
        if self.layout == "estimates":
            return False
        first = np.empty(len(self.names))
        first[self.index[::-1]] = self.values[::-1]
        spread = np.abs(self.values - first[self.index]).max()
        return bool(spread <= 1e-12 * np.abs(self.values).max())

    def data(self, sigma: float | None = None, source: str = "Uploaded table") -> GroupData:
        """Reduce the table to what a model needs.

        Parameters
        ----------
        sigma : known standard deviation of one row, or None to infer it.
        source : where the numbers come from, in words.

        Raises
        ------
        UploadError
            When `sigma` is missing though no group's rows vary, or given beside standard errors.
        """
        if self.standard_error is not None:
            if sigma is not None:
                raise UploadError(
                    "`sigma` must be None for a table of estimates, which has its own standard "
                    f"errors, got {sigma:g}."
                )
            return from_estimates(self.names, self.values, self.standard_error, source=source)
        if sigma is None and self.sigma_must_be_known:
            raise UploadError(f"`sigma` must be given, got None. {_NO_SPREAD}")
        return from_rows(self.index, self.values, self.names, sigma, source=source)


def tidy(table: pd.DataFrame, columns: Columns) -> Tidy:
    """Leave out the rows that cannot be used, and say which and why.

    Parameters
    ----------
    table : what `read_csv` returned.
    columns : what its columns mean.

    Raises
    ------
    UploadError
        When the columns do not fit the layout, a column of numbers holds none, there are more than
        `MOST_GROUPS` groups, a group has two estimates, a number is too large, or no row is left.
    """
    chosen = _check_columns(table, columns)
    separator = table.attrs.get("separator", ",")
    notes = list(table.attrs.get("notes", ()))
    labels = cells(table, columns.group)
    faults = [(f'no label in "{cut(columns.group)}"', labels.str.strip().isin(NO_LABEL).to_numpy())]
    numbers = []
    for name in chosen:
        read = to_numbers(cells(table, name), separator)
        check_column(cells(table, name), read)
        title = f'"{cut(name)}"'
        if read.decimal_comma:
            notes.append(f'{title} is read with a decimal comma: "1,5" is 1.5.')
        faults.append((f"no number in {title}", read.missing))
        if read.text.any():
            first = cells(table, name).loc[read.text].iloc[0]
            faults.append((f'text instead of a number in {title}, first "{cut(first)}"', read.text))
        faults.append((f"an infinite number in {title}", read.infinite))
        numbers.append(read.numbers)
    if columns.layout == "estimates":
        title = f'"{cut(chosen[1])}"'
        faults.append((f"a standard error of zero in {title}", numbers[1] == 0))
        faults.append((f"a negative standard error in {title}", numbers[1] < 0))
    usable, dropped = drop(table.index, faults)
    if not usable.any():
        raise UploadError(
            "One row at least must be usable, got none: "
            + "; ".join(f"{d.count:,} with {d.reason} (row {d.rows[0]})" for d in dropped)
            + ". Choose other columns or mend the cells."
        )
    kept = [column[usable] for column in numbers]
    for k, name in enumerate(chosen):
        check_magnitude(name, kept[k], table.index[usable], is_error=k == 1)
    index, names = group_labels(labels.loc[usable], notes, columns.group)
    error = None
    if columns.layout == "estimates":
        order = _one_row_each(index, names, columns.group, table.index[usable])
        index, kept = np.arange(len(names)), [column[order] for column in kept]
        error = kept[1]
        if says_deviation(chosen[1]):
            notes.append(
                f'"{cut(chosen[1])}" is taken as the standard error of each estimate; if it is the '
                "standard deviation of n rows, divide it by the square root of n."
            )
    result = Tidy(columns.layout, names, index, kept[0], error, dropped)
    if len(names) == 1:
        notes.append("With one group, tau is informed by its prior alone.")
    if len(kept[0]) > 1 and np.ptp(kept[0]) == 0:
        notes.append(f'All values of "{cut(chosen[0])}" are {kept[0][0]:g}.')
    if result.sigma_must_be_known:
        notes.append(_NO_SPREAD)
    return Tidy(columns.layout, names, index, kept[0], error, dropped, tuple(notes))


def _check_columns(table: pd.DataFrame, columns: Columns) -> list[str]:
    """Return the columns of numbers a layout needs, the value first."""
    needed = {
        "rows": {"value": columns.value},
        "estimates": {"estimate": columns.estimate, "standard_error": columns.standard_error},
    }.get(columns.layout)
    if needed is None:
        raise UploadError(f'`layout` must be "rows" or "estimates", got "{columns.layout}".')
    names = [str(name) for name in table]
    for role, name in ({"group": columns.group} | needed).items():
        if name not in names:
            got = "none" if name is None else f'"{cut(name)}"'
            raise UploadError(f"`{role}` must be a column, got {got}: choose of {listed(names)}.")
    chosen = [str(name) for name in needed.values()]
    every = [columns.group, *chosen]
    if twice := [name for name in dict.fromkeys(every) if every.count(name) > 1]:
        raise UploadError(f"Every column must be chosen once, got {listed(twice)} twice.")
    return chosen


def _one_row_each(
    index: np.ndarray, names: tuple[str, ...], column: str, rows: pd.Index
) -> np.ndarray:
    """Return the row of each group, shape (K,)."""
    twice = np.flatnonzero(np.bincount(index) > 1)
    if twice.size:
        names_twice = listed([names[k] for k in twice])
        where = ", ".join(str(row) for row in rows[index == twice[0]][:5])
        raise UploadError(
            f"A table of estimates must have one row a group, got {names_twice} more than "
            f'once in "{cut(column)}" (first: rows {where}): keep one row, or choose the layout of '
            "one value a row."
        )
    return np.argsort(index)


def save_table(table: Tidy) -> str:
    """Keep a table in the store under the SHA-256 of its content, which is returned.

    The same rows in the same order have the same hash; notes and dropped rows are no part of it.
    """
    about = json.dumps({"layout": table.layout, "names": table.names}, sort_keys=True)
    error = () if table.standard_error is None else table.standard_error
    columns = (table.index, "<i8"), (table.values, "<f8"), (error, "<f8")
    arrays = [np.frombuffer(about.encode(), np.uint8)]
    arrays += [np.ascontiguousarray(column, dtype) for column, dtype in columns]
    return kept_tables.save(dict(zip(_ARRAYS, arrays, strict=True)))


def load_table(sha256: str, sigma: float | None) -> GroupData:
    """Read a kept table back; a damaged file is renamed aside.

    Parameters
    ----------
    sha256 : what `save_table` returned.
    sigma : known standard deviation of one row; None infers it, or belongs to a table of estimates.

    Raises
    ------
    LookupError
        When the table is not in the store of this machine, is damaged, or is no table of groups.
    UploadError
        When `sigma` does not fit the table.
    """
    about, index, values, error = kept_tables.load(sha256, _ARRAYS).values()
    about = json.loads(about.tobytes())
    error = error if about["layout"] == "estimates" else None
    table = Tidy(about["layout"], tuple(about["names"]), index, values, error)
    return table.data(sigma, f"Uploaded table {sha256[:8]}")


_ARRAYS = ("about", "index", "values", "standard_error")
