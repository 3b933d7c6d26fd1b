"""Asking the queue for runs, within what a session may ask for."""

from collections.abc import Sequence

from hbdash.jobs import Job
from hbdash.spec import AnySpec
from hbdash.ui.frame import jobs, session


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
