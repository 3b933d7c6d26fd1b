r"""Mock posterior samples with the formulas of GWKokab 0.2 (`genie_n_pls_m_gs`).

Of an event of signal-to-noise ratio \rho = 9 U^{-1/3}, chirp mass Mc and symmetric mass ratio
\eta, with r_0, r_0' drawn once and r_i, r_i' for each row, all N(0, 1):

    v = min((\pi Mc 20 Hz 4.9255e-6 s)^{1/3}, 0.2)
    b = min(0.07 12/\rho, 0.45 (v/0.2)^7 12/\rho)
    Mc_i = Mc (1 + b (r_0 + s_Mc r_i)),    \eta_i = \eta (1 + 0.03 (12/\rho) (r_0' + s_eta r_i'))
    m1, m2 = 0.5 Mc_i \eta_i^{-3/5} (1 +- sqrt(1 - 4 \eta_i)).

Rows with \eta_i > 1/4 are dropped, so events have unequal numbers of rows. No prior is divided out
of these samples, and detection does not enter them: a likelihood that takes them for posteriors
under a flat prior does not cover the truth as often as its intervals say.
"""

from collections.abc import Callable, Mapping

import numpy as np

from hbdash.population.catalogue_sources import GeneratedCatalogue
from hbdash.population.parameters import Components
from hbdash.population.population_draws import draw_masses

#: Signal-to-noise ratio at which an event is detected, and that at which widths are given.
THRESHOLD, REFERENCE = 9.0, 12.0
#: Relative widths of chirp mass (of heavy and of light binaries) and eta at the reference ratio.
WIDTH_MC, WIDTH_MC_LIGHT, WIDTH_ETA = 0.07, 0.45, 0.03
#: Lowest frequency (Hz), the Sun's mass (s), and the velocity beyond which widths are constant.
_FREQUENCY, _SUN, _VELOCITY = 20.0, 4.9255e-6, 0.2
#: Draws beyond the number of events from which these are resampled.
_SPARE = 10_000
#: How often an event is measured again whose every row was dropped.
_MOST_AGAIN = 1_000


def resample_detected(
    rng: np.random.Generator,
    components: Components,
    truth: Mapping[str, float],
    log_vt: Callable[[np.ndarray, np.ndarray], np.ndarray],
    size: int,
) -> np.ndarray:
    """Resample events, with replacement and by their VT, from size + 10,000 draws with m2 <= m1.

    Returns
    -------
    True masses, shape (size, 2).

    Raises
    ------
    ValueError
        Where none of the draws can be detected.
    """
    raw = draw_masses(rng, components, truth, size + _SPARE)
    raw = raw[(raw[:, 1] <= raw[:, 0]) & (raw[:, 1] > 0)]
    weights = log_vt(raw[:, 0], raw[:, 1]) if len(raw) else np.array([-np.inf])
    if not weights.max() > -np.inf:
        raise ValueError("no draw from the population with m2 <= m1 can be detected")
    chances = np.exp(weights - weights.max())
    return raw[rng.choice(len(raw), size, p=chances / chances.sum())]


def snr(rng: np.random.Generator) -> float:
    """Draw a signal-to-noise ratio of sources that are even in volume: density 3 9^3 / rho^4."""
    return THRESHOLD * (1.0 - rng.random()) ** (-1 / 3)


def width_mc(mc: float, rho: float) -> float:
    """Relative width of the chirp mass (in solar masses) at a signal-to-noise ratio."""
    v = min((np.pi * mc * _FREQUENCY * _SUN) ** (1 / 3), _VELOCITY)
    return min(WIDTH_MC, WIDTH_MC_LIGHT * (v / _VELOCITY) ** 7) * REFERENCE / rho


def draw_event(
    rng: np.random.Generator, mass: np.ndarray, spec: GeneratedCatalogue
) -> tuple[np.ndarray, int]:
    """Draw the posterior samples of an event.

    An event without a row that has masses is measured again.

    Parameters
    ----------
    mass : shape (2,), its true m1 and m2.
    spec : numbers of rows and widths.

    Returns
    -------
    m1 and m2, shape (rows, 2) with 1 to `spec.error_size` rows, and how often it was measured
    again.

    Raises
    ------
    ValueError
        Where no measurement has a row with masses.
    """
    m1, m2 = mass
    mc, eta = (m1 * m2) ** 0.6 / (m1 + m2) ** 0.2, m1 * m2 / (m1 + m2) ** 2
    for again in range(_MOST_AGAIN):
        rho = snr(rng)
        shift = rng.standard_normal(2)
        r = rng.standard_normal((spec.error_size, 2))
        mcs = mc * (1 + width_mc(mc, rho) * (shift[0] + spec.scale_Mc * r[:, 0]))
        etas = eta * (1 + WIDTH_ETA * REFERENCE / rho * (shift[1] + spec.scale_eta * r[:, 1]))
        possible = (mcs > 0) & (etas > 0) & (etas <= 0.25)
        if possible.any():
            mcs, etas = mcs[possible], etas[possible]
            half, spread = 0.5 * mcs * etas**-0.6, np.sqrt(1 - 4 * etas)
            return np.stack([half * (1 + spread), half * (1 - spread)], 1), again
    raise ValueError(
        f"The event of masses {m1:.4g} and {m2:.4g} has no row with η below 1/4 in "
        f"{_MOST_AGAIN:,} measurements: raise `error_size`, or choose less equal masses."
    )
