"""A spec made ready for its program: data loaded, centeredness settled, size checked."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hbdash.learn import STEPS, learn
from hbdash.models import MODELS, Level
from hbdash.models.model import Observed
from hbdash.models.padding import pad, sizes
from hbdash.models.prior_form import form
from hbdash.parameterization import (
    ByInformation,
    Learned,
    centeredness,
    is_learned,
    of_effect,
)
from hbdash.population.question import PopulationQuestion
from hbdash.population.question import check as check_population
from hbdash.population.question import prepare as prepare_population
from hbdash.population.spec import PopulationSpec
from hbdash.samplers.nuts import inputs, shape_of
from hbdash.samplers.program import Shape, is_compiled
from hbdash.spec import AnySpec, RunSpec

#: Numbers that one run may hold in memory: draws after the warmup times parameters.
MOST_NUMBERS = 20_000_000
#: Numbers that the learned parameterization can go through at every step of its own.
MOST_LEARNED_FROM = 50_000
#: Numbers of one draw under a dense metric.
MOST_DENSE = 1010


@dataclass(frozen=True)
class Question:
    """A spec made ready for its program.

    `centeredness` holds an array for each effect that has a population, of the effect's shape.
    """

    spec: RunSpec
    data: Any
    levels: tuple[Level, ...]
    centeredness: dict[str, np.ndarray]
    shape: Shape
    given: dict[str, Any]

    @property
    def compiled(self) -> bool:
        """Whether the program has been compiled in this process."""
        return is_compiled(self.shape, self.spec.sampler.num_chains)

    @cached_property
    def carried(self) -> Observed:
        """What a run carries along of its data, gathered once however often it is looked at."""
        return MODELS[self.spec.model].observed(self.data)


AnyQuestion = Question | PopulationQuestion


def prepare(spec: AnySpec) -> AnyQuestion:
    """Load the data, settle the centeredness, and name the program; or prepare a population.

    Raises
    ------
    ValueError, LookupError
        When spec and data do not fit, the run is too large, or an upload is missing.
    """
    if isinstance(spec, PopulationSpec):
        return prepare_population(spec)
    data = prepare_data(spec)
    model = MODELS[spec.model]
    levels = model.levels(data, spec.priors)
    design = model.design(data, spec.priors)
    real = sizes(design, model.design_dims)
    padded = {name: pad(array, model.design_dims[name], real) for name, array in design.items()}
    forms = {site: form(prior) for site, prior in spec.priors.items()}
    values = settle(spec, data, levels)

    def arranged() -> dict[str, Any]:
        filled = {effect: pad(array, model.dims[effect], real) for effect, array in values.items()}
        return inputs(padded, forms, filled, real)

    shape = shape_of(spec.model, arranged(), spec.sampler)
    if levels and is_learned(spec.parameterization):
        if sum(np.size(array) for array in design.values()) > MOST_LEARNED_FROM:
            raise ValueError(
                f"Learning goes through all numbers of the data {STEPS:,} times, so there may be "
                f"at most {MOST_LEARNED_FROM:,}. Choose by information instead."
            )
        seeds = [of_effect(spec.parameterization, level.effect) for level in levels]
        seed = next(one.seed for one in seeds if isinstance(one, Learned))
        found = learn(shape, arranged(), seed)
        values |= {
            effect: found[effect][tuple(map(slice, array.shape))]
            for effect, array in values.items()
            if isinstance(of_effect(spec.parameterization, effect), Learned)
        }
    return Question(spec, data, levels, values, shape, arranged())


def settle(spec: RunSpec, data: Any, levels: tuple[Level, ...]) -> dict[str, np.ndarray]:
    """Turn a parameterization into numbers for each effect.

    Where they are to be learned, it is the closed form that learning starts from.

    Raises
    ------
    ValueError
        When the spec names groups that the data do not have.
    """
    model, found = MODELS[spec.model], {}
    for level in levels:
        one = of_effect(spec.parameterization, level.effect)
        groups = model.information(data, level.name)
        values = centeredness(ByInformation() if isinstance(one, Learned) else one, groups)
        found.setdefault(level.effect, []).append((level.member, values))
    return {
        effect: columns[0][1] if columns[0][0] is None else np.stack([v for _, v in columns], 1)
        for effect, columns in found.items()
    }


def prepare_data(spec: RunSpec) -> Any:
    """Load a spec's data and refuse what cannot run, at no cost worth mentioning.

    Raises
    ------
    ValueError, LookupError
        As `prepare`.
    """
    data = spec.grouped()
    check_size(spec, data)
    settle(spec, data, MODELS[spec.model].levels(data, spec.priors))
    return data


def check_size(spec: RunSpec, data: Any) -> None:
    """Refuse a run whose draws would not fit, before anything is queued."""
    sampler, size = spec.sampler, MODELS[spec.model].size(data, spec.priors)
    if sampler.num_chains * sampler.num_samples * size > MOST_NUMBERS:
        most = int(MOST_NUMBERS / size / sampler.num_chains)
        raise ValueError(
            f"{sampler.num_chains} chains x {sampler.num_samples:,} draws of {size:,} numbers "
            f"({len(data.names):,} groups) are more than this server keeps in memory. Ask for "
            f"at most {most:,} draws a chain, or fewer chains."
        )
    if sampler.dense_mass and size > MOST_DENSE:
        raise ValueError(
            f"A dense metric, a covariance of all that is sampled, needs draws of at most "
            f"{MOST_DENSE:,} numbers, got {size:,} ({len(data.names):,} groups). Choose the "
            "diagonal one."
        )


def check(spec: AnySpec) -> None:
    """Refuse what cannot run, before anything is queued.

    Raises
    ------
    ValueError, LookupError
        As `prepare`.
    """
    if isinstance(spec, PopulationSpec):
        check_population(spec)
    else:
        prepare_data(spec)
