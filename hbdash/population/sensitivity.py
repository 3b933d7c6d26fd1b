"""How much volume times time a survey covers: ln VT in Gpc^3 yr per day, of ln m1 and ln m2.

Functions of logarithms, for the integrals over a population run over those. They take NumPy's
arrays or JAX's: `xp` is the module whose arrays they are.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np

#: ln VT = c0 + c1 x + c2 x^2 + c3 ln(4 eta), x = ln Mc: two detectors of early advanced LIGO at a
#: signal-to-noise ratio of 8, within 0.12 (rms) from 5 to 100 solar masses and mass ratios > 0.1.
COEFFICIENTS = (-12.669, 2.561, -0.097, 1.142)
#: Solar masses that a table of ln VT spans, on both axes, and its points an axis.
TABLE_RANGE = (1.0, 300.0)
TABLE_POINTS = 256


def analytic(log_m1: Any, log_m2: Any, xp: ModuleType = jnp) -> Any:
    """Return ln VT by a polynomial of chirp mass and symmetric mass ratio, alike in both masses."""
    log_total = xp.logaddexp(log_m1, log_m2)
    log_product = log_m1 + log_m2
    x = 0.6 * log_product - 0.2 * log_total
    log_4_eta = np.log(4.0) + log_product - 2 * log_total
    c0, c1, c2, c3 = COEFFICIENTS
    return c0 + (c1 + c2 * x) * x + c3 * log_4_eta


def make_table(log_vt: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Tabulate ln VT of masses (m1, m2) on a grid even in their logarithms.

    Returns
    -------
    Shape (TABLE_POINTS, TABLE_POINTS); rows are m1, columns m2.
    """
    masses = np.geomspace(*TABLE_RANGE, TABLE_POINTS)
    return log_vt(masses[:, None], masses[None, :])


def interpolate(table: Any, log_m1: Any, log_m2: Any) -> Any:
    """Read a table made by `make_table`, linearly in both logarithms.

    Outside the table, the nearest value on its edge is returned. The error is h^2 / 8 = 6e-5 times
    the second derivative of ln VT by ln m, and h / 8 = 3e-3 times the jump of the first derivative
    in the cells that a kink of a network runs through.
    """
    table = jnp.asarray(table)
    i, s = _cell(log_m1, table.shape[0])
    j, t = _cell(log_m2, table.shape[1])
    low = table[i, j] * (1 - t) + table[i, j + 1] * t
    high = table[i + 1, j] * (1 - t) + table[i + 1, j + 1] * t
    return low * (1 - s) + high * s


def _cell(log_m: Any, points: int) -> tuple[Any, Any]:
    """Return the cell's number and the place in it, 0 to 1."""
    low, high = np.log(TABLE_RANGE)
    place = jnp.clip((log_m - low) * ((points - 1) / (high - low)), 0, points - 1)
    cell = jnp.clip(place.astype(jnp.int32), 0, points - 2)
    return cell, place - cell
