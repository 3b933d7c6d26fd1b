"""The way from a stored run back to its lab: the page, and the link that shows the run there."""

from typing import Any

from hbdash.spec import AnySpec, RunSpec
from hbdash.ui import funnel_lab, link, missing_lab, regression_lab
from hbdash.ui.draft import Draft
from hbdash.ui.frame import page_of
from hbdash.ui.population import link as population_link
from hbdash.ui.population.draft import PopulationDraft

#: Labs of group models by model.
LABS = {lab.model: lab for lab in (funnel_lab.LAB, regression_lab.LAB, missing_lab.LAB)}


def lab_link(spec: AnySpec) -> tuple[str, dict[str, str]]:
    """Return the page of a run's lab, and the query with which it shows the run.

    Raises
    ------
    ValueError, OSError
        When data that stand in the spec itself cannot be put into the store.
    """
    page = f"pages/{page_of(spec.model)}.py"
    if not isinstance(spec, RunSpec):
        content = {n: v for n, v in spec if n != "sampler"} | {"samplers": (spec.sampler,)}
        return page, population_link.to_query(PopulationDraft.model_validate(content))
    lab = LABS[spec.model]
    return page, link.to_query(lab, draft_of(spec, lab.ready_for_link(spec.data)))


def draft_of(spec: RunSpec, data: Any = None) -> Draft:
    """Return the draft of a lab that asks a run's question, on other data where they are given."""
    return Draft(
        model=spec.model,
        data=spec.data if data is None else data,
        priors=spec.priors,
        parameterizations=(spec.parameterization,),
        sampler=spec.sampler,
    )
