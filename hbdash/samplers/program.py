"""NUTS for one shape of question, compiled once: data, prior numbers and centeredness are inputs.

Two functions make a chain: ``start`` finds a point of finite density and sets up the adaptation,
``advance`` makes up to `CHUNK` transitions. On a CPU both run one chain, and threads run several:
vectorized, they took up to twice as long there. On a GPU ``advance`` runs all chains as one.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpyro.infer.hmc import hmc
from numpyro.infer.util import initialize_model

from hbdash.models import MODELS
from hbdash.priors import distribution

#: Most transitions of one call of `advance`, and most numbers that its buffer of positions holds:
#: where a transition is large, filling a long buffer would take longer than the transition.
CHUNK, MOST_BUFFERED = 250, 500_000
#: Compiled shapes kept at a time: each holds 60 to 100 MB.
MOST_PROGRAMS = 8


class Compiles(Protocol):
    """What a compiled program depends on, hashable; everything else is an argument of it."""

    @property
    def num_warmup(self) -> int:
        """Transitions of the warmup, which the adaptation windows are made for."""
        ...

    @property
    def kernel(self) -> dict[str, Any]:
        """Options of NumPyro's kernel that are fixed when it is compiled."""
        ...

    def density(self, given: dict[str, Any], key: Any) -> tuple[Any, Any, Any]:
        """Find a start, the negative log density and the way to the sites, as `density` does."""
        ...


@dataclass(frozen=True)
class Shape:
    """The shape of a hierarchical model's program."""

    model: str
    families: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    num_warmup: int
    max_tree_depth: int
    dense_mass: bool

    @property
    def kernel(self) -> dict[str, Any]:
        """See `Compiles`."""
        return {"max_tree_depth": self.max_tree_depth, "dense_mass": self.dense_mass}

    def density(self, given: dict[str, Any], key: Any) -> tuple[Any, Any, Any]:
        """See `Compiles`."""
        return density(self, given, key)


@dataclass(frozen=True)
class Program:
    """The compiled pair, and what it was compiled for.

    Attributes
    ----------
    start : of a key's data and the inputs; returns a state.
    advance : of a tuple of states, a number of transitions and the inputs; returns for each chain
        its state afterwards and what it recorded.
    state : the tree of one chain's state, for stored runs.
    chunk : most transitions of one call.
    together : chains that one call advances.
    """

    start: Any
    advance: Any
    state: Any
    chunk: int
    together: int


def inputs(
    design: dict[str, np.ndarray],
    priors: dict[str, dict[str, float]],
    centeredness: dict[str, np.ndarray],
    target_accept_prob: float,
) -> dict[str, Any]:
    """Arrange one question's numbers as the arguments of its program, in 64 bits."""
    return {
        "design": {name: np.asarray(value, float) for name, value in design.items()},
        "priors": {
            s: {p: np.float64(v) for p, v in values.items()} for s, values in priors.items()
        },
        "centeredness": {e: np.asarray(value, float) for e, value in centeredness.items()},
        "target_accept_prob": np.float64(target_accept_prob),
    }


def model_arguments(shape: Shape, given: dict[str, Any]) -> tuple[Any, dict[str, Any], Any]:
    """Turn program inputs, traced or not, into the arguments of the model function."""
    prior = {site: distribution(family, given["priors"][site]) for site, family in shape.families}
    return given["design"], prior, given["centeredness"]


def density(
    shape: Shape, given: dict[str, Any], key: Any
) -> tuple[Any, Callable[..., Any], Callable[..., Any]]:
    """Find a start, and the negative log density and the way back to the sites, on a flat vector.

    Both functions take the vector and, where they are not those given here, the inputs. A flat
    vector keeps the kernel from concatenating sites at every turning check: a quarter of the time
    of a small model.
    """

    def model(given: dict[str, Any]) -> None:
        MODELS[shape.model].program(*model_arguments(shape, given))

    found = initialize_model(key, model, dynamic_args=True, model_args=(given,))
    flat, unravel = ravel_pytree(found.param_info.z)

    def potential(z: Any, given: dict[str, Any] = given) -> Any:
        return found.potential_fn(given)(unravel(z))

    def sites(z: Any, given: dict[str, Any] = given) -> Any:
        return found.postprocess_fn(given)(unravel(z))

    return flat, potential, sites


def _kernel(shape: Compiles, given: dict[str, Any], key: Any):
    key_init, key_kernel = jax.random.split(key)
    flat, potential, sites = shape.density(given, key_init)
    init, transition = hmc(potential, algo="NUTS")
    state = init(
        flat,
        shape.num_warmup,
        target_accept_prob=given["target_accept_prob"],
        rng_key=key_kernel,
        **shape.kernel,
    )
    return state, transition, sites


def _start(shape: Compiles):
    def start(key_data: Any, given: dict[str, Any]):
        return _kernel(shape, given, jax.random.wrap_key_data(key_data))[0]

    return start


def _advance(shape: Compiles, chunk: int):
    def advance(state: Any, transitions: Any, given: dict[str, Any]):
        # The state made here is dropped: the call readies the kernel, and XLA removes the rest.
        _, transition, sites = _kernel(shape, given, jax.random.key(0))

        def record(before: Any, after: Any) -> dict[str, Any]:
            return {
                "z": after.z,
                "lp": -after.potential_energy,
                "energy": after.energy,
                "diverging": after.diverging,
                "acceptance_rate": after.accept_prob,
                "n_steps": after.num_steps,
                "step_size": before.adapt_state.step_size,
            }

        def step(i: Any, carry: Any):
            state, rows = carry
            after = transition(state)
            row = record(state, after)
            return after, jax.tree.map(lambda kept, new: kept.at[i].set(new), rows, row)

        empty = jax.tree.map(
            lambda leaf: jnp.zeros((chunk, *leaf.shape), leaf.dtype),
            jax.eval_shape(lambda s: record(s, transition(s)), state),
        )
        state, rows = jax.lax.fori_loop(0, transitions, step, (state, empty))
        return state, rows | {"sites": jax.vmap(sites)(rows.pop("z"))}

    return advance


def _of_all(advance: Callable[..., Any], together: int) -> Callable[..., Any]:
    """Make the program of one chain that of several, as separate trees on both sides."""

    def all_(states: tuple[Any, ...], transitions: Any, given: dict[str, Any]) -> Any:
        if together == 1:
            return (advance(states[0], transitions, given),)
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
        found = jax.vmap(advance, (0, None, None))(stacked, transitions, given)
        return tuple(jax.tree.map(lambda leaf, k=k: leaf[k], found) for k in range(together))

    return all_


def together(num_chains: int) -> int:
    """How many of a run's chains one call advances: all of them on a GPU, one on a CPU."""
    return num_chains if jax.default_backend() == "gpu" else 1


_programs: OrderedDict[tuple[Compiles, int], Program] = OrderedDict()
_compiling = threading.Lock()


def compiled(shape: Compiles, given: dict[str, Any], num_chains: int = 1) -> Program:
    """Return the program of a shape for a number of chains, compiling it on first sight."""
    name = shape, together(num_chains)
    with _compiling:
        if name not in _programs:
            _programs[name] = _compile(*name, given)
            while len(_programs) > MOST_PROGRAMS:
                _programs.popitem(last=False)
        _programs.move_to_end(name)
        return _programs[name]


def is_compiled(shape: Compiles, num_chains: int = 1) -> bool:
    """Whether a program is ready, so that the page can announce a compilation."""
    return (shape, together(num_chains)) in _programs


def _compile(shape: Compiles, together: int, given: dict[str, Any]) -> Program:
    key = jax.random.key_data(jax.random.key(0))
    start = jax.jit(_start(shape)).lower(key, given)
    state = start.out_info
    chunk = int(np.clip(MOST_BUFFERED // (state.z.size * together), 1, CHUNK))
    advance = jax.jit(_of_all(_advance(shape, chunk), together))
    states = (state,) * together
    compiled = advance.lower(states, np.int64(0), given).compile()
    return Program(start.compile(), compiled, state, chunk, together)
