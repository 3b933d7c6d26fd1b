"""Replicated data against closed forms, and the figures that show them."""

import numpy as np
import plotly.graph_objects as go
import pytest
import xarray as xr
from scipy import stats

from hbdash import replicated
from hbdash.figures import caption
from hbdash.figures.replicated_densities import cumulative, density, replicated_densities
from hbdash.figures.replicated_statistics import p_value, replicated_statistics
from hbdash.predict import lines
from hbdash.replicated import Statistic, complete_rows, heights, replications, statistics
from tests.fake_regression import fake_regression

FIGURES = [replicated_densities, replicated_statistics]


def certain_run(y, draws=1000, noise=2.0) -> xr.DataTree:
    """One group whose line is 1 + 0 x in every draw, with these responses."""
    dt = fake_regression(1, rows=len(y), chains=1, draws=draws, divergences=0)
    dt["posterior/intercept"][:] = 1.0
    dt["posterior/slope"][:] = 0.0
    dt["posterior/sigma_noise"][:] = noise
    dt["observed_data/y"][:] = y
    return dt


def words(fig):
    return " ".join(str(note.text) for note in fig.layout.annotations)


def titles(fig):
    return [axis.title.text for axis in (*fig.select_xaxes(), *fig.select_yaxes())]


def test_replications_have_the_mean_and_spread_of_the_predictive_distribution():
    dt = fake_regression(3, rows=10, draws=500, seed=4)
    sets = replications(dt, 2000)
    assert sets.shape == (2000, 30)
    post, seen = dt["posterior"].to_dataset(), dt["observed_data"].to_dataset()
    group = xr.DataArray(seen["index"].values.astype(int), dims="row")
    height = post["intercept"].isel(group=group) + post["slope"].isel(group=group) * seen["x"].isel(
        predictor=0
    )
    variance = height.var(("chain", "draw")) + (post["sigma_noise"] ** 2).mean()
    z = (sets.mean(0) - height.mean(("chain", "draw")).values) / np.sqrt(variance.values / 2000)
    assert np.abs(z).max() < 4.5
    np.testing.assert_allclose(sets.var(0), variance.values, rtol=0.2)
    assert replications(dt, 7).shape == (7, 30)
    assert replications(dt, 9, group=2).shape == (9, 10)


def test_student_noise_has_heavier_tails():
    sets = {nu: replications(fake_regression(2, nu=nu, draws=500), 2000) for nu in (False, True)}
    kurtosis = {nu: np.median(stats.kurtosis(values, axis=0)) for nu, values in sets.items()}
    assert abs(kurtosis[False]) < 0.5 < kurtosis[True]


def test_p_values_are_those_of_the_normal_distribution():
    y = 1 + np.random.default_rng(0).normal(0, 2.4, 12)
    found, n, noise = statistics(certain_run(y)), 12, 2.0
    z = (y - 1) / noise
    expected = {
        "mean": stats.norm.sf(z.mean() * np.sqrt(n)),
        "sd": stats.chi2.sf((n - 1) * y.var(ddof=1) / noise**2, n - 1),
        "min": stats.norm.sf(z.min()) ** n,
        "max": 1 - stats.norm.cdf(z.max()) ** n,
    }
    observed = {"mean": y.mean(), "sd": y.std(ddof=1), "min": y.min(), "max": y.max()}
    for name, p in expected.items():
        assert found[name].p == pytest.approx(p, abs=4 * np.sqrt(0.25 / 1000)), name
        assert found[name].observed == pytest.approx(observed[name])
        assert found[name].replicated.shape == (1000,)
    assert all(0.005 < p < 0.995 for p in expected.values())  # else little would be tested


def test_a_statistic_that_no_replication_reaches_is_said_to_be_rare_not_impossible():
    y = np.r_[np.full(9, 1.0), 30.0]
    found = statistics(certain_run(y))
    assert found["max"].p == 0 and p_value(found["max"]) == "p &lt; 0.001"
    assert p_value(Statistic(np.zeros(1000), -1.0, 1.0)) == "p > 0.999"
    assert p_value(Statistic(np.zeros(1000), 0.0, 0.012)) == "p = 0.012"
    assert p_value(Statistic(np.zeros(1000), 0.0, 0.4)) == "p = 0.40"


def test_one_row_has_no_standard_deviation():
    found = statistics(fake_regression(3, rows=[1, 4, 2]), group=0)
    assert np.isnan(found["sd"].observed) and np.isnan(found["sd"].p)
    assert np.isfinite(found["max"].p)


def test_rows_that_are_blank_where_a_predictor_applies_are_left_out():
    dt = fake_regression(2, rows=4)
    dt["observed_data/x"][1] = dt["observed_data/x"][6] = np.nan
    rows = complete_rows(dt)
    assert rows.row.tolist() == [0, 2, 3, 4, 5, 7] and rows.incomplete == 2
    assert complete_rows(dt, 1).row.tolist() == [4, 5, 7]
    assert complete_rows(dt, 1).incomplete == 1
    assert np.isfinite(replications(dt)).all() and replications(dt).shape[1] == 6
    dt["constant_data/mask"][1] = False
    rows = complete_rows(dt)
    assert rows.row.tolist() == [0, 2, 3, 4, 5, 6, 7]
    inside = heights(lines(dt), rows)
    flat = dt["posterior"].to_dataset().stack(sample=("chain", "draw"))
    np.testing.assert_allclose(inside[:, -1], flat["intercept"].isel(group=1))


def test_heights_in_pieces_are_the_same(monkeypatch):
    dt = fake_regression(3, rows=7, draws=50)
    rows, found = complete_rows(dt), lines(dt)
    whole = heights(found, rows)
    monkeypatch.setattr(replicated, "_AT_ONCE", 4 * 200)
    np.testing.assert_array_equal(heights(found, rows), whole)


def test_many_rows_get_fewer_replications(monkeypatch):
    monkeypatch.setattr(replicated, "LARGEST_TABLE", 6000)
    assert len(statistics(fake_regression(2, rows=20))["mean"].replicated) == 150


def test_density_integrates_to_the_share_of_values_inside():
    values = np.random.default_rng(1).normal(size=2000)
    x, y = density(values, -1.0, 5.0)
    assert x[0] >= -1 and x[-1] <= 5
    assert np.trapezoid(y, x) == pytest.approx(np.mean(values > -1), abs=0.01)
    x, y = density(values, -4.0, 4.0)
    np.testing.assert_allclose(y, stats.norm.pdf(x), atol=0.05)
    assert density(np.ones(5), 0.0, 2.0)[1].tolist() == [0, 0]


def test_cumulative_shares_step_at_the_values():
    x, y = cumulative(np.array([3.0, 1.0]), 0.0, 4.0)
    assert x.tolist() == [0, 1, 1, 3, 3, 4] and y.tolist() == [0, 0, 0.5, 0.5, 1, 1]


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("dark", [False, True])
def test_figures_are_typed_repeatable_and_say_what_they_show(figure, dark):
    dt = fake_regression(4, rows=10, response="weight")
    fig = figure(dt, dark=dark)
    assert isinstance(fig, go.Figure) and fig.to_json() == figure(dt, dark=dark).to_json()
    for trace in fig.data:
        assert np.asarray(trace.x).dtype in (np.float32, np.int32)
        assert np.asarray(trace.y).dtype in (np.float32, np.int32)
    assert all(axis.range is not None for axis in (*fig.select_xaxes(), *fig.select_yaxes()))
    said = [str(title).replace("<br>", " ") for title in titles(fig)]
    assert any("weight (data units)" in title for title in said)
    names = " ".join(str(trace.name) for trace in fig.data)
    assert "replicated data sets" in names and "observed" in names
    assert 150 < len(caption(figure)) < 700 and "Parameters" not in caption(figure)


@pytest.mark.parametrize("figure", FIGURES)
def test_little_data_and_few_draws_give_a_picture_or_a_note(figure):
    assert words(figure(fake_regression(2, draws=0, divergences=0))) == "No draws yet."
    stopped = fake_regression(2, draws=20)
    del stopped["posterior"]
    assert words(figure(stopped)) == "No draws yet."
    for options in ({"chains": 1}, {"draws": 1, "divergences": 0}, {"nu": True}):
        assert figure(fake_regression(2, **options)).data
    assert figure(fake_regression(3, rows=[1, 4, 2]), group=0).data
    blank = fake_regression(2, rows=3)
    blank["observed_data/x"][:] = np.nan
    assert "No rows without blank cells" in words(figure(blank))
    same = certain_run(np.full(30, 4.0))
    assert figure(same).data


def test_the_observed_line_is_the_data():
    y = np.array([4.0, 2.0, 8.0])
    fig = replicated_densities(certain_run(y))
    observed = next(trace for trace in fig.data if trace.name == "observed, 3 rows")
    assert set(y) <= set(np.asarray(observed.x).tolist())
    assert fig.layout.yaxis.title.text == "share of rows at or below"
    fig = replicated_statistics(certain_run(y))
    at = [trace.x[0] for trace in fig.data if trace.name == "observed"]
    assert at == pytest.approx([y.mean(), y.std(ddof=1), 2, 8])
    bars = [trace for trace in fig.data if trace.type == "bar"]
    assert [int(np.sum(bar.y)) for bar in bars] == [1000] * 4
