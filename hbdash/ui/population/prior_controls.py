"""Choosing the priors: a table of the usual ones, and the priors.json that holds them all."""

from typing import Any

import streamlit as st

from hbdash.population.parameters import Components
from hbdash.population.priors import read_priors, resolve
from hbdash.ui.plain import plain
from hbdash.ui.population import json_box, prior_rows
from hbdash.ui.population.draft import PopulationDraft
from hbdash.ui.population.editor import edited
from hbdash.ui.population.prior_rows import FIRST, KIND, KINDS, PARAMETER, SECOND
from hbdash.ui.population.records import indented
from hbdash.ui.widgets import here

HELP = """\
What priors.json may hold, by parameter name or by a regular expression of names:
- `{"dist": "Normal", "loc": 0, "scale": 1}`: any NumPyro distribution of scalars, in its words;
- a number: a constant; a name: the same variable as that parameter;
- a name in place of a number: the prior follows that parameter;
- `null`: no bound, for a Gaussian's low and high."""
TABLE_HELP = (
    "The cells a and b hold the numbers of the distribution in NumPyro's order: low and high, loc "
    "and scale, concentration and rate. A parameter's name may stand in place of a number. A "
    "constant has its value in a, *same as* a parameter's name, *JSON* any other entry."
)
#: Pixels of the table at most.
HEIGHT = 400


def show(entries: dict[str, Any], components: Components, before: Components) -> dict[str, Any]:
    """Show the priors and return them; what does not fit is said and not taken.

    Parameters
    ----------
    entries : those of the draft, for the components `before`.
    components : what the priors must be for.
    before : the components of the draft.
    """
    kept: dict[str, Any] = here().setdefault("kept_priors", {})
    kept |= {name: entries[name] for name in before.names if name in entries}
    if components != before:
        entries = prior_rows.fitted(entries, components, kept)
    start = prior_rows.table(entries, components)
    after = edited(
        f"priors.{components.n_pl}.{components.n_g}",
        start,
        height=HEIGHT,
        hide_index=True,
        disabled=[PARAMETER],
        row_height=32,
        column_config={
            PARAMETER: st.column_config.TextColumn("parameter", width=101, help=TABLE_HELP),
            KIND: st.column_config.SelectboxColumn(
                "prior", options=list(KINDS), required=True, width=70
            ),
            FIRST: st.column_config.TextColumn("a", width=46),
            SECOND: st.column_config.TextColumn("b", width=46),
        },
    )
    try:
        changed = prior_rows.merged(entries, start, after)
        found = resolve(changed, components)
    except ValueError as error:
        st.error(f"{plain(error)} The priors stay as they were.")
        changed, found = entries, resolve(entries, components)
    for warning in found.warnings:
        st.warning(plain(warning))
    json_box.show("priors.json", indented(changed), _read, HELP)
    return changed


def _read(draft: PopulationDraft, text: str, where: str) -> tuple[PopulationDraft, list[str]]:
    entries = read_priors(text, where)
    resolve(entries, draft.components, where)
    return PopulationDraft.model_validate(draft.model_dump() | {"priors": entries}), []
