"""Exact draws of true masses from a population, and draws by rejection from what has no inverse."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import ndtr, ndtri

from hbdash.population.parameters import Components

#: By how much the largest weight is taken for larger than was seen, in logs.
_MARGIN = 0.5
#: Draws at once, and in all, before rejection gives up.
_BATCH, _MOST = 20_000, 50_000_000


def draw_masses(
    rng: np.random.Generator, components: Components, truth: Mapping[str, float], size: int
) -> np.ndarray:
    """Draw true masses from the normalised population p(m1, m2), shape (size, 2).

    The component is drawn by its rate; a power law's m1 and then q = m2 / m1 by the inverse of
    their distribution functions, a Gaussian's masses from truncated normals. m2 may exceed m1, and
    a mass may be negative, in a Gaussian component that is not truncated.
    """
    log_rates = np.array([truth[name] for name in components.log_rates])
    shares = np.exp(log_rates - log_rates.max())
    which = rng.choice(len(shares), size, p=shares / shares.sum())
    u = rng.random((size, 2))
    found = np.empty((size, 2))
    for k in range(len(shares)):
        rows = which == k
        j = k - components.n_pl
        found[rows] = _gaussian(u[rows], truth, j) if j >= 0 else _power_law(u[rows], truth, k)
    return found


def _power_law(u: np.ndarray, truth: Mapping[str, float], i: int) -> np.ndarray:
    alpha, beta, low, high = (
        truth[f"{name}_{i}"] for name in ("alpha_pl", "beta_pl", "mmin_pl", "mmax_pl")
    )
    m1 = power_draw(u[:, 0], -alpha, low, high)
    return np.stack([m1, m1 * power_draw(u[:, 1], beta, low / m1, 1.0)], 1)


def _gaussian(u: np.ndarray, truth: Mapping[str, float], j: int) -> np.ndarray:
    columns = []
    for k, m in enumerate(("m1", "m2")):
        loc, scale = truth[f"{m}_loc_g_{j}"], truth[f"{m}_scale_g_{j}"]
        low, high = (truth.get(f"{m}_{end}_g_{j}") for end in ("low", "high"))
        columns.append(
            normal_draw(
                u[:, k],
                loc,
                scale,
                -np.inf if low is None else low,
                np.inf if high is None else high,
            )
        )
    return np.stack(columns, 1)


def power_draw(
    u: np.ndarray, exponent: float, low: np.ndarray | float, high: np.ndarray | float
) -> np.ndarray:
    """Return the u-quantile of the density proportional to x^exponent on [low, high].

    In t = ln(x / low) / ln(high / low) it is an exponential density of slope z, so
    ``t = log1p(u expm1(z)) / z``, from the upper end where z > 0: exact through exponent = -1 and
    without overflow for steep slopes.

    Parameters
    ----------
    u : in [0, 1]; shape (S,).
    low, high : 0 < low <= high, scalars or of shape (S,).
    """
    length = np.log(high) - np.log(low)
    z = np.broadcast_to((exponent + 1.0) * length, u.shape)
    down = -np.abs(z)
    v = np.where(z > 0, 1.0 - u, u)
    safe = np.where(down == 0, -1.0, down)
    # Above -1, which rounding reaches where a slope is steep.
    inner = np.maximum(v * np.expm1(safe), np.nextafter(-1.0, 0.0))
    t = np.where(down == 0, v, np.log1p(inner) / safe)
    t = np.where(z > 0, 1.0 - t, t)
    return np.clip(low * np.exp(length * t), low, high)


def normal_draw(
    u: np.ndarray, loc: np.ndarray | float, scale: float, low: float, high: float
) -> np.ndarray:
    """Return the u-quantile of a normal truncated to [low, high], in whichever tail that lies.

    Parameters
    ----------
    u : in [0, 1]; shape (S,).
    loc, scale : of the normal before truncation.
    """
    a, b = (low - np.asarray(loc)) / scale, (high - np.asarray(loc)) / scale
    # In the lower tail the distribution function keeps its digits, so an upper one is turned over.
    over = a > -b
    first, last = np.where(over, -b, a), np.where(over, -a, b)
    below, above = ndtr(first), ndtr(last)
    z = ndtri(below + np.where(over, 1.0 - u, u) * (above - below))
    z = np.clip(z, first, last)
    return loc + scale * np.where(over, -z, z)


def accept(
    rng: np.random.Generator,
    propose: Callable[[np.random.Generator, int], np.ndarray],
    log_weight: Callable[[np.ndarray], np.ndarray],
    size: int,
    *,
    pilot: int = 20_000,
) -> np.ndarray:
    """Draw from a density proportional to that of the proposal times exp(log_weight), by rejection.

    The bound on the weight is the largest of `pilot` proposals, raised by a factor e^0.5. Where a
    later proposal exceeds it, all is drawn anew under a higher bound; so the draws are independent,
    and exact but for regions that no proposal has met.

    Parameters
    ----------
    propose : (rng, n) -> shape (n, d).
    log_weight : shape (n, d) -> shape (n,), -inf where nothing is to be drawn.
    pilot : proposals from which the bound is judged.

    Returns
    -------
    Shape (size, d).

    Raises
    ------
    ValueError
        Where no proposal has a weight, or too few are accepted.
    """
    bound = _largest(log_weight(propose(rng, pilot)))
    if bound == -np.inf:
        raise ValueError("no draw from the population can be detected")
    kept: list[np.ndarray] = []
    found = tried = 0
    while found < size:
        if tried >= _MOST:
            raise ValueError(f"only {found:,} of {tried:,} draws from the population are detected")
        batch = propose(rng, min(_BATCH, 4 * size + 100))
        weights = log_weight(batch)
        if (largest := _largest(weights)) > bound + _MARGIN:
            bound, kept, found = largest, [], 0
            continue
        taken = batch[np.log(rng.random(len(batch))) < weights - bound - _MARGIN]
        kept.append(taken)
        found += len(taken)
        tried += len(batch)
    return np.concatenate(kept)[:size]


def _largest(weights: np.ndarray) -> float:
    if np.isnan(weights).any() or (weights == np.inf).any():
        raise ValueError("`log_vt` must be a number or -inf, got NaN or inf")
    return float(weights.max())
