"""A run of ensembles: rounds of equal length, a thread for each ensemble, readable at any time."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import xarray as xr

from hbdash.samplers.aies_program import Program, Shape, State, compiled, is_compiled
from hbdash.samplers.density import Target, pick_starts
from hbdash.samplers.nuts import SamplingError

if TYPE_CHECKING:
    from hbdash.samplers.aies import AIES

#: Wall seconds a round aims at: short enough to watch and to stop, long enough to be free.
ROUND_SECONDS = 0.2


@dataclass
class Ensembles:
    """All ensembles of a run; rounds are appended whole, so that other threads can read."""

    config: "AIES"
    compile_seconds: float = 0.0
    wall_seconds: float = 0.0
    warmup: list[list[dict[str, Any]]] = field(default_factory=list)
    draws: list[list[dict[str, Any]]] = field(default_factory=list)
    steps: int = 0
    compiling: bool = False
    stopped: bool = False

    @property
    def phase(self) -> str:
        """Where the run is: "compiling", "warming up" or "sampling"."""
        if self.compiling:
            return "compiling"
        return "warming up" if self.steps < self.config.num_warmup else "sampling"

    @property
    def fraction(self) -> float:
        """Share of the steps made, 0 to 1; 1 when a stopped run is over."""
        return 1.0 if self.stopped else self.steps / self.last

    @property
    def last(self) -> int:
        """Steps after which the run is finished."""
        return self.config.num_warmup + self.config.num_samples

    @property
    def has_draws(self) -> bool:
        """Whether draws after the warmup are there."""
        return bool(self.draws)

    @property
    def evaluations(self) -> int:
        """Evaluations of the log density, over all walkers, warmup included."""
        return self.config.walkers * (self.steps + 1) if self.steps else 0

    @property
    def gradients(self) -> int:
        """Gradient evaluations: none."""
        return 0

    @property
    def acceptance_rate(self) -> float:
        """Share of the proposals of the last rounds that were accepted, NaN before any."""
        rounds = (self.draws or self.warmup)[-5:]
        rates = [np.mean(rows["acceptance_rate"]) for each in rounds for rows in each]
        return float(np.mean(rates)) if rates else float("nan")

    @property
    def finished_config(self) -> "AIES":
        """The options of what was done: those of fewer samples when the run was stopped."""
        kept = self.steps - self.config.num_warmup
        return self.config.model_copy(update={"num_samples": kept}) if kept > 0 else self.config

    def describe(self) -> str:
        """Say in a line what has been done: steps, acceptance and evaluations."""
        if not self.steps:
            return ""
        warmup, samples = self.config.num_warmup, self.config.num_samples
        done = (
            f"step {self.steps - warmup:,} of {samples:,}"
            if self.steps > warmup
            else f"warmup step {self.steps:,} of {warmup:,}"
        )
        return f"{done} · acceptance {self.acceptance_rate:.2f} · {self.evaluations:,} evaluations"

    def groups(self) -> dict[str, xr.Dataset]:
        """Arrange what was drawn so far as ArviZ groups of dims (chain, draw).

        A chain is a walker; the coordinate `ensemble` (chain,) says whose. `acceptance_rate` is
        the share of the ensemble's walkers that moved, over the thinned steps of a draw.
        """
        walkers = self.config.ensemble_size
        found: dict[str, xr.Dataset] = {}
        for group, rounds in (
            ("warmup_sample_stats", list(self.warmup)),
            ("sample_stats", list(self.draws)),
        ):
            if rounds:
                lp = _stacked([[rows["lp"] for rows in each] for each in rounds])
                moved = _stacked(
                    [
                        [np.repeat(rows["acceptance_rate"][:, None], walkers, 1) for rows in each]
                        for each in rounds
                    ]
                )
                found[group] = self._dataset({"lp": lp, "acceptance_rate": moved})
                names = rounds[0][0]["sites"] if group == "sample_stats" else {}
                if names:
                    sites = {
                        name: _stacked([[rows["sites"][name] for rows in each] for each in rounds])
                        for name in names
                    }
                    found["posterior"] = self._dataset(sites)
        return found

    def _dataset(self, arrays: dict[str, np.ndarray]) -> xr.Dataset:
        some = next(iter(arrays.values()))
        return xr.Dataset(
            {name: (("chain", "draw"), np.asarray(value, float)) for name, value in arrays.items()},
            coords={
                "chain": np.arange(some.shape[0]),
                "draw": np.arange(some.shape[1]),
                "ensemble": ("chain", np.arange(some.shape[0]) // self.config.ensemble_size),
            },
        )


def run(
    config: "AIES",
    target: Target,
    given: dict[str, Any],
    on_chunk: Callable[[Ensembles], bool] | None,
) -> Ensembles:
    """See `AIES.sample`."""
    began = time.perf_counter()
    ensembles = Ensembles(config)
    shape = Shape(
        target, config.ensemble_size, config.moves.de, config.moves.stretch, config.randomize_split
    )
    ensembles.compiling = not is_compiled(shape, given)
    _ask(ensembles, on_chunk)
    program = compiled(shape, given)
    ensembles.compiling = False
    ensembles.compile_seconds = time.perf_counter() - began
    states = _starts(config, program, given)
    _rounds(ensembles, program, given, states, on_chunk)
    ensembles.wall_seconds = time.perf_counter() - began - ensembles.compile_seconds
    return ensembles


def _starts(config: "AIES", program: Program, given: dict[str, Any]) -> list[State]:
    key_starts, key_steps = jax.random.split(jax.random.key(config.seed))
    starts = np.asarray(given["starts"], float)
    picked = np.asarray(pick_starts(starts, config.walkers, key_starts))
    states = []
    for number, z in enumerate(np.split(picked, config.num_ensembles)):
        key_data = jax.random.key_data(jax.random.fold_in(key_steps, number))
        states.append(program.start(z, key_data, given))
        finite = int(np.isfinite(states[-1].lp).sum())
        if finite < len(z):
            raise SamplingError(
                f"Every walker must start where the density is finite, but only {finite} of "
                f"{len(z)} do. Widen the priors, or check the data against them."
            )
        # Both moves go along lines between walkers: a flat ensemble would stay flat.
        if np.linalg.matrix_rank(z - z.mean(axis=0)) < z.shape[1]:
            raise SamplingError(
                f"The walkers must start apart in all {z.shape[1]} directions, but those picked "
                f"from {len(starts)} starting points do not. Ask for more starting points or more "
                f"than {z.shape[1]} walkers."
            )
    return states


def _rounds(
    ensembles: Ensembles,
    program: Program,
    given: dict[str, Any],
    states: list[State],
    on_chunk: Callable[[Ensembles], bool] | None,
) -> None:
    config, pace = ensembles.config, 1
    while ensembles.steps < ensembles.last:
        in_warmup = ensembles.steps < config.num_warmup
        end = config.num_warmup if in_warmup else ensembles.last
        count = min(pace, (end - ensembles.steps) // config.thinning)
        began = time.perf_counter()
        steps = np.int64(count), np.int64(config.thinning), given
        answers = _side_by_side(program.advance, [(state, *steps) for state in states])
        states = [state for state, _ in answers]
        # A copy: a view of a few rows would keep the whole buffer in memory.
        rows = [
            jax.tree.map(lambda rows, count=count: np.asarray(rows)[:count].copy(), rows)
            for _, rows in answers
        ]
        if in_warmup:
            rows = [each | {"sites": {}} for each in rows]  # nobody looks at them
        (ensembles.warmup if in_warmup else ensembles.draws).append(rows)
        ensembles.steps += count * config.thinning
        took = time.perf_counter() - began
        pace = int(np.clip(count * ROUND_SECONDS / max(took, 1e-6), 1, program.chunk))
        if not _ask(ensembles, on_chunk):
            ensembles.stopped = True
            return


def _side_by_side(work: Callable[..., Any], calls: list[tuple[Any, ...]]) -> list[Any]:
    """Answer calls in a thread each; raise what the first of them raises.

    An executor takes no work once the process is ending, when a run may still be on its way to
    hear that nobody wants it; plain threads do.
    """
    answers: list[Any] = [None] * len(calls)
    errors: list[BaseException] = []

    def one(number: int) -> None:
        try:
            answers[number] = work(*calls[number])
        except BaseException as error:  # raised where it is waited for
            errors.append(error)

    threads = [threading.Thread(target=one, args=(n,), daemon=True) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return answers


def _ask(ensembles: Ensembles, on_chunk: Callable[[Ensembles], bool] | None) -> bool:
    return on_chunk is None or on_chunk(ensembles) is not False


def _stacked(rounds: list[list[np.ndarray]]) -> np.ndarray:
    """Join rounds of ensembles of arrays (draw, walker) to (chain, draw)."""
    ensembles = [np.concatenate(each) for each in zip(*rounds, strict=True)]
    return np.concatenate(ensembles, axis=1).T
