"""Buckets of padded events, and a limit on the variance of the likelihood: seldom needed."""

from typing import Any

import pandas as pd
import streamlit as st

from hbdash.population.buckets import bucket_table
from hbdash.population.catalogue import Catalogue
from hbdash.ui.widgets import preset, valued

LAYOUTS = {"flat": "flat", "automatic": "auto", "number": "number"}


def show(
    n_buckets: int | None, threshold: float, variance_cut: float | None, events: Catalogue | None
) -> tuple[int | None, float, float | None]:
    """Show the layout of the events and the variance cut; return n_buckets, threshold, cut."""
    with st.expander("Likelihood"):
        kind = st.segmented_control(
            "Buckets of events",
            list(LAYOUTS),
            format_func=LAYOUTS.__getitem__,
            **preset("buckets", _kind(n_buckets)),
            required=True,
            width="stretch",
            help="Flat: one array of all samples, the quickest here. Auto and number: events of "
            "similar length are padded to the longest of their bucket, as GWKokab's n_buckets does "
            "it. The value of the likelihood is the same.",
        )
        if kind == "number":
            n_buckets = st.number_input(
                "Number of buckets", 1, 1000, **valued("n_buckets", n_buckets or 4)
            )
        else:
            n_buckets = 0 if kind == "automatic" else None
        if kind == "automatic":
            percent: Any = st.number_input(
                "One more must gain, %",
                0.01,
                99.99,
                **valued("threshold", threshold),
                format="%g",
            )
            threshold = percent
        if events is not None and kind != "flat":
            found = bucket_table(events.sizes, n_buckets, threshold)
            if found.warning:
                st.warning(found.warning)
            st.dataframe(
                pd.DataFrame(found.rows),
                hide_index=True,
                column_config={
                    "padding": st.column_config.NumberColumn("padding", format="percent")
                },
            )
        limited = st.toggle(
            "Limit the variance of ln L",
            **valued("variance_limited", variance_cut is not None),
            help="Where the variance of the Monte-Carlo sums over samples exceeds the cut, ln L is "
            "lowered by 100 (variance − cut)²: populations for which there are too few samples are "
            "avoided.",
        )
        if limited:
            variance_cut = st.number_input(
                "Variance cut", 1e-3, 1e6, **valued("variance_cut", variance_cut or 1.0)
            )
    return n_buckets, threshold, variance_cut if limited else None


def _kind(n_buckets: int | None) -> str:
    if n_buckets is None:
        return "flat"
    return "number" if n_buckets else "automatic"
