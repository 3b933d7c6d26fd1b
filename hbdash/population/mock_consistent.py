r"""Mock posterior samples that are posteriors, under the flat prior that the likelihood divides by.

The likelihood of N detected events under a population \rho (Mandel, Farr and Gair 2019) is

    \prod_n T \int \rho(m) L_n(m) dm  exp(-\mu),    \mu = T \int \rho(m) VT(m) dm,

with L_n(m) = p(d_n, detected | m), the density of an event's data *and* of its being detected; so
L_n must integrate over all data that can be detected to VT(m). Here the data are

- the signal-to-noise ratio r of a source somewhere in the volume that is sensitive to its masses:
  its density is VT(m) 3 r_0^3 / r^4 for r > r_0 = 9, and detection is r > r_0;
- measurements x^ ~ N(x(m), S(r)) of x = (ln Mc, ln q), q = m2 / m1, whose widths depend on r
  alone, which is itself observed.

Therefore L_n(m) = VT(m) N(x^_n; x(m), S(r_n)) times a constant, and it integrates to VT(m) as it
must: a loud or heavy source is seen from farther away, and that it is seen at all says something
of its masses. The true masses of detected events have the density \rho VT / \int \rho VT.

Under a prior that is flat in (m1, m2) the posterior density of an event, in x, is

    N(x; x^, S) VT(m) m1 m2,    as dm1 dm2 = m1 m2 dx,

from which samples are drawn by rejection: independent ones, none dropped, so that M_n counts them
all and the prior is a constant, log_prior = 0. The rejection's proposal is the normal moved by S
times the gradient of ln(VT m1 m2) at x^, of which the weight is then flat to first order.

Power laws have no support where m2 > m1. If there are no others the flat prior is limited to
m2 <= m1, which changes the posterior by a factor that does not depend on the population. Beside a
Gaussian, which does have support there, the prior is flat over all m1, m2 > 0, and draws with
m2 > m1 are kept.

Widths are GWKokab's for heavy binaries, 0.07 (12/r) scale_Mc of ln Mc; ln q has 10 times its
width of ln eta, 0.3 (12/r) scale_eta, which for equal masses is about as informative. GWKokab's
narrower chirp masses of light binaries are left out: widths must not depend on the true masses.
"""

from collections.abc import Callable, Mapping

import numpy as np

from hbdash.population.catalogue_sources import GeneratedCatalogue
from hbdash.population.mock_errors import REFERENCE, WIDTH_ETA, WIDTH_MC, snr
from hbdash.population.parameters import Components
from hbdash.population.population_draws import accept, draw_masses, normal_draw

LogVT = Callable[[np.ndarray, np.ndarray], np.ndarray]
#: Width of ln q, in widths of ln eta.
_RATIO_WIDTH = 10.0
#: Step of the gradient of the weight, in widths.
_STEP = 0.5
#: Proposals from which the largest weight of one event is judged; it is smooth.
_PILOT = 2_000


def draw_detected(
    rng: np.random.Generator,
    components: Components,
    truth: Mapping[str, float],
    log_vt: LogVT,
    size: int,
) -> np.ndarray:
    """Draw the true masses of detected events, of density proportional to rho VT.

    Returns
    -------
    Shape (size, 2). In a Gaussian component m2 may exceed m1, as it may in the likelihood.

    Raises
    ------
    ValueError
        Where nothing, or next to nothing, can be detected.
    """

    def weight(masses: np.ndarray) -> np.ndarray:
        found = np.full(len(masses), -np.inf)
        positive = (masses > 0).all(1)
        found[positive] = log_vt(masses[positive, 0], masses[positive, 1])
        return found

    return accept(rng, lambda r, n: draw_masses(r, components, truth, n), weight, size)


def to_masses(x: np.ndarray) -> np.ndarray:
    """Turn (ln Mc, ln q), shape (n, 2), into m1 and m2."""
    mc, q = np.exp(x[:, 0]), np.exp(x[:, 1])
    m1 = mc * (1 + q) ** 0.2 * q**-0.6
    return np.stack([m1, q * m1], 1)


def from_masses(masses: np.ndarray) -> np.ndarray:
    """Turn m1 and m2, shape (n, 2), into (ln Mc, ln q)."""
    m1, m2 = masses.T
    return np.stack([0.6 * np.log(m1 * m2) - 0.2 * np.log(m1 + m2), np.log(m2 / m1)], 1)


def widths(rho: float, spec: GeneratedCatalogue) -> np.ndarray:
    """Standard deviations of the measured ln Mc and ln q at a signal-to-noise ratio, shape (2,)."""
    relative = REFERENCE / rho
    ratio = _RATIO_WIDTH * WIDTH_ETA * spec.scale_eta
    return np.array([WIDTH_MC * spec.scale_Mc * relative, ratio * relative])


def consistent_event(
    rng: np.random.Generator, mass: np.ndarray, log_vt: LogVT, spec: GeneratedCatalogue
) -> np.ndarray:
    """Measure an event and draw its posterior samples under the flat prior.

    Parameters
    ----------
    mass : shape (2,), its true m1 and m2.
    log_vt : ln VT of masses.
    spec : number of rows, widths, and whether there are Gaussians.

    Returns
    -------
    m1 and m2, shape (spec.error_size, 2).
    """
    sd = widths(snr(rng), spec)
    observed = rng.normal(from_masses(mass[None])[0], sd)
    return posterior(rng, observed, sd, log_vt, spec.error_size, both_orders=spec.n_g > 0)


def posterior(
    rng: np.random.Generator,
    observed: np.ndarray,
    sd: np.ndarray,
    log_vt: LogVT,
    size: int,
    *,
    both_orders: bool = False,
) -> np.ndarray:
    """Draw from N(x; observed, sd) VT(m), under a prior that is flat in the masses.

    Parameters
    ----------
    observed, sd : shape (2,): measured ln Mc and ln q, and their standard deviations.
    log_vt : ln VT of masses.
    both_orders : whether m2 may exceed m1.

    Returns
    -------
    m1 and m2, shape (size, 2).
    """
    highest = np.inf if both_orders else 0.0

    def log_weight(x: np.ndarray) -> np.ndarray:
        masses = to_masses(x)
        return log_vt(masses[:, 0], masses[:, 1]) + np.log(masses).sum(1)

    centre = np.array([observed[0], min(observed[1], highest)])
    step = _STEP * sd
    ends = np.concatenate([centre + np.diag(step), centre - np.diag(step)])
    with np.errstate(invalid="ignore"):
        rise = log_weight(ends)
        slope = (rise[:2] - rise[2:]) / (2 * step)
    slope = np.where(np.isfinite(slope), slope, 0.0)
    moved = observed + sd**2 * slope

    def propose(own: np.random.Generator, n: int) -> np.ndarray:
        u = own.random((n, 2))
        ln_q = normal_draw(u[:, 1], moved[1], sd[1], -np.inf, highest)
        return np.stack([normal_draw(u[:, 0], moved[0], sd[0], -np.inf, np.inf), ln_q], 1)

    drawn = accept(rng, propose, lambda x: log_weight(x) - x @ slope, size, pilot=_PILOT)
    return to_masses(drawn)
