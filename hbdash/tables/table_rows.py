"""Rows of an uploaded table: which cannot be used and why, and the group of each."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd

from hbdash.data import MOST_GROUPS
from hbdash.tables.csv_table import NUMBER, Numbers, UploadError, cut

LONGEST_LABEL = 80
#: Beyond these the priors of `hbdash.priors` cannot follow.
LARGEST, SMALLEST = 1e8, 1e-8
NO_LABEL = ("", "NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "null", "NULL")


class Dropped(NamedTuple):
    """Rows left out for one reason: how many, and the first few as numbered in the file."""

    reason: str
    count: int
    rows: tuple[int, ...]


def check_column(column: pd.Series, read: Numbers) -> None:
    """Refuse a column in which there is text, but not one number."""
    if np.isfinite(read.numbers).any() or not read.text.any():
        return
    first = column.loc[read.text].head(1)
    raise UploadError(
        f'"{cut(str(column.name))}" must hold numbers, got none, but text such as '
        f'"{cut(first.iloc[0])}" in row {first.index[0]}: choose another column, or write the '
        "numbers without units and thousands separators."
    )


def drop(
    rows: pd.Index, faults: list[tuple[str, np.ndarray]]
) -> tuple[np.ndarray, tuple[Dropped, ...]]:
    """Count every unusable row once, under its first fault."""
    usable, dropped = np.ones(len(rows), bool), []
    for reason, fault in faults:
        fault = fault & usable
        if fault.any():
            first = tuple(int(row) for row in rows[fault][:5])
            dropped.append(Dropped(reason, int(fault.sum()), first))
        usable &= ~fault
    return usable, tuple(dropped)


def check_magnitude(name: str, column: np.ndarray, rows: pd.Index, is_error: bool) -> None:
    """Refuse, rather than drop: leaving out the largest values would bias every answer."""
    worst = int(np.abs(column).argmax())
    if abs(column[worst]) > LARGEST:
        raise UploadError(
            f'"{cut(name)}" must lie within {LARGEST:g}, got {column[worst]:g} in row '
            f"{rows[worst]}: rescale the column (for example to thousands), or blank the cell if "
            "it stands for a missing value."
        )
    least = int(column.argmin())
    if is_error and column[least] < SMALLEST:
        raise UploadError(
            f'"{cut(name)}" must be at least {SMALLEST:g}, got {column[least]:g} in row '
            f"{rows[least]}: rescale estimates and standard errors."
        )


def group_labels(
    labels: pd.Series, notes: list[str], column: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the group of each row, shape (N,), and K distinct labels."""
    codes, found = pd.factorize(labels)
    cleaned = [" ".join(str(label).split()) for label in found]
    numeric = all(re.fullmatch(NUMBER, label) for label in cleaned)
    if numeric and all(float(label).is_integer() for label in cleaned):
        cleaned = [re.sub(r"\.0*$", "", label) or "0" for label in cleaned]
    merged, distinct = pd.factorize(np.array(cleaned, object))
    index, names = merged[codes], [str(name) for name in distinct]
    if len(names) > MOST_GROUPS:
        mistake = "it looks like a column of measurements" if numeric else "is it a row's own name?"
        raise UploadError(
            f'"{cut(column)}" must hold at most {MOST_GROUPS:,} groups, got {len(names):,} '
            f"different labels; {mistake}: choose the column that says which group a row belongs "
            "to."
        )
    if numeric:
        order = np.argsort([float(name) for name in names], kind="stable")
        index, names = np.argsort(order)[index], [names[k] for k in order]
    long = [k for k, name in enumerate(names) if len(name) > LONGEST_LABEL]
    for k in long:
        names[k] = f"{names[k][: LONGEST_LABEL - 8]}… ({k + 1})"
    if long:
        notes.append(f"{len(long)} labels longer than {LONGEST_LABEL} characters were cut.")
    return index, tuple(names)
