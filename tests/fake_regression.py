"""Regression runs without a sampler: lines of groups with roughly the right draws, as in real runs.

Rows are simulated. Given scales, intercepts and slopes of a group are Gaussian and drawn exactly;
the scales and the population means scatter around their generating values, which is rough.
"""

import json
from collections.abc import Sequence

import numpy as np
import xarray as xr

from hbdash.regression_data import RegressionData, Units
from tests.fake_runs import _sample_stats

MU, SIGMA, NOISE = np.array([1.0, 0.6]), np.array([0.8, 0.5]), 0.7


def fake_rows(
    groups: int, rows: int | Sequence[int], origin: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return index (N,), x (N,), y (N,) and the lines (K, 2): height at the origin, slope."""
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(groups), np.resize(rows, groups))
    lines = rng.normal(MU, SIGMA, (groups, 2))
    x = origin + rng.normal(0.0, 2.0, len(index))
    y = rng.normal(lines[index, 0] + lines[index, 1] * (x - origin), NOISE)
    return index, x, y, lines


def _given_scales(rng, index, x, y, groups: int, draws: int):
    """Draw (S, K, 2) lines given (S, 2) population means; also return those."""
    design = np.stack([np.ones_like(x), x], 1)
    products = np.zeros((groups, 2, 2))
    np.add.at(products, index, design[:, :, None] * design[:, None])
    sums = np.zeros((groups, 2))
    np.add.at(sums, index, design * y[:, None])
    mu = rng.normal(MU, SIGMA / np.sqrt(groups), (draws, 2))
    covariance = np.linalg.inv(products / NOISE**2 + np.diag(SIGMA**-2.0))
    mean = np.einsum("kij,skj->ski", covariance, sums / NOISE**2 + (mu * SIGMA**-2.0)[:, None])
    root = np.linalg.cholesky(covariance)
    return mu, mean + np.einsum("kij,skj->ski", root, rng.standard_normal(mean.shape))


def fake_regression(
    groups: int = 8,
    *,
    rows: int | Sequence[int] = 20,
    chains: int = 4,
    draws: int = 500,
    warmup: int = 50,
    truth: bool = True,
    nu: bool = False,
    origin: float = 0.0,
    divergences: int = 5,
    names: Sequence[str] | None = None,
    response: str = "y",
    predictor: str = "x",
    total_rows: int | None = None,
    seed: int = 0,
    data_seed: int = 7,
) -> xr.DataTree:
    """Make one run's DataTree; runs with the same `data_seed`, `groups`, `rows` share their data.

    Parameters
    ----------
    rows : rows of every group, or a number a group (repeated as needed). One row determines no
        line: its raw fit is NaN, its standard error infinite.
    truth : whether the generating values are part of the tree.
    nu : whether the likelihood is Student's t.
    origin : where the predictor counts from; its values scatter around it.
    total_rows : rows that there are in all, where the tree is to hold a part of them.
    """
    rng = np.random.default_rng(seed)
    index, x, y, lines = fake_rows(groups, rows, origin, data_seed)
    names = [f"group {k + 1}" for k in range(groups)] if names is None else list(names)
    mask, units = np.ones((groups, 1), bool), Units(np.array([origin]), np.ones(1))
    data = RegressionData(tuple(names), (predictor,), index, x[:, None], y, mask, units)
    shape, cd, cdg = (chains, draws), ["chain", "draw"], ["chain", "draw", "group"]
    mu, effects = _given_scales(rng, index, x - origin, y, groups, chains * draws)

    def scale(value: float) -> np.ndarray:
        return value * np.exp(rng.normal(0, 0.1, shape))

    posterior = {
        "mu_intercept": (cd, mu[:, 0].reshape(shape)),
        "mu_slope": (cd, mu[:, 1].reshape(shape)),
        "sigma_intercept": (cd, scale(SIGMA[0])),
        "sigma_slope": (cd, scale(SIGMA[1])),
        "sigma_noise": (cd, scale(NOISE)),
        "intercept": (cdg, effects[..., 0].reshape(*shape, groups)),
        "slope": (cdg, effects[..., 1].reshape(*shape, groups)),
    }
    if nu:
        posterior["nu"] = (cd, 4 * scale(1.0))
    diverging = np.zeros(chains * draws, bool)
    diverging[rng.permutation(chains * draws)[:divergences]] = True
    warm = (chains, warmup)
    stats = _sample_stats(
        rng, shape, rng.normal(-20, 3, shape), diverging.reshape(shape), 2 * groups + 5
    )
    warmup_stats = _sample_stats(
        rng, warm, rng.normal(-20, 4, warm), rng.random(warm) < 0.01, 2 * groups + 5
    )
    observed = {
        "n": ("group", data.n),
        "index": ("row", index),
        "x": (("row", "predictor"), x[:, None]),
        "y": ("row", y),
        "estimate_intercept": ("group", data.fits.intercept),
        "standard_error_intercept": ("group", data.fits.intercept_error),
        "estimate_slope": ("group", data.fits.weights[:, 0]),
        "standard_error_slope": ("group", data.fits.weight_errors[:, 0]),
    }
    constant = {
        "mask": (("group", "predictor"), mask),
        "x_origin": ("predictor", units.x_origin),
        "x_unit": ("predictor", units.x_unit),
        "y_origin": units.y_origin,
        "y_unit": units.y_unit,
        "centeredness_intercept": ("group", np.ones(groups)),
        "centeredness_slope": ("group", np.ones(groups)),
    }
    if truth:
        constant |= {
            "true_mu_intercept": MU[0],
            "true_mu_slope": MU[1],
            "true_sigma_intercept": SIGMA[0],
            "true_sigma_slope": SIGMA[1],
            "true_sigma_noise": NOISE,
            "true_intercept": ("group", lines[:, 0]),
            "true_slope": ("group", lines[:, 1]),
        }
    coords = {"chain": np.arange(chains), "draw": np.arange(draws), "group": names}
    warm_coords = {"chain": np.arange(chains), "draw": np.arange(warmup)}
    places = {"group": names, "predictor": [predictor]}
    sampled = {name: posterior[name] for name in ("intercept", "slope")}
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(posterior, coords),
            "unconstrained_posterior": xr.Dataset(sampled, coords),
            "sample_stats": xr.Dataset({name: (cd, value) for name, value in stats.items()}),
            "warmup_sample_stats": xr.Dataset(
                {name: (cd, value) for name, value in warmup_stats.items()}, warm_coords
            ),
            "observed_data": xr.Dataset(
                observed, places, {"rows": len(y) if total_rows is None else total_rows}
            ),
            "constant_data": xr.Dataset(constant, places),
        }
    )
    tree.attrs = {
        "key": f"fake{seed}",
        "spec": "{}",
        "model": "regression",
        "response": response,
        "group_name": "group",
        "wall_seconds": 0.4,
        "compile_seconds": 3.0,
        "gradients": int(stats["n_steps"].sum() + warmup_stats["n_steps"].sum()),
        "levels": json.dumps(
            {
                effect: {
                    "effect": effect,
                    "location": f"mu_{effect}",
                    "scale": f"sigma_{effect}",
                    "noise": "sigma_noise",
                    "member": None,
                    "masked": False,
                    "title": effect,
                }
                for effect in ("intercept", "slope")
            }
        ),
        "scales": json.dumps(["sigma_intercept", "sigma_slope", "sigma_noise", *["nu"] * nu]),
    }
    return tree
