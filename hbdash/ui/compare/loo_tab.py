"""The LOO tab of the comparison: which run would predict new rows best, and by how much."""

import pandas as pd
import streamlit as st
import xarray as xr

from hbdash.figures import FIGURES, View
from hbdash.loo_comparison import compare
from hbdash.ui.chart import chart, keys
from hbdash.ui.frame import is_dark
from hbdash.ui.plain import plain

WORDS = {
    "elpd": ("elpd (LOO)", "%.1f", "Expected log predictive density of all rows, in nats."),
    "se": ("± SE", "%.1f", "Its standard error."),
    "p_loo": ("p LOO", "%.1f", "Effective number of parameters."),
    "elpd_diff": ("Behind the best", "%.2f", "Difference in elpd, in nats."),
    "dse": ("± SE diff.", "%.2f", "Standard error of that difference."),
    "weight": ("Weight", "%.2f", "By stacking of predictive distributions."),
    "n_bad": ("High k", "%d", "Rows whose Pareto k is too large to be trusted."),
}


def show(runs: dict[str, xr.DataTree]) -> None:
    """Show the ranking, or why there is none."""
    try:
        table = _compared(repr(keys(runs)), runs)
    except ValueError as error:
        st.info(plain(error))
        return
    st.markdown(_verdict(table))
    config = {
        name: st.column_config.NumberColumn(title, format=form, help=words)
        for name, (title, form, words) in WORDS.items()
    }
    st.dataframe(table[list(WORDS)], column_config=config, width="stretch")
    view = View(runs, elpd=table, dark=is_dark())
    figure = FIGURES["elpd"]
    chart("elpd", (keys(runs), is_dark()), lambda: figure.draw(view), figure.caption)


@st.cache_resource(max_entries=32, show_spinner="Leaving out one row at a time")
def _compared(identity: str, _runs: dict[str, xr.DataTree]) -> pd.DataFrame:
    return compare(_runs)


def _verdict(table: pd.DataFrame) -> str:
    """Say whether the difference is larger than its uncertainty."""
    second = table.iloc[1]
    if abs(second["elpd_diff"]) < 4:
        return (
            "These runs predict new rows equally well: a difference of less than 4 nats says "
            "nothing (Sivula, Magnusson and Vehtari 2020)."
        )
    if abs(second["elpd_diff"]) < 2 * second["dse"]:
        return "The best is ahead of the next, but by less than two standard errors."
    return "The best is ahead of the next by more than two standard errors."
