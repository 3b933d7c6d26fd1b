"""The Expected number tab: detections of the posterior, of any population, and their VT."""

import streamlit as st
import xarray as xr

from hbdash.population.catalogue import Catalogue, load_catalogue
from hbdash.population.pmean import Analytic, NeuralVT
from hbdash.population.prior_check import expected_at
from hbdash.ui.draft import Asked
from hbdash.ui.plain import plain
from hbdash.ui.population import figures, vt_map, what_if


def show(asked: Asked) -> None:
    """Show expected against observed, a population to try, and the map of ln VT."""
    try:
        events = load_catalogue(asked.draft.data)
        if asked.runs:
            figures.draw("expected_observed", _beside_truth(asked, events))
        _what_if(asked, events)
        vt_map.show(asked.draft.pmean, events)
    except (ValueError, LookupError) as error:
        st.info(plain(error))


def _beside_truth(asked: Asked, events: Catalogue) -> dict[str, xr.DataTree]:
    """Add what the population that generated the events lets expect, where it is known."""
    draft, found = asked.draft, {}
    names, optional = set(draft.components.names), set(draft.components.optional)
    if not names - optional <= set(events.truth) <= names:
        return asked.runs  # not of these components, or not generated
    number, _ = expected_at(draft.pmean, draft.components, events.truth)
    for label, dt in asked.runs.items():
        parts = {name: part.to_dataset() for name, part in dt.children.items()}
        constant = parts.get("constant_data", xr.Dataset())
        parts["constant_data"] = constant.assign(true_expected_number=number)
        found[label] = xr.DataTree.from_dict(parts)
        found[label].attrs = dt.attrs
    return found


def _what_if(asked: Asked, events: Catalogue) -> None:
    """Let a population be set by hand, and say what it lets expect."""
    st.markdown("#### What would this population let expect?")
    draft = asked.draft
    params = what_if.sliders(asked, events.truth)
    number, error = expected_at(draft.pmean, draft.components, params)
    observed = len(events.names)
    methods = {"": (number, error)}
    if isinstance(draft.pmean, Analytic | NeuralVT):
        methods = {}
        for method, words in {"quadrature": "quadrature", "monte_carlo": "draws"}.items():
            pmean = draft.pmean.model_copy(update={"method": method})
            found = expected_at(pmean, draft.components, params)
            used = " (used)" if method == draft.pmean.method else ""
            methods[f" by {words}{used}"] = found
    with st.container(horizontal=True, gap="large"):
        for words, (mean, sd) in methods.items():
            text = f"{mean:,.2f} ± {sd:,.2f}" if sd else f"{mean:,.2f}"
            st.metric(f"Expected{words}", text, width="content")
        st.metric("Observed", f"{observed:,}", width="content")
    st.caption(
        "The expected number μ enters ln L as −μ, so an error in μ is one in ln L. Draws with a "
        "fixed key have a standard error; quadrature has none worth mentioning."
    )
