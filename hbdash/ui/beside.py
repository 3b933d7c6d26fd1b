"""A run beside those of the draft: asked for by a tab or a toggle, and shown when it is there."""

import streamlit as st
import xarray as xr

from hbdash import store
from hbdash.jobs import Job
from hbdash.spec import RunSpec
from hbdash.ui.asking import wait, want
from hbdash.ui.frame import follow
from hbdash.ui.plain import plain

#: Seconds between looks at it.
POLL = 0.4


def beside(name: str, spec: RunSpec) -> xr.DataTree | None:
    """Ask for a run, and return it; where it is still on its way, say how far it is.

    Parameters
    ----------
    name : what it is to the reader.
    spec : the question; one for each name at a time.
    """
    try:
        (job,) = want(f"{spec.model}/{name}", [spec])
    except ValueError as error:
        st.warning(plain(error))
        return None
    wait([job])
    if job.phase == "done" and job.result:
        return store.load(job.result)
    if job.active:
        st.fragment(_watch, run_every=POLL)(name, job)
    elif job.phase == "failed":
        st.warning(f"The {name} could not be sampled: {plain(job.error)}")
    return None


def _watch(name: str, job: Job) -> None:
    if not job.active:
        follow()
    st.progress(job.fraction, text=f"{name}: {job.phase}")
