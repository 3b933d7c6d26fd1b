"""What a population run will cost, from timing its log density before it starts."""

import time
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.question import prepare
from hbdash.population.spec import PopulationSpec
from hbdash.population.target import Target
from hbdash.samplers.aies import AIES

#: Times that each function is timed; the least counts, since everything else only adds to it.
REPEATS = 5
#: Walkers whose densities are timed together.
WALKERS = 16
#: Samples that training a flow goes through a second, on two processors.
TRAINED_PER_SECOND = 11_000
#: Seconds of compiling: of a density, and of a flow.
COMPILING = {"nuts": 5.0, "aies": 4.0, "flowmc": 25.0}


class Estimate(NamedTuple):
    """What a run costs at most.

    Attributes
    ----------
    seconds : wall time on this machine, compiling included.
    evaluations, gradients : of the log density; NUTS is counted with every tree full.
    each_ms : milliseconds of one evaluation beside others, or of a gradient.
    """

    seconds: float
    evaluations: int
    gradients: int
    each_ms: float

    def __str__(self) -> str:
        """Say it in words."""
        work = f"{self.gradients:,} gradients" if self.gradients else ""
        work = work or f"{self.evaluations:,} evaluations"
        return f"at most about {_time(self.seconds)}: {work} of {self.each_ms:.2g} ms"


def estimate(spec: PopulationSpec) -> Estimate:
    """Time the log density of a spec, and count how often its sampler asks for it.

    Raises
    ------
    ValueError, LookupError, SamplingError
        As preparing the run.
    """
    sampler, cost = spec.sampler, partial(_timed, _cost_of(spec).model_dump_json())
    if isinstance(sampler, AIES):
        value = cost("value")
        count = sampler.transitions
        return Estimate(COMPILING["aies"] + count * value, count, 0, 1e3 * value)
    if isinstance(sampler, PopulationNUTS):
        gradient = cost("gradient")
        count = sampler.transitions * (2**sampler.max_tree_depth - 1)
        at_once = min(2, sampler.num_chains)
        seconds = COMPILING["nuts"] + count * gradient / at_once
        return Estimate(seconds, 0, count, 1e3 * gradient)
    loops = sampler.n_training_loops + sampler.n_production_loops
    local = sampler.n_chains * sampler.n_local_steps * loops
    per_step = {"hmc": sampler.n_leapfrog + 2, "mala": 2, "grw": 0}[sampler.local_sampler]
    gradients = per_step * local
    evaluations = local + sampler.n_chains * sampler.n_global_steps * loops
    trained = sampler.n_training_loops * sampler.n_epochs * sampler.n_max_examples
    value, seconds = cost("value"), COMPILING["flowmc"] + trained / TRAINED_PER_SECOND
    if not gradients:
        return Estimate(seconds + evaluations * value, evaluations, 0, 1e3 * value)
    gradient = cost("gradient")
    seconds += gradients * gradient + (evaluations - local) * value
    return Estimate(seconds, evaluations, gradients, 1e3 * gradient)


def _cost_of(spec: PopulationSpec) -> PopulationSpec:
    """What the time of one evaluation depends on, apart from the sampler's numbers."""
    return spec.model_copy(update={"sampler": AIES()})


@lru_cache(maxsize=64)
def _timed(content: str, what: Literal["value", "gradient"]) -> float:
    """Seconds of one evaluation among several at once, or of one gradient; only that compiles."""
    question = prepare(PopulationSpec.model_validate_json(content))
    given = question.started
    z = np.resize(given["starts"], (WALKERS, question.target.size))
    if what == "value":
        return _least(lambda: _values(question.target, z, given)) / WALKERS
    return _least(lambda: _gradient(question.target, z[0], given))


def _least(function: Any) -> float:
    jax.block_until_ready(function())  # compiles
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - began)
    return min(times)


@partial(jax.jit, static_argnums=0)
def _values(target: Target, z: Any, given: Any) -> Any:
    return jax.vmap(lambda one: target.potential(one, given))(z)


@partial(jax.jit, static_argnums=0)
def _gradient(target: Target, z: Any, given: Any) -> Any:
    return jax.value_and_grad(target.potential)(z, given)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
