"""An uploaded CSV: its cells as text, and a column of them as numbers."""

import csv
import io
import re
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from hbdash.plain_text import in_a_line

MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 1_000_000, 200, 20_000_000
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"

_COMMA_NUMBER = NUMBER.replace(r"\.", ",")
_NO_NUMBER = ("", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "-", ".", "?")
#: Text before which `hbdash.tables.csv_text`, as spreadsheets do, put a mark that it is no formula.
_MARKED = re.compile(rb"'[=+\-@]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_EMPTY = "The file must hold a table, got an empty file: choose another one."
_NOT_TEXT = {
    b"PK\x03\x04": "an Excel workbook (or another zip archive)",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
    b"\x89HDF": "an HDF5 file",
}


class UploadError(ValueError):
    """The file cannot be used; the message says what must hold, what was given, what to do."""


def read_csv(raw: bytes) -> pd.DataFrame:
    """Read an uploaded file as text cells, one column a header cell.

    The separator (comma, semicolon, tab) is found from the first lines. Blank lines are left out;
    a row shorter than the header is filled with blank cells.

    Returns
    -------
    DataFrame of strings whose index is the row number in the file (a spreadsheet's), with
    ``attrs["notes"]`` and ``attrs["separator"]``.

    Raises
    ------
    UploadError
        When the file is empty, not text, ragged, too large, has no header or no column of numbers.
    """
    notes: list[str] = []
    content = _as_utf8(raw, notes)
    separator, before = _separator(content)
    try:
        table = pd.read_csv(
            io.BytesIO(content),
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            skiprows=before,
            skip_blank_lines=False,
            skipinitialspace=True,
            nrows=2 * MOST_ROWS,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UploadError(_why_unreadable(str(error))) from None
    if _MARKED.search(content):
        for name in table:
            table[name] = table[name].str.replace(r"^'(?=[=+\-@])", "", regex=True)
    header = [str(cell).strip() for cell in table.iloc[0]]
    full = len(table) == 2 * MOST_ROWS
    table = table.iloc[1:]
    table.index = pd.RangeIndex(before + 2, before + 2 + len(table))
    table = _without_blanks(table)
    if table.empty:
        raise UploadError("The file must hold rows below its header, got only a header: add rows.")
    if full or len(table) > MOST_ROWS:
        lines = max(content.count(b"\n"), content.count(b"\r"))
        raise UploadError(
            f"The file must have at most {MOST_ROWS:,} rows, got about {lines:,}: upload a sample "
            "of the rows, or one estimate and standard error a group."
        )
    table = _named(table, header)
    table.attrs = {"notes": notes, "separator": separator}
    _check_numbers(table)
    return table


def _as_utf8(raw: bytes, notes: list[str]) -> bytes:
    """Return the text of a file in UTF-8 without a byte order mark."""
    if not raw.strip(b"\xef\xbb\xbf \t\r\n"):
        raise UploadError(_EMPTY)
    for start, kind in _NOT_TEXT.items():
        if raw.startswith(start):
            advice = "export the sheet as CSV" if "Excel" in kind else "export the table as CSV"
            raise UploadError(f"The file must be a CSV table, got {kind}: {advice}.")
    try:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = raw.decode("utf-16")
            raw = text.encode()
        else:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
            text = raw.decode()
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise UploadError(
                f"The file must be UTF-8 text, got byte 0x{raw[error.start]:02x} in line {line}: "
                'save it as "CSV UTF-8".'
            ) from None
        raw = text.encode()
        if not _CONTROL.search(text):
            notes.append("The file is not UTF-8; it was read as Windows-1252. Check the accents.")
    if _CONTROL.search(text):
        raise UploadError(
            "The file must be a CSV table of plain text, got binary content: export it as CSV."
        )
    return raw


def _separator(content: bytes) -> tuple[str, int]:
    """Find the separator, and the number of blank lines before the header."""
    body = content.lstrip(b" \t\r\n")
    blank = content[: len(content) - len(body)]
    before = max(blank.count(b"\n"), blank.count(b"\r"))
    head = body[: 1 << 18].decode(errors="ignore")
    lines = [line for line in re.split(r"\r\n|\r|\n", head)[:30] if line.strip()]
    if not lines:
        raise UploadError(_EMPTY)
    best, separator, widest = (0.0, 0), ",", 1
    for candidate in ",;\t":
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=candidate)]
        except csv.Error:
            continue
        columns = counts[0]
        agreement = sum(count == columns for count in counts) / len(counts)
        if columns > 1 and (agreement, columns) > best:
            best, separator, widest = (agreement, columns), candidate, columns
    if widest == 1:
        raise UploadError(
            "The file must have at least two columns, separated by commas, semicolons or tabs, "
            f'got one: "{cut(lines[0])}". Add a column that says which group a row belongs to.'
        )
    if widest > MOST_COLUMNS:
        raise UploadError(
            f"The file must have at most {MOST_COLUMNS} columns, got {widest:,}: keep the columns "
            "of groups and values."
        )
    rows = max(body.count(b"\n"), body.count(b"\r"))
    if min(rows, 2 * MOST_ROWS) * widest > MOST_CELLS:
        raise UploadError(
            f"The file must have at most {MOST_CELLS:,} cells, got {rows:,} rows of {widest}: keep "
            "the columns of groups and values."
        )
    return separator, before


def _why_unreadable(error: str) -> str:
    """Say in our words what pandas' C parser found."""
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", error):
        expected, line, saw = found.groups()
        return (
            f"Every row must have as many cells as the header, {expected}, got {saw} in line "
            f"{line}: put cells that contain the separator in quotation marks."
        )
    if found := re.search(r"EOF inside string starting at row (\d+)", error):
        return (
            "Every quotation mark must be closed, got an open one in or before row "
            f"{int(found[1]) + 1}: close it or remove it."
        )
    return f"The file must be a CSV table, got one that cannot be parsed ({cut(error)})."


def _without_blanks(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out rows without any content."""
    blank = np.ones(len(table), bool)
    for _, column in table.items():
        blank &= (column.str.strip() == "").to_numpy(bool)
        if not blank.any():
            return table
    return table.loc[~blank]


def _named(table: pd.DataFrame, header: list[str]) -> pd.DataFrame:
    """Put the names on the columns; a nameless column is numbered, or left out when empty."""
    nameless = [k for k, name in enumerate(header) if not name]
    empty = [k for k in nameless if (table.iloc[:, k] == "").all()]
    names = [name or f"column {k + 1}" for k, name in enumerate(header) if k not in empty]
    if empty:
        table = table.drop(columns=empty)
    if len(nameless) == len(header):
        raise UploadError("The first row must name the columns, got blanks: add a header row.")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UploadError(
            f"Every column must have its own name, got {listed(twice)} more than once: rename."
        )
    if len(names) < 2:
        raise UploadError(
            f"The file must have at least two columns, got {listed(names)} alone: add a column "
            "that says which group a row belongs to."
        )
    table.columns = names
    return table


def _check_numbers(table: pd.DataFrame) -> None:
    """Refuse a table without numbers, or whose first row is already data."""
    separator = table.attrs["separator"]
    numeric = [
        name for name in map(str, table) if holds_numbers(cells(table, name).head(1000), separator)
    ]
    numeric = numeric or [
        name for name in map(str, table) if holds_numbers(cells(table, name), separator)
    ]
    if not numeric:
        text = next(cell for cell in reversed(table.iloc[0].tolist()) if cell.strip())
        raise UploadError(
            f'One column must hold numbers, got only text, such as "{cut(text)}" in row '
            f"{table.index[0]}: check the separator and the decimal sign."
        )
    if all(re.fullmatch(f"{NUMBER}|{_COMMA_NUMBER}", name) for name in numeric):
        raise UploadError(
            f"The first row must name the columns, got the numbers {listed(numeric)}: add a "
            "header row, or letters to the names."
        )


class Numbers(NamedTuple):
    """A column as numbers (NaN where there is none), and what its cells are instead.

    Attributes
    ----------
    numbers : shape (N,).
    missing, infinite, text : shape (N,), bool: why a cell is no number.
    decimal_comma : whether "1,5" was read as 1.5.
    """

    numbers: np.ndarray
    missing: np.ndarray
    infinite: np.ndarray
    text: np.ndarray
    decimal_comma: bool


def cells(table: pd.DataFrame, name: str) -> pd.Series:
    """Return one column of a table, shape (N,)."""
    column = table[name]
    assert isinstance(column, pd.Series), "read_csv gives every column its own name"
    return column


def to_numbers(column: pd.Series, separator: str) -> Numbers:
    """Read text cells as numbers; a decimal comma is possible where it does not separate cells.

    Parameters
    ----------
    column : shape (N,), strings.
    separator : what separates the cells of the file.
    """
    texts = column.str.strip().str.replace("\N{MINUS SIGN}", "-", regex=False)
    plain = texts.str.fullmatch(NUMBER).to_numpy(bool)
    decimal_comma = False
    if separator != "," and not plain.all():
        comma = texts.str.fullmatch(_COMMA_NUMBER).to_numpy(bool)
        if decimal_comma := bool(comma.sum() > plain.sum()):
            plain, texts = comma, texts.str.replace(",", ".", regex=False)
    numbers = np.full(len(texts), np.nan)
    numbers[plain] = texts[plain].to_numpy().astype(float)
    other = texts[~plain].str.lower()
    missing, infinite = np.zeros((2, len(texts)), bool)
    missing[~plain] = other.isin(_NO_NUMBER)
    infinite[~plain] = other.str.fullmatch("[+-]?inf(inity)?").to_numpy(bool)
    text = ~(plain | missing | infinite)
    infinite |= np.isinf(numbers)
    numbers[infinite] = np.nan
    return Numbers(numbers, missing, infinite, text, decimal_comma)


def holds_numbers(column: pd.Series, separator: str) -> bool:
    """Whether most cells that are not blank are numbers."""
    read = to_numbers(column, separator)
    return bool(np.isfinite(read.numbers).sum() > read.text.sum())


def listed(names: list[str]) -> str:
    """Quote up to five names."""
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(f'"{cut(name)}"' for name in names[:5]) + more


def cut(text: str, length: int = 40) -> str:
    """Shorten a text taken from the file to one short line."""
    line = in_a_line(" ".join(text[: 4 * length].split()))
    return line if len(line) <= length else line[: length - 1] + "…"
