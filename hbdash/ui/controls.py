"""The hand that moves: the sidebar, which reads the draft into widgets and back."""

import streamlit as st
from pydantic import ValidationError

from hbdash.models import MODELS
from hbdash.spec import explain
from hbdash.ui import (
    configuration,
    link,
    parameterization_controls,
    prior_controls,
    sampler_controls,
)
from hbdash.ui.draft import Draft
from hbdash.ui.lab import Lab
from hbdash.ui.plain import plain
from hbdash.ui.widgets import enter, forget_hidden, here, moved, replace_draft


def sidebar(lab: Lab) -> Draft:
    """Show the controls of a lab, take the draft they hold, and publish it as the link."""
    _follow_link(lab)
    draft: Draft = here()["draft"]
    with st.sidebar:
        st.markdown("### Data")
        data, loaded = lab.data(draft.data)
        st.markdown("### Priors")
        priors = prior_controls.show(lab, draft.priors, loaded)
        st.markdown("### Parameterization")
        # An effect with a prior of its own has no population.
        effects = tuple(effect for effect in MODELS[lab.model].effects if effect not in priors)
        chosen = parameterization_controls.show(draft.parameterizations, loaded, effects)
        st.markdown("### Sampler")
        sampler = sampler_controls.show(draft.sampler, len(chosen))
        fields = {"data": data, "priors": priors, "parameterizations": chosen, "sampler": sampler}
        try:
            draft = Draft.model_validate({"model": lab.model} | fields)
        except ValidationError as error:
            st.error(plain(explain(error)))
        configuration.show(lab, draft)
    here()["draft"] = draft
    forget_hidden()
    _tell_refused(draft)
    _publish(lab, draft)
    return draft


def _follow_link(lab: Lab) -> None:
    """Take the draft of the address bar where it is not the one this lab wrote there."""
    entered, query = enter(lab.model), st.query_params.to_dict()
    mine = here()
    if moved() and "draft" in mine:
        # Sent before the browser had the last link: the hand counts, not the older address.
        mine["published"] = query
    elif "draft" not in mine or (query and query != mine.get("published")):
        draft, mine["refused"] = link.from_query(lab, query)
        mine["linked"] = draft
        replace_draft(draft)
        mine["published"] = query
    elif entered:
        mine["published"] = query  # another page's address had no query: it is to be written


def _tell_refused(draft: Draft) -> None:
    """Say what a link asked for and did not get, until the person changes something."""
    refused = here()["refused"]
    if refused and draft == here()["linked"]:
        lines = "\n".join(f"- {plain(message)}" for message in refused)
        st.warning(f"Not taken from the link; the defaults stand instead:\n{lines}")


def _publish(lab: Lab, draft: Draft) -> None:
    query = link.to_query(lab, draft)
    if query != here().get("published"):
        here()["published"] = query
        st.query_params.from_dict(query)
