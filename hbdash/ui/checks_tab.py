"""The Checks tab: replicated data against the observed ones, and leave-one-out predictions."""

import streamlit as st
import xarray as xr

from hbdash.figures import View, theme
from hbdash.loo import Loo, loo
from hbdash.models.model import ExactAnswer
from hbdash.ui import choices
from hbdash.ui.chart import keys
from hbdash.ui.draft import Asked
from hbdash.ui.figure_tab import draw
from hbdash.ui.frame import is_dark
from hbdash.ui.plain import plain
from hbdash.ui.widgets import own

#: Rows up to which leaving one out is quick enough to be done unasked.
QUICK = 4000


def show(asked: Asked, exact: ExactAnswer | None) -> None:
    """Show whether the model can make up data like those that were seen."""
    runs = choices.run(asked, "Checks")
    (dt,) = runs.values()
    view, identity = View(runs, dark=is_dark()), (keys(runs), is_dark())
    draw("replicated_densities", view, identity)
    draw("replicated_statistics", view, identity)
    st.markdown("#### Leave-one-out cross-validation")
    rows = dt["observed_data"].sizes["row"]
    if rows > QUICK and not st.button(
        f"Leave out each of {rows:,} rows", key=own("loo"), help="This takes some seconds."
    ):
        return
    try:
        found = _loo(dt.attrs["key"], dt)
    except ValueError as error:
        st.info(plain(error))
        return
    numbers = {
        "elpd (LOO), nats": f"{found.elpd_loo:,.1f} ± {found.se:,.1f}".replace("-", theme.MINUS),
        "Effective parameters (p LOO)": f"{found.p_loo:,.1f}",
        f"Rows with Pareto k above {found.good_k:.2f}": f"{found.n_bad:,}",
    }
    with st.container(horizontal=True, gap="large"):
        for name, words in numbers.items():
            st.metric(name, words, width="content")
    if found.warning:
        st.warning(found.warning)
    view = View(runs, loo=found, dark=is_dark())
    draw("loo_pit", view, identity)
    draw("pareto_k", view, identity)


@st.cache_resource(max_entries=16, show_spinner="Leaving out one row at a time")
def _loo(key: str, _dt: xr.DataTree) -> Loo:
    return loo(_dt)
