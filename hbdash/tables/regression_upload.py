"""A person's own CSV becomes regression data: tidy, keep, load."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hbdash.regression_data import RegressionData, units
from hbdash.regression_sources import (
    MOST_PREDICTORS,
    Mask,
    RegressionRows,
    RegressionSource,
    Transform,
    UploadedRegression,
    check,
    infer_mask,
    load,
)
from hbdash.tables import kept_tables
from hbdash.tables.csv_table import UploadError, cells, cut, listed, to_numbers
from hbdash.tables.regression_columns import RegressionColumns, guess_regression
from hbdash.tables.regression_notes import blank_counts, blanks_in_words, notes
from hbdash.tables.table_rows import (
    LONGEST_LABEL,
    NO_LABEL,
    Dropped,
    check_column,
    check_magnitude,
    drop,
    group_labels,
)

__all__ = [
    "RegressionColumns",
    "TidyRegression",
    "UploadError",
    "blank_counts",
    "blanks_in_words",
    "guess_regression",
    "in_store",
    "load_regression",
    "notes",
    "save_regression",
    "tidy_regression",
]

_ARRAYS = ("about", "index", "x", "y")


@dataclass(frozen=True)
class TidyRegression:
    """A usable table.

    Attributes
    ----------
    names : K labels, in numeric order where all are numbers, else by first appearance.
    index : shape (N,), the group (0 to K - 1) of each row.
    x : shape (N, P), the predictors, NaN where a cell is blank. y : shape (N,), the response.
    response, group, predictors : names of the columns, P of the predictors.
    dropped : what was left out, and why.
    notes : what to know about how the file was read.
    """

    names: tuple[str, ...]
    index: np.ndarray
    x: np.ndarray
    y: np.ndarray
    response: str
    group: str
    predictors: tuple[str, ...]
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()

    def data(
        self,
        *,
        mask: np.ndarray | None = None,
        transform: Transform = "none",
        latent: bool = False,
        source: str = "Uploaded table",
    ) -> RegressionData:
        """Make the table what a model needs.

        Parameters
        ----------
        mask : shape (K, P), bool: which predictor applies to which group; None infers it.
        transform : the units of the model, as `hbdash.regression_data.units` has them.
        latent : whether blank cells are latent values; else their rows are left out.
        source : where the numbers come from, in words.
        """
        if mask is None:
            mask = infer_mask(self.x, self.index, len(self.names))
        return RegressionData(
            self.names,
            self.predictors,
            self.index,
            self.x,
            self.y,
            mask,
            units(self.x, self.y, transform),
            self.response,
            self.group,
            latent,
            source=source,
        )


def tidy_regression(table: pd.DataFrame, columns: RegressionColumns) -> TidyRegression:
    """Leave out the rows without a group or a response, and say which; keep blank predictors.

    Parameters
    ----------
    table : what `read_csv` returned.
    columns : what its columns mean.

    Raises
    ------
    UploadError
        When a column is chosen twice or not there, a cell holds text instead of a number or too
        large a number, there are more than `MOST_GROUPS` groups or `MOST_PREDICTORS` predictors, no
        row is left, or a predictor is blank in every row or never varies.
    """
    _check_columns(table, columns)
    separator = table.attrs.get("separator", ",")
    said = list(table.attrs.get("notes", ()))
    labels = cells(table, columns.group)
    no_label = labels.str.strip().isin(NO_LABEL).to_numpy(bool)
    chosen = (columns.response, *columns.predictors)
    faults, numbers, expected = [(f'no label in "{cut(columns.group)}"', no_label)], [], ~no_label
    for k, name in enumerate(chosen):
        read = to_numbers(cells(table, name), separator)
        check_column(cells(table, name), read)
        _refuse_text(cells(table, name), read.text & expected)
        title = f'"{cut(name)}"'
        if read.decimal_comma:
            said.append(f'{title} is read with a decimal comma: "1,5" is 1.5.')
        if k == 0:
            faults.append((f"no number in {title}", read.missing))
            expected = expected & ~read.missing
        faults.append((f"an infinite number in {title}", read.infinite))
        numbers.append(read.numbers)
    usable, dropped = drop(table.index, faults)
    if not usable.any():
        raise UploadError(
            "One row at least must be usable, got none: "
            + "; ".join(f"{d.count:,} with {d.reason} (row {d.rows[0]})" for d in dropped)
            + ". Choose other columns or mend the cells."
        )
    rows = table.index[usable]
    numbers = [column[usable] for column in numbers]
    for name, column in zip(chosen, numbers, strict=True):
        known = ~np.isnan(column)
        if known.any():
            check_magnitude(name, column[known], rows[known], is_error=False)
    index, names = group_labels(labels.loc[usable], said, columns.group)
    response, group, *predictors = _titles((columns.response, columns.group, *columns.predictors))
    if len(numbers[0]) > 1 and np.ptp(numbers[0]) == 0:
        said.append(f'All values of "{cut(response)}" are {numbers[0][0]:g}.')
    x = np.stack(numbers[1:], 1)
    clean = TidyRegression(
        names, index, x, numbers[0], response, group, tuple(predictors), dropped, tuple(said)
    )
    try:
        check(clean.data(latent=True))
    except ValueError as error:
        raise UploadError(str(error)) from None
    return clean


def _check_columns(table: pd.DataFrame, columns: RegressionColumns) -> None:
    names = [str(name) for name in table]
    if not columns.predictors:
        raise UploadError("`predictors` must name one column at least, got none: choose one.")
    if len(columns.predictors) > MOST_PREDICTORS:
        raise UploadError(
            f"There must be at most {MOST_PREDICTORS} predictors, got {len(columns.predictors)}: "
            "leave some out."
        )
    roles = [("response", columns.response), ("group", columns.group)]
    for role, name in [*roles, *(("predictors", name) for name in columns.predictors)]:
        if name not in names:
            raise UploadError(
                f'`{role}` must be a column, got "{cut(name)}": choose of {listed(names)}.'
            )
    every = [columns.response, columns.group, *columns.predictors]
    if twice := [name for name in dict.fromkeys(every) if every.count(name) > 1]:
        raise UploadError(f"Every column must be chosen once, got {listed(twice)} twice.")


def _refuse_text(column: pd.Series, text: np.ndarray) -> None:
    """Refuse, rather than drop or blank: a typing error would pass for a missing value."""
    if not text.any():
        return
    first = column.loc[text].head(5)
    found = ", ".join(f'"{cut(str(cell), 20)}" in row {row}' for row, cell in first.items())
    more = f" and {int(text.sum()) - 5:,} more" if text.sum() > 5 else ""
    raise UploadError(
        f'"{cut(str(column.name))}" must hold numbers, got text: {found}{more}. Write numbers '
        "without units and thousands separators, or leave the cell blank where there is none."
    )


def _titles(names: tuple[str, ...]) -> list[str]:
    """Bring the names of columns into one line of at most `LONGEST_LABEL` characters."""
    lines = [" ".join(name.split()) for name in names]
    return [
        f"{line[: LONGEST_LABEL - 8]}… ({k + 1})"
        if len(line) > LONGEST_LABEL or lines.count(line) > 1
        else line
        for k, line in enumerate(lines)
    ]


def save_regression(clean: TidyRegression) -> str:
    """Keep a table in the store under the SHA-256 of its content, which is returned.

    The same rows in the same order under the same names have the same hash; notes and dropped rows
    are no part of it.
    """
    about = {"names": clean.names, "predictors": clean.predictors}
    about |= {"response": clean.response, "group": clean.group}
    written = json.dumps(about, sort_keys=True).encode()
    # Blank cells are all the same NaN, whatever made them.
    x = np.where(np.isnan(clean.x), np.nan, clean.x)
    columns = (clean.index, "<i8"), (x, "<f8"), (clean.y, "<f8")
    arrays = [np.frombuffer(written, np.uint8)]
    arrays += [np.ascontiguousarray(column, dtype) for column, dtype in columns]
    return kept_tables.save(dict(zip(_ARRAYS, arrays, strict=True)))


def load_regression(spec: UploadedRegression) -> RegressionData:
    """Read a kept table back; a damaged file is renamed aside.

    Raises
    ------
    LookupError
        When the table is not in the store of this machine, is damaged, or is no regression table.
    ValueError
        When the mask of the spec does not fit the table.
    """
    about, index, x, y = kept_tables.load(spec.sha256, _ARRAYS).values()
    about = json.loads(about.tobytes())
    clean = TidyRegression(
        tuple(about["names"]),
        index,
        x,
        y,
        about["response"],
        about["group"],
        tuple(about["predictors"]),
    )
    mask = None if spec.mask is None else _fitting(spec.mask, clean)
    source = f"Uploaded table {spec.sha256[:8]}"
    latent = spec.missing == "latent"
    return clean.data(mask=mask, transform=spec.transform, latent=latent, source=source)


def _fitting(mask: Mask, clean: TidyRegression) -> np.ndarray:
    groups, width = len(clean.names), len(clean.predictors)
    if len(mask) != groups or any(len(row) != width for row in mask):
        entries = sorted({len(row) for row in mask})
        raise ValueError(
            f"`mask` must have {groups:,} rows, one a group ({listed(list(clean.names))}), of "
            f"{width} entries, one a predictor ({listed(list(clean.predictors))}), got "
            f"{len(mask):,} rows of {' or '.join(map(str, entries)) or 'no'} entries: leave the "
            "mask out to infer it."
        )
    return np.array(mask, bool).reshape(groups, width)


def in_store(source: RegressionSource) -> RegressionSource:
    """Keep rows that stand in a configuration itself as an upload, so that a link can name them.

    Raises
    ------
    ValueError
        When the rows cannot carry a regression.
    """
    if not isinstance(source, RegressionRows):
        return source
    data = load(source)
    clean = TidyRegression(
        data.names, data.index, data.x, data.y, data.response, data.group, data.predictors
    )
    return UploadedRegression(
        sha256=save_regression(clean),
        transform=source.transform,
        mask=source.mask,
        missing=source.missing,
    )
