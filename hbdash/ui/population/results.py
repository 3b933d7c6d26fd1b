"""The picture that answers: verdict, scoreboard, and the tabs."""

from dataclasses import replace

import streamlit as st
import xarray as xr

from hbdash.population_score import PopulationScore, checks, score, verdict
from hbdash.ui import scoreboard
from hbdash.ui.draft import Asked
from hbdash.ui.plain import plain
from hbdash.ui.population.draft import PopulationDraft
from hbdash.ui.population.lab import PopulationLab
from hbdash.ui.widgets import here, own

#: Columns of the scoreboard: title, number format, and what it says.
COLUMNS: dict[str, tuple[str, str, str]] = {
    "label": ("Sampler", "", ""),
    "r_hat": ("R-hat", "%.3f", "Rank-normalised and split, over all chains or walkers: the worst."),
    "r_hat_ensembles": (
        "R-hat ens.",
        "%.3f",
        "R-hat with all walkers of an ensemble as one chain: ensembles are independent.",
    ),
    "ess_bulk": ("ESS bulk", "%d", "Effective draws of the worst parameter."),
    "ess_tail": ("ESS tail", "%d", "Effective draws for the 5 and 95 % quantiles, the worst."),
    "draws": ("Draws", "localized", "Of all chains or walkers."),
    "acceptance": ("Accepted", "%.2f", "NUTS: mean acceptance. AIES: the share of moves."),
    "local_acceptance": ("local", "%.2f", "Accepted local steps; 0.2 to 0.8 is usual."),
    "global_acceptance": ("global", "%.2f", "Accepted proposals of the flow: higher is better."),
    "saturated": ("Full trees", "percent", "Share of trees at the maximum depth."),
    "divergences": ("Divergences", "%d", "Draws whose trajectory left the energy surface."),
    "least_n_eff": (
        "least N_eff",
        "%.1f",
        "Effective samples of the event that has fewest, (Σw)²/Σw²; below 10 its likelihood is "
        "not to be trusted.",
    ),
    "variance": ("Var ln L", "%.2f", "Of the Monte-Carlo sums over samples; above 1 is too much."),
    "wall_seconds": ("Wall, s", "%.1f", "Warmup or training, and draws; without compiling."),
    "ess_per_second": ("ESS / s", "%.1f", "ESS bulk per wall second."),
    "evaluations": ("Evaluations", "localized", "Of the log density."),
    "gradients": ("Gradients", "localized", "Of the log density."),
}


def show(lab: PopulationLab, draft: PopulationDraft, asked: Asked | None) -> None:
    """Show everything that answers the draft that was asked, or what is known without a run."""
    asked = asked or Asked(draft)
    scores = [score_of(label, dt) for label, dt in asked.runs.items()]
    if scores:
        judge(scores, asked.runs)
    if asked.active:
        return
    # While something runs there are no tabs; afterwards the same one opens again. Without a run
    # the events are what there is to see.
    key, names = own("tab"), list(lab.tabs)
    first = here().get("last_tab", names[0]) if asked.runs else here().get("idle_tab", "Events")
    st.session_state.setdefault(key, first)
    tabs = st.tabs(names, key=key, default=st.session_state[key], on_change="rerun")
    for (name, draw), tab in zip(lab.tabs.items(), tabs, strict=True):
        if tab.open:
            here()["last_tab" if asked.runs else "idle_tab"] = name
            with tab:
                draw(asked)


@st.cache_resource(max_entries=64, show_spinner=False)
def _scores(key: str, _dt: xr.DataTree) -> PopulationScore:
    return score("", _dt)


def score_of(label: str, dt: xr.DataTree) -> PopulationScore:
    """Measure a run, once whatever it is called."""
    return replace(_scores(dt.attrs["key"], dt), label=label)


def judge(scores: list[PopulationScore], runs: dict[str, xr.DataTree]) -> None:
    """Show the verdict and the scoreboard."""
    level, sentence = verdict([replace(one, label=plain(one.label)) for one in scores])
    if any(check.level == "bad" for one in scores for check in checks(one)):
        level = "bad"  # said in red, even where another run can be used
    unused = () if any(one.gradients for one in scores) else ("gradients",)
    columns = {name: words for name, words in COLUMNS.items() if name not in unused}
    scoreboard.judge("Population of events", (level, sentence), scores, columns, runs)
    scoreboard.show(scores, columns, checks)
