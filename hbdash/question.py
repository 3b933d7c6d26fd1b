"""A spec made ready for its program: data loaded, centeredness settled, size checked."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hbdash.data import GroupData
from hbdash.learn import learn
from hbdash.models import MODELS
from hbdash.parameterization import Learned, centeredness
from hbdash.samplers.nuts import inputs, shape_of
from hbdash.samplers.program import Shape, is_compiled
from hbdash.spec import RunSpec

#: Numbers that one run may hold in memory: draws times parameters.
MOST_NUMBERS = 20_000_000


@dataclass(frozen=True)
class Question:
    """A spec made ready for its program."""

    spec: RunSpec
    data: GroupData
    centeredness: np.ndarray
    shape: Shape
    given: dict[str, Any]


def prepare(spec: RunSpec) -> Question:
    """Load the data, settle the centeredness, and name the program.

    Raises
    ------
    ValueError, LookupError
        When spec and data do not fit, the run is too large, or an upload is missing.
    """
    data = prepare_data(spec)
    model = MODELS[spec.model]
    design = model.design(data)
    families = {site: prior.dist for site, prior in spec.priors.items()}
    numbers = {site: prior.parameters for site, prior in spec.priors.items()}
    shape = shape_of(spec.model, families, design, spec.sampler)
    target = spec.sampler.target_accept_prob
    if isinstance(spec.parameterization, Learned):
        given = inputs(design, numbers, np.ones(len(data.names)), target)
        values = learn(shape, given, spec.parameterization.seed)
    else:
        values = centeredness(spec.parameterization, data)
    return Question(spec, data, values, shape, inputs(design, numbers, values, target))


def prepare_data(spec: RunSpec) -> GroupData:
    """Load a spec's data and refuse what cannot run, at no cost worth mentioning.

    Raises
    ------
    ValueError, LookupError
        As `prepare`.
    """
    data = spec.grouped()
    check_size(spec, data)
    if not isinstance(spec.parameterization, Learned):
        centeredness(spec.parameterization, data)
    return data


def check_size(spec: RunSpec, data: GroupData) -> None:
    """Refuse a run whose draws would not fit, before anything is queued."""
    groups, sampler = len(data.names), spec.sampler
    numbers = sampler.transitions * (2 * groups + 10)
    if numbers > MOST_NUMBERS:
        most = int(MOST_NUMBERS / (2 * groups + 10) / sampler.num_chains)
        raise ValueError(
            f"{sampler.num_chains} chains x ({sampler.num_warmup:,} + {sampler.num_samples:,}) "
            f"transitions of {groups:,} groups are more than this server keeps in memory. Ask for "
            f"at most {most:,} transitions (warmup + draws) a chain, or fewer chains."
        )
    if sampler.dense_mass and groups > 500:
        raise ValueError(
            f"A dense metric needs at most 500 groups, got {groups:,}. Choose the diagonal one."
        )


def needs_compiling(question: Question) -> bool:
    """Whether the question's program has not been compiled in this process."""
    return not is_compiled(question.shape)
