"""The funnels, the population's figures, and the raster and theme beneath them."""

import base64
import json
import re
import time
from io import BytesIO

import numpy as np
import plotly.graph_objects as go
import pytest
import xarray as xr
from PIL import Image

from hbdash.figures import draws, raster, theme
from hbdash.figures.board import board
from hbdash.figures.funnel import funnel
from hbdash.figures.funnel_detail import funnel_detail
from hbdash.figures.population import population, running_mean, scale
from tests.fake_runs import fake_exact, fake_run

MENU = {
    "funnel": funnel,
    "funnel, sampled": lambda runs, **view: funnel(runs, coordinates="sampled", **view),
    "funnel_detail": lambda runs, **view: funnel_detail(runs, 0, **view),
    "funnel_detail, sampled": lambda runs, **view: funnel_detail(
        runs, 0, coordinates="sampled", **view
    ),
    "population": population,
    "scale": scale,
    "running_mean": running_mean,
}
every = pytest.mark.parametrize("draw", MENU.values(), ids=MENU)


def pair(groups: int = 9, **options) -> dict[str, xr.DataTree]:
    return {
        "centered": fake_run(groups, divergences=132, seed=1, **options),
        "non-centered": fake_run(groups, divergences=3, seed=2, centeredness=0.0, **options),
    }


def pixels(image) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(base64.b64decode(image.source.split(",")[1]))))


def names(figure: go.Figure) -> list[str]:
    return [trace.name for trace in figure.data]


def divergences(figure: go.Figure) -> list:
    return [trace for trace in figure.data if trace.name and trace.name.endswith(": divergence")]


@pytest.fixture(scope="module")
def runs():
    return pair()


@pytest.fixture(scope="module")
def exact(runs):
    return fake_exact(runs["centered"])


@every
@pytest.mark.parametrize("dark", [False, True])
def test_draws_something_light_enough_with_fixed_ranges(draw, runs, exact, dark):
    figure = draw(runs, exact=exact, dark=dark)
    assert isinstance(figure, go.Figure) and len(figure.data) > 2
    assert len(figure.to_json()) < 600_000
    assert "4,000 draws" in figure.to_json()
    axes = [figure.layout[name] for name in figure.layout if name[1:5] == "axis"]
    fixed = [axis for axis in axes if axis.showticklabels is not False or axis.matches]
    assert fixed and all(axis.range is not None and None not in axis.range for axis in fixed)
    assert figure.layout.paper_bgcolor is None
    assert figure.layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"


@every
def test_same_input_same_figure_and_dark_differs(draw, runs):
    light = draw(runs).to_json()
    assert light == draw(runs).to_json()
    assert light != draw(runs, dark=True).to_json()


@every
@pytest.mark.parametrize("trees", [{}, {"centered": fake_run(3, draws=0, warmup=0)}])
def test_nothing_to_draw_is_an_empty_figure_with_a_note(draw, trees):
    figure = draw(trees)
    assert len(figure.data) == 0
    assert figure.layout.annotations[0].text in ("No run to show yet.", "No draws yet.")


@every
@pytest.mark.parametrize(
    "tree",
    [
        fake_run(1, chains=1, draws=1, divergences=0),
        fake_run(2, chains=2, draws=3, divergences=6),
        fake_run(4, divergences=0, truth=False, rows=False),
        fake_run(5, centeredness=np.linspace(0, 1, 5), known_sigma=False),
    ],
    ids=["one draw", "all diverge", "no truth", "partial"],
)
def test_odd_runs_draw(draw, tree):
    figure = draw({"run": tree, "unfinished": fake_run(tree["posterior"].sizes["group"], draws=0)})
    assert len(figure.data) > 0
    assert not re.search(r"[\[,:]NaN", figure.to_json())


@every
def test_draws_that_are_not_finite_are_left_out(draw):
    tree = fake_run(2, draws=50, divergences=2)
    tau = tree["posterior/tau"].values
    tau[0, :3] = 0.0, np.nan, np.inf
    figure = draw({"run": tree})
    for axis in ("xaxis", "yaxis"):
        assert np.isfinite(figure.layout[axis].range).all()


# ---- the overview ----


def test_every_group_has_a_panel_and_every_draw_is_ink(runs):
    numbers = board(runs, "theta", None)
    assert numbers is not None
    block = numbers.blocks[0]
    total = 0
    for pool in block.runs:
        ink = raster.counts(pool.theta, pool.log_tau, block.x_range, numbers.y_range, (84, 124))
        total += ink.sum()
    assert total == numbers.points - numbers.outside == 9 * 8000 - numbers.outside
    assert 0 <= numbers.outside < 0.002 * numbers.points
    figure = funnel(runs)
    assert len(figure.layout.images) == 9
    titles = [note.text for note in figure.layout.annotations]
    assert all(any(f"group {k}<" in title for title in titles) for k in range(1, 10))
    assert sum("n = 10<" in title for title in titles) == 3


def test_the_legend_counts_divergences_of_draws(runs):
    assert "centered: 132 divergences of 4,000 draws" in names(funnel(runs))
    assert "non-centered: 3 divergences of 4,000 draws" in names(funnel(runs))


def test_markers_are_divergent_draws_at_most_100_a_run(runs):
    figure = funnel(runs)
    traces = divergences(figure)
    assert [len(trace.x) for trace in traces] == [100, 3] * 9
    tree = runs["non-centered"]
    bad = tree["sample_stats/diverging"].values
    for k, trace in enumerate(traces[1::2]):
        np.testing.assert_allclose(trace.x, tree["posterior/theta"].values[bad][:, k], rtol=1e-6)
        np.testing.assert_allclose(trace.y, np.log(tree["posterior/tau"].values[bad]), rtol=1e-5)
    assert any("at most 100 a run" in note.text for note in figure.layout.annotations)


def test_without_divergences_there_is_no_such_key():
    assert "divergence" not in names(funnel({"run": fake_run(2, divergences=0)}))
    assert "run: 0 divergences of 4,000 draws" in names(funnel({"run": fake_run(2, divergences=0)}))


def test_panels_share_log_tau_and_have_their_own_range_across(runs):
    layout = funnel(runs).layout
    assert all(layout[f"yaxis{i}"].range == layout.yaxis.range for i in range(2, 10))
    assert len({layout[f"xaxis{i}"].range for i in range(2, 10)}) == 8


def test_in_sampled_coordinates_every_run_has_its_panels():
    trees = pair(sigma=0.3)
    exact = {label: fake_exact(tree, coordinates="sampled") for label, tree in trees.items()}
    figure = funnel(trees, coordinates="sampled", exact=exact)
    assert len(figure.layout.images) == 18
    assert names(figure).count("exact") == 18
    words = " ".join(note.text for note in figure.layout.annotations)
    assert "sampled coordinate θ (data units)" in words
    assert "sampled coordinate (θ − μ) / τ (no unit)" in words
    alone = funnel(trees, coordinates="sampled", exact=exact["centered"])
    assert names(alone).count("exact") == 9


def test_mixed_centeredness_is_told_by_panel():
    tree = fake_run(3, centeredness=np.array([0, 1, 0.4]))
    figure = funnel({"mixed": tree}, coordinates="sampled")
    words = [note.text for note in figure.layout.annotations]
    assert sum("c = 0.4<" in word for word in words) == 1
    assert any("τ<sup>1−c</sup>" in word for word in words)


def test_truth_in_sampled_coordinates_is_the_standardized_effect():
    tree = fake_run(3, centeredness=0.0)
    numbers = board({"run": tree}, "sampled", None)
    assert numbers is not None
    constant = tree["constant_data"]
    expected = (constant["true_theta"] - constant["true_mu"]) / constant["true_tau"]
    np.testing.assert_allclose(numbers.blocks[0].truth, expected)


@pytest.mark.parametrize("groups", [26, 60, 200])
def test_many_groups_are_one_light_quick_mosaic(groups):
    trees = pair(groups)
    exact = fake_exact(trees["centered"])
    started = time.perf_counter()
    figure = funnel(trees, exact=exact)
    assert time.perf_counter() - started < 2  # 0.3 s on an idle machine
    assert len(figure.to_json()) < 1_500_000
    assert len(figure.layout.images) == 1
    labels = next(trace for trace in figure.data if trace.mode == "text")
    assert len(labels.text) == groups == len(set(labels.text))
    assert sum(len(trace.x) for trace in divergences(figure)) <= 2 * 2000
    assert any("log τ from" in note.text for note in figure.layout.annotations)


def test_the_mosaic_keeps_ink_inside_its_frames():
    figure = funnel({"run": fake_run(60, divergences=0)})
    image = figure.layout.images[0]
    alpha = pixels(image)[..., 3]
    frames = figure.data[0]
    x, y = np.reshape(frames.x, (60, 6)), np.reshape(frames.y, (60, 6))
    rows, columns = alpha.shape
    inside = np.zeros(alpha.shape, bool)
    for k in range(60):
        left, right = (np.array([x[k, 0], x[k, 1]]) - image.x) / image.sizex * columns
        top, low = (image.y - np.array([y[k, 2], y[k, 0]])) / image.sizey * rows
        np.testing.assert_allclose(
            [left, right, top, low], np.rint([left, right, top, low]), atol=0.01
        )
        panel = slice(round(top), round(low)), slice(round(left), round(right))
        inside[panel] = True
        assert alpha[panel].any()
    assert not alpha[~inside].any()


def test_of_very_many_groups_200_of_all_sizes_are_shown():
    tree = fake_run(300, draws=100, divergences=0)
    figure = funnel({"run": tree})
    words = " ".join(note.text for note in figure.layout.annotations)
    assert "200 of 300 groups" in words
    numbers = board({"run": tree}, "theta", None)
    assert numbers is not None
    assert set(numbers.sizes) == set(draws.sizes(tree))


def test_unknown_coordinates_are_refused(runs):
    with pytest.raises(ValueError, match="'theta' or 'sampled', got 'phi'"):
        funnel(runs, coordinates="phi")


def test_estimates_show_their_standard_error():
    figure = funnel({"run": fake_run(2, rows=False)})
    assert any("s.e. 3.16" in note.text for note in figure.layout.annotations)


# ---- one group, the population ----


def test_the_detail_keeps_every_divergence_and_4000_draws(runs):
    figure = funnel_detail(runs, "group 5")
    clouds = [trace for trace in figure.data if trace.type == "scattergl"]
    assert sum(len(trace.x) for trace in clouds) == 4000
    assert [len(trace.x) for trace in divergences(figure)] == [132, 3]
    words = " ".join(note.text for note in figure.layout.annotations)
    assert "4,000 of 8,000 draws as points" in words and "group 5" in words
    assert figure.to_json() == funnel_detail(runs, 4).to_json()


def test_points_name_their_chain_and_draw(runs):
    trace = divergences(funnel_detail(runs, 2))[0]
    tau = runs["centered"]["posterior/tau"].values
    chain, draw = np.asarray(trace.customdata).T
    np.testing.assert_allclose(trace.y, np.log(tau[chain, draw]), rtol=1e-5)


def test_marginals_count_all_draws_and_exact_ones_integrate_to_one(runs, exact):
    figure = population(runs, exact=exact)
    for trace in figure.data:
        if trace.name in ("exact marginal", "centered, marginal"):
            x, y = (trace.x, trace.y) if trace.xaxis != "x100" else (trace.y, trace.x)
            assert np.trapezoid(y, x) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("group", [9, -1, "group 77"])
def test_unknown_groups_are_refused(runs, group):
    with pytest.raises(LookupError, match="index from 0 to 8"):
        funnel_detail(runs, group)


def test_scale_shows_prior_posterior_exact_and_truth(runs, exact):
    grid = np.linspace(0, 60, 600)
    density = 2 * np.exp(-0.5 * (grid / 10) ** 2) / (10 * np.sqrt(2 * np.pi))
    prior = xr.Dataset({"tau_prior_density": ("tau_grid", density)}, {"tau_grid": grid})
    figure = scale(runs, prior=prior, exact=exact)
    assert names(figure) == [
        "prior",
        "centered: 4,000 draws",
        "non-centered: 4,000 draws",
        "exact",
        "truth",
    ]
    posterior, answer = figure.data[1], figure.data[3]
    assert np.trapezoid(posterior.y, posterior.x) == pytest.approx(1, abs=0.03)
    middle = np.interp(3.0, posterior.x, posterior.y)
    assert middle == pytest.approx(np.interp(3.0, answer.x, answer.y), rel=0.15)
    assert figure.data[4].x[0] == 3.5
    assert max(trace.x.max() for trace in figure.data[:2]) <= figure.layout.xaxis.range[1] + 1e-5


def test_running_mean_ends_at_the_mean_and_tells_the_error_in_mcse(exact):
    tree = fake_run(9, draws=3000)
    figure = running_mean({"run": tree}, exact=exact)
    thick = next(trace for trace in figure.data if trace.line.width == 3)
    log_tau = np.log(tree["posterior/tau"].values)
    assert thick.y[-1] == pytest.approx(log_tau.mean(), rel=1e-5)
    assert len(thick.x) == 1000 and thick.x[-1] == 3000
    error = float(thick.name.split("ends ")[1].split(" MCSE")[0])
    independent = log_tau.std() / np.sqrt(log_tau.size)
    difference = abs(log_tau.mean() - exact.attrs["log_tau_mean"])
    assert error == pytest.approx(difference / independent, rel=0.15, abs=0.1)
    thin = [trace for trace in figure.data if trace.name and ", chain" in trace.name]
    assert len(thin) == 4
    assert thin[2].y[-1] == pytest.approx(log_tau[2].mean(), rel=1e-5)
    band = next(trace for trace in figure.data if trace.name == "2 MCSE")
    assert len(band.x) == 400


# ---- raster, ranges, theme ----


def test_counts_agree_with_numpy():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(500, 2)), rng.normal(size=500)
    x_range, y_range = np.array([[-2.0, 2.0], [-1.0, 3.0]]), np.array([-2.5, 2.0])
    ours = raster.counts(x, y, x_range, y_range, (7, 11))
    for k in range(2):
        numpy, _, _ = np.histogram2d(y, x[:, k], (7, 11), (y_range, x_range[k]))
        np.testing.assert_array_equal(ours[k], numpy)


def test_paint_colours_by_run_and_mixes_where_they_meet():
    one, two = np.zeros((1, 20, 20)), np.zeros((1, 20, 20))
    one[0, 2, 2] = two[0, 17, 17] = one[0, 10, 10] = two[0, 10, 10] = 5
    painted = raster.paint([one, two], ["#0000ff", "#ff0000"])[0, ::-1]
    assert tuple(painted[2, 2, :3]) == (0, 0, 255)
    assert tuple(painted[17, 17, :3]) == (255, 0, 0)
    assert tuple(painted[10, 10, :3]) == (128, 0, 128)
    assert painted[10, 10, 3] > painted[2, 2, 3] > 0
    assert painted[2, 17, 3] == 0


def test_a_picture_survives_the_data_uri():
    painted = raster.paint([np.eye(4)[None]], ["#0072B2"])[0]
    image = go.layout.Image(source=raster.png(painted))
    np.testing.assert_array_equal(pixels(image), painted)


def test_contours_of_a_gaussian_are_ellipses_of_the_right_mass():
    x, y = np.linspace(-5, 5, 80), np.linspace(-8, 8, 80)
    density = np.exp(-0.5 * (x**2 + (y[:, None] / 1.5) ** 2))
    for mass, level in zip(raster.MASSES, raster.levels(x, y, density), strict=True):
        radius = np.sqrt(-2 * np.log(1 - mass))
        across, up = raster.contour(x, y, density, level)
        off_tip = np.abs(up) < 1.5 * 0.9 * radius
        found = np.hypot(across, up / 1.5)[off_tip]
        np.testing.assert_allclose(found, radius, rtol=0.02)
        assert np.abs(up).max() == pytest.approx(1.5 * radius, rel=0.03)
        assert (across[0], up[0]) == (across[-1], up[-1])


def test_exact_contours_hold_their_share_of_exact_draws():
    tree = fake_run(2, draws=5000, divergences=0)
    exact = fake_exact(tree)
    grid, log_tau = exact["theta_grid"].values[0], exact["log_tau_coarse"].values
    density = exact["theta_density"].values[0]
    theta, height = tree["posterior/theta"].values[..., 0].ravel(), np.log(tree["posterior/tau"])
    row = np.abs(height.values.ravel()[:, None] - log_tau).argmin(axis=1)
    column = np.abs(theta[:, None] - grid).argmin(axis=1)
    for mass, level in zip(raster.MASSES, raster.levels(grid, log_tau, density), strict=True):
        assert (density[row, column] > level).mean() == pytest.approx(mass, abs=0.02)


def test_ranges_leave_out_only_outliers_and_never_collapse():
    values = np.random.default_rng(0).standard_t(2, (5000, 1))
    low, high = draws.span(values)[0]
    assert ((values > low) & (values < high)).mean() > 0.994
    assert values.min() < low < high < values.max()
    np.testing.assert_allclose(draws.span(np.full((3, 1), 7.0))[0], [6.5, 7.5])


def test_runs_differ_without_colour_and_colours_by_background():
    assert theme.colour(0) == "#0072B2" and theme.colour(1) == "#D55E00"
    assert len({theme.symbol(i) for i in range(6)}) == len({theme.dash(i) for i in range(6)}) == 6
    assert all(theme.colour(i) != theme.colour(i, dark=True) for i in range(6))
    assert theme.dash(0) == "solid" and "dash" not in {theme.dash(i) for i in range(6)}
    light, dark = (json.loads(theme.empty("x", dark=dark).to_json()) for dark in (False, True))
    assert light["layout"]["template"] != dark["layout"]["template"]


def test_ranges_hold_the_exact_contours(runs, exact):
    numbers = board(runs, "theta", exact)
    assert numbers is not None
    block = numbers.blocks[0]
    for k, (x, _) in enumerate(block.contours):
        assert block.x_range[k, 0] < np.nanmin(x) and np.nanmax(x) < block.x_range[k, 1]


def test_bare_numbers_are_called_groups():
    assert [draws.heading(name) for name in ("0", "12", "Choate")] == [
        "group 0",
        "group 12",
        "Choate",
    ]
