"""Expected numbers against dense integration, closed forms, and their own standard errors."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import truncnorm

from hbdash.population import mass_models, sensitivity
from hbdash.population.component_draws import exponential_quantile
from hbdash.population.expected import expected_number, heat_map, log_vt_of, prepare
from hbdash.population.parameters import Components
from hbdash.population.pmean import Analytic, Constant, Injections, NeuralVT, read_pmean
from hbdash.population.quadrature import gaussian_mean, power_law_mean
from tests.network_files import network_bytes, product_of_roots, signals_bytes

ONE, GAUSS, BOTH = Components(1, 0), Components(0, 1), Components(1, 1)
#: What the document's catalogue is generated from.
TRUTH = {
    "log_rate_0": 4.6, "alpha_pl_0": -1.0, "beta_pl_0": 0.0, "mmin_pl_0": 10.0, "mmax_pl_0": 50.0,
}  # fmt: skip
PEAK = {
    "m1_loc_g_0": 35.0, "m1_scale_g_0": 4.0, "m1_low_g_0": 5.0, "m1_high_g_0": 90.0,
    "m2_loc_g_0": 30.0, "m2_scale_g_0": 5.0,
}  # fmt: skip
TWO = TRUTH | PEAK | {"log_rate_1": 2.0}


# One program, instead of one for each of its operations.
log_densities = jax.jit(mass_models.log_densities, static_argnums=0)


def mu(pmean, components=ONE, params=None):
    shape, design = prepare(pmean, components)
    numbers = {name: np.float64(value) for name, value in (params or TRUTH).items()}
    return tuple(float(value) for value in expected_number(shape, components, numbers, design))


def log_vt(m1, m2):
    """Written out again, in masses."""
    chirp, eta = (m1 * m2) ** 0.6 / (m1 + m2) ** 0.2, m1 * m2 / (m1 + m2) ** 2
    x = np.log(chirp)
    return -12.669 + 2.561 * x - 0.097 * x**2 + 1.142 * np.log(4 * eta)


def rule(low, high, panels):
    """Nodes and weights of Gauss's rule in panels of 10, even in the logarithm."""
    x, w = np.polynomial.legendre.leggauss(10)
    edges = low * (high / low) ** np.linspace(0, 1, panels + 1)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + x)).ravel(), (half * w).ravel()


def dense_mean(alpha, beta, mmin, mmax, vt=lambda m1, m2: np.exp(log_vt(m1, m2))):
    """Mean of VT by Gauss's rule in m1 and q, 40 x 20 panels of 10 x 10 nodes, by plain powers."""

    def integral(exponent, low, high):
        e = exponent + 1
        return np.log(high / low) if e == 0 else (high**e - low**e) / e

    m1, w1 = rule(mmin, mmax, 40)
    inner = []
    for m in m1:
        q, wq = rule(mmin / m, 1.0, 20)
        inner.append(np.sum(wq * q**beta * vt(m, q * m)) / integral(beta, mmin / m, 1.0))
    return np.sum(w1 * m1**-alpha * inner) / integral(-alpha, mmin, mmax)


@pytest.fixture
def network():
    text = json.dumps({"estimator_type": "neural_vt", "filename": "a.hdf5", "time_scale": 3.0})
    return read_pmean(text, "pmean.json", uploads={"a.hdf5": network_bytes(product_of_roots())})


# By quadrature


def test_the_document_s_truth_lets_98_events_expect():
    dense = 248 * np.exp(4.6) * dense_mean(-1.0, 0.0, 10.0, 50.0)
    found, variance = mu(Analytic(time_scale=248.0))
    assert found == pytest.approx(dense, rel=1e-10) and variance == 0
    # The network that the polynomial was fitted to gives 109.1; the fit is good to 0.12 in ln VT.
    assert found == pytest.approx(98.005, abs=1e-3)
    assert abs(np.log(found / 109.13)) < 0.12


@pytest.mark.parametrize(
    "power_law",
    [
        (-5.0, -5.0, 1.0, 100.0),
        (12.0, -5.0, 1.0, 100.0),
        (12.0, 5.0, 20.0, 30.0),
        (5.0, 5.0, 1.0, 30.0),
        (1.0, -1.0, 5.0, 80.0),
        (1.0 + 1e-9, -1.0 - 1e-9, 5.0, 80.0),
        (2.35, 1.1, 4.6, 87.0),
    ],
)
def test_quadrature_is_right_wherever_priors_reach(power_law):
    names = ("alpha_pl_0", "beta_pl_0", "mmin_pl_0", "mmax_pl_0")
    params = {"log_rate_0": 0.0, **dict(zip(names, power_law, strict=True))}
    # Near slopes of -1 plain powers lose digits, which the integrals in logarithms do not.
    rel = 1e-6 if power_law[0] == 1.0 + 1e-9 else 1e-9
    assert mu(Analytic(), ONE, params)[0] == pytest.approx(dense_mean(*power_law), rel=rel)


def test_a_finer_rule_changes_nothing():
    coarse = jax.jit(lambda *p: power_law_mean(sensitivity.analytic, *p, (24, 16)))
    fine = jax.jit(lambda *p: power_law_mean(sensitivity.analytic, *p, (120, 90)))
    rng = np.random.default_rng(0)
    low, high = np.array([-5, -5, 1, 30.0]), np.array([12, 5, 20, 100.0])
    for power_law in rng.uniform(low, high, (100, 4)):
        assert coarse(*power_law) == pytest.approx(float(fine(*power_law)), rel=1e-12)


@pytest.mark.parametrize("steep", [200.0, -200.0, 1e6, -1e6])
def test_however_steep_the_mean_stays_within_the_values_of_vt(steep):
    params = TRUTH | {"alpha_pl_0": steep, "beta_pl_0": -steep, "log_rate_0": 0.0}
    found, _ = mu(Analytic(), ONE, params)
    assert np.exp(log_vt(10, 10)) * (1 - 1e-12) <= found <= np.exp(log_vt(50, 50))


def test_the_densities_of_the_likelihood_are_those_of_the_expected_number():
    m1, w1 = rule(10.0, 50.0, 20)
    q, w = (np.stack(parts) for parts in zip(*(rule(10 / m, 1.0, 10) for m in m1), strict=True))
    m2, area = m1[:, None] * q, (w1 * m1)[:, None] * w
    log_p = log_densities(BOTH, TWO, m1[:, None], m2)[0]
    summed = np.exp(TWO["log_rate_0"]) * np.sum(area * np.exp(log_p + log_vt(m1[:, None], m2)))
    (m1, w1), (m2, w2) = rule(5.0, 90.0, 60), rule(1.0, 90.0, 60)
    log_p = log_densities(BOTH, TWO, m1[:, None], m2)[1]
    gaussian = w1 @ np.exp(log_p + log_vt(m1[:, None], m2)) @ w2
    summed += np.exp(TWO["log_rate_1"]) * gaussian
    assert mu(Analytic(time_scale=7.0), BOTH, TWO)[0] == pytest.approx(7 * summed, rel=1e-8)


def dense_normal(loc, scale, low=-np.inf, high=np.inf, n=60):
    """Nodes and weights of a truncated normal, by panels between quantiles; mass > 0 alone."""
    normal = truncnorm((low - loc) / scale, (high - loc) / scale, loc, scale)
    edges = normal.ppf(np.linspace(1e-13, 1 - 1e-13, n))
    edges = np.unique(np.append(np.clip(edges, 0, None), max(0, edges[-1])))
    x, w = np.polynomial.legendre.leggauss(12)
    half = np.diff(edges)[:, None] / 2
    m = (edges[:-1, None] + half * (1 + x)).ravel()
    return m, (half * w).ravel() * normal.pdf(m)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((35.0, 4.0, 5.0, 90.0), (30.0, 5.0, None, None)),
        ((35.0, 4.0, None, None), (30.0, 5.0, None, 31.0)),
        ((35.0, 4.0, 50.0, 90.0), (30.0, 0.5, 5.0, 28.0)),
        ((10.0, 8.0, None, None), (20.0, 12.0, None, 60.0)),
        ((-3.0, 5.0, None, None), (20.0, 3.0, 2.0, None)),
        ((20.0, 30.0, 15.0, 16.0), (20.0, 1.0, 80.0, None)),
    ],
)
def test_gaussians_against_dense_integration(first, second):
    def bounds(given):
        return [inf if v is None else v for v, inf in zip(given, (0, 0, -np.inf, np.inf), strict=1)]

    (m1, w1), (m2, w2) = dense_normal(*bounds(first)), dense_normal(*bounds(second))
    dense = w1 @ np.exp(log_vt(m1[:, None], m2)) @ w2
    found = gaussian_mean(sensitivity.analytic, first, second)
    assert float(found) == pytest.approx(dense, rel=1e-6)


def test_bounds_that_are_absent_are_bounds_far_away():
    params = {"log_rate_0": 1.0} | PEAK
    far = params | {"m2_low_g_0": -1000.0, "m2_high_g_0": 1000.0}
    assert mu(Analytic(), GAUSS, params)[0] == pytest.approx(mu(Analytic(), GAUSS, far)[0], 1e-12)


def test_a_constant_vt_is_time_times_vt_times_the_rates():
    pmean = Constant(vt=0.25, time_scale=8.0)
    expected = 2 * (np.exp(4.6) + np.exp(2.0))
    assert mu(pmean, BOTH, TWO) == (pytest.approx(expected, rel=1e-9), 0.0)
    assert mu(pmean, ONE) == (pytest.approx(2 * np.exp(4.6), rel=1e-14), 0.0)


def test_mass_below_zero_is_not_detected():
    params = PEAK | {"log_rate_0": 0.0, "m2_loc_g_0": 0.0}
    assert mu(Constant(vt=1.0), GAUSS, params)[0] == pytest.approx(0.5, rel=1e-12)
    half, variance = mu(Analytic(method="monte_carlo", num_samples=20_000), GAUSS, params)
    assert abs(half - mu(Analytic(), GAUSS, params)[0]) < 4 * variance**0.5


# Gradients


def derivatives(pmean, components, params):
    shape, design = prepare(pmean, components)

    def value(params):
        return expected_number(shape, components, params, design)[0]

    return jax.jit(jax.value_and_grad(value)), value


@pytest.mark.parametrize("method", ["quadrature", "monte_carlo"])
def test_gradients_are_those_of_differences(method):
    function, value = derivatives(Analytic(method=method, num_samples=50), BOTH, TWO)
    params = {name: jnp.asarray(given) for name, given in TWO.items()}
    _, gradient = function(params)
    compiled = jax.jit(value)
    for name, given in TWO.items():
        step = 1e-5 * max(1.0, abs(given))
        up, down = (compiled(params | {name: jnp.asarray(given + s)}) for s in (step, -step))
        difference = float(up - down) / (2 * step)
        assert float(gradient[name]) == pytest.approx(difference, rel=2e-6, abs=1e-7), name


EMPTY = [
    {"mmin_pl_0": 50.0, "mmax_pl_0": 50.0},
    {"mmin_pl_0": 60.0},
    {"mmin_pl_0": 0.0},
    {"mmin_pl_0": -3.0},
    {"mmin_pl_0": float("nan")},
    {"alpha_pl_0": float("inf")},
    {"log_rate_0": 1000.0, "mmin_pl_0": 60.0},
]


@pytest.mark.parametrize(
    "pmean",
    [Analytic(), Analytic(method="monte_carlo", num_samples=20, batch_size=7), Constant(vt=1.0)],
)
def test_an_empty_power_law_adds_nothing_and_has_no_gradient(pmean):
    function, _ = derivatives(pmean, ONE, TRUTH)
    for change in EMPTY:
        params = {name: jnp.asarray(v) for name, v in (TRUTH | change).items()}
        found, gradient = function(params)
        assert found == 0 and all(float(slope) == 0 for slope in gradient.values()), change


@pytest.mark.parametrize(
    "change",
    [
        {"m1_scale_g_0": 0.0},
        {"m1_scale_g_0": -1.0},
        {"m1_low_g_0": 90.0},
        {"m1_low_g_0": 95.0},
        {"m1_low_g_0": -9.0, "m1_high_g_0": -1.0},
        {"m2_loc_g_0": float("nan")},
    ],
)
@pytest.mark.parametrize("method", ["quadrature", "monte_carlo"])
def test_an_empty_gaussian_adds_nothing_and_has_no_gradient(method, change):
    params = {k: jnp.asarray(v) for k, v in ({"log_rate_0": 1.0} | PEAK | change).items()}
    pmean = Analytic(method=method, num_samples=20)
    found, gradient = derivatives(pmean, GAUSS, params)[0](params)
    assert found == 0 and all(float(slope) == 0 for slope in gradient.values())


@pytest.mark.parametrize("method", ["quadrature", "monte_carlo"])
def test_a_gaussian_cut_far_from_its_peak_stands_at_its_bound(method):
    params = {"log_rate_0": 0.0} | PEAK | {"m1_scale_g_0": 0.1, "m1_low_g_0": 60.0}
    params |= {"m2_scale_g_0": 1e-3}
    params = {name: jnp.asarray(v) for name, v in params.items()}
    found, gradient = derivatives(Analytic(method=method), GAUSS, params)[0](params)
    assert float(found) == pytest.approx(np.exp(log_vt(60.0, 30.0)), rel=1e-3)
    assert all(np.isfinite(float(slope)) for slope in gradient.values())


def test_enormous_rates_stay_finite():
    params = {name: jnp.asarray(v) for name, v in (TRUTH | {"log_rate_0": 1e4}).items()}
    found, gradient = derivatives(Analytic(), ONE, params)[0](params)
    assert np.isfinite(found) and all(np.isfinite(float(v)) for v in gradient.values())


def test_many_populations_at_once():
    shape, design = prepare(Analytic(time_scale=248.0), ONE)
    slopes = np.array([-1.0, 0.0, 2.0])
    many = {k: jnp.broadcast_to(v, (3,)) for k, v in TRUTH.items()} | {"alpha_pl_0": slopes}
    found = jax.vmap(lambda p: expected_number(shape, ONE, p, design))(many)[0]
    each = [mu(Analytic(time_scale=248.0), ONE, TRUTH | {"alpha_pl_0": a})[0] for a in slopes]
    np.testing.assert_allclose(found, each, rtol=1e-13)


# By draws


@pytest.mark.parametrize(("components", "params"), [(ONE, TRUTH), (BOTH, TWO)])
def test_draws_agree_with_quadrature_within_their_standard_error(components, params):
    exact, _ = mu(Analytic(time_scale=248.0), components, params)
    pmean = Analytic(time_scale=248.0, method="monte_carlo", num_samples=2000)
    found, variance = mu(pmean, components, params)
    assert 0 < abs(found - exact) < 4 * variance**0.5
    assert variance**0.5 < 0.03 * exact
    assert mu(pmean, components, params) == (found, variance)


def test_the_standard_error_is_the_scatter_of_other_draws():
    pmean = Analytic(method="monte_carlo", num_samples=400)
    shape, design = prepare(pmean, BOTH)
    function = jax.jit(lambda u: expected_number(shape, BOTH, TWO, design | {"uniforms": u}))
    rng = np.random.default_rng(5)
    found = np.array([function(rng.random((2, 400, 2))) for _ in range(400)])
    assert np.mean(found[:, 1]) == pytest.approx(np.var(found[:, 0]), rel=0.25)
    exact, _ = mu(Analytic(), BOTH, TWO)
    assert abs(found[:, 0].mean() - exact) < 4 * found[:, 0].std() / 20


def test_the_variance_is_the_formula():
    shape, design = prepare(Analytic(method="monte_carlo", num_samples=3, time_scale=2.0), ONE)
    # With these bounds the masses are 20 and 20 q: the draws of q alone tell.
    params = TRUTH | {"mmin_pl_0": 20 * (1 - 1e-9), "mmax_pl_0": 20.0}
    vt, rate = np.exp(log_vt(20.0, 20.0)), 2 * np.exp(4.6)
    found, variance = expected_number(shape, ONE, params, design)
    assert float(found) == pytest.approx(rate * vt, rel=1e-7)
    assert abs(float(variance)) < 1e-12 * rate**2 * vt**2


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
def test_batches_change_nothing(batch_size, network):
    whole = network.model_copy(update={"method": "monte_carlo", "num_samples": 50})
    parts = whole.model_copy(update={"batch_size": batch_size})
    assert mu(parts, BOTH, TWO) == pytest.approx(mu(whole, BOTH, TWO), rel=1e-13)
    slopes = [derivatives(p, ONE, TRUTH)[0](TRUTH)[1] for p in (whole, parts)]
    for name in TRUTH:
        assert float(slopes[1][name]) == pytest.approx(float(slopes[0][name]), rel=1e-10)


@pytest.mark.parametrize("slope", [-800.0, -3.0, -1.01e-4, -0.99e-4, 0.0, 1e-4, 2.0, 800.0])
def test_quantiles_of_truncated_exponentials(slope):
    u = np.array([1e-9, 0.2, 0.5, 0.9, 1 - 1e-9])
    t = np.asarray(exponential_quantile(jnp.asarray(u), jnp.asarray(slope)))
    if slope > 0:
        back = np.exp(slope * (t - 1)) * np.expm1(-slope * t) / np.expm1(-slope)
    else:
        back = np.expm1(slope * t) / np.expm1(slope) if slope else t
    np.testing.assert_allclose(back, u, rtol=1e-6, atol=1e-12)


# Networks


def test_a_network_s_table_agrees_with_the_network(network):
    net = log_vt_of(network)
    dense = 3 * np.exp(4.6) * dense_mean(-1.0, 0.0, 10.0, 50.0, lambda a, b: np.exp(net(a, b)))
    assert mu(network)[0] == pytest.approx(dense, rel=2e-4)
    by_draws = network.model_copy(update={"method": "monte_carlo", "num_samples": 4000})
    found, variance = mu(by_draws)
    assert abs(found - dense) < 4 * variance**0.5 < 0.05 * dense


def test_gaussians_see_the_network_in_the_order_of_its_inputs(network):
    params = {"log_rate_0": 0.0, "m1_loc_g_0": 20.0, "m1_scale_g_0": 1e-3}
    params |= {"m2_loc_g_0": 40.0, "m2_scale_g_0": 1e-3}
    expected = 3 * np.exp(-9 + 0.02 * 15 + 0.05 * 40)
    assert mu(network, GAUSS, params)[0] == pytest.approx(expected, rel=1e-3)
    by_draws = network.model_copy(update={"method": "monte_carlo"})
    assert mu(by_draws, GAUSS, params)[0] == pytest.approx(expected, rel=1e-3)


def test_tables_read_between_their_points_and_stop_at_their_edges():
    masses = np.geomspace(*sensitivity.TABLE_RANGE, sensitivity.TABLE_POINTS)
    table = sensitivity.make_table(lambda m1, m2: 2 * np.log(m1) - 0.5 * np.log(m2))
    assert table.shape == (256, 256) and table[3, 7] == pytest.approx(
        2 * np.log(masses[3]) - 0.5 * np.log(masses[7])
    )
    m1, m2 = np.array([1.0, 7.3, 120.0, 300.0]), np.array([1.0, 250.0, 3.3, 300.0])
    found = sensitivity.interpolate(table, np.log(m1), np.log(m2))
    np.testing.assert_allclose(found, 2 * np.log(m1) - 0.5 * np.log(m2), atol=1e-12)
    outside = sensitivity.interpolate(table, np.log(np.array([0.1, 1e4])), np.log(2.0))
    np.testing.assert_allclose(outside, 2 * np.log([1.0, 300.0]) - 0.5 * np.log(2.0))
    smooth = sensitivity.make_table(log_vt)
    rng = np.random.default_rng(0)
    m = rng.uniform(5, 100, (2, 1000))
    error = sensitivity.interpolate(smooth, *np.log(m)) - log_vt(*m)
    assert np.abs(error).max() < 3e-4


def test_a_network_of_another_quantity_is_refused():
    layers = [(np.array([[50.0, 0.0]]), np.array([0.0]))]
    text = '{"estimator_type": "neural_vt", "filename": "b.hdf5"}'
    pmean = read_pmean(text, "pmean.json", uploads={"b.hdf5": network_bytes(layers)})
    with pytest.raises(ValueError, match=r"b.hdf5: \|ln VT\| must be at most 100 .* got 15000"):
        prepare(pmean, ONE)


def test_a_network_that_was_not_uploaded_is_asked_for():
    for pmean in (NeuralVT(filename="a.hdf5"), Injections(filename="b.hdf5")):
        with pytest.raises(LookupError, match=f'Upload "{pmean.filename}"'):
            prepare(pmean, ONE)
    with pytest.raises(LookupError, match="not in this machine's store"):
        prepare(NeuralVT(filename="a.hdf5", sha256="1" * 64), ONE)


def test_equal_questions_share_compiled_programs(network):
    shapes = [prepare(p, ONE)[0] for p in (Analytic(time_scale=1.0), Analytic(time_scale=2.0))]
    assert shapes[0] == shapes[1] and hash(shapes[0]) == hash(shapes[1])
    assert prepare(network, ONE)[0] != shapes[0]
    expected_number.clear_cache()
    for pmean in (Analytic(time_scale=1.0), Analytic(time_scale=2.0)):
        expected_number(*((s := prepare(pmean, ONE))[0], ONE, TRUTH, s[1]))
    assert expected_number._cache_size() == 1


# Sets of signals


def signals(count=60_000, seed=0, **extra):
    """Signals drawn evenly in (m1, m2 < m1) up to 60 solar masses, found as the polynomial says."""
    rng = np.random.default_rng(seed)
    m1, m2 = np.sort(rng.uniform(5, 60, (2, count)), axis=0)[::-1]
    vt = np.exp(log_vt(m1, m2))
    found = rng.random(count) < vt / vt.max()
    columns = {"mass1_source": m1, "mass2_source": m2, "sampling_pdf": np.full(count, 2 / 55**2)}
    content = signals_bytes({k: v[found] for k, v in columns.items()}, count)
    # They were placed in as much volume and time as the best of them is seen in, on 248 days.
    given = {"estimator_type": "injection", "filename": "c", "time_scale": 248 * vt.max()} | extra
    return read_pmean(json.dumps(given), "pmean.json", uploads={"c": content})


def test_signals_agree_with_the_sensitivity_they_were_found_by():
    exact, _ = mu(Analytic(time_scale=248.0))
    found, variance = mu(signals())
    assert abs(found - exact) < 4 * variance**0.5 < 0.1 * exact
    assert mu(signals(batch_size=999)) == pytest.approx((found, variance), rel=1e-12)


def test_the_variance_of_signals_is_that_of_other_signals():
    shape, design = prepare(pmean := signals(4000), ONE)
    function = jax.jit(lambda design: expected_number(shape, ONE, TRUTH, design))
    # Other sets of the same size: of 4,000 placed, each found one counts 0, 1, 2 ... times.
    rng, listed = np.random.default_rng(1), len(design["m1"])
    found = []
    for _ in range(300):
        count = min(rng.binomial(4000, listed / 4000), 2 * listed)
        chosen = rng.integers(0, listed, count)
        again = {k: np.resize(design[k][chosen], 2 * listed) for k in ("m1", "m2", "log_pdraw")}
        again["log_pdraw"][count:] = np.inf
        found.append(function(design | again)[0])
    assert mu(pmean)[1] == pytest.approx(np.var(found), rel=0.25)


def test_a_few_signals_are_weighed_as_the_formula_says():
    columns = {"mass1_source": [30.0, 45.0], "mass2_source": [15.0, 20.0]}
    content = signals_bytes(columns | {"sampling_pdf": [1e-3, 2e-3]}, 10)
    text = '{"estimator_type": "injection", "filename": "d", "time_scale": 3.0}'
    pmean = read_pmean(text, "pmean.json", uploads={"d": content})
    density = np.exp(log_densities(ONE, TRUTH, np.array([30.0, 45.0]), np.array([15.0, 20.0]))[0])
    w = np.exp(4.6) * density / [1e-3, 2e-3]
    variance = 0.09 * (np.sum(w**2) - w.sum() ** 2 / 10)
    assert mu(pmean) == pytest.approx((0.3 * w.sum(), variance), rel=1e-12)
    found, gradient = derivatives(pmean, ONE, TRUTH)[0](TRUTH | {"mmin_pl_0": 60.0})
    assert found == 0 and all(float(slope) == 0 for slope in gradient.values())


# In NumPy


def test_log_vt_in_numpy_is_the_polynomial():
    m1, m2 = np.array([[8.0, 30.0], [50.0, 90.0]]), np.array([7.0, 12.0])
    np.testing.assert_allclose(log_vt_of(Analytic())(m1, m2), log_vt(m1, m2), rtol=1e-13)
    np.testing.assert_allclose(log_vt_of(Analytic())(m2, m1), log_vt(m1, m2), rtol=1e-13)
    assert (log_vt_of(Constant(vt=2.0))(m1, m2) == np.log(2.0)).all()
    found = log_vt_of(Analytic())(np.array([0.0, -1.0, 5.0]), 5.0)
    assert list(np.isneginf(found)) == [True, True, False]
    assert np.exp(log_vt_of(Analytic())(30.0, 30.0)) == pytest.approx(0.0046, abs=1e-3)


def test_maps_have_m2_up_and_m1_across(network):
    m1, m2 = np.array([10.0, 20.0, 40.0]), np.array([6.0, 8.0])
    found = heat_map(network, m1, m2)
    np.testing.assert_allclose(found, -9 + 0.02 * (m1[None, :] - 5) + 0.05 * m2[:, None])


def test_signals_have_a_map_of_cells_but_no_vt_of_single_masses():
    pmean, grid = signals(200_000), np.array([20.0, 30.0, 40.0])
    found = heat_map(pmean, grid, grid) + np.log(pmean.time_scale / 248)
    np.testing.assert_allclose(found[0, 1:], log_vt(grid[1:], grid[0]), atol=0.1)
    assert np.isneginf(found[2, 0])
    with pytest.raises(ValueError, match="neural_vt, analytic or constant, got injection"):
        log_vt_of(pmean)
