"""Steps of one ensemble, compiled once for a target: data, counts and thinning are inputs."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer import AIES

from hbdash.samplers.density import Target, log_density, sizes

#: Most kept rows of one call, and most numbers that its buffer holds.
CHUNK, MOST_BUFFERED = 250, 500_000
#: Compiled programs kept at a time: each holds 30 to 60 MB.
MOST_PROGRAMS = 8


class State(NamedTuple):
    """An ensemble: points of shape (W, size), their log densities (W,), and its random state."""

    z: Any
    lp: Any
    key_data: Any


@dataclass(frozen=True)
class Shape:
    """What a compiled program depends on; everything else is an argument of it."""

    target: Target
    num_walkers: int
    de: float
    stretch: float
    randomize_split: bool


@dataclass(frozen=True)
class Program:
    """`start(z, key_data, given)`, `advance(state, rows, thinning, given)`, most rows a call."""

    start: Any
    advance: Any
    chunk: int


def transition(shape: Shape, density: Any, state: State) -> tuple[State, Any]:
    """Move each half of the ensemble once against the other, as NumPyro's AIES does.

    NumPyro's kernel evaluates every walker again before it moves it; here each keeps its log
    density, which halves the work, and keeps its place when the halves are drawn anew.

    Parameters
    ----------
    density : log densities (n,) of points (n, size).

    Returns
    -------
    the new state, and the share of its walkers that moved
    """
    half = shape.num_walkers // 2
    # NumPyro's own options divide by the number of moves; only the proportions count.
    weights = jnp.array([shape.de, shape.stretch]) / (shape.de + shape.stretch)
    moves = [AIES.DEMove()(shape.num_walkers), AIES.StretchMove()]
    key = jax.random.wrap_key_data(state.key_data)
    z, lp = state.z, state.lp
    order = jnp.arange(shape.num_walkers)
    if shape.randomize_split:
        key, key_order = jax.random.split(key)
        order = jax.random.permutation(key_order, order)
    moved = 0.0
    for active, inactive in ((order[:half], order[half:]), (order[half:], order[:half])):
        key, key_move, key_proposal, key_accept = jax.random.split(key, 4)
        move = jax.random.choice(key_move, len(moves), p=weights)
        proposal, factors = jax.lax.switch(move, moves, key_proposal, z[active], z[inactive])
        proposed = density(proposal)
        ratio = jnp.exp(factors + proposed - lp[active])
        accepted = jax.random.uniform(key_accept, (half,)) < ratio
        z = z.at[active].set(jnp.where(accepted[:, None], proposal, z[active]))
        lp = lp.at[active].set(jnp.where(accepted, proposed, lp[active]))
        moved += accepted.mean() / 2
    return State(z, lp, jax.random.key_data(key)), moved


_programs: OrderedDict[Any, Program] = OrderedDict()
_compiling = threading.Lock()


def compiled(shape: Shape, given: dict[str, Any]) -> Program:
    """Return the program of a shape and of inputs of these sizes, compiling it on first sight."""
    with _compiling:
        key = (shape, sizes(given))
        if key not in _programs:
            _programs[key] = _compile(shape, given)
            while len(_programs) > MOST_PROGRAMS:
                _programs.popitem(last=False)
        _programs.move_to_end(key)
        return _programs[key]


def is_compiled(shape: Shape, given: dict[str, Any]) -> bool:
    """Whether a program is ready, so that the page can announce a compilation."""
    return (shape, sizes(given)) in _programs


def _compile(shape: Shape, given: dict[str, Any]) -> Program:
    density = jax.vmap(log_density(shape.target, given), in_axes=(0, None))
    sites = jax.vmap(jax.vmap(shape.target.sites, in_axes=(0, None)), in_axes=(0, None))
    size, walkers = shape.target.size, shape.num_walkers
    chunk = int(np.clip(MOST_BUFFERED // (walkers * size), 1, CHUNK))

    def start(z: Any, key_data: Any, given: Any) -> State:
        return State(z, density(z, given), key_data)

    def advance(state: State, rows: Any, thinning: Any, given: Any) -> tuple[State, Any]:
        def step(_: Any, carry: Any) -> Any:
            state, moved = carry
            state, more = transition(shape, lambda z: density(z, given), state)
            return state, moved + more

        def row(i: Any, carry: Any) -> Any:
            state, (z, lp, moved) = carry
            state, share = jax.lax.fori_loop(0, thinning, step, (state, 0.0))
            kept = z.at[i].set(state.z), lp.at[i].set(state.lp), moved.at[i].set(share / thinning)
            return state, kept

        empty = (
            jnp.broadcast_to(state.z, (chunk, walkers, size)),
            jnp.zeros((chunk, walkers)),
            jnp.zeros(chunk),
        )
        state, (z, lp, moved) = jax.lax.fori_loop(0, rows, row, (state, empty))
        return state, {"lp": lp, "acceptance_rate": moved, "sites": sites(z, given)}

    state = State(
        np.zeros((walkers, size)), np.zeros(walkers), jax.random.key_data(jax.random.key(0))
    )
    begin = jax.jit(start).lower(state.z, state.key_data, given).compile()
    work = jax.jit(advance).lower(state, np.int64(0), np.int64(0), given).compile()
    return Program(begin, work, chunk)
