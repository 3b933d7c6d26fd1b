"""The exact posterior of unpooled weights with masked predictors, by quadrature over the noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from hbdash.exact.lattice import Lattice
from hbdash.exact.marginal import NoExactAnswer, log_prior
from hbdash.exact.solvable import BARELY, refuse, refuse_exact_fits, solve, starts, tail
from hbdash.priors import Prior
from hbdash.regression_data import RegressionData

__all__ = ["ExactMissing", "NoExactAnswer", "posterior"]

_QUANTILES = (0.05, 0.5, 0.95)
#: Terms worked on at once.
_CHUNK = 1 << 20
#: A singular value below this share of the largest is 0.
_NEGLIGIBLE = 1e-13


@dataclass(frozen=True)
class Coefficients:
    """The Q = 1 + P coefficients of K groups, whitened by their priors and turned.

    Coefficients are loc + sd * (vectors' z), z standard normal a priori, and the rows say of z_i
    that values_i z_i is pulled_i up to the noise.

    Attributes
    ----------
    loc, sd : shape (Q,): the Normal priors, intercept first.
    values, pulled : shape (K, Q). vectors : shape (K, Q, Q): z runs along the first.
    """

    loc: np.ndarray
    sd: np.ndarray
    values: np.ndarray
    pulled: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class ExactMissing:
    """The posterior on its nodes: a mixture over the log noise of Gaussian coefficients.

    Everything that it gives is in the units the data came in; `alpha` is the height of a line at
    the predictors' origin.

    Attributes
    ----------
    data, coefficients : what was integrated.
    nodes : over the log of `scale`, in the units of the model.
    exists : shape (2,), bool: whether mean and sd of `scale` exist.
    """

    data: RegressionData
    coefficients: Coefficients
    nodes: Lattice
    exists: np.ndarray

    @cached_property
    def means(self) -> dict[str, float]:
        """Posterior means of log_scale, "alpha[group]", and "w[group, predictor]" that apply."""
        return {name: mean for name, (mean, _) in self._moments.items()}

    @cached_property
    def sds(self) -> dict[str, float]:
        """Posterior standard deviations of the same."""
        return {name: sd for name, (_, sd) in self._moments.items()}

    @property
    def log_evidence(self) -> float:
        """Log marginal likelihood of the rows, all constants included."""
        rows = float(self.data.statistics.n.sum())
        return self.nodes.log_total - rows * math.log(self.data.units.y_unit)

    def level(
        self, name: str, centeredness: np.ndarray | None = None, effects: bool = False
    ) -> xr.Dataset:
        """Say that there is none: unpooled weights have no population.

        Raises
        ------
        KeyError
            Always.
        """
        raise KeyError(f"Unpooled weights have no population, so there is no level {name!r}.")

    def predict(self, group: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Heights of the lines of existing groups.

        Parameters
        ----------
        group : shape (R,): groups from 0. x : shape (R, P), blank (NaN) where it does not apply.

        Returns
        -------
        Posterior mean and sd of each height, both of shape (R,): NaN for a row that is blank where
        its predictor applies. A new observation adds the noise.
        """
        u = self.data.units
        group, x = np.asarray(group), np.asarray(x, float)
        away = np.where(self.data.mask[group], (x - u.x_origin) / u.x_unit, 0.0)
        mean, sd = self._combine(group, np.concatenate([np.ones((len(x), 1)), away], 1))
        return mean * u.y_unit + u.y_origin, sd * u.y_unit

    def summary(self, quantiles: Sequence[float] = _QUANTILES) -> dict[str, Any]:
        """Exact means, standard deviations and quantiles, ready for JSON.

        Returns
        -------
        dict
            "scale" and "log_scale": "mean", "sd" and "quantiles", the latter by ``str(quantile)``;
            "alpha": "mean" and "sd", K numbers each; "w": the same, K lists of P numbers (the
            prior's where a predictor does not apply); "group", "predictor": the names;
            "log_evidence", in nats. A moment that does not exist is None.
        """
        shift, weights = math.log(self.data.units.y_unit), self.nodes.weights
        at = self.nodes.quantiles(0, np.asarray(quantiles, float)) + shift
        keys = [str(float(q)) for q in quantiles]
        values = np.exp(self.nodes.points[:, 0] + shift)
        mean = float(weights @ values)
        sd = float(np.sqrt(weights @ (values - mean) ** 2))
        mean, sd = (v if e else None for v, e in zip((mean, sd), self.exists, strict=True))
        log_mean, log_sd = self._moments["log_scale"]
        plain, log = (dict(zip(keys, map(float, q), strict=True)) for q in (np.exp(at), at))
        (alpha, alpha_sd), (w, w_sd) = self._alpha, self._weights
        return {
            "scale": {"mean": mean, "sd": sd, "quantiles": plain},
            "log_scale": {"mean": log_mean, "sd": log_sd, "quantiles": log},
            "alpha": {"mean": alpha.tolist(), "sd": alpha_sd.tolist()},
            "w": {"mean": w.tolist(), "sd": w_sd.tolist()},
            "group": list(self.data.names),
            "predictor": list(self.data.predictors),
            "log_evidence": self.log_evidence,
        }

    @cached_property
    def _moments(self) -> dict[str, tuple[float, float]]:
        u = self.nodes.points[:, 0]
        mean = self.nodes.weights @ u
        sd = np.sqrt(self.nodes.weights @ (u - mean) ** 2)
        found = {"log_scale": (float(mean + math.log(self.data.units.y_unit)), float(sd))}
        for k, group in enumerate(self.data.names):
            mean, sd = (a[k] for a in self._alpha)
            found[f"alpha[{group}]"] = float(mean), float(sd)
        for k, group in enumerate(self.data.names):
            for p in np.flatnonzero(self.data.mask[k]):
                mean, sd = (a[k, p] for a in self._weights)
                found[f"w[{group}, {self.data.predictors[p]}]"] = float(mean), float(sd)
        return found

    @cached_property
    def _alpha(self) -> tuple[np.ndarray, np.ndarray]:
        u, groups = self.data.units, len(self.data.names)
        one = np.eye(len(self.coefficients.loc))[np.zeros(groups, int)]
        mean, sd = self._combine(np.arange(groups), one)
        return mean * u.y_unit + u.y_origin, sd * u.y_unit

    @cached_property
    def _weights(self) -> tuple[np.ndarray, np.ndarray]:
        groups, width = self.data.mask.shape
        each = np.tile(np.eye(1 + width)[1:], (groups, 1))
        found = self._combine(np.repeat(np.arange(groups), width), each)
        unit = self.data.units.y_unit / self.data.units.x_unit
        mean, sd = (a.reshape(groups, width) * unit for a in found)
        return mean, sd

    def _combine(self, group: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd of combinations (R, Q) of the coefficients of groups (R,), model units."""
        c, means, sds = self.coefficients, [], []
        noise = np.exp(2 * self.nodes.points)
        each = max(_CHUNK // (noise.size * len(c.loc)), 1)
        for i in range(0, len(group), each):
            g, f = group[i : i + each], direction[i : i + each]
            along = np.einsum("rij,rj->ri", c.vectors[g], f * c.sd)
            square = c.values[g][:, None] ** 2
            share = 1 / (square + noise)
            # About the mean at no noise, so that a sharp posterior loses no digits.
            given = np.einsum("rtq,rq->rt", share, along * c.values[g] * c.pulled[g])
            own = np.einsum("rtq,rq->rt", share * noise, along**2)
            mean = given @ self.nodes.weights
            spread = own + (given - mean[:, None]) ** 2
            means.append(f @ c.loc + mean)
            sds.append(np.sqrt(spread @ self.nodes.weights))
        return np.concatenate([*means, []]), np.concatenate([*sds, []])


def posterior(data: RegressionData, priors: dict[str, Prior]) -> ExactMissing:
    """Integrate the posterior of unpooled weights: given the noise it is conjugate.

    Parameters
    ----------
    data : rows in K groups, P predictors, some of which apply to some groups only.
    priors : a Normal for "alpha" and "w", any prior for scales for "scale".

    Raises
    ------
    NoExactAnswer
        For pooled weights, other priors, blank cells that are latent, and an improper posterior.
    """
    if "sigma_w" in priors:
        raise NoExactAnswer(
            "There is no exact answer for pooled weights: it needs a quadrature over "
            f"{len(data.predictors) + 1} scales, one for each predictor's weights and the noise, "
            "and this one takes the noise alone."
        )
    refuse(data, priors, ("alpha", "w"), ("scale",))
    refuse_exact_fits(data, "scale", priors["scale"])
    coefficients = turn(data, priors)
    some = coefficients.values > 0
    square, pulled = coefficients.values[some] ** 2, coefficients.pulled[some] ** 2
    rows, ss = float(data.statistics.n.sum()), float(data.statistics.ss.sum())
    each = max(_CHUNK // max(len(square), 1), 1)

    def log_density(points: np.ndarray) -> np.ndarray:
        s = points[:, 0]
        parts = []
        for i in range(0, len(s), each):
            total = square + np.exp(2 * s[i : i + each, None])
            parts.append(np.log(total).sum(1) + (pulled / total).sum(1))
        return (
            -0.5 * (rows * math.log(2 * math.pi) + 2 * s * (rows - len(square)))
            - 0.5 * (np.concatenate(parts) + ss * np.exp(np.minimum(-2 * s, 600)))
            + log_prior(priors["scale"], s)
        )

    scales = [priors["scale"]]
    fall = tail(scales[0]) + rows
    exists = np.array([fall > 1 + BARELY, fall > 2 + BARELY])
    tilts = np.full((1, 1), float(exists.sum()))
    nodes = solve(log_density, scales, starts(data, scales), tilts, max(len(square), 1))
    return ExactMissing(data, coefficients, nodes, exists)


def turn(data: RegressionData, priors: dict[str, Prior]) -> Coefficients:
    """Turn each group's coefficients so that its rows speak of each alone.

    The singular values are those of the group's rows [1, x] times the prior sds, to the digits that
    a sum of squares would lose.
    """
    t, (groups, width) = data.statistics, data.mask.shape
    of = [priors["alpha"].parameters] + [priors["w"].parameters] * width
    loc, sd = (np.array([p[name] for p in of]) for name in ("loc", "scale"))
    n = np.sqrt(t.n)[:, None]
    rows = np.zeros((groups, 1 + width, 1 + width))
    rows[:, 0] = np.concatenate([n, n * t.x_mean], 1)
    rows[:, 1:, 1:] = t.root
    away = t.y_mean - loc[0] - t.x_mean @ loc[1:]
    target = np.concatenate(
        [n * away[:, None], np.einsum("kpq,kq->kp", t.root, t.fit - loc[1:])], 1
    )
    left, values, vectors = np.linalg.svd(rows * sd)
    pulled = np.einsum("kij,ki->kj", left, target)
    kept = values > _NEGLIGIBLE * values.max(1, initial=0)[:, None]
    return Coefficients(loc, sd, np.where(kept, values, 0.0), np.where(kept, pulled, 0.0), vectors)
