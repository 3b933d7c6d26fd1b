"""Likelihoods of regression rows: normal from sufficient statistics, Student's t row by row."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro.distributions import StudentT

from hbdash.regression_data import RegressionData, Statistics


def statistics(data: RegressionData) -> dict[str, np.ndarray]:
    """Gather the sufficient statistics as arrays of a design, and the mask; see `Statistics`."""
    return data.statistics._asdict() | {"mask": data.mask.astype(float)}


def sufficient_normal(intercept: Any, weights: Any, noise: Any, design: dict[str, Any]) -> None:
    """Add the log density of all complete rows, from each group's statistics alone.

    The residual sum of squares is a sum of three squares, so that nothing large is taken from
    something large, and 32 bits would do; see `hbdash.regression_data.Statistics`.

    Parameters
    ----------
    intercept : shape (K,). weights : shape (K, P). noise : a number.
    design : `statistics`.
    """
    s = Statistics(*(design[name] for name in Statistics._fields))
    weights = weights * design["mask"]
    height = s.y_mean - intercept - (s.x_mean * weights).sum(-1)
    turned = (s.root * (weights - s.fit * design["mask"])[:, None, :]).sum(-1)
    squares = s.n * height**2 + (turned**2).sum(-1) + s.ss
    constant = s.n * (jnp.log(noise) + 0.5 * math.log(2 * math.pi))
    numpyro.factor("rows", -constant - 0.5 * squares / noise**2)


def padded(rows: int) -> int:
    """Round a number of rows up to a few sizes, so that most numbers share a compiled program."""
    step = 2 ** max(4, math.ceil(math.log2(max(rows, 1))) - 3)
    return max(1, -(-rows // step)) * step


def pad(values: np.ndarray, length: int) -> np.ndarray:
    """Fill an array up with zeros along its first axis."""
    more = length - len(values)
    return np.concatenate([values, np.zeros((more, *values.shape[1:]), values.dtype)])


def row_arrays(data: RegressionData) -> dict[str, np.ndarray]:
    """Gather all rows, padded: index, x (P columns), y and a weight of 0 where there is no row."""
    index, x, y = data.rows
    length = padded(len(y))
    arrays = {"index": index, "x": x, "y": y, "weight": np.ones(len(y))}
    return {f"row_{name}": pad(value, length) for name, value in arrays.items()}


def rowwise_student(
    intercept: Any, weights: Any, noise: Any, nu: Any, design: dict[str, Any]
) -> None:
    """Add the log density of rows under Student's t, from `row_arrays`; it has no statistics."""
    index = jnp.asarray(design["row_index"], int)
    mean = intercept[index] + (weights[index] * design["row_x"]).sum(-1)
    density: Any = StudentT(nu, mean, noise).log_prob(design["row_y"])
    numpyro.factor("rows", (design["row_weight"] * density).sum())
