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
from hbdash.ui.other_lab import refuse
from hbdash.ui.plain import plain
from hbdash.ui.widgets import here, own, replace_draft


def show(lab: Lab, draft: Draft) -> None:
    """Offer the configuration for download, upload and editing."""
    with st.popover("Configuration as JSON", width="stretch"):
        content = draft.model_dump_json(indent=2)
        # The text follows the controls; what was refused stays, to be mended.
        if here().get("json_of") != content or "json_text" not in st.session_state:
            here()["json_of"] = st.session_state["json_text"] = content
        st.download_button(
            "Download", content, "hbdash.json", "application/json", on_click="ignore"
        )
        st.file_uploader(
            "Upload",
            type=["json"],
            key=own("configuration"),
            on_change=_upload,
            args=(lab,),
            help="A configuration, or the spec.json of a run: its question is asked again.",
        )
        site = lab.always[0]
        prior = lab.fresh.priors[site].model_dump_json()
        st.text_area(
            "Edit and apply",
            height=200,
            value=st.session_state["json_text"],
            key="json_text",
            help=f'The whole, or priors alone: {{"{site}": {prior}}}, or '
            'sampler options alone: {"num_samples": 2000}.',
        )
        if trouble := here().pop("json_trouble", None):
            st.error(plain(trouble))
        st.button("Apply", on_click=_apply, args=(lab,))


def _upload(lab: Lab) -> None:
    if (file := st.session_state[own("configuration")]) is not None:
        _take(lab, file.getvalue())


def _apply(lab: Lab) -> None:
    _take(lab, st.session_state["json_text"])


def _take(lab: Lab, text: str | bytes) -> None:
    """Take a configuration into the draft; what is wrong is kept to be said."""
    try:
        given = json.loads(text)
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
    except UnicodeDecodeError as error:
        here()["json_trouble"] = (
            f"A configuration must be text in UTF-8, but byte {error.start + 1} of the file is "
            "not. The configuration is unchanged."
        )
    except RecursionError:
        here()["json_trouble"] = "This JSON is nested too deeply to be a configuration."
    except (ValueError, OSError) as error:
        here()["json_trouble"] = str(error)


def _merged(lab: Lab, draft: Draft, given: Any) -> Draft:
    """Take a whole configuration, a run's spec, the priors alone or the sampler alone."""
    if not isinstance(given, dict):
        return Draft.model_validate(given)
    refuse(given, lab.model)
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
