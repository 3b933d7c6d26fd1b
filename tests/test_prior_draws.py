"""What the priors say before any data, against their own laws."""

from typing import Any

import jax
import numpy as np
import numpyro
import pytest
from numpyro.infer import Predictive
from scipy import stats

from hbdash import prior_draws
from hbdash.data import Example, Rowwise, Scene, load, unknown_sigma
from hbdash.models import MODELS
from hbdash.priors import LOCATION, SCALE, Prior, default, distribution
from hbdash.regression_data import RegressionData
from hbdash.spec import RunSpec
from tests.questions import MU_TAU, SIGMA

PRIORS = {site: Prior.model_validate(prior) for site, prior in MU_TAU.items()}
WITH_SIGMA = PRIORS | {"sigma": Prior.model_validate(SIGMA["sigma"])}
UNBALANCED = load(Scene(name="unbalanced"))
LINES = {
    "mu_intercept": {"dist": "Normal", "loc": 3, "scale": 2},
    "mu_slope": {"dist": "Normal", "loc": 0.5, "scale": 0.3},
    "sigma_intercept": {"dist": "HalfNormal", "scale": 1},
    "sigma_slope": {"dist": "HalfNormal", "scale": 0.4},
    "sigma_noise": {"dist": "HalfNormal", "scale": 0.8},
}
NU = {"nu": {"dist": "Uniform", "low": 5, "high": 9}}
UNPOOLED = {
    "alpha": {"dist": "Normal", "loc": 10, "scale": 2},
    "w": {"dist": "Normal", "loc": 1, "scale": 2},
    "scale": {"dist": "HalfNormal", "scale": 5},
}
POOLED = {
    "alpha": {"dist": "Normal", "loc": 10, "scale": 2},
    "mu_w": {"dist": "Normal", "loc": 1, "scale": 2},
    "sigma_w": {"dist": "HalfNormal", "scale": 1},
    "scale": {"dist": "HalfNormal", "scale": 5},
}
BLANK = {"source": "manufacturing", "n": [60, 20], "blanks": 0.3, "missing": "latent"}
SIMULATED = {"source": "simulated_lines", "n": [30, 5, 2], "seed": 4}
RATS = {"source": "rats", "transform": "standardize"}
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "lines": ("regression", SIMULATED, LINES),
    "standardized": ("regression", RATS, LINES),
    "Student's t": ("regression", RATS | {"transform": "centre"}, LINES | NU),
    "unpooled": ("missing_predictors", BLANK | {"missing": "drop"}, UNPOOLED),
    "pooled, latent": ("missing_predictors", BLANK, POOLED),
}


def asked(case: str) -> tuple[RunSpec, RegressionData]:
    model, data, priors = CASES[case]
    spec = RunSpec.model_validate({"model": model, "data": data, "priors": priors})
    return spec, spec.grouped()


@pytest.mark.parametrize("family", LOCATION)
def test_location_densities_hold_the_central_mass(family):
    found = prior_draws.densities({"mu": default(family)})
    x, y = found["mu_x"].values, found["mu"].values
    assert x.shape == y.shape == (400,) and np.all(np.diff(x) > 0) and np.all(y >= 0)
    assert 0.96 < np.trapezoid(y, x) < 1.01


@pytest.mark.parametrize("family", SCALE)
def test_scale_densities_hold_the_mass_from_zero(family):
    found = prior_draws.densities({"tau": default(family)})
    x, y = found["tau_x"].values, found["tau"].values
    assert x[0] > 0 and np.all(np.isfinite(y)) and np.all(y >= 0)
    assert 0.93 < np.trapezoid(y, x) < 1.02


def test_densities_by_closed_form():
    x = np.linspace(-1, 12, 50)
    half = prior_draws.density(Prior.model_validate(MU_TAU["tau"]), x)
    np.testing.assert_allclose(half, np.where(x >= 0, stats.halfnorm(scale=5).pdf(x), 0))
    uniform = Prior.model_validate({"dist": "Uniform", "low": 2, "high": 4})
    np.testing.assert_allclose(prior_draws.density(uniform, x), stats.uniform(2, 2).pdf(x))
    line = prior_draws.scale_density(PRIORS["tau"], 8.0)
    assert line["tau_grid"].values[-1] == 8 and line["tau_grid"].values[0] > 0
    expected = stats.halfnorm(scale=5).pdf(line["tau_grid"])
    np.testing.assert_allclose(line["tau_prior_density"], expected)


def test_outcomes_have_the_variance_of_the_model():
    rows = prior_draws.outcomes(PRIORS, UNBALANCED)
    assert rows.shape == (prior_draws.DRAWS,)
    # Var = 5^2 (mu) + 5^2 (E tau^2 of a HalfNormal) + 10^2
    assert rows.std() == pytest.approx(np.sqrt(150), rel=0.05)
    assert rows.mean() == pytest.approx(0, abs=4 * np.sqrt(150 / 4000))
    unknown = prior_draws.outcomes(WITH_SIGMA, unknown_sigma(UNBALANCED))
    assert unknown.std() == pytest.approx(np.sqrt(150), rel=0.06)
    np.testing.assert_array_equal(rows, prior_draws.outcomes(PRIORS, UNBALANCED))
    assert not np.array_equal(rows, prior_draws.outcomes(PRIORS, UNBALANCED, seed=1))


def test_outcomes_of_estimates_use_each_group_s_own_standard_error():
    rows = prior_draws.outcomes(PRIORS, load(Example()))
    variance = 50 + np.mean(np.square([15, 10, 16, 11, 9, 11, 10, 18]))
    assert rows.std() == pytest.approx(np.sqrt(variance), rel=0.06)


def test_shrinkage_is_of_the_least_middle_and_best_informed_group():
    draws, labels = prior_draws.shrinkage("normal_means", PRIORS, UNBALANCED, "theta")
    assert draws.shape == (prior_draws.DRAWS, 3) and np.all((draws >= 0) & (draws <= 1))
    assert labels == ["4 (n = 1)", "0 (n = 10)", "2 (n = 1,000)"]
    # s^2 / (s^2 + tau^2) < q  is  tau > s sqrt(1 / q - 1): a probability of the prior of tau.
    for column, n in enumerate((1, 10, 1000)):
        s = 10 / np.sqrt(n)
        for q in (0.2, 0.5, 0.8):
            expected = stats.halfnorm(scale=5).sf(s * np.sqrt(1 / q - 1))
            assert np.mean(draws[:, column] < q) == pytest.approx(expected, abs=0.032)


def test_shrinkage_with_few_groups_and_unknown_sigma():
    data = load(Rowwise(group=("a", "b", "a"), value=(1.0, 3.0, 2.0)))
    draws, labels = prior_draws.shrinkage("normal_means", WITH_SIGMA, unknown_sigma(data), "theta")
    assert draws.shape == (prior_draws.DRAWS, 2) and len(set(labels)) == 2
    assert np.all(draws[:, 0] >= draws[:, 1])
    single = load(Rowwise(group=("a",), value=(1.0,), sigma=2))
    one, names = prior_draws.shrinkage("normal_means", PRIORS, single, "theta")
    assert one.shape == (prior_draws.DRAWS, 1) and names == ["a (n = 1)"]


@pytest.mark.parametrize("case", CASES)
def test_outcomes_of_a_regression_are_those_of_its_program(case):
    spec, data = asked(case)
    prior = {site: distribution(p.dist, p.parameters) for site, p in spec.priors.items()}
    program = numpyro.handlers.uncondition(MODELS[spec.model].rowwise_program)
    drawn = Predictive(program, num_samples=4000)(jax.random.key(1), data, prior)
    theirs = data.units.y_origin + data.units.y_unit * np.asarray(drawn["y"])
    # One row of each draw, since those of one draw are not independent.
    theirs = theirs[np.arange(4000), np.arange(4000) % theirs.shape[1]]
    ours = prior_draws.outcomes(spec.priors, data)
    assert ours.shape == (4000,)
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3
    np.testing.assert_array_equal(ours, prior_draws.outcomes(spec.priors, data))


@pytest.mark.parametrize("case", CASES)
def test_lines_are_straight_over_the_range_of_the_rows(case):
    spec, data = asked(case)
    found = prior_draws.lines(spec.priors, data)
    assert list(found) == list(data.predictors)
    used = data.complete | data.latent
    for p, (name, lines) in enumerate(found.items()):
        applies = used & data.mask[data.index, p] & np.isfinite(data.x[:, p])
        x = data.x[applies, p]
        np.testing.assert_array_equal(lines["x"], [x.min(), x.max()])
        assert lines["height"].shape == (50, 2) and np.isfinite(lines["height"]).all()
        np.testing.assert_array_equal(lines["seen_x"], x)
        np.testing.assert_array_equal(lines["seen_y"], data.y[applies])
        assert lines.attrs == {
            "predictor": name, "response": data.response, "rows": applies.sum()
        }  # fmt: skip


@pytest.mark.parametrize(
    ("case", "site", "spread"),
    [("standardized", "mu_slope", 0.4), ("unpooled", "w", 0), ("pooled, latent", "mu_w", 1)],
)
def test_lines_rise_as_the_prior_says(case, site, spread):
    spec, data = asked(case)
    law, u = spec.priors[site].parameters, data.units
    heights = [prior_draws.lines(spec.priors, data, seed)[data.predictors[0]] for seed in range(20)]
    x = heights[0]["x"].values
    slope = np.concatenate([np.diff(h["height"].values, axis=1)[:, 0] for h in heights])
    slope = slope / np.diff(x)[0] * u.x_unit[0] / u.y_unit
    # Var slope_k = Var mu + E sigma^2, a HalfNormal(s) having E sigma^2 = s^2.
    sd = np.hypot(law["scale"], spread)
    assert slope.mean() == pytest.approx(law["loc"], abs=4 * sd / np.sqrt(1000))
    assert slope.std() == pytest.approx(sd, rel=0.12)


def test_lines_hold_the_other_predictors_of_their_group_at_the_mean():
    """With the weights known the height of a line is known: alpha + sum of mask w mean."""
    known = {
        "alpha": {"dist": "Uniform", "low": 10, "high": 10.0001},
        "w": {"dist": "Uniform", "low": 2, "high": 2.0001},
        "scale": UNPOOLED["scale"],
    }
    spec = RunSpec.model_validate(
        {"model": "missing_predictors", "data": {"source": "manufacturing"}, "priors": known}
    )
    data = spec.grouped()
    found = prior_draws.lines(spec.priors, data)
    mean = [np.nanmean(column) for column in data.x.T]
    feed, wait = found["feed_speed"], found["cutting_wait_time"]
    both = [10 + 2 * (feed["x"].values[0] + mean[1] + extra) for extra in (0, mean[2])]
    ends = np.unique(feed["height"].values[:, 0].round(2))
    np.testing.assert_allclose(ends, np.round(both, 2), atol=0.011)
    only = 10 + 2 * (wait["x"].values[1] + mean[0] + mean[1])
    np.testing.assert_allclose(wait["height"].values[:, 1], only, atol=0.01)


def test_many_rows_and_predictors_are_a_picture_s_worth():
    rng = np.random.default_rng(0)
    columns = {f"x{p}": rng.normal(size=4000).tolist() for p in range(8)}
    data = {
        "source": "regression_rows",
        "group": ["a", "b"] * 2000,
        "response": rng.normal(size=4000).tolist(),
        "predictors": columns,
    }
    spec = RunSpec.model_validate({"model": "missing_predictors", "data": data})
    found = prior_draws.lines(spec.priors, spec.grouped())
    assert list(found) == [f"x{p}" for p in range(6)]
    assert found["x0"].sizes["row"] == 1500 and found["x0"].attrs["rows"] == 4000


@pytest.mark.parametrize(("level", "power"), [("intercept", 0), ("slope", 2)])
def test_shrinkage_of_a_line_follows_its_rows(level, power):
    """Against the textbook's standard errors of a line, and the law of two HalfNormals' ratio."""
    spec, data = asked("lines")
    draws, labels = prior_draws.shrinkage("regression", spec.priors, data, level)
    assert draws.shape == (4000, 3)
    assert labels == ["2 (n = 2)", "1 (n = 5)", "0 (n = 30)"]
    tau = LINES[f"sigma_{level}"]["scale"]
    for column, k in enumerate((2, 1, 0)):
        x = data.x[data.index == k, 0]
        ss = ((x - x.mean()) ** 2).sum()
        unit = np.sqrt(1 / ss if power else 1 / len(x) + x.mean() ** 2 / ss)
        for q in (0.2, 0.5, 0.8):
            # The ratio of |Normal(0, tau)| and |Normal(0, s)| is a half-Cauchy of scale tau / s.
            ratio = stats.halfcauchy(scale=tau / (LINES["sigma_noise"]["scale"] * unit))
            expected = ratio.sf(np.sqrt(1 / q - 1))
            assert np.mean(draws[:, column] < q) == pytest.approx(expected, abs=0.035)


def test_shrinkage_leaves_out_groups_that_say_nothing():
    spec, data = asked("pooled, latent")
    draws, labels = prior_draws.shrinkage(spec.model, spec.priors, data, "w[cutting_wait_time]")
    assert draws.shape == (4000, 1) and len(labels) == 1 and "Product_Group_2" in labels[0]
    lone = {
        "source": "regression_rows", "group": ["a", "b"], "response": [1.0, 2.0],
        "predictors": {"x": [0.0, 1.0]},
    }  # fmt: skip
    spec = RunSpec.model_validate({"model": "regression", "data": lone, "priors": LINES})
    draws, labels = prior_draws.shrinkage("regression", spec.priors, spec.grouped(), "slope")
    assert draws.shape == (4000, 0) and labels == []


def test_units_are_those_of_the_model():
    def words(case: str) -> dict[str, str]:
        spec, data = asked(case)
        found = prior_draws.densities(spec.priors, prior_draws.units(data, spec.priors))
        return {str(site): found[site].attrs["unit"] for site in found}

    plain, standardized, student = words("lines"), words("standardized"), words("Student's t")
    assert plain["mu_slope"] == "y per x" and plain["sigma_noise"] == "y"
    assert standardized["sigma_slope"] == "sd of weight per sd of day"
    assert standardized["mu_intercept"] == "sd of weight"
    assert student["mu_slope"] == "weight per day" and student["nu"] == ""
    assert words("unpooled")["w"] == "production_speed per unit of the predictor"
    assert prior_draws.units(UNBALANCED, PRIORS) is None


def test_a_uniform_prior_is_shown_with_both_its_ends():
    given = {"mu_slope": {"dist": "Uniform", "low": -3, "high": 1}, **NU}
    found = prior_draws.densities({s: Prior.model_validate(p) for s, p in given.items()})
    for site, (low, high) in {"mu_slope": (-3, 1), "nu": (5, 9)}.items():
        x, y = found[f"{site}_x"].values, found[site].values
        assert low - 1 < x[0] < low and high < x[-1] < high + 1
        assert np.trapezoid(y, x) == pytest.approx(1, abs=0.02)
