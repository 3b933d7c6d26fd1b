"""What the priors say before any data, against their own laws."""

import numpy as np
import pytest
from scipy import stats

from hbdash import prior_draws
from hbdash.data import Example, Rowwise, Scene, load, unknown_sigma
from hbdash.priors import LOCATION, SCALE, Prior, default
from tests.questions import MU_TAU, SIGMA

PRIORS = {site: Prior.model_validate(prior) for site, prior in MU_TAU.items()}
WITH_SIGMA = PRIORS | {"sigma": Prior.model_validate(SIGMA["sigma"])}
UNBALANCED = load(Scene(name="unbalanced"))


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
    draws, labels = prior_draws.shrinkage(PRIORS, UNBALANCED)
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
    draws, labels = prior_draws.shrinkage(WITH_SIGMA, data)
    assert draws.shape == (prior_draws.DRAWS, 2) and len(set(labels)) == 2
    assert np.all(draws[:, 0] >= draws[:, 1])
    one, names = prior_draws.shrinkage(PRIORS, load(Rowwise(group=("a",), value=(1.0,), sigma=2)))
    assert one.shape == (prior_draws.DRAWS, 1) and names == ["a (n = 1)"]
