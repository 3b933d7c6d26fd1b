"""NumPyro's NUTS kernel with the length of the warmup and the depth of trees as data.

NumPyro fixes both when it compiles. Here its adaptation is made for a warmup of three windows
(start, one in the middle, end), and every transition is told a time of that warmup at which it does
what the schedule that is asked for wants: nothing, the end of a window, the end of all.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc import hmc
from numpyro.infer.hmc_util import build_adaptation_schedule

#: Deepest tree of any run: the kernel's buffers are made for it.
MOST_TREE_DEPTH = 12
#: The warmup that the kernel is made for, the last transition of each of its windows, and more
#: windows than any warmup has.
_WARMUP, _ENDS, _MOST_WINDOWS = 150, (74, 99, 149), 24


class Schedule(NamedTuple):
    """The adaptation windows of a warmup, and the depths of trees, as arrays.

    Attributes
    ----------
    num_warmup : transitions of the warmup.
    ends : shape (24,), the last transition of each window; -1 where there is none.
    first_end, last_start : where the first window ends and the last begins.
    warmup_depth, depth : deepest tree in the warmup and after it.
    """

    num_warmup: Any
    ends: Any
    first_end: Any
    last_start: Any
    warmup_depth: Any
    depth: Any


def schedule(num_warmup: int, depth: int, warmup_depth: int | None = None) -> Schedule:
    """Lay out NumPyro's windows for a warmup of at least 20 transitions."""
    windows = build_adaptation_schedule(num_warmup)
    ends = np.full(_MOST_WINDOWS, -1, np.int64)
    ends[: len(windows)] = [window.end for window in windows]
    numbers = num_warmup, ends, windows[0].end, windows[-1].start, warmup_depth or depth, depth
    return Schedule(*(np.asarray(number, np.int64) for number in numbers))


class _Depths(tuple):
    """Depths of which the largest, a size of the kernel's buffers, is `MOST_TREE_DEPTH`."""

    def __iter__(self) -> Iterator[int]:
        return iter((MOST_TREE_DEPTH,))


class Kernel(NamedTuple):
    """`start` of a point and a key to a state; `transition` of a state to the next."""

    start: Any
    transition: Any


def kernel(
    potential: Any, moving: Any, given: dict[str, Any], options: dict[str, Any], example: Any
) -> Kernel:
    """Make NumPyro's kernel for a potential, from traced numbers.

    Parameters
    ----------
    potential : of a flat vector.
    moving : shape (size,), bool: a coordinate that does not move has neither momentum nor velocity.
    given : "schedule" and "target_accept_prob".
    options : other options of NumPyro's kernel.
    example : a vector of the right shape.
    """
    plan: Schedule = given["schedule"]
    init, next_state = hmc(potential, algo="NUTS")
    depths: Any = _Depths((plan.warmup_depth, plan.depth))

    def start(z: Any, key: Any) -> Any:
        state = init(
            z,
            _WARMUP,
            target_accept_prob=given["target_accept_prob"],
            max_tree_depth=depths,
            rng_key=key,
            **options,
        )
        # No momentum is drawn for an energy that nobody reads.
        return state._replace(energy=jnp.zeros(()), adapt_state=_still(state.adapt_state, moving))

    def transition(state: Any) -> Any:
        i = state.i
        window = jnp.where(i <= plan.first_end, 0, jnp.where(i < plan.last_start, 1, 2))
        ends = (plan.ends == i).any()
        in_warmup = jnp.where(ends, jnp.asarray(_ENDS)[window], 0)
        told = jnp.where(i < plan.num_warmup, in_warmup, _WARMUP + i - plan.num_warmup)
        adapt = state.adapt_state._replace(window_idx=window)
        after = next_state(state._replace(i=told, adapt_state=adapt))
        return after._replace(i=i + 1, adapt_state=_still(after.adapt_state, moving))

    # NumPyro's transition reads what its start was told last.
    start(example, None)
    return Kernel(start, transition)


def _still(adapt: Any, moving: Any) -> Any:
    """Take momentum and velocity from the coordinates that do not move."""
    rows = moving if adapt.mass_matrix_sqrt.ndim == 1 else moving[:, None]
    both = moving if adapt.inverse_mass_matrix.ndim == 1 else moving[:, None] & moving
    return adapt._replace(
        inverse_mass_matrix=jnp.where(both, adapt.inverse_mass_matrix, 0.0),
        mass_matrix_sqrt=jnp.where(rows, adapt.mass_matrix_sqrt, 0.0),
    )
