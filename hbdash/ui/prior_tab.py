"""The Priors tab: densities, prior predictive, implied shrinkage."""

import streamlit as st

from hbdash import prior_draws
from hbdash.figures import caption
from hbdash.figures.priors import prior_density, prior_predictive, prior_shrinkage
from hbdash.spec import RunSpec
from hbdash.ui.draft import Draft
from hbdash.ui.frame import is_dark


def show(draft: Draft) -> None:
    """Show what the priors say before any data."""
    question = RunSpec(data=draft.data, priors=draft.priors).model_dump_json()
    titles = ("Prior densities", "Prior predictive", "Shrinkage that the prior implies")
    functions = (prior_density, prior_predictive, prior_shrinkage)
    for number, (title, function) in enumerate(zip(titles, functions, strict=True)):
        st.markdown(f"#### {title}")
        figure = _figures(question, is_dark())[number]
        st.plotly_chart(figure, key=f"prior_{number}", theme=None, width="stretch")
        st.caption(caption(function))


@st.cache_resource(max_entries=32, show_spinner="Drawing from the priors")
def _figures(question: str, dark: bool):
    spec = RunSpec.model_validate_json(question)
    data = spec.grouped()
    shrinkage, labels = prior_draws.shrinkage(spec.priors, data)
    return (
        prior_density(prior_draws.densities(spec.priors), dark=dark),
        prior_predictive(prior_draws.outcomes(spec.priors, data), data.mean, dark=dark),
        prior_shrinkage(shrinkage, labels, dark=dark),
    )
