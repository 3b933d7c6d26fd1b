"""Predictions for new rows: a table to start from, what is wrong with a table, its predictions."""

import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from hbdash.predict import lines, mean_response, observations
from hbdash.quantities import variable
from hbdash.tables.csv_table import UploadError, cells, cut, listed, read_csv, to_numbers

#: Columns of the predictions, in order.
COLUMNS = ("mean", "sd_mean", "low_mean", "high_mean", "sd_new", "low_new", "high_new")
MOST_NEW_ROWS = 10_000
#: Beyond this a number is a slip of the pen, or stands for a missing value.
LARGEST = 1e8
#: Numbers (draws times rows times predictors) worked on at a time.
_AT_ONCE = 4_000_000


class Problem(NamedTuple):
    """What is wrong with a cell, or worth knowing about it.

    Attributes
    ----------
    row : the row's label in the table (for a file, its row in a spreadsheet); None for all rows.
    column : name of the column; "" where the whole table is meant.
    message : a sentence that names row and column.
    """

    row: int | None
    column: str
    message: str


class Checked(NamedTuple):
    """R rows of a table, as predictions need them.

    Attributes
    ----------
    groups : shape (R,): groups from 0; -1 where the group is not known.
    x : shape (R, P): NaN where a predictor does not apply, or its cell cannot be used.
    problems : what keeps a row from being predicted.
    warnings : what does not, but should be known.
    """

    groups: np.ndarray
    x: np.ndarray
    problems: list[Problem]
    warnings: list[Problem]


def template(dt: xr.DataTree) -> pd.DataFrame:
    """Write a first example: each group's median predictors, blank where they do not apply.

    Medians are rounded to a thousandth of the predictor's range in the group.

    Returns
    -------
    One row a group, labelled from 1; the column of groups first, then the predictors.
    """
    about = _about(dt)
    table: dict[str, Any] = {about.group: list(about.names)}
    for p, name in enumerate(about.predictors):
        table[name] = [_median(about, k, p) for k in range(len(about.names))]
    return pd.DataFrame(table, index=pd.RangeIndex(1, len(about.names) + 1))


def read_rows(raw: bytes, dt: xr.DataTree) -> pd.DataFrame:
    """Read new rows from a CSV file: its columns are found by name, in any order.

    Returns
    -------
    DataFrame of text cells: the column of groups, then the predictors, by their names in the run.
    Its index is the row number in the file; ``attrs["notes"]`` says which columns are not used.

    Raises
    ------
    UploadError
        When the file cannot be read, a column is missing, or there are too many rows.
    """
    table = read_csv(raw)
    about = _about(dt)
    wanted = [about.group, *about.predictors]
    exactly = {str(name): str(name) for name in table}
    loosely = {_loose(name): name for name in exactly}
    found = {name: exactly.get(name, loosely.get(_loose(name))) for name in wanted}
    if missing := [name for name, source in found.items() if source is None]:
        raise UploadError(
            f"The file must have the columns {_all(wanted)}, got none named {_all(missing)}: add "
            "it to the header. A predictor's cells may be blank where it does not apply."
        )
    if len(table) > MOST_NEW_ROWS:
        raise UploadError(
            f"At most {MOST_NEW_ROWS:,} new rows are predicted at a time, got {len(table):,}: "
            "split the file."
        )
    notes = list(table.attrs["notes"])
    if unused := [name for name in exactly if name not in found.values()]:
        notes.append(f"Not used: {listed(unused)}.")
    chosen = pd.DataFrame({name: cells(table, str(source)) for name, source in found.items()})
    chosen.attrs = {"notes": notes, "separator": table.attrs["separator"]}
    return chosen


def check_rows(table: pd.DataFrame, dt: xr.DataTree) -> Checked:
    """Find what is wrong with each row of a table, and what a run can predict of it.

    A row without any content is neither predicted nor a problem.

    Parameters
    ----------
    table : a column of groups and one a predictor, of numbers or of text; its index names rows.
    dt : draws of either regression model.
    """
    about = _about(dt)
    problems: list[Problem] = []
    warnings: list[Problem] = []
    rows = [int(row) for row in table.index]
    x = np.full((len(rows), len(about.predictors)), np.nan)
    absent = [name for name in (about.group, *about.predictors) if name not in table]
    for name in absent:
        sentence = f'The table must have a column "{cut(name)}", got none: add it.'
        problems.append(Problem(None, name, sentence))
    if absent:
        return Checked(np.full(len(rows), -1), x, problems, warnings)
    texts = {name: _texts(cells(table, name)) for name in (about.group, *about.predictors)}
    content = np.zeros(len(rows), bool)
    for column in texts.values():
        content |= (column.str.strip() != "").to_numpy(bool)
    if not content.any():
        sentence = "There must be one row at least, got an empty table: add a row."
        return Checked(np.full(len(rows), -1), x, [Problem(None, "", sentence)], warnings)
    groups = _groups(texts[about.group], rows, content, about, problems)
    separator = table.attrs.get("separator", ",")
    for p, name in enumerate(about.predictors):
        x[:, p] = _cells(texts[name], separator, rows, groups, p, about, problems, warnings)
    order: dict[int | None, int] = {row: place for place, row in enumerate(rows)}
    problems.sort(key=lambda problem: order[problem.row])
    warnings.sort(key=lambda warning: order[warning.row])
    return Checked(groups, x, problems, warnings)


def predict_rows(
    dt: xr.DataTree, groups: np.ndarray, x: np.ndarray, prob: float = 0.9, seed: int = 0
) -> pd.DataFrame:
    """Predict rows: the mean of the response there, and one new observation.

    A row's numbers do not depend on the other rows: they share the noise of each draw.

    Parameters
    ----------
    dt : draws of either regression model.
    groups : shape (R,): groups from 0. x : shape (R, P): NaN where a predictor does not apply.
    prob : probability of the intervals, which are central; in (0, 1).
    seed : of the noise of new observations.

    Returns
    -------
    R rows, in units of the response: mean (of both), then standard deviation and ends of the
    interval of the mean, then of a new observation. NaN for a row without a group, or blank where a
    predictor applies.

    Raises
    ------
    ValueError
        When `prob` does not lie in (0, 1), a group is not there, or the run has no draws.
    """
    if not 0 < prob < 1:
        raise ValueError(f"`prob` must lie in (0, 1), got {prob:g}: give 0.9 for 90 %.")
    if "posterior" not in dt.children or not dt["posterior"].sizes.get("draw", 0):
        raise ValueError("Predictions need draws, and this run has none: let it run longer.")
    found = lines(dt)
    groups, x = np.asarray(groups, int), np.asarray(x, float)
    x = x.reshape(len(groups), found.mask.shape[1])
    if len(groups) and groups.max() >= len(found.mask):
        raise ValueError(f"`groups` must be below {len(found.mask)}, got {groups.max()}.")
    noise = observations(found, np.zeros((len(found.noise), 1)), seed)
    scatter = noise.var() if found.nu is not None else np.mean(found.noise**2)
    ends = [(1 - prob) / 2, (1 + prob) / 2]
    numbers = np.full((len(groups), len(COLUMNS)), np.nan)
    usable = np.flatnonzero((groups >= 0) & ~(np.isnan(x) & found.mask[groups]).any(1))
    step = max(1, _AT_ONCE // max(len(found.noise) * x.shape[1], 1))
    for first in range(0, len(usable), step):
        part = usable[first : first + step]
        mean = mean_response(found, groups[part], x[part])
        new = mean + noise
        numbers[part] = np.column_stack(
            [
                mean.mean(0),
                mean.std(0),
                *np.quantile(mean, ends, axis=0),
                np.sqrt(mean.var(0) + scatter),
                *np.quantile(new, ends, axis=0),
            ]
        )
    return pd.DataFrame(numbers, columns=list(COLUMNS))


class _About(NamedTuple):
    """What a run says about rows: names, the mask (K, P), and the rows that were seen."""

    group: str
    names: tuple[str, ...]
    predictors: tuple[str, ...]
    mask: np.ndarray
    index: np.ndarray
    seen: np.ndarray

    def range(self, group: int, predictor: int) -> tuple[float, float]:
        """Smallest and largest value of a predictor in a group; NaN where all is blank."""
        values = self.values(group, predictor)
        return (values.min(), values.max()) if len(values) else (np.nan, np.nan)

    def values(self, group: int, predictor: int) -> np.ndarray:
        """Values of a predictor seen in a group."""
        column = self.seen[self.index == group, predictor]
        return column[~np.isnan(column)]


def _about(dt: xr.DataTree) -> _About:
    mask = variable(dt, "constant_data/mask").transpose("group", "predictor")
    return _About(
        str(dt.attrs.get("group_name", "group")),
        tuple(str(name) for name in mask.coords["group"].values),
        tuple(str(name) for name in mask.coords["predictor"].values),
        mask.values.astype(bool),
        variable(dt, "observed_data/index").values.astype(int),
        variable(dt, "observed_data/x").transpose("row", "predictor").values,
    )


def _median(about: _About, group: int, predictor: int) -> float:
    values = about.values(group, predictor)
    if not about.mask[group, predictor] or not len(values):
        return np.nan
    middle, width = float(np.median(values)), float(np.ptp(values))
    return middle if width == 0 else round(middle, 3 - int(np.floor(np.log10(width))))


def _texts(column: pd.Series) -> pd.Series:
    """Write every cell as text, a blank one as ""."""
    texts = ["" if pd.isna(cell) else str(cell) for cell in column.tolist()]
    return pd.Series(texts, index=column.index, name=column.name, dtype=object)


def _loose(name: str) -> str:
    return re.sub(r"[\s_]+", "_", name.strip()).casefold()


def _all(names: list[str]) -> str:
    return ", ".join(f'"{cut(name)}"' for name in names)


def _groups(
    labels: pd.Series,
    rows: list[int],
    content: np.ndarray,
    about: _About,
    problems: list[Problem],
) -> np.ndarray:
    """Find the group of every row, shape (R,); -1 where there is none."""
    place = {name: k for k, name in enumerate(about.names)}
    groups = np.full(len(rows), -1)
    choose = f"choose one of {listed(list(about.names))}."
    for i, label in enumerate(labels):
        label = " ".join(label.split())
        groups[i] = place.get(label, place.get(re.sub(r"\.0*$", "", label), -1))
        if groups[i] < 0 and content[i]:
            got = f'"{cut(label)}" is no group of this run' if label else "it is blank"
            sentence = f'Row {rows[i]}, "{cut(about.group)}": {got}; {choose}'
            problems.append(Problem(rows[i], about.group, sentence))
    return groups


def _cells(
    texts: pd.Series,
    separator: str,
    rows: list[int],
    groups: np.ndarray,
    p: int,
    about: _About,
    problems: list[Problem],
    warnings: list[Problem],
) -> np.ndarray:
    """Read one predictor's cells, shape (R,); NaN where it does not apply or cannot be used."""
    name = about.predictors[p]
    read = to_numbers(texts, separator)
    x = np.full(len(rows), np.nan)
    ranges = {k: about.range(k, p) for k in set(groups.tolist()) - {-1}}
    for i, (row, group) in enumerate(zip(rows, groups.tolist(), strict=True)):
        where = f'Row {row}, "{cut(name)}": '

        def problem(words: str, row: int = row, where: str = where) -> None:
            problems.append(Problem(row, name, where + words))

        known = about.names[group] if group >= 0 else ""
        if group >= 0 and not about.mask[group, p]:
            if not read.missing[i]:
                ignored = f'{where}"{cut(texts.iloc[i])}" is ignored, because this predictor does '
                warnings.append(Problem(row, name, f'{ignored}not apply to "{cut(known)}".'))
        elif read.text[i]:
            problem(f'"{cut(texts.iloc[i])}" is text, not a number; write one such as 1.5.')
        elif read.infinite[i] or abs(read.numbers[i]) > LARGEST:
            problem(f'"{cut(texts.iloc[i])}" is too large; numbers lie within {LARGEST:g}.')
        elif read.missing[i]:
            if group >= 0:
                problem(
                    f'it is blank, but "{cut(known)}" needs it; write a number'
                    f"{_between(*ranges[group])}."
                )
        elif group >= 0:
            x[i] = read.numbers[i]
            low, high = ranges[group]
            if x[i] < low or x[i] > high:
                warnings.append(
                    Problem(
                        row,
                        name,
                        f"{where}{x[i]:g} lies outside the range seen in "
                        f'"{cut(known)}", {low:.4g} to {high:.4g}: the line is extrapolated.',
                    )
                )
    return x


def _between(low: float, high: float) -> str:
    return f", such as one from {low:.4g} to {high:.4g}" if np.isfinite(low) else ""
