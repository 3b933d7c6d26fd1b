"""The hand that moves: the sidebar, which reads the draft into widgets and back."""

import streamlit as st
from pydantic import ValidationError

from hbdash.spec import explain
from hbdash.ui.plain import plain
from hbdash.ui.population import (
    bucket_controls,
    configuration,
    data_controls,
    link,
    model_controls,
    pmean_controls,
    prior_controls,
    sampler_controls,
)
from hbdash.ui.population.draft import PopulationDraft
from hbdash.ui.widgets import enter, forget_hidden, here, moved, replace_draft

MODEL = "population"


def show() -> PopulationDraft:
    """Show the controls, take the draft they hold, and publish it as the link."""
    _follow_link()
    draft: PopulationDraft = here()["draft"]
    with st.sidebar:
        st.markdown("### Events")
        data, events = data_controls.show(draft.data, draft.pmean)
        st.markdown("### Model")
        components = model_controls.show(draft.components)
        st.markdown("### Priors")
        priors = prior_controls.show(draft.priors, components, draft.components)
        st.markdown("### Expected number")
        pmean = pmean_controls.show(draft.pmean)
        st.markdown("### Samplers")
        samplers = sampler_controls.show(draft.samplers)
        n_buckets, threshold, variance_cut = bucket_controls.show(
            draft.n_buckets, draft.threshold, draft.variance_cut, events
        )
        content = {
            "data": data,
            "n_pl": components.n_pl,
            "n_g": components.n_g,
            "priors": priors,
            "pmean": pmean,
            "samplers": samplers,
            "n_buckets": n_buckets,
            "threshold": threshold,
            "variance_cut": variance_cut,
        }
        try:
            draft = PopulationDraft.model_validate(content)
        except ValidationError as error:
            st.error(plain(explain(error)))
        sampler_controls.cost(draft)
        configuration.show(draft)
        if not link.fits(draft):
            st.caption("The priors are too long for a link: share the configuration instead.")
    here()["draft"] = draft
    forget_hidden()
    _tell_refused(draft)
    _publish(draft)
    return draft


def _follow_link() -> None:
    """Take the draft of the address bar where it is not the one this lab wrote there."""
    entered, query = enter(MODEL), st.query_params.to_dict()
    mine = here()
    if moved() and "draft" in mine:
        # Sent before the browser had the last link: the hand counts, not the older address.
        mine["published"] = query
    elif "draft" not in mine or (query and query != mine.get("published")):
        draft, mine["refused"] = link.from_query(query)
        mine["linked"] = draft
        replace_draft(draft)
        mine["published"] = query
    elif entered:
        mine["published"] = query  # another page's address had no query: it is to be written


def _tell_refused(draft: PopulationDraft) -> None:
    """Say what a link asked for and did not get, until the person changes something."""
    refused = here()["refused"]
    if refused and draft == here()["linked"]:
        lines = "\n".join(f"- {plain(message)}" for message in refused)
        st.warning(f"Not taken from the link; the defaults stand instead:\n{lines}")


def _publish(draft: PopulationDraft) -> None:
    query = link.to_query(draft)
    if query != here().get("published"):
        here()["published"] = query
        st.query_params.from_dict(query)
