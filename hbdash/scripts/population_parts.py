"""The pieces of text of which the script of a population is made, in its order."""

ABOUT = """\
{about}

The event files lie beside it in events/: event_*.dat, with a line that names the columns
(mass_1_source, mass_2_source, and log_prior where the samples have one), then a line a sample.
"""
IMPORTS = """\
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
{ndtr}from numpyro.infer import {samplers}, Predictive
from numpyro.infer.util import unconstrain_fn

jax.config.update("jax_enable_x64", True)
"""
DATA = """\
files = sorted(Path(__file__).parent.glob("events/*.dat"))
events = [np.loadtxt(file, skiprows=1, ndmin=2) for file in files]
table = np.concatenate(events)  # the samples of all events, one below the other
m1, m2 = table[:, 0], table[:, 1]
log_prior = table[:, 2] if table.shape[1] > 2 else 0.0  # under which they were drawn
rows = np.array([len(event) for event in events])
event = np.repeat(np.arange(len(events)), rows)  # of each sample
days = {days!r}  # of observation
"""
POWER_LAW = '''
def log_integral(a, low, high):
    """ln of the integral of x^a from low to high, also where a = -1."""
    width = jnp.log(high / low)
    x = (a + 1) * width
    small = jnp.abs(x) < 1e-6
    safe = jnp.where(small, 1.0, x)
    mean = jnp.where(small, 1 - x / 2, -jnp.expm1(-safe) / safe)
    return (a + 1) * jnp.log(high) + jnp.log(width * mean)


def power_law(m1, m2, alpha, beta, mmin, mmax):
    """ln p(m1, m2): m1 falls as m1^-alpha, q = m2 / m1 rises as q^beta, mmin < m2 < m1 < mmax."""
    inside = (mmin > 0) & (mmin < m1) & (mmin <= m2) & (m2 <= m1) & (m1 <= mmax)
    m1, m2 = jnp.where(inside, m1, 2 * mmin), jnp.where(inside, m2, mmin)  # no NaN outside
    log_m1 = -alpha * jnp.log(m1) - log_integral(-alpha, mmin, mmax)
    log_q = beta * jnp.log(m2 / m1) - log_integral(beta, mmin / m1, 1.0)
    return jnp.where(inside, log_m1 + log_q - jnp.log(m1), -jnp.inf)  # dq = dm2 / m1
'''
NORMAL = '''
def normal(m, loc, scale, low=None, high=None):
    """ln of a normal density, cut at low and high where they are given."""
    nearest = jnp.clip(m, low, high)
    density = dist.TruncatedNormal(loc, scale, low=low, high=high).log_prob(nearest)
    return jnp.where(m == nearest, density, -jnp.inf)
'''
RATE = '''
def log_rates(p, m1, m2):
    """ln of the mergers per Gpc^3, year and squared solar mass, for each component."""
    return jnp.stack(
        [
{terms}
        ]
    )
'''
ANALYTIC = '''
def vt(m1, m2):
    """Volume and time, in Gpc^3 yr, that a day of observation covers."""
    eta = m1 * m2 / (m1 + m2) ** 2
    log_chirp = jnp.log((m1 + m2) * eta**0.6)
    return jnp.exp(-12.669 + 2.561 * log_chirp - 0.097 * log_chirp**2 + 1.142 * jnp.log(4 * eta))
'''
CONSTANT = '''
def vt(m1, m2):
    """Volume and time, in Gpc^3 yr, that a day of observation covers: alike for all masses."""
    return {vt!r} + 0 * m1 * m2
'''
POWER_LAW_VT = '''
def power_law_vt(alpha, beta, mmin, mmax):
    """Mean of VT over a power law, by Gauss-Legendre quadrature in ln m1 and ln q."""
    x, wx = np.polynomial.legendre.leggauss({0})
    y, wy = np.polynomial.legendre.leggauss({1})
    log_m1 = jnp.log(mmax / mmin) * (x[:, None] + 1) / 2  # above mmin
    log_q = -log_m1 * (y + 1) / 2
    weight_m1 = wx * jnp.exp((1 - alpha) * log_m1[:, 0])
    weight_q = wy * jnp.exp((1 + beta) * log_q)
    seen = vt(mmin * jnp.exp(log_m1), mmin * jnp.exp(log_m1 + log_q))
    mean_q = (weight_q * seen).sum(1) / weight_q.sum(1)
    return (weight_m1 * mean_q).sum() / weight_m1.sum()
'''
NORMAL_VT = '''
def normal_nodes(loc, scale, low=-1e6, high=1e6):
    """Masses above zero, and weights that add up to the share of a normal that lies there."""
    a, b, zero = (low - loc) / scale, (high - loc) / scale, -loc / scale
    left = jnp.maximum(a, zero)
    share = jnp.maximum(ndtr(b) - ndtr(left), 0.0) / (ndtr(b) - ndtr(a))
    # Eight standard deviations of the peak; where it is cut off, of what is left.
    start = jnp.maximum(left, -jnp.hypot(jnp.minimum(b, 0.0), 8.0))
    end = jnp.minimum(b, jnp.hypot(jnp.maximum(left, 0.0), 8.0))
    x, w = np.polynomial.legendre.leggauss({0})
    z = start + (end - start) * (x + 1) / 2
    weight = w * jnp.exp(-(z**2) / 2)
    return loc + scale * z, share * weight / weight.sum()


def normal_vt(first, second):
    """Mean of VT over a Gaussian: a sum over the nodes of m1 and of m2."""
    (m1, weight_1), (m2, weight_2) = first, second
    return weight_1 @ vt(m1[:, None], m2) @ weight_2
'''
EXPECTED = '''
def expected(p):
    """Expected number of detections."""
    return days * (
        {sums}
    )
'''
LIKELIHOOD = '''
def log_likelihood(p):
    """Inhomogeneous Poisson process, each event known by its samples (Mandel et al. 2019)."""
    weights = log_rates(p, m1, m2) - log_prior  # component, sample
    # Without the highest of each event, their exponentials could all be zero.
    highest = jnp.maximum(jax.ops.segment_max(weights.max(0), event, len(events)), -1e6)
    highest = jax.lax.stop_gradient(highest)
    weight = jnp.exp(weights - highest[event]).sum(0)
    total = jax.ops.segment_sum(weight, event, len(events))
    found = (highest + jnp.log(total / rows)).sum()
    found += len(events) * jnp.log(days) - expected(p)
{cut}    return jnp.where(jnp.isfinite(found), found, -jnp.inf)
'''
CUT = """\
    # Sums over few samples are uncertain: their variance is kept below {cut!r}.
    squares = jax.ops.segment_sum(weight**2, event, len(events))
    variance = (squares / total**2 - 1 / rows).sum()
    found -= {steepness!r} * jnp.maximum(variance - {cut!r}, 0.0) ** 2
"""
MODEL = """
def model():
    p = {{}}
{priors}
    found = numpyro.deterministic("log_likelihood", log_likelihood(p))
    numpyro.factor("likelihood", found)
"""
SAMPLING = '''\
def starts(count):
    """Draws of the prior under which all events are possible, from the likeliest quarter."""
    drawn = Predictive(model, num_samples=1000)(jax.random.key({seed}))
    order = np.argsort(-drawn["log_likelihood"])
    possible = order[np.isfinite(drawn["log_likelihood"][order])]
    if len(possible) < count:
        raise ValueError("The priors leave hardly any event possible: widen them.")
    best = possible[: max(count, len(possible) // 4)]
    chosen = best[np.linspace(0, len(best) - 1, count).astype(int)]
    found = {{name: drawn[name][chosen] for name in drawn if "likelihood" not in name}}
    return jax.vmap(lambda one: unconstrain_fn(model, (), {{}}, one))(found)


kernel = {kernel}
mcmc = MCMC(
    kernel,
{options})
'''
RUN = """\
start = starts({chains})
{one}mcmc.run(jax.random.key({seed}), init_params=start)
mcmc.print_summary()
"""
ONE_CHAIN = """\
start = {name: values[0] for name, values in start.items()}
"""
