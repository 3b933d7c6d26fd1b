"""The Model tab: equations, plate diagram, and the NumPyro code of exactly this configuration."""

import numpy as np
import streamlit as st
import xarray as xr

from hbdash.diagram import diagram
from hbdash.export import script
from hbdash.models import MODELS
from hbdash.ui.draft import Draft
from hbdash.ui.frame import is_dark


def show(draft: Draft, runs: dict[str, xr.DataTree]) -> None:
    """Show what is being sampled, in three languages."""
    specs = draft.specs()
    label = st.segmented_control(
        "Parameterization", list(specs), default=next(iter(specs)), required=True, key="model_of"
    )
    spec = specs.get(label or "") or next(iter(specs.values()))
    model = MODELS[spec.model]
    left, right = st.columns([3, 2])
    with left:
        for line in model.equations:
            st.latex(line)
        priors = ", ".join(f"{site} ~ {prior}" for site, prior in spec.priors.items())
        st.caption(f"Priors: {priors}.")
    with right:
        st.graphviz_chart(diagram(spec, dark=is_dark()), width=260)
    found = runs[label]["constant_data/centeredness"] if label in runs else None
    code = script(spec, None if found is None else np.asarray(found))
    st.code(code, language="python", height=520)
    st.download_button(
        "Download the script", code, "hbdash_run.py", "text/x-python", on_click="ignore"
    )
    st.caption("First published: " + "; ".join(model.references) + ".")
