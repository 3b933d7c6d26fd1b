"""The Model tab: equations, plate diagram, and the NumPyro code of exactly this configuration."""

import numpy as np
import streamlit as st

from hbdash.diagram import diagram
from hbdash.export import script, shortened
from hbdash.models import MODELS
from hbdash.models.model import ExactAnswer
from hbdash.spec import RunSpec
from hbdash.ui.draft import Asked
from hbdash.ui.frame import is_dark
from hbdash.ui.widgets import own

#: Characters of a script that is shown whole.
MOST_SHOWN = 20_000


def show(asked: Asked, exact: ExactAnswer | None = None) -> None:
    """Show what is being sampled, in three languages."""
    specs = asked.draft.specs()
    label = st.segmented_control(
        "Parameterization",
        list(specs),
        default=next(iter(specs)),
        required=True,
        key=own("model_of"),
    )
    spec = specs.get(label or "") or next(iter(specs.values()))
    model = MODELS[spec.model]
    row = st.container(horizontal=True, gap="medium")  # one below the other on a narrow page
    with row.container(width=500):
        # One statement a line, so that a narrow page holds them.
        lines = [part for line in model.equations(spec.priors) for part in line.split(r", \qquad ")]
        st.latex(r"\begin{gathered} " + r" \\[5pt] ".join(lines) + r" \end{gathered}")
        priors = ", ".join(f"{site} ~ {prior}" for site, prior in spec.priors.items())
        st.caption(f"Priors: {priors}.")
    with row.container(width=260):
        st.graphviz_chart(diagram(spec, dark=is_dark()), width=260)
    found = asked.runs[label]["constant_data"] if label in asked.runs else {}
    centeredness = {
        effect: np.asarray(found[f"centeredness_{effect}"])
        for effect in model.effects
        if f"centeredness_{effect}" in found
    }
    identity = (spec.model_dump_json(), {e: c.tolist() for e, c in centeredness.items()})
    code, shown = _code(repr(identity), spec, centeredness)
    st.code(shown, language="python", height=520)
    if shown != code:
        st.caption("Long arrays are cut here; the download has every number.")
    st.download_button(
        "Download the script", code, "hbdash_run.py", "text/x-python", on_click="ignore"
    )
    st.caption("First published: " + "; ".join(model.references) + ".")


@st.cache_resource(max_entries=16, show_spinner=False)
def _code(identity: str, _spec: RunSpec, _centeredness: dict[str, np.ndarray]) -> tuple[str, str]:
    """Write the script, and as much of it as the screen shows."""
    code = script(_spec, _centeredness)
    return code, shortened(code) if len(code) > MOST_SHOWN else code
