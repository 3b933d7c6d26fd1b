"""Exact densities of one level of a regression, intercepts or slopes, on grids for pictures."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.special import ndtr

from hbdash.exact.marginal_lines import spread_of

if TYPE_CHECKING:
    from hbdash.exact.regression import ExactRegression

LINE, CELLS = 400, 80
#: Groups times components worked on at once.
_CHUNK = 1 << 20
#: Pictures show the mass between these two.
SHOWN = np.array([0.00005, 0.99995])


def grids(
    post: "ExactRegression", level: int, centeredness: np.ndarray | None, effects: bool
) -> xr.Dataset:
    """Lay out the densities of the intercepts (0) or slopes (1), see ``ExactRegression.level``."""
    logs = {"log_tau": level, "log_sigma": 2}
    lines = {"mu": np.linspace(*post.location_quantiles(level, SHOWN), num=LINE)}
    densities = {"mu": _mixture_density(*post.location_mixture(level), lines["mu"])}
    mean, sd = (numbers[("mu_intercept", "mu_slope")[level]] for numbers in (post.means, post.sds))
    attrs = {"mu_mean": mean, "mu_sd": sd}
    for name, scale in logs.items():
        low, high = post.nodes.quantiles(scale, SHOWN) + post.shifts[scale]
        lines[name], plain = np.linspace(low, high, LINE), name.removeprefix("log_")
        densities[name] = post.nodes.density(scale, lines[name] - post.shifts[scale])
        lines[plain] = np.linspace(np.exp(low), np.exp(high), LINE)
        values = np.maximum(lines[plain], 1e-300)
        density = post.nodes.density(scale, np.log(values) - post.shifts[scale])
        densities[plain] = density / values
        attrs |= dict(zip((f"{plain}_mean", f"{plain}_sd"), post.scale_moments(scale), strict=True))
        site = f"log_sigma_{('intercept', 'slope', 'noise')[scale]}"
        attrs |= {f"{name}_mean": post.means[site], f"{name}_sd": post.sds[site]}
    variables: dict[str, tuple] = {
        f"{site}_density": (f"{site}_grid", d) for site, d in densities.items()
    }
    coords = {f"{site}_grid": line for site, line in lines.items()}
    theta_mean, theta_sd = post.effect_moments(level)
    variables |= {"theta_mean": ("group", theta_mean), "theta_sd": ("group", theta_sd)}

    mu, log_tau = (np.linspace(*lines[x][[0, -1]], num=CELLS) for x in ("mu", "log_tau"))
    points, mass = _rows(post, level, log_tau - post.shifts[level])
    population = post.model.population_given(points.reshape(-1, 3))
    shape, unit = mass.shape, np.exp(post.shifts[level])
    mean = population.mean[:, level].reshape(shape) * unit + post.origins[level]
    variance = population.variance[:, level].reshape(shape) * unit**2
    drawn = row_density(mass, mean, variance, mu)
    variables["mu_log_tau_density"] = ("log_tau_coarse", "mu_coarse"), drawn
    coords |= {"log_tau_coarse": log_tau, "mu_coarse": mu, "group": list(post.data.names)}
    if effects:
        (points, mass), groups = _heaviest(points, mass, 1e-3), len(post.data.names)
        each, found = max(_CHUNK // mass.size, 1), []
        for k in range(0, groups, each):
            some = slice(k, k + each)
            mean, variance = coordinate(post, level, points, centeredness, some)
            for a in zip(mean, variance, cells(mass, mean, variance), strict=True):
                found.append((row_density(mass, *a), a[2]))
        drawn, at = (np.stack(parts) for parts in zip(*found, strict=True))
        variables["theta_density"] = ("group", "log_tau_coarse", "cell"), drawn
        coords["theta_grid"] = ("group", "cell"), at
    return xr.Dataset(variables, coords, attrs)


def coordinate(
    post: "ExactRegression",
    level: int,
    points: np.ndarray,
    centeredness: np.ndarray | None,
    some: slice = slice(None),
) -> tuple[np.ndarray, np.ndarray]:
    """Conditional mean and variance of some groups' effects, or of their sampled coordinates.

    Parameters
    ----------
    points : shape (T, J, 3), log scales in the units of the model.

    Returns
    -------
    Two arrays of shape (K, T, J).
    """
    groups, shape = len(post.data.names), points.shape[:2]
    c = np.ones(groups) if centeredness is None else np.asarray(centeredness, float)
    if c.shape != (groups,) or not ((c >= 0) & (c <= 1)).all():
        raise ValueError(f"`centeredness` must hold {groups} numbers in [0, 1], got {c}.")
    c, points = c[some], points.reshape(-1, 3)
    population = post.model.population_given(points)
    found = post.model.effects_given(points, population, level, some)
    # (theta - mu) / tau^(1 - c) + c mu
    factor = np.exp((c - 1) * points[:, [level]])
    mean = factor * found.away + c * population.mean[:, [level]]
    scaled = found._replace(
        variance=found.variance * factor**2,
        follow=(found.follow[0] * factor, found.follow[1] * factor),
    )
    variance = spread_of(scaled, population, *(c * np.eye(2)[level][:, None]))
    if centeredness is None:
        unit = np.exp(post.shifts[level])
        mean, variance = mean * unit + post.origins[level], variance * unit**2
    return mean.T.reshape(-1, *shape), variance.T.reshape(-1, *shape)


def _rows(
    post: "ExactRegression", level: int, log_tau: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """At each log tau (model units, shape (T,)) the mixture over the other two scales.

    Returns the points, shape (T, J, 3), and the density of log tau times the probability of each of
    the J places of the other two, shape (T, J).
    """
    nodes, others = post.nodes.coarse.lighter(1e-5), [1 - level, 2]
    places, first = np.unique(nodes.index[:, others], axis=0, return_index=True)
    points = np.tile(nodes.points[first], (len(log_tau), 1, 1))
    points[:, :, level] = log_tau[:, None]
    volume = 0.0
    for axis, place in zip(others, places.T, strict=True):
        line = nodes.lines[axis]
        volume = volume + line.at(line.step * place)[1] + np.log(line.step)
    height = post.model.log_density(points.reshape(-1, 3)).reshape(points.shape[:2])
    mass = np.exp(height + volume - post.nodes.log_total)
    return _heaviest(points, mass, 1e-5)


def _heaviest(
    points: np.ndarray, mass: np.ndarray, without: float
) -> tuple[np.ndarray, np.ndarray]:
    """In each row the components that hold all but this share of it: on a crooked ridge, few."""
    order = np.argsort(-mass, 1)
    sorted_ = np.take_along_axis(mass, order, 1)
    short = np.cumsum(sorted_, 1) < (1 - without) * sorted_.sum(1, keepdims=True)
    most = min(int(short.sum(1).max()) + 1, mass.shape[1])
    return np.take_along_axis(points, order[:, :most, None], 1), sorted_[:, :most]


def _mixture_density(mean, sd, weights, points) -> np.ndarray:
    height = weights / (sd * np.sqrt(2 * np.pi))
    return np.array([np.exp(-0.5 * ((x - mean) / sd) ** 2) @ height for x in points])


def cells(
    mass: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    shown: np.ndarray = SHOWN,
    number: int = CELLS,
) -> np.ndarray:
    """Space values evenly for each group so that they hold the mass between two quantiles.

    Parameters
    ----------
    mass, mean, variance : of the groups' mixtures at each log tau: (T, S) and (K, T, S) twice.
    shown : the two quantiles. number : of values.

    Returns
    -------
    Shape (K, number).
    """
    rows = mass.sum(1)
    centre = (mass * mean).sum(2) / rows
    spread = np.sqrt((mass * (variance + (mean - centre[..., None]) ** 2)).sum(2) / rows)
    weights = rows / rows.sum()
    low = (centre - 9 * spread).min(1)[:, None] * np.ones(2)
    high = (centre + 9 * spread).max(1)[:, None] * np.ones(2)
    for _ in range(20):
        middle = (low + high) / 2
        below = ndtr((middle[..., None] - centre[:, None]) / spread[:, None]) @ weights
        low, high = np.where(below < shown, middle, low), np.where(below < shown, high, middle)
    return np.linspace(low[:, 0], high[:, 1], number, axis=1)


def row_density(
    mass: np.ndarray, mean: np.ndarray, variance: np.ndarray, points: np.ndarray
) -> np.ndarray:
    """Joint density of log tau and a value, shape (T, cells), of mixtures of shape (T, J)."""
    # A spike between two points would be invisible, and on one of them endless, so no component
    # is drawn narrower than three quarters of a cell.
    variance = np.maximum(variance, (0.75 * (points[1] - points[0])) ** 2)[..., None]
    z2 = (points - mean[..., None]) ** 2 / variance
    height = mass / np.sqrt(2 * np.pi * variance[..., 0])
    return np.einsum("tj,tjc->tc", height, np.exp(-z2 / 2))
