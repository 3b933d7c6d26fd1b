"""The picture that answers: verdict, scoreboard, and the tabs."""

from dataclasses import replace

import streamlit as st
import xarray as xr

from hbdash.diagnostics import Score, checks, score, verdict
from hbdash.models import MODELS
from hbdash.models.model import ExactAnswer
from hbdash.ui import answers, figure_tab, reference, scoreboard
from hbdash.ui.draft import Asked
from hbdash.ui.lab import Lab
from hbdash.ui.plain import plain
from hbdash.ui.reference import Known
from hbdash.ui.widgets import here, own

#: Columns of the scoreboard: title, number format, and what it says.
COLUMNS: dict[str, tuple[str, str, str]] = {
    "label": ("Parameterization", "", ""),
    "divergences": ("Divergences", "%d", "Draws whose trajectory left the energy surface."),
    "bfmi": ("E-BFMI", "%.2f", "The lowest over chains; below 0.3 the energy is not explored."),
    "r_hat": ("R-hat", "%.3f", "The highest over population and groups; above 1.01 is bad."),
    "ess_bulk": ("ESS bulk", "%d", "Effective draws, the lowest over the population quantities."),
    "ess_tail": ("ESS tail", "%d", "Effective draws for the 5 and 95 % quantiles."),
    "step_size": ("Step size", "%.3g", "Mean over chains."),
    "gradients_per_draw": ("Grads / draw", "%.1f", "Gradient evaluations, after the warmup."),
    "ess_per_1000_gradients": (
        "ESS / 1k grads",
        "%.2f",
        "ESS bulk per 1,000 gradients after the warmup.",
    ),
    "ess_per_second": ("ESS / s", "%d", "ESS bulk per wall second, warmup included."),
    "wall_seconds": ("Wall, s", "%.2f", "Warmup and draws; compiling not included."),
    "error": (
        "Error, MCSE",
        "%.1f",
        "Largest distance of the population quantities' means from the exact ones, or from a long "
        "reference run's, in Monte-Carlo standard errors; above 4 is no accident.",
    ),
}


def show(lab: Lab, asked: Asked | None) -> None:
    """Show everything that answers the draft that was asked."""
    if asked is None or not asked.runs:
        return
    exact, why_not = answers.exact(asked.draft)
    place = st.container()
    known = _known(asked, exact, why_not)
    scores = [score_of(label, dt, known) for label, dt in asked.runs.items()]
    with place:
        title = MODELS[lab.model].title
        scoreboard.judge(title, verdict(scores), scores, COLUMNS, asked.runs)
    scoreboard.show(scores, COLUMNS, checks)
    if asked.active:
        return
    # While something runs there are no tabs; afterwards the same one opens again.
    key, names = own("tab"), list(lab.tabs)
    st.session_state.setdefault(key, here().get("last_tab", names[0]))
    tabs = st.tabs(names, key=key, default=st.session_state[key], on_change="rerun")
    for (name, draw), tab in zip(lab.tabs.items(), tabs, strict=True):
        if tab.open:
            here()["last_tab"] = name
            with tab:
                if draw is None:
                    figure_tab.show(name, asked, exact)
                else:
                    draw(asked, exact)


def _known(asked: Asked, exact: ExactAnswer | None, why_not: str | None) -> Known | None:
    """Take exact means or, where there are none, say why and offer a long run's."""
    if exact is not None:
        return Known(exact.means, {})
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.caption(plain(why_not or ""))
        return None if asked.active else reference.show(asked.draft)


@st.cache_resource(max_entries=256, show_spinner=False)
def _scores(key: str, known: str, _dt: xr.DataTree, _known: Known | None) -> Score:
    return score("", _dt, *(_known or (None, None)))


def score_of(label: str, dt: xr.DataTree, known: Known | None) -> Score:
    """Measure a run, once whatever it is called."""
    return replace(_scores(dt.attrs["key"], repr(known), dt, known), label=label)
