"""Predictions of a regression run: its lines at any predictors, and new observations around them.

Everything is in the units the data came in. Draws are pooled over chains, thinned evenly.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr

from hbdash.quantities import variable

#: Draws that a prediction is made from.
MOST_DRAWS = 4000


class Lines(NamedTuple):
    """S draws of K lines: response = intercept + (x - origin) . weights, plus noise.

    Attributes
    ----------
    intercept : shape (S, K). weights : shape (S, K, P), 0 where a predictor does not apply.
    noise : shape (S,): scale of one observation. nu : shape (S,), degrees of freedom of Student's
        t, or None for normal noise.
    origin : shape (P,): where the predictors count from. mask : shape (K, P), bool.
    """

    intercept: np.ndarray
    weights: np.ndarray
    noise: np.ndarray
    nu: np.ndarray | None
    origin: np.ndarray
    mask: np.ndarray


def lines(dt: xr.DataTree, most: int = MOST_DRAWS) -> Lines:
    """Read the lines of a run of either regression model, at most `most` draws."""
    posterior = dt["posterior"].to_dataset().stack(sample=("chain", "draw"))
    total = posterior.sizes["sample"]
    kept = np.linspace(0, total - 1, min(most, total)).round().astype(int)
    posterior = posterior.isel(sample=kept)
    mask = variable(dt, "constant_data/mask").values.astype(bool)
    if "slope" in posterior:
        intercept, noise = posterior["intercept"], posterior["sigma_noise"]
        weights = posterior["slope"].transpose("sample", "group").values[:, :, None]
    else:
        intercept, noise = posterior["alpha"], posterior["scale"]
        weights = posterior["w"].transpose("sample", "group", "predictor").values
    return Lines(
        intercept.transpose("sample", "group").values,
        np.where(mask, weights, 0.0),
        noise.values,
        posterior["nu"].values if "nu" in posterior else None,
        variable(dt, "constant_data/x_origin").values,
        mask,
    )


def mean_response(found: Lines, group: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Heights of the lines of existing groups.

    Parameters
    ----------
    group : shape (R,): groups from 0. x : shape (R, P); blank (NaN) where it does not apply.

    Returns
    -------
    Shape (S, R): NaN for a row that is blank where its predictor applies.
    """
    away = np.where(found.mask[group], x - found.origin, 0.0)
    return found.intercept[:, group] + np.einsum("srp,rp->sr", found.weights[:, group], away)


def new_group(dt: xr.DataTree, found: Lines, seed: int = 0) -> Lines:
    """Draw one line a draw of a group that was not seen, from the population: K becomes 1.

    Needs a model whose intercepts and slopes have a population.
    """
    posterior = dt["posterior"].to_dataset().stack(sample=("chain", "draw"))
    total = posterior.sizes["sample"]
    kept = np.linspace(0, total - 1, len(found.noise)).round().astype(int)
    posterior = posterior.isel(sample=kept)
    rng = np.random.default_rng([seed, 1])  # not the stream of the noise

    def member(effect: str) -> np.ndarray:
        location, spread = posterior[f"mu_{effect}"].values, posterior[f"sigma_{effect}"].values
        return rng.normal(location, spread)[:, None]

    return found._replace(
        intercept=member("intercept"),
        weights=member("slope")[:, :, None],
        mask=np.ones((1, 1), bool),
    )


def observations(found: Lines, mean: np.ndarray, seed: int = 0) -> np.ndarray:
    """Draw one new observation around each height, shape (S, R) as `mean`."""
    rng = np.random.default_rng(seed)
    if found.nu is None:
        noise = rng.standard_normal(mean.shape)
    else:
        noise = rng.standard_t(np.broadcast_to(found.nu[:, None], mean.shape))
    return mean + found.noise[:, None] * noise
