"""The figures that put runs side by side: their numbers are those of the draws."""

import arviz_stats as azs
import numpy as np
import plotly.graph_objects as go
import pytest
import xarray as xr

from hbdash.estimates import differences as differ
from hbdash.estimates import quantities, shared
from hbdash.figures.bands_beside import bands_beside
from hbdash.figures.differences import EDGE, differences
from hbdash.figures.elpd import elpd
from hbdash.figures.estimates import estimates
from hbdash.figures.marginals import marginals
from hbdash.figures.pareto import Point, front, pareto, points
from hbdash.loo import loo
from hbdash.loo_comparison import compare
from tests.fake_population import fake_population
from tests.fake_regression import fake_regression
from tests.fake_runs import fake_run

EVERY = [marginals, estimates, differences]


@pytest.fixture(scope="module")
def runs():
    return {
        "centered": fake_run(seed=1, draws=300),
        "non-centered": fake_run(seed=2, draws=300, divergences=3, centeredness=0.0),
    }


@pytest.fixture(scope="module")
def lines():
    return {"a": fake_regression(seed=1), "b": fake_regression(seed=2)}


def points_of(fig):
    return sum(len(trace.x) for trace in fig.data if trace.x is not None)


@pytest.mark.parametrize("figure", EVERY)
@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_repeatable_light_and_says_how_many_draws(figure, dark, runs):
    fig = figure(runs, dark=dark)
    assert isinstance(fig, go.Figure)
    assert fig.to_json() == figure(runs, dark=dark).to_json()
    assert points_of(fig) < 26_000
    assert "1,200 draws" in fig.to_json()


@pytest.mark.parametrize("figure", EVERY)
def test_populations_of_events_have_the_same_figures(figure):
    several = {"AIES": fake_population(seed=1), "NUTS": fake_population(seed=2)}
    assert len(figure(several).data) >= 1


@pytest.mark.parametrize("figure", EVERY)
def test_regressions_have_the_same_figures(figure, lines):
    assert len(figure(lines).data) >= 1


def test_quantities_are_the_draws_of_every_site(runs):
    dt = runs["centered"]
    found = quantities(dt)
    assert list(found)[:2] == ["mu", "log_tau"] and len(found) == 11
    np.testing.assert_allclose(found["log_tau"].draws, np.log(dt["posterior/tau"].values))
    third = found["theta[group 3]"]
    np.testing.assert_array_equal(third.draws, dt["posterior/theta"].values[:, :, 2])
    assert third.truth == dt["constant_data/true_theta"].values[2] and third.of_group
    assert found["log_tau"].truth == pytest.approx(np.log(3.5)) and not found["mu"].of_group


def test_only_what_all_runs_estimate_is_compared(runs):
    more = {**runs, "sigma": fake_run(seed=3, draws=300, known_sigma=False)}
    assert "log_sigma" not in shared(more) and "log_sigma" in quantities(more["sigma"])


def test_a_difference_is_in_standard_errors_of_the_difference(runs):
    table = differ(runs)
    one, other = (runs[name]["posterior/mu"] for name in runs)
    error = np.hypot(*(float(azs.mcse(draws, method="mean")) for draws in (one, other)))
    expected = float(other.mean() - one.mean()) / error
    assert table.loc["mu", "non-centered"] == pytest.approx(expected)
    assert np.isnan(table.loc["mu", "centered"])


def test_an_exact_mean_is_the_reference_where_it_is_known(runs):
    table = differ(runs, {"mu": 0.0})
    draws = runs["centered"]["posterior/mu"]
    expected = float(draws.mean()) / float(azs.mcse(draws, method="mean"))
    assert table.loc["mu", "centered"] == pytest.approx(expected)
    assert np.isnan(table.loc["log_tau", "centered"])
    title = differences(runs, means={"mu": 0.0}).layout.xaxis.title.text
    assert "exact mean where known" in title


def test_runs_of_one_posterior_differ_by_chance_alone(runs):
    found = differ(runs)["non-centered"]
    assert (found.abs() < 4.5).all()
    wrong = runs["non-centered"].copy(deep=True)
    wrong["posterior"]["mu"] = wrong["posterior"]["mu"] + 5.0
    assert abs(differ({**runs, "non-centered": wrong}).loc["mu", "non-centered"]) > 10


def test_what_is_far_apart_stands_at_the_edge(runs):
    wrong = runs["non-centered"].copy(deep=True)
    wrong["posterior"]["mu"] = wrong["posterior"]["mu"] + 500.0
    fig = differences({**runs, "non-centered": wrong})
    assert max(float(np.max(trace.x)) for trace in fig.data) == EDGE
    assert any("MCSE" in text for trace in fig.data for text in trace.text)


def test_one_run_has_nothing_to_differ_from(runs):
    alone = {"centered": runs["centered"]}
    assert "second run" in differences(alone).layout.annotations[0].text


def test_intervals_hold_their_share_of_the_draws(runs):
    fig = estimates(runs, prob=0.8)
    thin = next(t for t in fig.data if t.mode == "lines" and t.line.width == 1.4)
    low, high = thin.x[:2]
    mu = runs["centered"]["posterior/mu"].values
    assert ((mu >= low) & (mu <= high)).mean() == pytest.approx(0.8, abs=0.01)
    with pytest.raises(ValueError, match="between 0 and 1"):
        estimates(runs, prob=1.0)


def test_marginals_mark_the_exact_mean_and_the_truth(runs):
    fig = marginals(runs, means={"mu": 2.5})
    lines_at = {
        trace.name: set(np.asarray(trace.x).tolist()) for trace in fig.data if len(trace.x) == 2
    }
    assert lines_at["exact mean"] == {2.5}
    assert sum(trace.name == "truth" for trace in fig.data) == 11
    assert sum(trace.name == "centered" for trace in fig.data) == 11


def point(label, efficiency, diverging, number=None):
    return Point(label, efficiency, diverging, number, 4000)


def test_the_front_is_what_no_other_beats_in_both():
    given = [
        point("best", 50, 0.01),
        point("sound", 10, 0.0),
        point("worse", 9, 0.005),
        point("twin", 50, 0.02),
        point("poor", 1, 0.3),
    ]
    assert [one.label for one in front(given)] == ["sound", "best"]


def test_points_are_the_numbers_of_the_scoreboard(runs):
    one = points(runs)[0]
    dt = runs["centered"]
    assert one.diverging == pytest.approx(float(dt["sample_stats/diverging"].mean()))
    assert one.efficiency > 0 and one.number == 0
    fig = pareto([*points(runs), point("other", 3, 0.1)])
    assert {trace.name for trace in fig.data} >= {"other stored runs", "centered, 1,200 draws"}


def test_runs_that_count_no_gradients_are_left_out():
    fig = pareto([point("AIES", np.nan, np.nan)])
    assert "No run here" in fig.layout.annotations[0].text


def test_bands_share_their_axes(lines):
    fig = bands_beside(lines, 1, prob=0.8)
    ranges = {axis.range for axis in fig.select_yaxes()}
    assert len(ranges) == 1
    assert sum(trace.name == "80% band, mean" for trace in fig.data) == 2
    with pytest.raises(ValueError, match="`group` must lie in"):
        bands_beside(lines, 99)


@pytest.fixture(scope="module")
def ranked(lines):
    worse = lines["b"].copy(deep=True)
    shift = 0.6 * worse["posterior/sigma_noise"].mean().item()
    worse["posterior"]["intercept"] = worse["posterior"]["intercept"] + shift
    three = {**lines, "worse": worse}
    return three, compare(three)


def test_the_comparison_is_that_of_arviz(ranked):
    three, table = ranked
    assert table.index[-1] == "worse" and list(table["rank"]) == [0, 1, 2]
    assert table["elpd_diff"].iloc[0] == 0 and table["elpd_diff"].iloc[-1] > 4
    assert table["weight"].sum() == pytest.approx(1, abs=1e-6)
    alone = loo(three["worse"])
    assert table.loc["worse", "elpd"] == pytest.approx(alone.elpd_loo)
    assert table.loc["worse", "n_bad"] == alone.n_bad


def test_elpd_is_drawn_best_first(ranked):
    three, table = ranked
    fig = elpd(three, found=table)
    assert list(fig.layout.yaxis.ticktext)[-1] == "worse"
    drawn = [trace.x[0] for trace in fig.data if trace.name == "elpd ± SE"]
    np.testing.assert_allclose(drawn, table["elpd"], rtol=1e-6)
    assert "at least two runs" in elpd({"a": three["a"]}).layout.annotations[0].text.replace(
        "<br>", " "
    )


def test_normal_means_have_no_rows_to_leave_out(runs):
    with pytest.raises(ValueError):
        compare(runs)


@pytest.mark.parametrize("figure", EVERY)
def test_no_draws_is_a_note(figure):
    empty = xr.DataTree.from_dict({"posterior": xr.Dataset()})
    assert figure({"a": empty}).layout.annotations[0].text
