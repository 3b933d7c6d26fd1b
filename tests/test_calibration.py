"""Simulation-based calibration in a reduced form, and that it can fail."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.calibration import CASES, DRAWS, calibrate, quantities, rank
from benchmarks.uniformity import p_value
from hbdash.regression_sources import load

#: Shorter runs than the benchmark's: divergences of a few runs do not tilt this few ranks.
SHORT = {"num_warmup": 300, "target_accept_prob": 0.9}
SIMULATIONS = 40
#: Chance that one of about 43 sound quantities fails: 1 in 250.
LEVEL = 1e-4


@pytest.mark.parametrize("name", CASES)
def test_ranks_are_uniform(name):
    found = calibrate(CASES[name], SIMULATIONS, 1, **SHORT)
    tested = {quantity: p_value(ranks, DRAWS) for quantity, ranks in found.ranks.items()}
    assert min(tested.values()) > LEVEL, tested
    assert len(tested) >= 5
    assert np.median(found.ess) > 2 * DRAWS


def test_noisier_data_than_the_truth_says_are_found():
    case = CASES["regression, non-centered"]

    def noisier(rng):
        data, truth = case.simulate(rng)
        return data.model_copy(update={"sigma_noise": 1.5 * truth["sigma_noise"]}), truth

    found = calibrate(replace(case, simulate=noisier), 30, 1, **SHORT)
    tested = {quantity: p_value(ranks, DRAWS) for quantity, ranks in found.ranks.items()}
    assert tested["sigma_noise"] < LEVEL
    assert tested["log likelihood"] < LEVEL
    assert tested["mu_slope"] > LEVEL


def test_weights_of_another_mask_are_found():
    case = CASES["missing predictors, unpooled"]

    def swapped(rng):
        data, truth = case.simulate(rng)
        return data, truth | {"w": truth["w"][:, ::-1]}

    ranks = calibrate(replace(case, simulate=swapped), 30, 1, **SHORT).ranks
    assert p_value(ranks["w[0, 0]"], DRAWS) < LEVEL
    assert p_value(ranks["log likelihood"], DRAWS) < LEVEL
    assert p_value(ranks["scale"], DRAWS) > LEVEL


def normal_ranks(scale=1.0, shift=0.0, simulations=400):
    """Ranks under theta ~ Normal(0, 1), y ~ Normal(theta, 1): the posterior is known."""
    rng = np.random.default_rng(0)
    theta = rng.normal(size=simulations)
    y = rng.normal(theta)
    draws = rng.normal(y / 2 + shift, scale * np.sqrt(0.5), (10 * DRAWS, simulations))
    return np.array([rank(t, d) for t, d in zip(theta, draws.T, strict=True)])


@pytest.mark.parametrize(
    ("wrong", "uniform"),
    [({}, True), ({"scale": 0.7}, False), ({"scale": 1.6}, False), ({"shift": 0.3}, False)],
)
def test_draws_too_narrow_too_wide_or_shifted_are_found(wrong, uniform):
    assert (p_value(normal_ranks(**wrong), DRAWS) > 1e-3) == uniform


def test_a_rank_counts_the_draws_below():
    draws = np.arange(1.0, DRAWS + 1)
    assert [rank(t, draws) for t in (0.0, 10.5, DRAWS + 1.0)] == [0, 10, DRAWS]
    assert rank(0.5, np.linspace(0, 1, 5000)) in (49, 50)


@pytest.mark.parametrize("ones", [0, 3, 11, 20, 28])
def test_two_ranks_are_a_binomial_test(ones):
    ranks = np.repeat([0, 1], [40 - ones, ones])
    assert p_value(ranks, 1) == pytest.approx(stats.binomtest(ones, 40, 0.5).pvalue, rel=1e-9)


def test_the_p_value_is_the_share_of_uniform_ranks_as_extreme():
    rng = np.random.default_rng(2)
    most, total, simulated = 9, 30, 20_000
    z = np.arange(1, most + 1) / (most + 1)

    def statistic(counts):
        below = counts.cumsum(-1)[..., :-1]
        tails = stats.binom.cdf(below, total, z), stats.binom.sf(below - 1, total, z)
        return np.minimum(*tails).min(-1)

    counts = rng.multinomial(total, np.full(most + 1, 1 / (most + 1)), simulated)
    every = statistic(counts)
    for one in counts[:8]:
        share = (every <= statistic(one) * (1 + 1e-9)).mean()
        p = p_value(np.repeat(np.arange(most + 1), one), most)
        assert p == pytest.approx(share, abs=4 * np.sqrt(0.25 / simulated))


@pytest.mark.parametrize("name", ["regression, non-centered", "missing predictors, unpooled"])
def test_the_likelihood_is_the_rows_own(name):
    data, truth = CASES[name].simulate(np.random.default_rng(3))
    rows = load(data)

    def logpdf(noise):
        if "slope" in truth:
            mean = truth["intercept"][rows.index] + truth["slope"][rows.index] * rows.x[:, 0]
        else:
            terms = np.where(np.isnan(rows.x), 0.0, truth["w"][rows.index] * rows.x)
            mean = truth["alpha"][rows.index] + terms.sum(1)
        return stats.norm.logpdf(rows.y, mean, noise).sum()

    site = "sigma_noise" if "slope" in truth else "scale"
    noises = np.array([0.5, 2.0])
    draws = {k: np.stack([v, v]) for k, v in truth.items()} | {site: noises}
    found = quantities(draws, rows)["log likelihood"]
    expected = [logpdf(noise) for noise in noises]
    assert np.diff(found) == pytest.approx(np.diff(expected), rel=1e-9)
