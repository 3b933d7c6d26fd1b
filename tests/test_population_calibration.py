"""Coverage of a population's truth, in a reduced form without Monte Carlo, and that it can fail.

Only the rate and the slope of the primary masses are unknown. The posterior is then a sum on a
grid, since the log likelihood is N ln R + sum_n ln E_n(alpha) - R mu(alpha) at log rate ln R.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import kstest

from hbdash.population.catalogue import load_catalogue
from hbdash.population.catalogue_sources import GeneratedCatalogue
from hbdash.population.expected import expected_number, prepare
from hbdash.population.mass_models import log_rate_density
from hbdash.population.parameters import Components
from hbdash.population.pmean import Analytic

ONE, PMEAN = Components(1, 0), Analytic(time_scale=250.0)
KNOWN = {"beta_pl_0": 0.5, "mmin_pl_0": 8.0, "mmax_pl_0": 55.0}
#: Uniform priors, and the grids on which the posterior is added up.
LOG_RATES, ALPHAS = np.linspace(2.5, 4.5, 161), np.linspace(-1.0, 3.0, 161)
CATALOGUES, SAMPLES = 60, 100


@jax.jit
def log_evidence(m1, m2):
    """Log of the mean density of one event's samples at rate 1, by alpha."""

    def at(alpha):
        params = KNOWN | {"log_rate_0": 0.0, "alpha_pl_0": alpha}
        density = log_rate_density(ONE, params, m1, m2)
        return jax.scipy.special.logsumexp(density) - jnp.log(SAMPLES)

    return jax.vmap(at)(ALPHAS)


@cache
def expected():
    """Expected number at rate 1, by alpha."""
    shape, arrays = prepare(PMEAN, ONE)

    def at(alpha):
        return expected_number(shape, ONE, KNOWN | {"log_rate_0": 0.0, "alpha_pl_0": alpha}, arrays)

    return np.asarray(jax.jit(jax.vmap(lambda alpha: at(alpha)[0]))(ALPHAS))


@cache
def catalogue(number):
    """A truth from the priors, and a catalogue from the truth."""
    rng = np.random.default_rng([number, 11])
    truth = KNOWN | {
        "log_rate_0": float(rng.uniform(LOG_RATES[0], LOG_RATES[-1])),
        "alpha_pl_0": float(rng.uniform(ALPHAS[0], ALPHAS[-1])),
    }
    spec = GeneratedCatalogue(
        seed=number, truth=truth, error_size=SAMPLES, pmean=PMEAN, max_events=2000
    )
    return truth, load_catalogue(spec)


def shares(number, shift=0.0):
    """Posterior probability below the truth, of log rate and alpha; `shift` moves the samples."""
    truth, events = catalogue(number)
    log_e = sum(
        np.asarray(log_evidence(np.minimum(m1 * np.exp(shift), 54.9), m2))
        for m1, m2 in zip(
            np.split(events.m1, events.offsets[1:-1]),
            np.split(events.m2, events.offsets[1:-1]),
            strict=True,
        )
    )
    count = len(events.names)
    grid = count * LOG_RATES[:, None] + log_e - np.exp(LOG_RATES)[:, None] * expected()
    posterior = np.exp(grid - logsumexp(grid))
    found = []
    for name, axis, points in (("log_rate_0", 1, LOG_RATES), ("alpha_pl_0", 0, ALPHAS)):
        cumulative = posterior.sum(axis).cumsum()
        # The mass of a point stands for the cell around it.
        edges = np.append(points - np.diff(points)[0] / 2, points[-1] + np.diff(points)[0] / 2)
        found.append(np.interp(truth[name], edges, np.append(0, cumulative)))
    return found


@pytest.fixture(scope="module")
def calibrated():
    return np.array([shares(number) for number in range(CATALOGUES)])


def test_intervals_cover_the_truth(calibrated):
    inside = (np.abs(calibrated - 0.5) < 0.45).mean(0)
    assert (inside >= 0.80).all() and (inside <= 0.98).all(), inside


def test_the_truth_lies_anywhere_in_the_posterior(calibrated):
    for found in calibrated.T:
        assert kstest(found, "uniform").pvalue > 1e-3


def test_masses_that_are_off_are_found():
    moved = np.array([shares(number, shift=0.15) for number in range(CATALOGUES)])
    assert kstest(moved[:, 1], "uniform").pvalue < 1e-4
