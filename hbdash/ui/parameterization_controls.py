"""Choosing the parameterizations that run side by side."""

from typing import Any

import streamlit as st

from hbdash.data import GroupData
from hbdash.parameterization import (
    LABELS,
    PARAMETERIZATIONS,
    Learned,
    Mixed,
    Parameterization,
    Partial,
)
from hbdash.ui.widgets import by_group, seeded

HELP = """\
- **centered**: NUTS moves in theta. Best where the data say much about each group.
- **non-centered**: it moves in (theta - mu) / tau. Best where they say little.
- **mixed**: some groups centered, the others not.
- **partial**: a centeredness from 0 to 1 for each group.
- **by information**: each group's share of information from its own data, a closed form.
- **learned**: found by variational inference, a number a group."""


def show(
    chosen: tuple[Parameterization, ...], data: GroupData | None
) -> tuple[Parameterization, ...]:
    """Show the controls of the parameterizations and return the selection, in menu order."""
    before: dict[str, Any] = {one.kind: one for one in chosen}
    kinds = st.pills(
        "Compare",
        list(PARAMETERIZATIONS),
        format_func=LABELS.__getitem__,
        selection_mode="multi",
        key=seeded("kinds", [kind for kind in PARAMETERIZATIONS if kind in before]),
        help=HELP,
    )
    kept = st.session_state.setdefault("kept_parameterizations", {})
    kept.update(before)
    selected = []
    for kind in [kind for kind in PARAMETERIZATIONS if kind in kinds]:
        start: Any = kept.get(kind) or PARAMETERIZATIONS[kind]()
        match kind:
            case "mixed":
                start = _mixed(start, data)
            case "partial":
                start = _partial(start, data)
            case "learned":
                seed = st.number_input(
                    "Learned: seed", 0, 2**32 - 1, key=seeded("learned_seed", start.seed)
                )
                start = Learned(seed=seed)
        selected.append(start)
    if not selected:
        st.caption("Choose at least one; until then the selection before stays.")
    return tuple(selected) or chosen


def _mixed(start: Mixed, data: GroupData | None) -> Mixed:
    how = st.segmented_control(
        "Mixed: centered groups",
        ["rows", "hand"],
        format_func={"rows": "many rows", "hand": "by hand"}.__getitem__,
        key=seeded("mixed_how", "rows" if start.groups is None else "hand"),
        required=True,
    )
    if how == "rows":
        threshold = st.number_input(
            "Centered from this many rows", 1, 1_000_000, key=seeded("threshold", start.threshold)
        )
        return Mixed(threshold=threshold)
    names: tuple[str, ...] = data.names if data is not None else ()
    kept = st.session_state.setdefault("kept_mixed", {})
    first = kept.get(names, ()) if start.groups is None else start.groups
    valid = [k for k in first if k < len(names)]
    key = seeded("mixed_groups", valid)
    st.session_state[key] = [k for k in st.session_state[key] if k < len(names)]
    groups = st.multiselect(
        "Centered groups", list(range(len(names))), format_func=lambda k: str(names[k]), key=key
    )
    kept[names] = tuple(groups)
    return Mixed(groups=tuple(groups))


def _partial(start: Partial, data: GroupData | None) -> Partial:
    names = data.names if data is not None else ()
    by_group = st.toggle(
        "Partial: a value for each group",
        key=seeded("partial_by_group", len(start.centeredness) > 1),
    )
    if not by_group or not names:
        value = st.slider(
            "Partial: centeredness",
            0.0,
            1.0,
            step=0.05,
            key=seeded("centeredness", start.centeredness[0]),
            help="0 non-centered, 1 centered.",
        )
        return Partial(centeredness=(value,))
    return _by_group(start.centeredness, names)


def _by_group(values: tuple[float, ...], names: tuple[str, ...]) -> Partial:
    kept = st.session_state.setdefault("kept_partial", {})
    if len(values) != len(names):
        values = kept.get(names, (values[0],) * len(names))
    limits = {"min_value": 0.0, "max_value": 1.0, "step": 0.05, "format": "%.2f"}
    kept[names] = by_group("centeredness", names, values, 0.5, **limits)
    return Partial(centeredness=kept[names])
