"""The numbers in the figures of the population lab are those of the draws and the events."""

import numpy as np
import plotly.graph_objects as go
import pytest
from scipy.stats import poisson

from hbdash.figures import FIGURES, View, theme
from hbdash.figures.acceptance import acceptance, series
from hbdash.figures.corner import corner
from hbdash.figures.event_masses import MOST_POINTS, event_masses
from hbdash.figures.event_weights import event_weights
from hbdash.figures.events import cloud, mass_ratios, medians
from hbdash.figures.evolution import evolution, evolve
from hbdash.figures.expected_observed import expected_observed, predictive
from hbdash.figures.mass_sensitivity import mass_sensitivity
from hbdash.figures.pairs import ends, in_words, log_ticks, outline, regions, ticks
from hbdash.figures.parameter_traces import lines, parameter_traces
from hbdash.figures.reweighted_events import reweighted_events
from hbdash.figures.spectrum import bands, spectrum
from hbdash.population_draws import draws, parameters
from hbdash.population_score import score
from tests.fake_population import TRUTH, fake_population, stem

TABS = ("Corner", "Spectrum", "Events", "Convergence", "Expected number")
MENU = [name for name, figure in FIGURES.items() if figure.tab in TABS]
ABSENT = (
    "sample_stats", "generated_quantities", "event_diagnostics", "observed_data",
    "constant_data", "warmup_sample_stats", "spectrum", "reweighted", "training", "flow",
)  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    return {
        "NUTS": fake_population(draws=200),
        "AIES": fake_population("aies", seed=1, draws=150),
        "flowMC": fake_population("flowmc", seed=2, draws=100),
    }


@pytest.fixture(scope="module")
def nuts(runs):
    return runs["NUTS"]


def draw(name, *dts, **options):
    labelled = {f"run {k}": dt for k, dt in enumerate(dts)}
    return FIGURES[name].draw(View(labelled, **options))


def named(fig, words, axis=None):
    found = [t for t in fig.data if t.name and words in t.name]
    return [t for t in found if axis is None or (t.xaxis or "x") == axis]


def words(fig):
    notes = [str(note.text) for note in fig.layout.annotations]
    axes = [str(axis.title.text) for axis in (*fig.select_xaxes(), *fig.select_yaxes())]
    return " ".join([*notes, *axes, *(str(t.name) for t in fig.data)])


def points(fig):
    return sum(len(trace.x) for trace in fig.data)


# All of them


def test_the_menu_holds_the_lab():
    assert len(MENU) == 9 and {FIGURES[name].tab for name in MENU} == set(TABS)


@pytest.mark.parametrize("name", MENU)
@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_typed_small_repeatable_and_captioned(name, dark, runs):
    fig = draw(name, *runs.values(), dark=dark)
    assert isinstance(fig, go.Figure) and fig.data
    assert fig.to_json() == draw(name, *runs.values(), dark=dark).to_json()
    assert points(fig) <= 45_000 and len(fig.to_json()) < 1_200_000
    gl = [trace for trace in fig.data if trace.type == "scattergl"]
    assert sum(len(trace.x) for trace in gl) <= MOST_POINTS + 200
    for trace in fig.data:
        assert np.asarray(trace.x).dtype in (np.float32, np.int32)
    caption = FIGURES[name].caption
    assert caption.count(".") >= 3 and "Parameters" not in caption and len(caption) > 150
    assert fig.layout.template.layout.font.color == theme.ink(dark)


@pytest.mark.parametrize("name", [n for n in MENU if n != "event_masses"])
def test_every_figure_says_how_many_draws(name, runs):
    said = words(draw(name, runs["AIES"])).replace("<br>", " ")
    assert any(n in said for n in ("2 × 30 walkers", "200 draws", "40 draws an event"))


@pytest.mark.parametrize("name", MENU)
def test_a_run_keeps_its_colour_when_one_before_it_has_no_draws(name, nuts):
    fig = draw(name, fake_population(draws=0), nuts)
    drawn = str([trace.to_plotly_json() for trace in fig.data])
    if name not in ("event_masses", "parameter_traces"):  # their colours are events and chains
        assert theme.colour(1) in drawn
        assert theme.colour(0) not in drawn


@pytest.mark.parametrize("name", [n for n in MENU if n != "event_masses"])
def test_no_draws_give_a_note(name):
    fig = draw(name, fake_population(draws=0))
    assert not fig.data and words(fig).startswith("No draws yet.")


@pytest.mark.parametrize("name", MENU)
@pytest.mark.parametrize("absent", [*ABSENT, "all"])
def test_what_is_missing_is_left_out_or_named(name, absent):
    groups = ABSENT if absent == "all" else [absent]
    fig = draw(name, fake_population("flowmc", draws=12, absent=groups))
    assert fig.data or len(fig.layout.annotations) == 1


@pytest.mark.parametrize("name", MENU)
@pytest.mark.parametrize(
    "options",
    [
        {"chains": 1},
        {"draws": 1},
        {"draws": 1, "chains": 1},
        {"truth": False},
        {"events": 1, "rows": 1},
        {"n_pl": 0, "n_g": 1},
        {"n_pl": 2, "n_g": 2},
        {"events": 200, "rows": 20},
        {"apart": 30.0},
        {"sampler": "aies", "ensembles": 1, "chains": 10},
    ],
)
def test_every_kind_of_run_gives_a_picture(name, options):
    fig = draw(name, fake_population(**({"draws": 30} | options)))
    assert fig.layout.height < 2600 and points(fig) < 45_000
    for axis in (*fig.select_xaxes(), *fig.select_yaxes()):
        assert axis.range is None or np.isfinite(np.asarray(axis.range, float)).all()


@pytest.mark.parametrize("name", MENU)
def test_numbers_that_are_not_finite_are_left_out(name):
    dt = fake_population(draws=40)
    dt["posterior"]["alpha_pl_0"][:, ::3] = np.nan
    dt["posterior"]["beta_pl_0"][:] = np.nan
    dt["sample_stats"]["lp"][:] = -np.inf
    dt["generated_quantities"]["expected_number"][:, ::2] = np.nan
    dt["event_diagnostics"]["log_evidence"][:, 3] = -np.inf
    dt["spectrum"]["rate_m1"][3] = np.nan
    dt["reweighted"]["m1"][5] = np.nan
    fig = draw(name, dt)
    assert fig.data
    for axis in (*fig.select_xaxes(), *fig.select_yaxes()):
        assert axis.range is None or np.isfinite(np.asarray(axis.range, float)).all()


# Corner


def test_titles_have_the_median_and_its_distances_to_the_quantiles(runs):
    fig = corner(runs)
    notes = [str(note.text) for note in fig.layout.annotations if "=" in str(note.text)]
    assert len(notes) == 5
    for k, run in enumerate(runs.values()):
        low, middle, high = np.quantile(run["posterior/log_rate_0"], [0.05, 0.5, 0.95])
        expected = f"{middle:.2f} +{high - middle:.2f} {theme.MINUS}{middle - low:.2f}"
        assert f'color:{theme.colour(k)}">{expected}<' in notes[0]
    assert notes[0].startswith("<b>ln R<sub>0</sub></b> = ")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.linspace(4, 5, 101), "4.50 +0.45 −0.45"),
        (np.linspace(0, 100, 101), "50 +45 −45"),
        (np.linspace(-1.2, -1.1, 101), "−1.150 +0.045 −0.045"),
        (np.array([3.0, 3.0]), "3.00 +0.00 −0.00"),
        (np.linspace(-10.1, 10, 101), "0.0 +9.0 −9.0"),
        (np.array([np.nan]), "no finite draws"),
    ],
)
def test_intervals_keep_two_digits_of_their_width(values, expected):
    assert in_words(values) == expected


def test_points_stand_in_place_of_regions(nuts):
    fig = corner({"priors": nuts}, points=40)
    pairs = [t for t in fig.data if t.name == "pair"]
    assert pairs and all(t.mode == "markers" and len(t.x) == 40 for t in pairs)
    shown = np.isin(pairs[0].x, np.float32(draws(nuts, parameters(nuts)[0])))
    assert shown.all()
    assert all(t.mode == "lines" for t in corner({"priors": nuts}).data if t.name == "pair")


def test_the_diagonal_counts_all_draws_and_fills_its_middle(nuts):
    fig = corner({"run": nuts})
    alpha = nuts["posterior/alpha_pl_0"].values.ravel()
    whole, middle = named(fig, "alpha_pl_0")
    x, y = np.asarray(whole.x, float), np.asarray(whole.y, float)
    assert y.max() == 1 and whole.line.color == theme.colour(0)
    edges = np.unique(x)
    counts = np.histogram(alpha, edges)[0]
    np.testing.assert_allclose(y[1:-1:2], counts / counts.max(), atol=0.02)
    quantiles = np.quantile(alpha, [0.05, 0.5, 0.95])
    np.testing.assert_allclose([min(middle.x), max(middle.x)], quantiles[[0, 2]], rtol=1e-6)
    median = next(t for t in named(fig, "median") if t.xaxis == whole.xaxis)
    np.testing.assert_allclose(median.x, quantiles[1], rtol=1e-6)


def test_truths_are_dashed_on_every_panel(nuts):
    fig = corner({"run": nuts})
    dashed = [t for t in named(fig, "truth") if len(t.x) > 1]
    assert len(dashed) == 15 and all(t.line.dash == "6px,4px" for t in dashed)
    crossed = next(t for t in dashed if t.yaxis == "y6")
    assert crossed.x[0] == np.float32(4.6) and crossed.y[-1] == np.float32(1.2)
    assert not named(corner({"run": fake_population(truth=False, draws=80)}), "truth")
    far = fake_population(draws=80)
    far["constant_data"]["true_mmax_pl_0"] = 900.0
    assert "truth of m<sub>max, 0</sub>, 900, is out of sight" in words(corner({"run": far}))


def test_regions_hold_what_they_say():
    rng = np.random.default_rng(1)
    x = rng.normal(size=40_000)
    y = 0.8 * x + 0.6 * rng.normal(size=x.size)
    at_x, at_y, mass = regions(x, y, (-4, 4), (-4, 4))
    cell_x = np.clip(((x + 4) / 0.2).astype(int), 0, 39)
    cell_y = np.clip(((y + 4) / 0.2).astype(int), 0, 39)
    for level in (0.5, 0.9):
        assert (mass[cell_y, cell_x] < level).mean() == pytest.approx(level, abs=0.03)
        right, up = outline(at_x, at_y, mass, level)
        radius = -2 * np.log(1 - level)
        inside = (right**2 - 1.6 * right * up + up**2) / 0.36
        np.testing.assert_allclose(inside, radius, rtol=0.35)
        assert right[0] == right[-1] and up[0] == up[-1]


def test_outlines_close_around_each_of_two_hills_and_at_the_edge():
    grid = np.arange(20.0)
    hills = np.minimum(*(np.hypot(grid - c, grid[:, None] - 10) for c in (4, 15)))
    x, y = outline(grid, grid, hills / 20, 3 / 20)
    assert np.isnan(x).sum() == 1
    for part in np.split(np.stack([x, y]), np.flatnonzero(np.isnan(x)), axis=1):
        part = part[:, ~np.isnan(part[0])]
        np.testing.assert_array_equal(part[:, 0], part[:, -1])
        center = 4 if part[0].mean() < 10 else 15
        np.testing.assert_allclose(np.hypot(part[0] - center, part[1] - 10), 3, atol=0.1)
    cut, _ = outline(grid, grid, np.where(grid < 5, 0.0, 1.0) * np.ones((20, 1)), 0.5)
    assert cut.min() == pytest.approx(-0.25) and np.nanmax(cut) == pytest.approx(4.5)
    assert not len(outline(grid, grid, np.ones((20, 20)), 0.5)[0])


def test_a_saddle_keeps_its_two_regions_apart():
    mass = np.ones((6, 6))
    mass[2, 2] = mass[3, 3] = 0.0
    x, _ = outline(np.arange(6.0), np.arange(6.0), mass, 0.5)
    assert np.isnan(x).sum() == 1


def test_runs_that_have_not_converged_are_marked(nuts):
    stuck = fake_population(draws=100, apart=3.0)
    fig = corner({"fine": nuts, "stuck": stuck})
    keys = {t.name.split(":")[0]: t.name for t in fig.data if t.showlegend is None}
    assert "not converged" not in keys["fine"] and "4 × 200 draws" in keys["fine"]
    assert f"<b>not converged</b>, R-hat {score('', stuck).r_hat:.2f}" in keys["stuck"]


def test_parameters_can_be_chosen_and_are_at_most_twelve(nuts):
    fig = corner({"run": nuts}, parameters=("mmax_pl_0", "alpha_pl_0"))
    notes = [n.text for n in fig.layout.annotations]
    assert [n.split("</b>")[0] for n in notes] == ["<b>m<sub>max, 0</sub>", "<b>α<sub>0</sub>"]
    assert "12 of 20 parameters shown" in words(
        corner({"run": fake_population(n_pl=2, n_g=2, draws=80)})
    )
    with pytest.raises(ValueError, match="must be among log_rate_0.*got gamma"):
        corner({"run": nuts}, parameters=("gamma",))
    assert draw("corner", nuts, parameters=("alpha_pl_0",)).layout.xaxis.range is not None


def test_few_draws_are_points_and_not_a_density():
    fig = corner({"run": fake_population(draws=5)})
    dots = [t for t in named(fig, "pair") if t.mode == "markers"]
    assert len(dots) == 10 and len(dots[0].x) == 20


def test_ranges_hold_the_truth_only_where_it_is_near():
    values = np.linspace(0, 1, 500)
    assert ends([values], 1.5)[1] > 1.5
    assert ends([values], 50.0)[1] < 1.2
    assert ends([np.array([np.nan])]) == (0.0, 1.0)
    low, high = ends([values])
    assert -0.05 < low < 0 and 1 < high < 1.05


def test_a_panel_has_two_numbers_where_it_can():
    assert ticks((44.5, 55.5), 3) == [48.0, 52.0]
    assert ticks((-5.0, 5.0), 2) == [-4.0, 4.0]
    assert ticks((0.0, 10.0), 1) == [5.0]


def test_ticks_are_round_few_and_away_from_the_ends():
    assert ticks((0.0, 10.0), 3) == [4.0, 8.0] and ticks((0.0, 10.0), 4) == [2.0, 4.0, 6.0, 8.0]
    for limits in ((4.1, 5.2), (-1e-3, 2e-3), (0.0, 1e6)):
        found = np.array(ticks(limits, 3))
        width = limits[1] - limits[0]
        assert 1 <= len(found) <= 3
        assert (found > limits[0] + 0.09 * width).all() and (found < limits[1] - 0.09 * width).all()
    assert log_ticks(0.5, 2000)[0] == [1, 10, 100, 1000]
    assert log_ticks(1e-6, 1e-4)[1][0] == f"10<sup>{theme.MINUS}6</sup>"


# Spectrum


def test_bands_are_quantiles_of_the_curves(runs):
    fig = spectrum(runs)
    for k, (label, run) in enumerate(runs.items()):
        for axis, name in (("x", "rate_m1"), ("x2", "detected_m1"), ("x3", "rate_q")):
            curves = run[f"spectrum/{name}"].values
            low, median, high = np.quantile(curves, [0.05, 0.5, 0.95], axis=0)
            line = next(t for t in named(fig, f"{label}, 200 draws", axis))
            drawn = np.asarray(line.y, float)
            there = np.isfinite(drawn)
            np.testing.assert_allclose(drawn[there], median[there], rtol=1e-5)
            assert there.sum() > 30 and line.line.color == theme.colour(k)
            np.testing.assert_allclose(line.customdata, np.stack([low, high], 1), rtol=1e-5)
            wide = [t for t in fig.data if t.fill == "toself" and t.xaxis == axis][2 * k]
            floor = 10 ** fig.layout[f"yaxis{axis[1:]}"].range[0] if axis != "x2" else 0
            number = len(curves[0])
            np.testing.assert_allclose(wide.y[:number], np.maximum(low, floor), rtol=1e-5)
            upper = np.maximum(high, floor)[::-1]
            np.testing.assert_allclose(wide.y[number:], upper, rtol=1e-5)


def test_bands_leave_out_what_is_not_finite():
    curves = np.array([[1.0, np.nan], [3.0, np.nan], [np.inf, np.nan]])
    assert bands(curves)[2, 0] == 2 and np.isnan(bands(curves)[:, 1]).all()


def test_the_true_spectrum_is_dashed_and_ends_at_the_mass_range(nuts):
    fig = spectrum({"run": nuts})
    truth = named(fig, "truth", "x")[0]
    exact = nuts["spectrum/true_rate_m1"].values
    inside = exact > 0
    np.testing.assert_allclose(np.asarray(truth.y)[inside], exact[inside], rtol=1e-5)
    assert np.isfinite(truth.y).sum() == inside.sum() + 2 and truth.line.dash == "6px,4px"
    assert named(fig, "truth", "x3") and not named(fig, "truth", "x2")
    assert not named(spectrum({"run": fake_population(truth=False)}), "truth")


def test_detected_events_stand_as_bars_and_ticks(nuts):
    fig = spectrum({"run": nuts})
    middle = medians(nuts)
    bars = named(fig, "medians of 40 events", "x2")[0]
    x, y = np.asarray(bars.x, float), np.asarray(bars.y, float)
    assert np.trapezoid(y, x) == pytest.approx(40, rel=1e-5)
    rug = named(fig, "medians of 40 events", "x")[0]
    drawn = np.asarray(rug.x, float)
    np.testing.assert_allclose(drawn[::3], middle[:, 0], rtol=1e-6)
    low, high = fig.layout.xaxis.range
    assert low < middle[:, 0].min() and middle[:, 0].max() < high
    ratios = np.asarray(named(fig, "medians of 40 events", "x3")[0].x, float)[::3]
    samples = nuts["observed_data"]
    of = samples["event_index"].values == 3
    assert ratios[3] == pytest.approx(np.median((samples["m2"] / samples["m1"]).values[of]))


def test_axes_have_units_and_no_spectrum_is_a_note(nuts):
    said = words(spectrum({"run": nuts}))
    assert "Gpc⁻³ yr⁻¹ M☉⁻¹" in said and "m<sub>1</sub> (M☉)" in said and "no unit" in said
    none = spectrum({"run": fake_population(absent=["spectrum"])})
    assert words(none).startswith("These runs have no spectrum.")


# Expected number


def test_expected_number_against_the_observed_one(nuts):
    fig = expected_observed({"run": nuts})
    mu = nuts["generated_quantities/expected_number"].values.ravel()
    filled = named(fig, "run, 4 × 200 draws")[0]
    x, y = np.asarray(filled.x, float), np.asarray(filled.y, float)
    assert np.trapezoid(y, x) == pytest.approx(1, abs=0.02)
    assert np.trapezoid(y * x, x) / np.trapezoid(y, x) == pytest.approx(mu.mean(), rel=0.01)
    curve = next(t for t in fig.data if t.line.shape == "hvh")
    at = int(np.flatnonzero(np.asarray(curve.x) == 37)[0])
    assert curve.y[at] == pytest.approx(poisson.pmf(37, mu).mean(), rel=1e-4)
    observed = named(fig, "observed: 40 events")[0]
    assert set(observed.x) == {40.0} and observed.line.dash is None
    low, middle, high = np.quantile(mu, [0.05, 0.5, 0.95])
    assert f"μ = {middle:.1f} ({low:.1f} to {high:.1f})" in words(fig)
    assert f"P(N ≥ 40) = {poisson.sf(39, mu).mean():.2f}" in words(fig)


def test_the_predictive_is_wider_than_the_posterior():
    mu = np.full(100, 50.0)
    counts = np.arange(200)
    chance = predictive(mu, counts)
    assert chance.sum() == pytest.approx(1) and (chance * counts).sum() == pytest.approx(50)
    np.testing.assert_allclose(chance, poisson.pmf(counts, 50), atol=1e-12)


def test_the_number_of_another_truth_is_dashed():
    dt = fake_population(draws=50)
    dt["constant_data"]["true_expected_number"] = 44.0
    truth = named(expected_observed({"run": dt}), "truth")[0]
    assert set(truth.x) == {44.0} and truth.line.dash == "6px,4px"


# Events


def test_clouds_are_thinned_evenly_and_every_event_stays():
    dt = fake_population(events=40, rows=[2000, 5, 300], draws=4)
    samples = cloud(dt, MOST_POINTS)
    counts = np.bincount(samples.event, minlength=40)
    assert counts.max() == 100 and counts[1] == 5 and (counts > 0).all()
    assert samples.total == dt["observed_data"].sizes["row"]
    fig = event_masses(dt)
    dots = named(fig, "samples")[0]
    assert f"{len(dots.x):,} of {samples.total:,} samples" == dots.name
    assert len(dots.x) <= MOST_POINTS and dots.type == "scattergl"
    assert dots.text[0] == "event_0"


def test_events_lie_below_the_line_of_equal_masses_with_medians_and_truths(nuts):
    fig = event_masses(nuts)
    line = named(fig, "m<sub>1</sub> = m<sub>2</sub>")[0]
    np.testing.assert_array_equal(line.x, line.y)
    rings = named(fig, "medians of 40 events")[0]
    np.testing.assert_allclose(rings.x, nuts["observed_data/m1_q"].values[:, 1], rtol=1e-6)
    np.testing.assert_allclose(rings.y, nuts["observed_data/m2_q"].values[:, 1], rtol=1e-6)
    truth = named(fig, "truth")[0]
    np.testing.assert_allclose(truth.y, nuts["constant_data/true_m2"].values, rtol=1e-6)
    dots = named(fig, "samples")[0]
    assert (np.asarray(dots.y) <= np.asarray(dots.x)).all()
    assert len(set(dots.marker.color)) == 6
    assert len(mass_ratios(nuts)) == 40


def test_effective_samples_are_sorted_with_their_intervals(nuts):
    dt = nuts.copy(deep=True)
    n_eff = dt["event_diagnostics"]["n_eff"]
    n_eff[:, 11] = 2.5
    fig = event_weights({"run": dt})
    marks = named(fig, "run, 200 draws", "x")[-1]
    middle = np.median(n_eff.values, axis=0)
    np.testing.assert_allclose(marks.y, np.sort(middle), rtol=1e-6)
    assert marks.text[0] == "event_11" and marks.marker.symbol[0] == "circle-open"
    order = np.argsort(middle, kind="stable")
    expected = np.quantile(n_eff.values[:, order], [0.05, 0.5, 0.95], axis=0).T
    np.testing.assert_allclose(marks.customdata, expected, rtol=1e-5)
    assert "1 event below 10" in words(fig) and "event_11 (2.5)" in words(fig)
    evidence = named(fig, "run, 200 draws", "x2")[-1]
    log_evidence = dt["event_diagnostics/log_evidence"].values
    np.testing.assert_allclose(evidence.y, np.median(log_evidence, axis=0)[order], rtol=1e-5)
    rows = named(fig, "all samples")[0]
    np.testing.assert_array_equal(rows.y, dt["observed_data/rows"].values[order])
    limits = [shape.y0 for shape in fig.layout.shapes]
    assert limits == [10]


def test_reweighted_events_move_from_their_own_median(nuts):
    fig = reweighted_events({"run": nuts})
    order = np.argsort(medians(nuts)[:, 0], kind="stable")
    for axis, mass in (("x", "m1"), ("x2", "m2")):
        before = nuts[f"observed_data/{mass}_q"].values[order]
        after = np.quantile(nuts[f"reweighted/{mass}"].values[order], [0.05, 0.5, 0.95], axis=1).T
        bars = named(fig, "own posterior", axis)[0]
        np.testing.assert_allclose(np.asarray(bars.x)[::3], before[:, 0], rtol=1e-6)
        np.testing.assert_allclose(np.asarray(bars.x)[1::3], before[:, 2], rtol=1e-6)
        marks = next(t for t in named(fig, "40 draws an event", axis) if t.mode == "markers")
        np.testing.assert_allclose(marks.x, after[:, 1], rtol=1e-6)
        np.testing.assert_allclose(marks.customdata[:, 0], before[:, 1], rtol=1e-6)
        np.testing.assert_allclose(marks.customdata[:, 1:3], after[:, [0, 2]], rtol=1e-6)
        arrows = [s.removesuffix("-open") for s in marks.marker.symbol]
        moved = after[:, 1] - before[:, 1]
        for arrow, step in zip(arrows, moved, strict=True):
            assert arrow == "circle" or arrow == ("triangle-right" if step > 0 else "triangle-left")
        poor = nuts["reweighted/weights_n_eff"].values[order] < 10
        assert [s.endswith("-open") for s in marks.marker.symbol] == poor.tolist()
        truth = named(fig, "truth", axis)[0]
        expected = nuts[f"constant_data/true_{mass}"].values[order]
        np.testing.assert_allclose(np.asarray(truth.x)[::3], expected, rtol=1e-6)
    assert fig.layout.yaxis.ticktext[0] == f"event_{order[0]}"


# Convergence


def test_traces_show_eight_walkers_of_each_ensemble_and_say_so(runs):
    fig = parameter_traces(runs)
    said = words(fig)
    assert "2 × 30 walkers<br>× 150 draws<br>shown: 16 of 60" in said
    assert "20 × 100 draws<br>shown: 8 of 20" in said and "4 × 200 draws<" in said
    assert "2 × 30 walkers × 150 draws" in words(parameter_traces({"AIES": runs["AIES"]}))
    walkers = [t for t in named(fig, "ensemble") if t.xaxis == "x2"]
    assert len(walkers) == 16
    assert {t.line.color for t in walkers} == {theme.colour(0), theme.colour(1)}
    chains = [t for t in named(fig, "chain") if t.xaxis == "x"]
    assert [t.line.color for t in chains] == [theme.colour(k) for k in range(4)]
    drawn, kept = np.asarray(chains[2].y), np.asarray(chains[2].x)
    values = runs["NUTS"]["posterior/log_rate_0"].values[2]
    np.testing.assert_allclose(drawn, values[kept], rtol=1e-6)
    assert drawn.max() == np.float32(values.max()) and drawn.min() == np.float32(values.min())


def test_lines_are_chosen_evenly_with_ensembles_in_turn():
    np.testing.assert_array_equal(lines(None, 5), np.arange(5))
    assert len(lines(None, 100)) == 8 and lines(None, 100)[-1] == 99
    of = np.repeat([0, 1], 30)
    chosen = lines(of, 60)
    assert of[chosen].tolist() == [0, 1] * 8 and len(set(chosen)) == 16


def test_each_panel_says_its_r_hat_and_its_truth_is_dashed():
    dt = fake_population(draws=60, apart=3.0)
    fig = parameter_traces({"run": dt})
    assert sum("<b>R-hat" in str(note.text) for note in fig.layout.annotations) == 5
    dashed = named(fig, "truth")
    levels = [float(t.y[0]) for t in dashed]
    names = [n for n in dt["posterior"].data_vars]
    np.testing.assert_allclose(levels, [TRUTH[stem(n)][0] for n in names], rtol=1e-6)
    assert "log density<br>(nats)" in words(fig)


def test_a_chain_far_from_the_others_is_in_sight():
    dt = fake_population(draws=500)
    dt["posterior"]["mmax_pl_0"][3, 77] = 99.0
    fig = parameter_traces({"run": dt})
    assert fig.layout.yaxis5.range[1] > 99


def test_evolution_ends_at_the_score_of_the_run(runs):
    for dt in runs.values():
        grown, found = evolve(dt), score("", dt)
        assert len(grown.size) == 10 and grown.size[-1] == dt["posterior"].sizes["draw"]
        assert grown.r_hat[-1].max() == found.r_hat
        assert grown.ess_bulk[-1].min() == found.ess_bulk
        assert grown.ess_tail[-1].min() == found.ess_tail
        np.testing.assert_equal(grown.between[-1], found.r_hat_ensembles)
    fig = evolution(runs)
    thick = [t for t in fig.data if t.mode == "lines+markers"]
    assert [t.line.color for t in thick[::3]] == [theme.colour(k) for k in range(3)]
    found = evolve(runs["NUTS"])
    np.testing.assert_allclose(thick[0].customdata, found.r_hat.max(1), rtol=1e-6)
    np.testing.assert_allclose(thick[1].y, found.ess_bulk.min(1), rtol=1e-6)
    np.testing.assert_array_equal(thick[0].x, found.size)
    assert [round(shape.y0, 4) for shape in fig.layout.shapes] == [0.01, 400, 400]
    assert len(named(fig, "between ensembles")) == 1


def test_a_run_of_part_of_the_draws_has_the_same_diagnostics():
    whole = fake_population(draws=100)
    part = whole.copy()
    part["posterior"] = whole["posterior"].to_dataset().isel(draw=slice(50))
    assert evolve(whole).r_hat[4].max() == score("", part).r_hat
    few = evolution({"run": fake_population(draws=7)})
    assert "eight a chain are needed" in words(few)


def test_acceptance_of_flowmc_by_kernel_through_training_and_production(runs):
    dt = runs["flowMC"]
    found, before = series(dt)
    assert before == 400 and [one.name for one in found] == ["local", "global"]
    for one in found:
        parts = [dt[f"{group}/{one.name}_acceptance"] for group in ("training", "sample_stats")]
        values = np.concatenate([part.values for part in parts], axis=1)
        stepped = np.isfinite(values).any(0)
        assert one.at.min() > 1 and one.at.max() <= 500
        first = np.flatnonzero(stepped)
        bins = np.arange(500) * 80 // 500
        mine = first[bins[first] == bins[first[0]]]
        assert one.mean[0] == pytest.approx(np.nanmean(values[:, mine]))
    fig = acceptance({"flow": dt})
    loss = [t for t in fig.data if t.xaxis == "x2"][0]
    np.testing.assert_allclose(loss.y, dt["training/loss"].values, rtol=1e-6)
    local = float(np.nanmean(dt["sample_stats/local_acceptance"]))
    assert f"local {local:.2f}" in words(fig) and "training" in words(fig)
    assert 0.05 in [shape.y0 for shape in fig.layout.shapes]


def test_acceptance_of_an_ensemble_and_depth_of_trees(runs):
    found, before = series(runs["AIES"])
    assert [one.name for one in found] == ["ensemble 1", "ensemble 2"] and before == 0
    rate = runs["AIES"]["sample_stats/acceptance_rate"].values
    assert found[1].mean.mean() == pytest.approx(rate[30:].mean(), abs=0.01)
    stuck = fake_population(apart=2.0)
    fig = acceptance({"run": stuck})
    bars = [t for t in fig.data if t.type == "bar"][0]
    depth = stuck["sample_stats/tree_depth"].values
    np.testing.assert_allclose(bars.y, np.bincount(depth.ravel()) / depth.size, rtol=1e-6)
    reached = float(stuck["sample_stats/reached_max_treedepth"].mean())
    assert f"{reached:.1%} reached" in words(fig)


# Sensitivity


def test_sensitivity_is_drawn_where_masses_are_in_order():
    m = np.linspace(5, 100, 50)
    log_vt = np.log(m[:, None] * m)
    log_vt[3, 40] = -np.inf
    fig = mass_sensitivity(m, m, log_vt, events=np.array([[30.0, 20.0]]))
    heat = next(t for t in fig.data if t.type == "heatmap")
    z = np.asarray(heat.z)
    assert np.isnan(z[20, 10]) and np.isnan(z[3, 40])
    assert z[10, 20] == pytest.approx(log_vt[10, 20], rel=1e-6)
    assert heat.zmax == pytest.approx(log_vt.max())
    assert named(fig, "medians of 1 event")[0].x[0] == 30
    assert "Gpc³ yr" in heat.colorbar.title.text
    contour = next(t for t in fig.data if t.type == "contour")
    assert (contour.contours.end - contour.contours.start) / contour.contours.size <= 9
    large = mass_sensitivity(np.linspace(1, 9, 900), m, np.zeros((50, 900)) + m[:, None])
    assert np.asarray(large.data[0].z).shape == (50, 160)


def test_sensitivity_says_what_does_not_fit():
    m = np.linspace(5, 100, 50)
    with pytest.raises(ValueError, match=r"shape \(50, 20\), got \(20, 50\)"):
        mass_sensitivity(m[:20], m, np.zeros((20, 50)))
    nothing = mass_sensitivity(m, m, np.full((50, 50), np.nan))
    assert not nothing.data and "no sensitivity" in words(nothing)
    flat = mass_sensitivity(m, m, np.zeros((50, 50)), dark=True)
    assert [t.type for t in flat.data] == ["heatmap", "scatter", "scatter"]
