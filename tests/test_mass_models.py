"""Mass models against closed forms, quadrature and higher precision, and at their edges."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from hbdash.population import marginals, mass_models, normalisers
from hbdash.population.parameters import Components


def compiled(function):
    """Make one program of a function of components, instead of one of each of its operations."""
    program = jax.jit(function, static_argnums=0)
    return lambda *given: np.asarray(program(*given))


log_densities = compiled(mass_models.log_densities)
log_rate_density = compiled(mass_models.log_rate_density)
rate_of_q, rate_of_m1 = compiled(marginals.rate_of_q), compiled(marginals.rate_of_m1)
component_rates_of_q = compiled(marginals.component_rates_of_q)
component_rates_of_m1 = compiled(marginals.component_rates_of_m1)
log_normal_mass = jax.jit(normalisers.log_normal_mass)
log_power_integral = jax.jit(normalisers.log_power_integral)
slope_of_power_integral = jax.jit(jax.grad(normalisers.log_power_integral))
slopes_of_normal_mass = jax.jit(jax.grad(normalisers.log_normal_mass, (0, 1)))

ONE, GAUSSIAN = Components(1, 0), Components(0, 1)
X, W = np.polynomial.legendre.leggauss(80)
EXPONENTS = (-8.0, -1 - 1e-9, -1.0, -1 + 1e-9, -0.3, 0.0, 1 - 1e-9, 1.0, 1 + 1e-9, 2.7, 12.0)
TWO_AND_ONE = {
    "log_rate_0": 2.0, "alpha_pl_0": 1.0, "beta_pl_0": -1.0, "mmin_pl_0": 5.0, "mmax_pl_0": 90.0,
    "log_rate_1": 1.0, "alpha_pl_1": 3.5, "beta_pl_1": 2.0, "mmin_pl_1": 8.0, "mmax_pl_1": 50.0,
    "log_rate_2": 0.5, "m1_loc_g_0": 35.0, "m1_scale_g_0": 3.0, "m2_loc_g_0": 28.0,
    "m2_scale_g_0": 5.0, "m1_low_g_0": 20.0, "m2_low_g_0": 12.0, "m2_high_g_0": 40.0,
}  # fmt: skip


def law(alpha=2.0, beta=0.5, mmin=5.0, mmax=80.0, log_rate=0.0):
    return {
        "log_rate_0": log_rate, "alpha_pl_0": alpha, "beta_pl_0": beta, "mmin_pl_0": mmin,
        "mmax_pl_0": mmax,
    }  # fmt: skip


def normals(low=None, high=None, loc=30.0, scale=4.0):
    found = {"log_rate_0": 0.0}
    for mass in (1, 2):
        found |= {f"m{mass}_loc_g_0": loc, f"m{mass}_scale_g_0": scale}
        found |= {} if low is None else {f"m{mass}_low_g_0": low}
        found |= {} if high is None else {f"m{mass}_high_g_0": high}
    return found


def panels(low, high, count=1):
    """Gauss-Legendre nodes and weights of the panels between low and high."""
    edges = np.linspace(low, high, count + 1)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + X)).ravel(), (half * W).ravel()


@pytest.mark.parametrize(("alpha", "beta"), list(product(EXPONENTS, EXPONENTS[:8])))
def test_a_power_law_integrates_to_one(alpha, beta):
    log_m1, wide = panels(np.log(5.0), np.log(80.0))
    span = (log_m1 - np.log(5.0))[:, None]
    log_q, high = -span * (1 - X) / 2, span * W / 2
    m1 = np.exp(log_m1)[:, None]
    m2 = m1 * np.exp(log_q)
    density = np.exp(log_densities(ONE, law(alpha, beta), m1, m2)[0])
    assert (density * m1 * m2 * wide[:, None] * high).sum() == pytest.approx(1, abs=1e-8)


def test_a_power_law_is_the_closed_form():
    m1, q = 20.0, 0.7
    slope = m1**-3.0 / ((5.0**-2 - 80.0**-2) / 2)
    ratio = q**2 / ((1 - (5 / 20) ** 3) / 3)
    found = log_densities(ONE, law(3.0, 2.0), m1, q * m1)
    assert found.shape == (1,)
    assert found[0] == pytest.approx(np.log(slope * ratio / m1), rel=1e-14)
    flat = log_densities(ONE, law(1.0, -1.0), m1, q * m1)[0]
    expected = 1 / (m1 * np.log(16)) / (q * np.log(4)) / m1
    assert flat == pytest.approx(np.log(expected), rel=1e-14)


@pytest.mark.parametrize("e", [0.0, 1e-300, 1e-12, 1e-9, 1e-5, 0.1, 0.16, 1.0, 9.0, 300.0, 1e5])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("high", [5.001, 80.0])
def test_the_integral_of_a_power_keeps_its_digits(e, sign, high):
    low, e = np.longdouble(5), np.longdouble(sign) * np.longdouble(e)
    high = np.longdouble(high)
    length = np.log1p((high - low) / low)
    # With 19 digits and the larger end factored out, no care is needed but at e = 0.
    mean = -np.expm1(-abs(e) * length) / abs(e) if e else length
    expected = np.log(mean) + e * np.log(high if e > 0 else low)
    found = log_power_integral(np.float64(e - 1), 5.0, float(high))
    # The exponent itself is rounded at e - 1.
    rounding = 1e-16 * max(1, abs(float(e - 1))) * 5
    assert float(found) == pytest.approx(float(expected), rel=3e-14, abs=rounding)
    slope = slope_of_power_integral(np.float64(e - 1), 5.0, float(high))
    assert np.log(5) - 1e-12 < slope < np.log(float(high)) + 1e-12


@pytest.mark.parametrize("e", [0.0, 1e-9, -1e-9, 1e-4, -1e-4, 0.09, 0.11, -2.0])
def test_the_slope_of_the_integral_is_the_mean_logarithm(e):
    log_x, weight = panels(np.log(5.0), np.log(80.0))
    power = np.exp(e * log_x) * weight
    found = slope_of_power_integral(e - 1.0, 5.0, 80.0)
    assert found == pytest.approx((power @ log_x) / power.sum(), rel=1e-12)


BOUNDS = [(None, None), (25.0, None), (None, 33.0), (25.0, 33.0), (45.0, 60.0), (10.0, 14.0)]


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_a_gaussian_is_truncated_and_integrates_to_one(low, high):
    m, weight = panels(0.0 if low is None else low, 70.0 if high is None else high, 4)
    params = normals(low, high)
    density = np.exp(log_densities(GAUSSIAN, params, m[:, None], m)[0])
    assert weight @ density @ weight == pytest.approx(1, abs=1e-8)
    a, b = (s * np.inf if x is None else (x - 30) / 4 for x, s in ((low, -1), (high, 1)))
    ours = log_densities(GAUSSIAN, params, m, m)[0] / 2
    np.testing.assert_allclose(ours, stats.truncnorm.logpdf(m, a, b, 30, 4), rtol=1e-9)
    outside = [x for x in (low and low - 1e-9, high and high + 1e-9) if x]
    for x in outside:
        assert log_densities(GAUSSIAN, params, x, m[0])[0] == -np.inf
        assert log_densities(GAUSSIAN, params, m[0], x)[0] == -np.inf


@pytest.mark.parametrize(
    ("low", "high"),
    [(30.0, 30.5), (-30.5, -30.0), (30.0, 45.0), (-1e-7, 1e-7), (3.0, 3 + 1e-9), (-0.7, 0.2),
     (-1.0, 9.0), (1e4, 1e4 + 1), (8.0, 8.1), (-21.0, -19.9)],
)  # fmt: skip
def test_the_mass_of_a_normal_keeps_its_digits_in_the_tails(low, high):
    edge = min(abs(low), abs(high)) if low * high > 0 else 0.0
    # Relative to the highest point, over as much as matters.
    away = abs(high) if abs(high) < abs(low) else abs(low)
    reach = min(high - low, 40 / max(away, 1)) if edge else high - low
    t, weight = panels(0, reach, 12)
    x = (edge + t) if edge else (low + t)
    shift = edge**2 / 2
    expected = np.log(weight @ np.exp(shift - x**2 / 2)) - shift - np.log(2 * np.pi) / 2
    found = log_normal_mass(jnp.array(low), jnp.array(high))
    assert float(found) == pytest.approx(expected, rel=1e-13, abs=2e-11)
    slopes = slopes_of_normal_mass(low, high)
    density = [np.exp(-(x**2) / 2 - np.log(2 * np.pi) / 2 - expected) for x in (-low, high)]
    np.testing.assert_allclose(slopes, [-density[0], density[1]], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("loc", [-500.0, 30.0, 700.0])
def test_a_gaussian_far_from_its_bounds_is_normalised(loc):
    m, weight = panels(20.0, 40.0, 400)
    params = normals(20.0, 40.0, loc, 3.0)
    other = log_densities(GAUSSIAN, params, 30.0, 30.0)[0] / 2
    density = np.exp(log_densities(GAUSSIAN, params, m, 30.0)[0] - other)
    assert weight @ density == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize(
    ("m1", "m2", "inside"),
    [
        (5.0, 5.0, False), (5 + 1e-12, 5.0, True), (80.0, 5.0, True), (80.0, 80.0, True),
        (80 + 1e-12, 20.0, False), (20.0, 5 - 1e-12, False), (20.0, 20.0, True),
        (20.0, 20 + 1e-12, False), (4.0, 3.0, False),
    ],
)  # fmt: skip
def test_the_support_of_a_power_law_and_gradients_at_its_edges(m1, m2, inside):
    def density(params, masses):
        return mass_models.log_rate_density(ONE, params, *masses)

    found, slopes = jax.value_and_grad(density, (0, 1))(law(1.0, -1.0), (m1, m2))
    assert np.isfinite(found) == inside and not np.isnan(found)
    assert np.isfinite(jax.tree.leaves(slopes)).all()
    assert any(np.asarray(jax.tree.leaves(slopes)) != 0) == inside


@pytest.mark.parametrize(
    "broken",
    [
        {"mmin_pl_0": 80.0, "mmax_pl_0": 5.0}, {"mmin_pl_0": 20.0, "mmax_pl_0": 20.0},
        {"mmin_pl_0": 0.0}, {"mmin_pl_0": -3.0}, {"alpha_pl_0": np.nan}, {"beta_pl_0": np.inf},
        {"mmax_pl_0": np.inf},
    ],
)  # fmt: skip
def test_impossible_power_laws_have_no_support_and_no_gradient(broken):
    for m1, m2 in ((20.0, 20.0), (20.0, 10.0)):
        found, slope = jax.value_and_grad(
            lambda p, m=(m1, m2): mass_models.log_rate_density(ONE, p, *m)
        )(law() | broken)
        assert found == -np.inf
        assert all(value == 0 for value in slope.values())


@pytest.mark.parametrize(
    "params", [normals(33.0, 33.0), normals(40.0, 20.0), normals(scale=0.0), normals(scale=-1.0)]
)
def test_impossible_gaussians_have_no_support_and_no_gradient(params):
    found, slope = jax.value_and_grad(
        lambda p: mass_models.log_rate_density(GAUSSIAN, p, 33.0, 33.0)
    )(params)
    assert found == -np.inf
    assert all(value == 0 for value in slope.values())


def test_gradients_are_those_of_finite_differences():
    c = Components(2, 1)
    point = {name: jnp.asarray(value) for name, value in TWO_AND_ONE.items()}
    value = jax.jit(lambda p: mass_models.log_rate_density(c, p, 30.0, 22.0))
    slope = jax.grad(value)(point)
    for name, number in TWO_AND_ONE.items():
        up, down = (value(point | {name: jnp.asarray(number + h)}) for h in (1e-5, -1e-5))
        assert slope[name] == pytest.approx(float(up - down) / 2e-5, abs=1e-8), name


def test_the_rate_density_is_the_sum_of_the_components():
    c, rng = Components(2, 1), np.random.default_rng(0)
    m1, m2 = rng.uniform(3, 95, (2, 6, 50))
    each = log_densities(c, TWO_AND_ONE, m1, m2)
    assert each.shape == (3, 6, 50)
    rates = np.exp([TWO_AND_ONE[name] for name in c.log_rates])
    expected = (rates[:, None, None] * np.exp(each)).sum(0)
    found = np.exp(log_rate_density(c, TWO_AND_ONE, m1, m2))
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert (expected == 0).any() and (found[expected == 0] == 0).all()
    # A Gaussian may put m2 above m1.
    assert np.isfinite(log_rate_density(c, TWO_AND_ONE, 25.0, 30.0))


def test_marginals_are_integrals_of_the_density():
    c = Components(2, 1)
    m1 = np.array([4.0, 5.0, 6.0, 9.0, 30.0, 49.9, 60.0, 91.0])
    found = component_rates_of_m1(c, TWO_AND_ONE, m1)
    rates = np.exp([TWO_AND_ONE[name] for name in c.log_rates])
    for k, (low, high) in enumerate([(5.0, None), (8.0, None), (12.0, 40.0)]):
        for at, rate in zip(m1, found[k], strict=True):
            m2, weight = panels(low, max(high or at, low + 1e-9), 6)
            density = np.exp(log_densities(c, TWO_AND_ONE, at, m2)[k])
            assert rate == pytest.approx(rates[k] * weight @ density, rel=1e-9), (k, at)
    total = rate_of_m1(c, TWO_AND_ONE, m1)
    np.testing.assert_allclose(total, found.sum(0), rtol=1e-14)

    q = np.array([0.03, 0.06, 0.2, 0.5, 0.9, 0.999, 1.2])
    found = component_rates_of_q(c, TWO_AND_ONE, q)
    ends = [(5.0, 90.0, None), (8.0, 50.0, None), (12.0, 60.0, 40.0)]
    for k, (least, most, cap) in enumerate(ends):
        for ratio, rate in zip(q, found[k], strict=True):
            low = least / ratio if k < 2 else max(20.0, least / ratio)
            high = most if cap is None else min(most, cap / ratio)
            # Nodes crowd where a power law's density rises, just above mmin.
            edge = least if k < 2 else low - 1
            s, weight = panels(np.log(max(low - edge, 1e-12)), np.log(max(high - edge, 1e-9)), 20)
            x = edge + np.exp(s)
            density = np.exp(log_densities(c, TWO_AND_ONE, x, ratio * x)[k])
            expected = rates[k] * weight @ (density * x * np.exp(s)) if low < high else 0.0
            assert rate == pytest.approx(expected, rel=1e-8, abs=1e-12), (k, ratio)
    total = rate_of_q(c, TWO_AND_ONE, q)
    np.testing.assert_allclose(total, found.sum(0), rtol=1e-14)


def test_marginals_at_the_ends_and_in_the_tails():
    q = np.array([-1.0, 0.0, 1.0])
    found = np.asarray(rate_of_q(ONE, law(), q))
    assert (found[:2] == 0).all() and np.isfinite(found[2]) and found[2] > 1
    assert (rate_of_q(ONE, law(mmin=90.0), np.array([0.5])) == 0).all()
    # All of it lies 50 standard deviations from the mean; m2 is near 30.
    params = normals(loc=30.0, scale=0.5) | {"m1_low_g_0": 55.0}
    grid, weight = panels(0.45, 0.6, 4)
    assert weight @ rate_of_q(GAUSSIAN, params, grid) == pytest.approx(1, rel=1e-6)
