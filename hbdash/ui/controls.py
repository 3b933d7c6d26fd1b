"""The hand that moves: the sidebar, which reads the draft into widgets and back."""

import json
from typing import Any

import streamlit as st
from pydantic import ValidationError

from hbdash.models import MODELS
from hbdash.samplers.nuts import NUTS
from hbdash.spec import RunSpec, explain
from hbdash.ui import (
    data_controls,
    link,
    parameterization_controls,
    prior_controls,
    sampler_controls,
    upload_controls,
)
from hbdash.ui.draft import Draft
from hbdash.ui.widgets import forget_hidden, moved, replace_draft


def sidebar() -> Draft:
    """Show the controls, take the draft they hold, and publish it as the link."""
    _follow_link()
    draft: Draft = st.session_state["draft"]
    with st.sidebar:
        st.markdown("### Data")
        data, grouped = data_controls.show(draft.data)
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
    forget_hidden()
    _tell_refused(draft)
    _publish(draft)
    return draft


def _follow_link() -> None:
    """Take the draft of the address bar where it is not the one this session wrote there."""
    state, query = st.session_state, st.query_params.to_dict()
    if moved() and "draft" in state:
        # Sent before the browser had the last link: the hand counts, not the older address.
        state["published"] = query
    elif "draft" not in state or (query and query != state.get("published")):
        draft, refused = link.from_query(query)
        state["refused"] = draft, refused
        replace_draft(draft)
        state["published"] = query


def _tell_refused(draft: Draft) -> None:
    """Say what a link asked for and did not get, until the person changes something."""
    start, refused = st.session_state["refused"]
    if refused and draft == start:
        lines = "\n".join(f"- {message}" for message in refused)
        st.warning(f"Not taken from the link; the defaults stand instead:\n{lines}")


def _publish(draft: Draft) -> None:
    query = link.to_query(draft)
    if query != st.session_state.get("published"):
        st.session_state["published"] = query
        st.query_params.from_dict(query)


def _json(draft: Draft) -> None:
    """Offer the whole configuration as JSON, out and in."""
    with st.popover("Configuration as JSON", width="stretch"):
        content = draft.model_dump_json(indent=2)
        # The text follows the controls; what was refused stays, to be mended.
        if st.session_state.get("json_of") != content:
            st.session_state["json_of"] = st.session_state["json_text"] = content
        st.download_button(
            "Download", content, "hbdash.json", "application/json", on_click="ignore"
        )
        st.text_area(
            "Edit and apply",
            height=200,
            key="json_text",
            help='The whole, or priors alone: {"mu": {"dist": "Normal", "loc": 0, "scale": 5}}, or '
            'sampler options alone: {"num_samples": 2000}.',
        )
        if trouble := st.session_state.pop("json_trouble", None):
            st.error(trouble)
        st.button("Apply", on_click=_apply_json)


def _apply_json() -> None:
    try:
        given = json.loads(st.session_state["json_text"])
        draft = _merged(st.session_state["draft"], given)
        kept = upload_controls.in_store(draft.data)
        replace_draft(draft.model_copy(update={"data": kept}))
    except json.JSONDecodeError as error:
        st.session_state["json_trouble"] = (
            f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}. "
            "The configuration is unchanged."
        )
    except ValidationError as error:
        st.session_state["json_trouble"] = explain(error)
    except RecursionError:
        st.session_state["json_trouble"] = "This JSON is nested too deeply to be a configuration."
    except (ValueError, OSError) as error:
        st.session_state["json_trouble"] = str(error)


def _merged(draft: Draft, given: Any) -> Draft:
    """Take a whole configuration, a run's spec, the priors alone or the sampler alone."""
    content = draft.model_dump(mode="json")
    if isinstance(given, dict) and given and set(given) <= set(MODELS["normal_means"].families):
        given = content | {"priors": content["priors"] | given}
    elif isinstance(given, dict) and given and set(given) <= set(NUTS.model_fields):
        given = content | {"sampler": content["sampler"] | given}
    elif isinstance(given, dict) and "parameterization" in given:
        spec = RunSpec.model_validate(given)
        given = spec.model_dump(exclude={"model", "parameterization"})
        given["parameterizations"] = [spec.parameterization.model_dump()]
    return Draft.model_validate(given)
