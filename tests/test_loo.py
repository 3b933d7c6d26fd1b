"""Leaving rows out against closed forms, what cannot be done and says so, and the figures."""

import sys

import numpy as np
import plotly.graph_objects as go
import pytest
import xarray as xr
from scipy import stats

from hbdash.figures import caption
from hbdash.figures.loo_pit import PROB, difference_from_uniform
from hbdash.figures.loo_pit import loo_pit as pit_figure
from hbdash.figures.pareto_k import pareto_k
from hbdash.loo import loo, loo_pit, pointwise_log_likelihood
from tests.fake_regression import fake_regression

FIGURES = [pit_figure, pareto_k]
NOISE = 2.0


def normal_mean_run(y: np.ndarray, draws: int = 1000, seed: int = 0) -> xr.DataTree:
    """Independent draws of a normal mean given y, under a flat prior and known noise."""
    dt = fake_regression(1, rows=len(y), chains=4, draws=draws // 4, divergences=0)
    shape = dt["posterior/intercept"].shape
    rng = np.random.default_rng(seed)
    dt["posterior/intercept"][:] = rng.normal(y.mean(), NOISE / np.sqrt(len(y)), shape)
    dt["posterior/slope"][:] = 0.0
    dt["posterior/sigma_noise"][:] = NOISE
    dt["observed_data/y"][:] = y
    return dt


def with_outliers() -> xr.DataTree:
    dt = fake_regression(4, rows=10)
    dt["observed_data/y"][13] += 25.0
    return dt


def words(fig):
    return " ".join(str(note.text) for note in fig.layout.annotations)


@pytest.mark.parametrize("nu", [False, True])
def test_pointwise_log_likelihood_is_the_density_of_each_row(nu):
    dt = fake_regression(3, rows=[4, 1, 6], origin=5.0, nu=nu, draws=100)
    found = pointwise_log_likelihood(dt)["y"]
    assert found.dims == ("chain", "draw", "row") and found.shape == (4, 100, 11)
    post, seen = dt["posterior"].to_dataset(), dt["observed_data"].to_dataset()
    for chain, draw, row in [(0, 0, 0), (3, 99, 10), (2, 41, 4), (1, 7, 5)]:
        one, k = post.isel(chain=chain, draw=draw), int(seen["index"][row])
        x, y = float(seen["x"][row, 0]), float(seen["y"][row])
        mean = float(one["intercept"][k] + one["slope"][k] * (x - 5.0))
        scale = float(one["sigma_noise"])
        likelihood = stats.t(float(one["nu"]), mean, scale) if nu else stats.norm(mean, scale)
        assert float(found[chain, draw, row]) == pytest.approx(likelihood.logpdf(y), abs=1e-10)


def test_a_weight_that_does_not_apply_counts_for_nothing_and_blank_rows_are_left_out():
    rng = np.random.default_rng(0)
    places = {"group": ["A", "B"], "predictor": ["feed", "wait"]}
    cd, x = ("chain", "draw"), np.array([[1.0, np.nan], [2.0, 3.0], [np.nan, 3.0], [4.0, 5.0]])
    posterior = {
        "alpha": ((*cd, "group"), rng.normal(size=(2, 60, 2))),
        "w": ((*cd, "group", "predictor"), rng.normal(size=(2, 60, 2, 2))),
        "scale": (cd, rng.gamma(3, size=(2, 60))),
    }
    observed = {
        "index": ("row", np.array([0, 1, 1, 1])),
        "x": (("row", "predictor"), x),
        "y": ("row", np.array([1.0, 2.0, 3.0, 4.0])),
    }
    constant = {
        "mask": (("group", "predictor"), np.array([[True, False], [True, True]])),
        "x_origin": ("predictor", np.zeros(2)),
    }
    dt = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(posterior, places),
            "observed_data": xr.Dataset(observed, places),
            "constant_data": xr.Dataset(constant, places),
        }
    )
    found = pointwise_log_likelihood(dt)["y"]
    assert found["row"].values.tolist() == [0, 1, 3]
    post = dt["posterior"].to_dataset()
    alpha, w = post["alpha"].values, post["w"].values
    mean = np.stack(
        [
            alpha[..., 0] + w[..., 0, 0] * 1,
            alpha[..., 1] + w[..., 1, 0] * 2 + w[..., 1, 1] * 3,
            alpha[..., 1] + w[..., 1, 0] * 4 + w[..., 1, 1] * 5,
        ],
        -1,
    )
    scale = post["scale"].values[..., None]
    np.testing.assert_allclose(found, stats.norm.logpdf([1.0, 2.0, 4.0], mean, scale))
    said = loo(dt).warning
    assert "blank cells where a predictor applies are left out: 1." in said
    assert "Student-t" not in said  # this model has none


def test_loo_of_a_normal_mean_is_the_exact_one():
    y = np.random.default_rng(5).normal(3.0, NOISE, 40)
    found = loo(normal_mean_run(y, 1000))
    n, others = len(y), (y.sum() - y) / (len(y) - 1)
    exact = stats.norm(others, NOISE * np.sqrt(1 + 1 / (n - 1)))
    np.testing.assert_allclose(found.elpd, exact.logpdf(y), atol=0.03)
    assert found.elpd_loo == pytest.approx(exact.logpdf(y).sum(), abs=0.15)
    assert found.elpd_loo == pytest.approx(found.elpd.sum())
    assert found.se == pytest.approx(np.sqrt(n) * exact.logpdf(y).std(), rel=0.02)
    centre = stats.norm(y.mean(), NOISE * np.sqrt(1 + 1 / n))
    effective = centre.logpdf(y).sum() - exact.logpdf(y).sum()
    assert found.p_loo == pytest.approx(effective, abs=0.15)
    np.testing.assert_allclose(found.pit, exact.cdf(y), atol=4 * np.sqrt(0.25 / 1000))
    assert found.n_bad == 0 and found.warning == "" and found.draws == 1000
    assert found.good_k == pytest.approx(1 - 1 / 3)


def test_loo_pit_of_well_specified_data_is_uniform():
    y = np.random.default_rng(8).normal(0.0, NOISE, 400)
    pit = loo_pit(normal_mean_run(y))
    assert pit.shape == (400,)
    assert stats.kstest(pit, "uniform").pvalue > 0.01
    wide = loo_pit(normal_mean_run(y / 3))
    assert stats.kstest(wide, "uniform").pvalue < 1e-6


def test_an_outlier_is_named_and_nothing_is_printed(capsys, recwarn):
    found = loo(with_outliers())
    assert found.n_bad >= 1 and found.pareto_k[13] == found.pareto_k.max() > found.good_k
    assert found.n_bad == (found.pareto_k > found.good_k).sum()
    assert "row 14 in group 2" in found.warning and "Student-t" in found.warning
    assert f"{found.n_bad} of 40 rows" in found.warning
    assert not recwarn.list and capsys.readouterr() == ("", "")
    heavy = with_outliers()
    heavy["posterior"] = (
        heavy["posterior"].to_dataset().assign(nu=heavy["posterior/sigma_noise"] * 0 + 30)
    )
    assert "Student-t" not in loo(heavy).warning


def test_at_most_a_thousand_draws_evenly_from_every_chain():
    found = pointwise_log_likelihood(fake_regression(2, rows=3, chains=3, draws=700))
    assert found.sizes["chain"] == 3 and found.sizes["draw"] == 333
    kept = found["draw"].values
    assert kept[0] == 0 and kept[-1] == 699 and set(np.diff(kept)) == {2, 3}
    assert loo(fake_regression(2, rows=3, chains=1, draws=150)).draws == 150


def test_what_cannot_be_done_is_refused_with_a_way_out():
    part = fake_regression(2, rows=5, total_rows=30_000)
    with pytest.raises(ValueError, match="every row, got 10 of 30,000.*take a sample"):
        pointwise_log_likelihood(part)
    short = fake_regression(2, rows=5, draws=20)
    with pytest.raises(ValueError, match="at least 100 draws .* got 80: continue"):
        loo(short)
    blank = fake_regression(2, rows=5)
    blank["observed_data/x"][:] = np.nan
    with pytest.raises(ValueError, match="a row without blank cells, got none"):
        loo(blank)
    for dt in (part, short, blank, fake_regression(2, draws=0, divergences=0)):
        for figure in FIGURES:
            fig = figure(dt)
            assert not fig.data and "Leaving rows out needs" in words(fig)


def test_uniform_samples_stay_in_the_band_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for rows in (50, 600):
        inside = 0
        for _ in range(400):
            _, difference, low, high = difference_from_uniform(rng.random(rows))
            inside += ((low <= difference) & (difference <= high)).all()
        # the band itself comes from 1,000 simulations
        assert abs(inside / 400 - PROB) < 4 * np.sqrt(PROB * (1 - PROB) * (1 / 400 + 1 / 1000))


def test_the_caption_tells_wide_from_narrow_and_high_from_low():
    u = (np.arange(1000) + 0.5) / 1000
    z = stats.norm.ppf(u)

    def left_and_right(pit):
        at, difference, _, _ = difference_from_uniform(pit)
        return difference[at < 0.4].mean(), difference[at > 0.6].mean()

    wide, narrow = left_and_right(stats.norm.cdf(z / 2)), left_and_right(stats.norm.cdf(2 * z))
    assert wide[0] < 0 < wide[1] and narrow[1] < 0 < narrow[0]
    high, low = left_and_right(stats.norm.cdf(z - 1)), left_and_right(stats.norm.cdf(z + 1))
    assert min(high) > 0 > max(low)
    said = caption(pit_figure)
    assert "Below zero on the left and above on the right" in said and "too wide" in said
    assert "hump above zero: predictions too high" in said


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("dark", [False, True])
def test_figures_are_typed_repeatable_and_say_how_many_draws(figure, dark):
    dt = fake_regression(4, rows=10)
    fig = figure(dt, dark=dark)
    assert isinstance(fig, go.Figure) and fig.to_json() == figure(dt, dark=dark).to_json()
    assert figure(dt, found=loo(dt), dark=dark).to_json() == fig.to_json()
    for trace in fig.data:
        assert np.asarray(trace.x).dtype in (np.float32, np.int32)
        assert np.asarray(trace.y).dtype in (np.float32, np.int32)
    axes = [*fig.select_xaxes(), *fig.select_yaxes()]
    assert all(axis.range is not None and axis.title.text for axis in axes)
    said = " ".join(str(trace.name) for trace in fig.data) + axes[0].title.text
    assert "1,000 draws" in said and "40 rows" in said or "k >" in said
    assert 150 < len(caption(figure)) < 700 and "Parameters" not in caption(figure)


def test_rows_of_large_k_are_marked_and_can_be_told_by_hovering():
    dt = with_outliers()
    found = loo(dt)
    fig = pareto_k(dt, found=found)
    marked = [trace for trace in fig.data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in marked) == 40
    worst = next(trace for trace in marked if "means nothing" in trace.name)
    assert 14 in np.asarray(worst.x) and worst.marker.symbol != marked[0].marker.symbol
    text = worst.text[list(np.asarray(worst.x)).index(14)]
    y = float(dt["observed_data/y"][13])
    assert "row 14, group 2" in text and f"y {y:.4g}" in text and "<br>x " in text
    low, high = fig.layout.yaxis.range
    assert low < found.pareto_k.min() and found.pareto_k.max() < high
    levels = [trace.y[0] for trace in fig.data if trace.mode == "lines"]
    assert levels == pytest.approx([found.good_k, 1.0])


def test_only_the_largest_k_of_many_rows_are_drawn(monkeypatch):
    # The package holds a function of the module's name.
    monkeypatch.setattr(sys.modules["hbdash.figures.pareto_k"], "MOST_POINTS", 7)
    dt = with_outliers()
    fig = pareto_k(dt)
    shown = np.concatenate([trace.x for trace in fig.data if trace.mode == "markers"])
    largest = np.argsort(-loo(dt).pareto_k)[:7] + 1
    assert sorted(shown) == sorted(largest) and "the 7 of largest k" in fig.layout.xaxis.title.text


def test_one_row_is_no_error():
    dt = fake_regression(1, rows=1)
    found = loo(dt)
    assert np.isfinite(found.elpd_loo) and len(found.pit) == 1
    assert "One row" in words(pit_figure(dt, found=found)) and pareto_k(dt, found=found).data
