"""The map of ln VT over both masses."""

from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from hbdash.figures import caption
from hbdash.figures.mass_sensitivity import mass_sensitivity
from hbdash.population.catalogue import Catalogue
from hbdash.population.log_vt import heat_map
from hbdash.population.pmean import Injections, Pmean
from hbdash.ui.chart import chart
from hbdash.ui.frame import is_dark

#: Points of each axis; fewer cells where each is to hold found signals.
POINTS, CELLS = 90, 40
#: Solar masses that the axes reach beyond the events, as a factor.
BEYOND = 1.5


def show(pmean: Pmean, events: Catalogue) -> None:
    """Show the map over the masses that the events have, and the events on it."""
    relative = isinstance(pmean, Injections)
    middles = np.array([[np.median(m) for m in events.event(n)] for n in range(len(events.names))])
    low, high = middles.min() / BEYOND, middles.max() * BEYOND
    masses = np.geomspace(max(low, 0.5), high, CELLS if relative else POINTS)
    dark = is_dark()

    def draw(dark: bool) -> go.Figure:
        log_vt = heat_map(pmean, masses, masses)
        unit = "placed volume × time" if relative else "Gpc³ yr a day"
        return mass_sensitivity(masses, masses, log_vt, unit=unit, events=middles, dark=dark)

    title = "How much is searched: ln VT"
    st.markdown(f"#### {title}")
    identity = pmean.model_dump_json(), middles.sum(), masses[0], masses[-1], dark
    chart(
        "mass_sensitivity",
        identity,
        partial(draw, dark),
        caption(mass_sensitivity),
        title=title,
        on_white=partial(draw, False),
    )
