"""The learned parameterization: a centeredness for each group, found by variational inference."""

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from hbdash.samplers.program import REACH, Shape, density

STEPS, PARTICLES, FIRST_RATE, LAST_RATE = 40_000, 2, 0.1, 0.01
#: Steps that fit the Gaussian alone: before it is near the posterior, gradients drive centeredness
#: towards 0, from where it hardly comes back. Then it moves at this share of the Gaussian's pace.
ALONE, PACE = 20_000, 0.1
_DECAY, _SQUARES = 0.9, 0.999  # of Adam's averages: Kingma and Ba (2015), arXiv:1412.6980


def learn(shape: Shape, given: dict[str, Any], seed: int) -> dict[str, np.ndarray]:
    """Maximize the ELBO over a mean-field Gaussian and the centeredness together.

    A centeredness under which the posterior is closest to independent Gaussians is one under which
    NUTS with a diagonal metric has least to do (Gorinova, Moore, Hoffman 2020, arXiv:1906.03028).
    The Gaussian lives on the flat vector that NUTS moves in (Kucukelbir et al. 2017, Automatic
    Differentiation Variational Inference): site by site the program compiles several times longer.

    Returns
    -------
    For each effect an array of its shape, in [0, 1].
    """
    # The metric is NUTS's own: one program serves both.
    found = _program(shape.model)(np.uint32(seed), given)
    return {effect: np.asarray(values) for effect, values in found.items()}


def _rate(step: Any) -> Any:
    return FIRST_RATE * (LAST_RATE / FIRST_RATE) ** (step / STEPS)


@lru_cache(maxsize=8)
def _program(model: str):
    shape = Shape(model, (), (), False)

    def maximize(seed: Any, given: dict[str, Any]) -> Any:
        key_init, key_noise = jax.random.split(jax.random.key(seed))
        potential, _, moving = density(shape, given)
        size = len(moving)
        start = jax.random.uniform(key_init, (size,), minval=-REACH, maxval=REACH)
        flat, unravel = ravel_pytree(given["centeredness"])

        def loss(parameters: Any, step: Any) -> Any:
            mean, log_sd, values = jnp.split(parameters, [size, 2 * size])
            here = given | {"centeredness": unravel(values)}
            noise = jax.random.normal(jax.random.fold_in(key_noise, step), (PARTICLES, size))
            drawn = mean + jnp.exp(log_sd) * jnp.where(moving, noise, 0.0)
            entropy = jnp.where(moving, log_sd, 0.0).sum()
            return jnp.mean(jax.vmap(lambda z: potential(z, here))(drawn)) - entropy

        def step(i: Any, carry: Any):
            """Make a step of Adam; the centeredness is put back into [0, 1] and never sticks."""
            x, average, squares, total = carry
            gradient = jax.grad(loss)(x, i)
            average = _DECAY * average + (1 - _DECAY) * gradient
            squares = _SQUARES * squares + (1 - _SQUARES) * gradient**2
            expected = average / (1 - _DECAY ** (i + 1))
            spread = jnp.sqrt(squares / (1 - _SQUARES ** (i + 1))) + 1e-8
            moved = x - _rate(i) * jnp.where(is_value, PACE * (i >= ALONE), 1.0) * expected / spread
            x = jnp.where(is_value, jnp.clip(moved, 0, 1), moved)
            return x, average, squares, total + jnp.where(i >= STEPS - STEPS // 4, x, 0.0)

        first = jnp.concatenate([start, jnp.full(size, jnp.log(0.1)), flat])
        is_value = jnp.arange(len(first)) >= 2 * size
        zero = jnp.zeros_like(first)
        *_, total = jax.lax.fori_loop(0, STEPS, step, (first, zero, zero, zero))
        return unravel(total[2 * size :] / (STEPS // 4))

    return jax.jit(maximize)
