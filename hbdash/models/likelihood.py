"""Likelihoods of regression rows: normal from sufficient statistics, Student's t row by row."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
from numpyro.distributions import StudentT

from hbdash.regression_data import RegressionData, Statistics

#: Dimensions of the arrays of `statistics` and `row_arrays`.
DIMS: dict[str, tuple[str, ...]] = {
    "n": ("group",),
    "y_mean": ("group",),
    "ss": ("group",),
    "x_mean": ("group", "predictor"),
    "root": ("group", "predictor", "predictor"),
    "fit": ("group", "predictor"),
    "mask": ("group", "predictor"),
    "row_index": ("row",),
    "row_x": ("row", "predictor"),
    "row_y": ("row",),
    "row_weight": ("row",),
}


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


def row_arrays(data: RegressionData) -> dict[str, np.ndarray]:
    """Gather all rows: index, x (P columns), y, and a weight of 1 that no filling has."""
    index, x, y = data.rows
    arrays = {"index": index, "x": x, "y": y, "weight": np.ones(len(y))}
    return {f"row_{name}": value for name, value in arrays.items()}


def rowwise_student(
    intercept: Any, weights: Any, noise: Any, nu: Any, design: dict[str, Any]
) -> None:
    """Add the log density of rows under Student's t, from `row_arrays`; it has no statistics."""
    index = jnp.asarray(design["row_index"], int)
    mean = intercept[index] + (weights[index] * design["row_x"]).sum(-1)
    density: Any = StudentT(nu, mean, noise).log_prob(design["row_y"])
    numpyro.factor("rows", (design["row_weight"] * density).sum())
