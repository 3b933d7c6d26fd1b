"""The whole configuration as JSON, out and in."""

import json
from typing import Any

import streamlit as st
from pydantic import ValidationError

from hbdash.models import MODELS
from hbdash.plain_text import check_text
from hbdash.samplers.nuts import NUTS
from hbdash.spec import RunSpec, explain
from hbdash.ui.draft import Draft
from hbdash.ui.lab import Lab
from hbdash.ui.widgets import here, replace_draft


def show(lab: Lab, draft: Draft) -> None:
    """Offer the configuration for download and for editing."""
    with st.popover("Configuration as JSON", width="stretch"):
        content = draft.model_dump_json(indent=2)
        # The text follows the controls; what was refused stays, to be mended.
        if here().get("json_of") != content:
            here()["json_of"] = st.session_state["json_text"] = content
        st.download_button(
            "Download", content, "hbdash.json", "application/json", on_click="ignore"
        )
        site = lab.always[0]
        prior = lab.fresh.priors[site].model_dump_json()
        st.text_area(
            "Edit and apply",
            height=200,
            key="json_text",
            help=f'The whole, or priors alone: {{"{site}": {prior}}}, or '
            'sampler options alone: {"num_samples": 2000}.',
        )
        if trouble := here().pop("json_trouble", None):
            st.error(trouble)
        st.button("Apply", on_click=_apply, args=(lab,))


def _apply(lab: Lab) -> None:
    try:
        given = json.loads(st.session_state["json_text"])
        check_text(given, "configuration")
        draft = _merged(lab, here()["draft"], given)
        kept = lab.ready_for_link(draft.data)
        replace_draft(draft.model_copy(update={"data": kept}))
    except json.JSONDecodeError as error:
        here()["json_trouble"] = (
            f"This is not JSON: {error.msg} in line {error.lineno}, column {error.colno}. "
            "The configuration is unchanged."
        )
    except ValidationError as error:
        here()["json_trouble"] = explain(error)
    except RecursionError:
        here()["json_trouble"] = "This JSON is nested too deeply to be a configuration."
    except (ValueError, OSError) as error:
        here()["json_trouble"] = str(error)


def _merged(lab: Lab, draft: Draft, given: Any) -> Draft:
    """Take a whole configuration, a run's spec, the priors alone or the sampler alone."""
    if not isinstance(given, dict):
        return Draft.model_validate(given)
    model = given.get("model", lab.model)
    if isinstance(model, str) and model in MODELS and model != lab.model:
        raise ValueError(
            f"This configures {MODELS[model].title}, but this lab is about "
            f"{MODELS[lab.model].title}: apply it in the other one."
        )
    content = draft.model_dump(mode="json")
    if given and set(given) <= set(MODELS[lab.model].families):
        given = content | {"priors": content["priors"] | given}
    elif given and set(given) <= set(NUTS.model_fields):
        given = content | {"sampler": content["sampler"] | given}
    elif "parameterization" in given:
        spec = RunSpec.model_validate({"model": lab.model} | given)
        given = spec.model_dump(exclude={"parameterization"})
        given["parameterizations"] = [spec.parameterization.model_dump()]
    else:
        given = lab.fresh.model_dump(mode="json") | given
    return Draft.model_validate(given)
