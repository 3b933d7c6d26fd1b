"""Choosing the samplers, their options, and what they are expected to cost."""

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from hbdash.population.flowmc_keys import MAPPING
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.sampler_configs import read_sampler_config, write_sampler_config
from hbdash.population.spec import PopulationSpec
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC
from hbdash.ui.frame import follow
from hbdash.ui.population import costs, json_box
from hbdash.ui.population import sampler_words as words
from hbdash.ui.population.draft import LABELS, PopulationDraft
from hbdash.ui.population.forms import Words, form
from hbdash.ui.widgets import here, own, preset

#: Seconds between looks whether the cost is known.
POLL = 1.0
HELP = """\
- **AIES**: an ensemble of walkers, no gradients. Quick here, and the recommended check.
- **flowMC**: local steps, and global proposals of a normalizing flow that learns from them.
- **NUTS**: Hamiltonian Monte Carlo. m_min and m_max are hard edges that its gradients do not \
see: on populations with a power law it seldom converges."""


class Part(NamedTuple):
    """A sampler on the screen: its record, its words, and the file that other programs read."""

    record: type[Any]
    words: dict[str, Words]
    more: dict[str, Words]
    filename: str


PARTS: dict[str, Part] = {
    "aies": Part(AIES, words.AIES, words.AIES_MORE, "aies_config.json"),
    "flowmc": Part(FlowMC, words.FLOWMC, words.FLOWMC_MORE, "flowMC_config.json"),
    "nuts": Part(PopulationNUTS, words.NUTS, words.NUTS_MORE, "numpyro_config.json"),
}
HARD_EDGES = (
    "Expect full trees and chains that disagree: m_min and m_max are hard edges. Compare with AIES."
)
FILE_HELP = (
    "The file as other programs have it, in the older nested or the newer flat form. It has no "
    "seed of its own: that of the form stays."
)


def show(samplers: tuple[Any, ...]) -> tuple[Any, ...]:
    """Show the choice of samplers and a form for each; return them in the menu's order."""
    before = {sampler.kind: sampler for sampler in samplers}
    kinds = st.pills(
        "Samplers",
        list(LABELS),
        format_func=LABELS.__getitem__,
        selection_mode="multi",
        **preset("samplers", [kind for kind in LABELS if kind in before]),
        help=HELP,
        label_visibility="collapsed",
    )
    kept: dict[str, Any] = here().setdefault("kept_samplers", {})
    kept.update(before)
    chosen = []
    for kind in [kind for kind in LABELS if kind in kinds]:
        kept[kind] = _options(kind, kept.get(kind) or PARTS[kind].record())
        chosen.append(kept[kind])
    if not chosen:
        st.caption("Choose at least one; until then the selection before stays.")
    return tuple(chosen) or samplers


def _options(kind: str, start: Any) -> Any:
    part = PARTS[kind]
    with st.expander(LABELS[kind]):
        found = form(start, part.words, kind)
        if part.more and st.toggle("All options", key=own(f"more.{kind}"), persist_state="session"):
            found = form(found, part.more, kind)
        if kind == "nuts":
            st.caption(HARD_EDGES)
        json_box.show(part.filename, write_sampler_config(found), _read, FILE_HELP)
        if kind == "flowmc" and st.button(
            "What became of older keys", key=own("mapping"), width="stretch"
        ):
            _mapping()
    return found


def _read(draft: PopulationDraft, text: str, where: str) -> tuple[PopulationDraft, list[str]]:
    config, notes = read_sampler_config(text, where)
    before = {sampler.kind: sampler for sampler in draft.samplers}
    if config.kind in before and config.kind != "aies":
        # Such a file has no seed: it is an argument of the programs that read it.
        config = config.model_copy(update={"seed": before[config.kind].seed})
    chosen = before | {config.kind: config}
    content = draft.model_dump() | {"samplers": [chosen[kind] for kind in LABELS if kind in chosen]}
    return PopulationDraft.model_validate(content), list(notes)


@st.dialog("Keys of a flowMC_config.json today", width="large")
def _mapping() -> None:
    st.dataframe(pd.DataFrame(MAPPING), hide_index=True, height=560)


def cost(draft: PopulationDraft) -> None:
    """Say what the runs are expected to take, as soon as that has been timed."""
    specs = draft.specs()
    found = costs.timed(specs)
    if found is None:
        st.fragment(_wait, run_every=POLL)(specs)
        return
    lines = [f"\n- {label}: {one}" for label, one in found.items() if one is not None]
    if lines:
        st.caption(f"Expected cost, compiling included:{''.join(lines)}")


def _wait(specs: dict[str, PopulationSpec]) -> None:
    if costs.timed(specs) is not None:
        follow()  # what runs by itself depends on it
    st.caption("Timing the likelihood, to say what the runs cost.")
