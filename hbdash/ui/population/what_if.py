"""Sliders for the parameters of a population, which change no run."""

import numpy as np
import streamlit as st

from hbdash.population.parameters import describe
from hbdash.population.prior_check import reach, whole
from hbdash.population.spec import PopulationSpec
from hbdash.population_draws import parameters, pooled
from hbdash.ui.draft import Asked
from hbdash.ui.widgets import own

#: Sliders side by side, and steps of each.
ACROSS, STEPS = 4, 200


def sliders(asked: Asked, truth: dict[str, float]) -> dict[str, float]:
    """Show a slider for each sampled parameter; return all parameters by name.

    They start at the posterior median of the first run, or where there is none at the values that
    generated the events, or in the middle of the priors. Their ends hold what the priors do.
    """
    spec: PopulationSpec = next(iter(asked.draft.specs().values()))
    starts = _starts(asked, truth)
    source = "the posterior's medians" if asked.runs else "the true values or the priors' middle"
    st.caption(f"The sliders start at {source}.")
    sampled, columns = {}, []
    # Where something else starts them, they start again.
    of = hash((spec.stem, *starts.items()))
    for name, (low, high) in _reach(spec.stem, spec).items():
        columns = columns or list(st.columns(ACROSS))
        step = _step(low, high)
        low, high = np.floor(low / step) * step, np.ceil(high / step) * step
        start = float(min(max(starts.get(name, (low + high) / 2), low), high))
        sampled[name] = columns.pop(0).slider(
            name,
            float(low),
            float(high),
            start,
            step=float(step),
            key=f"{own(f'what_if.{name}')}.{of}",
            help=describe(name)[2] + ".",
        )
    return whole(spec, sampled)


@st.cache_resource(max_entries=16, show_spinner=False)
def _reach(stem: str, _spec: PopulationSpec) -> dict[str, tuple[float, float]]:
    return reach(_spec)


def _starts(asked: Asked, truth: dict[str, float]) -> dict[str, float]:
    if not asked.runs:
        return truth
    dt = next(iter(asked.runs.values()))
    return {name: float(np.median(pooled(dt, name))) for name in parameters(dt)}


def _step(low: float, high: float) -> float:
    """A round step of about a two-hundredth of the range."""
    return 10.0 ** np.floor(np.log10(max(high - low, 1e-9) / STEPS)) * 5
