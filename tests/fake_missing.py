"""Missing-predictors runs without a sampler: weights under a mask, in the shape of real runs.

Rows are simulated. Given the noise, and for pooled weights given their population, intercept and
weights of a group are Gaussian and drawn exactly; noise and population scatter around their
generating values, which is rough. A weight that does not apply is drawn from its prior.
"""

import json
from collections.abc import Sequence

import numpy as np
import xarray as xr

from hbdash.regression_data import RegressionData, Units
from tests.fake_runs import _sample_stats

NOISE, PRIOR_SD, SIGMA_W = 0.5, 5.0, 1.0
NAMES = ("feed_speed", "pull_acceleration", "cutting_wait_time")
LOW, HIGH = (1.0, 0.5, 0.1), (10.0, 5.0, 2.0)
WEIGHTS = np.array([[2.5, 3.0, 0.0], [1.0, 0.5, 3.0]])


def fake_mask(groups: int, predictors: int) -> np.ndarray:
    """Say that the last predictor does not apply to every other group, shape (K, P)."""
    mask = np.ones((groups, predictors), bool)
    if groups > 1 and predictors > 1:
        mask[::2, -1] = False
    return mask


def fake_table(
    groups: int,
    predictors: int,
    *,
    rows: int | Sequence[int] = 60,
    mask: np.ndarray | None = None,
    blanks: int = 0,
    latent: bool = False,
    origin: float = 0.0,
    noise: float = NOISE,
    seed: int = 7,
) -> RegressionData:
    """Simulate rows; `blanks` cells that apply are blanked, and predictors count from `origin`."""
    rng = np.random.default_rng(seed)
    mask = fake_mask(groups, predictors) if mask is None else np.asarray(mask, bool)
    index = np.repeat(np.arange(groups), np.resize(rows, groups))
    x = rng.uniform(
        np.resize(LOW, predictors), np.resize(HIGH, predictors), (len(index), predictors)
    )
    weights = rng.normal(1.5, SIGMA_W, (groups, predictors))
    k, p = min(groups, 2), min(predictors, 3)
    weights[:k, :p] = WEIGHTS[:k, :p]
    weights = np.where(mask, weights, 0.0)
    y = rng.normal((weights[index] * x).sum(1), noise)
    x = np.where(mask[index], x, np.nan)
    cells = rng.permutation(np.flatnonzero(mask[index].ravel()))[:blanks]
    x.ravel()[cells] = np.nan
    names = [*NAMES, *(f"predictor_{i + 1}" for i in range(3, predictors))][:predictors]
    return RegressionData(
        tuple(f"Product_Group_{i + 1}" for i in range(groups)),
        tuple(names),
        index,
        x,
        y,
        mask,
        Units(np.full(predictors, origin), np.ones(predictors)),
        "production_speed",
        "product_group",
        latent,
        {
            "alpha": origin * weights.sum(1),
            "w": np.where(mask, weights, np.nan),
            "scale": np.array(noise),
        },
    )


def fake_missing(
    groups: int = 2,
    predictors: int = 3,
    *,
    pooled: bool = False,
    latent: bool = False,
    truth: bool = True,
    rows: int | Sequence[int] = 60,
    mask: np.ndarray | None = None,
    blanks: int | None = None,
    origin: float = 0.0,
    noise: float = NOISE,
    chains: int = 4,
    draws: int = 500,
    warmup: int = 50,
    total_rows: int | None = None,
    seed: int = 0,
    data_seed: int = 7,
) -> xr.DataTree:
    """Make one run's DataTree; runs with the same data arguments and `data_seed` share their data.

    Parameters
    ----------
    pooled : whether the weights have a population, mu_w and sigma_w.
    latent : whether blank cells are latent values (else their rows are dropped).
    truth : whether the generating values are part of the tree.
    mask : shape (groups, predictors), or None for one in which the last predictor does not apply
        to every other group.
    blanks : blank cells where a predictor applies; None is 7 for latent cells, else 0.
    origin : where all predictors count from.
    total_rows : rows that there are in all, where the tree is to hold a part of them.
    """
    rng = np.random.default_rng(seed)
    blanks = 7 * latent if blanks is None else blanks
    data = fake_table(
        groups,
        predictors,
        rows=rows,
        mask=mask,
        blanks=blanks,
        latent=latent,
        origin=origin,
        noise=noise,
        seed=data_seed,
    )
    shape, cd = (chains, draws), ["chain", "draw"]
    mu, alpha, w = _effects(rng, data, noise, pooled, chains * draws)

    def scatter(value, *extra: int) -> np.ndarray:
        return value * np.exp(rng.normal(0, 0.05, (*shape, *extra)))

    posterior = {
        "alpha": ([*cd, "group"], alpha.reshape(*shape, groups)),
        "w": ([*cd, "group", "predictor"], w.reshape(*shape, groups, predictors)),
        "scale": (cd, scatter(noise)),
    }
    if pooled:
        posterior["mu_w"] = ([*cd, "predictor"], mu.reshape(*shape, predictors))
        posterior["sigma_w"] = ([*cd, "predictor"], scatter(SIGMA_W, predictors))
    if latent:
        column = np.nonzero(data.blank)[1]
        mean, sd = data.column_moments
        blank = rng.normal(mean[column], sd[column], (*shape, len(column))) + origin
        posterior["x_blank"] = ([*cd, "cell"], blank)
    observed = {
        "n": ("group", data.n),
        "index": ("row", data.index),
        "x": (("row", "predictor"), data.x),
        "y": ("row", data.y),
        "estimate_alpha": ("group", data.fits.intercept),
        "standard_error_alpha": ("group", data.fits.intercept_error),
        "estimate_w": (("group", "predictor"), data.fits.weights),
        "standard_error_w": (("group", "predictor"), data.fits.weight_errors),
    }
    constant = {
        "mask": (("group", "predictor"), data.mask),
        "x_origin": ("predictor", data.units.x_origin),
        "x_unit": ("predictor", data.units.x_unit),
        "y_origin": 0.0,
        "y_unit": 1.0,
    }
    if pooled:
        constant["centeredness_w"] = (("group", "predictor"), np.ones((groups, predictors)))
    if truth:
        dims = {"alpha": "group", "w": ("group", "predictor"), "scale": ()}
        constant |= {f"true_{site}": (dims[site], value) for site, value in data.truth.items()}
    places = {"group": list(data.names), "predictor": list(data.predictors)}
    ends = {"chain": np.arange(chains), "draw": np.arange(draws)}
    warm, parameters = (chains, warmup), groups * (predictors + 1) + 1
    stats, warmup_stats = (
        _sample_stats(rng, size, rng.normal(-20, 3, size), np.zeros(size, bool), parameters)
        for size in (shape, warm)
    )
    tree = {
        "posterior": xr.Dataset(posterior, places | ends),
        "sample_stats": xr.Dataset({name: (cd, value) for name, value in stats.items()}),
        "warmup_sample_stats": xr.Dataset({n: (cd, value) for n, value in warmup_stats.items()}),
        "observed_data": xr.Dataset(
            observed, places, {"rows": len(data.y) if total_rows is None else total_rows}
        ),
        "constant_data": xr.Dataset(constant, places),
    }
    if pooled:
        tree["unconstrained_posterior"] = xr.Dataset({"w": posterior["w"]}, places | ends)
    dt = xr.DataTree.from_dict(tree)
    dt.attrs = {
        "key": f"fake{seed}",
        "spec": "{}",
        "model": "missing_predictors",
        "response": data.response,
        "group_name": data.group,
        "wall_seconds": 0.4,
        "compile_seconds": 3.0,
        "gradients": int(stats["n_steps"].sum() + warmup_stats["n_steps"].sum()),
        "levels": json.dumps(_levels(data) if pooled else {}),
        "scales": json.dumps(["scale", *["sigma_w"] * pooled]),
    }
    return dt


def _effects(
    rng, data: RegressionData, noise: float, pooled: bool, draws: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw mu_w (S, P), alpha (S, K) at the origin and w (S, K, P)."""
    groups, width = data.mask.shape
    true = np.where(data.mask, data.truth["w"], np.nan)
    middle = np.nan_to_num(np.nanmean(true, 0)) if pooled else np.zeros(width)
    spread = SIGMA_W / np.sqrt(data.mask.sum(0)) if pooled else np.zeros(width)
    mu = rng.normal(middle, spread, (draws, width))
    sd = np.r_[PRIOR_SD, np.full(width, SIGMA_W if pooled else PRIOR_SD)]
    alpha, w = np.empty((draws, groups)), np.empty((draws, groups, width))
    index, x, y = data.rows
    known = ~np.isnan(x).any(1)
    for k in range(groups):
        mine = known & (index == k)
        design = np.column_stack([np.ones(mine.sum()), x[mine]])
        covariance = np.linalg.inv(design.T @ design / noise**2 + np.diag(sd**-2.0))
        prior = np.column_stack([np.zeros(draws), mu]) * sd**-2.0
        mean = (design.T @ y[mine] / noise**2 + prior) @ covariance
        drawn = mean + rng.standard_normal(mean.shape) @ np.linalg.cholesky(covariance).T
        alpha[:, k], w[:, k] = drawn[:, 0], drawn[:, 1:]
    return mu, alpha, w


def _levels(data: RegressionData) -> dict[str, dict]:
    return {
        f"w[{name}]": {
            "effect": "w",
            "location": "mu_w",
            "scale": "sigma_w",
            "noise": "scale",
            "member": name,
            "masked": True,
            "title": f"weights of {name}",
        }
        for name in data.predictors
    }
