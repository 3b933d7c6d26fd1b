"""What a quadrature over the log scales of a regression can solve, and where it begins."""

import math
from collections.abc import Sequence

import numpy as np

from hbdash.exact.lattice import Lattice, LogDensity, TooManyNodes, integrate
from hbdash.exact.marginal import NoExactAnswer
from hbdash.exact.quadrature import Improper
from hbdash.priors import SCALE, Prior
from hbdash.regression_data import RegressionData

#: Limits that keep the time under some seconds: nodes, and nodes times terms of each.
MOST_NODES, MOST_WORK = 1_200_000, 150_000_000
#: A moment whose integrand falls more slowly than this (per e of the scale) counts as missing.
BARELY = 0.1


def refuse(
    data: RegressionData,
    priors: dict[str, Prior],
    locations: Sequence[str],
    scales: Sequence[str],
) -> None:
    """Refuse priors that leave the model other than Gaussian given the scales, and latent cells.

    Raises
    ------
    ValueError
        When a prior is missing or too many.
    NoExactAnswer
        For a location without a Normal prior, a scale that could be negative, latent cells.
    """
    needed = {*locations, *scales}
    if set(priors) != needed:
        raise ValueError(
            f"`priors` must hold {', '.join(sorted(needed))}, got {', '.join(sorted(priors))}."
        )
    for site in locations:
        if priors[site].dist != "Normal":
            raise NoExactAnswer(
                f"There is no exact answer for a {priors[site].dist} prior on {site}: the "
                "quadrature needs a Normal one."
            )
    for site in scales:
        prior = priors[site]
        if prior.dist not in SCALE:
            raise NoExactAnswer(
                f"There is no exact answer for a {prior.dist} prior on {site}: the quadrature "
                f"needs one of {', '.join(SCALE)}."
            )
        if prior.dist == "Uniform" and prior.parameters["low"] < 0:
            raise NoExactAnswer(
                f"A Uniform prior on {site} must have low >= 0, got {prior.parameters['low']:g}."
            )
    if data.latent and (blanks := int(data.blank.sum())):
        raise NoExactAnswer(
            "There is no exact answer with latent values: every cell must be known where its "
            f"predictor applies, but {blanks:,} are blank. Drop their rows for an exact answer."
        )


def refuse_exact_fits(data: RegressionData, noise: str, prior: Prior) -> None:
    """Refuse rows that lie on their lines exactly where the prior lets the noise be 0.

    Raises
    ------
    NoExactAnswer
        When the posterior piles up at a noise of 0.
    """
    values = np.linalg.svd(data.statistics.root, compute_uv=False)
    rank = (values > 1e-6 * values.max(1, initial=0)[:, None]).sum(1)
    free = np.maximum(data.statistics.n - 1 - rank, 0).sum()
    exactly = data.statistics.ss.sum() <= 1e-26 * (data.rows[2] ** 2).sum()
    if exactly and free >= head(prior):
        raise NoExactAnswer(
            f"The rows of every group lie on a line exactly, so the posterior piles up at {noise} "
            "= 0: choose a prior that keeps away from 0, such as a LogNormal."
        )


def solve(
    log_density: LogDensity,
    priors: Sequence[Prior],
    starts: np.ndarray,
    tilts: np.ndarray,
    work: int,
) -> Lattice:
    """Integrate over the log scales, and say why where that is impossible.

    Parameters
    ----------
    log_density, starts, tilts : as in ``hbdash.exact.lattice.integrate``.
    priors : of the D scales.
    work : what a node costs: the groups that differ in their predictors.

    Raises
    ------
    NoExactAnswer
        Where the posterior is improper, or needs too many nodes.
    """
    most = min(MOST_NODES, MOST_WORK // work)
    try:
        return integrate(log_density, [ends(prior) for prior in priors], starts, tilts, most)
    except Improper as error:
        raise NoExactAnswer(
            "The posterior does not fall off towards a scale of 0, so it has no moments: with "
            "rows that lie on a line exactly, choose priors that keep away from 0."
        ) from error
    except TooManyNodes as error:
        raise NoExactAnswer(
            f"The quadrature over the scales must do with {most:,} nodes (with {work:,} groups "
            "that differ in their predictors), but these rows and priors need more: take a long "
            "run instead."
        ) from error


def starts(data: RegressionData, priors: Sequence[Prior]) -> np.ndarray:
    """Points to look for modes from, shape (M, D): where rows and priors say, alone and mixed.

    The last scale is the noise's; those before it belong to the last of intercept and weights.
    """
    fits, centres = data.fits, np.array([_centre(prior) for prior in priors])
    spreads = []
    for values in (fits.intercept, *fits.weights.T):
        known = values[np.isfinite(values)]
        spreads.append(float(known.std()) if len(known) > 1 else 0.0)
    clue = np.array([*spreads[len(spreads) - len(priors) + 1 :], fits.sd])
    rows = np.where(clue > 1e-9 * fits.sd, np.log(np.maximum(clue, 1e-300)), centres)
    pooled, low = np.append(centres[:-1], rows[-1]), np.append(rows[:-1] - 3, rows[-1])
    return np.stack([rows, centres, pooled, (rows + centres) / 2, low])


def ends(prior: Prior) -> tuple[float, float]:
    """Hard ends of a scale, on the log scale."""
    if prior.dist != "Uniform":
        return -np.inf, np.inf
    low, high = prior.parameters["low"], prior.parameters["high"]
    return math.log(low) if low > 0 else -np.inf, math.log(high)


def tail(prior: Prior) -> float:
    """How fast the log density of log x falls to the right, inf if faster than any line."""
    if prior.dist == "HalfCauchy":
        return 1.0
    return prior.parameters["concentration"] if prior.dist == "InverseGamma" else np.inf


def head(prior: Prior) -> float:
    """How fast the log density of log x falls to the left, inf if faster than any line."""
    match prior.dist:
        case "Gamma":
            return prior.parameters["concentration"]
        case "LogNormal" | "InverseGamma":
            return np.inf
        case "Uniform":
            return np.inf if prior.parameters["low"] > 0 else 1.0
    return 1.0


def _centre(prior: Prior) -> float:
    p = prior.parameters
    match prior.dist:
        case "LogNormal":
            return p["loc"]
        case "Gamma":
            return math.log(p["concentration"] / p["rate"])
        case "InverseGamma":
            return math.log(p["rate"] / p["concentration"])
        case "Exponential":
            return -math.log(p["rate"])
        case "Uniform":
            low, high = ends(prior)
            return high - min(high - low, 2.0) / 2
    return math.log(p["scale"])
