"""Generating events: the population they come from, and how well they are measured."""

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from hbdash.population.catalogue_sources import GeneratedCatalogue
from hbdash.population.parameters import MOST_COMPONENTS, Components
from hbdash.population.pmean import Analytic, Pmean
from hbdash.population.truths import default_truth
from hbdash.spec import explain
from hbdash.ui.plain import plain
from hbdash.ui.population.editor import edited
from hbdash.ui.population.forms import Words, form
from hbdash.ui.widgets import listed, valued

WORDS = {
    "seed": Words("Seed", "Of the events and of their posterior samples."),
    "error_size": Words("Samples", "Posterior samples an event.", 50),
    "scale_Mc": Words("Width of Mc", "Of the measurement of the chirp mass; 1 is the original's."),
    "scale_eta": Words("Width of η", "Of the symmetric mass ratio; 1 is the original's."),
    "max_events": Words("Most events", "More than these are refused.", 50),
    "consistent": Words(
        "Consistent",
        "On: samples are posteriors under the flat reference prior that the likelihood divides by. "
        "Off: they scatter about the truth as GWKokab draws them, with no reference prior in them; "
        "then intervals cover the truth less often than they say.",
    ),
}
TRUTH = "truth"


def show(start: GeneratedCatalogue | None, pmean: Pmean) -> GeneratedCatalogue:
    """Show every setting of the mock catalogue; what does not fit is said and not taken."""
    start = start or GeneratedCatalogue()
    found = form(start, WORDS, "mock")
    sensitivity = _sensitivity(start.pmean, pmean)
    components, truth = start.components, start.truth
    with st.expander("True population"):
        left, right = st.columns(2)
        counts = (
            left.number_input("Power laws", 0, MOST_COMPONENTS, **valued("mock.n_pl", start.n_pl)),
            right.number_input("Gaussians", 0, MOST_COMPONENTS, **valued("mock.n_g", start.n_g)),
        )
        try:
            components = Components(*counts)
            truth = _truth(components, truth)
        except ValueError as error:
            st.error(plain(error))
    given = found.model_dump() | {
        "pmean": sensitivity,
        "n_pl": components.n_pl,
        "n_g": components.n_g,
        "truth": truth,
    }
    try:
        return GeneratedCatalogue.model_validate(given)
    except ValidationError as error:
        st.error(plain(explain(error)))
        return start


def _truth(components: Components, truth: dict[str, float]) -> dict[str, float]:
    """Show the generating value of each parameter; an empty bound of a Gaussian is none."""
    values = default_truth(components) | truth
    names = components.names
    table = pd.DataFrame(
        {
            "parameter": names,
            TRUTH: [values.get(name, float("nan")) for name in names],
        }
    )
    after = edited(
        f"truth.{components.n_pl}.{components.n_g}",
        table,
        height=360,
        hide_index=True,
        disabled=["parameter"],
        column_config={TRUTH: st.column_config.NumberColumn(TRUTH, format="%g")},
    )
    numbers = after[TRUTH].astype(float)
    return {
        str(name): float(value)
        for name, value in zip(after["parameter"], numbers, strict=True)
        if value == value
    }


def _sensitivity(start: Pmean, model: Pmean) -> Pmean:
    """Show by what the events are detected, and for how long."""
    analytic = start if isinstance(start, Analytic) else Analytic(time_scale=start.time_scale)
    menu = {"analytic": analytic, start.estimator_type: start, model.estimator_type: model}
    kind = start.estimator_type
    if len(menu) > 1:
        kind = st.selectbox(
            "Detected by", list(menu), **listed("mock.sensitivity", start.estimator_type, menu)
        )
    # Whatever the model's own time is: a catalogue can be of another one.
    days = st.number_input(
        "Days observed",
        1e-3,
        1e6,
        **valued("mock.days", float(start.time_scale)),
        format="%g",
        help="The number of events is proportional to it; the model has its own.",
    )
    chosen = start if kind == start.estimator_type else menu[kind]
    return chosen.model_copy(update={"time_scale": days})
