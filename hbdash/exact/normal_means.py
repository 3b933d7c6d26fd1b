"""The exact posterior of the normal-means model, by quadrature over the log scales."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import expit, ndtr

from hbdash.data import GroupData
from hbdash.exact.level_grids import cells
from hbdash.exact.marginal import NoExactAnswer, NormalMeans, marginalize, starts
from hbdash.exact.quadrature import Axis, Improper, Integral, integrate
from hbdash.priors import Prior

__all__ = ["ExactPosterior", "NoExactAnswer", "grids", "posterior", "summary"]

_LINE, _CELLS = 400, 80
#: Pictures show the mass between these two.
_SHOWN = (0.0005, 0.9995)


@dataclass(frozen=True)
class ExactPosterior:
    """The posterior on its nodes: a mixture over (log tau, log sigma) of Gaussians in mu and theta.

    Attributes
    ----------
    log_tau : shape (T,): ascending nodes.
    log_sigma : shape (S,): ascending nodes; the single node 0 where sigma is known.
    weights : shape (T, S): probabilities, adding up to 1.
    mu_mean, mu_variance : shape (T, S): conditional moments of mu.
    log_evidence : log marginal likelihood of the rows, all constants included.
    model, integral : what was integrated, and how.
    """

    log_tau: np.ndarray
    log_sigma: np.ndarray
    weights: np.ndarray
    mu_mean: np.ndarray
    mu_variance: np.ndarray
    log_evidence: float
    model: NormalMeans
    integral: Integral

    def marginal(self, axis: int) -> tuple[Axis, np.ndarray]:
        """Return the axis of log tau (0) or log sigma (1) and the density at its nodes."""
        here = self.integral.axes[axis]
        return here, self.weights.sum(1 - axis) / here.weights

    @property
    def means(self) -> dict[str, float]:
        """Exact means of mu, log tau and, where it is unknown, log sigma."""
        found = {"mu": float((self.weights * self.mu_mean).sum())}
        for axis, name in enumerate(
            ("log_tau", "log_sigma")[: 1 + (self.model.data.sigma is None)]
        ):
            here, density = self.marginal(axis)
            found[name] = float(here.weights @ (here.nodes * density))
        return found

    def level(
        self, name: str, centeredness: np.ndarray | None = None, effects: bool = False
    ) -> xr.Dataset:
        """Densities on grids of the one level there is: see `grids`."""
        return grids(self, centeredness, effects)

    def summary(self) -> dict[str, Any]:
        """Moments and quantiles: see the function of this name."""
        return summary(self)


#: Log factors of the moments that may not exist: tau, tau^2, sigma, sigma^2, theta, theta^2.
_TILTS = (
    *(lambda u, v, p=p: p * u + 0 * v for p in (1, 2)),
    *(lambda u, v, p=p: p * v + 0 * u for p in (1, 2)),
    *(lambda u, v, p=p: p * np.minimum(u, v) for p in (1, 2)),
)


def posterior(data: GroupData, priors: dict[str, Prior]) -> ExactPosterior:
    """Integrate the posterior of mu, tau (and sigma), with theta integrated out.

    Parameters
    ----------
    data : the groups; sigma None makes the integral two-dimensional.
    priors : a Normal for "mu", any prior for scales for "tau" and, where sigma is unknown, for
        "sigma".

    Raises
    ------
    NoExactAnswer
        For other priors, and where the posterior is improper.
    """
    model = marginalize(data, priors)
    ends, where = starts(model)
    try:
        tilts = _TILTS if data.sigma is None else _TILTS[:2]
        integral = integrate(model.log_density, ends, where, tilts)
    except Improper as error:
        raise NoExactAnswer(
            "The posterior does not fall off towards tau = 0 or sigma = 0, so it has no moments: "
            "with values this equal, choose a prior that keeps away from 0."
        ) from error
    log_tau, log_sigma = (axis.nodes for axis in integral.axes)
    mean, variance = model.mu_given(log_tau[:, None], log_sigma)
    return ExactPosterior(
        log_tau,
        log_sigma,
        integral.weights,
        mean + model.centre,
        variance,
        integral.log_total + model.log_constant,
        model,
        integral,
    )


def summary(post: ExactPosterior, quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> dict[str, Any]:
    """Exact means, standard deviations and quantiles, ready for JSON.

    Returns
    -------
    dict
        "mu", "tau", "log_tau" (and "sigma"): each a dict of "mean", "sd" and "quantiles", the
        latter by ``str(quantile)``; "theta": "mean" and "sd", K numbers each; "shrinkage": for
        each group the posterior mean of s_k^2 / (tau^2 + s_k^2), 0 for no pooling, 1 for complete
        pooling; "group": the names; "log_evidence", in nats. A moment that does not exist, as
        under heavy-tailed priors and few groups, is None.
    """
    probabilities = np.asarray(quantiles, float)
    keys = [str(float(q)) for q in probabilities]
    exists = post.integral.captured
    found: dict[str, Any] = {}

    mean = float((post.weights * post.mu_mean).sum())
    variance = (post.weights * (post.mu_variance + (post.mu_mean - mean) ** 2)).sum()
    at = _mixture_quantiles(*_mixture(post), probabilities)
    found["mu"] = _entry(mean, float(np.sqrt(variance)), keys, at)

    axis, density = post.marginal(0)
    at = axis.quantiles(density, probabilities)
    found["tau"] = _entry(
        *_moments(np.exp(axis.nodes), axis, density, *exists[:2]), keys, np.exp(at)
    )
    found["log_tau"] = _entry(*_moments(axis.nodes, axis, density), keys, at)
    if post.model.data.sigma is None:
        axis, density = post.marginal(1)
        at = np.exp(axis.quantiles(density, probabilities))
        found["sigma"] = _entry(
            *_moments(np.exp(axis.nodes), axis, density, *exists[2:4]), keys, at
        )

    theta_mean, theta_sd, shrinkage = effect_moments(post)
    found["theta"] = {"mean": _plain(theta_mean), "sd": _plain(theta_sd)}
    found["shrinkage"] = _plain(shrinkage)
    found["group"] = list(post.model.data.names)
    found["log_evidence"] = post.log_evidence
    return found


def effect_moments(post: ExactPosterior) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Posterior mean and sd of each theta_k, and its mean shrinkage, each of shape (K,).

    NaN where a moment does not exist.
    """
    model = post.model
    keep = post.weights > 0
    weights, mu, variance = (
        a[keep] for a in (post.weights, post.mu_mean - model.centre, post.mu_variance)
    )
    log_sigma = np.broadcast_to(post.log_sigma, keep.shape)[keep]
    x = np.broadcast_to(post.log_tau[:, None], keep.shape)[keep] - log_sigma - model.log_r
    between, within = expit(2 * x), expit(-2 * x)
    r2 = np.exp(2 * (log_sigma + model.log_r))
    moments = np.empty((7, len(model.ratio)))
    for c, (ratio, centre) in enumerate(zip(model.ratio, model.mean, strict=True)):
        # theta_k given the scales is y_k + pull (mu - y_k), up to its own noise. Deviations are
        # taken before they are squared, so that strongly informed groups lose no digits.
        pull = within * ratio / (between + within * ratio)
        noise = between / (between + within * ratio) * ratio * r2 + pull**2 * variance
        shift = pull * (mu - centre)
        mean_pull, mean_shift = weights @ pull, weights @ shift
        pull, shift = pull - mean_pull, shift - mean_shift
        moments[:, c] = (
            mean_pull,
            mean_shift,
            weights @ noise,
            weights @ shift**2,
            weights @ (shift * pull),
            weights @ pull**2,
            centre,
        )
    pull, shift, noise, shifts, both, pulls, centre = moments[:, model.of_group]
    away = model.data.mean - model.centre - centre
    mean = model.data.mean + shift - away * pull
    sd = np.sqrt(noise + shifts - 2 * away * both + away**2 * pulls)
    exists = post.integral.captured[4:6] or (True, True)
    return np.where(exists[0], mean, np.nan), np.where(exists[1], sd, np.nan), pull


def grids(
    post: ExactPosterior, centeredness: np.ndarray | None = None, effects: bool = False
) -> xr.Dataset:
    """Exact densities on grids that hold the central 99.9 % of the mass, for pictures.

    Parameters
    ----------
    centeredness : shape (K,): draw the effects in the coordinate the sampler sees,
        (theta_k - mu) / tau^(1 - c_k) + c_k mu; None means theta itself.
    effects : whether to compute `theta_density`, 6,400 numbers a group.

    Returns
    -------
    xarray.Dataset
        `mu_density` (mu_grid), `tau_density` (tau_grid), `log_tau_density` (log_tau_grid) and,
        for sigma unknown, `sigma_density` (sigma_grid), of 400 points each;
        `mu_log_tau_density` (log_tau_coarse, mu_coarse) and `theta_density` (group,
        log_tau_coarse, cell) with `theta_grid` (group, cell), joint densities on 80 x 80 cells;
        `theta_mean`, `theta_sd` (group); attributes `mu_mean`, `mu_sd` and so on, NaN where a
        moment does not exist.
    """
    model, numbers = post.model, summary(post, _SHOWN)
    lines, variables, attrs = {}, {}, {}
    for site in ("mu", "tau", "log_tau", "sigma"):
        if site not in numbers:
            continue
        low, high = numbers[site]["quantiles"].values()
        lines[site] = np.linspace(low, high, _LINE)
        variables[f"{site}_density"] = f"{site}_grid", _line_density(post, site, lines[site])
        for moment in ("mean", "sd"):
            value = numbers[site][moment]
            attrs[f"{site}_{moment}"] = np.nan if value is None else value
    variables["theta_mean"], variables["theta_sd"] = (
        ("group", np.array(numbers["theta"][moment], float)) for moment in ("mean", "sd")
    )
    mu, log_tau = (np.linspace(*lines[x][[0, -1]], num=_CELLS) for x in ("mu", "log_tau"))
    log_sigma, mass, mean, variance = _rows(post, log_tau)
    drawn = _row_density(mass, mean + model.centre, variance, mu)
    variables["mu_log_tau_density"] = ("log_tau_coarse", "mu_coarse"), drawn
    coords = {f"{site}_grid": line for site, line in lines.items()}
    coords |= {"log_tau_coarse": log_tau, "mu_coarse": mu, "group": list(model.data.names)}
    if effects:
        mean, variance = _coordinate(post, centeredness, log_tau, log_sigma)
        at = cells(mass, mean, variance, np.array(_SHOWN), _CELLS)
        drawn = [_row_density(mass, *a) for a in zip(mean, variance, at, strict=True)]
        variables["theta_density"] = ("group", "log_tau_coarse", "cell"), np.stack(drawn)
        coords["theta_grid"] = ("group", "cell"), at
    return xr.Dataset(variables, coords, attrs)


def _rows(
    post: ExactPosterior, log_tau: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """At each log tau (shape (T,)) the mixture over sigma.

    Returns the nodes in log sigma that matter, shape (S,); the density at each log tau times
    the weight of each node, and the conditional mean (less the centre) and variance of mu, all of
    shape (T, S).
    """
    model, axis = post.model, post.integral.axes[1]
    keep = post.weights.sum(0) > 1e-8 / len(post.log_sigma)
    log_sigma = post.log_sigma[keep]
    height = model.log_density(log_tau[:, None], log_sigma) - post.integral.log_total
    mass = np.exp(height) * axis.weights[keep]
    return log_sigma, mass, *model.mu_given(log_tau[:, None], log_sigma)


def _coordinate(
    post: ExactPosterior,
    centeredness: np.ndarray | None,
    log_tau: np.ndarray,
    log_sigma: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Conditional mean and variance of every group's sampled coordinate, shape (K, T, S)."""
    model = post.model
    c = np.ones(len(model.of_group)) if centeredness is None else np.asarray(centeredness, float)
    if c.shape != model.of_group.shape or not ((c >= 0) & (c <= 1)).all():
        raise ValueError(
            f"`centeredness` must hold {len(model.of_group)} numbers in [0, 1], got {c}."
        )
    c, y = c[:, None, None], (model.data.mean - model.centre)[:, None, None]
    u = log_tau[:, None]
    mu, variance = model.mu_given(u, log_sigma)
    s2 = (np.exp(2 * (log_sigma + model.log_r)) * model.ratio[:, None])[model.of_group][:, None]
    total = np.maximum(np.exp(2 * u) + s2, 1e-300)
    # lambda / tau^(1 - c), and how far the coordinate still follows mu.
    follow = np.exp((1 + c) * u) / total
    rest = c - follow
    mean = follow * y + rest * mu + c * model.centre
    return mean, rest**2 * variance + np.exp(2 * c * u) * s2 / total


def _row_density(mass, mean, variance, points) -> np.ndarray:
    """Joint density of log tau and a value, shape (T, cells), from `_rows`."""
    # A spike between two points would be invisible, and on one of them endless: as sigma goes to 0
    # an effect is its measurement. So no component is drawn narrower than three quarters of a cell.
    variance = np.maximum(variance, (0.75 * (points[1] - points[0])) ** 2)[..., None]
    z2 = (points - mean[..., None]) ** 2 / variance
    return np.einsum("ts,tsc->tc", mass / np.sqrt(2 * np.pi * variance[..., 0]), np.exp(-z2 / 2))


def _line_density(post: ExactPosterior, site: str, points: np.ndarray) -> np.ndarray:
    if site == "mu":
        mean, sd, weights = _mixture(post, 1e-7)
        height = weights / (sd * np.sqrt(2 * np.pi))
        return np.array([np.exp(-0.5 * ((x - mean) / sd) ** 2) @ height for x in points])
    axis, density = post.marginal(1 if site == "sigma" else 0)
    if site == "log_tau":
        return axis.interpolate(density, points)
    points = np.maximum(points, 1e-300)
    return axis.interpolate(density, np.log(points)) / points


def _mixture(
    post: ExactPosterior, without: float = 1e-13
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means, sds and weights of the Gaussians mu is a mixture of, less the lightest."""
    weights = post.weights.ravel()
    order = np.argsort(weights)
    order = order[np.cumsum(weights[order]) > without]
    mean, variance = post.mu_mean.ravel()[order], post.mu_variance.ravel()[order]
    return mean, np.sqrt(variance), weights[order] / weights[order].sum()


def _mixture_quantiles(mean, sd, weights, probabilities) -> np.ndarray:
    """Quantiles of a mixture of Gaussians: Newton's steps, kept inside a shrinking bracket."""
    centre, zero = weights @ mean, np.zeros(len(probabilities))
    mean = mean - centre
    low, high = zero + (mean - 38 * sd).min(), zero + (mean + 38 * sd).max()
    close, x = 1e-13 * (high - low).max(initial=0), zero
    for _ in range(100):
        z = (x[:, None] - mean) / sd
        excess = ndtr(z) @ weights - probabilities
        low, high = np.where(excess < 0, x, low), np.where(excess < 0, high, x)
        slope = np.exp(-0.5 * z**2) @ (weights / sd) / np.sqrt(2 * np.pi)
        new = x - excess / np.maximum(slope, 1e-300)
        new = np.where((new >= low) & (new <= high), new, (low + high) / 2)
        moved, x = np.abs(new - x).max(initial=0), new
        if moved <= close:
            break
    return centre + x


def _moments(values, axis: Axis, density, has_mean: bool = True, has_sd: bool = True):
    """Mean and sd under a density on the axis; None where it does not exist."""
    weights = axis.weights * density
    mean = float(weights @ values)
    sd = float(np.sqrt(weights @ (values - mean) ** 2))
    return mean if has_mean else None, sd if has_sd else None


def _entry(mean, sd, keys, quantiles) -> dict[str, Any]:
    at = dict(zip(keys, map(float, quantiles), strict=True))
    return {"mean": mean, "sd": sd, "quantiles": at}


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(v) else float(v) for v in values]
