"""The Events tab: their samples, what they weigh, and what the population makes of them."""

import plotly.graph_objects as go
import streamlit as st
import xarray as xr

from hbdash.figures.event_masses import event_masses
from hbdash.population.carried import attributes, observed
from hbdash.population.catalogue import load_catalogue
from hbdash.population.question import prepare
from hbdash.population.spec import PopulationSpec
from hbdash.ui.draft import Asked
from hbdash.ui.frame import is_dark
from hbdash.ui.plain import plain
from hbdash.ui.population import data_controls, figures
from hbdash.ui.population.draft import PopulationDraft

#: The figure that needs no run.
ALWAYS = "event_masses"
HEIGHT = 420


def show(asked: Asked) -> None:
    """Show the events with a run, or as they are where there is none."""
    try:
        catalogue = load_catalogue(asked.draft.data)
        if asked.runs:
            figures.show("Events", asked.runs)
        else:
            spec = next(iter(asked.draft.specs().values()))
            figures.draw(ALWAYS, {"": _events(spec.stem, spec)}, heading=False)
    except (ValueError, LookupError) as error:
        st.info(plain(error))
        return
    st.markdown("#### Every event")
    st.caption(f"{catalogue.source}. Columns: {plain(', '.join(catalogue.columns))}.")
    data_controls.table(asked.draft.data, catalogue, HEIGHT)


def waiting(draft: PopulationDraft) -> go.Figure | None:
    """Draw the events of a draft while its sampler compiles; None where they cannot be read."""
    spec = next(iter(draft.specs().values()))
    try:
        return _picture(spec.stem, is_dark(), spec)
    except (ValueError, LookupError):
        return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _picture(stem: str, dark: bool, _spec: PopulationSpec) -> go.Figure:
    return event_masses(_events(stem, _spec), dark=dark)


@st.cache_resource(max_entries=8, show_spinner=False)
def _events(stem: str, _spec: PopulationSpec) -> xr.DataTree:
    """Arrange events as a run does, without its draws."""
    question = prepare(_spec)
    found = xr.DataTree.from_dict(observed(question))
    found.attrs = attributes(question) | {"key": f"events-{stem}"}
    return found
