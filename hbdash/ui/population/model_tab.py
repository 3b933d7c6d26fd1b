"""The Model tab: equations, plate diagram, and the code of exactly this configuration."""

import streamlit as st

from hbdash.export import shortened
from hbdash.population.catalogue import Catalogue, load_catalogue
from hbdash.population.equations import REFERENCES, diagram, equations
from hbdash.population.event_output import write_event_files, zip_bytes
from hbdash.population.priors import describe_prior
from hbdash.population.spec import PopulationSpec
from hbdash.scripts.population import script
from hbdash.ui.draft import Asked
from hbdash.ui.frame import is_dark
from hbdash.ui.plain import plain
from hbdash.ui.widgets import own


def show(asked: Asked) -> None:
    """Show what is being sampled, in three languages."""
    specs: dict[str, PopulationSpec] = asked.draft.specs()
    label = next(iter(specs))
    if len(specs) > 1:
        key = own("model_of")
        if st.session_state.get(key, label) not in specs:
            del st.session_state[key]
        label = st.segmented_control("Sampler", list(specs), default=label, required=True, key=key)
    spec = specs[label or next(iter(specs))]
    row = st.container(horizontal=True, gap="medium")  # one below the other on a narrow page
    with row.container(width=560):
        # Two equations of a line stand one below the other: on a narrow page it would be cut off.
        lines = [
            part.strip().removesuffix(",")
            for line in equations(spec.components)
            for part in line.split(r"\quad")
        ]
        st.latex(r"\begin{gathered} " + r" \\[5pt] ".join(lines) + r" \end{gathered}")
        priors = ", ".join(
            f"{name} ~ {describe_prior(entry)}" for name, entry in spec.priors.items()
        )
        st.caption(f"Priors: {plain(priors)}.")
        st.caption(
            "α > 0 falls with m1. A Gaussian component does not impose m2 ≤ m1. Outside "
            "[m_min, m_max] the density of a power law is exactly 0, and an event without a single "
            "sample inside makes the likelihood 0."
        )
    try:
        catalogue = load_catalogue(spec.data)
    except (ValueError, LookupError) as error:
        st.info(plain(error))
        return
    width = 520 if spec.n_pl and spec.n_g else 300  # one or two plates of parameters side by side
    with row.container(width=width):
        dot = diagram(spec.components, len(catalogue.names), dark=is_dark())
        st.graphviz_chart(dot, width=width)
    st.caption("First published: " + "; ".join(REFERENCES) + ".")
    _code(spec, catalogue)


def _code(spec: PopulationSpec, catalogue: Catalogue) -> None:
    """Show the script, and hand it out with the event files that it reads."""
    try:
        code = script(spec, catalogue.source)
    except ValueError as error:
        st.info(plain(error))
        return
    st.code(shortened(code), language="python", height=520)
    with st.container(horizontal=True):
        st.download_button(
            "Download the script", code, "hbdash_population.py", "text/x-python", on_click="ignore"
        )
        st.download_button(
            "With its events (zip)",
            lambda: zip_bytes(_bundle(code, catalogue)),
            "hbdash_population.zip",
            "application/zip",
            on_click="ignore",
        )


def _bundle(code: str, catalogue: Catalogue) -> dict[str, str]:
    events = write_event_files(catalogue)
    return {"hbdash_population.py": code} | {f"events/{name}": e for name, e in events.items()}
