"""Log densities of the regression models: statistics against rows, one centeredness and another."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer.util import log_density
from scipy import stats

from hbdash.models import MODELS
from hbdash.models.missing_predictors import pooled_priors
from hbdash.models.padding import padded
from hbdash.priors import Prior, distribution
from hbdash.spec import RunSpec

NU = {"nu": Prior.model_validate({"dist": "Gamma", "concentration": 2, "rate": 0.1})}
MISSING = MODELS["missing_predictors"].default_priors()
POOLED = {site: prior for site, prior in MISSING.items() if site != "w"} | pooled_priors()
LATENT = {"source": "manufacturing", "n": [30, 25], "blanks": 0.2, "missing": "latent"}
CASES: dict[str, dict[str, Any]] = {
    "lines": {"model": "regression"},
    "uneven lines": {
        "model": "regression",
        "data": {"source": "simulated_lines", "n": [1, 30, 2, 7]},
    },
    "rats": {"model": "regression", "data": {"source": "rats"}},
    "student": {
        "model": "regression",
        "priors": MODELS["regression"].default_priors() | NU,
        "data": {"source": "simulated_lines", "n": [1, 30, 2, 7]},
    },
    "unpooled": {"model": "missing_predictors"},
    "pooled": {"model": "missing_predictors", "priors": POOLED},
    "latent": {"model": "missing_predictors", "data": LATENT},
    "pooled latent": {"model": "missing_predictors", "data": LATENT, "priors": POOLED},
}


class Density:
    """The log density of one case at points in natural coordinates, by statistics and by rows."""

    def __init__(self, case: str):
        self.spec = RunSpec.model_validate(CASES[case])
        self.model, self.data = MODELS[self.spec.model], self.spec.grouped()
        self.design = self.model.design(self.data, self.spec.priors)
        self.prior: Any = {
            site: distribution(p.dist, p.parameters) for site, p in self.spec.priors.items()
        }
        levels = self.model.levels(self.data, self.spec.priors)
        self.populations = {one.effect: (one.location, one.scale) for one in levels}
        self.blank = np.nonzero(self.data.blank) if self.data.latent else ((), ())

    def shape(self, effect: str) -> tuple[int, ...]:
        return self.data.mask.shape if effect == "w" else (len(self.data.names),)

    def point(self, rng) -> dict[str, Any]:
        """Draw a value for every site."""
        found: dict[str, Any] = {}
        width = {"mu_w": self.data.mask.shape[1:], "sigma_w": self.data.mask.shape[1:]}
        for site in self.spec.priors:
            shape = width.get(site, self.shape(site) if site in ("w", "alpha") else ())
            positive = not site.startswith(("mu", "alpha", "w"))
            found[site] = np.exp(rng.normal(0, 1, shape)) if positive else rng.normal(0, 2, shape)
        for effect, (location, scale) in self.populations.items():
            found[effect] = found[location] + found[scale] * rng.normal(size=self.shape(effect))
        if len(self.blank[0]):
            found["x_blank"] = rng.normal(3, 1, len(self.blank[0]))
        return found

    def centeredness(self, value: float | None, rng=None) -> dict[str, np.ndarray]:
        """One number for all groups, or numbers drawn for each."""
        return {
            effect: np.full(self.shape(effect), value)
            if rng is None
            else rng.uniform(size=self.shape(effect))
            for effect in self.populations
        }

    def sampled(self, point: dict[str, Any], c: dict[str, np.ndarray]) -> dict[str, Any]:
        found = dict(point)
        for effect, (location, scale) in self.populations.items():
            mu, tau = point[location], point[scale]
            own = c[effect] * self.data.mask if effect == "w" else c[effect]
            found[f"{effect}_decentered"] = (found.pop(effect) - mu) / tau ** (1 - own) + own * mu
        return found

    def __call__(self, point: dict[str, Any], c: dict[str, np.ndarray]) -> float:
        found = self.sampled(point, c)
        if "x_blank" in found:
            mean, sd = (moment[self.blank[1]] for moment in self.data.column_moments)
            found["x_blank_z"] = (found.pop("x_blank") - mean) / sd
        arguments = self.design, self.prior, c
        return float(log_density(self.model.program, arguments, {}, found)[0])

    def rowwise(self, point: dict[str, Any], c: dict[str, np.ndarray]) -> float:
        arguments = self.data, self.prior, c
        found = self.sampled(point, c)
        return float(log_density(self.model.rowwise_program, arguments, {}, found)[0])

    def unlike(self) -> float:
        """What the program has besides: the unit of a latent cell."""
        if not len(self.blank[0]):
            return 0.0
        return float(np.log(self.data.column_moments[1][self.blank[1]]).sum())


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("c", [0.0, 0.3, 1.0])
def test_statistics_give_the_density_of_the_rows(case, c):
    density, rng = Density(case), np.random.default_rng(0)
    for _ in range(3):
        point, values = density.point(rng), density.centeredness(c)
        expected = density.rowwise(point, values) + density.unlike()
        assert density(point, values) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_the_density_is_the_same_at_every_centeredness_up_to_the_jacobian(case):
    density, rng = Density(case), np.random.default_rng(1)
    for _ in range(3):
        point, c = density.point(rng), density.centeredness(None, rng)
        jacobian = 0.0
        for effect, (_, scale) in density.populations.items():
            own = c[effect] * density.data.mask if effect == "w" else c[effect]
            full = density.data.mask if effect == "w" else np.ones_like(own)
            jacobian += np.sum((full - own) * np.log(point[scale]))
        expected = density(point, density.centeredness(1.0)) + jacobian
        assert density(point, c) == pytest.approx(expected, rel=1e-9)


def test_the_density_of_lines_by_hand():
    density, rng = Density("uneven lines"), np.random.default_rng(2)
    index, x, y = density.data.rows
    p = density.point(rng)
    by_hand = (
        stats.norm(0, 5).logpdf([p["mu_intercept"], p["mu_slope"]]).sum()
        + stats.halfcauchy(scale=2).logpdf([p["sigma_intercept"], p["sigma_slope"]]).sum()
        + stats.expon().logpdf(p["sigma_noise"])
        + stats.norm(p["mu_intercept"], p["sigma_intercept"]).logpdf(p["intercept"]).sum()
        + stats.norm(p["mu_slope"], p["sigma_slope"]).logpdf(p["slope"]).sum()
        + stats.norm(p["intercept"][index] + p["slope"][index] * x[:, 0], p["sigma_noise"])
        .logpdf(y)
        .sum()
    )
    assert density(p, density.centeredness(1.0)) == pytest.approx(by_hand, rel=1e-9)


def test_the_density_of_masked_weights_by_hand():
    density, rng = Density("unpooled"), np.random.default_rng(3)
    index, x, y = density.data.rows
    p = density.point(rng)
    height = p["alpha"][index] + (np.nan_to_num(x) * (p["w"] * density.data.mask)[index]).sum(1)
    by_hand = (
        stats.norm(0, 5).logpdf(p["alpha"]).sum()
        + stats.norm(0, 5).logpdf(p["w"]).sum()
        + stats.halfnorm(scale=5).logpdf(p["scale"])
        + stats.norm(height, p["scale"]).logpdf(y).sum()
    )
    assert density(p, {}) == pytest.approx(by_hand, rel=1e-9)


def test_a_masked_weight_has_no_say():
    density, rng = Density("unpooled"), np.random.default_rng(4)
    point = density.point(rng)
    other = point | {"w": np.where(density.data.mask, point["w"], 7.0)}
    ratio = stats.norm(0, 5).logpdf(7.0) - stats.norm(0, 5).logpdf(point["w"][0, 2])
    assert density(other, {}) - density(point, {}) == pytest.approx(ratio, rel=1e-6)


@pytest.mark.parametrize("case", ["lines", "rats", "unpooled"])
def test_32_bits_would_survive(case):
    density, rng = Density(case), np.random.default_rng(5)
    point = density.sampled(density.point(rng), density.centeredness(1.0))
    if "intercept_decentered" in point:  # near the rows, where a difference would cancel
        fits = density.data.fits
        point |= {"intercept_decentered": fits.intercept, "slope_decentered": fits.weights[:, 0]}
        point |= {"sigma_noise": fits.sd}

    def value(kind: Any) -> float:
        cast = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(leaf, kind), tree)  # noqa: E731
        prior = {
            site: distribution(p.dist, cast(p.parameters))
            for site, p in density.spec.priors.items()
        }
        arguments = cast(density.design), prior, cast(density.centeredness(1.0))
        return float(log_density(density.model.program, arguments, {}, cast(point))[0])

    assert value(jnp.float32) == pytest.approx(value(jnp.float64), rel=2e-5)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_finite_where_scales_vanish(case):
    density, rng = Density(case), np.random.default_rng(6)
    c = density.centeredness(0.0)
    point = density.sampled(density.point(rng), c)
    if "x_blank" in point:
        del point["x_blank"]
        point["x_blank_z"] = np.zeros(len(density.design["cell_row"]))
    scales = [site for site in point if site.startswith("sigma") or site in ("scale", "nu")]

    def potential(free: dict[str, Any], log_scale: Any) -> Any:
        small = {site: jnp.exp(log_scale) * jnp.ones_like(point[site]) for site in scales}
        arguments = density.design, density.prior, c
        return log_density(density.model.program, arguments, {}, free | small)[0]

    free = {site: jnp.asarray(v) for site, v in point.items() if site not in scales}
    gradient = jax.jit(jax.grad(potential, argnums=(0, 1)))
    for log_scale in (-12.0, -4.0, 0.0, 4.0):
        leaves = jax.tree.leaves(gradient(free, log_scale))
        assert all(np.isfinite(leaf).all() for leaf in leaves), log_scale


def test_padding_takes_few_sizes_and_wastes_little():
    sizes = {padded(n) for n in range(1, 5000)}
    assert len(sizes) < 50
    assert all(n <= padded(n) <= max(n + 15, 1.25 * n + 1) for n in range(1, 5000))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": {"source": "scene"}}, "must be one of simulated_lines, rats"),
        ({"priors": {"mu_intercept": {"dist": "Normal", "loc": 0, "scale": 1}}}, "an entry for"),
        (
            {
                "parameterization": {
                    "kind": "per_effect",
                    "effects": {"slope": {"kind": "centered"}},
                }
            },
            "intercept and slope, got slope",
        ),
    ],
)
def test_specs_that_do_not_fit_their_model_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        RunSpec.model_validate({"model": "regression"} | change)


def test_priors_of_two_forms_are_refused():
    with pytest.raises(ValueError, match="Remove those of one form"):
        RunSpec(model="missing_predictors", priors=MISSING | pooled_priors(), data=DATA)
    with pytest.raises(ValueError, match="an entry for sigma_w"):
        priors = {site: prior for site, prior in POOLED.items() if site != "sigma_w"}
        RunSpec(model="missing_predictors", priors=priors, data=DATA)


DATA = RunSpec.model_validate({"model": "missing_predictors"}).data


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {
                "model": "regression",
                "data": {
                    "source": "regression_rows",
                    "group": ["a", "a"],
                    "response": [1, 2],
                    "predictors": {"x": [1, 2], "z": [2, 1]},
                },
            },
            "takes one predictor, got x, z",
        ),
        (
            {
                "model": "regression",
                "priors": MODELS["regression"].default_priors() | NU,
                "data": {"source": "simulated_lines", "n": [70_000] * 3},
            },
            "at most 200,000, got 210,000",
        ),
        (
            {
                "model": "missing_predictors",
                "data": {
                    "source": "manufacturing",
                    "n": [5000, 5000],
                    "blanks": 0.4,
                    "missing": "latent",
                },
            },
            "At most 2,000 blank cells can be latent",
        ),
    ],
)
def test_data_that_do_not_fit_their_model_are_refused(content, words):
    with pytest.raises(ValueError, match=words):
        RunSpec.model_validate(content).grouped()
