"""A table as CSV that a spreadsheet opens as it is: text that would be a formula is text."""

import re

import pandas as pd

from hbdash.tables.csv_table import NUMBER

#: With one of these a spreadsheet takes a cell for a formula; `read_csv` takes the mark away again.
_FORMULA = re.compile(r"[=+\-@\t\r]")


def to_csv(table: pd.DataFrame) -> str:
    """Write a table without its index; before text that would be a formula stands ``'``."""
    safe = table.rename(columns=_text)
    for at in range(safe.shape[1]):
        column = safe.iloc[:, at]
        if not pd.api.types.is_numeric_dtype(column.dtype):
            safe.isetitem(at, column.map(_text))
    return safe.to_csv(index=False)


def _text(cell: object) -> object:
    if isinstance(cell, str) and _FORMULA.match(cell) and not re.fullmatch(NUMBER, cell):
        return f"'{cell}"
    return cell
