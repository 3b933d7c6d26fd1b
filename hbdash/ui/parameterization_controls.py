"""Choosing the parameterizations that run side by side."""

from typing import Any

import streamlit as st

from hbdash.parameterization import (
    LABELS,
    PARAMETERIZATIONS,
    Centered,
    Learned,
    Mixed,
    NonCentered,
    Parameterization,
    Partial,
    PerEffect,
)
from hbdash.ui.widgets import by_group, here, listed, preset, valued

SINGLE = tuple(kind for kind in PARAMETERIZATIONS if kind != "per_effect")
HELP = """\
- **centered**: NUTS moves in {effect}. Best where the data say much about each group.
- **non-centered**: it moves in ({effect} - {location}) / {scale}. Best where they say little.
- **mixed**: some groups centered, the others not.
- **partial**: a centeredness from 0 to 1 for each group.
- **by information**: each group's share of information from its own data, a closed form.
- **learned**: found by variational inference, a number a group."""
HELP_BY_EFFECT = "\n- **by effect**: one of these for each of {effects}."


def show(
    chosen: tuple[Parameterization, ...], data: Any, effects: tuple[str, ...]
) -> tuple[Parameterization, ...]:
    """Show the controls of the parameterizations and return the selection, in menu order.

    Parameters
    ----------
    chosen : what was selected before.
    data : with the `names` of the groups; None where they do not load.
    effects : sites with a population, which can be parameterized.
    """
    if not effects:
        # One centered run stands here while there is nothing to choose; the choice comes back.
        nothing = chosen == (Centered(),)
        here().setdefault("kept_choice", (Centered(), NonCentered()) if nothing else chosen)
        st.caption("No effect has a population, so there is nothing to parameterize.")
        return (Centered(),)
    chosen = here().pop("kept_choice", chosen)
    names: tuple[str, ...] = data.names if data is not None else ()
    menu = list(PARAMETERIZATIONS) if len(effects) > 1 else list(SINGLE)
    before: dict[str, Any] = {one.kind: one for one in chosen}
    kinds = st.pills(
        "Compare",
        menu,
        format_func=LABELS.__getitem__,
        selection_mode="multi",
        **preset("kinds", [kind for kind in menu if kind in before]),
        help=_help(effects),
    )
    kept = here().setdefault("kept_parameterizations", {})
    kept.update(before)
    selected = []
    for kind in [kind for kind in menu if kind in kinds]:
        if kind == "per_effect":
            selected.append(_per_effect(kept.get(kind), names, effects))
        else:
            selected.append(_single(kind, kept.get(kind), names))
    if not selected:
        st.caption("Choose at least one; until then the selection before stays.")
    return tuple(selected) or chosen


def _help(effects: tuple[str, ...]) -> str:
    if effects == ("theta",):
        return HELP.format(effect="theta", location="mu", scale="tau")
    words = {"effect": "the effects", "location": "location", "scale": "scale"}
    by_effect = HELP_BY_EFFECT.format(effects=" and ".join(effects)) if len(effects) > 1 else ""
    return HELP.format(**words) + by_effect


def _single(kind: str, start: Any, names: tuple[str, ...], of: str = "") -> Any:
    """Show what one kind is set by; `of` tells the controls of an effect from all others."""
    start = start or PARAMETERIZATIONS[kind]()
    match kind:
        case "mixed":
            return _mixed(start, names, of)
        case "partial":
            return _partial(start, names, of)
        case "learned":
            seed = valued(f"learned_seed{of}", start.seed)
            return Learned(seed=st.number_input("Learned: seed", 0, 2**32 - 1, **seed))
    return start


def _per_effect(
    start: PerEffect | None, names: tuple[str, ...], effects: tuple[str, ...]
) -> PerEffect:
    kept = here().setdefault("kept_effects", {})
    found: dict[str, Any] = {}
    for effect in effects:
        before = start.effects.get(effect) if start is not None else None
        # Non-centered slopes and so on: the start that differs from every choice for all at once.
        now = before.kind if before is not None else SINGLE[effect != effects[0]]
        if before is not None:
            kept[effect, now] = before
        kind = st.selectbox(
            f"By effect: {effect}",
            SINGLE,
            format_func=LABELS.__getitem__,
            **listed(f"kind.{effect}", now, SINGLE),
        )
        found[effect] = _single(kind, kept.get((effect, kind)), names, f".{effect}")
    return PerEffect(effects=found)


def _mixed(start: Mixed, names: tuple[str, ...], of: str) -> Mixed:
    how = st.segmented_control(
        "Mixed: centered groups",
        ["rows", "hand"],
        format_func={"rows": "many rows", "hand": "by hand"}.__getitem__,
        **preset(f"mixed_how{of}", "rows" if start.groups is None else "hand"),
        required=True,
    )
    if how == "rows":
        threshold = st.number_input(
            "Centered from this many rows",
            1,
            1_000_000,
            **valued(f"threshold{of}", start.threshold),
        )
        return Mixed(threshold=threshold)
    kept = here().setdefault("kept_mixed", {})
    first = kept.get((of, names), ()) if start.groups is None else start.groups
    valid = [k for k in first if k < len(names)]
    menu = list(range(len(names)))
    groups = st.multiselect(
        "Centered groups",
        menu,
        format_func=lambda k: str(names[k]),
        **preset(f"mixed_groups{of}", valid, menu),
    )
    kept[of, names] = tuple(groups)
    return Mixed(groups=tuple(groups))


def _partial(start: Partial, names: tuple[str, ...], of: str) -> Partial:
    each = st.toggle(
        "Partial: a value for each group",
        **valued(f"partial_by_group{of}", len(start.centeredness) > 1),
    )
    if not each or not names:
        value = st.slider(
            "Partial: centeredness",
            0.0,
            1.0,
            step=0.05,
            **valued(f"centeredness{of}", start.centeredness[0]),
            help="0 non-centered, 1 centered.",
        )
        return Partial(centeredness=(value,))
    return _by_group(start.centeredness, names, of)


def _by_group(values: tuple[float, ...], names: tuple[str, ...], of: str) -> Partial:
    kept = here().setdefault("kept_partial", {})
    if len(values) != len(names):
        values = kept.get((of, names), (values[0],) * len(names))
    limits = {"min_value": 0.0, "max_value": 1.0, "step": 0.05, "format": "%.2f"}
    kept[of, names] = by_group("centeredness", names, values, 0.5, of, **limits)
    return Partial(centeredness=kept[of, names])
