"""NUTS for one shape of question, compiled once: everything with a number is an input.

Data, priors of any family, centeredness, the length of the warmup and the depth of trees are
arguments of the program; numbers of groups and predictors are, up to a few sizes. One function
makes a chain: ``advance`` starts it where it is fresh, and makes up to `CHUNK` transitions. On a
CPU it runs one chain, and threads run several: vectorized, they took up to twice as long there. On
a GPU it runs all chains as one.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpyro import handlers
from numpyro.infer.util import log_density
from numpyro.primitives import Messenger

from hbdash.models import MODELS
from hbdash.models.prior_form import Unconstrained
from hbdash.samplers.kernel import kernel

#: Most transitions of one call of `advance`, and most numbers that its buffer of positions holds:
#: where a transition is large, filling a long buffer would take longer than the transition.
CHUNK, MOST_BUFFERED = 250, 500_000
#: Compiled shapes kept at a time: each holds 20 to 100 MB.
MOST_PROGRAMS = 12
#: How far from 0 a chain starts, as in NumPyro's `init_to_uniform`.
REACH = 2.0


class Density(NamedTuple):
    """A posterior on a flat vector, for traced inputs.

    A flat vector keeps the kernel from concatenating sites at every turning check: a quarter of
    the time of a small model.

    Attributes
    ----------
    potential : of a point, and other inputs, to minus the log density.
    sites : of a point, and other inputs, to the sites by name.
    moving : shape (size,), bool: False for a coordinate that only fills up a size.
    """

    potential: Callable[..., Any]
    sites: Callable[..., Any]
    moving: Any


class Compiles(Protocol):
    """What a compiled program depends on, hashable; everything else is an argument of it."""

    @property
    def kernel(self) -> dict[str, Any]:
        """Options of NumPyro's kernel that are fixed when it is compiled."""
        ...

    def density(self, given: dict[str, Any]) -> Density:
        """Find the posterior for these inputs."""
        ...

    def start(self, rng: np.random.Generator, size: int, given: dict[str, Any]) -> np.ndarray:
        """Pick a point where a chain may start, at random; shape (size,)."""
        ...

    def trim(self, sites: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """Cut what only fills up a size from sites of shape (draw, ...)."""
        ...


@dataclass(frozen=True)
class Shape:
    """The shape of a hierarchical model's program: its form, and the sizes of its inputs."""

    model: str
    sites: tuple[str, ...]
    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    dense_mass: bool

    @property
    def kernel(self) -> dict[str, Any]:
        """See `Compiles`."""
        return {"dense_mass": self.dense_mass}

    def density(self, given: dict[str, Any]) -> Density:
        """See `Compiles`."""
        return density(self, given)

    def start(self, rng: np.random.Generator, size: int, given: dict[str, Any]) -> np.ndarray:
        """See `Compiles`."""
        return rng.uniform(-REACH, REACH, size)

    def trim(self, sites: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """See `Compiles`."""
        dims, sizes = MODELS[self.model].dims, {d: some.sum() for d, some in given["real"].items()}
        kept = {name: [slice(sizes[dim]) for dim in _dims(name, dims)] for name in sites}
        return {name: values[(slice(None), *kept[name])] for name, values in sites.items()}


@dataclass(frozen=True)
class Program:
    """The compiled function, and what it was compiled for.

    Attributes
    ----------
    advance : of a tuple of states, whether they are fresh, a number of transitions and the inputs;
        returns for each chain its state afterwards and what it recorded. A fresh state has a
        position and a key; the rest is found.
    state : the tree of one chain's state, of zeros.
    chunk : most transitions of one call.
    together : chains that one call advances.
    """

    advance: Any
    state: Any
    chunk: int
    together: int

    def begin(self, state: Any, given: dict[str, Any]) -> Any:
        """Find the rest of a fresh state; the state of one chain, in numbers."""
        states = (state,) * self.together
        return self.advance(states, np.bool_(True), np.int64(0), given)[0][0]


def inputs(
    design: dict[str, np.ndarray],
    priors: dict[str, np.ndarray],
    centeredness: dict[str, np.ndarray],
    real: dict[str, np.ndarray],
) -> dict[str, Any]:
    """Arrange one question's numbers as the arguments of its program, in 64 bits.

    Parameters
    ----------
    design, centeredness : filled up to the sizes of the program.
    priors : a `hbdash.models.prior_form.form` for each site.
    real : for each dimension, which of its entries are not filling.
    """
    return {
        "design": {name: np.asarray(value, float) for name, value in design.items()},
        "priors": priors,
        "centeredness": {e: np.asarray(value, float) for e, value in centeredness.items()},
        "real": {dim: np.asarray(some, bool) for dim, some in real.items()},
    }


def model_arguments(given: dict[str, Any]) -> tuple[Any, dict[str, Any], Any]:
    """Turn program inputs, traced or not, into the arguments of the model function."""
    prior = {site: Unconstrained(numbers) for site, numbers in given["priors"].items()}
    return given["design"], prior, given["centeredness"]


def density(shape: Shape, given: dict[str, Any]) -> Density:
    """See `Density`: what only fills up a size counts nothing and starts at 0."""
    model, dims = MODELS[shape.model], MODELS[shape.model].dims

    def masked(given: dict[str, Any]) -> None:
        with _Counted(dims, given["real"]):
            model.program(*model_arguments(given))

    at_zero = handlers.substitute(masked, substitute_fn=_zeros)
    trace = handlers.trace(at_zero).get_trace(given)
    zeros = {name: site["value"] for name, site in trace.items() if _is_sampled(site)}
    _, unravel = ravel_pytree(zeros)
    moving, _ = ravel_pytree(
        {
            name: jnp.broadcast_to(_real(name, dims, given["real"]), jnp.shape(zero))
            for name, zero in zeros.items()
        }
    )

    def potential(z: Any, given: dict[str, Any] = given) -> Any:
        return -log_density(masked, (given,), {}, unravel(z))[0]

    def sites(z: Any, given: dict[str, Any] = given) -> Any:
        trace = handlers.trace(handlers.substitute(masked, unravel(z))).get_trace(given)
        return {
            name: site["value"]
            for name, site in trace.items()
            if site["type"] == "deterministic" or _is_sampled(site)
        }

    return Density(potential, sites, moving)


class _Counted(Messenger):
    """Let only what is real count, of sites that are sampled along a dimension."""

    def __init__(self, dims: dict[str, tuple[str, ...]], real: dict[str, Any]) -> None:
        self.dims, self.real = dims, real
        super().__init__()

    def process_message(self, msg: Any) -> None:
        """Mask a site that NumPyro meets."""
        if _is_sampled(msg) and _dims(msg["name"], self.dims):
            msg["fn"] = msg["fn"].mask(_real(msg["name"], self.dims, self.real))


def _is_sampled(site: Any) -> bool:
    return site["type"] == "sample" and not site["is_observed"]


def _zeros(site: Any) -> Any:
    return jnp.zeros(site["fn"].shape()) if _is_sampled(site) else None


def _dims(name: str, dims: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Dimensions of a site, or of its coordinate: "theta_decentered" is one of "theta"."""
    return dims.get(name, dims.get(name.rpartition("_")[0], ()))


def _real(name: str, dims: dict[str, tuple[str, ...]], real: dict[str, Any]) -> Any:
    """Which entries of a site are not filling, of its shape."""
    found: Any = True
    for dim in _dims(name, dims):
        found = jnp.asarray(found)[..., None] & real[dim]
    return found


def _ready(shape: Compiles, given: dict[str, Any]) -> tuple[Density, Any]:
    found = shape.density(given)
    example = jnp.zeros(found.moving.shape)
    return found, kernel(found.potential, found.moving, given, shape.kernel, example)


def _start(shape: Compiles, given: dict[str, Any]) -> Any:
    """Make the state of a chain at 0, for its form."""
    found, nuts = _ready(shape, given)
    return _plain(nuts.start(jnp.zeros(found.moving.shape), jax.random.key(0)))


def _advance(shape: Compiles, chunk: int):
    def advance(state: Any, fresh: Any, transitions: Any, given: Any):
        found, nuts = _ready(shape, given)
        z, key = jnp.where(found.moving, state.z, 0.0), jax.random.wrap_key_data(state.rng_key)
        state = jax.lax.cond(fresh, lambda: _plain(nuts.start(z, key)), lambda: state)
        state = _keyed(state)

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
            after = nuts.transition(state)
            row = record(state, after)
            return after, jax.tree.map(lambda kept, new: kept.at[i].set(new), rows, row)

        empty = jax.tree.map(
            lambda leaf: jnp.zeros((chunk, *leaf.shape), leaf.dtype),
            jax.eval_shape(lambda s: record(s, nuts.transition(s)), state),
        )
        state, rows = jax.lax.fori_loop(0, transitions, step, (state, empty))
        return _plain(state), rows | {"sites": jax.vmap(found.sites)(rows.pop("z"))}

    return advance


def _plain(state: Any) -> Any:
    """Take the keys of a state apart into numbers, so that it is made of plain arrays."""
    adapt = state.adapt_state
    adapt = adapt._replace(rng_key=jax.random.key_data(adapt.rng_key))
    return state._replace(rng_key=jax.random.key_data(state.rng_key), adapt_state=adapt)


def _keyed(state: Any) -> Any:
    adapt = state.adapt_state
    adapt = adapt._replace(rng_key=jax.random.wrap_key_data(adapt.rng_key))
    return state._replace(rng_key=jax.random.wrap_key_data(state.rng_key), adapt_state=adapt)


def _of_all(advance: Callable[..., Any], together: int) -> Callable[..., Any]:
    """Make the program of one chain that of several, as separate trees on both sides."""

    def all_(states: tuple[Any, ...], *same: Any) -> Any:
        if together == 1:
            return (advance(states[0], *same),)
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
        found = jax.vmap(advance, (0, None, None, None))(stacked, *same)
        return tuple(jax.tree.map(lambda leaf, k=k: leaf[k], found) for k in range(together))

    return all_


def together(num_chains: int) -> int:
    """How many of a run's chains one call advances: all of them on a GPU, one on a CPU."""
    return num_chains if jax.default_backend() == "gpu" else 1


@dataclass
class _Slot:
    """A program's place, compiled under a lock of its own: others do not wait for it."""

    lock: threading.Lock
    program: Program | None = None


_programs: OrderedDict[tuple[Compiles, int], _Slot] = OrderedDict()
_lock = threading.Lock()


def compiled(shape: Compiles, given: dict[str, Any], num_chains: int = 1) -> Program:
    """Return the program of a shape for a number of chains, compiling it on first sight."""
    name = shape, together(num_chains)
    with _lock:
        slot = _programs.setdefault(name, _Slot(threading.Lock()))
        _programs.move_to_end(name)
        while len(_programs) > MOST_PROGRAMS:
            _programs.popitem(last=False)
    with slot.lock:
        if slot.program is None:
            slot.program = _compile(*name, given)
        return slot.program


def is_compiled(shape: Compiles, num_chains: int = 1) -> bool:
    """Whether a program is ready, so that the page can announce a compilation."""
    slot = _programs.get((shape, together(num_chains)))
    return slot is not None and slot.program is not None


def _compile(shape: Compiles, together: int, given: dict[str, Any]) -> Program:
    state = jax.eval_shape(lambda given: _start(shape, given), given)
    state = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), state)
    chunk = int(np.clip(MOST_BUFFERED // (state.z.size * together), 1, CHUNK))
    advance = jax.jit(_of_all(_advance(shape, chunk), together))
    lowered = advance.lower((state,) * together, np.bool_(True), np.int64(0), given)
    return Program(lowered.compile(), state, chunk, together)
