"""Taking runs away: the files of a run, and a report of all that the page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st
import xarray as xr

from hbdash.export import ARTIFACTS, refused
from hbdash.report import report
from hbdash.ui.chart import figures_shown
from hbdash.ui.plain import plain

#: Formats of numbers in a scoreboard that are not those of `printf`.
FORMS = {"localized": "{:,.0f}", "percent": "{:.0%}"}


def show(
    runs: dict[str, xr.DataTree],
    *,
    title: str = "Report",
    verdict: tuple[str, str] | None = None,
    scores: Sequence[Any] = (),
    columns: Mapping[str, tuple[str, str, str]] | None = None,
) -> None:
    """Offer the files of a run to choose, and the report of all; before the page's figures.

    Parameters
    ----------
    runs : label to draws, at least one.
    title : of the report.
    verdict : level and sentence, for the report.
    scores, columns : the scoreboard, for the report: a dataclass for each run with its `label`,
        and title, number format and help by field.
    """
    # Filled by the page's figures below, and read when the button is pressed.
    figures = figures_shown(anew=True)
    with st.popover("Take away", icon=":material/download:", key="take_away"):
        labels = list(runs)
        label = labels[0]
        if len(labels) > 1:
            if st.session_state.get("take_run") not in labels:
                st.session_state.pop("take_run", None)
            label = st.selectbox("Run", labels, key="take_run", persist_state="session")
        _files(runs[label])
        query = urlencode(st.query_params.to_dict())

        def make() -> str:
            board = _board(scores, columns or {}) if scores else None
            pictures = [shown.picture() for shown in figures.values()]
            return report(
                runs, title=title, verdict=verdict, scoreboard=board, shown=pictures, query=query
            )

        st.download_button(
            "Report of this page (HTML)",
            make,
            "hbdash_report.html",
            "text/html",
            key="take_report",
            on_click="ignore",
            type="primary",
            width="stretch",
            help="Data, model, priors, verdict, scoreboard, summary and origin of all runs, with "
            "the figures of the open tab and the main ones, in one file that needs no network and "
            "can be printed. It takes a few seconds, and has about 5 MB.",
        )


def _files(dt: xr.DataTree) -> None:
    why_not = _refused(dt.attrs["key"], dt)
    columns = st.columns(2)
    for number, (name, artifact) in enumerate(ARTIFACTS.items()):
        columns[number % 2].download_button(
            artifact.title,
            lambda make=artifact.make: make(dt),
            f"hbdash_{dt.attrs['key'][:8]}_{artifact.file}",
            artifact.mime,
            key=f"take_{name}",
            help=artifact.help,
            on_click="ignore",
            disabled=name in why_not,
            width="stretch",
        )
    for reason in dict.fromkeys(why_not.values()):
        st.caption(f"No program: {plain(reason)}")


@st.cache_resource(max_entries=64, show_spinner=False)
def _refused(key: str, _dt: xr.DataTree) -> dict[str, str]:
    return refused(_dt)


def _board(scores: Sequence[Any], columns: Mapping[str, tuple[str, str, str]]) -> pd.DataFrame:
    """Write a scoreboard in words; a column without a number is left out."""
    rows = [asdict(score) for score in scores]
    table = {
        title: [_cell(row[name], form) for row in rows]
        for name, (title, form, _) in columns.items()
        if name != "label"
    }
    known = {title: cells for title, cells in table.items() if any(cells)}
    return pd.DataFrame(known, index=pd.Index([row["label"] for row in rows]))


def _cell(value: Any, form: str) -> str:
    if value is None or value != value:
        return ""
    if form.startswith("%"):
        return form % value
    return FORMS.get(form, "{}").format(value)
