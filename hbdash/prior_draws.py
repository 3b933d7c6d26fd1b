"""What the priors say before any data: densities, lines, outcomes, and how much they shrink."""

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy import stats

from hbdash.data import GroupData
from hbdash.models import MODELS
from hbdash.priors import LARGEST, SCALE, Prior
from hbdash.regression_data import RegressionData

Priors = dict[str, Prior]
DRAWS = 4000
#: Lines of one picture, its dots, and the predictors that have one.
LINES, MOST_DOTS, MOST_PREDICTORS = 50, 1500, 6
_POINTS = 400
#: Families by the names of SciPy, and where exp ends.
_SCIPY = {
    "Normal": "norm",
    "Cauchy": "cauchy",
    "HalfNormal": "halfnorm",
    "HalfCauchy": "halfcauchy",
}
_MOST_LOG = 700.0


def densities(priors: Priors, units: dict[str, str] | None = None) -> xr.Dataset:
    """Prior densities: of locations on their central 98 %, of scales from 0 to their 99 %.

    Parameters
    ----------
    units : words for the unit of each site, which its density carries as an attribute.

    Returns
    -------
    Dataset with, for each site, its density over the coordinate ``<site>_x``, shape (400,).
    """
    found: dict[str, Any] = {}
    for stream, (site, prior) in enumerate(priors.items()):
        low, high = _range(prior, stream)
        x = np.linspace(low, high, _POINTS)
        found[site] = xr.DataArray(density(prior, x), dims=[f"{site}_x"], coords={f"{site}_x": x})
        if units is not None:
            found[site].attrs["unit"] = units[site]
    return xr.Dataset(found)


def _range(prior: Prior, stream: int) -> tuple[float, float]:
    if prior.dist == "Uniform":
        low, high = prior.parameters.values()
    else:
        low, high = np.quantile(_draw(prior, 0, stream), [0.01, 0.99])
        low = 0.0 if prior.dist in SCALE else low
    pad = 0.05 * (high - low)
    # A scale is positive, and its density may be infinite at 0.
    return low - pad if low < 0 else max(low - pad, 1e-4 * high), high + pad


def density(prior: Prior, x: np.ndarray) -> np.ndarray:
    """Density of a prior at points, 0 outside its support; same shape as `x`."""
    return law(prior).pdf(np.asarray(x, float))


def law(prior: Prior) -> Any:
    """A prior as a frozen distribution of SciPy, which no family has to be compiled for."""
    p = prior.parameters
    match prior.dist:
        case "Normal" | "Cauchy":
            return getattr(stats, _SCIPY[prior.dist])(p["loc"], p["scale"])
        case "StudentT":
            return stats.t(p["df"], p["loc"], p["scale"])
        case "Uniform":
            return stats.uniform(p["low"], p["high"] - p["low"])
        case "LogNormal":
            return stats.lognorm(p["scale"], scale=np.exp(min(p["loc"], _MOST_LOG)))
        case "Exponential":
            return stats.expon(scale=1 / p["rate"])
        case "Gamma":
            return stats.gamma(p["concentration"], scale=1 / p["rate"])
        case "InverseGamma":
            return stats.invgamma(p["concentration"], scale=p["rate"])
    return getattr(stats, _SCIPY[prior.dist])(scale=p["scale"])


def scale_density(prior: Prior, highest: float) -> xr.Dataset:
    """Prior density of tau from 0 to `highest`, for drawing beside its posterior."""
    x = np.linspace(highest * 1e-4, highest, _POINTS)
    return xr.Dataset({"tau_prior_density": ("tau_grid", density(prior, x))}, {"tau_grid": x})


def units(data: Any, priors: Priors) -> dict[str, str] | None:
    """Words for the unit in which the prior of each site counts; None for data without columns."""
    if not isinstance(data, RegressionData):
        return None
    sd_y, sd_x = data.units.y_unit != 1, (data.units.x_unit != 1).any()
    y = f"sd of {data.response}" if sd_y else data.response
    x = data.predictors[0] if len(data.predictors) == 1 else "the predictor"
    slope = f"{y} per {'sd of ' if sd_x else ''}{x}".replace("per the", "per unit of the")
    slopes = ("mu_slope", "sigma_slope", "w", "mu_w", "sigma_w")
    return {site: "" if site == "nu" else slope if site in slopes else y for site in priors}


def outcomes(priors: Priors, data: GroupData | RegressionData, seed: int = 0) -> np.ndarray:
    """Draw one new measurement from the prior predictive, of a group or row picked at random.

    A regression keeps the predictors of the row; its group's line is drawn from the priors.

    Returns
    -------
    Shape (4000,), in the outcome's units.
    """
    rng = np.random.default_rng(seed)
    if isinstance(data, RegressionData):
        return _responses(priors, data, rng, seed)
    draws = {site: _draw(prior, seed, i) for i, (site, prior) in enumerate(priors.items())}
    sigma = draws["sigma"] if "sigma" in draws else rng.choice(_sigma(data), DRAWS)
    theta = draws["mu"] + draws["tau"] * rng.standard_normal(DRAWS)
    return theta + sigma * rng.standard_normal(DRAWS)


def _responses(
    priors: Priors, data: RegressionData, rng: np.random.Generator, seed: int
) -> np.ndarray:
    index, x, _ = data.rows
    chosen = rng.integers(len(index), size=DRAWS)
    mask, x = data.mask[index[chosen]], x[chosen]
    mean, sd = data.column_moments
    x = np.where(np.isnan(x), mean + sd * rng.standard_normal(x.shape), x)
    lines = _lines(priors, len(data.predictors), rng, seed)
    noise = rng.standard_normal(DRAWS) if lines.nu is None else rng.standard_t(lines.nu)
    y = lines.intercept + (lines.weights * mask * x).sum(1) + lines.noise * noise
    return data.units.y_origin + data.units.y_unit * np.clip(y, -LARGEST, LARGEST)


class _Lines(NamedTuple):
    """Lines of one group a draw, in the units of the model: shapes (S,), (S, P), (S,), (S,)."""

    intercept: np.ndarray
    weights: np.ndarray
    noise: np.ndarray
    nu: np.ndarray | None


def _lines(priors: Priors, width: int, rng: np.random.Generator, seed: int) -> _Lines:
    several = ("w", "mu_w", "sigma_w")
    draws = {
        site: _draw(prior, seed, i, *([width] if site in several else []))
        for i, (site, prior) in enumerate(priors.items())
    }

    def effect(name: str, location: str, scale: str) -> np.ndarray:
        if name in draws:
            return draws[name]
        return draws[location] + draws[scale] * rng.standard_normal(draws[location].shape)

    if "mu_intercept" in draws:
        intercept = effect("intercept", "mu_intercept", "sigma_intercept")
        slope = effect("slope", "mu_slope", "sigma_slope")
        return _Lines(intercept, slope[:, None], draws["sigma_noise"], draws.get("nu"))
    return _Lines(draws["alpha"], effect("w", "mu_w", "sigma_w"), draws["scale"], None)


def lines(priors: Priors, data: RegressionData, seed: int = 0) -> dict[str, xr.Dataset]:
    """Draw lines of groups not yet seen over the range of each predictor, and the rows seen.

    The other predictors that apply to a group, picked at random, stand at their means.

    Returns
    -------
    For each of the first six predictors a Dataset, in the units the data came in: `height` (line,
    end) over the coordinate `x` (end), 50 lines with two ends each; `seen_x` and `seen_y` (row),
    at most 1,500 rows. Its attributes are the `predictor`, the `response`, and the number of
    `rows`.
    """
    rng = np.random.default_rng(seed)
    drawn, u = _lines(priors, len(data.predictors), rng, seed), data.units
    used = np.ones(len(data.y), bool) if data.latent else data.complete
    middle = data.column_moments[0]
    found = {}
    for p, name in enumerate(data.predictors[:MOST_PREDICTORS]):
        seen = np.flatnonzero(used & data.mask[data.index, p] & np.isfinite(data.x[:, p]))
        ends = np.array([data.x[seen, p].min(), data.x[seen, p].max()])
        group = rng.choice(np.flatnonzero(data.mask[:, p]), LINES)
        x = np.where(data.mask[group], middle, 0.0)[:, None, :].repeat(2, 1)
        x[:, :, p] = (ends - u.x_origin[p]) / u.x_unit[p]
        height = drawn.intercept[:LINES, None] + np.einsum("lep,lp->le", x, drawn.weights[:LINES])
        kept = seen[np.linspace(0, len(seen) - 1, min(MOST_DOTS, len(seen))).round().astype(int)]
        found[name] = xr.Dataset(
            {
                "height": (("line", "end"), u.y_origin + u.y_unit * height),
                "seen_x": ("row", data.x[kept, p]),
                "seen_y": ("row", data.y[kept]),
            },
            {"x": ("end", ends)},
            {"predictor": name, "response": data.response, "rows": len(seen)},
        )
    return found


def shrinkage(
    model: str, priors: Priors, data: Any, level: str, seed: int = 0
) -> tuple[np.ndarray, list[str]]:
    """Draw how far the prior would shrink groups: s_k^2 / (s_k^2 + tau^2), 0 none, 1 wholly.

    s_k is the standard error of a group's own estimate. Where the noise has a prior, s_k counts
    in draws of it, since s_k is proportional to the noise.

    Parameters
    ----------
    level : the name of a population of effects of the model, from `Model.levels`.

    Returns
    -------
    Shape (4000, up to 3), and labels: the least, middle and best informed group. No groups where
    the rows of none say anything of this effect.
    """
    about = next(one for one in MODELS[model].levels(data, priors) if one.name == level)
    groups = MODELS[model].information(data, level)
    order = np.argsort(-groups.standard_error, kind="stable")
    order = order[np.isfinite(groups.standard_error[order])]
    chosen = list(dict.fromkeys(order[[0, len(order) // 2, -1]].tolist())) if len(order) else []
    streams = {site: stream for stream, site in enumerate(priors)}
    tau = _draw(priors[about.scale], seed, streams[about.scale])[:, None]
    s2 = groups.standard_error[chosen] ** 2
    if about.noise is not None:
        noise = _draw(priors[about.noise], seed, streams[about.noise])[:, None]
        s2 = s2 / _assumed_sd(data) ** 2 * noise**2
    labels = [f"{data.names[k]} (n = {groups.n[k]:,.0f})" for k in chosen]
    return s2 / (s2 + tau**2), labels


def _assumed_sd(data: GroupData | RegressionData) -> float:
    """The noise that the groups' standard errors were computed with, in the units of the model."""
    return data.fits.sd if isinstance(data, RegressionData) else data.pooled_sd


def _sigma(data: GroupData) -> np.ndarray:
    return np.full(len(data.n), data.pooled_sd) if data.sigma is None else data.sigma


def _draw(prior: Prior, seed: int, stream: int, *shape: int) -> np.ndarray:
    rng = np.random.default_rng([seed, 1 + stream])  # 0 would be the generator of `seed` itself
    draws = law(prior).rvs((DRAWS, *shape), random_state=rng)
    # A LogNormal may reach beyond the numbers; what is drawn stays within those of data.
    return np.clip(draws, -LARGEST, LARGEST)
