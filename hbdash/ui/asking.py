"""Asking the queue for runs, within what a session may ask for, and waiting for the quick ones."""

import time
from collections.abc import Sequence

from hbdash import precedence
from hbdash.jobs import Job
from hbdash.spec import AnySpec
from hbdash.ui.frame import jobs, session

#: Seconds a rerun waits for its runs: most are done by then, and are drawn at once.
PATIENCE = 0.8
#: Runs that may wait before a rerun no longer waits for its own, and pictures no longer fill.
CROWD = 6


def want(purpose: str, specs: Sequence[AnySpec]) -> list[Job]:
    """Make these the runs that this tab wants for a purpose; none to want nothing.

    Raises
    ------
    ValueError
        When the tab has asked for too much lately, or too many runs are waiting already.
    """
    new = [spec.sampler.transitions for spec in specs if jobs().is_new(spec)]
    if new:
        session().budget.spend(new)
    return jobs().want(session().wanter(purpose), specs)


def crowded() -> bool:
    """Whether so many runs wait that nobody's is there at once."""
    return jobs().waiting > CROWD


def wait(wanted: Sequence[Job]) -> None:
    """Wait a moment for runs, unless something compiles or many wait."""
    until = time.monotonic() + PATIENCE
    with precedence.pause():
        while any(job.active for job in wanted) and time.monotonic() < until:
            if crowded() or any(job.phase == "compiling" for job in wanted):
                return
            time.sleep(0.005)
