"""The hand that moves: the sidebar, which reads the draft into widgets and back."""

import json
from typing import Any

import streamlit as st
from pydantic import ValidationError

from hbdash.spec import explain
from hbdash.ui import (
    data_controls,
    link,
    parameterization_controls,
    prior_controls,
    sampler_controls,
)
from hbdash.ui.draft import Draft
from hbdash.ui.widgets import replace_draft


def heading(title: str, question: str) -> None:
    """Open a page: its name, and the question it answers."""
    st.markdown(f"## {title} &nbsp; :small[:gray[{question}]]")


def sidebar() -> Draft:
    """Show the controls, take the draft they hold, and publish it as the link."""
    _follow_link()
    draft: Draft = st.session_state["draft"]
    with st.sidebar:
        st.markdown("### Data")
        data, grouped = data_controls.show(draft.data, draft.priors)
        st.markdown("### Priors")
        priors = prior_controls.show(draft.priors, grouped)
        st.markdown("### Parameterization")
        chosen = parameterization_controls.show(draft.parameterizations, grouped)
        st.markdown("### Sampler")
        sampler = sampler_controls.show(draft.sampler, len(chosen))
        fields = {"data": data, "priors": priors, "parameterizations": chosen, "sampler": sampler}
        try:
            draft = Draft.model_validate(fields)
        except ValidationError as error:
            st.error(explain(error))
        _json(draft)
    st.session_state["draft"] = draft
    _publish(draft)
    return draft


def _follow_link() -> None:
    """Take the draft of the address bar where it is not the one this session wrote there."""
    state, query = st.session_state, st.query_params.to_dict()
    if "draft" not in state or (query and query != state.get("published")):
        draft, refused = link.from_query(query)
        for message in refused:
            st.toast(f"Not taken from the link: {message}", icon=":material/link_off:", duration=12)
        state["refused"] = refused
        replace_draft(draft)
        state["published"] = query


def _publish(draft: Draft) -> None:
    try:
        query = link.to_query(draft)
    except KeyError:
        return
    if query != st.session_state.get("published"):
        st.session_state["published"] = query
        st.query_params.from_dict(query)


def _json(draft: Draft) -> None:
    """Offer the whole configuration as JSON, out and in."""
    with st.popover("Configuration as JSON", width="stretch"):
        content = draft.model_dump_json(indent=2)
        st.download_button(
            "Download", content, "hbdash.json", "application/json", on_click="ignore"
        )
        st.text_area("Edit and apply", value=content, height=320, key="json_text")
        st.button("Apply", on_click=_apply_json)
        if trouble := st.session_state.pop("json_trouble", None):
            st.error(trouble)


def _apply_json() -> None:
    try:
        given: Any = json.loads(st.session_state["json_text"])
        replace_draft(Draft.model_validate(given))
    except json.JSONDecodeError as error:
        st.session_state["json_trouble"] = (
            f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}. "
            "The configuration is unchanged."
        )
    except ValidationError as error:
        st.session_state["json_trouble"] = explain(error)
