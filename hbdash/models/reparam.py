"""`LocScaleReparam` evaluated through the logarithm of the scale.

NumPyro's own raises the scale to two powers for each group and takes the logarithm of one of them
again. Here a group costs one exponential, so that a group more, or one that only fills up a size,
costs little. The coordinate and its density are the same.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpyro
from numpyro.distributions import Distribution, constraints
from numpyro.infer.reparam import LocScaleReparam


class _NormalByLogScale(Distribution):
    """A Normal given by the logarithm of its scale."""

    support: Any = constraints.real
    pytree_data_fields = ("loc", "log_scale")

    def __init__(self, loc: Any, log_scale: Any) -> None:
        self.loc, self.log_scale = loc, log_scale
        shape = jnp.broadcast_shapes(jnp.shape(loc), jnp.shape(log_scale))
        super().__init__(batch_shape=shape, event_shape=())

    def sample(self, key: Any, sample_shape: tuple[int, ...] = ()) -> Any:
        """Draw values, shape (*sample_shape, *batch_shape)."""
        standard = jax.random.normal(key, (*sample_shape, *self.batch_shape))
        return self.loc + jnp.exp(self.log_scale) * standard

    def log_prob(self, value: Any, intermediates: Any = None) -> Any:
        """Log density at a value."""
        standard = (value - self.loc) * jnp.exp(-self.log_scale)
        return -0.5 * standard**2 - self.log_scale - 0.5 * math.log(2 * math.pi)


class LogScaleReparam(LocScaleReparam):
    """Partially centered Normal effects (Gorinova, Moore, Hoffman 2020, arXiv:1906.03028)."""

    def __call__(self, name: str, fn: Any, obs: Any) -> tuple[None, Any]:
        """Sample ``<name>_decentered`` and return the effect as a deterministic value."""
        if obs is not None:
            raise ValueError(f"{name!r} is observed: only latent effects can be reparameterized.")
        normal: Any = self._unwrap(fn)[0]
        centered = jnp.asarray(self.centered)
        loc, log_scale = normal.loc * centered, centered * jnp.log(normal.scale)
        sampled = numpyro.sample(f"{name}_decentered", _NormalByLogScale(loc, log_scale))
        return None, normal.loc + (sampled - loc) * (normal.scale * jnp.exp(-log_scale))
