"""The funnel lab's data: a scene of the study, a simulation, an example, or one's own table."""

from typing import Any

import numpy as np
import streamlit as st

from hbdash.data import (
    STUDY_GROUP_SIZES,
    Data,
    Example,
    GroupData,
    Scene,
    Simulated,
    load,
)
from hbdash.ui import data_sources, upload_controls
from hbdash.ui.widgets import by_group, preset, seeded, valued

SOURCES = {"ready": "Examples", "simulated": "Simulate", "uploaded": "Upload"}
#: What is there at one click, with what to know of it.
READY: dict[str, tuple[Data, str]] = {
    "weak": (Scene(name="weak"), "Nine groups of one row, sigma 10: the study's weak scene."),
    "strong": (Scene(name="strong"), "Nine groups of one row, sigma 0.1: its strong scene."),
    "unbalanced": (
        Scene(name="unbalanced"),
        "Nine groups of 10, 5, 1000, 10, 1, 5, 100, 10 and 5 rows, sigma 10: its unbalanced scene.",
    ),
    "eight schools": (
        Example(),
        "Coaching effects and their standard errors, in points: Rubin (1981).",
    ),
}
SIGMAS = tuple(float(f"{s:.2g}") for s in np.geomspace(0.03, 30, 61))


def show(data: Data) -> tuple[Data, GroupData | None]:
    """Show the controls of the data; return the choice and, where they load, the groups."""
    return data_sources.choose(data, SOURCES, _show, load, _tab_of)


def _show(source: str, start: Any) -> Data | None:
    match source:
        case "ready":
            return _ready(start or Scene())
        case "simulated":
            return _simulated(start or Simulated())
        case _:
            return upload_controls.show(start)


def _tab_of(data: Data) -> str:
    return {"simulated": "simulated", "uploaded": "uploaded"}.get(data.source, "ready")


def _ready(start: Data) -> Data:
    now = next((name for name, (data, _) in READY.items() if data == start), "weak")
    name = st.pills(
        "Ready to run",
        list(READY),
        **preset("ready", now),
        required=True,
        label_visibility="collapsed",
    )
    chosen, about = READY[name or now]
    st.caption(about)
    return chosen


def _simulated(start: Simulated) -> Simulated:
    n = _group_sizes(start.n)
    sigma = st.select_slider(
        "Noise of a row, sigma",
        sorted({*SIGMAS, start.sigma}),
        **valued("sigma", start.sigma),
        help="Standard deviation of one row about its group, in the outcome's units; log scale.",
    )
    left, right = st.columns(2)
    mu: Any = left.number_input(
        "mu", -1e4, 1e4, **valued("mu", start.mu), step=0.5, help="True population mean."
    )
    tau: Any = right.number_input(
        "tau", 0.0, 1e3, **valued("tau", start.tau), step=0.5, help="True population scale."
    )
    seed = st.number_input("Seed of the data", 0, 2**32 - 1, **valued("data_seed", start.seed))
    return Simulated(n=n, sigma=sigma, mu=mu, tau=tau, seed=seed)


def _group_sizes(n: tuple[int, ...]) -> tuple[int, ...]:
    now = "study" if n == STUDY_GROUP_SIZES else "equal" if len(set(n)) == 1 else "table"
    labels = {"equal": "Equal", "study": "The study's", "table": "Table"}
    kind = st.segmented_control(
        "Rows per group",
        list(labels),
        format_func=labels.__getitem__,
        **preset("sizes", now),
        required=True,
        width="stretch",
        help="The study's unbalanced vector is 10, 5, 1000, 10, 1, 5, 100, 10, 5.",
    )
    if kind == "study":
        st.session_state[seeded("groups", len(STUDY_GROUP_SIZES))] = len(STUDY_GROUP_SIZES)
        return STUDY_GROUP_SIZES
    groups = st.slider("Groups, K", 1, 200, **valued("groups", len(n)))
    if kind == "equal":
        rows = st.slider("Rows in each group, n", 1, 1000, **valued("rows", min(n[0], 1000)))
        return (rows,) * groups
    return _table_sizes((n + n[-1:] * groups)[:groups])


def _table_sizes(n: tuple[int, ...]) -> tuple[int, ...]:
    names = tuple(str(k) for k in range(len(n)))
    return tuple(map(int, by_group("rows", names, n, 1, min_value=1, max_value=100_000)))
