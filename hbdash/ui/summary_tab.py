"""The Summary tab: posterior of every quantity in numbers, beside the generating value."""

from typing import Literal

import pandas as pd
import streamlit as st
import xarray as xr

from hbdash.models.model import ExactAnswer
from hbdash.posterior_summary import coverage, summarize
from hbdash.ui import choices
from hbdash.ui.draft import Asked
from hbdash.ui.frame import is_dark

WORDS = {
    "mean": ("Mean", "%.4g", "Posterior mean."),
    "sd": ("sd", "%.3g", "Posterior standard deviation."),
    "hdi_low": ("HPDI low", "%.4g", "Lower end of the narrowest interval of this probability."),
    "hdi_high": ("HPDI high", "%.4g", "Its upper end."),
    "truth": ("Truth", "%.4g", "The value that generated the data."),
    "ess_bulk": ("ESS bulk", "%d", "Effective draws for the mean."),
    "ess_tail": ("ESS tail", "%d", "Effective draws for the 5 and 95 % quantiles."),
    "r_hat": ("R-hat", "%.3f", "Above 1.01 the chains disagree."),
    "mcse_mean": ("MCSE", "%.2g", "Monte-Carlo standard error of the mean."),
    "note": ("", None, "Whether the interval holds the truth; prior only: not in the likelihood."),
}
#: Rows that a table may have before it is cut for the screen; the download has all.
MOST_SHOWN = 2000
#: Quantities that are summarized one by one; a thousand take about a second.
MOST_SUMMARIZED = 5000


def show(asked: Asked, exact: ExactAnswer | None) -> None:
    """Show the table, how many intervals hold their truth, and a download."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        runs = choices.run(asked, "Summary")
        prob = choices.probability("Summary")
    ((label, dt),) = runs.items()
    entries = sum(draws[0, 0].size for draws in dt["posterior"].data_vars.values())
    every = entries <= MOST_SUMMARIZED
    if not every:
        st.info(
            f"Of {entries:,} quantities only those of the population are summarized; those of the "
            "groups are in the figures."
        )
    table = _table(dt.attrs["key"], prob, "all" if every else "population", dt)
    covered, known = coverage(table)
    if known:
        st.markdown(
            f"**{covered} of {known}** intervals of {prob:.0%} hold the value that generated the "
            f"data; {prob * known:.1f} would be expected."
        )
    shown = _noted(table).head(MOST_SHOWN)
    columns = [name for name in WORDS if name != "truth" or known]
    config = {
        name: st.column_config.NumberColumn(title, format=form, help=words)
        if form
        else st.column_config.TextColumn(title, help=words)
        for name, (title, form, words) in WORDS.items()
    }
    st.dataframe(
        shown[columns].style.apply(_marks, axis=1),
        column_config=config,
        width="stretch",
        height=min(36 * (len(shown) + 1), 620),
    )
    st.caption(
        f"{label}: {prob:.0%} highest posterior density intervals (HPDI), in the units of the data."
        + (f" The first {MOST_SHOWN:,} of {len(table):,} rows." if len(table) > MOST_SHOWN else "")
    )
    st.download_button(
        "Download the table", table.to_csv, "summary.csv", "text/csv", on_click="ignore"
    )


@st.cache_resource(max_entries=32, show_spinner="Summarizing")
def _table(
    key: str, prob: float, which: Literal["population", "all"], _dt: xr.DataTree
) -> pd.DataFrame:
    return summarize(_dt, prob, which)


def _noted(table: pd.DataFrame) -> pd.DataFrame:
    words = {True: "covered", False: "missed"}
    note = [
        "prior only" if prior_only else words.get(covered, "")
        for covered, prior_only in zip(table["covered"], table["prior_only"], strict=True)
    ]
    return table.assign(note=note)


def _marks(row: pd.Series) -> list[str]:
    """Grey what the likelihood does not use; colour an interval that misses its truth."""
    note = str(row["note"])
    if note == "prior only":
        return ["color: #8A93A0"] * len(row)
    red = f"color: {'#FF8A66' if is_dark() else '#C0392B'}; font-weight: 600"
    return [red if name == "note" and note == "missed" else "" for name in row.index]
