"""The Priors tab: what the priors say before the data, and whether the events are possible."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from hbdash.figures.corner import corner
from hbdash.population.prior_check import PriorCheck, check_priors
from hbdash.population.spec import PopulationSpec
from hbdash.ui.chart import chart
from hbdash.ui.draft import Asked
from hbdash.ui.frame import is_dark
from hbdash.ui.plain import plain

#: Parameters of the picture; the share counts all of them.
MOST_SHOWN = 8
#: Events that are named.
MOST_NAMED = 8
#: Draws of each pair that are dots.
DOTS = 250
CAPTION = (
    "Draws of the priors, and those of them under which every event has a sample inside the "
    f"population: outside m_min to m_max a density is exactly 0. Of each, {DOTS} are dots; on the "
    "diagonal all count, and it is darker between the 5 and 95% quantiles. A likelihood of 0 is no "
    "error, but samplers start where it is not: chains begin at draws of finite likelihood."
)


def show(asked: Asked) -> None:
    """Show the priors, and under how many of their draws the likelihood is finite."""
    spec = next(iter(asked.draft.specs().values()))
    try:
        found = _checked(spec.stem, spec)
    except (ValueError, LookupError) as error:
        st.info(plain(error))
        return
    count = found.prior["posterior"].sizes["draw"]
    said = f"**{found.share:.0%}** of {count:,} draws of the priors have a finite likelihood."
    (st.warning if found.share < 0.01 else st.markdown)(said)
    dark = is_dark()
    runs = {"priors": found.prior}
    if found.possible is not None and found.share < 1:
        runs["possible for all events"] = found.possible
    names = tuple(str(name) for name in found.prior["posterior"].data_vars)[:MOST_SHOWN]
    draw = partial(corner, runs, parameters=names, points=DOTS)
    chart(
        "prior_corner",
        (spec.stem, dark),
        partial(draw, dark=dark),
        CAPTION,
        title="Draws of the priors",
        on_white=partial(draw, dark=False),
    )
    if found.share == 1:
        return
    st.markdown("#### The events that ask most of the priors")
    order = np.argsort(found.by_event)[:MOST_NAMED]
    st.dataframe(
        pd.DataFrame(
            {
                "event": [found.names[n] for n in order],
                "possible under": found.by_event[order],
            }
        ),
        hide_index=True,
        width="content",
        column_config={
            "possible under": st.column_config.ProgressColumn(
                "possible under", format="percent", help="Share of draws of the priors."
            )
        },
    )


@st.cache_resource(max_entries=8, show_spinner="Drawing from the priors")
def _checked(stem: str, _spec: PopulationSpec) -> PriorCheck:
    return check_priors(_spec)
