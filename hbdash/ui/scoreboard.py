"""The scoreboard: a row of numbers for each run, what a check found wrong in red."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import streamlit as st
import xarray as xr

from hbdash.diagnostics import Check
from hbdash.ui import take_away
from hbdash.ui.frame import is_dark

#: By column of a score: title, number format ("" for words), and what it says.
Columns = Mapping[str, tuple[str, str, str]]


def show(scores: Sequence[Any], columns: Columns, checks: Callable[[Any], list[Check]]) -> None:
    """Show scores, which are dataclasses; a column that no run has a number for is left out."""
    rows = [asdict(score) for score in scores]
    there = [name for name in columns if any(_says(row[name]) for row in rows)]
    table = pd.DataFrame(rows, columns=pd.Index(there))
    config = {
        name: st.column_config.NumberColumn(title, format=form, help=text)
        if form
        else st.column_config.TextColumn(title, pinned=True)
        for name, (title, form, text) in columns.items()
    }
    marks = table.style.apply(lambda _: _marks(scores, table, checks), axis=None)
    with st.container(key="scoreboard"):
        st.dataframe(marks, hide_index=True, column_config=config, width="stretch", placeholder="–")


def _says(value: Any) -> bool:
    return value == value  # not a number: nothing to show


def _marks(
    scores: Sequence[Any], table: pd.DataFrame, checks: Callable[[Any], list[Check]]
) -> pd.DataFrame:
    """Colour the cells that a check found wrong."""
    red = f"color: {'#FF8A66' if is_dark() else '#C0392B'}; font-weight: 600"
    styles = pd.DataFrame("", index=table.index, columns=table.columns)
    for row, found in enumerate(scores):
        for check in checks(found):
            if check.column in styles:
                styles.loc[row, check.column] = red
    return styles


def judge(
    title: str,
    verdict: tuple[str, str],
    scores: Sequence[Any],
    columns: Columns,
    runs: dict[str, xr.DataTree],
) -> None:
    """Show the judgement of all runs together, in its colour, and what can be taken away of them.

    Parameters
    ----------
    title : of a report. verdict : its level, and a sentence in Markdown.
    scores, columns, runs : the scoreboard and the runs, for a report.
    """
    level, sentence = verdict
    with st.container(horizontal=True, wrap=False, key="judged"):
        {"good": st.success, "warn": st.warning, "bad": st.error}[level](sentence)
        take_away.show(runs, title=title, verdict=verdict, scores=scores, columns=columns)
