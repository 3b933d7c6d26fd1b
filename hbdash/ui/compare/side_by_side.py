"""Runs side by side on shared axes: verdict, scoreboard, and the figures of their kind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
import xarray as xr

from hbdash import diagnostics
from hbdash.estimates import shared
from hbdash.figures import FIGURES, View
from hbdash.figures.estimates import MOST as MOST_ESTIMATES
from hbdash.figures.marginals import MOST as MOST_MARGINALS
from hbdash.figures.pareto import Point, pareto
from hbdash.library import Card
from hbdash.quantities import level, levels
from hbdash.spec import RunSpec
from hbdash.ui import answers, choices, figure_tab, results, scoreboard
from hbdash.ui.chart import chart, keys
from hbdash.ui.compare import loo_tab
from hbdash.ui.compare.lab_links import draft_of
from hbdash.ui.compare.selection import apart, names
from hbdash.ui.draft import Asked
from hbdash.ui.frame import is_dark
from hbdash.ui.plain import plain
from hbdash.ui.population import results as population_results
from hbdash.ui.reference import Known
from hbdash.ui.widgets import here, own


@dataclass(frozen=True)
class Compared:
    """What a tab of the comparison is drawn from.

    Attributes
    ----------
    runs : label to draws, in the order of the colours. cards : theirs.
    others : the cards that pass the filter.
    means : exact means by quantity, where they are known and the same for all runs.
    """

    runs: dict[str, xr.DataTree]
    cards: Sequence[Card]
    others: Sequence[Card]
    means: dict[str, float] | None


Tab = Callable[[Compared], None]


def show(runs: dict[str, xr.DataTree], cards: Sequence[Card], others: Sequence[Card]) -> None:
    """Show the comparison; with fewer than two runs, what all that pass the filter cost."""
    compared = Compared(runs, cards, others, None)
    if len(runs) < 2:
        st.caption("Tick two to six runs of one model and one data set to see them side by side.")
        _pareto(compared)
        return
    if (reason := apart(cards)) is not None:
        st.warning(plain(reason))
        _pareto(compared)
        return
    each = [_known(card) for card in cards]
    tabs = TABS[cards[0].spec.model]
    if cards[0].spec.model == "population":
        events = [population_results.score_of(name, dt) for name, dt in runs.items()]
        population_results.judge(events, runs)
    else:
        scores = [
            results.score_of(label, dt, known)
            for (label, dt), known in zip(runs.items(), each, strict=True)
        ]
        judged = diagnostics.verdict([replace(one, label=plain(one.label)) for one in scores])
        scoreboard.judge("Comparison", judged, scores, results.COLUMNS, runs)
        scoreboard.show(scores, results.COLUMNS, diagnostics.checks)
        if each[0] is not None and all(known == each[0] for known in each):
            compared = Compared(runs, cards, others, each[0].means)
    key = own("tab")
    st.session_state.setdefault(key, here().get("last_tab", next(iter(tabs))))
    if st.session_state[key] not in tabs:
        st.session_state[key] = next(iter(tabs))
    shown = st.tabs(list(tabs), key=key, default=st.session_state[key], on_change="rerun")
    for (name, draw), tab in zip(tabs.items(), shown, strict=True):
        if tab.open:
            here()["last_tab"] = name
            with tab:
                draw(compared)


def _known(card: Card) -> Known | None:
    if not isinstance(card.spec, RunSpec):
        return None
    try:
        answer, _ = answers.exact(draft_of(card.spec))
    except (ValueError, LookupError):  # the run is here, the table that it came from no longer
        return None
    return None if answer is None else Known(answer.means, {})


def _draw(*figures: str) -> Tab:
    """Make a tab of figures that need nothing but the runs."""

    def drawn(compared: Compared) -> None:
        view = View(compared.runs, dark=is_dark())
        for name in figures:
            identity = keys(compared.runs), is_dark()
            figure_tab.draw(name, view, identity, heading=len(figures) > 1)

    return drawn


def _paged(name: str, most: int, of_groups: bool) -> Tab:
    """Make a tab of a figure that shows so many quantities at a time."""

    def drawn(compared: Compared) -> None:
        every = shared(compared.runs).values()
        total = sum(each[0].of_group or not of_groups for each in every)
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            first = choices.page(total, most, name)
            prob = choices.probability(name) if name == "estimates" else 0.9
        view = View(compared.runs, means=compared.means, first=first, prob=prob, dark=is_dark())
        identity = keys(compared.runs), compared.means, first, prob, is_dark()
        figure_tab.draw(name, view, identity, heading=False)

    return drawn


def _differences(compared: Compared) -> None:
    view = View(compared.runs, means=compared.means, dark=is_dark())
    identity = keys(compared.runs), compared.means, is_dark()
    figure_tab.draw("differences", view, identity, heading=False)


def _funnels(compared: Compared) -> None:
    """Show the funnels of one population of effects, which all runs must have."""
    if not all(levels(dt) for dt in compared.runs.values()):
        st.info("A run without a population of effects has no funnel: compare pooled runs.")
        return
    name = figure_tab.choose_level(compared.runs)
    shown = {label: level(dt, str(name)) for label, dt in compared.runs.items()}
    view, identity = View(shown, dark=is_dark()), (keys(compared.runs), name, is_dark())
    figure_tab.draw("funnel", view, identity, heading=False)


def _bands(compared: Compared) -> None:
    """Show the predictive bands of one group under every run."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        group = choices.group(Asked(None, compared.runs), "bands_beside")
        prob = choices.probability("bands_beside")
    view = View(compared.runs, group=group, prob=prob, dark=is_dark())
    identity = keys(compared.runs), group, prob, is_dark()
    figure_tab.draw("bands_beside", view, identity, heading=False)


def _pareto(compared: Compared) -> None:
    """Show what all runs of the filter cost, those compared in their colours."""
    numbers = {card.key: number for number, card in enumerate(compared.cards)}
    called = dict(zip(numbers, names(compared.cards), strict=True)) if compared.cards else {}
    cards = {card.key: card for card in (*compared.others, *compared.cards)}
    points = [
        Point(
            called.get(key) or f"{card.name}: {card.data}, {card.sampler}",
            card.numbers.ess_per_1000_gradients,
            card.numbers.divergences / card.numbers.draws,
            numbers.get(key),
            int(card.numbers.draws),
        )
        for key, card in cards.items()
        if card.spec.model != "population"
    ]
    identity: Any = sorted(points, key=lambda point: (point.number is None, point)), is_dark()
    chart(
        "pareto",
        identity,
        lambda: pareto(points, dark=is_dark()),
        FIGURES["pareto"].caption,
        title=FIGURES["pareto"].title,
        on_white=lambda: pareto(points),
    )


def _loo(compared: Compared) -> None:
    loo_tab.show(compared.runs)


_OF_GROUPS: dict[str, Tab] = {
    "Marginals": _paged("marginals", MOST_MARGINALS, of_groups=False),
    "Estimates": _paged("estimates", MOST_ESTIMATES, of_groups=True),
    "Differences": _differences,
    "Funnels": _funnels,
    "Energy": _draw("energy"),
    "Pareto": _pareto,
}
#: By model: the tabs, in the order of the screen.
TABS: dict[str, dict[str, Tab]] = {
    "normal_means": _OF_GROUPS | {"Predictive": _draw("predictive")},
    "regression": _OF_GROUPS | {"Bands": _bands, "LOO": _loo},
    "missing_predictors": _OF_GROUPS | {"Weights": _draw("weights"), "LOO": _loo},
    "population": {
        "Corner": _draw("corner"),
        "Spectrum": _draw("spectrum"),
        "Marginals": _paged("marginals", MOST_MARGINALS, of_groups=False),
        "Estimates": _paged("estimates", MOST_ESTIMATES, of_groups=True),
        "Differences": _differences,
        "Convergence": _draw("evolution", "acceptance"),
    },
}
