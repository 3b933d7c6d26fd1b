"""Asking for runs and watching them: run, live, progress, stop, cancel, continue."""

from collections.abc import Callable
from typing import Any, Protocol

import plotly.graph_objects as go
import streamlit as st
import xarray as xr
from streamlit.delta_generator import DeltaGenerator

from hbdash import cluster, precedence, store
from hbdash.figures.funnel import funnel
from hbdash.figures.markup import without_markup
from hbdash.jobs import Job
from hbdash.quantities import level, levels
from hbdash.question import check
from hbdash.ui.asking import crowded, wait, want
from hbdash.ui.draft import Asked
from hbdash.ui.frame import follow, is_dark, jobs
from hbdash.ui.plain import plain
from hbdash.ui.widgets import here, replace_draft

#: Seconds between looks at runs on their way, and more for each that waits: the looks of many
#: sessions would take the processors that their runs need.
POLL, MORE_PER_JOB = 0.4, 0.1
#: Seconds between looks at what is compiled ahead.
AHEAD = 3.0
#: Pixels held free for the funnel that is about to fill, so that the page does not jump.
ROOM = 700


class Questions(Protocol):
    """What a draft must be to be asked: frozen, equal to those that ask the same."""

    @property
    def run_by_itself(self) -> bool:
        """Whether it is quick enough to run whenever a control is released."""
        ...

    def specs(self) -> dict[str, Any]:
        """The runs to ask for, by label."""
        ...

    @property
    def more(self) -> str:
        """What going on adds, in words."""
        ...

    def longer(self, length: int) -> Any:
        """The same draft with that much more than the length of its longest run."""
        ...


class Asks(Protocol):
    """What a lab must be to ask: a name, and a figure of runs on their way."""

    @property
    def model(self) -> str:
        """The lab's name in the queue."""
        ...

    @property
    def filling(self) -> Callable[[dict[str, xr.DataTree]], go.Figure | None]:
        """Draws runs on their way, those that have draws; None where there is nothing to draw."""
        ...


def ask(lab: Asks, draft: Questions) -> Asked | None:
    """Show the buttons, ask for what they say, and return what there is to show."""
    mine = here()
    place = st.sidebar.container(key="run_buttons")
    left, middle = place.columns(2, vertical_alignment="center")
    pressed = left.button("Run", type="primary", width="stretch", key="run")
    live = middle.toggle(
        "Live",
        value=True,
        key="live",
        persist_state="session",
        help="Run again whenever a control is released.",
    )
    resumed = mine.pop("run_now", False)
    by_itself = live and draft.run_by_itself
    if pressed or resumed or by_itself and draft not in (mine.get("asked"), mine.get("cancelled")):
        mine["asked"], mine["cancelled"], mine["wanted"] = draft, None, {}
    asked = mine.get("asked")
    if asked is None:
        st.info("Press Run to sample with these settings.")
        return None
    try:
        wanted = _want(lab, asked)
    except (ValueError, LookupError) as error:
        st.error(plain(error))
        return None
    wait(list(wanted.values()))
    _tell_trouble(wanted)
    active = any(job.active for job in wanted.values())
    runs = {label: dt for label, job in wanted.items() if (dt := _finished(job)) is not None}
    found = Asked(asked, runs, active, current=asked == draft)
    if active:
        pace = POLL + jobs().waiting * MORE_PER_JOB
        st.fragment(_watch, run_every=pace)(lab, wanted)
    else:
        _after(found, wanted, place)
        _compile_ahead(found)
    return found


def _want(lab: Asks, asked: Questions) -> dict[str, Job]:
    # Each lab wants for itself, so that going to another page cancels nothing.
    specs = asked.specs()
    for spec in specs.values():
        check(spec)  # what does not fit is said before anything is queued
    if here().get("cancelled") == asked:
        want(lab.model, [])
        return {}
    # What ended without a result is not asked again by every rerun: only by Run.
    before: dict[str, Job] = here().get("wanted", {})
    over = {label: job for label, job in before.items() if _is_over(job)}
    open_ = {label: spec for label, spec in specs.items() if label not in over}
    found = dict(zip(open_, want(lab.model, list(open_.values())), strict=True))
    here()["wanted"] = {label: (over | found)[label] for label in specs}
    return here()["wanted"]


def _is_over(job: Job) -> bool:
    return job.phase == "failed" or job.phase == "cancelled" and job.stop_asked


def _finished(job: Job) -> xr.DataTree | None:
    return store.load(job.result) if job.phase == "done" and job.result else None


def _tell_trouble(wanted: dict[str, Job]) -> None:
    for label, job in wanted.items():
        if job.phase == "failed":
            st.error(f"**{label}**: {plain(job.error)}")
        elif _is_over(job):
            st.info(f"**{label}**: stopped before its first draw. Press Run to sample.")
    for trouble in filter(None, (store.trouble(), cluster.trouble())):
        st.warning(plain(trouble))


def _watch(lab: Asks, wanted: dict[str, Job]) -> None:
    """Show the progress of active runs, and a figure filling up."""
    if not any(job.active for job in wanted.values()):
        follow()
    with precedence.page(asked_for=False):
        _progress(lab, wanted)


def _progress(lab: Asks, wanted: dict[str, Job]) -> None:
    with st.container(border=True, key="progress"):
        for label, job in wanted.items():
            st.progress(job.fraction, text=f"**{label}** — {describe(job)}")
        stop, cancel, _ = st.columns([1, 1, 4])
        if stop.button("Stop and keep", key="stop", help="End here and keep the draws."):
            for job in wanted.values():
                job.stop()
        if cancel.button("Cancel", key="cancel", help="End here and drop the runs."):
            here()["cancelled"] = here()["asked"]
            st.rerun()
    figure = _filling(lab, wanted)
    if figure is not None:
        st.plotly_chart(figure, key="filling", theme=None, width="stretch")
    else:
        st.container(height=ROOM, border=False)


def _filling(lab: Asks, wanted: dict[str, Job]) -> go.Figure | None:
    """Draw runs on their way again where they have gone on: many sessions may be waiting."""
    if crowded():  # many are drawn for; a picture that fills would take the time of their runs
        return None
    parts = ((label, job.spec.key, job.result, job.fraction) for label, job in wanted.items())
    now = is_dark(), *parts
    drawn, figure = here().get("filling", (None, None))
    if now != drawn:
        draws = {label: dt for label, job in wanted.items() if (dt := job.draws()) is not None}
        figure = lab.filling(draws)
        figure = None if figure is None else without_markup(figure)
        here()["filling"] = now, figure
    return figure


def filling_funnel(runs: dict[str, xr.DataTree]) -> go.Figure | None:
    """Draw the funnel of the first level of runs on their way; None where nothing is pooled."""
    pooled = {label: level(dt, next(iter(levels(dt)))) for label, dt in runs.items() if levels(dt)}
    return funnel(pooled, dark=is_dark()) if pooled else None


def describe(job: Job) -> str:
    """Say where a run is: its phase, and what its sampler says of itself."""
    if job.phase == "compiling":
        return "compiling a program for this form and size of the model, once; then all runs use it"
    said = "" if job.progress is None else job.progress.describe()
    return " · ".join(filter(None, [job.phase, said]))


def _after(asked: Asked, wanted: dict[str, Job], place: DeltaGenerator) -> None:
    """Say what the results belong to, and offer to go on."""
    if not wanted:
        st.info("Cancelled. Press Run to sample with these settings.")
        return
    if not asked.current:
        st.warning(
            "These results belong to other settings than the controls show. Press Run to update."
        )
    if not asked.runs:
        return
    lengths = {dt.attrs["key"].rpartition("-")[2] for dt in asked.runs.values()}
    longest = max(map(int, lengths))
    place.button(
        f"Continue: {asked.draft.more}",
        key="continue",
        width="stretch",
        on_click=_go_on,
        args=(asked.draft, longest),
        help="Goes on where the chains ended: the result is that of a single longer run.",
    )


def _compile_ahead(asked: Asked) -> None:
    """Have the programs compiled that the next move may need, and say so while it lasts."""
    specs = [spec for spec in asked.draft.specs().values() if spec.model != "population"]
    if not asked.runs or not specs or cluster.address() is not None:
        return
    if here().get("ahead") != asked.draft:
        here()["ahead"] = asked.draft
        jobs().ahead.want(specs[:1])  # parameterizations share a program
    if jobs().ahead.busy:
        with st.sidebar:
            st.fragment(_tell_ahead, run_every=AHEAD)()


def _tell_ahead() -> None:
    ahead = jobs().ahead
    if not ahead.busy:
        follow()
    if ahead.purpose:
        st.caption(f"Compiling in the background: {ahead.purpose}. Runs go first.")


def _go_on(draft: Questions, length: int) -> None:
    try:
        replace_draft(draft.longer(length))
        here()["run_now"] = True
    except ValueError as error:
        st.toast(plain(str(error).splitlines()[0]))
