"""What the priors say before any data: densities, outcomes, and how much they shrink."""

from typing import Any

import jax
import numpy as np
import xarray as xr

from hbdash.data import GroupData
from hbdash.priors import LARGEST, Prior, distribution

DRAWS = 4000
_POINTS = 400


def _draw(prior: Prior, seed: int, stream: int) -> np.ndarray:
    key = jax.random.fold_in(jax.random.key(seed), stream)
    draws = distribution(prior.dist, prior.parameters).sample(key, (DRAWS,))
    # A LogNormal may reach beyond the numbers; what is drawn stays within those of data.
    return np.clip(np.asarray(draws), -LARGEST, LARGEST)


def densities(priors: dict[str, Prior], seed: int = 0) -> xr.Dataset:
    """Prior densities on the range that holds their central 98 %.

    Returns
    -------
    Dataset with, for each site, its density over the coordinate ``<site>_x``, shape (400,).
    """
    found: dict[str, Any] = {}
    for stream, (site, prior) in enumerate(priors.items()):
        low, high = np.quantile(_draw(prior, seed, stream), [0.01, 0.99])
        low, high = (low, high) if site == "mu" else (0.0, high)
        pad = 0.05 * (high - low)
        x = np.linspace(low - pad if site == "mu" else high * 1e-4, high + pad, _POINTS)
        found[site] = xr.DataArray(density(prior, x), dims=[f"{site}_x"], coords={f"{site}_x": x})
    return xr.Dataset(found)


def density(prior: Prior, x: np.ndarray) -> np.ndarray:
    """Density of a prior at points, 0 outside its support; same shape as `x`."""
    law: Any = distribution(prior.dist, prior.parameters)
    x = np.asarray(x, float)
    inside = np.asarray(law.support(x))
    found = np.zeros_like(x)
    found[inside] = np.exp(law.log_prob(x[inside]))
    return found


def scale_density(prior: Prior, highest: float) -> xr.Dataset:
    """Prior density of tau from 0 to `highest`, for drawing beside its posterior."""
    x = np.linspace(highest * 1e-4, highest, _POINTS)
    return xr.Dataset({"tau_prior_density": ("tau_grid", density(prior, x))}, {"tau_grid": x})


def outcomes(priors: dict[str, Prior], data: GroupData, seed: int = 0) -> np.ndarray:
    """Draw one new measurement from the prior predictive, of a group picked at random.

    Returns
    -------
    Shape (4000,), in the outcome's units.
    """
    rng = np.random.default_rng(seed)
    draws = {site: _draw(prior, seed, i) for i, (site, prior) in enumerate(priors.items())}
    sigma = draws["sigma"] if "sigma" in draws else rng.choice(_sigma(data), DRAWS)
    theta = draws["mu"] + draws["tau"] * rng.standard_normal(DRAWS)
    return theta + sigma * rng.standard_normal(DRAWS)


def shrinkage(
    priors: dict[str, Prior], data: GroupData, seed: int = 0
) -> tuple[np.ndarray, list[str]]:
    """Draw how far the prior would shrink groups: s_k^2 / (s_k^2 + tau^2), 0 none, 1 wholly.

    Returns
    -------
    Shape (4000, up to 3), and labels: the least, middle and best informed group.
    """
    order = np.argsort(-data.standard_error, kind="stable")
    chosen = list(dict.fromkeys(order[[0, len(order) // 2, -1]].tolist()))
    draws = {site: _draw(prior, seed, i) for i, (site, prior) in enumerate(priors.items())}
    sigma = draws["sigma"][:, None] if "sigma" in draws else _sigma(data)[chosen]
    s2 = sigma**2 / data.n[chosen]
    labels = [f"{data.names[k]} (n = {data.n[k]:,.0f})" for k in chosen]
    return s2 / (s2 + draws["tau"][:, None] ** 2), labels


def _sigma(data: GroupData) -> np.ndarray:
    return np.full(len(data.n), data.pooled_sd) if data.sigma is None else data.sigma
