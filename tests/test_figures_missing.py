"""The numbers in the figures of the missing-predictors lab are those of the draws and the rows."""

import arviz_stats as azs
import numpy as np
import plotly.graph_objects as go
import pytest
from scipy.stats import norm

from hbdash.figures.mask import blank_cells, mask
from hbdash.figures.predictive_by_group import bins, predictive_by_group, predictive_density
from hbdash.figures.residuals import MOST_ROWS, fitted, residuals
from hbdash.figures.weights import POPULATION, intervals, weights
from hbdash.predict import lines
from tests.fake_missing import fake_missing, fake_table
from tests.fake_regression import fake_regression

SINGLE = [predictive_by_group, residuals, mask]


@pytest.fixture(scope="module")
def dt():
    return fake_missing(rows=80, draws=300)


@pytest.fixture(scope="module")
def pooled():
    return {
        "centered": fake_missing(4, 3, pooled=True, rows=[3, 30], seed=1, draws=300),
        "non-centered": fake_missing(4, 3, pooled=True, rows=[3, 30], seed=2, draws=300),
    }


def named(fig, name):
    return [trace for trace in fig.data if trace.name and trace.name.startswith(name)]


def words(fig):
    return " ".join(str(note.text) for note in fig.layout.annotations)


def texts(fig):
    return [text for trace in fig.data if trace.mode == "text" for text in trace.text]


def axis_titles(fig):
    return [str(axis.title.text) for axis in (*fig.select_xaxes(), *fig.select_yaxes())]


def points(fig):
    return sum(len(trace.x) for trace in fig.data)


def drawn(figure, dt, **options):
    return figure({"run": dt}, **options) if figure is weights else figure(dt, **options)


@pytest.mark.parametrize("figure", [weights, *SINGLE])
@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_light_typed_repeatable_and_names_its_columns(figure, dark, dt):
    fig = drawn(figure, dt, dark=dark)
    assert isinstance(fig, go.Figure)
    assert fig.to_json() == drawn(figure, dt, dark=dark).to_json()
    assert points(fig) <= 26_000 and not any("gl" in trace.type for trace in fig.data)
    for trace in fig.data:
        assert np.asarray(trace.x).dtype == np.float32 == np.asarray(trace.y).dtype
    said = words(fig) + str([t.name for t in fig.data]) + str(axis_titles(fig))
    if figure is not mask:
        assert "4 × 300 draws" in said and "production_speed" in said
    shown = (said + str(next(fig.select_xaxes()).ticktext)).replace("<br>", "")
    if figure is not predictive_by_group:
        assert all(name in shown for name in ("feed_speed", "cutting_wait_time"))
    assert all(axis.range is not None for axis in (*fig.select_xaxes(), *fig.select_yaxes()))
    assert figure.__doc__.count(".") > 3


@pytest.mark.parametrize("figure", [weights, predictive_by_group, residuals])
def test_no_draws_give_a_note(figure):
    fig = drawn(figure, fake_missing(draws=0))
    assert not fig.data and words(fig) == "No draws yet."
    assert weights({}).layout.annotations[0].text == "No draws yet."


@pytest.mark.parametrize("figure", [weights, *SINGLE])
@pytest.mark.parametrize(
    "options",
    [
        {"chains": 1},
        {"draws": 1, "chains": 1},
        {"draws": 2},
        {"groups": 1, "predictors": 1},
        {"latent": True},
        {"blanks": 30},
        {"truth": False},
        {"rows": [1, 2]},
        {"rows": 2, "predictors": 6},
        {"groups": 70, "predictors": 20, "rows": 4},
        {"pooled": True, "groups": 9},
        {"origin": 5.0},
    ],
)
def test_every_kind_of_run_gives_a_picture(figure, options):
    fig = drawn(figure, fake_missing(**({"draws": 30} | options)))
    assert fig.data and points(fig) <= 40_000
    assert fig.layout.height < 6000


@pytest.mark.parametrize("figure", SINGLE)
def test_the_regression_has_these_figures_too(figure):
    assert figure(fake_regression(3, draws=40)).data
    assert figure(fake_regression(3, draws=40, nu=True)).data


# Weights


def test_intervals_are_the_narrowest_that_hold_the_probability(dt):
    found = intervals(dt, "w", 0.9, 2)
    w = dt["posterior/w"]
    np.testing.assert_allclose(found.mean, w.mean(("chain", "draw")))
    for prob, ends in ((0.5, found.half), (0.9, found.whole)):
        np.testing.assert_allclose(ends, azs.hdi(w, prob).values)
    one = next(t for t in named(weights({"run": dt}), "run") if t.xaxis == "x")
    np.testing.assert_allclose(one.x, found.mean[:, 0], rtol=1e-6)
    np.testing.assert_allclose(one.customdata[:, :2], found.whole[:, 0], rtol=1e-6)


def test_a_weight_that_does_not_apply_is_greyed_and_cannot_squash_the_others(dt):
    fig = weights({"run": dt})
    box = named(fig, "prior only")[0]
    low, high = fig.layout.xaxis3.range
    assert box.xaxis == "x3" and box.fillpattern.shape == "/"
    assert np.nanmin(box.x) >= np.float32(low) and np.nanmax(box.x) <= np.float32(high)
    ends = intervals(dt, "w", 0.9, 2).whole
    prior, applies = ends[0, 2], ends[1, 2]
    assert np.ptp(prior) > 10 * (high - low)
    assert low < applies[0] < applies[1] < high and high - low < 3 * np.ptp(applies) + 0.5
    assert texts(fig) == [f"<b>{prior[0]:.2g} to {prior[1]:.2g}</b>".replace("-", "\N{MINUS SIGN}")]
    means = [t for t in named(fig, "run") if t.xaxis == "x3"]
    assert len(means[0].x) == 1


def test_raw_fits_and_truth_stand_where_they_apply(dt):
    fig = weights({"run": dt})
    raw = [t for t in named(fig, "least squares") if t.xaxis == "x"][0]
    data = fake_table(2, 3, rows=80)
    for k in range(2):
        mine = data.index == k
        used = np.column_stack([np.ones(mine.sum()), data.x[mine][:, data.mask[k]]])
        expected = np.linalg.lstsq(used, data.y[mine], rcond=None)[0]
        assert raw.x[k] == pytest.approx(expected[1], rel=1e-5)
    truth = [t for t in named(fig, "truth") if t.xaxis == "x3"][0]
    assert set(truth.x[np.isfinite(truth.x)]) == {3.0}
    assert "dash" in truth.line.to_plotly_json()
    assert not named(weights({"run": fake_missing(truth=False, draws=20)}), "truth")


def test_pooled_weights_show_their_population_and_runs_differ_without_colour(pooled):
    fig = weights(pooled)
    rows = fig.layout.yaxis.ticktext
    assert rows[0] == POPULATION and rows[1].startswith("Product_Group_1<br>(n = 3)")
    marks = [next(t for t in named(fig, label) if t.xaxis == "x") for label in pooled]
    assert marks[0].marker.symbol != marks[1].marker.symbol
    for mark, run in zip(marks, pooled.values(), strict=True):
        assert mark.x[0] == pytest.approx(float(run["posterior/mu_w"][..., 0].mean()), rel=1e-5)
        assert len(mark.x) == 1 + 4
    alone = weights({"a": fake_missing(draws=20)})
    assert POPULATION not in alone.layout.yaxis.ticktext


def test_a_run_without_draws_keeps_the_colour_of_the_others(pooled):
    runs = {"stopped": fake_missing(4, pooled=True, rows=[3, 30], draws=0)} | pooled
    both, later = weights(runs), weights(dict(pooled))
    second = named(both, "centered")[0].marker.color
    assert second == named(later, "non-centered")[0].marker.color
    assert not named(both, "stopped")


@pytest.mark.parametrize("prob", [0.0, 1.0, 90])
def test_a_probability_out_of_range_is_refused(dt, prob):
    with pytest.raises(ValueError, match="`prob` must lie in"):
        weights({"run": dt}, prob=prob)
    assert "80%" in str([t.name for t in weights({"run": dt}, prob=0.8).data])


# Predictive by group


def test_the_curve_is_the_mean_probability_of_a_window(dt):
    found, rows = lines(dt, 40), fitted(dt)
    grid, window = np.array([5.0, 10.0, 12.0]), 1.7
    curve = predictive_density(found, rows, 1, grid, window)
    x = rows.x[rows.group == 1]
    heights = found.intercept[:, [1]] + found.weights[:, 1] @ x.T
    s = found.noise[:, None]
    for value, height in zip(grid, curve, strict=True):
        share = norm.cdf(value + window / 2, heights, s) - norm.cdf(value - window / 2, heights, s)
        assert height == pytest.approx(share.mean() / window, rel=1e-9)


def test_bars_and_curve_hold_all_probability_and_means_are_narrower():
    dt = fake_missing(rows=300, noise=6.0, draws=100)
    fig = predictive_by_group(dt)
    spread = {}
    for name in ("observed", "predictive means", "full posterior"):
        x, y = (np.asarray(v, float) for v in (named(fig, name)[0].x, named(fig, name)[0].y))
        assert np.trapezoid(y, x) == pytest.approx(1, abs=0.02)
        middle = np.trapezoid(y * x, x)
        spread[name] = np.sqrt(np.trapezoid(y * (x - middle) ** 2, x))
    assert spread["full posterior"] == pytest.approx(spread["observed"], rel=0.12)
    assert spread["predictive means"] < 0.85 * spread["observed"]
    data = fake_table(2, 3, rows=300, noise=6.0)
    assert f"observed {data.y[data.index == 0].std():.3g}" in words(fig)


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0], [1, 2, 30], list(range(500))])
def test_bins_cover_all_values(values):
    edges = bins(np.array(values, float))
    assert 4 <= len(edges) - 1 <= 40 and edges[0] <= min(values) and edges[-1] >= max(values)


# Residuals


def test_residuals_are_what_the_posterior_mean_leaves(dt):
    rows = fitted(dt)
    mean = dt["posterior"].to_dataset().mean(("chain", "draw"))
    data = fake_table(2, 3, rows=80)
    x = np.where(data.mask[data.index], data.x, 0.0)
    line = mean["alpha"].values[data.index] + (mean["w"].values[data.index] * x).sum(1)
    np.testing.assert_allclose(rows.mean, line)
    assert rows.noise == pytest.approx(float(mean["scale"]))
    fig = residuals(dt)
    dots = [t for t in fig.data if t.mode == "markers"]
    np.testing.assert_allclose(dots[0].x, line[data.index == 0], rtol=1e-5)
    np.testing.assert_allclose(dots[0].y, (data.y - line)[data.index == 0], rtol=2e-4, atol=1e-5)
    band = named(fig, "± 2 noise sd")[0]
    assert max(band.y) == pytest.approx(2 * rows.noise, rel=1e-5) == -min(band.y)
    inside = np.mean(np.abs(data.y - line)[data.index == 1] <= 2 * rows.noise)
    assert f"{100 * inside:.3g}% in band" in words(fig)


def test_a_predictor_shows_only_rows_it_applies_to(dt):
    fig = residuals(dt)
    last = [t for t in fig.data if t.mode == "markers" and t.xaxis == "x5"]
    assert fig.layout.xaxis5.title.text == "cutting_wait_time"
    assert [len(t.x) for t in last] == [0, 80]
    assert not any(np.isnan(t.x).any() for t in fig.data if t.mode == "markers")


def test_alpha_counts_from_the_origin():
    near, far = (fitted(fake_missing(rows=200, origin=o, draws=400)) for o in (0.0, 3.0))
    np.testing.assert_allclose(near.mean, far.mean, atol=0.2)


def test_rows_are_thinned_and_blank_ones_left_out():
    fig = residuals(fake_missing(3, 3, rows=3000, blanks=25, draws=10))
    dots = [t for t in fig.data if t.mode == "markers"]
    by_group = sum(len(t.x) for t in dots[:3])
    assert MOST_ROWS - 3 <= by_group <= MOST_ROWS + 3
    assert sum(len(t.x) for t in dots[3:]) <= MOST_ROWS + 9
    assert "25 rows with blank cells left out" in words(fig)
    blanks = fake_missing(2, 1, rows=4, blanks=8, latent=True, draws=5)
    assert "No rows without blank cells" in words(residuals(blanks))
    assert "No rows without blank cells" in words(predictive_by_group(blanks))


# Mask


def test_the_grid_says_what_applies_and_counts_blank_cells():
    dt = fake_missing(3, 3, rows=40, blanks=11, draws=2)
    data = fake_table(3, 3, rows=40, blanks=11)
    expected = [[(data.blank[data.index == k, p]).sum() for p in range(3)] for k in range(3)]
    assert np.sum(expected) == 11
    applies = data.mask
    np.testing.assert_array_equal(np.where(applies, blank_cells(dt), 0), expected)
    grid = np.reshape(texts(mask(dt)), (3, 3))
    for k, p in np.ndindex(3, 3):
        blank = expected[k][p]
        word = (
            "does not<br>apply" if not applies[k, p] else f"{blank} blank" if blank else "applies"
        )
        assert grid[k, p] == word
    assert [len(named(mask(dt), name)) for name in ("does not apply", "applies")] == [1, 2]


def test_the_grid_says_what_it_leaves_out():
    fig = mask(fake_missing(70, 2, rows=3, draws=2, total_rows=9000))
    assert "60 of 70 groups" in words(fig) and "210 of 9,000 rows" in words(fig)
