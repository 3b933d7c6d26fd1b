"""The quadrature against dense grids over joint Gaussians with their full covariance."""

import json
import time

import numpy as np
import pytest
from scipy import stats

from hbdash.data import SCENES, Example, GroupData, Scene, from_estimates, from_rows, load
from hbdash.exact import normal_means as exact
from hbdash.priors import Prior

TRUTH = {"weak": (1.13218, 1.04213), "strong": (1.31974, 0.25509), "unbalanced": (1.26967, 0.40577)}


def prior(dist: str, **parameters: float) -> Prior:
    return Prior.model_validate({"dist": dist} | parameters)


NORMAL, HALF = prior("Normal", loc=0, scale=5), prior("HalfNormal", scale=5)
TAU = {
    "HalfNormal": (HALF, stats.halfnorm(scale=5)),
    "HalfCauchy": (prior("HalfCauchy", scale=2), stats.halfcauchy(scale=2)),
    "Exponential": (prior("Exponential", rate=0.5), stats.expon(scale=2)),
    "LogNormal": (prior("LogNormal", loc=0.5, scale=0.7), stats.lognorm(0.7, scale=np.exp(0.5))),
    "Gamma": (prior("Gamma", concentration=0.5, rate=1), stats.gamma(0.5)),
    "InverseGamma": (
        prior("InverseGamma", concentration=3, rate=2),
        stats.invgamma(3, scale=2),
    ),
    "Uniform": (prior("Uniform", low=0, high=10), stats.uniform(0, 10)),
    "Uniform above 0": (prior("Uniform", low=0.5, high=3), stats.uniform(0.5, 2.5)),
}


def groups(k: int) -> GroupData:
    rng = np.random.default_rng(k)
    names = tuple(str(i) for i in range(k))
    return from_estimates(names, rng.normal(2, 3, k), rng.uniform(0.3, 4, k))


def rows(*n: int, sigma: float | None = None) -> GroupData:
    rng = np.random.default_rng(len(n))
    index = np.repeat(np.arange(len(n)), n)
    values = rng.normal(2 + index % 4, 1.5)
    return from_rows(index, values, tuple(str(i) for i in range(len(n))), sigma)


def line(low: float, high: float, panels: int) -> tuple[np.ndarray, np.ndarray]:
    x, w = np.polynomial.legendre.leggauss(8)
    edges = np.linspace(low, high, panels + 1)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel()


def moments(weights, mean, variance: float | np.ndarray = 0.0):
    centre = weights @ mean
    return centre, np.sqrt(weights @ (variance + (mean - centre) ** 2))


def gaussian(y, noise, tau, scale=5.0):
    """Log density of y, and mean and covariance of (mu, theta) given y, by one big matrix."""
    k = len(y)
    joint = np.full((k + 1, k + 1), scale**2) + np.diag([0.0] + [tau**2] * k)
    marginal = joint[1:, 1:] + np.diag(noise)
    gain = np.linalg.solve(marginal, joint[1:]).T
    height = -0.5 * (np.linalg.slogdet(2 * np.pi * marginal)[1] + y @ np.linalg.solve(marginal, y))
    return height, gain @ y, joint - gain @ joint[1:]


def brute(data: GroupData, law, low: float, high: float, panels: int = 150):
    """Moments under a Normal(0, 5) prior on mu, tau's prior a frozen scipy distribution."""
    u, w = line(max(low, np.log(max(law.support()[0], 1e-300))), high, panels)
    given = [gaussian(data.mean, data.standard_error**2, tau) for tau in np.exp(u)]
    height = np.array([g[0] for g in given]) + law.logpdf(np.exp(u)) + u
    weights = w * np.exp(height - height.max())
    evidence = height.max() + np.log(weights.sum())
    mean, variance = np.array([g[1] for g in given]), np.array([np.diag(g[2]) for g in given])
    return u, weights / weights.sum(), mean, variance, evidence


def check(found, site, mean, sd, rel=1e-8):
    assert found[site]["mean"] == pytest.approx(mean, rel=rel, abs=1e-9)
    assert found[site]["sd"] == pytest.approx(sd, rel=rel)


@pytest.mark.parametrize("name", SCENES)
def test_study(name):
    start = time.perf_counter()
    post = exact.posterior(load(Scene(name=name)), {"mu": NORMAL, "tau": HALF})
    found = exact.summary(post)
    print(f"{name}: {1e3 * (time.perf_counter() - start):.1f} ms, {post.weights.shape} nodes")
    mean, sd = TRUTH[name]
    assert found["log_tau"]["mean"] == pytest.approx(mean, abs=6e-6)
    assert found["log_tau"]["sd"] == pytest.approx(sd, abs=6e-6)
    assert post.weights.sum() == pytest.approx(1)
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("family", TAU)
@pytest.mark.parametrize("k", [1, 2, 8])
def test_known_sigma(family, k):
    data = load(Example()) if k == 8 else groups(k)
    ours, law = TAU[family]
    post = exact.posterior(data, {"mu": NORMAL, "tau": ours})
    found = exact.summary(post, (0.01, 0.5, 0.99))
    high = np.log(law.support()[1]) if np.isfinite(law.support()[1]) else 28
    u, weights, mean, variance, evidence = brute(
        data, law, -95 if family == "Gamma" else -46, high, 200
    )
    check(found, "log_tau", *moments(weights, u))
    check(found, "mu", *moments(weights, mean[:, 0], variance[:, 0]))
    if k > 1 or family != "HalfCauchy":
        check(found, "tau", *moments(weights, np.exp(u)), rel=1e-7)
    theta_mean, theta_sd = moments(weights, mean[:, 1:], variance[:, 1:])
    np.testing.assert_allclose(found["theta"]["mean"], theta_mean, 1e-8)
    np.testing.assert_allclose(found["theta"]["sd"], theta_sd, 1e-8)
    noise = data.standard_error**2
    pooled = weights @ (noise / (noise + np.exp(2 * u)[:, None]))
    np.testing.assert_allclose(found["shrinkage"], pooled, 1e-8)
    assert post.log_evidence == pytest.approx(evidence, abs=1e-8)
    for q, at in found["mu"]["quantiles"].items():
        below = weights @ stats.norm.cdf(at, mean[:, 0], np.sqrt(variance[:, 0]))
        assert below == pytest.approx(float(q), abs=1e-9)
    axis, density = post.marginal(0)
    for q, at in found["log_tau"]["quantiles"].items():
        assert np.exp(at) == pytest.approx(found["tau"]["quantiles"][q])
        below, w = line(axis.edges[0], at, 100)
        assert w @ axis.interpolate(density, below) == pytest.approx(float(q), abs=1e-9)


def test_many_groups():
    data = groups(200)
    found = exact.summary(exact.posterior(data, {"mu": NORMAL, "tau": HALF}))
    u, weights, mean, variance, _ = brute(data, TAU["HalfNormal"][1], 0.2, 2.0, 8)
    check(found, "log_tau", *moments(weights, u))
    check(found, "mu", *moments(weights, mean[:, 0], variance[:, 0]))
    theta_mean, theta_sd = moments(weights, mean[:, 1:], variance[:, 1:])
    np.testing.assert_allclose(found["theta"]["mean"], theta_mean, 1e-8)
    np.testing.assert_allclose(found["theta"]["sd"], theta_sd, 1e-8)


@pytest.mark.parametrize(
    "data, low",
    [(rows(1, 2, 4), -6), (rows(3, 3), -6), (rows(1, 1, 1, 1), -44), (rows(1, 2, 3, 4, 5, 6), -4)],
    ids=["unequal", "balanced", "one row a group", "many sizes"],
)
def test_unknown_sigma(data, low):
    """Row by row: Normal with covariance 25 + tau^2 within groups + sigma^2 on the diagonal."""
    priors = {"mu": NORMAL, "tau": HALF, "sigma": prior("Gamma", concentration=2, rate=1)}
    post = exact.posterior(data, priors)
    found = exact.summary(post)
    (u, wu), (v, wv) = line(-44, 4, 48), line(low, 4.5, 64 if low < -9 else 20)
    same = (data.index[:, None] == data.index).astype(float)
    u2, v2 = np.meshgrid(u, v, indexing="ij")
    possible = np.maximum(u2, v2) > -8  # else the rows could not differ, nor the matrix be inverted
    u2, v2 = u2[possible], v2[possible]
    covariance = 25 + np.exp(2 * u2)[:, None, None] * same
    covariance += np.exp(2 * v2)[:, None, None] * np.eye(len(same))
    factor = np.linalg.cholesky(covariance)
    z = np.linalg.solve(factor, np.broadcast_to(data.values, (len(u2), len(same)))[..., None])
    height = -0.5 * (z**2).sum((1, 2)) - np.log(np.diagonal(factor, 0, 1, 2)).sum(1)
    height += stats.halfnorm(scale=5).logpdf(np.exp(u2)) + u2 + stats.gamma(2).logpdf(np.exp(v2))
    height += v2 - 0.5 * len(same) * np.log(2 * np.pi)
    weights = np.outer(wu, wv)[possible] * np.exp(height - height.max())
    assert post.log_evidence == pytest.approx(height.max() + np.log(weights.sum()), abs=1e-8)
    weights /= weights.sum()
    check(found, "log_tau", *moments(weights, u2), rel=1e-7)
    check(found, "tau", *moments(weights, np.exp(u2)), rel=1e-7)
    check(found, "sigma", *moments(weights, np.exp(v2)), rel=1e-7)
    of_mu = np.full(len(same), 25.0)
    gain = np.linalg.solve(covariance, np.broadcast_to(of_mu, (len(u2), len(same)))[..., None])
    gain = gain[..., 0]
    check(found, "mu", *moments(weights, gain @ data.values, 25 - gain @ of_mu), rel=1e-7)
    first = 25 + np.exp(2 * u2)[:, None] * same[0]
    gain = np.linalg.solve(covariance, first[..., None])[..., 0]
    variance = 25 + np.exp(2 * u2) - (gain * first).sum(1)
    mean, sd = moments(weights, gain @ data.values, variance)
    assert found["theta"]["mean"][0] == pytest.approx(mean, rel=1e-7)
    assert found["theta"]["sd"][0] == pytest.approx(sd, rel=1e-7)


def test_sums_from_the_spline_agree():
    data = rows(*range(1, 13))
    post = exact.posterior(data, {"mu": NORMAL, "tau": HALF, "sigma": HALF})
    x = np.linspace(-60, 60, 999)
    table = post.model._table
    spline = np.moveaxis(table(np.clip(x, table.t[0], table.t[-1])), -1, 0)
    np.testing.assert_allclose(spline, post.model._direct(x), 1e-10, 1e-12)


@pytest.mark.parametrize(
    "data", [load(Scene(name="unbalanced")), rows(1, 3, 5)], ids=["1-D", "2-D"]
)
def test_units_do_not_matter(data):
    stretch, shift = 1e-3, 50.0
    moved = from_rows(
        data.index,
        stretch * data.values + shift,
        data.names,
        None if data.sigma is None else stretch * data.sigma[0],
    )
    scales = {"tau", "sigma"} if data.sigma is None else {"tau"}
    one = exact.posterior(data, {"mu": NORMAL} | {site: HALF for site in scales})
    half = prior("HalfNormal", scale=5 * stretch)
    mu = prior("Normal", loc=shift, scale=5 * stretch)
    two = exact.posterior(moved, {"mu": mu} | {site: half for site in scales})
    a, b = exact.summary(one), exact.summary(two)
    for site in scales:
        check(b, site, stretch * a[site]["mean"], stretch * a[site]["sd"])
    check(b, "mu", shift + stretch * a["mu"]["mean"], stretch * a["mu"]["sd"])
    np.testing.assert_allclose(b["theta"]["sd"], stretch * np.array(a["theta"]["sd"]), 1e-8)
    expected = one.log_evidence - data.n.sum() * np.log(stretch)
    assert two.log_evidence == pytest.approx(expected, rel=1e-8)


def test_same_posterior_with_and_without_a_certain_sigma():
    data, known = rows(2, 3, 7), rows(2, 3, 7, sigma=1.5)
    certain = prior("LogNormal", loc=float(np.log(1.5)), scale=1e-5)
    a = exact.summary(exact.posterior(data, {"mu": NORMAL, "tau": HALF, "sigma": certain}))
    b = exact.summary(exact.posterior(known, {"mu": NORMAL, "tau": HALF}))
    check(a, "log_tau", b["log_tau"]["mean"], b["log_tau"]["sd"], rel=1e-6)
    np.testing.assert_allclose(a["theta"]["sd"], b["theta"]["sd"], 1e-6)
    assert a["log_evidence"] == pytest.approx(b["log_evidence"], abs=1e-6)


def test_moments_that_do_not_exist_are_missing():
    one = groups(1)
    found = exact.summary(exact.posterior(one, {"mu": NORMAL, "tau": TAU["HalfCauchy"][0]}))
    assert found["tau"]["mean"] is not None  # the tail is tau^-3 once the row is in
    assert found["tau"]["sd"] is None and found["log_tau"]["sd"] is not None
    heavy = prior("InverseGamma", concentration=1e-6, rate=1)
    post = exact.posterior(one, {"mu": NORMAL, "tau": heavy})
    assert exact.summary(post)["tau"]["mean"] is None
    assert np.isnan(exact.grids(post).attrs["tau_mean"])
    json.dumps(exact.summary(post), allow_nan=False)
    heavy = prior("InverseGamma", concentration=0.1, rate=1)
    both = exact.posterior(rows(1), {"mu": NORMAL, "tau": heavy, "sigma": heavy})
    assert exact.summary(both)["theta"]["sd"] == [None]


@pytest.mark.parametrize("unknown", [False, True])
def test_densities(unknown):
    data = rows(1, 4, 9) if unknown else load(Example())
    k = len(data.names)
    post = exact.posterior(data, {"mu": NORMAL, "tau": HALF} | ({"sigma": HALF} if unknown else {}))
    drawn = exact.grids(post, effects=True)
    for site in ("mu", "tau", "log_tau", *(["sigma"] if unknown else [])):
        assert (
            drawn[f"{site}_density"].dims == (f"{site}_grid",) and len(drawn[f"{site}_grid"]) == 400
        )
        assert drawn[f"{site}_density"].integrate(f"{site}_grid") == pytest.approx(0.999, abs=1e-4)
        assert f"{site}_mean" in drawn.attrs and f"{site}_sd" in drawn.attrs
    plane = drawn["mu_log_tau_density"]
    assert plane.dims == ("log_tau_coarse", "mu_coarse") and plane.shape == (80, 80)
    assert plane.integrate(["mu_coarse", "log_tau_coarse"]) == pytest.approx(0.998, abs=1e-3)
    assert drawn["theta_density"].dims == ("group", "log_tau_coarse", "cell")
    assert drawn["theta_density"].shape == (k, 80, 80) and drawn["theta_grid"].shape == (k, 80)
    cells = drawn["theta_grid"].to_numpy()
    of_theta = np.trapezoid(drawn["theta_density"].to_numpy(), drawn["log_tau_coarse"], axis=1)
    np.testing.assert_allclose(np.trapezoid(of_theta, cells), 0.997, atol=2e-3)
    mean = np.trapezoid(of_theta * cells, cells) / np.trapezoid(of_theta, cells)
    sd = np.sqrt(np.trapezoid(of_theta * (cells - mean[:, None]) ** 2, cells))
    np.testing.assert_allclose(mean, drawn["theta_mean"], atol=0.02 * sd.max())
    np.testing.assert_allclose(sd, drawn["theta_sd"], rtol=0.04)


def test_density_of_the_sampled_coordinate():
    data, c = load(Example()), np.linspace(0, 1, 8)
    post = exact.posterior(data, {"mu": NORMAL, "tau": HALF})
    drawn = exact.grids(post, c, effects=True)
    for row in (20, 50, 75):
        tau = float(np.exp(drawn["log_tau_coarse"][row]))
        _, mean, covariance = gaussian(data.mean, data.standard_error**2, tau)
        for k in range(8):
            line_, cells = (
                drawn["theta_density"][k, row].to_numpy(),
                drawn["theta_grid"][k].to_numpy(),
            )
            turn = np.zeros(9)
            turn[0], turn[k + 1] = c[k] - tau ** (c[k] - 1), tau ** (c[k] - 1)
            shape = stats.norm.pdf(cells, turn @ mean, np.sqrt(turn @ covariance @ turn))
            height = post.marginal(0)[0].interpolate(post.marginal(0)[1], np.log([tau]))
            np.testing.assert_allclose(line_, height * shape, 1e-6, 1e-12)


def test_refusals():
    data = load(Example())
    cauchy = prior("Cauchy", loc=0, scale=1)
    with pytest.raises(
        exact.NoExactAnswer, match="Cauchy prior on mu: the quadrature needs a Norm"
    ):
        exact.posterior(data, {"mu": cauchy, "tau": HALF})
    with pytest.raises(exact.NoExactAnswer, match="Normal prior on tau"):
        exact.posterior(data, {"mu": NORMAL, "tau": NORMAL})
    with pytest.raises(exact.NoExactAnswer, match="low >= 0"):
        exact.posterior(data, {"mu": NORMAL, "tau": prior("Uniform", low=-1, high=1)})
    with pytest.raises(ValueError, match="must hold mu, tau, got mu, sigma, tau"):
        exact.posterior(data, {"mu": NORMAL, "tau": HALF, "sigma": HALF})
    equal = from_rows(np.arange(4), np.ones(4), tuple("abcd"), None)
    with pytest.raises(exact.NoExactAnswer, match="does not fall off"):
        exact.posterior(equal, {"mu": NORMAL, "tau": HALF, "sigma": HALF})
    with pytest.raises(ValueError, match="`centeredness` must"):
        exact.grids(exact.posterior(data, {"mu": NORMAL, "tau": HALF}), np.full(8, 1.5), True)
