"""Which columns of an uploaded table are the response, the group and the predictors."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hbdash.regression_sources import MOST_PREDICTORS
from hbdash.tables.column_guess import GROUP_WORDS, words
from hbdash.tables.csv_table import UploadError, cells, holds_numbers, listed, to_numbers

_RESPONSE_WORDS = set(
    "y response outcome value target output production yield result measurement".split()
)
_OFTEN_RESPONSE = set("weight speed height score price gain rate rt loss".split())
_PREDICTOR_WORDS = set(
    "x day days time hour week month year date age dose predictor covariate feature temperature "
    "treatment".split()
)
_COUNTER_WORDS = set("index row obs rownames rownumber".split())


@dataclass(frozen=True)
class RegressionColumns:
    """Which column means what: a response and predictors hold numbers, a group labels."""

    response: str
    group: str
    predictors: tuple[str, ...]


def guess_regression(table: pd.DataFrame, *, several: bool = True) -> RegressionColumns:
    """Guess the columns from the header's words and the first 5,000 rows.

    The group is a column of text, or of few labels that repeat; the response is named like one, or
    is the last column of numbers; the others of numbers are predictors, but for row numbers.

    Parameters
    ----------
    table : what `read_csv` returned.
    several : whether a model takes several predictors; else the one that varies within most
        groups, before others a "day" or an "x", is taken.

    Raises
    ------
    UploadError
        When there are no three columns, two of them of numbers.
    """
    head = table.head(5000)
    separator = table.attrs.get("separator", ",")
    names = [str(name) for name in table]
    numeric = [name for name in names if holds_numbers(cells(head, name), separator)]
    if len(names) < 3 or len(numeric) < 2:
        raise UploadError(
            "A regression needs three columns, a group and two of numbers (a response and a "
            f"predictor), got {listed(names)}, of which {listed(numeric) or 'none'} "
            f"{'holds' if len(numeric) == 1 else 'hold'} numbers: add what is missing."
        )
    said = {name: words(name) for name in names}
    distinct = {name: int(cells(head, name).nunique()) for name in names}
    counters = {name for name in numeric if _counts_rows(head, name, said[name], separator)}

    def as_response(name: str) -> float:
        fits = 4 * bool(said[name] & _RESPONSE_WORDS) + 2 * bool(said[name] & _OFTEN_RESPONSE)
        other = said[name] & (GROUP_WORDS | _PREDICTOR_WORDS) and not said[name] & _RESPONSE_WORDS
        few = (distinct[name] < 3) + 3 * (distinct[name] < 2)
        return fits - 3 * bool(other) - 9 * (name in counters) - few + 0.01 * names.index(name)

    def as_group(name: str) -> float:
        fits, text = said[name] & GROUP_WORDS, name not in numeric
        measured = not text and cells(head, name).str.contains(r"[0-9][.,][0-9]*[1-9]").any()
        blank = (cells(head, name).str.strip() == "").any()
        wrong = said[name] & (_PREDICTOR_WORDS | _RESPONSE_WORDS)
        repeats = (distinct[name] > 1) - 2 * (distinct[name] == len(head))
        doubt = 4 * bool(measured) + 2 * bool(wrong) + 2 * bool(blank)
        return 3 * bool(fits) + 2 * text + 2 * repeats - doubt

    response = max(numeric, key=as_response)
    group = max((name for name in names if name != response), key=as_group)
    others = [name for name in numeric if name not in (response, group)]
    if not others:
        raise UploadError(
            f'A regression needs a predictor, got no column of numbers beside "{response}" and the '
            f'group "{group}": add one.'
        )
    told = [name for name in others if name not in counters and not said[name] & GROUP_WORDS]
    varied = [name for name in told if cells(table, name).nunique() > 1]
    predictors = (varied or told or others)[:MOST_PREDICTORS]
    if not several:
        labels = pd.factorize(cells(head, group))[0]

        def as_predictor(name: str) -> float:
            numbers = pd.Series(to_numbers(cells(head, name), separator).numbers)
            within = (numbers.groupby(labels).nunique() > 1).to_numpy(float).mean()
            return within + bool(said[name] & _PREDICTOR_WORDS)

        predictors = [max(predictors, key=as_predictor)]
    return RegressionColumns(response, group, tuple(predictors))


def _counts_rows(head: pd.DataFrame, name: str, said: set[str], separator: str) -> bool:
    """Whether a column numbers the rows, from 0 or 1."""
    numbers = to_numbers(cells(head, name), separator).numbers
    counts = len(numbers) > 2 and any(
        (numbers == np.arange(len(numbers)) + k).all() for k in (0, 1)
    )
    return bool(said & _COUNTER_WORDS) or counts
