"""Are ranks uniform? An exact test by the simultaneous band of their ECDF."""

from typing import Any

import numpy as np
from scipy import stats


def p_value(ranks: np.ndarray, most: int) -> float:
    """Test whole numbers from 0 to `most` for uniformity.

    The statistic is the least of the binomial tails of the ECDF over all ranks: how far it comes
    out of its band somewhere. The chance of one as small follows step by step, without simulation,
    because the ECDF is a Markov chain (Säilynoja, Bürkner and Vehtari 2022,
    doi:10.1007/s11222-022-10090-6, section 2).

    Parameters
    ----------
    ranks : shape (simulations,), whole numbers.
    """
    total = len(ranks)
    z = np.arange(most + 1) / (most + 1)
    below = np.cumsum(np.bincount(ranks, minlength=most + 1))[:-1]
    worst = _tail(below, total, z[1:]).min()
    states, mass = np.array([0]), np.array([1.0])
    everywhere = np.arange(total + 1)
    for before, now in zip(z[:-1], z[1:], strict=True):
        # What is as unlikely as the worst lies outside, whatever rounding says.
        inside = everywhere[_tail(everywhere, total, now) > worst * (1 + 1e-9)]
        step = stats.binom.pmf(
            inside - states[:, None], total - states[:, None], (now - before) / (1 - before)
        )
        states, mass = inside, mass @ step
    return float(np.clip(1 - mass.sum(), 0, 1))


def _tail(below: np.ndarray, total: int, z: Any) -> np.ndarray:
    """Chance of a count this low, or of one this high, whichever is less; both bounds count."""
    return np.minimum(stats.binom.cdf(below, total, z), stats.binom.sf(below - 1, total, z))
