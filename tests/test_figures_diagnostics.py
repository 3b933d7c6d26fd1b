"""The numbers in the diagnostic figures are those of the draws and of arviz-stats."""

import inspect

import arviz_stats as azs
import numpy as np
import plotly.graph_objects as go
import pytest
import xarray as xr

from hbdash.figures.adaptation import adaptation, depth_shares
from hbdash.figures.autocorrelation import autocorrelation, correlations
from hbdash.figures.energy import energy, lowest_bfmi
from hbdash.figures.predictive import predictive, replicate
from hbdash.figures.priors import prior_density, prior_predictive, prior_shrinkage
from hbdash.figures.ranks import CUT, band, bin_counts, ranks
from hbdash.figures.shrinkage import complete_pooling, posterior_mean, shrinkage
from hbdash.figures.traces import LINE_POINTS, RUG_POINTS, envelope, traces
from hbdash.quantities import Followed, worst_group
from tests.fake_runs import fake_exact, fake_run

FIGURES = [traces, ranks, autocorrelation, energy, adaptation, shrinkage, predictive]
PRIORS = [prior_density, prior_predictive, prior_shrinkage]


@pytest.fixture(scope="module")
def runs():
    return {
        "centered": fake_run(seed=1, draws=300),
        "non-centered": fake_run(seed=2, draws=300, divergences=3, centeredness=0.0),
    }


def named(fig, name):
    return [trace for trace in fig.data if trace.name and trace.name.startswith(name)]


def words(fig):
    return " ".join(str(note.text) for note in fig.layout.annotations)


def points(fig):
    return sum(len(trace.x) for trace in fig.data if trace.x is not None)


def axis_titles(fig):
    return [axis.title.text for axis in (*fig.select_xaxes(), *fig.select_yaxes())]


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_light_typed_repeatable_and_says_how_many_draws(figure, dark, runs):
    fig = figure(runs, dark=dark)
    assert isinstance(fig, go.Figure)
    assert fig.to_json() == figure(runs, dark=dark).to_json()
    assert points(fig) <= 26_000 and not any("gl" in trace.type for trace in fig.data)
    for trace in fig.data:
        assert np.asarray(trace.x).dtype in (np.float32, np.int32)
        assert np.asarray(trace.y).dtype in (np.float32, np.int32)
    said = words(fig) + str([trace.name for trace in fig.data]) + str(axis_titles(fig))
    assert "4 × 300 draws" in said
    assert all(axis.range is not None for axis in (*fig.select_xaxes(), *fig.select_yaxes()))


@pytest.mark.parametrize("figure", FIGURES)
def test_no_draws_and_no_runs_give_a_note(figure):
    for runs in ({}, {"stopped": fake_run(draws=0, divergences=0)}):
        fig = figure(runs)
        assert not fig.data and words(fig) == "No draws yet."


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("options", [{"chains": 1}, {"draws": 1}, {"draws": 2}, {"draws": 3}])
def test_one_chain_or_a_few_draws_give_a_picture_or_a_note(figure, options):
    fig = figure({"short": fake_run(**{"draws": 60, "divergences": 1} | options)})
    assert fig.data or words(fig)


@pytest.mark.parametrize("figure", FIGURES)
def test_a_run_without_draws_keeps_the_colour_of_the_others(figure, runs):
    late = {"stopped": fake_run(draws=0, divergences=0), "full": runs["centered"]}
    fig = figure(late)
    assert fig.data
    assert "#D55E00" in fig.to_json() or "rgba(213,94,0" in fig.to_json()


@pytest.mark.parametrize("figure", FIGURES)
def test_six_runs_unknown_sigma_estimates_and_constant_chains(figure):
    six = {f"run {i}": fake_run(seed=i, draws=40, known_sigma=False) for i in range(6)}
    assert points(figure(six)) <= 26_000
    assert figure({"estimates": fake_run(draws=40, rows=False, truth=False)}).data
    stuck = fake_run(draws=40, chains=2)
    for group in ("posterior", "sample_stats"):
        stuck[group] = xr.DataTree(stuck[group].to_dataset().isel(draw=[0] * 40))
    assert figure({"stuck": stuck}).data


@pytest.mark.parametrize("figure", [*FIGURES, *PRIORS])
def test_the_caption_is_a_paragraph(figure):
    caption = inspect.getdoc(figure).split("\n\n")[0]
    assert 80 < len(caption) < 500 and caption.endswith(".")


@pytest.mark.parametrize(
    ("figure", "path"),
    [
        (traces, "sample_stats/diverging"),
        (energy, "sample_stats/energy"),
        (adaptation, "sample_stats/step_size"),
        (adaptation, "sample_stats/tree_depth"),
        (shrinkage, "observed_data/mean"),
        (predictive, "posterior/theta"),
    ],
)
def test_a_missing_variable_is_named(figure, path):
    group, name = path.split("/")
    run = fake_run(draws=20)
    run[group] = xr.DataTree(run[group].to_dataset().drop_vars(name))
    with pytest.raises(ValueError, match=f"This figure needs {path}, which this run does not"):
        figure({"run": run})


@pytest.mark.parametrize("number", [1, 10, 1000, 1001, 4321, 100_000])
def test_thinned_lines_keep_every_bin_extreme(number):
    values = np.random.default_rng(3).standard_cauchy(number)
    kept = envelope(values, LINE_POINTS)
    assert len(kept) <= LINE_POINTS and (np.diff(kept) > 0).all()
    assert values.min() == values[kept].min() and values.max() == values[kept].max()
    if number <= LINE_POINTS:
        assert len(kept) == number
    else:
        for part in np.split(
            values, np.flatnonzero(np.diff(np.arange(number) * 500 // number)) + 1
        ):
            assert {part.min(), part.max()} <= set(values[kept])


def test_traces_show_the_draws_the_divergences_the_exact_mean_and_the_truth():
    runs = {
        "a": fake_run(seed=1, draws=1200, divergences=30),
        "b": fake_run(seed=2, divergences=900),
    }
    exact = fake_exact(runs["a"])
    fig = traces(runs, exact=exact)
    lines = named(fig, "chain")
    assert len(lines) == 4 * 3 * 2 and max(len(line.x) for line in lines) <= LINE_POINTS
    mu = runs["a"]["posterior/mu"].values[2]
    line = next(t for t in lines if t.name == "chain 3" and t.xaxis == "x")
    assert line.y.max() == np.float32(mu.max()) and line.y.min() == np.float32(mu.min())
    rugs = named(fig, "divergence")
    assert sorted(len(rug.x) for rug in rugs) == [30] * 3 + [RUG_POINTS] * 3
    assert "30 divergent" in words(fig) and "900 divergent" in words(fig)
    first = next(rug for rug in rugs if len(rug.x) == 30)
    diverging = runs["a"]["sample_stats/diverging"].values
    assert diverging[first.customdata - 1, first.x].all()
    levels = {round(float(t.y[0]), 4) for t in named(fig, "exact mean")}
    group, why = worst_group(list(runs.values()))
    assert why == "worst R-hat"
    expected = [exact.attrs["mu_mean"], exact.attrs["log_tau_mean"], exact["theta_mean"][group]]
    assert levels == {round(float(np.float32(value)), 4) for value in expected}
    truths = {round(float(t.y[0]), 4) for t in named(fig, "truth")}
    theta = runs["a"]["constant_data/true_theta"].values[group]
    assert truths == {round(float(np.float32(v)), 4) for v in (4.5, np.log(3.5), theta)}
    assert f"R-hat {float(azs.rhat(runs['b']['posterior/mu'])):.2f}" in words(fig)


def test_the_worst_theta_is_the_one_that_mixes_worst():
    run = fake_run(draws=200)
    posterior = run["posterior"].to_dataset().copy(deep=True)
    posterior["theta"][1, :, 6] += 20
    run["posterior"] = xr.DataTree(posterior)
    assert worst_group([fake_run(draws=200), run]) == (6, "worst R-hat")
    one = fake_run(draws=200, chains=1)
    ess = azs.ess(one["posterior/theta"])
    assert worst_group([one]) == (int(np.argmin(ess.values)), "lowest ESS")


def test_rank_bars_add_up_and_level_chains_stay_in_the_band(runs):
    draws = Followed("mu", "mu").of(runs["centered"])
    counts = bin_counts(draws)
    assert (counts.sum(1) == 300).all() and (counts.sum(0) == 60).all() and counts.shape == (4, 20)
    low, high = band(4, 300, 20)
    assert np.mean((counts >= low) & (counts <= high)) > 0.9
    fig = ranks(runs)
    bars = [trace for trace in fig.data if trace.type == "bar"]
    assert len(bars) == 2 * 2 * 4 and all(bar.customdata.sum() == 300 for bar in bars)
    heights = np.stack([-bar.y for bar in bars[:4]])
    assert np.allclose(heights / heights.sum(1, keepdims=True), counts / 300, atol=1e-6)


def test_rank_bars_are_cut_and_never_reach_the_chain_above():
    run = fake_run(draws=400, chains=8)
    posterior = run["posterior"].to_dataset().copy(deep=True)
    posterior["mu"][0] = posterior["mu"][0] * 1e-3 + 2
    run["posterior"] = xr.DataTree(posterior)
    bars = [trace for trace in ranks({"stuck": run}).data if trace.type == "bar"]
    assert max(float(-bar.y.min()) for bar in bars) <= 0.9
    assert bars[0].customdata.max() > CUT * 20


def test_ranks_need_two_chains():
    assert "at least two chains" in words(ranks({"one": fake_run(draws=50, chains=1)}))


def test_autocorrelation_is_that_of_arviz(runs):
    rng = np.random.default_rng(0)
    chain = np.zeros((2, 20_000))
    for t in range(1, 20_000):
        chain[:, t] = 0.9 * chain[:, t - 1] + rng.normal(size=2)
    found = correlations(xr.DataArray(chain, dims=("chain", "draw")))
    assert found.shape == (2, 101) and np.allclose(found[:, :4], 0.9 ** np.arange(4), atol=0.04)
    fig = autocorrelation(runs)
    mean = named(fig, "mean of the chains")
    assert len(mean) == 4
    expected = correlations(Followed("mu", "mu").of(runs["centered"])).mean(0)
    assert np.array_equal(mean[0].y, expected.astype(np.float32))
    grey = next(t for t in named(fig, "±1.96/√n"))
    assert np.isclose(grey.y.max(), 1.96 / np.sqrt(300))
    ess = float(azs.ess(Followed("log_tau", "tau", log=True).of(runs["non-centered"])))
    assert f"ESS {ess:,.0f}" in words(fig)


def test_energy_says_the_lowest_bfmi_and_the_threshold(runs):
    slow = fake_run(draws=300, seed=4)
    stats = slow["sample_stats"].to_dataset().copy(deep=True)
    stats["energy"][2] = np.sort(stats["energy"][2])
    slow["sample_stats"] = xr.DataTree(stats)
    fig = energy(runs | {"slow": slow})
    for run in (*runs.values(), slow):
        value = float(azs.bfmi(run["sample_stats/energy"]).min())
        assert f"E-BFMI {value:.2f} {'<' if value < 0.3 else '≥'} 0.3" in words(fig)
    assert lowest_bfmi(slow["sample_stats/energy"]) < 0.3
    curves = named(fig, "energy") + named(fig, "change")
    assert len(curves) == 6 and all(len(curve.x) <= 200 for curve in curves)
    assert all(np.isclose(np.trapezoid(c.y, c.x), 1, atol=0.02) for c in curves)


def test_adaptation_shows_steps_depths_and_the_maximum(runs):
    run = fake_run(draws=500, warmup=700)
    stats = run["sample_stats"].to_dataset().copy(deep=True)
    stats["reached_max_treedepth"][:, :50] = True
    run["sample_stats"] = xr.DataTree(stats)
    fig = adaptation({"run": run})
    steps = [trace for trace in fig.data if trace.type == "scatter"]
    assert len(steps) == 4 and max(len(line.x) for line in steps) <= LINE_POINTS
    warm = run["warmup_sample_stats/step_size"].values[0]
    assert steps[0].y.max() == np.float32(max(warm.max(), stats["step_size"].values[0].max()))
    assert steps[0].x[-1] == 1200 and fig.layout.shapes[0].x0 == 700.5
    shares = depth_shares(run["sample_stats/tree_depth"])
    bars = [trace for trace in fig.data if trace.type == "bar"]
    assert np.allclose(np.stack([bar.y for bar in bars]), shares) and np.allclose(shares.sum(1), 1)
    assert "10.0% reached" in words(fig)
    bare = fake_run(draws=50)
    del bare["warmup_sample_stats"]
    assert not adaptation({"bare": bare}).layout.shapes


@pytest.mark.parametrize("groups", [1, 9, 200])
def test_arrows_end_at_posterior_means(groups):
    runs = {"a": fake_run(groups, draws=50, seed=1), "b": fake_run(groups, draws=50, seed=2)}
    exact = fake_exact(runs["a"])
    fig = shrinkage(runs, exact=exact)
    raw = runs["a"]["observed_data/mean"].values
    order = np.argsort(raw)
    heads = [t for t in fig.data if t.type == "scatter" and t.marker.symbol == "arrow"]
    assert len(heads) == 2
    for head, run in zip(heads, runs.values(), strict=True):
        assert np.array_equal(head.x, posterior_mean(run)[order].astype(np.float32))
    starts = [t.x[::3] for t in fig.data if t.mode == "lines" and len(t.x) == 3 * groups]
    assert any(np.array_equal(start, raw[order].astype(np.float32)) for start in starts)
    dots = named(fig, "no pooling")[0]
    error = runs["a"]["observed_data/standard_error"].values
    assert np.array_equal(dots.error_x.array, error[order].astype(np.float32))
    common = complete_pooling(raw, error)
    assert np.isclose(common, (raw / error**2).sum() / (1 / error**2).sum())
    assert named(fig, "complete pooling")[0].x[0] == np.float32(common)
    marks = named(fig, "exact posterior mean")[0].x[::3]
    assert np.array_equal(marks, exact["theta_mean"].values[order].astype(np.float32))
    labels = next(fig.select_yaxes()).ticktext
    assert len(labels) <= 80 and labels[0].startswith(f"group {order[0] + 1} (n = ")
    assert fig.layout.height < 1250


def test_predictive_draws_have_the_right_moments():
    for known in (True, False):
        run = fake_run(draws=4000, chains=1, known_sigma=known)
        draws = replicate(run, [0, 4], seed=0)
        theta = run["posterior/theta"].values[0][:, [0, 4]]
        spread = np.sqrt(theta.var(0) + (100 if known else 100 * np.exp(0.02)))
        assert draws.shape == (4000, 2)
        assert np.allclose(draws.mean(0), theta.mean(0), atol=4 * spread.max() / np.sqrt(4000))
        assert np.allclose(draws.std(0), spread, rtol=0.06)


def test_predictive_halves_face_away_and_dots_are_the_rows(runs):
    fig = predictive(runs)
    left, right = named(fig, "centered")[0], named(fig, "non-centered")[0]
    assert (left.x - np.round(left.x) <= 0.001)[np.isfinite(left.x)].all()
    assert (right.x - np.round(right.x) >= -0.001)[np.isfinite(right.x)].all()
    assert len(left.x) <= 9 * 402
    dots = named(fig, "data")[0]
    values = runs["centered"]["observed_data/values"].values
    assert np.array_equal(np.sort(dots.y), np.sort(values).astype(np.float32))
    index = runs["centered"]["observed_data/index"].values
    assert np.array_equal(np.bincount(np.round(dots.x).astype(int)), np.bincount(index))


def test_predictive_pages_through_groups_and_shows_estimates():
    many = {"a": fake_run(90, draws=30)}
    fig = predictive(many, groups=slice(60, None))
    assert list(fig.layout.xaxis.ticktext[:1]) == ["group 61"] and "30 of 90" in str(
        fig.layout.xaxis
    )
    assert len(predictive(many).layout.xaxis.ticktext) == 40
    assert words(predictive(many, groups=slice(95, 99))) == "No groups chosen."
    run = fake_run(8, draws=30, rows=False)
    dots = named(predictive({"a": run}), "estimate")[0]
    assert np.array_equal(dots.y, run["observed_data/mean"].values.astype(np.float32))
    error = run["observed_data/standard_error"].values.astype(np.float32)
    assert np.array_equal(dots.error_y.array, error)


def test_predictive_thins_the_rows_of_a_big_group():
    run = fake_run(3, draws=30)
    observed = run["observed_data"].to_dataset().drop_vars(["values", "index"])
    values = np.random.default_rng(0).normal(size=60_000)
    observed["values"], observed["index"] = ("row", values), ("row", np.arange(60_000) % 3)
    run["observed_data"] = xr.DataTree(observed)
    dots = named(predictive({"a": run}), "data")[0]
    assert len(dots.x) == 600 and "200 quantiles" in dots.name
    assert dots.y.max() == np.float32(values.max())


def test_prior_density_draws_one_panel_a_site():
    x = np.linspace(0, 10, 100)
    grids = xr.Dataset(
        {"mu": ("mu_x", np.exp(-x)), "tau": ("tau_x", np.r_[np.inf, np.ones(99)])},
        {"mu_x": x, "tau_x": x},
    )
    fig = prior_density(grids)
    assert len(fig.data) == 2 and np.array_equal(fig.data[0].y, np.exp(-x).astype(np.float32))
    assert np.isfinite(next(fig.select_yaxes(col=2)).range).all()
    assert "μ (data units)" in axis_titles(fig) and "p(τ) (1/data unit)" in axis_titles(fig)
    assert not prior_density(xr.Dataset()).data
    with pytest.raises(ValueError, match="must hold a coordinate `mu_x`"):
        prior_density(xr.Dataset({"mu": ("x", x)}))


def test_heavy_tails_do_not_squash_the_prior_predictive():
    draws = 5 * np.random.default_rng(0).standard_cauchy(20_000)
    observed = np.array([1.0, 4.0, 200.0])
    fig = prior_predictive(draws, observed, "points")
    low, high = fig.layout.xaxis.range
    outside = np.mean((draws < low) | (draws > high))
    assert f"{outside:.1%} of 20,000 draws lie outside" in words(fig) and outside > 0.005
    assert low > -400 and high == 200 and "points" in fig.layout.xaxis.title.text
    bars = [trace for trace in fig.data if trace.type == "bar"]
    assert np.isclose(sum(float(bar.y.sum()) * bar.width for bar in bars), 1 - outside, atol=1e-5)
    assert np.array_equal(named(fig, "observed")[0].x, observed.astype(np.float32))
    assert not named(prior_predictive(draws, None), "observed")
    assert not prior_predictive(np.empty(0), observed).data
    assert prior_predictive(np.full(10, 3.0), None).data


def test_prior_shrinkage_shares_add_up():
    tau = np.abs(np.random.default_rng(0).normal(0, 5, 1000))
    s = np.array([10, 3.0, 1.0])
    fig = prior_shrinkage(s**2 / (s**2 + tau[:, None] ** 2), ["n = 1", "n = 10", "n = 100"])
    assert len(fig.data) == 3 and all(np.isclose(bar.y.sum(), 1) for bar in fig.data)
    assert "1,000 draws" in words(fig) and "no<br>pooling" in words(fig)
    assert not prior_shrinkage(np.empty((0, 1)), ["n = 1"]).data
    with pytest.raises(ValueError, match="one label a group"):
        prior_shrinkage(np.ones((3, 2)), ["n = 1"])
