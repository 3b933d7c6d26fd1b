"""A population spec made ready: catalogue loaded, priors resolved, starting points found."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hbdash.population import events
from hbdash.population.catalogue import Catalogue, load_catalogue
from hbdash.population.expected import prepare as prepare_expected
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.priors import Priors, resolve
from hbdash.population.spec import PopulationSpec
from hbdash.population.starts import search
from hbdash.population.target import NUTSProgram, Target
from hbdash.samplers.aies import AIES
from hbdash.samplers.program import is_compiled

#: Numbers that one run may hold in memory: draws after the warmup times parameters.
MOST_NUMBERS = 20_000_000


@dataclass(frozen=True)
class PopulationQuestion:
    """A spec made ready for its sampler.

    `given` holds the arrays of the events, of the expected number and the numbers of the priors.
    """

    spec: PopulationSpec
    catalogue: Catalogue
    priors: Priors
    target: Target
    given: dict[str, Any]

    @cached_property
    def started(self) -> dict[str, Any]:
        """The same with starting points of finite density.

        Raises
        ------
        SamplingError
            Where there are none.
        """
        starts = search(self.target, self.given, self.priors, self.catalogue, self.walkers)
        return self.given | {"starts": starts}

    @property
    def walkers(self) -> int:
        """Chains that start at a time: NUTS chains, flowMC chains, or walkers of all ensembles."""
        sampler = self.spec.sampler
        if isinstance(sampler, AIES):
            return sampler.walkers
        return sampler.num_chains if isinstance(sampler, PopulationNUTS) else sampler.n_chains

    @property
    def program(self) -> NUTSProgram | None:
        """The program of NUTS, None where another sampler runs."""
        sampler = self.spec.sampler
        if not isinstance(sampler, PopulationNUTS):
            return None
        return NUTSProgram(self.target, sampler.kernel)

    @property
    def compiled(self) -> bool:
        """Whether the program of NUTS is ready; the other samplers tell it themselves."""
        return self.program is None or is_compiled(self.program, self.walkers)


def prepare(spec: PopulationSpec) -> PopulationQuestion:
    """Load the events and arrange all numbers as the arguments of the target.

    Raises
    ------
    ValueError, LookupError
        When spec and events do not fit, the run is too large, or an upload is missing.
    """
    components = spec.components
    catalogue, priors = load_catalogue(spec.data), resolve(spec.priors, components)
    check_size(spec, priors)
    arrays = events.layout(catalogue, spec.n_buckets, spec.threshold)
    shape, expected = prepare_expected(spec.pmean, components)
    target = Target(
        components,
        priors.shape,
        shape,
        tuple(sorted((name, np.shape(value)) for name, value in arrays.items())),
        spec.variance_cut is not None,
    )
    given = {
        "events": arrays,
        "pmean": expected,
        "priors": {s: {k: np.float64(v) for k, v in n.items()} for s, n in priors.numbers.items()},
        "constants": {name: np.float64(value) for name, value in priors.constants.items()},
        "exposure": {
            "events": np.float64(len(catalogue.names)),
            "log_time": np.log(np.float64(spec.pmean.time_scale)),
            "variance_cut": np.float64(spec.variance_cut or 0.0),
        },
    }
    return PopulationQuestion(spec, catalogue, priors, target, given)


def check(spec: PopulationSpec) -> None:
    """Refuse what cannot run, at no cost worth mentioning.

    Raises
    ------
    ValueError, LookupError
        As `prepare`.
    """
    load_catalogue(spec.data)
    check_size(spec, resolve(spec.priors, spec.components))


def check_size(spec: PopulationSpec, priors: Priors) -> None:
    """Refuse a run without parameters, or whose draws would not fit in memory."""
    size = len(priors.shape.sampled)
    if not size:
        raise ValueError("All parameters are constants: give at least one of them a distribution.")
    sampler = spec.sampler
    if isinstance(sampler, AIES):
        kept = sampler.num_samples // sampler.thinning
        draws = sampler.walkers * kept
    elif isinstance(sampler, PopulationNUTS):
        draws = sampler.num_chains * sampler.num_samples
    else:
        steps = sampler.n_local_steps + sampler.n_global_steps
        draws = sampler.n_chains * steps * (sampler.n_production_loops + sampler.n_training_loops)
        matrix = sampler.condition_matrix
        if isinstance(matrix, tuple) and len(matrix) != size:
            raise ValueError(
                f"`condition_matrix` must be a number, or one for each of the {size} sampled "
                f"parameters, got {len(matrix)}."
            )
    if draws * size > MOST_NUMBERS:
        raise ValueError(
            f"{draws:,} draws of {size} parameters are more than the {MOST_NUMBERS:,} numbers that "
            "are kept in memory. Ask for fewer draws, chains or walkers."
        )
