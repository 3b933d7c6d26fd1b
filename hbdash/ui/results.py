"""The picture that answers: verdict, scoreboard, and the figures behind their tabs."""

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st
import xarray as xr

from hbdash.diagnostics import Score, checks, score, verdict
from hbdash.figures import FIGURES, TABS, View
from hbdash.ui import answers, model_tab, prior_tab
from hbdash.ui.frame import is_dark
from hbdash.ui.run_panel import Asked

#: Columns of the scoreboard: title, number format, and what it says.
COLUMNS: dict[str, tuple[str, str, str]] = {
    "label": ("Parameterization", "", ""),
    "divergences": ("Divergences", "%d", "Draws whose trajectory left the energy surface."),
    "bfmi": ("E-BFMI", "%.2f", "The lowest over chains; below 0.3 the energy is not explored."),
    "r_hat": ("R-hat", "%.3f", "The highest over mu, log tau and the groups; above 1.01 is bad."),
    "ess_bulk": ("ESS bulk", "%d", "Effective draws, the lower of mu and log tau."),
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
        "Distance of the means of mu and log tau from the exact ones, in Monte-Carlo standard "
        "errors; above 4 is no accident.",
    ),
}


def show(asked: Asked | None) -> None:
    """Show everything that answers the draft that was asked."""
    if asked is None or asked.active and not asked.runs:
        return
    if not asked.runs:
        return
    exact, why_not = answers.exact(asked.draft)
    scores = [_score(label, dt, exact) for label, dt in asked.runs.items()]
    _verdict(scores, why_not)
    _scoreboard(scores)
    if asked.active:
        return
    # While something runs there are no tabs; afterwards the same one opens again.
    names = [*TABS, "Priors", "Model"]
    st.session_state.setdefault("tab", st.session_state.get("last_tab", names[0]))
    tabs = st.tabs(names, key="tab", on_change="rerun")
    for name, tab in zip(names, tabs, strict=True):
        if not tab.open:
            continue
        st.session_state["last_tab"] = name
        with tab:
            match name:
                case "Priors":
                    prior_tab.show(asked.draft)
                case "Model":
                    model_tab.show(asked.draft, asked.runs)
                case _:
                    _figures(name, asked, exact)


@st.cache_resource(max_entries=256, show_spinner=False)
def _scores(key: str, has_exact: bool, _dt: xr.DataTree, _exact: xr.Dataset | None) -> Score:
    return score("", _dt, _exact)


def _score(label: str, dt: xr.DataTree, exact: xr.Dataset | None) -> Score:
    found = _scores(dt.attrs["key"], exact is not None, dt, exact)
    return replace(found, label=label)


def _verdict(scores: list[Score], why_not: str | None) -> None:
    level, sentence = verdict(scores)
    box = {"good": st.success, "warn": st.warning, "bad": st.error}[level]
    box(sentence)
    if why_not:
        st.caption(why_not)


def _scoreboard(scores: list[Score]) -> None:
    known = [name for name in COLUMNS if name != "error" or not np.isnan(scores[0].error)]
    table = pd.DataFrame([asdict(s) for s in scores], columns=pd.Index(known))
    config = {
        name: st.column_config.NumberColumn(title, format=form, help=text)
        if form
        else st.column_config.TextColumn(title, pinned=True)
        for name, (title, form, text) in COLUMNS.items()
    }
    marks = table.style.apply(lambda _: _marks(scores, table), axis=None)
    with st.container(key="scoreboard"):
        st.dataframe(marks, hide_index=True, column_config=config, width="stretch")


def _marks(scores: list[Score], table: pd.DataFrame) -> pd.DataFrame:
    """Colour the cells that a check found wrong."""
    red = f"color: {'#FF8A66' if is_dark() else '#C0392B'}; font-weight: 600"
    styles = pd.DataFrame("", index=table.index, columns=table.columns)
    for row, found in enumerate(scores):
        for check in checks(found):
            if check.column in styles:
                styles.loc[row, check.column] = red
    return styles


def _figures(tab: str, asked: Asked, exact: xr.Dataset | None) -> None:
    view = _view(tab, asked, exact)
    for name, figure in FIGURES.items():
        if figure.tab == tab:
            if len([f for f in FIGURES.values() if f.tab == tab]) > 1:
                st.markdown(f"#### {figure.title}")
            drawn = _drawn(name, _identity(view), view, figure.draw)
            st.plotly_chart(
                drawn,
                key=f"figure_{name}",
                theme=None,
                width="stretch",
                config={"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]},
            )
            st.caption(figure.caption)


def _view(tab: str, asked: Asked, exact: xr.Dataset | None) -> View:
    """Read the view controls that stand at a figure; they change no run."""
    first = next(iter(asked.runs.values()))
    names = first["observed_data"].coords["group"].values.tolist()
    runs, group, start = asked.runs, 0, 0
    coordinates, contours = "theta", False
    if tab in ("Funnels", "One group"):
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            coordinates = st.segmented_control(
                "Coordinates",
                ["theta", "sampled"],
                format_func={"theta": "theta", "sampled": "as sampled"}.__getitem__,
                default="theta",
                required=True,
                key=f"coordinates_{tab}",
                persist_state="session",
                label_visibility="collapsed",
                help="As sampled: the coordinate in which NUTS moves, each run in its own.",
            )
            contours = exact is not None and st.toggle(
                "Exact contours",
                key=f"contours_{tab}",
                persist_state="session",
                help="50, 90 and 99 % of the exact mass.",
            )
            if tab == "One group":
                if st.session_state.get("group", 0) >= len(names):
                    st.session_state["group"] = 0
                group = st.selectbox(
                    "Group",
                    range(len(names)),
                    format_func=lambda k: f"Group {names[k]}",
                    key="group",
                    persist_state="session",
                    label_visibility="collapsed",
                    width=180,
                )
    if tab in ("Funnels", "One group", "Predictive") and len(runs) > 2:
        shown = st.pills(
            "Runs shown",
            list(runs),
            selection_mode="multi",
            default=list(runs)[:2],
            key=f"shown_{tab}",
            persist_state="session",
        )
        runs = {label: runs[label] for label in runs if label in shown} or runs
    if tab == "Predictive" and len(names) > 40:
        start = st.select_slider("First group shown", range(0, len(names), 40), key="first_group")
    sampled = None
    if contours and coordinates == "sampled":
        sampled = {label: answers.sampled_grids(asked.draft, dt) for label, dt in runs.items()}
    elif contours:
        exact = answers.effect_grids(asked.draft)
    prior = answers.tau_prior(asked.draft, runs) if tab == "Population" else None
    return View(runs, exact, sampled, prior, coordinates, group, start, is_dark())


def _identity(view: View) -> str:
    keys = [f"{label}={dt.attrs['key']}" for label, dt in view.runs.items()]
    asked = view.contours is not None, view.exact is not None
    return repr((keys, asked, view.coordinates, view.group, view.first, view.dark))


@st.cache_resource(max_entries=96, show_spinner=False)
def _drawn(name: str, identity: str, _view: View, _draw: Callable[[View], go.Figure]) -> go.Figure:
    return _draw(_view)
