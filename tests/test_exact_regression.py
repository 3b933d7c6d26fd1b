"""The quadrature against dense grids over the joint Gaussian of all rows, with its covariance."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import CubicSpline

from hbdash.exact import lattice, solvable
from hbdash.exact.marginal import NoExactAnswer
from hbdash.exact.regression import ExactRegression, posterior
from hbdash.priors import Prior
from hbdash.regression_data import RegressionData, Units, units
from hbdash.regression_sources import Rats, SimulatedLines, load

NAMES = ("mu_intercept", "mu_slope", "log_sigma_intercept", "log_sigma_slope", "log_sigma_noise")


def prior(dist: str, **parameters: float) -> Prior:
    return Prior.model_validate({"dist": dist} | parameters)


def priors(intercept: Prior, slope: Prior, noise: Prior) -> dict[str, Prior]:
    scales = {"sigma_intercept": intercept, "sigma_slope": slope, "sigma_noise": noise}
    return {
        "mu_intercept": prior("Normal", loc=0.5, scale=4),
        "mu_slope": prior("Normal", loc=-0.3, scale=2),
    } | scales


WIDE = prior("HalfCauchy", scale=2)
DEFAULT = priors(WIDE, WIDE, prior("Exponential", rate=1))
NARROW = priors(
    prior("LogNormal", loc=-0.2, scale=0.6),
    prior("LogNormal", loc=-0.7, scale=0.5),
    prior("LogNormal", loc=-0.4, scale=0.4),
)
LAW = {
    "HalfCauchy": lambda p: stats.halfcauchy(scale=p["scale"]),
    "Exponential": lambda p: stats.expon(scale=1 / p["rate"]),
    "LogNormal": lambda p: stats.lognorm(p["scale"], scale=np.exp(p["loc"])),
    "InverseGamma": lambda p: stats.invgamma(p["concentration"], scale=p["rate"]),
    "Uniform": lambda p: stats.uniform(p["low"], p["high"] - p["low"]),
}


def table(*groups: tuple[list[float], list[float]], **about) -> RegressionData:
    """Rows from a list of predictors and a list of responses for each group."""
    index = np.repeat(np.arange(len(groups)), [len(x) for x, _ in groups])
    x, y = (np.concatenate([np.array(g[i], float) for g in groups]) for i in (0, 1))
    names = tuple(f"g{k}" for k in range(len(groups)))
    mask = np.ones((len(groups), 1), bool)
    about = {"units": Units(np.zeros(1), np.ones(1))} | about
    return RegressionData(names, ("x",), index, x[:, None], y, mask, **about)


ORDINARY = table(
    ([-1.0, 0.3, 1.2], [0.1, 1.0, 2.2]),
    ([0.5, 2.0], [2.2, 3.9]),
    ([-0.4, 1.1, 1.9], [-1.0, 0.2, 0.1]),
)
#: A group of one row, one whose predictor does not vary, and one whose predictor is 0.
DEFICIENT = table(
    ([1.5], [2.0]),
    ([0.7, 0.7], [1.1, 0.4]),
    ([0.0, 0.0], [-0.5, 0.3]),
    ([-1.0, 1.0], [0.0, 1.5]),
)
ONE_GROUP = table(([-1.0, 0.0, 1.0, 2.5], [0.3, 0.5, 2.0, 2.2]))
FAR = table(([101.0, 103.0], [3.0, 4.1]), ([102.0, 104.0, 105.0], [1.0, 2.2, 2.6]))


def brute(data: RegressionData, given: dict[str, Prior], axes: list[tuple[float, float, int]]):
    """Integrate over a tensor of log scales with all rows jointly Gaussian, in model units.

    Returns the nodes, weights, log evidence, and conditional means (N, 2 + 2K) and covariances of
    both population means and all lines.
    """
    index, x, y = data.rows
    x, groups = x[:, 0], len(data.names)
    lines = [np.linspace(low, high, many) for low, high, many in axes]
    points = np.stack([g.ravel() for g in np.meshgrid(*lines, indexing="ij")], 1)
    weights = np.ones(len(points)) * np.prod([line[1] - line[0] for line in lines])
    for u, line in zip(points.T, lines, strict=True):  # the trapezoid's ends, for hard ends
        weights[(u == line[0]) | (u == line[-1])] /= 2
    a, b, s = np.exp(2 * points).T[:, :, None, None]
    loc = np.array([given[m].parameters["loc"] for m in ("mu_intercept", "mu_slope")])
    pa, pb = (given[m].parameters["scale"] ** 2 for m in ("mu_intercept", "mu_slope"))
    # Coefficients are mu_intercept, mu_slope, intercepts, slopes.
    mean = np.concatenate([loc, np.repeat(loc, groups)])
    size = 2 + 2 * groups
    covariance = np.zeros((len(points), size, size))
    first, second = np.r_[0, 2 : 2 + groups], np.r_[1, 2 + groups : size]
    covariance[:, first[:, None], first] = pa
    covariance[:, second[:, None], second] = pb
    for k in range(groups):
        covariance[:, 2 + k, 2 + k] += a[:, 0, 0]
        covariance[:, 2 + groups + k, 2 + groups + k] += b[:, 0, 0]
    design = np.zeros((len(y), size))
    design[np.arange(len(y)), 2 + index] = 1.0
    design[np.arange(len(y)), 2 + groups + index] = x
    cross = covariance @ design.T
    rows = design @ cross + s * np.eye(len(y))
    away = y - design @ mean
    solved = np.linalg.solve(rows, np.broadcast_to(away[:, None], (len(points), len(y), 1)))
    height = -0.5 * (
        len(y) * np.log(2 * np.pi) + np.linalg.slogdet(rows)[1] + (away @ solved)[:, 0]
    )
    for name, u in zip(("sigma_intercept", "sigma_slope", "sigma_noise"), points.T, strict=True):
        law = LAW[given[name].dist](given[name].parameters)
        height = height + law.logpdf(np.exp(u)) + u
    weights = weights * np.exp(height - height.max())
    evidence = height.max() + np.log(weights.sum())
    conditional = mean + (cross @ solved)[..., 0]
    left = covariance - cross @ np.linalg.solve(rows, cross.transpose(0, 2, 1))
    return points, weights / weights.sum(), evidence, conditional, left


def moments(weights, mean, variance: float | np.ndarray = 0.0):
    centre = weights @ mean
    return centre, np.sqrt(weights @ (variance + (mean - centre) ** 2))


def agree(post: ExactRegression, found, tolerance: float) -> None:
    points, weights, evidence, mean, covariance = found
    variance = np.einsum("nii->ni", covariance)
    expected, sd = moments(weights, np.concatenate([mean[:, :2], points], 1), np.concatenate(
        [variance[:, :2], 0 * points], 1
    ))  # fmt: skip
    np.testing.assert_allclose([post.means[n] for n in NAMES], expected, atol=tolerance * sd.min())
    np.testing.assert_allclose([post.sds[n] for n in NAMES], sd, rtol=5 * tolerance)
    assert post.log_evidence == pytest.approx(evidence, abs=tolerance)
    effects, spread = moments(weights, mean[:, 2:], variance[:, 2:])
    levels = [post.effect_moments(i) for i in (0, 1)]
    np.testing.assert_allclose(
        np.concatenate([m for m, _ in levels]), effects, atol=3 * tolerance + 3e-5 * spread.min()
    )
    np.testing.assert_allclose(np.concatenate([s for _, s in levels]), spread, rtol=1e-4)


BOX = [(-4.0, 3.6, 27), (-4.0, 2.6, 27), (-3.0, 2.2, 31)]


@pytest.mark.parametrize(
    "data", [ORDINARY, DEFICIENT, ONE_GROUP, FAR], ids=["ordinary", "deficient", "one group", "far"]
)
def test_a_dense_grid_over_the_joint_gaussian_agrees(data):
    agree(posterior(data, NARROW), brute(data, NARROW, BOX), 1e-6)


def test_scales_that_reach_down_to_zero_agree():
    axes = [(-16.0, 9.0, 61), (-16.0, 7.0, 57), (-4.0, 2.8, 35)]
    data = table(([-1.0, 0.3, 1.2], [0.1, 1.0, 2.2]), ([0.5, 2.0, -0.5, 0.1], [0.9, 1.9, 0.2, 0.4]))
    agree(posterior(data, DEFAULT), brute(data, DEFAULT, axes), 3e-5)


def test_heavy_and_bounded_scales_agree():
    given = priors(
        prior("Uniform", low=0.2, high=3),
        prior("InverseGamma", concentration=3, rate=2),
        prior("Uniform", low=0.3, high=0.9),
    )
    first, last = np.log([0.2, 3]) + [1e-9, -1e-9], np.log([0.3, 0.9]) + [1e-9, -1e-9]
    fine = [(*first, 241), (-3.0, 5.0, 31), (*last, 61)]
    # At hard ends the trapezoid's error goes as the square of its steps.
    rough = [(*first, 121), fine[1], (*last, 31)]
    parts = [brute(ONE_GROUP, given, axes) for axes in (fine, rough)]
    found = []
    for points, weights, evidence, mean, _ in parts:
        found.append(np.r_[weights @ mean[:, :2], weights @ points, evidence])
    expected = (4 * found[0] - found[1]) / 3
    post = posterior(ONE_GROUP, given)
    given_means = [post.means[n] for n in NAMES]
    np.testing.assert_allclose([*given_means, post.log_evidence], expected, atol=2e-5)


def test_published_numbers_of_the_rats():
    post = posterior(load(Rats()), DEFAULT)
    # Gelfand and others (1990) and the BUGS examples: 6.186 per day, 242.7 at day 22, noise 6.1.
    assert post.means["mu_slope"] == pytest.approx(6.186, abs=0.01)
    assert post.means["mu_intercept"] == pytest.approx(242.65, abs=0.2)
    assert post.summary()["sigma_noise"]["mean"] == pytest.approx(6.1, abs=0.05)


def test_units_of_the_model_change_nothing_but_the_priors_words():
    data, unit, y_unit = ORDINARY, 2.5, 7.0
    scaled = replace(data, units=Units(np.zeros(1), np.array([unit]), 1.5, y_unit))
    moved = priors(
        prior("LogNormal", loc=-0.2 - np.log(y_unit), scale=0.6),
        prior("LogNormal", loc=-0.7 - np.log(y_unit / unit), scale=0.5),
        prior("LogNormal", loc=-0.4 - np.log(y_unit), scale=0.4),
    ) | {
        "mu_intercept": prior("Normal", loc=(0.5 - 1.5) / y_unit, scale=4 / y_unit),
        "mu_slope": prior("Normal", loc=-0.3 * unit / y_unit, scale=2 * unit / y_unit),
    }
    one, two = posterior(data, NARROW), posterior(scaled, moved)
    assert two.means == pytest.approx(one.means, abs=1e-7)
    assert two.sds == pytest.approx(one.sds, rel=1e-6)
    assert two.log_evidence == pytest.approx(one.log_evidence, abs=1e-8)
    for name in ("intercept", "slope"):
        for moment in ("mean", "sd"):
            np.testing.assert_allclose(
                two.summary()[name][moment], one.summary()[name][moment], atol=1e-4
            )
        pictures = one.level(name, effects=True), two.level(name, effects=True)
        for variable in ("mu_density", "log_tau_density", "tau_density", "sigma_density"):
            np.testing.assert_allclose(*(p[variable] for p in pictures), rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(*(p["theta_grid"] for p in pictures), atol=1e-3)
        height = float(pictures[0]["theta_density"].max())
        np.testing.assert_allclose(*(p["theta_density"] for p in pictures), atol=2e-3 * height)


def test_centred_predictors_are_predictors_moved():
    moved = replace(ORDINARY, x=ORDINARY.x + 1e4, units=Units(np.array([1e4]), np.ones(1)))
    one, two = posterior(ORDINARY, NARROW), posterior(moved, NARROW)
    assert two.means == pytest.approx(one.means, abs=1e-7)
    assert two.log_evidence == pytest.approx(one.log_evidence, abs=1e-7)


def test_the_order_of_rows_and_an_empty_group_change_nothing():
    order = np.random.default_rng(1).permutation(len(ORDINARY.y))
    shuffled = replace(
        ORDINARY, index=ORDINARY.index[order], x=ORDINARY.x[order], y=ORDINARY.y[order]
    )
    one = posterior(ORDINARY, NARROW)
    assert posterior(shuffled, NARROW).means == pytest.approx(one.means, abs=1e-8)
    empty = replace(ORDINARY, names=(*ORDINARY.names, "new"), mask=np.ones((4, 1), bool))
    two = posterior(empty, NARROW)
    assert two.means == pytest.approx(one.means, abs=1e-8)
    # What is known of a group without rows is the population: mean of mu, variance of mu + tau^2.
    tau = two.summary()["sigma_slope"]
    mean, sd = (a[3] for a in two.effect_moments(1))
    assert mean == pytest.approx(two.means["mu_slope"], abs=1e-4)
    total = two.sds["mu_slope"] ** 2 + tau["mean"] ** 2 + tau["sd"] ** 2
    assert sd == pytest.approx(np.sqrt(total), rel=1e-4)


def test_many_rows_give_least_squares():
    data = load(SimulatedLines(n=(3000,) * 40, seed=3))
    post, fits = posterior(data, DEFAULT), data.fits
    s = data.statistics
    for level, (raw, error) in enumerate(
        ((fits.intercept, fits.intercept_error), (fits.weights[:, 0], fits.weight_errors[:, 0]))
    ):
        mean, sd = post.effect_moments(level)
        assert np.abs((mean - raw) / error).max() < 0.15
        np.testing.assert_allclose(sd, error, rtol=0.01)
        # The population is seen as if through the least-squares lines.
        site = ("mu_intercept", "mu_slope")[level]
        assert post.means[site] == pytest.approx(raw.mean(), abs=0.02)
        assert post.sds[site] == pytest.approx(raw.std(ddof=1) / np.sqrt(40), rel=0.06)
    free = s.n.sum() - 80
    assert post.means["log_sigma_noise"] == pytest.approx(
        0.5 * np.log(s.ss.sum() / free), abs=0.1 / np.sqrt(2 * free)
    )


@pytest.mark.parametrize(
    ("spec", "limit"),
    [(SimulatedLines(), 1.0), (Rats(), 1.0), (SimulatedLines(n=(100,) * 1000), 4.0)],
    ids=["8 x 40", "rats", "1,000 x 100"],
)
def test_it_takes_less_than_some_seconds(spec, limit):
    data = load(spec)
    begin = time.thread_time()
    found = posterior(data, DEFAULT).means
    assert time.thread_time() - begin < limit
    assert all(np.isfinite(v) for v in found.values())


def test_a_finer_lattice_gives_the_same(monkeypatch):
    data = load(SimulatedLines(n=(20,) * 7))
    one = posterior(data, DEFAULT)
    monkeypatch.setattr(lattice, "TOLERANCE", 1e-7)
    monkeypatch.setattr(lattice, "DEPTH", 30.0)
    monkeypatch.setattr(lattice, "_STEP", 0.5)
    two = posterior(data, DEFAULT)
    for name in NAMES:
        assert abs(one.means[name] - two.means[name]) < 1e-6 * two.sds[name]
        assert one.sds[name] == pytest.approx(two.sds[name], rel=1e-6)
    assert one.log_evidence == pytest.approx(two.log_evidence, abs=1e-7)


def test_the_summary_is_json_and_its_quantiles_are_those_of_the_grid():
    post = posterior(ORDINARY, NARROW)
    found = json.loads(json.dumps(post.summary((0.05, 0.5, 0.95))))
    points, weights, _, mean, covariance = brute(ORDINARY, NARROW, BOX)
    for i, name in enumerate(("mu_intercept", "mu_slope")):
        sd = np.sqrt(covariance[:, i, i])
        for p, at in found[name]["quantiles"].items():
            assert weights @ stats.norm.cdf((at - mean[:, i]) / sd) == pytest.approx(
                float(p), abs=2e-5
            )
    for i, name in enumerate(("sigma_intercept", "sigma_slope", "sigma_noise")):
        values = np.exp(points[:, i])
        centre, sd = moments(weights, values)
        assert found[name]["mean"] == pytest.approx(centre, rel=1e-6)
        assert found[name]["sd"] == pytest.approx(sd, rel=1e-5)
        marginal = np.bincount(np.unique(points[:, i], return_inverse=True)[1], weights)
        line = np.unique(points[:, i])
        density = CubicSpline(line, marginal / (line[1] - line[0]))
        for p, at in found[f"log_{name}"]["quantiles"].items():
            assert density.integrate(line[0], at) == pytest.approx(float(p), abs=2e-3)
            assert found[name]["quantiles"][p] == pytest.approx(np.exp(at))


def integral(values: np.ndarray, line: np.ndarray) -> np.ndarray:
    return np.trapezoid(values, line, axis=-1)


@pytest.mark.parametrize("name", ["intercept", "slope"])
def test_densities_are_those_of_the_grid(name):
    post, level = posterior(ORDINARY, NARROW), ("intercept", "slope").index(name)
    grids = post.level(name, effects=True)
    points, weights, _, mean, covariance = brute(ORDINARY, NARROW, BOX)
    for site in ("mu", "tau", "log_tau", "sigma", "log_sigma"):
        line, density = grids[f"{site}_grid"].values, grids[f"{site}_density"].values
        assert integral(density, line) == pytest.approx(0.9999, abs=2e-4)
        assert integral(density * line, line) / 0.999 == pytest.approx(
            grids.attrs[f"{site}_mean"], abs=0.01 * grids.attrs[f"{site}_sd"]
        )
    here = grids["mu_grid"].values[::20, None]
    sd = np.sqrt(covariance[:, level, level])
    expected = stats.norm.pdf((here - mean[:, level]) / sd) / sd @ weights
    np.testing.assert_allclose(grids["mu_density"].values[::20], expected, rtol=1e-3)

    # On the grid's own places of log tau, slices of the joint densities.
    u = np.unique(points[:, level])
    step = u[1] - u[0]
    place = np.argmin(np.abs(u - post.means[f"log_sigma_{name}"]))
    slice_ = points[:, level] == u[place]
    w = weights[slice_] / step
    for variable, cells, at in (
        ("mu_log_tau_density", grids["mu_coarse"].values, level),
        ("theta_density", grids["theta_grid"].values[1], 2 + 3 * level + 1),
    ):
        drawn = grids[variable] if at < 2 else grids[variable][1]
        drawn = np.array(
            [np.interp(u[place], grids["log_tau_coarse"].values, c) for c in drawn.values.T]
        )
        sd = np.sqrt(covariance[slice_, at, at])
        expected = stats.norm.pdf((cells[:, None] - mean[slice_, at]) / sd) / sd @ w
        np.testing.assert_allclose(drawn, expected, atol=0.01 * expected.max())


@pytest.mark.parametrize("name", ["intercept", "slope"])
def test_sampled_coordinates_have_the_grids_moments(name):
    post, level = posterior(ORDINARY, NARROW), ("intercept", "slope").index(name)
    c = np.array([0.0, 0.4, 1.0])
    grids = post.level(name, c, effects=True)
    points, weights, _, mean, covariance = brute(ORDINARY, NARROW, BOX)
    for k, share in enumerate(c):
        at = 2 + 3 * level + k
        factor = np.exp((share - 1) * points[:, level])
        # (theta - mu) tau^(c - 1) + c mu is linear in (mu, theta).
        on_mu = share - factor
        variance = (
            factor**2 * covariance[:, at, at]
            + on_mu**2 * covariance[:, level, level]
            + 2 * factor * on_mu * covariance[:, level, at]
        )
        centre, sd = factor * mean[:, at] + on_mu * mean[:, level], np.sqrt(variance)
        line, density = grids["theta_grid"].values[k], grids["theta_density"].values[k]
        drawn = integral(density.T, grids["log_tau_coarse"].values)
        expected = stats.norm.pdf((line[:, None] - centre) / sd) / sd @ weights
        np.testing.assert_allclose(drawn, expected, atol=0.01 * expected.max())


def test_moments_that_do_not_exist_are_none():
    one = posterior(ONE_GROUP, DEFAULT).summary()
    # A half-Cauchy tail and one group: tau^-3 at infinity.
    assert one["sigma_slope"]["mean"] is not None
    assert one["sigma_slope"]["sd"] is None
    assert one["log_sigma_slope"]["sd"] > 0
    assert posterior(ORDINARY, DEFAULT).summary()["sigma_slope"]["sd"] > 0
    empty = replace(ONE_GROUP, names=("g0", "new"), mask=np.ones((2, 1), bool))
    found = posterior(empty, DEFAULT).summary()["slope"]["sd"]
    assert found[0] > 0
    assert found[1] is None


def test_what_cannot_be_solved_is_refused(monkeypatch):
    def refused(words: str, data: RegressionData = ORDINARY, **changed: Prior) -> None:
        with pytest.raises(NoExactAnswer, match=words):
            posterior(data, NARROW | changed)

    refused("Student-t", nu=prior("Gamma", concentration=2, rate=0.1))
    refused("mu_slope.*Normal", mu_slope=prior("Cauchy", loc=0, scale=1))
    refused("sigma_slope.*HalfNormal", sigma_slope=prior("Normal", loc=0, scale=1))
    refused("low >= 0", sigma_slope=prior("Uniform", low=-1, high=1))
    blank = ORDINARY.x.copy()
    blank[2] = np.nan
    refused("1 are blank", replace(ORDINARY, x=blank, latent=True))
    posterior(replace(ORDINARY, x=blank), NARROW)
    two = replace(
        ORDINARY,
        x=np.tile(ORDINARY.x, 2),
        predictors=("x", "z"),
        mask=np.ones((3, 2), bool),
        units=units(np.tile(ORDINARY.x, 2), ORDINARY.y, "none"),
    )
    refused("one predictor, got 2", two)
    straight = table(([0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]), ([0.0, 1.0, 2.0], [0.0, 2, 4]))
    with pytest.raises(NoExactAnswer, match="lie on a line exactly"):
        posterior(straight, DEFAULT)
    posterior(straight, NARROW)
    monkeypatch.setattr(solvable, "MOST_NODES", 100)
    refused("100 nodes")
    with pytest.raises(ValueError, match="must hold mu_intercept"):
        posterior(ORDINARY, {k: v for k, v in NARROW.items() if k != "mu_slope"})


def test_points_on_one_line_are_refused_where_the_scales_may_be_zero():
    collinear = table(*((x, [1 + 2 * v for v in x]) for x in ([0.0, 1.0], [2.0, 3.0], [4.0, 5.0])))
    with pytest.raises(NoExactAnswer):
        posterior(collinear, DEFAULT)


def test_levels_are_checked():
    post = posterior(ORDINARY, NARROW)
    with pytest.raises(KeyError, match="intercept and slope"):
        post.level("noise")
    with pytest.raises(ValueError, match="3 numbers in"):
        post.level("slope", np.array([0.0, 2.0, 0.0]), effects=True)
