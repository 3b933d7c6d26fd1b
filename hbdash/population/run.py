"""Sampling a population: the question, its sampler, and the DataTree that comes of both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from hbdash.population import carried
from hbdash.population.derived import event_diagnostics, generated
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.question import PopulationQuestion
from hbdash.population.reweight import reweighted
from hbdash.population.spectrum import spectrum
from hbdash.quantities import variable
from hbdash.samplers import chain_groups
from hbdash.samplers.nuts import Chains
from hbdash.versions import provenance


@dataclass(frozen=True)
class PopulationProgress:
    """What is known while a population is sampled.

    `flight` is what the sampler shows of itself: phase, fraction, a line that describes it, and
    its draws so far as groups of a DataTree.
    """

    question: PopulationQuestion
    flight: Any

    @property
    def phase(self) -> str:
        """Where the sampler is, in its own words."""
        return self.flight.phase

    @property
    def fraction(self) -> float:
        """Share of the work done, 0 to 1."""
        return self.flight.fraction

    @property
    def has_draws(self) -> bool:
        """Whether there are draws after the warmup or the training."""
        return self.flight.has_draws

    def describe(self) -> str:
        """Say in a line what the sampler has done."""
        return self.flight.describe()

    def draws(self) -> xr.DataTree:
        """The draws so far, without what is derived from them."""
        return _tree(self.question, self.flight, _groups(self.question, self.flight))


def run(
    question: PopulationQuestion,
    on_chunk: Callable[[PopulationProgress], bool] | None = None,
    earlier: xr.DataTree | None = None,
) -> xr.DataTree:
    """Sample a population; see `hbdash.run.run`.

    NUTS goes on where `earlier` ended; the other samplers start again, with the same draws as
    before at their beginning.
    """

    def chunk(flight: Any) -> bool:
        return on_chunk is None or on_chunk(PopulationProgress(question, flight)) is not False

    sampler, given = question.spec.sampler, question.started
    resumed = earlier if isinstance(sampler, PopulationNUTS) and sampler.thinning == 1 else None
    if isinstance(sampler, PopulationNUTS):
        program = question.program
        assert program is not None
        states = None if resumed is None else chain_groups.stored_states(resumed)
        before = 0
        if resumed is not None:
            before = int(variable(resumed, "sample_stats/diverging").sum())
        flight: Any = sampler.sample(program, given, chunk, states, before)
    else:
        flight = sampler.sample(question.target, given, chunk)
    groups = _groups(question, flight)
    if resumed is not None:
        groups = _joined(resumed, groups)
    if "posterior" in groups:
        groups |= _derived(question, groups)
    return _tree(question, flight, groups, resumed)


def _groups(question: PopulationQuestion, flight: Any) -> dict[str, xr.Dataset]:
    """What a sampler has to show: NUTS's chains thinned and arranged, the others' own groups."""
    sampler = question.spec.sampler
    if not isinstance(sampler, PopulationNUTS):
        return flight.groups()
    groups: dict[str, xr.Dataset] = {}
    draws, warmup = chain_groups.draws(flight), chain_groups.warmup(flight)
    thin = {"draw": slice(sampler.thinning - 1, None, sampler.thinning)}
    if chain_groups.length(draws) >= sampler.thinning:
        sites = {
            name: (("chain", "draw"), values) for name, values in chain_groups.sites(draws).items()
        }
        statistics = chain_groups.statistics(draws, sampler.max_tree_depth)
        coords = {"chain": statistics["chain"], "draw": statistics["draw"]}
        groups["posterior"] = xr.Dataset(sites, coords).isel(thin)
        groups["sample_stats"] = statistics.isel(thin)
    if chain_groups.length(warmup):
        groups["warmup_sample_stats"] = chain_groups.statistics(warmup, sampler.max_tree_depth)
    groups["sampler_state"] = chain_groups.states(flight)
    return groups


def _joined(earlier: xr.DataTree, groups: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Put the draws of a continuation behind those that it goes on from."""
    joined = dict(groups)
    for name in ("posterior", "sample_stats"):
        before = earlier[name].to_dataset()
        if name in groups:
            moved = groups[name].assign_coords(draw=groups[name]["draw"] + before.sizes["draw"])
            before = xr.concat([before, moved], "draw", join="outer")
        joined[name] = before
    joined["warmup_sample_stats"] = earlier["warmup_sample_stats"].to_dataset()
    return joined


def _derived(question: PopulationQuestion, groups: dict[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    posterior = groups["posterior"]
    return {
        "generated_quantities": generated(question, groups),
        "event_diagnostics": event_diagnostics(question, posterior),
        "spectrum": spectrum(question, posterior),
        "reweighted": reweighted(question, posterior),
    }


def _tree(
    question: PopulationQuestion,
    flight: Any,
    groups: dict[str, xr.Dataset],
    earlier: xr.DataTree | None = None,
) -> xr.DataTree:
    names = list(question.target.prior.sampled)
    ordered = {k: group[names] for k, group in groups.items() if k in ("posterior", "flow")}
    dt = xr.DataTree.from_dict(groups | ordered | carried.observed(question))
    spec = question.spec
    if isinstance(flight, Chains):
        draws = max(0, min(sum(len(r["lp"]) for r in list(c.draws)) for c in flight.each))
        draws += 0 if earlier is None else earlier["posterior"].sizes["draw"]
        spec = spec.with_draws(draws) if draws else spec
        work = {"gradients": flight.gradients, "evaluations": flight.gradients}
    else:
        spec = spec.model_copy(update={"sampler": flight.finished_config})
        work = {"gradients": flight.gradients, "evaluations": flight.evaluations}
    seconds = {"wall_seconds": flight.wall_seconds, "compile_seconds": flight.compile_seconds}
    totals: dict[str, Any] = work | seconds
    if earlier is not None:
        totals = {name: earlier.attrs[name] + value for name, value in totals.items()}
    totals = {name: np.asarray(value).item() for name, value in totals.items()}
    more = ["flowMC"] * (spec.sampler.kind == "flowmc")
    dt.attrs = (
        totals
        | carried.attributes(question)
        | {"spec": spec.model_dump_json(), "key": spec.key}
        | provenance(*more)
    )
    return dt
