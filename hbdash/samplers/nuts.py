"""NUTS by NumPyro (Hoffman and Gelman 2014; Phan, Pradhan, Jankowiak 2019), chunk by chunk."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import jax
import numpy as np
from pydantic import BaseModel, Field, model_validator

from hbdash.samplers.kernel import MOST_TREE_DEPTH, schedule
from hbdash.samplers.program import Compiles, Program, Shape, compiled, inputs

#: Transitions that one run may ask for, over all chains.
MOST_TRANSITIONS = 200_000
#: Wall seconds a chunk aims at: short enough to draw and to stop, long enough to be free.
CHUNK_SECONDS = 0.05
#: Points that are tried as the start of a chain.
TRIES = 100
#: Transitions of a chain's first chunk.
FIRST_PACE = 25


class SamplingError(RuntimeError):
    """A run that cannot start or go on, in words for the person who asked."""


class NUTS(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Options of NUTS, in NumPyro's names; draws and warmup are per chain."""

    num_warmup: int = Field(default=1000, ge=20, le=10_000)
    num_samples: int = Field(default=1000, ge=1, le=50_000)
    num_chains: int = Field(default=4, ge=1, le=16)
    target_accept_prob: float = Field(default=0.95, ge=0.5, le=0.999)
    max_tree_depth: int = Field(default=10, ge=1, le=MOST_TREE_DEPTH)
    dense_mass: bool = False
    seed: int = Field(default=0, ge=0, lt=2**32)
    max_divergences: int | None = Field(default=None, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _budget(self) -> Self:
        if self.transitions > MOST_TRANSITIONS:
            raise ValueError(
                f"num_chains x (num_warmup + num_samples) must be at most {MOST_TRANSITIONS:,}, "
                f"got {self.num_chains} x ({self.num_warmup:,} + {self.num_samples:,}) = "
                f"{self.transitions:,}. Ask for fewer draws or chains."
            )
        return self

    @property
    def transitions(self) -> int:
        """The run's budget: transitions over all chains, warmup included."""
        return self.num_chains * (self.num_warmup + self.num_samples)

    @property
    def given(self) -> dict[str, Any]:
        """These options as inputs of a program; the others say what to do with it, or its form."""
        return {
            "target_accept_prob": np.float64(self.target_accept_prob),
            "schedule": schedule(self.num_warmup, self.max_tree_depth),
        }

    def sample(
        self,
        shape: Compiles,
        given: dict[str, Any],
        on_chunk: Callable[["Chains"], bool] | None = None,
        resume: list[list[np.ndarray]] | None = None,
        divergences: int = 0,
    ) -> "Chains":
        """Run the chains: on a GPU as one, on a CPU in threads, one for each processor.

        A thread always takes the chain that is furthest behind.

        Parameters
        ----------
        shape, given : the compiled shape and its inputs, from `hbdash.samplers.program`.
        on_chunk : called after each chunk; False stops the run where it is and keeps it. What it
            raises ends the run.
        resume : for each chain the leaves of its last state, with the warmup behind it.
        divergences : those of the run that is resumed; they count towards `max_divergences`.

        Raises
        ------
        SamplingError
            When no starting point of finite density is found.
        """
        began = time.perf_counter()
        given = given | self.given
        program = compiled(shape, given, self.num_chains)
        chains = Chains(self, time.perf_counter() - began, earlier_divergences=divergences)
        work = Work(shape, program, given)
        starts = [self._start(number, work) for number in range(self.num_chains)]
        if resume is not None:
            starts = [_restore(*both) for both in zip(starts, resume, strict=True)]
        pace = min(FIRST_PACE, program.chunk)
        chains.each += [Chain(state, done=int(state.i), pace=pace) for state in starts]
        _run_threads(chains, work, on_chunk)
        chains.wall_seconds = time.perf_counter() - began - chains.compile_seconds
        return chains

    def _start(self, number: int, work: "Work") -> Any:
        """Start a chain at a random point of finite density."""
        rng = np.random.default_rng([self.seed, number])
        state = work.program.state
        state = state._replace(rng_key=rng.integers(2**32, size=2, dtype=np.uint32))
        for _ in range(TRIES):
            z = work.shape.start(rng, state.z.size, work.given)
            tried = work.program.begin(state._replace(z=z), work.given)
            if np.isfinite(tried.potential_energy) and np.isfinite(tried.z_grad).all():
                return tried
        raise SamplingError(
            f"No starting point of finite density was found in {TRIES} tries: the priors and the "
            "data contradict each other. Widen the priors, or check the scale of the data."
        )


@dataclass(eq=False)
class Chain:
    """One chain on its way: its state, its transitions so far, and their chunks.

    `until` is where the chunk ends that a thread is working on.
    """

    state: Any
    done: int = 0
    until: int = 0
    pace: int = FIRST_PACE
    warmup: list[dict[str, Any]] = field(default_factory=list)
    draws: list[dict[str, Any]] = field(default_factory=list)
    gradients: int = 0
    divergences: int = 0


@dataclass
class Chains:
    """All chains of a run, readable at any time from another thread."""

    config: NUTS
    compile_seconds: float = 0.0
    earlier_divergences: int = 0
    each: list[Chain] = field(default_factory=list)
    wall_seconds: float = 0.0
    target: int | None = None

    @property
    def last(self) -> int:
        """Transitions after which a chain is finished; a stopped run ends where its first is."""
        return self.target or self.config.num_warmup + self.config.num_samples

    @property
    def done(self) -> int:
        """Transitions made over all chains, warmup included."""
        return sum(chain.done for chain in self.each)

    @property
    def gradients(self) -> int:
        """Gradient evaluations over all chains, warmup included."""
        return sum(chain.gradients for chain in self.each)

    @property
    def divergences(self) -> int:
        """Divergences after the warmup, over all chains, those of a resumed run included."""
        return self.earlier_divergences + sum(chain.divergences for chain in self.each)

    @property
    def sampling(self) -> bool:
        """Whether every chain has left its warmup."""
        return all(chain.done >= self.config.num_warmup for chain in self.each)

    @property
    def phase(self) -> str:
        """Where the run is: "warming up" until every chain samples, then "sampling"."""
        return "sampling" if self.sampling else "warming up"

    @property
    def has_draws(self) -> bool:
        """Whether every chain has left its warmup."""
        return self.sampling

    @property
    def fraction(self) -> float:
        """Share of the transitions made, 0 to 1."""
        return min(1.0, self.done / self.config.transitions)

    def describe(self) -> str:
        """Say in a line what has been done: draws, divergences, step size and gradients."""
        if not self.each:
            return ""
        draws = sum(max(0, chain.done - self.config.num_warmup) for chain in self.each)
        return (
            f"{draws:,} draws · {self.divergences:,} divergences · step size "
            f"{self.step_size:.3g} · {self.gradients:,} gradients"
        )

    @property
    def step_size(self) -> float:
        """Mean of the chains' current step sizes."""
        return float(np.mean([chain.state.adapt_state.step_size for chain in self.each]))

    def states(self) -> list[list[np.ndarray]]:
        """For each chain the leaves of its state, as plain arrays that `sample` can resume."""
        return [_stored(chain.state) for chain in self.each]


class Work(NamedTuple):
    """What the threads of a run share: a shape, its program and the inputs."""

    shape: Compiles
    program: Program
    given: dict[str, Any]


def _run_threads(chains: Chains, work: Work, on_chunk: Any) -> None:
    lock, failures = threading.Lock(), []
    size = work.program.together
    idle = [chains.each[start : start + size] for start in range(0, len(chains.each), size)]

    def go_on() -> None:
        try:
            for group in _next_groups(chains, idle, lock, failures):
                _advance(group, chains, work)
                with lock:
                    idle.append(group)
                    _stop_when_asked(chains, on_chunk)
        except BaseException as failure:  # handed to the caller's thread below
            failures.append(failure)

    count = min(len(idle), os.cpu_count() or 1)
    threads = [threading.Thread(target=go_on, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _next_groups(
    chains: Chains, idle: list[list[Chain]], lock: threading.Lock, failures: list[BaseException]
) -> Iterator[list[Chain]]:
    """Take the chains that advance together and are furthest behind, until all are finished."""
    while not failures:
        with lock:
            waiting = [group for group in idle if group[0].done < chains.last]
            if not waiting:
                return
            group = min(waiting, key=lambda group: group[0].done)
            idle.remove(group)
            for chain in group:
                chain.until = min(chain.done + chain.pace, _end_of_phase(chain, chains))
        yield group


def _stop_when_asked(chains: Chains, on_chunk: Any) -> None:
    config = chains.config
    stop = on_chunk is not None and on_chunk(chains) is False
    stop |= config.max_divergences is not None and chains.divergences >= config.max_divergences
    if stop and chains.target is None:
        # Chains that are behind catch up, so that every chain ends at the same draw. One that is
        # in the middle of a chunk cannot end before it.
        chains.target = max(1, *(max(chain.done, chain.until) for chain in chains.each))


def _end_of_phase(chain: Chain, chains: Chains) -> int:
    warmup = chains.config.num_warmup
    return min(warmup, chains.last) if chain.done < warmup else chains.last


def _advance(group: list[Chain], chains: Chains, work: Work) -> None:
    shape, program, given = work
    in_warmup = group[0].done < chains.config.num_warmup
    count = group[0].until - group[0].done
    began = time.perf_counter()
    states = tuple(chain.state for chain in group)
    found = program.advance(states, np.bool_(False), np.int64(count), given)
    rows = [rows for _, rows in found]
    if in_warmup:  # nobody looks at them, and they would double the memory
        rows = [one | {"sites": {}} for one in rows]
    rows = [jax.tree.map(np.asarray, one) for one in rows]
    rows = [one | {"sites": shape.trim(one["sites"], given)} for one in rows]
    # A copy: a view of a few rows would keep the whole buffer in memory.
    rows = jax.tree.map(lambda rows: rows[:count].copy(), rows)
    took = time.perf_counter() - began
    for chain, (state, _), one in zip(group, found, rows, strict=True):
        chain.state, chain.done = state, chain.done + count
        (chain.warmup if in_warmup else chain.draws).append(one)
        chain.gradients += int(one["n_steps"].sum())
        chain.divergences += 0 if in_warmup else int(one["diverging"].sum())
        chain.pace = int(np.clip(count * CHUNK_SECONDS / max(took, 1e-6), 1, program.chunk))


def _stored(state: Any) -> list[np.ndarray]:
    """List the leaves of a state without the coordinates that only fill up a size."""
    return [np.asarray(leaf)[_moving(state, leaf.shape)] for leaf in jax.tree.leaves(state)]


def _restore(fresh: Any, leaves: list[np.ndarray]) -> Any:
    """Put stored leaves into a state of the same question, which says where they belong."""
    shapes, tree = jax.tree.flatten(fresh)
    whole = [np.zeros(leaf.shape, leaf.dtype) for leaf in shapes]
    for there, leaf in zip(whole, leaves, strict=True):
        there[_moving(fresh, there.shape)] = leaf
    return jax.tree.unflatten(tree, whole)


def _moving(state: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Where the entries of coordinates that move stand in a leaf: along its axes of their size."""
    root = np.asarray(state.adapt_state.mass_matrix_sqrt)
    moving = np.flatnonzero(root if root.ndim == 1 else np.diagonal(root))
    return np.ix_(*(moving if size == len(root) else np.arange(size) for size in shape))


def shape_of(model: str, given: dict[str, Any], config: NUTS) -> Shape:
    """Name the compiled shape that a question needs, by its inputs."""
    return Shape(
        model=model,
        sites=tuple(sorted(given["priors"])),
        inputs=tuple(sorted((name, np.shape(value)) for name, value in given["design"].items())),
        dense_mass=config.dense_mass,
    )


__all__ = ["NUTS", "Chain", "Chains", "SamplingError", "inputs", "shape_of"]
