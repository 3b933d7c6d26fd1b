"""The whole question side in one verb: `run` turns a spec into a DataTree of draws."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import xarray as xr

from hbdash.draws import append, as_datatree
from hbdash.population.question import PopulationQuestion
from hbdash.population.run import run as run_population
from hbdash.quantities import variable
from hbdash.question import AnyQuestion, Question, prepare
from hbdash.samplers.chain_groups import stored_states
from hbdash.samplers.nuts import Chains
from hbdash.spec import AnySpec


class AnyProgress(Protocol):
    """What is known while a run is on its way, whichever sampler runs, and wherever."""

    @property
    def phase(self) -> str:
        """Where the run is, in the sampler's own words."""
        ...

    @property
    def fraction(self) -> float:
        """Share of the work done, 0 to 1."""
        ...

    @property
    def has_draws(self) -> bool:
        """Whether there are draws after the warmup or the training."""
        ...

    def describe(self) -> str:
        """Say in a line what has been done."""
        ...

    def draws(self) -> xr.DataTree:
        """The draws so far, as the DataTree of a shorter run."""
        ...


@dataclass(frozen=True)
class Progress:
    """What is known while the chains of a group model are on their way."""

    question: Question
    chains: Chains

    @property
    def phase(self) -> str:
        """Where the run is: "warming up" until every chain samples, then "sampling"."""
        return self.chains.phase

    @property
    def fraction(self) -> float:
        """Share of the transitions made, 0 to 1."""
        return self.chains.fraction

    @property
    def has_draws(self) -> bool:
        """Whether every chain has left its warmup."""
        return self.chains.has_draws

    def describe(self) -> str:
        """Say in a line what has been done: draws, divergences, step size and gradients."""
        return self.chains.describe()

    def draws(self) -> xr.DataTree:
        """The draws so far, as the DataTree of a shorter run."""
        return as_datatree(self.question, self.chains)


def run(
    spec: AnySpec,
    on_chunk: Callable[[AnyProgress], bool] | None = None,
    earlier: xr.DataTree | None = None,
    question: AnyQuestion | None = None,
) -> xr.DataTree:
    """Answer a spec.

    Parameters
    ----------
    spec : the question.
    on_chunk : called after each chunk of work with the progress; returning False stops the run and
        keeps what there is, raising abandons it.
    earlier : a shorter run of the same stem; sampling goes on where it ended, and the result is
        the one that a single longer run gives.
    question : `prepare(spec)`, where the caller has it already.

    Returns
    -------
    DataTree with ArviZ's groups; dims chain, draw and group, or event for a population. Its
    attributes carry the spec, the key, wall seconds and gradients. A stopped run is the run of
    fewer draws, and its spec says so.

    Raises
    ------
    ValueError, LookupError, SamplingError
        With a message for the person who asked.
    """
    question = question or prepare(spec)
    if isinstance(question, PopulationQuestion):
        return run_population(question, on_chunk, earlier)

    def chunk(chains: Chains) -> bool:
        return on_chunk is None or on_chunk(Progress(question, chains)) is not False

    resume, divergences = None, 0
    if earlier is not None:
        resume = stored_states(earlier)
        divergences = int(variable(earlier, "sample_stats/diverging").sum())
    sampler = question.spec.sampler
    chains = sampler.sample(question.shape, question.given, chunk, resume, divergences)
    dt = as_datatree(question, chains)
    return dt if earlier is None else append(earlier, dt)
