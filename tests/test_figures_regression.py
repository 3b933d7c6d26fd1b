"""The figures of lines show the numbers of the draws, and cope with little data."""

import inspect
from math import erf

import numpy as np
import plotly.graph_objects as go
import pytest
import xarray as xr
from scipy import stats

from hbdash.figures.bands import Rows, band, bands, heights
from hbdash.figures.bands_by_group import bands_by_group
from hbdash.figures.forest import forest, interval
from hbdash.figures.line_shrinkage import ellipse, line_shrinkage
from hbdash.figures.pooling import complete_pooling, pooling
from hbdash.figures.what_if import predictions, what_if
from hbdash.predict import Lines
from tests.fake_regression import fake_regression

#: Every figure, as called with one run.
ONE = {
    "bands": lambda dt, **o: bands(dt, 0, new_group=True, x=0.5, **o),
    "bands_by_group": bands_by_group,
    "what_if": lambda dt, **o: what_if(dt, 0, 0.5, **o),
    "pooling": lambda dt, **o: pooling(dt, 0, **o),
    "forest": lambda dt, **o: forest({"run": dt}, **o),
    "line_shrinkage": lambda dt, **o: line_shrinkage({"run": dt}, **o),
}
FUNCTIONS = [bands, bands_by_group, what_if, pooling, forest, line_shrinkage]
every = pytest.mark.parametrize("draw", ONE.values(), ids=ONE)


@pytest.fixture(scope="module")
def run():
    return fake_regression(rows=[1, 3, 20, 40], draws=300)


def named(fig, name):
    return [trace for trace in fig.data if trace.name and trace.name.startswith(name)]


def words(fig):
    return " ".join(str(note.text) for note in fig.layout.annotations)


def axis_titles(fig):
    return [axis.title.text for axis in (*fig.select_xaxes(), *fig.select_yaxes())]


def simple_lines(draws=200_000, nu=None, seed=5):
    """Lines of one group whose draws are Normal, so that bands are known in closed form."""
    rng = np.random.default_rng(seed)
    return Lines(
        rng.normal(2.0, 0.3, (draws, 1)),
        rng.normal(-1.0, 0.4, (draws, 1, 1)),
        np.full(draws, 0.5),
        None if nu is None else np.full(draws, nu),
        np.array([10.0]),
        np.ones((1, 1), bool),
    )


@every
@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_light_typed_repeatable_and_says_how_many_draws(draw, dark, run):
    fig = draw(run, dark=dark)
    assert isinstance(fig, go.Figure)
    assert fig.to_json() == draw(run, dark=dark).to_json()
    assert sum(len(trace.x) for trace in fig.data) <= 26_000
    for trace in fig.data:
        assert np.asarray(trace.x).dtype in (np.float32, np.int32)
        assert np.asarray(trace.y).dtype in (np.float32, np.int32)
    said = words(fig) + str([trace.name for trace in fig.data]) + str(axis_titles(fig))
    assert "4 × 300 draws" in said
    assert all(axis.range is not None for axis in (*fig.select_xaxes(), *fig.select_yaxes()))
    assert np.isfinite([axis.range for axis in (*fig.select_xaxes(), *fig.select_yaxes())]).all()
    assert "nan" not in said.lower()


@every
def test_no_draws_give_a_note(draw):
    fig = draw(fake_regression(draws=0, divergences=0))
    assert not fig.data and words(fig) == "No draws yet."


def test_no_runs_give_a_note():
    for fig in (forest({}), line_shrinkage({})):
        assert not fig.data and words(fig) == "No draws yet."


@every
@pytest.mark.parametrize(
    "options",
    [
        {"chains": 1},
        {"draws": 1, "chains": 1, "divergences": 0},
        {"draws": 2, "divergences": 0},
        {"groups": 1},
        {"groups": 1, "rows": 1},
        {"groups": 200, "rows": [1, 2, 9]},
        {"rows": 2, "truth": False},
        {"nu": True},
        {"origin": 22.0, "response": "weight", "predictor": "day"},
        {"total_rows": 10**6},
    ],
    ids=str,
)
def test_small_large_and_other_runs_are_drawn(draw, options):
    fig = draw(fake_regression(**{"draws": 40} | options))
    assert fig.data
    assert sum(len(trace.x) for trace in fig.data) <= 26_000
    text = words(fig) + str([trace.name for trace in fig.data]) + str(axis_titles(fig))
    assert "nan" not in text.lower() and "inf" not in text.lower()
    if "response" in options:
        assert "weight" in text and "day" in text
    assert bool(named(fig, "truth")) == options.get("truth", True)


@pytest.mark.parametrize("figure", FUNCTIONS)
def test_the_caption_is_a_paragraph(figure):
    caption = inspect.getdoc(figure).split("\n\n")[0]
    assert 80 < len(caption) < 500 and caption.endswith(".")


@every
def test_a_missing_variable_is_named(draw, run):
    broken = run.copy()
    broken["posterior"] = xr.DataTree(run["posterior"].to_dataset().drop_vars("intercept"))
    with pytest.raises(ValueError, match="needs posterior/intercept, which this run does not"):
        draw(broken)


def test_options_out_of_range_are_refused(run):
    with pytest.raises(ValueError, match="`group` must lie in 0 to 7, got 8"):
        bands(run, 8)
    with pytest.raises(ValueError, match="`kind` must be one of new observations, mean, both"):
        bands(run, 0, kind="line")
    for call in (bands, what_if, predictions):
        with pytest.raises(ValueError, match="`x` must be a finite number, got nan"):
            call(run, 0, x=np.nan)
    for call in (lambda p: bands_by_group(run, prob=p), lambda p: forest({"run": run}, prob=p)):
        with pytest.raises(ValueError, match="`prob` must lie between 0 and 1, got 1"):
            call(1.0)
    with pytest.raises(ValueError, match="Predictions need draws"):
        predictions(fake_regression(draws=0, divergences=0), 0, 1.0)


@pytest.mark.parametrize(("kind", "noise"), [("mean", 0.0), ("new observations", 0.5)])
def test_a_band_has_the_quantiles_of_normal_lines(kind, noise):
    x = np.array([8.0, 10.0, 13.0])
    found = band(simple_lines(), 0, x, 0.8, kind)
    mean = 2.0 - (x - 10)
    sd = np.sqrt(0.3**2 + (0.4 * (x - 10)) ** 2 + noise**2)
    z = stats.norm.ppf(0.9)
    np.testing.assert_allclose(found.median, mean, atol=0.015 * sd.max())
    np.testing.assert_allclose(found.low, mean - z * sd, atol=0.015 * sd.max())
    np.testing.assert_allclose(found.high, mean + z * sd, atol=0.015 * sd.max())


def test_students_noise_has_its_tails_and_is_smooth_along_the_predictor():
    found = simple_lines(nu=3.0)
    draws = heights(found, 0, np.array([10.0, 10.0, 10.5]), noise=True)
    still = heights(found, 0, np.array([10.0, 10.0, 10.5]), noise=False)
    t = (draws - still) / 0.5
    assert (t[:, 0] == t[:, 1]).all() and np.allclose(t[:, 0], t[:, 2])
    quantiles = np.quantile(t[:, 0], [0.05, 0.5, 0.95])
    np.testing.assert_allclose(quantiles, stats.t(3).ppf([0.05, 0.5, 0.95]), atol=0.03)


def test_the_bands_hold_the_rows_that_the_model_made():
    run = fake_regression(12, rows=60, draws=1000)
    fig = bands_by_group(run, prob=0.8)
    inside = []
    for dots, region in zip(named(fig, "data"), named(fig, "80% band"), strict=True):
        half = len(region.x) // 2
        high = np.interp(dots.x, region.x[:half], region.y[:half])
        low = np.interp(dots.x, region.x[half:][::-1], region.y[half:][::-1])
        inside.append((dots.y > low) & (dots.y < high))
    share = np.mean(np.concatenate(inside))
    # 720 rows: four binomial standard errors, and what the rows themselves taught.
    assert abs(share - 0.8) < 4 * np.sqrt(0.8 * 0.2 / 720) + 0.02


def test_bands_stand_beside_those_of_a_new_group_and_count_from_the_origin():
    run = fake_regression(rows=12, draws=500, origin=22.0, response="weight", predictor="day")
    fig = bands(run, 2, kind="both", new_group=True, x=30.0)
    own, new = named(fig, "90% band, new observations")
    assert np.ptp(own.y) < np.ptp(new.y)
    assert fig.layout.xaxis.range[1] > 30.0 and "day = 30" in words(fig)
    truth, population = named(fig, "truth")
    at = np.interp(22.0, truth.x, truth.y)
    assert at == pytest.approx(run["constant_data/true_intercept"].values[2], abs=1e-4)
    slope = np.diff(population.y) / np.diff(population.x)
    assert slope == pytest.approx(run["constant_data/true_mu_slope"].item(), abs=1e-4)
    median = named(fig, "median")[0]
    draws = run["posterior"].to_dataset().isel(group=2)
    expected = (draws["intercept"] + draws["slope"] * (median.x[7] - 22.0)).median().item()
    assert median.y[7] == pytest.approx(expected, abs=1e-4)
    assert axis_titles(fig)[0] == "day" and "weight" in axis_titles(fig)


@pytest.mark.parametrize(("kind", "number"), [("mean", 1), ("new observations", 1), ("both", 2)])
def test_bands_of_the_kind_asked_for(kind, number, run):
    fig = bands(run, 1, kind=kind)
    assert len(named(fig, "90% band")) == number and len(named(fig, "median")) == 1
    assert len(named(fig, "data")[0].x) == 3


def test_rows_that_are_left_out_are_told():
    part = fake_regression(groups=2, rows=50, draws=20, total_rows=10_000)
    part["observed_data/n"] = part["observed_data/n"] * 100
    assert "50 of 5,000 rows of its own" in words(bands(part, 0))
    assert any("100 of 10,000 rows" in t.name for t in named(pooling(part, 0), "complete pooling"))
    many = fake_regression(groups=1, rows=4000, draws=20)
    fig = bands(many, 0)
    assert len(named(fig, "data")[0].x) == 1500 and "1,500 of 4,000 rows" in words(fig)


def test_small_multiples_show_the_groups_asked_for_on_shared_axes():
    run = fake_regression(30, rows=5, draws=50, names=[f"{k + 1}" for k in range(30)])
    fig = bands_by_group(run)
    assert len(named(fig, "data")) == 24 and "24 of 30 groups" in words(fig)
    assert len({axis.range for axis in fig.select_xaxes()}) == 1
    assert len({axis.range for axis in fig.select_yaxes()}) == 1
    fig = bands_by_group(run, groups=slice(24, 48))
    assert len(named(fig, "data")) == 6
    assert "<b>group 25</b>" in words(fig) and "<b>group 24</b>" not in words(fig)
    assert words(bands_by_group(run, groups=slice(40, 48))) == "No groups chosen."


def test_titles_of_small_multiples_fit_their_panels():
    names = [f"A very long name of group {k}, W" for k in range(24)]
    run = fake_regression(24, rows=1000, draws=20, names=names)
    fig = bands_by_group(run)
    narrow = (800 - 80 - 3 * 0.018 * 720) / 4
    for note in fig.layout.annotations:
        if "n = 1,000" in note.text:
            name = note.text.split("<b>")[1].split("</b>")[0]
            assert 8 * len(name) + 6.5 * len(" n = 1,000") < narrow


def test_readouts_have_the_quantiles_of_the_draws_and_widen():
    run = fake_regression(rows=12, draws=1000, origin=5.0)
    found = predictions(run, 3, 7.0, prob=0.8)
    draws = run["posterior"].to_dataset().isel(group=3)
    line = (draws["intercept"] + 2.0 * draws["slope"]).values.ravel()
    np.testing.assert_allclose(found.mean, np.quantile(line, [0.5, 0.1, 0.9]))

    def inside(interval, location, scale):
        """Share of a mixture of normals within an interval, by their distribution functions."""
        z = (np.array(interval[1:])[:, None] - location) / scale
        return np.diff([np.mean([0.5 + 0.5 * erf(v / 2**0.5) for v in row]) for row in z])[0]

    noise = draws["sigma_noise"].values.ravel()
    assert inside(found.observation, line, noise) == pytest.approx(0.8, abs=0.03)
    center = (draws["mu_intercept"] + 2.0 * draws["mu_slope"]).values.ravel()
    spread = np.sqrt(
        draws["sigma_intercept"] ** 2
        + (2.0 * draws["sigma_slope"]) ** 2
        + draws["sigma_noise"] ** 2
    ).values.ravel()
    assert inside(found.new_group, center, spread) == pytest.approx(0.8, abs=0.03)
    widths = [answer.high - answer.low for answer in found]
    assert widths == sorted(widths)


def test_what_if_says_its_readouts_in_words():
    run = fake_regression(rows=12, draws=500, response="weight", predictor="day")
    found = predictions(run, 1, -2.0, prob=0.5)
    fig = what_if(run, 1, -2.0, prob=0.5)
    bars = named(fig, "central 50% interval")
    for bar, dot, answer in zip(bars, named(fig, "median"), found, strict=True):
        np.testing.assert_allclose([dot.x[0], *bar.x], answer, rtol=1e-5, atol=1e-5)
    assert "The mean response of group 2" in words(fig) and "a brand-new group" in words(fig)
    low, high = (f"{value:.1f}".replace("-", "−") for value in found.new_group[1:])
    assert f"with probability 50% between {low} and {high}" in words(fig)
    assert "weight at day = −2, 4 × 500 draws" in axis_titles(fig)


def test_the_forest_has_means_intervals_truth_and_the_population(run):
    fig = forest({"a": run, "b": fake_regression(rows=[1, 3, 20, 40], draws=200, seed=3)}, prob=0.8)
    intercept = run["posterior/intercept"]
    order = np.argsort(intercept.mean(("chain", "draw")).values)
    points = named(fig, "a, 4 × 300 draws")[0]
    np.testing.assert_allclose(points.x, intercept.mean(("chain", "draw")).values[order], rtol=1e-5)
    k = 5
    draws = np.sort(intercept.values[..., order[k]].ravel())
    held = int(np.floor(0.8 * len(draws)))
    starts = np.argmin(draws[held:] - draws[:-held])
    np.testing.assert_allclose(points.customdata[k], draws[[starts, starts + held]], rtol=1e-5)
    truth = named(fig, "truth")
    assert set(run["constant_data/true_intercept"].values.astype(np.float32)) <= set(truth[0].x)
    assert list(truth[1].x) == [np.float32(1.0)] * 2
    region = named(fig, "population mean, 80% HDI")[0]
    np.testing.assert_allclose(
        [region.x.min(), region.x.max()], interval(run, "mu_intercept", 0.8), rtol=1e-5
    )
    raw = named(fig, "no pooling")[0]
    assert len(raw.x) == 6 and "no raw fit: 2 groups" in words(fig)
    fits = run["observed_data/estimate_intercept"].values[order]
    np.testing.assert_allclose(raw.customdata, fits[np.isfinite(fits)], rtol=1e-5)
    assert min(raw.x) > fig.layout.xaxis.range[0] and max(raw.x) < fig.layout.xaxis.range[1]


def test_a_forest_of_many_groups_keeps_its_height_and_its_labels_apart():
    for groups, runs in ((60, 1), (200, 2), (200, 6)):
        fig = forest({f"{i}": fake_regression(groups, draws=20, rows=3) for i in range(runs)})
        assert fig.layout.height < 3000
        inner = fig.layout.height - fig.layout.margin.t - fig.layout.margin.b
        assert inner / len(fig.layout.yaxis.tickvals) >= 12
        assert groups > 60 or len(fig.layout.yaxis.tickvals) == groups


def test_a_run_without_draws_keeps_the_colour_of_the_others(run):
    late = {"stopped": fake_regression(draws=0, divergences=0), "full": run}
    for fig in (forest(late), line_shrinkage(late)):
        assert "#D55E00" in fig.to_json() and "#0072B2" not in str(fig.data)


def test_arrows_run_from_raw_fits_to_posterior_means(run):
    fig = line_shrinkage({"run": run})
    arrows = named(fig, "partial pooling")[0]
    fitted = np.isfinite(run["observed_data/estimate_slope"].values)
    assert fitted.sum() == 6 and "no raw fit: 2 groups" in words(fig)
    for axis, effect in ((arrows.x, "intercept"), (arrows.y, "slope")):
        ends = np.reshape(axis, (-1, 3))
        raw = run[f"observed_data/estimate_{effect}"].values[fitted]
        mean = run[f"posterior/{effect}"].mean(("chain", "draw")).values[fitted]
        np.testing.assert_allclose(ends[:, :2], np.stack([raw, mean], 1), rtol=1e-4, atol=1e-5)
    assert len(named(fig, "posterior mean without")[0].x) == 2
    assert len(named(fig, "truth: groups")[0].x) == 8


def test_six_runs_of_shrinkage_stand_three_across(run):
    fig = line_shrinkage({f"{i}": run for i in range(6)})
    starts = {round(axis.domain[0], 3) for axis in fig.select_xaxes()}
    assert len(starts) == 3 and len(list(fig.select_xaxes())) == 6


def test_wild_raw_fits_and_populations_do_not_set_the_view():
    run = fake_regression(draws=50)
    for path in ("observed_data/estimate_slope", "posterior/sigma_slope"):
        run[path] = run[path] * 1.0
    run["observed_data/estimate_slope"].values[0] = 1e5
    run["posterior/sigma_slope"].values[:] = 1e4
    fig = line_shrinkage({"run": run})
    assert np.ptp(fig.layout.yaxis.range) < 20 and "1 raw fit outside" in words(fig)
    assert "1 raw fit outside" in words(forest({"run": run}))


def test_an_ellipse_holds_its_share_of_the_population():
    rng = np.random.default_rng(0)
    center, sd = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    draws = rng.normal(center, sd, (100_000, 2))
    for prob in (0.5, 0.9):
        edge = ellipse(center, sd, prob)
        reach = np.abs(edge - center).max(0)
        share = (((draws - center) / reach) ** 2).sum(1) < 1
        assert share.mean() == pytest.approx(prob, abs=0.005)


def test_complete_pooling_is_the_least_squares_line():
    rng = np.random.default_rng(1)
    x = rng.normal(1e4, 2.0, 300)
    y = 3 + 0.2 * (x - 1e4) + rng.normal(size=300)
    height, slope = complete_pooling(Rows(np.zeros(300, int), x, y), 1e4)
    expected = np.polyfit(x - 1e4, y, 1)
    assert (slope, height) == pytest.approx(tuple(expected), rel=1e-9)
    assert complete_pooling(Rows(np.zeros(2, int), np.ones(2), np.ones(2)), 0.0) is None


def test_pooling_draws_three_lines_or_says_why_not(run):
    fig = pooling(run, 1)
    index, x, y = (run[f"observed_data/{name}"].values.ravel() for name in ("index", "x", "y"))
    alone = named(fig, "no pooling")[0]
    slope, height = np.polyfit(x[index == 1], y[index == 1], 1)
    np.testing.assert_allclose(alone.y, height + slope * alone.x, rtol=1e-3, atol=1e-3)
    everyone = named(fig, "complete pooling")[0]
    slope, height = np.polyfit(x, y, 1)
    np.testing.assert_allclose(everyone.y, height + slope * everyone.x, rtol=1e-4, atol=1e-4)
    partial = named(fig, "partial pooling")[0]
    mean = [run[f"posterior/{e}"].values[..., 1].mean() for e in ("intercept", "slope")]
    np.testing.assert_allclose(partial.y, mean[0] + mean[1] * partial.x, rtol=1e-4, atol=1e-4)
    assert len(named(fig, "data")[0].x) == 3
    lonely = pooling(run, 0)
    assert not named(lonely, "no pooling") and "too few for a line of its own" in words(lonely)


def test_blank_predictors_are_left_out(run):
    blank = run.copy()
    blank["observed_data/x"] = run["observed_data/x"].copy(deep=True)
    blank["observed_data/x"].values[-5:] = np.nan
    for draw in ONE.values():
        assert draw(blank).data
    assert len(named(bands(blank, 7), "data")[0].x) == 35
