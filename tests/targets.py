"""Densities with known answers, for samplers that take any density."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

#: Means and covariance of `Gaussian`: correlations of 0.9 and scales from 0.1 to 10.
MEAN = np.array([1.0, -2.0, 0.0, 3.0, 0.5])
SD = np.array([0.1, 1.0, 10.0, 1.0, 2.0])
COVARIANCE = SD[:, None] * SD * (0.1 * np.eye(5) + 0.9)


@dataclass(frozen=True)
class Gaussian:
    """Five correlated normal parameters; `given` holds their mean and precision."""

    size: int = 5

    def potential(self, z: Any, given: Any) -> Any:
        off = z - given["mean"]
        return 0.5 * off @ given["precision"] @ off

    def sites(self, z: Any, given: Any) -> dict[str, Any]:
        return {f"x_{i}": z[i] for i in range(self.size)}


@dataclass(frozen=True)
class Edges:
    """A uniform on (0, 1), a half normal and three exponentials: hard edges in each direction."""

    size: int = 5

    def potential(self, z: Any, given: Any) -> Any:
        inside = jnp.all(z > 0) & (z[0] < 1)
        return jnp.where(inside, 0.5 * z[1] ** 2 + z[2:].sum(), jnp.inf)

    def sites(self, z: Any, given: Any) -> dict[str, Any]:
        return {"uniform": z[0], "half": z[1], "rate": jnp.exp(z[2])}


def gaussian_given(points: int = 200, **more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    starts = MEAN + 0.3 * SD * rng.normal(size=(points, 5))
    return {"mean": MEAN, "precision": np.linalg.inv(COVARIANCE), "starts": starts, **more}


def edges_given(points: int = 200) -> dict[str, Any]:
    return {"starts": np.random.default_rng(2).uniform(0.2, 0.8, (points, 5))}
