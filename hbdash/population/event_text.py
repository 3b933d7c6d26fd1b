"""A text file of posterior samples: the separator found, the columns picked, the cells numbers."""

import re
from typing import NamedTuple

import numpy as np

from hbdash.tables.csv_table import UploadError, cut, listed

#: Cells that say that there is no number.
NO_NUMBER = ("", "na", "n/a", "nan", "+nan", "-nan", "null", "none", "-")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NOT_TEXT = {
    b"PK\x03\x04": "a zip archive (or an Excel workbook) in the place of a text file: unpack it",
    b"\x89PNG": "a PNG picture: choose a file of posterior samples",
    b"%PDF": "a PDF: choose a file of posterior samples",
    b"\x1f\x8b": "a gzip archive: unpack it",
}
#: Names of separators; None is any number of spaces and tabs.
_SEPARATORS = (",", ";", "\t", None)


class Header(NamedTuple):
    """The columns of a text file, and where its rows begin.

    Attributes
    ----------
    columns : their names, without a '#' before the first.
    separator : ",", ";", a tab, or None for any number of spaces and tabs.
    first : number of the first line below the header, counted from 0.
    """

    columns: tuple[str, ...]
    separator: str | None
    first: int


def lines_of(file: str, raw: bytes) -> list[str]:
    """Decode a file into its lines.

    Raises
    ------
    UploadError
        Where it is empty, not text, or not in UTF-8 (or UTF-16 with a byte order mark).
    """
    for start, kind in _NOT_TEXT.items():
        if raw.startswith(start):
            raise UploadError(f"{cut(file)} must be a text file, got {kind}.")
    try:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = raw.decode("utf-16")
        else:
            text = raw.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UploadError(
            f"{cut(file)} must be UTF-8 text, got byte 0x{raw[error.start]:02x} in line {line}: "
            "save it as UTF-8."
        ) from None
    if not text.strip():
        raise UploadError(
            f"{cut(file)} must hold posterior samples, got an empty file: leave it out, or write "
            "it again."
        )
    if found := _CONTROL.search(text):
        raise UploadError(
            f"{cut(file)} must be plain text, got binary content (byte 0x{ord(found[0]):02x}): "
            "choose a text or HDF5 file."
        )
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def header_of(file: str, lines: list[str]) -> Header:
    """Find the names of the columns and the separator.

    The header is the first line, or the last of those that start with '#'.

    Raises
    ------
    UploadError
        Where the file has no header, or the rows have another number of cells.
    """
    filled = [k for k, line in enumerate(lines) if line.strip()]
    commented = 0
    while commented < len(filled) and lines[filled[commented]].lstrip().startswith("#"):
        commented += 1
    rest = filled[commented:]
    is_header = rest and not _is_row(lines[rest[0]])
    if not is_header and not commented:
        raise UploadError(
            f"The first line of {cut(file)} must name the columns, got the numbers "
            f'"{cut(lines[filled[0]])}": add a line such as "mass_1_source mass_2_source".'
        )
    head, rows = (rest[0], rest[1:]) if is_header else (filled[commented - 1], rest)
    title = lines[head].lstrip().lstrip("#")
    found = [(len(split(title, separator)), separator) for separator in _SEPARATORS]
    if rows:
        first = lines[rows[0]]
        fitting = [f for f in found if f[0] == len(split(first, f[1]))]
        # One cell in both says only that this is not what separates them.
        fitting = [f for f in fitting if f[0] > 1] or [f for f in fitting if f[1] is None]
    else:
        fitting = [max(found, key=lambda f: f[0])]
    if not fitting:
        count, separator = max(found, key=lambda f: f[0])
        raise UploadError(
            f"Every row of {cut(file)} must have as many cells as the header, {count}, got "
            f"{len(split(lines[rows[0]], separator))} in row {rows[0] + 1}: mend the header or "
            "the separators."
        )
    separator = max(fitting, key=lambda f: f[0])[1]
    return Header(tuple(split(title, separator)), separator, rows[0] if rows else len(lines))


def split(line: str, separator: str | None) -> list[str]:
    """Cut a line into its cells, without spaces and quotation marks around them."""
    return [cell.strip().strip('"').strip() for cell in line.strip(" \n").split(separator)]


def _is_row(line: str) -> bool:
    cells = [cell for cell in re.split(r"[,;\s]+", line.strip()) if cell]
    return any(_as_number(cell.strip('"')) is not None for cell in cells)


def _as_number(cell: str) -> float | None:
    try:
        # Python also reads 1_000 as a number, where a file more likely has a slip.
        return None if "_" in cell else float(cell)
    except ValueError:
        return np.nan if cell.lower() in NO_NUMBER else None


def read_text(file: str, raw: bytes, columns: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Read columns of a text file.

    Parameters
    ----------
    file : its name, for messages.
    raw : its content.
    columns : their names, in the order in which they are returned.

    Returns
    -------
    Numbers, shape (rows, len(columns)), NaN where there is none; and the line, counted from 1, of
    each row.

    Raises
    ------
    UploadError
        Where the file is no table of numbers, or a column is missing; row and value are named.
    """
    lines = lines_of(file, raw)
    header = header_of(file, lines)
    places = [place(file, header.columns, name) for name in columns]
    width = len(header.columns)
    numbered = np.array(
        [k for k, line in enumerate(lines[header.first :], header.first + 1) if line.strip()], int
    )
    if not len(numbered):
        raise UploadError(
            f"{cut(file)} must hold posterior samples, got only a header: leave it out, or write "
            "it again."
        )
    try:
        table = np.loadtxt(
            [line for line in lines[header.first :] if line.strip()],
            delimiter=header.separator,
            comments=None,
            quotechar='"',
            ndmin=2,
        )
        if table.shape == (len(numbered), width) and not np.isnan(table).any():
            return table[:, places], numbered
    except ValueError:
        pass  # the slower reader knows better what is wrong, if anything is
    return _by_line(file, lines, header, columns, places)


def place(file: str, present: tuple[str, ...], name: str) -> int:
    """Return the number of a column.

    Raises
    ------
    UploadError
        Where there is none of that name, or several.
    """
    if name not in present:
        raise UploadError(
            f'{cut(file)} must have a column "{cut(name)}", got {listed(list(present))}: choose '
            "the columns of m1 and m2."
        )
    if present.count(name) > 1:
        raise UploadError(
            f'{cut(file)} must have one column "{cut(name)}", got {present.count(name)}: rename.'
        )
    return present.index(name)


def _by_line(
    file: str, lines: list[str], header: Header, columns: tuple[str, ...], places: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Read what the fast reader does not take: blanks, comments, text in other columns."""
    width, rows, numbered = len(header.columns), [], []
    for k in range(header.first, len(lines)):
        line = lines[k]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = split(line, header.separator)
        if len(cells) != width:
            raise UploadError(
                f"Every row of {cut(file)} must have as many cells as the header, {width}, got "
                f"{len(cells)} in row {k + 1}: mend the row."
            )
        numbers = []
        for column, p in zip(columns, places, strict=True):
            number = _as_number(cells[p])
            if number is None:
                raise UploadError(
                    f'{cut(file)} must hold numbers in column "{cut(column)}", got '
                    f'"{cut(cells[p], 20)}" in row {k + 1}: mend the cell.'
                )
            numbers.append(number)
        rows.append(numbers)
        numbered.append(k + 1)
    if not rows:
        raise UploadError(
            f"{cut(file)} must hold posterior samples, got only a header: leave it out, or write "
            "it again."
        )
    return np.array(rows, float), np.array(numbered)
