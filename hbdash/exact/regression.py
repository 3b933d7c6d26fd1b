"""The exact posterior of varying intercepts and slopes, by quadrature over three log scales."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import ndtr

from hbdash.exact.lattice import Lattice
from hbdash.exact.level_grids import grids
from hbdash.exact.marginal import NoExactAnswer
from hbdash.exact.marginal_lines import NormalLines, Population, marginalize, spread_of
from hbdash.exact.solvable import BARELY, refuse, refuse_exact_fits, solve, starts, tail
from hbdash.priors import Prior
from hbdash.regression_data import RegressionData

__all__ = ["ExactRegression", "NoExactAnswer", "posterior"]

LOCATIONS = ("mu_intercept", "mu_slope")
SCALES = ("sigma_intercept", "sigma_slope", "sigma_noise")
LEVELS = ("intercept", "slope")
_QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class ExactRegression:
    """The posterior on a lattice: a mixture over three log scales of Gaussian lines.

    Everything that it gives is in the units the data came in; intercepts are heights at the
    predictor's origin.

    Attributes
    ----------
    data, model : what was integrated.
    nodes : over the log scales of intercepts, slopes and noise, in the units of the model.
    exists : shape (2, 3), bool: whether mean and sd of each scale (not its log) exist.
    """

    data: RegressionData
    model: NormalLines
    nodes: Lattice
    exists: np.ndarray

    @cached_property
    def means(self) -> dict[str, float]:
        """Posterior means of mu_intercept, mu_slope and the logs of the three scales."""
        return {name: mean for name, (mean, _) in self._moments.items()}

    @cached_property
    def sds(self) -> dict[str, float]:
        """Posterior standard deviations of the same."""
        return {name: sd for name, (_, sd) in self._moments.items()}

    @property
    def log_evidence(self) -> float:
        """Log marginal likelihood of the rows, all constants included."""
        return self.nodes.log_total - self.model.rows * math.log(self.data.units.y_unit)

    def level(
        self, name: str, centeredness: np.ndarray | None = None, effects: bool = False
    ) -> xr.Dataset:
        """One population of effects on grids that hold the central 99.9 % of the mass.

        Parameters
        ----------
        name : "intercept" or "slope".
        centeredness : shape (K,): draw the effects in the coordinate the sampler sees, in the
            units of the model, (theta_k - mu) / tau^(1 - c_k) + c_k mu; None means theta itself.
        effects : whether to compute `theta_density`, 6,400 numbers a group.

        Returns
        -------
        xarray.Dataset
            As `grids` of normal means: `mu_density` (mu_grid), `tau_density` (tau_grid),
            `log_tau_density` (log_tau_grid) and, of the noise, `sigma_density` (sigma_grid), of
            400 points each; `mu_log_tau_density` (log_tau_coarse, mu_coarse) and `theta_density`
            (group, log_tau_coarse, cell) with `theta_grid` (group, cell), on 80 x 80 cells;
            `theta_mean`, `theta_sd` (group); attributes `mu_mean`, `mu_sd` and so on, NaN where a
            moment does not exist.

        Raises
        ------
        KeyError
            For a level that this model has not.
        """
        if name not in LEVELS:
            raise KeyError(f"The levels of a regression are {' and '.join(LEVELS)}, got {name!r}.")
        with np.errstate(over="ignore", under="ignore"):
            return grids(self, LEVELS.index(name), centeredness, effects)

    def summary(self, quantiles: Sequence[float] = _QUANTILES) -> dict[str, Any]:
        """Exact means, standard deviations and quantiles, ready for JSON.

        Returns
        -------
        dict
            The two means, the three scales and their logs ("log_sigma_noise"): each a dict of
            "mean", "sd" and "quantiles", the latter by ``str(quantile)``; "intercept" and "slope":
            "mean" and "sd", K numbers each; "group": the names; "log_evidence", in nats. A moment
            that does not exist, as under heavy-tailed priors and few groups, is None.
        """
        probabilities = np.asarray(quantiles, float)
        keys = [str(float(q)) for q in probabilities]
        found: dict[str, Any] = {}

        def entry(name: str, mean: float, sd: float, at: np.ndarray) -> None:
            by = dict(zip(keys, map(float, at), strict=True))
            found[name] = {"mean": _plain(mean), "sd": _plain(sd), "quantiles": by}

        for i, name in enumerate(LOCATIONS):
            entry(name, *self._moments[name], self.location_quantiles(i, probabilities))
        for i, name in enumerate(SCALES):
            at = self.nodes.quantiles(i, probabilities) + self.shifts[i]
            entry(name, *self.scale_moments(i), np.exp(at))
            entry(f"log_{name}", *self._moments[f"log_{name}"], at)
        for i, name in enumerate(LEVELS):
            mean, sd = (list(map(_plain, a)) for a in self.effect_moments(i))
            found[name] = {"mean": mean, "sd": sd}
        return found | {"group": list(self.data.names), "log_evidence": self.log_evidence}

    @cached_property
    def shifts(self) -> np.ndarray:
        """Logs of the units of intercepts, slopes and noise, shape (3,)."""
        u = self.data.units
        return np.log([u.y_unit, u.y_unit / u.x_unit[0], u.y_unit])

    @property
    def origins(self) -> np.ndarray:
        """What is added to intercepts and slopes, shape (2,)."""
        return np.array([self.data.units.y_origin, 0.0])

    @cached_property
    def population(self) -> Population:
        """Moments of both means at every node, in the units of the model."""
        return self.model.population_given(self.nodes.points)

    @cached_property
    def _moments(self) -> dict[str, tuple[float, float]]:
        found, weights = {}, self.nodes.weights
        for i, name in enumerate(LOCATIONS):
            given, own = self.population.mean[:, i], self.population.variance[:, i]
            mean = weights @ given
            sd, unit = np.sqrt(weights @ (own + (given - mean) ** 2)), np.exp(self.shifts[i])
            found[name] = float(mean * unit + self.origins[i]), float(sd * unit)
        for i, name in enumerate(SCALES):
            u = self.nodes.points[:, i]
            mean = weights @ u
            sd = np.sqrt(weights @ (u - mean) ** 2)
            found[f"log_{name}"] = float(mean + self.shifts[i]), float(sd)
        return found

    def scale_moments(self, scale: int) -> tuple[float, float]:
        """Mean and sd of a scale itself, NaN where they do not exist; `scale` is 0, 1 or 2."""
        values = np.exp(self.nodes.points[:, scale] + self.shifts[scale])
        mean = self.nodes.weights @ values
        sd = np.sqrt(self.nodes.weights @ (values - mean) ** 2)
        mean, sd = np.where(self.exists[:, scale], [mean, sd], np.nan)
        return float(mean), float(sd)

    def location_quantiles(self, level: int, probabilities: np.ndarray) -> np.ndarray:
        """Quantiles of a population mean, by halving an interval."""
        mean, sd, weights = self.location_mixture(level)
        low = np.full(len(probabilities), (mean - 10 * sd).min())
        high = np.full(len(probabilities), (mean + 10 * sd).max())
        for _ in range(50):
            middle = (low + high) / 2
            below = ndtr((middle[:, None] - mean) / sd) @ weights
            low = np.where(below < probabilities, middle, low)
            high = np.where(below < probabilities, high, middle)
        return (low + high) / 2

    def location_mixture(self, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Means, sds and weights of the Gaussians that a population mean is a mixture of.

        Those that differ by less than a fiftieth of an sd are one.
        """
        mean, sd, weights = self._mixtures[level]
        unit = np.exp(self.shifts[level])
        return mean * unit + self.origins[level], sd * unit, weights

    @cached_property
    def _mixtures(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        nodes = self.nodes.coarse.lighter(1e-8)
        population, found, fine = self.model.population_given(nodes.points), [], 0.02
        for mean, own in zip(population.mean.T, population.variance.T, strict=True):
            own = np.maximum(own, 1e-300)
            size = np.rint(np.log(own) / 2 / fine)
            # A place along the line, in steps that go with the width.
            place = np.rint((mean - mean.mean()) / (np.exp(size * fine) * fine))
            alike = np.unique(np.stack([size, place], 1), axis=0, return_inverse=True)[1].ravel()
            total = np.bincount(alike, nodes.weights)
            centre = np.bincount(alike, nodes.weights * mean) / total
            spread = own + (mean - centre[alike]) ** 2
            found.append(
                (centre, np.sqrt(np.bincount(alike, nodes.weights * spread) / total), total)
            )
        return found

    def effect_moments(self, level: int) -> tuple[np.ndarray, np.ndarray]:
        """Posterior means and sds of the intercepts (0) or slopes (1), each of shape (K,).

        NaN where a moment does not exist.
        """
        nodes = self.nodes.coarse.lighter(1e-8)
        weights, first, second = nodes.weights, 0.0, 0.0
        each = max((1 << 20) // len(self.data.names), 1)
        reference = self.model.origin[level]
        for i in range(0, len(weights), each):
            w, points = weights[i : i + each], nodes.points[i : i + each]
            population = self.model.population_given(points)
            found = self.model.effects_given(points, population, level)
            mean = population.mean[:, [level]] + found.away - reference
            coordinate = spread_of(found, population, *np.eye(2)[level])
            first, second = first + w @ mean, second + w @ (coordinate + mean**2)
        mean, sd = reference + first, np.sqrt(np.maximum(second - np.square(first), 0.0))
        # Only where its rows say nothing does an effect have the tails of its population.
        s = self.model.statistics
        told = s.n if level == 0 else self.model.told
        exists = (told > 0) | self.exists[:, [level]]
        unit = np.exp(self.shifts[level])
        mean = np.where(exists[0], mean * unit + self.origins[level], np.nan)
        return mean, np.where(exists[1], sd * unit, np.nan)


def posterior(data: RegressionData, priors: dict[str, Prior]) -> ExactRegression:
    """Integrate the posterior of a regression with one predictor and normal noise.

    Parameters
    ----------
    data : rows in K groups, one predictor.
    priors : a Normal for "mu_intercept" and "mu_slope"; any prior for scales for
        "sigma_intercept", "sigma_slope" and "sigma_noise".

    Raises
    ------
    NoExactAnswer
        For Student-t noise, other priors, blank cells that are latent, an improper posterior, and
        where it would take more than some seconds.
    """
    if "nu" in priors:
        raise NoExactAnswer(
            "There is no exact answer for Student-t noise: given the scales the model must be "
            "Gaussian, but `nu` has a prior."
        )
    if len(data.predictors) != 1:
        raise NoExactAnswer(
            f"The quadrature needs one predictor, got {len(data.predictors)}: "
            f"{', '.join(data.predictors)}."
        )
    refuse(data, priors, LOCATIONS, SCALES)
    refuse_exact_fits(data, "sigma_noise", priors["sigma_noise"])
    means, scales = [priors[name].parameters for name in LOCATIONS], [priors[s] for s in SCALES]
    model = marginalize(
        data.statistics, [m["loc"] for m in means], [m["scale"] for m in means], scales
    )
    # In units e^u of a scale the likelihood falls like e^(-u) for each group, or row, it serves.
    served = np.array([model.groups, (model.told > 0).sum(), model.rows])
    fall = np.array([tail(prior) for prior in scales]) + served
    exists = np.stack([fall > 1 + BARELY, fall > 2 + BARELY])
    tilts = np.diag(exists.sum(0)).astype(float)
    nodes = solve(model.log_density, scales, starts(data, scales), tilts, len(model.table))
    return ExactRegression(data, model, nodes, exists)


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
