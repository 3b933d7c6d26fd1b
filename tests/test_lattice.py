"""The lattice rule against densities whose integrals are known."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import digamma, polygamma

from hbdash.exact import lattice
from hbdash.exact.quadrature import Improper

OPEN = (-np.inf, np.inf)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_lattice_integrates_correlated_gaussians(width):
    rng = np.random.default_rng(width)
    root = rng.normal(size=(width, width)) + np.eye(width)
    law = stats.multivariate_normal(rng.normal(size=width) * 9, root @ root.T / 20)
    tilt = np.full((1, width), 2.0)
    nodes = lattice.integrate(lambda u: law.logpdf(u) + 3, [OPEN] * width, np.zeros((1, width)))
    assert nodes.log_total == pytest.approx(3, abs=1e-8)
    np.testing.assert_allclose(nodes.weights @ nodes.points, law.mean, atol=1e-8)
    away = nodes.points - law.mean
    np.testing.assert_allclose((away.T * nodes.weights) @ away, law.cov, atol=1e-7)
    sd = np.sqrt(law.cov[0, 0] if width > 1 else float(law.cov[0, 0]))
    p = np.array([0.001, 0.3, 0.99])
    np.testing.assert_allclose(
        nodes.quantiles(0, p), stats.norm.ppf(p, law.mean[0], sd), atol=1e-4 * sd
    )
    u = law.mean[0] + sd * np.linspace(-3, 3, 7)
    np.testing.assert_allclose(
        nodes.density(0, u), stats.norm.pdf(u, law.mean[0], sd), atol=1e-4 / sd
    )
    wide = lattice.integrate(law.logpdf, [OPEN] * width, np.zeros((1, width)), tilt)
    moment = wide.weights @ np.exp(wide.points @ tilt[0])
    exact = np.exp(tilt[0] @ law.mean + tilt[0] @ law.cov @ tilt[0] / 2)
    assert moment == pytest.approx(exact, rel=1e-7)


@pytest.mark.parametrize("shape", [0.02, 0.5, 40.0, 1e6])
def test_long_tails_and_sharp_peaks(shape):
    nodes = lattice.integrate(
        lambda u: shape * u[:, 0] - np.exp(u[:, 0]), [OPEN], np.array([[0.0], [5.0]])
    )
    assert nodes.weights @ nodes.points[:, 0] == pytest.approx(
        digamma(shape), abs=1e-7 * np.sqrt(polygamma(1, shape))
    )
    at = nodes.quantiles(0, np.array([0.2, 0.9]))
    np.testing.assert_allclose(stats.gamma.cdf(np.exp(at), shape), [0.2, 0.9], atol=1e-4)


@pytest.mark.parametrize("ends", [(-np.inf, 0.3), (-1.0, np.inf), (-1.0, 0.3), (0.2999, 0.3)])
def test_hard_ends(ends):
    low, high = ends
    law = stats.truncnorm((low - 0.5) / 0.8, (high - 0.5) / 0.8, 0.5, 0.8)
    nodes = lattice.integrate(
        lambda u: stats.norm.logpdf(u[:, 0], 0.5, 0.8), [ends], np.zeros((1, 1))
    )
    whole = stats.norm.cdf(high, 0.5, 0.8) - stats.norm.cdf(low, 0.5, 0.8)
    assert nodes.log_total == pytest.approx(np.log(whole), abs=1e-8)
    assert nodes.weights @ nodes.points[:, 0] == pytest.approx(law.mean(), abs=1e-7 * law.std())
    u = law.ppf([0.01, 0.4, 0.98])
    np.testing.assert_allclose(nodes.density(0, u), law.pdf(u), rtol=1e-3)
    np.testing.assert_allclose(
        nodes.quantiles(0, np.array([0.01, 0.4, 0.98])), u, atol=1e-4 * law.std()
    )


def test_two_modes_and_a_crooked_ridge():
    def two(u):
        return np.logaddexp(
            -0.5 * (u[:, 0] ** 2 + u[:, 1] ** 2) / 0.01,
            -0.5 * ((u[:, 0] - 6) ** 2 + u[:, 1] ** 2) / 0.09,
        )

    nodes = lattice.integrate(two, [OPEN, OPEN], np.array([[0.2, 0.1], [5.5, -0.5]]))
    assert nodes.log_total == pytest.approx(np.log(2 * np.pi * 0.1), abs=1e-8)

    def ridge(u):  # e^u + e^v is near 1: along v for small u, along u for small v
        return -0.5 * ((np.logaddexp(*u.T)) / 0.1) ** 2 + 0.3 * u.sum(1)

    line = np.linspace(-60, 1.5, 6151)
    u, v = np.meshgrid(line, line[-800:])
    every = np.stack([u.ravel(), v.ravel()], 1)
    symmetric = np.exp(ridge(every[every[:, 0] < every[:, 1]])).sum() * 2
    on = np.exp(ridge(np.stack([line, line], 1)[-800:])).sum()
    nodes = lattice.integrate(ridge, [OPEN, OPEN], np.array([[-1.0, -1.0], [-3.0, 0.0]]))
    assert nodes.log_total == pytest.approx(np.log((symmetric + on) * 0.01**2), abs=1e-4)


def test_a_density_that_does_not_fall_off_is_improper():
    with pytest.raises(Improper):
        lattice.integrate(lambda u: -np.logaddexp(0, u[:, 0]), [OPEN], np.zeros((1, 1)))
    with pytest.raises(lattice.TooManyNodes):
        lattice.integrate(lambda u: -0.5 * (u**2).sum(1), [OPEN] * 3, np.zeros((1, 3)), most=50)
