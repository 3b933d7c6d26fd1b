"""Varying intercepts and slopes with every coefficient integrated out: a density of the log scales.

Given the three scales everything is Gaussian (Lindley and Smith, 1972, JRSS B 34, 1-41). A group
enters through its information G = [[n, n x], [n x, n x^2 + r^2]] (mean predictor x, centred sum of
squares r^2), which may be singular: nothing here inverts it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from hbdash.exact.marginal import log_prior
from hbdash.priors import Prior
from hbdash.regression_data import Statistics

#: Points times classes of groups worked on at once: what stays in the cache, and in one thread.
_CHUNK = 1 << 14
#: Points worked on at once, to bound the memory.
_BLOCK = 1 << 16


class Shares(NamedTuple):
    """Functions of the log scales (a, b, s), each of shape (N, 1).

    Attributes
    ----------
    p, p_rest : e^2a / (e^2a + e^2s) and 1 less it. q, q_rest : the same for b.
    """

    p: np.ndarray
    p_rest: np.ndarray
    q: np.ndarray
    q_rest: np.ndarray


def shares(points: np.ndarray) -> Shares:
    """Split each coefficient's variance and the noise's; points have shape (N, 3)."""
    a, b = (2 * (points[:, [i]] - points[:, [2]]) for i in (0, 1))
    return Shares(expit(a), expit(-a), expit(b), expit(-b))


class Effects(NamedTuple):
    """One kind of coefficient (intercept or slope) of K groups, given the scales.

    The deviation theta - mu is Gaussian given the population's means: its mean is `away` at their
    conditional mean and moves with them by `follow`.

    Attributes
    ----------
    away, variance : shape (N, K). follow : two arrays of shape (N, K), for either mean.
    """

    away: np.ndarray
    variance: np.ndarray
    follow: tuple[np.ndarray, np.ndarray]


class Population(NamedTuple):
    """Moments of both population means given the scales.

    Attributes
    ----------
    mean, variance : shape (N, 2). covariance : shape (N,), of the two.
    """

    mean: np.ndarray
    variance: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True)
class NormalLines:
    """The model with both means and all lines integrated out.

    Attributes
    ----------
    statistics : of the K groups, one predictor.
    loc, scale : shape (2,): the Normal priors on the means; a scale of 0 fixes one.
    priors : on the three scales; None adds nothing.
    origin : shape (2,): a line near the rows, which coefficients are counted from.
    information : shape (C, 4): n, n x^2 + r^2, n r^2 and the groups in each class.
    table : shape (C, 11): sums over the groups of a class that, divided by the class's determinant
        and weighted by shares of the variances, give squares (3 columns), information (4) and
        pull (4) about the means.
    rows, groups : how many rows there are, and groups that have any.
    """

    statistics: Statistics
    loc: np.ndarray
    scale: np.ndarray
    priors: tuple[Prior | None, ...]
    origin: np.ndarray
    information: np.ndarray
    table: np.ndarray
    rows: float
    groups: int

    @property
    def told(self) -> np.ndarray:
        """What the rows of each group say about its slope: their sum of x^2, shape (K,)."""
        s = self.statistics
        return s.n * s.x_mean[:, 0] ** 2 + s.root[:, 0, 0] ** 2

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Log joint density of the rows and the log scales; points (N, 3) to (N,), in nats."""
        return np.concatenate([self._log_density(part) for part in _blocks(points)])

    def _log_density(self, points: np.ndarray) -> np.ndarray:
        a, b, s = points.T
        determinant, square, h, information = self._given(points)
        prior_sd, away = self.scale**2, self.loc - self.origin
        unit = np.logaddexp(2 * a, 2 * s) + np.logaddexp(2 * b, 2 * s)
        whole, gain, keep = _solve(information, prior_sd)
        gained = np.einsum("ni,nij,nj->n", h, gain, h)
        kept = np.einsum("nij,j->ni", keep, away)
        moved = 2 * (h * kept).sum(1) - np.einsum("i,nij,nj->n", away, information, kept)
        value = -0.5 * (
            self.rows * np.log(2 * np.pi)
            + 2 * s * (self.rows - 2 * self.groups)
            + self.groups * unit
            + determinant
            + whole
            + square
            - gained
            - moved
            + float(self.statistics.ss.sum()) * np.exp(np.minimum(-2 * s, 600))
        )
        for prior, u in zip(self.priors, points.T, strict=True):
            if prior is not None:
                value = value + log_prior(prior, u)
        return value

    def population_given(self, points: np.ndarray) -> Population:
        """Moments of the two population means given the scales."""
        found = []
        for part in _blocks(points):
            _, _, h, information = self._given(part)
            _, gain, keep = _solve(information, self.scale**2)
            mean = np.einsum("nij,nj->ni", gain, h) + keep @ (self.loc - self.origin) + self.origin
            found.append((mean, np.einsum("nii->ni", gain), gain[:, 0, 1]))
        return Population(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def effects_given(
        self, points: np.ndarray, population: Population, effect: int, groups: slice = slice(None)
    ) -> Effects:
        """Deviations of the intercepts (0) or slopes (1) of some groups given the scales."""
        t = self.statistics
        n, x, r2 = t.n[groups], t.x_mean[groups, 0], t.root[groups, 0, 0] ** 2
        slope, level = t.fit[groups, 0], t.y_mean[groups]
        p, p_rest, q, q_rest = shares(points)
        g22, both = n * x**2 + r2, n * r2
        d = np.maximum(p_rest * q_rest + p * q_rest * n + p_rest * q * g22 + p * q * both, 1e-300)
        a, b = population.mean[:, [0]], population.mean[:, [1]]
        e1, e2 = level - a - x * b, slope - b
        noise = np.exp(2 * points[:, [2]])
        if effect == 0:
            away = p * (q_rest * n * e1 + q * both * (level - x * slope - a)) / d
            follow = -p * (q_rest * n + q * both) / d, -p * q_rest * n * x / d
            return Effects(away, noise * p * (q_rest + q * g22) / d, follow)
        away = q * (p_rest * (n * x * e1 + r2 * e2) + p * both * e2) / d
        follow = -q * p_rest * n * x / d, -q * (p_rest * g22 + p * both) / d
        return Effects(away, noise * q * (p_rest + p * n) / d, follow)

    def _given(self, points: np.ndarray):
        """Log determinants, squares, pull and information about the population's means.

        With A = e^2a, B = e^2b, S = e^2s the groups' lines have, as estimates of the means, the
        precision W = G (S I + diag(A, B) G)^-1, whose determinant and entries are sums of positive
        terms; so are the squares about `origin`.
        """
        a, b, s = points.T
        each = max(_CHUNK // len(self.table), 1)
        parts = [self._sums(points[i : i + each]) for i in range(0, len(points), each)]
        determinant = np.concatenate([part[0] for part in parts])
        sums = np.concatenate([part[1] for part in parts])
        p, p_rest, q, q_rest = (c[:, 0] for c in shares(points))
        in_a, in_b = np.exp(-np.logaddexp(2 * a, 2 * s)), np.exp(-np.logaddexp(2 * b, 2 * s))
        c1, c2, c3 = in_a * q_rest, in_a * q, p * in_b
        s1, s2, s3, n, both, nx, g22, h1, h2, h3, h4 = sums.T
        square = c1 * s1 + c2 * s2 + c3 * s3
        h = np.stack([c1 * h1 + c2 * h2, c1 * h3 + c3 * h4], 1)
        cross = c1 * nx
        rows = [c1 * n + c2 * both, cross, cross, c1 * g22 + c3 * both]
        return determinant, square, h, np.stack(rows, 1).reshape(-1, 2, 2)

    def _sums(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n, g22, both, count = self.information.T
        p, p_rest, q, q_rest = shares(points)
        terms = np.concatenate([p_rest * q_rest, p * q_rest, p_rest * q, p * q], 1)
        d = terms @ np.stack([np.ones_like(n), n, g22, both])
        np.maximum(d, 1e-300, out=d)
        return np.log(d) @ count, (1 / d) @ self.table


def spread_of(
    effects: Effects,
    population: Population,
    to_intercept: float | np.ndarray,
    to_slope: float | np.ndarray,
) -> np.ndarray:
    """Variance of deviation + to_intercept mu_intercept + to_slope mu_slope, shape (N, K)."""
    one, two = effects.follow[0] + to_intercept, effects.follow[1] + to_slope
    va, vb = population.variance.T[:, :, None]
    cross = 2 * one * two * population.covariance[:, None]
    return effects.variance + np.maximum(one**2 * va + two**2 * vb + cross, 0.0)


def _blocks(points: np.ndarray) -> list[np.ndarray]:
    return [points[i : i + _BLOCK] for i in range(0, max(len(points), 1), _BLOCK)]


def _solve(information: np.ndarray, prior: np.ndarray):
    """Log det(I + P L), P (I + L P)^-1 and (I + P L)^-1 for L, shape (N, 2, 2), and P diagonal."""
    aa, ab, bb = information[:, 0, 0], information[:, 0, 1], information[:, 1, 1]
    pa, pb = prior
    one, two = 1 + pa * aa, 1 + pb * bb
    whole = 1 + pa * aa + pb * bb + pa * pb * np.maximum(aa * bb - ab**2, 0.0)
    keep = np.stack([two, -pa * ab, -pb * ab, one], 1).reshape(-1, 2, 2) / whole[:, None, None]
    return np.log(whole), keep * prior, keep


def marginalize(
    statistics: Statistics,
    loc: Sequence[float],
    scale: Sequence[float],
    priors: Sequence[Prior | None],
) -> NormalLines:
    """Sort the groups into classes of equal information, and add up what each class needs.

    Parameters
    ----------
    statistics : of K groups with one predictor.
    loc, scale : Normal priors on the mean intercept and the mean slope.
    priors : on the scales of intercepts, slopes and noise.
    """
    t = statistics
    some = t.n > 0
    n, x, r2 = t.n[some], t.x_mean[some, 0], t.root[some, 0, 0] ** 2
    y, slope = t.y_mean[some], t.fit[some, 0]
    # One line through all rows, by least squares.
    near = n @ x / n.sum()
    level = n @ y / n.sum()
    spread = n @ (x - near) ** 2 + r2.sum()
    common = (n @ ((x - near) * (y - level)) + r2 @ slope) / spread if spread > 0 else 0.0
    origin = np.array([level - near * common, common])
    e1, e2 = y - origin[0] - x * origin[1], slope - origin[1]
    intercept = y - x * slope - origin[0]
    g22, both = n * x**2 + r2, n * r2
    size = np.maximum(np.abs(np.stack([n, x, r2])).max(1), 1e-300)
    alike = np.round(np.stack([n, x, r2], 1) / size, 13)
    _, first, of_group = np.unique(alike, axis=0, return_index=True, return_inverse=True)
    columns = (
        n * e1**2 + r2 * e2**2,
        both * intercept**2,
        both * e2**2,
        n,
        both,
        n * x,
        g22,
        n * e1,
        both * intercept,
        n * x * e1 + r2 * e2,
        both * e2,
    )
    table = np.stack([np.bincount(of_group.ravel(), column) for column in columns], 1)
    count = np.bincount(of_group.ravel()).astype(float)
    information = np.stack([n[first], g22[first], both[first], count], 1)
    return NormalLines(
        t,
        np.asarray(loc, float),
        np.asarray(scale, float),
        tuple(priors),
        origin,
        information,
        table,
        float(n.sum()),
        int(some.sum()),
    )
