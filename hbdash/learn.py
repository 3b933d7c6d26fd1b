"""The learned parameterization: a centeredness for each group, found by variational inference."""

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro.distributions import constraints
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal
from numpyro.infer.initialization import init_to_median
from numpyro.optim import Adam

from hbdash.models import MODELS
from hbdash.samplers.program import Shape, model_arguments

#: The sigmoid that keeps centeredness in [0, 1] is flat near its ends: fewer steps stop halfway.
STEPS, PARTICLES, FIRST_RATE, LAST_RATE = 40_000, 2, 0.1, 0.01


def learn(shape: Shape, given: dict[str, Any], seed: int) -> np.ndarray:
    """Maximize the ELBO over a mean-field Gaussian and the centeredness together.

    A centeredness under which the posterior is closest to independent Gaussians is one under which
    NUTS with a diagonal metric has least to do (Gorinova, Moore, Hoffman 2020, arXiv:1906.03028).
    `LocScaleReparam(None)` would learn one number for the whole plate, so the
    vector is a parameter of its own here.

    Returns
    -------
    Array of shape (K,), in [0, 1].
    """
    # Warmup, tree depth and metric are NUTS's own: one program serves them all.
    return np.asarray(_program(shape.model, shape.families)(jax.random.key(seed), given))


def _rate(step: Any) -> Any:
    return FIRST_RATE * (LAST_RATE / FIRST_RATE) ** (step / STEPS)


@lru_cache(maxsize=8)
def _program(model: str, families: tuple[tuple[str, str], ...]):
    shape = Shape(model, families, (), 0, 0, False)

    def learnable(given: dict[str, Any]) -> None:
        start = jnp.full_like(given["centeredness"], 0.5)
        values = numpyro.param("centeredness", start, constraint=constraints.unit_interval)
        design, prior, _ = model_arguments(shape, given)
        MODELS[model].program(design, prior, values)

    def maximize(key: Any, given: dict[str, Any]) -> Any:
        guide = AutoNormal(learnable, init_loc_fn=init_to_median(num_samples=5))
        svi = SVI(learnable, guide, Adam(_rate), Trace_ELBO(num_particles=PARTICLES))

        def step(i: Any, carry: Any):
            state, total = carry
            state, _ = svi.update(state, given)
            late = i >= STEPS - STEPS // 4
            return state, total + jnp.where(late, svi.get_params(state)["centeredness"], 0.0)

        start = svi.init(key, given), jnp.zeros_like(given["centeredness"])
        _, total = jax.lax.fori_loop(0, STEPS, step, start)
        return jnp.clip(total / (STEPS // 4), 0, 1)

    return jax.jit(maximize)
