"""A run of flowMC: its strategies in its order, each watched, stopped or left by the caller."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from hbdash.samplers.compile_clock import compile_seconds
from hbdash.samplers.density import Target, pick_starts
from hbdash.samplers.flowmc_program import Program, borrow, flow_draws, give_back
from hbdash.samplers.flowmc_progress import FlowProgress
from hbdash.samplers.nuts import SamplingError

if TYPE_CHECKING:
    from hbdash.samplers.flowmc import FlowMC

#: Seconds after which a caller is asked again while a phase goes on.
ASK_SECONDS = 0.25
#: Strategies that take time, and count as phases.
PHASES = ("local_stepper", "model_trainer", "global_stepper")

OnChunk = Callable[[FlowProgress], bool] | None


@dataclass
class Flight:
    """Everything a run hands from one strategy to the next."""

    program: Program
    bundle: Any
    progress: FlowProgress
    rng_key: Any
    points: Any
    data: dict[str, Any]
    on_chunk: OnChunk


def run(config: "FlowMC", target: Target, given: dict[str, Any], on_chunk: OnChunk) -> FlowProgress:
    """See `FlowMC.sample`."""
    _check_size(config, target)
    began = time.perf_counter()
    program = borrow(config, target, given)
    progress = FlowProgress(config, compiling=not program.strategies)
    given = jax.tree.map(jnp.asarray, given)
    with _logging(config.verbose):
        flight = _depart(config, target, given, program, progress, on_chunk)
        _fly(flight)
    progress.wall_seconds = time.perf_counter() - began - progress.compile_seconds
    progress.finished = True
    give_back(program)
    return progress


def _check_size(config: "FlowMC", target: Target) -> None:
    matrix = config.condition_matrix
    if isinstance(matrix, tuple) and len(matrix) != target.size:
        raise ValueError(
            f"condition_matrix must hold one number for each of the {target.size} parameters, or "
            f"be one number for all, got {len(matrix)} numbers."
        )


def _depart(
    config: "FlowMC",
    target: Target,
    given: dict[str, Any],
    program: Program,
    progress: FlowProgress,
    on_chunk: OnChunk,
) -> Flight:
    key_flow, key_starts, key_steps = jax.random.split(jax.random.key(config.seed), 3)
    points = pick_starts(given["starts"], config.n_chains, key_starts)
    before = compile_seconds()
    bundle = program.bundle(config, target, key_flow)
    progress.compile_seconds += compile_seconds() - before
    return Flight(program, bundle, progress, key_steps, points, {"given": given}, on_chunk)


def _fly(flight: Flight) -> None:
    """Make the loops of training, until the last, an early stop or the caller's, then production.

    A loop is always finished, so that a run that was stopped is the run of fewer loops.
    """
    progress, config, order = flight.progress, flight.progress.config, flight.bundle.strategy_order
    reset = order.index("reset_steppers")
    loops, rest = order[:reset], order[reset + 2 :]
    state = flight.bundle.resources["sampler_state"].data
    for loop in _split(loops, config.n_training_loops):
        _loop(flight, loop)
        progress.training_loops += 1
        progress.compiling = False
        if progress.stopping or state["early_stopped"]:
            break
    for name in order[reset : reset + 2]:
        _strategy(flight, name)
    progress.in_production = True
    for loop in _split(rest, config.n_production_loops):
        _loop(flight, loop)
        progress.production_loops += 1
        if progress.stopping:
            break
    if config.flow_samples:
        key = jax.random.fold_in(flight.rng_key, 0)
        points = flow_draws(flight.bundle.resources["model"], key, config.flow_samples)
        sites = flight.program.sites(points, flight.data["given"])
        progress.flow = {name: np.asarray(values) for name, values in sites.items()}


def _loop(flight: Flight, names: list[str]) -> None:
    for name in names:
        if name in PHASES:
            _watch(flight, name)
        else:
            _strategy(flight, name)


def _strategy(flight: Flight, name: str) -> None:
    strategy, bundle = flight.bundle.strategies[name], flight.bundle
    before = getattr(strategy, "current_position", 0)
    flight.rng_key, bundle.resources, flight.points = strategy(
        flight.rng_key, bundle.resources, flight.points, flight.data
    )
    if name == "model_trainer":
        loss = np.asarray(bundle.resources["loss_buffer"].data)
        flight.progress.loss = loss[np.isfinite(loss)]
    elif name in PHASES:
        _record(flight, name, before, strategy.current_position)


def _record(flight: Flight, name: str, begin: int, end: int) -> None:
    progress, config = flight.progress, flight.progress.config
    which = "production" if progress.in_production else "training"
    resources = flight.bundle.resources

    def columns(buffer: str) -> np.ndarray:
        return np.asarray(resources[f"{buffer}_{which}"].data)[:, begin:end].copy()

    rows: dict[str, Any] = {"lp": columns("log_prob")}
    for kernel in ("local", "global"):
        rates = columns(f"{kernel}_accs")
        rows[f"{kernel}_acceptance"] = np.where(np.isfinite(rates), rates, np.nan)
    if not np.isfinite(rows["lp"]).all():
        # A chain never leaves a point of finite density for another.
        raise SamplingError(
            "Every chain must start where the density is finite, but "
            f"{int((~np.isfinite(rows['lp'])).any(axis=1).sum())} of {config.n_chains} do not. "
            "Widen the priors, or check the data against them."
        )
    if progress.in_production:
        points = columns("positions")
        sites = flight.program.sites(points.reshape(-1, points.shape[-1]), flight.data["given"])
        rows["sites"] = {
            site: np.asarray(values).reshape(rows["lp"].shape) for site, values in sites.items()
        }
    (progress.production if progress.in_production else progress.training).append(rows)
    _count(progress, name)


def _count(progress: FlowProgress, name: str) -> None:
    """Count evaluations and gradients of a phase as flowMC makes them, one at its start included.

    HMC takes a gradient more at each end of its leapfrogs, and evaluates the end of each.
    """
    config = progress.config
    steps = config.n_chains * config.n_local_steps
    progress.evaluations += config.n_chains
    if name == "global_stepper":
        progress.evaluations += config.n_chains * config.n_global_steps
        return
    progress.gradients += (
        steps * {"hmc": config.n_leapfrog + 2, "mala": 2, "grw": 0}[config.local_sampler]
    )
    progress.evaluations += 0 if config.local_sampler == "mala" else steps


def _watch(flight: Flight, name: str) -> None:
    """Make a phase in a thread of its own, and ask the caller while it goes on and after it.

    Where the caller raises, local steps end at once; a phase of another kind comes to its end in
    its thread. Only then is the program free for another run.
    """
    progress, switch = flight.progress, flight.program.switch
    failures: list[BaseException] = []
    seconds: list[float] = []
    over, gone = threading.Event(), threading.Event()
    lock = threading.Lock()

    def part(mine: threading.Event, other: threading.Event) -> None:
        with lock:
            mine.set()
            if other.is_set() and not failures:
                give_back(flight.program)

    def work() -> None:
        try:
            _strategy(flight, name)
        except BaseException as failure:  # handed to the caller's thread below
            failures.append(failure)
        seconds.append(compile_seconds())
        part(over, gone)

    switch.steps, steps = 0, _steps_counted(progress.config)
    threading.Thread(target=work, daemon=True).start()
    try:
        while not over.wait(ASK_SECONDS):
            if name == "local_stepper":
                progress.within = min(1.0, switch.steps / steps)
                progress.compiling &= not switch.steps
            _ask(flight)
        if failures:
            raise failures[0]
        progress.compile_seconds += seconds[0]
        progress.phases, progress.within = progress.phases + 1, 0.0
        _ask(flight)
    except BaseException:
        switch.on = False
        part(gone, over)
        raise


def _steps_counted(config: "FlowMC") -> int:
    """Steps that the switch counts in a local phase: one for each batch of chains."""
    batch = config.chain_batch_size
    calls = -(-config.n_chains // batch) if 1 < batch < config.n_chains else 1
    return config.n_local_steps * calls


def _ask(flight: Flight) -> None:
    if flight.on_chunk is not None and flight.on_chunk(flight.progress) is False:
        flight.progress.stopping = True


def _split(order: list[str], loops: int) -> Iterator[list[str]]:
    length = len(order) // loops
    for start in range(0, len(order), length):
        yield order[start : start + length]


@contextmanager
def _logging(verbose: bool) -> Iterator[None]:
    """Let flowMC's messages reach the program's log while it runs, where they are asked for."""
    logger = logging.getLogger("flowMC")
    before = logger.level
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
