"""The summary table against closed forms and against arviz-stats."""

import arviz_stats as azs
import numpy as np
import pytest
import xarray as xr

from hbdash.posterior_summary import COLUMNS, coverage, diagnose, summarize
from tests.fake_regression import fake_regression


def weights_run(origin=(0.0, 0.0), truth=(1.0, 2.0, 9.0, 4.0), seed=0) -> xr.DataTree:
    """Two groups, two predictors; the first predictor does not apply to the second group."""
    rng = np.random.default_rng(seed)
    cd, names = ("chain", "draw"), {"group": ["A", "B"], "predictor": ["feed", "wait"]}
    posterior = {
        "w": ((*cd, "group", "predictor"), rng.normal(size=(2, 50, 2, 2))),
        "alpha": ((*cd, "group"), rng.normal(size=(2, 50, 2))),
        "x_blank": ((*cd, "cell"), rng.normal(size=(2, 50, 3))),
        "scale": (cd, rng.gamma(2, size=(2, 50))),
    }
    constant = {
        "mask": (("group", "predictor"), np.array([[True, True], [False, True]])),
        "x_origin": ("predictor", np.array(origin)),
        "true_w": (("group", "predictor"), np.reshape(truth, (2, 2))),
        "true_alpha": ("group", [0.5, -0.5]),
    }
    return xr.DataTree.from_dict(
        {"posterior": xr.Dataset(posterior, names), "constant_data": xr.Dataset(constant, names)}
    )


def with_noise(draws: np.ndarray) -> xr.DataTree:
    """A run whose sigma_noise, shape (chain, draw), is given."""
    dt = fake_regression(2, chains=draws.shape[0], draws=draws.shape[1], divergences=0)
    dt["posterior/sigma_noise"][:] = draws
    return dt


def test_the_interval_is_the_narrowest_not_the_central_one():
    quantiles = -np.log(1 - (np.arange(4000) + 0.5) / 4000)
    draws = np.random.default_rng(0).permutation(quantiles).reshape(4, 1000)
    for prob in (0.5, 0.9):
        row = summarize(with_noise(draws), prob).loc["sigma_noise"]
        assert row["hdi_low"] == pytest.approx(0, abs=1e-3)
        assert row["hdi_high"] == pytest.approx(-np.log(1 - prob), abs=5e-3)
    assert row["mean"] == pytest.approx(1, abs=1e-3) and row["sd"] == pytest.approx(1, abs=5e-3)
    assert row["mcse_mean"] == pytest.approx(1 / np.sqrt(4000), rel=0.1)


@pytest.mark.parametrize("shape", [(3, 4, 101), (2, 2, 8), (60, 3, 40)])
def test_diagnostics_are_those_of_arviz_also_for_chains_that_stand_still(shape):
    draws = np.random.default_rng(1).normal(size=shape).round(1).cumsum(2).round(1)
    found = diagnose(draws)
    array = xr.DataArray(draws, dims=("quantity", "chain", "draw"))
    expected = {
        "ess_bulk": azs.ess(array, method="bulk"),
        "ess_tail": azs.ess(array, method="tail", prob=(0.05, 0.95)),
        "r_hat": azs.rhat(array),
        "mcse_mean": azs.mcse(array, method="mean"),
    }
    assert any(len(np.unique(one)) < one.size for one in draws)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_population_first_then_groups_then_cells():
    table = summarize(fake_regression(2, names=["a", "b"], draws=20, divergences=0))
    assert list(table.columns) == list(COLUMNS)
    assert list(table.index) == [
        "mu_intercept", "mu_slope", "sigma_intercept", "sigma_slope", "sigma_noise",
        "intercept[a]", "intercept[b]", "slope[a]", "slope[b]",
    ]  # fmt: skip
    shuffled = fake_regression(2, nu=True, draws=20, divergences=0)
    names = sorted(shuffled["posterior"].data_vars)
    shuffled["posterior"] = shuffled["posterior"].to_dataset()[names]
    assert list(summarize(shuffled, which="population").index) == [
        "mu_intercept", "mu_slope", "sigma_intercept", "sigma_slope", "nu", "sigma_noise",
    ]  # fmt: skip
    weights = summarize(weights_run())
    assert list(weights.index) == [
        "scale", "w[A, feed]", "w[A, wait]", "w[B, feed]", "w[B, wait]", "alpha[A]", "alpha[B]",
        "x_blank[1]", "x_blank[2]", "x_blank[3]",
    ]  # fmt: skip
    assert list(summarize(weights_run(), which="population").index) == ["scale"]
    assert len(summarize(weights_run(), which="groups")) == 9
    assert weights.index.is_unique and weights.index.name == "quantity"


def test_lines_are_moved_to_zero_where_the_predictor_was_centred():
    dt = fake_regression(3, origin=22.0, draws=100)
    table = summarize(dt)
    post, constant = dt["posterior"], dt["constant_data"]
    at_zero = (post["mu_intercept"] - 22 * post["mu_slope"]).values
    row = table.loc["mu_intercept at 0"]
    assert row["mean"] == pytest.approx(at_zero.mean())
    assert row["sd"] == pytest.approx(at_zero.std(ddof=1))
    assert row["truth"] == pytest.approx(1.0 - 22 * 0.6)
    lines = (post["intercept"] - 22 * post["slope"]).mean(("chain", "draw"))
    truth = constant["true_intercept"] - 22 * constant["true_slope"]
    rows = table.loc[[f"intercept at 0[group {k + 1}]" for k in range(3)]]
    np.testing.assert_allclose(rows["mean"], lines)
    np.testing.assert_allclose(rows["truth"], truth)
    assert not summarize(fake_regression(3, draws=20)).index.str.contains("at 0").any()


def test_a_masked_weight_is_prior_only_has_no_truth_and_moves_no_line():
    dt = weights_run(origin=(3.0, 10.0))
    table = summarize(dt)
    assert list(table.index[table["prior_only"]]) == ["w[B, feed]"]
    assert np.isnan(table.loc["w[B, feed]", "truth"]) and table["covered"].isna()["w[B, feed]"]
    assert table.loc["w[B, wait]", "truth"] == 4
    alpha, w = (dt["posterior"][name].values for name in ("alpha", "w"))
    first = (alpha[..., 0] - 3 * w[..., 0, 0] - 10 * w[..., 0, 1]).mean()
    second = (alpha[..., 1] - 10 * w[..., 1, 1]).mean()
    rows = table.loc[["alpha at 0[A]", "alpha at 0[B]"]]
    np.testing.assert_allclose(rows["mean"], [first, second])
    np.testing.assert_allclose(rows["truth"], [0.5 - 3 * 1 - 10 * 2, -0.5 - 10 * 4])
    assert not rows["prior_only"].any()


def test_coverage_counts_what_is_inside_of_what_is_known():
    dt = fake_regression(400, rows=2, draws=50)
    rng = np.random.default_rng(3)
    # Draws and truth from the same distribution: the interval covers with its own probability.
    dt["posterior/slope"][:] = rng.normal(size=(4, 50, 400))
    dt["constant_data/true_slope"][:] = rng.normal(size=400)
    table = summarize(dt, 0.8, "groups").filter(like="slope", axis=0)
    inside = (table["truth"] >= table["hdi_low"]) & (table["truth"] <= table["hdi_high"])
    covered, known = coverage(table)
    assert known == 400 and covered == inside.sum()
    assert abs(covered / known - 0.8) < 4 * np.sqrt(0.8 * 0.2 / 400)
    assert coverage(summarize(fake_regression(2, truth=False, draws=20))) == (0, 0)


def test_what_a_few_draws_do_not_tell_is_nan():
    one = summarize(fake_regression(2, chains=1, draws=40))
    assert one["r_hat"].isna().all() and one["ess_bulk"].notna().all()
    few = summarize(fake_regression(2, draws=3, divergences=0))
    assert few[["ess_bulk", "ess_tail", "r_hat", "mcse_mean"]].isna().all(axis=None)
    assert few["sd"].notna().all()
    single = summarize(fake_regression(2, chains=1, draws=1, divergences=0))
    assert single["sd"].isna().all() and coverage(single) == (0, 0)
    none = summarize(fake_regression(2, draws=0, divergences=0))
    assert none["mean"].isna().all() and len(none) == 9
    stopped = fake_regression(2, draws=20)
    del stopped["posterior"]
    assert summarize(stopped).empty and coverage(summarize(stopped)) == (0, 0)


def test_chains_that_do_not_move_and_numbers_that_are_not_finite_are_no_error():
    draws = np.ones((4, 50))
    assert np.isnan(summarize(with_noise(draws)).loc["sigma_noise", "r_hat"])
    draws[:, ::2] += np.arange(4)[:, None]
    assert np.isfinite(summarize(with_noise(draws)).loc["sigma_noise", "r_hat"])
    draws[0, 0] = np.nan
    row = summarize(with_noise(draws)).loc["sigma_noise"]
    assert np.isnan(row["ess_bulk"]) and np.isnan(row["mcse_mean"])


@pytest.mark.parametrize("prob", [0, 1, 90])
def test_a_probability_outside_its_range_is_refused(prob):
    with pytest.raises(ValueError, match=r"`prob` must lie in \(0, 1\), got"):
        summarize(fake_regression(2, draws=20), prob)


def test_an_unknown_choice_is_refused():
    with pytest.raises(ValueError, match='got "effects"'):
        summarize(fake_regression(2, draws=20), which="effects")
