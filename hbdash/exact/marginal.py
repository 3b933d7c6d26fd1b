"""The normal-means model with mu and theta integrated out: a density of the log scales alone.

Given tau (and sigma) everything is Gaussian (Gelman et al., Bayesian Data Analysis, 3rd edition,
section 5.4).
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import BSpline, make_interp_spline
from scipy.special import expit, gammaln

from hbdash.data import GroupData
from hbdash.priors import SCALE, Prior

#: Above this many different standard errors their sums over two scales come from a spline.
_MOST_SUMMED = 4


class NoExactAnswer(ValueError):
    """Quadrature cannot give this posterior."""


@dataclass(frozen=True)
class NormalMeans:
    """The model with mu and theta integrated out, as a density of (log tau, log sigma).

    With s_k = sigma * scale_k and r^2 the geometric mean of the scale_k^2, every sum over the
    groups depends on the share alpha = tau^2 / (tau^2 + r^2 sigma^2) alone: tau^2 + s_k^2 is
    (tau^2 + r^2 sigma^2) (alpha + (1 - alpha) ratio_k). Where sigma is known it is set to 1 and
    scale_k is the standard error.

    Attributes
    ----------
    log_r : log r.
    ratio, count, mean, ss : shape (C,): one entry for each different scale_k: (scale_k / r)^2,
        the groups that share it, the mean of their means less `centre`, and its sum of squares.
    of_group : shape (K,): the class of each group.
    centre : what was subtracted from all means.
    """

    data: GroupData
    priors: dict[str, Prior]
    log_r: float
    ratio: np.ndarray
    count: np.ndarray
    mean: np.ndarray
    ss: np.ndarray
    of_group: np.ndarray
    centre: float

    @cached_property
    def _table(self) -> BSpline:
        """The sums as splines in log(tau / (r sigma)); they are analytic within a strip of pi."""
        spread = np.log(self.ratio[[0, -1]]) / 2
        x = np.arange(spread[0] - 20, spread[1] + 20.1, 0.1)
        return make_interp_spline(x, np.stack(self._direct(x), -1), k=11)

    def _direct(self, x: np.ndarray) -> tuple[np.ndarray, ...]:
        spread = expit(2 * x)[..., None] + expit(-2 * x)[..., None] * self.ratio
        weight = self.count / spread
        total = weight.sum(-1)
        mean = weight @ self.mean / total
        square = ((self.mean - mean[..., None]) ** 2 * weight + self.ss / spread).sum(-1)
        return np.log(spread) @ self.count, total, mean, square

    def _sums(self, log_tau: np.ndarray, log_sigma: np.ndarray) -> tuple[np.ndarray, ...]:
        """Log determinant, total weight, weighted mean, sum of squares; and log unit variance."""
        x = log_tau - log_sigma - self.log_r
        unit = np.logaddexp(2 * log_tau, 2 * (log_sigma + self.log_r))
        if self.data.sigma is not None or len(self.ratio) <= _MOST_SUMMED:
            return *self._direct(x), unit
        knots = self._table.t
        return *np.moveaxis(self._table(np.clip(x, knots[0], knots[-1])), -1, 0), unit

    def log_density(self, log_tau: np.ndarray, log_sigma: np.ndarray) -> np.ndarray:
        """Log joint density of the rows, log tau (and log sigma); shapes (T, 1), (S,) -> (T, S)."""
        determinant, total, mean, square, unit = self._sums(log_tau, log_sigma)
        loc, scale = self._mu_prior
        known = np.log(scale**2 * total) - unit
        value = (
            -0.5 * (len(self.of_group) * unit + determinant + np.logaddexp(0, known))
            - 0.5 * square * np.exp(np.minimum(-unit, 600))
            - 0.5 * ((mean - loc) / scale) ** 2 * expit(known)
            + log_prior(self.priors["tau"], log_tau)
        )
        if self.data.sigma is not None:
            return value
        return value + self._within(log_sigma) + log_prior(self.priors["sigma"], log_sigma)

    def _within(self, log_sigma: np.ndarray) -> np.ndarray:
        """Log density of the rows about their means, less constants, for sigma unknown."""
        free, ss = float((self.data.n - 1).sum()), float(self.data.ss.sum())
        if free == 0 or ss == 0:
            return -free * log_sigma
        away = log_sigma - 0.5 * math.log(ss / free)
        # With a million rows the two terms would cancel and leave little but rounding.
        return -free * (away + 0.5 * np.expm1(-2 * away) + (log_sigma - away) + 0.5)

    @property
    def log_constant(self) -> float:
        """What `log_density` leaves out: the factors of 2 pi, the n_k and, known, the sigma_k."""
        d = self.data
        constant = -0.5 * float(d.n.sum()) * math.log(2 * math.pi) - 0.5 * float(np.log(d.n).sum())
        if d.sigma is None:
            return constant
        return constant - float(((d.n - 1) * np.log(d.sigma) + 0.5 * d.ss / d.sigma**2).sum())

    def mu_given(self, log_tau: np.ndarray, log_sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Conditional mean (less `centre`) and variance of mu, each of shape (T, S)."""
        _, total, mean, _, unit = self._sums(log_tau, log_sigma)
        loc, scale = self._mu_prior
        ignorance = expit(unit - np.log(scale**2 * total))
        return mean + (loc - mean) * ignorance, scale**2 * ignorance

    @property
    def _mu_prior(self) -> tuple[float, float]:
        mu = self.priors["mu"].parameters
        return mu["loc"] - self.centre, mu["scale"]


def marginalize(data: GroupData, priors: dict[str, Prior]) -> NormalMeans:
    """Sort the groups into classes of equal scale, and centre their means.

    Raises
    ------
    NoExactAnswer
        For priors under which mu does not integrate out, or tau or sigma could be negative.
    """
    _check(data, priors)
    scale = (1.0 if data.sigma is None else data.sigma) / np.sqrt(data.n)
    log_r = float(np.log(scale).mean())
    ratio, of_group = np.unique((scale / math.exp(log_r)) ** 2, return_inverse=True)
    weight = 1 / ratio[of_group]
    centre = float(data.mean[0] + weight @ (data.mean - data.mean[0]) / weight.sum())
    away = data.mean - centre
    count = np.bincount(of_group).astype(float)
    mean = np.bincount(of_group, away) / count
    ss = np.bincount(of_group, (away - mean[of_group]) ** 2)
    return NormalMeans(data, priors, log_r, ratio, count, mean, ss, of_group, centre)


def starts(model: NormalMeans) -> tuple[list[tuple[float, float]], list[np.ndarray]]:
    """Hard ends and points to look for the mode at: where the prior is, and where the data are."""
    data, unknown = model.data, model.data.sigma is None
    free, ss = float((data.n - 1).sum()), float(data.ss.sum())
    between = float(data.mean.std()) or 1.0
    within = math.sqrt(ss / free) if free > 0 and ss > 0 else between
    clues = {"tau": [between, math.exp(model.log_r) * (within if unknown else 1.0)]}
    if unknown:
        clues["sigma"] = [between, within]
    near, ends, starts = np.linspace(-8, 8, 33), [], []
    for site, found in clues.items():
        end, centre, width = _place(model.priors[site])
        logs = [centre, *np.log(np.maximum(found, 1e-100))]
        broad = np.linspace(min(logs) - 6, max(logs) + 6, 65)
        sharp = logs[-1] + near / math.sqrt(2 * max(free, 1)) if site == "sigma" else []
        ends.append(end)
        starts.append(np.concatenate([broad, centre + near * width, sharp]))
    return (ends, starts) if unknown else ([*ends, (0.0, 0.0)], [*starts, np.zeros(1)])


def log_prior(prior: Prior, log_x: np.ndarray) -> np.ndarray:
    """Log density of log x, in nats, where x has a prior for scales; not cut at a Uniform's ends.

    Raises
    ------
    NoExactAnswer
        For a family that is not in ``hbdash.priors.SCALE``.
    """
    p = prior.parameters
    match prior.dist:
        case "HalfNormal":
            z = log_x - math.log(p["scale"])
            return 0.5 * math.log(2 / math.pi) + z - 0.5 * np.exp(2 * z)
        case "HalfCauchy":
            z = log_x - math.log(p["scale"])
            return math.log(2 / math.pi) + z - np.logaddexp(0, 2 * z)
        case "Exponential":
            z = log_x + math.log(p["rate"])
            return z - np.exp(z)
        case "LogNormal":
            constant = math.log(p["scale"] * math.sqrt(2 * math.pi))
            return -0.5 * ((log_x - p["loc"]) / p["scale"]) ** 2 - constant
        case "Gamma" | "InverseGamma":
            a = p["concentration"]
            z = (log_x if prior.dist == "Gamma" else -log_x) + math.log(p["rate"] / a)
            return a * (z - np.expm1(z)) + (a * math.log(a) - a - float(gammaln(a)))
        case "Uniform":
            return log_x - math.log(p["high"] - p["low"])
    raise NoExactAnswer(f"There is no exact answer for a {prior.dist} prior on a scale.")


def _place(prior: Prior) -> tuple[tuple[float, float], float, float]:
    """Hard ends, centre and rough width of a prior on a scale, all on the log scale."""
    p, open_ends = prior.parameters, (-np.inf, np.inf)
    match prior.dist:
        case "LogNormal":
            return open_ends, p["loc"], p["scale"]
        case "Gamma" | "InverseGamma":
            a = p["concentration"]
            centre = math.log(a / p["rate"])
            return open_ends, centre if prior.dist == "Gamma" else -centre, a**-0.5
        case "Exponential":
            return open_ends, -math.log(p["rate"]), 1.0
        case "Uniform":
            low = math.log(p["low"]) if p["low"] > 0 else -np.inf
            high = math.log(p["high"])
            return (low, high), high, min(high - low, 1.0)
    return open_ends, math.log(p["scale"]), 1.0


def _check(data: GroupData, priors: dict[str, Prior]) -> None:
    needed = {"mu", "tau"} | ({"sigma"} if data.sigma is None else set())
    if set(priors) != needed:
        raise ValueError(
            f"`priors` must hold {', '.join(sorted(needed))}, got {', '.join(sorted(priors))}."
        )
    if priors["mu"].dist != "Normal":
        raise NoExactAnswer(
            f"There is no exact answer for a {priors['mu'].dist} prior on mu: the quadrature needs "
            "a Normal one."
        )
    for site in needed - {"mu"}:
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
