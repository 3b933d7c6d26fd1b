"""The Lines tab: predictive bands of one group and of all, and what if the predictor were this."""

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
import xarray as xr

from hbdash.figures import View
from hbdash.figures.bands import KINDS
from hbdash.models.model import ExactAnswer
from hbdash.quantities import variable
from hbdash.ui import choices
from hbdash.ui.chart import keys
from hbdash.ui.draft import Asked
from hbdash.ui.figure_tab import draw
from hbdash.ui.frame import is_dark
from hbdash.ui.plain import plain
from hbdash.ui.widgets import own

#: Groups in one figure of small multiples.
EACH = 24


def show(asked: Asked, exact: ExactAnswer | None) -> None:
    """Show what the fitted lines say of rows seen and unseen."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        runs = choices.run(asked, "Lines")
        group = choices.group(asked, "Lines")
        kind: Any = st.segmented_control(
            "Band of",
            KINDS,
            default="both",
            required=True,
            key=own("kind"),
            persist_state="session",
            label_visibility="collapsed",
            help="The band of the mean holds the line; that of new observations also the noise.",
        )
        new_group = st.toggle(
            "Beside a new group",
            key=own("new_group"),
            persist_state="session",
            help="A group that was not seen: its line is drawn from the population.",
        )
        prob = choices.probability("Lines")
    (dt,) = runs.values()
    x = _slider(dt)
    view = View(runs, group=group, kind=kind, new_group=new_group, prob=prob, x=x, dark=is_dark())
    identity = keys(runs), group, kind, new_group, prob, x, is_dark()
    draw("bands", view, identity)
    draw("what_if", view, (keys(runs), group, prob, x, is_dark()))
    total = dt["observed_data"].sizes["group"]
    st.markdown("#### All groups")
    first = choices.page(total, EACH, "Lines")
    identity = keys(runs), kind, prob, first, is_dark()
    draw("bands_by_group", replace(view, first=first), identity, heading=False)


def _slider(dt: xr.DataTree) -> float:
    """Show the what-if slider, over the range of the predictor and half of it on either side."""
    x = variable(dt, "observed_data/x").values[:, 0]
    low, high = float(np.nanmin(x)), float(np.nanmax(x))
    room = 0.5 * (high - low)
    digits = -int(np.floor(np.log10((high - low) / 50)))
    step = round(10.0**-digits, digits) if digits > 0 else 10.0**-digits

    def near(value: float) -> float:
        return float(np.round(value, digits))

    ends = near(low - room), near(high + room)
    name = str(dt["constant_data"].coords["predictor"].values[0])
    key = own(f"x_{name}_{ends}")
    return st.slider(
        f"What if: {plain(name)}",
        *ends,
        value=near((low + high) / 2),
        step=step,
        key=key,
        persist_state="session",
        help=f"The data reach from {low:.4g} to {high:.4g}; beyond, the line is extrapolated.",
    )
