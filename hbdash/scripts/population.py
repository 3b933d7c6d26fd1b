"""The stand-alone NumPyro script of a population: its events are read from their own files."""

from hbdash.population.parameters import Components
from hbdash.population.pmean import Analytic, Constant
from hbdash.population.priors import Priors, resolve
from hbdash.population.spec import PopulationSpec
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC

_HEAD = '''\
"""A population of {about}. Runs with numpyro alone.

The event files, event_*.dat with the columns mass_1_source and mass_2_source, lie beside it in
events/.
"""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.scipy.special import log_ndtr, logsumexp
from numpyro.infer import AIES, MCMC, NUTS

jax.config.update("jax_enable_x64", True)

files = sorted(
    Path("events").glob("*.dat"), key=lambda file: [int(n) for n in re.findall(r"\\d+", file.name)]
)
samples = [np.genfromtxt(file, skip_header=1, ndmin=2, usecols=(0, 1)) for file in files]
m1, m2 = jnp.concatenate([jnp.asarray(one) for one in samples]).T
event = np.repeat(np.arange(len(samples)), [len(one) for one in samples])
rows = jnp.array([len(one) for one in samples])
days = {days!r}


def log_normaliser(a, low, high):
    """ln of the integral of x^a over (low, high), also at a = -1."""
    width, e = jnp.log(high / low), a + 1
    x = e * width
    small = jnp.abs(x) < 1e-6
    safe = jnp.where(small, 1.0, x)
    ratio = jnp.where(small, 1 - x / 2, -jnp.expm1(-safe) / safe)
    return e * jnp.log(high) + jnp.log(width) + jnp.log(ratio)


def power_law(m1, m2, alpha, beta, mmin, mmax):
    inside = (mmin <= m2) & (m2 <= m1) & (m1 <= mmax) & (mmin < m1) & (mmin < mmax)
    x1, x2 = jnp.where(inside, m1, 2 * mmin), jnp.where(inside, m2, mmin)
    log_q = jnp.log(x2 / x1)
    density = (
        -alpha * jnp.log(x1)
        - log_normaliser(-alpha, mmin, jnp.where(mmin < mmax, mmax, 2 * mmin))
        + beta * log_q
        - log_normaliser(beta, mmin / x1, 1.0)
        - jnp.log(x1)
    )
    return jnp.where(inside, density, -jnp.inf)


def truncated_normal(x, loc, scale, low=-jnp.inf, high=jnp.inf):
    return dist.TruncatedNormal(loc, scale, low=low, high=high).log_prob(x)


def log_rate(p, m1, m2):
    """ln of the rate density of (m1, m2)."""
    return logsumexp(jnp.stack([
{components}
    ]), axis=0)


'''
_ANALYTIC = '''\
x, w = np.polynomial.legendre.leggauss(96)
x, w = (x + 1) / 2, w / 2


def log_vt(m1, m2):
    """ln of the sensitive volume times a day, in Gpc^3 yr."""
    eta = m1 * m2 / (m1 + m2) ** 2
    chirp = jnp.log((m1 + m2) * eta**0.6)
    return -12.669 + 2.561 * chirp - 0.097 * chirp**2 + 1.142 * jnp.log(4 * eta)


def seen(log_density, low1, high1, low2, high2):
    """Integrate a density times VT over ln m1 and ln m2 between bounds; low2 and high2 of m1."""
    a = jnp.exp(jnp.log(low1) + x * jnp.log(high1 / low1))[:, None]
    b = jnp.exp(jnp.log(low2(a)) + x * jnp.log(high2(a) / low2(a)))
    jacobian = a * jnp.log(high1 / low1) * b * jnp.log(high2(a) / low2(a))
    return jnp.sum(w[:, None] * w * jacobian * jnp.exp(log_density(a, b) + log_vt(a, b)))


def expected(p):
    """Expected number of detections."""
    return days * (
{sums}
    )


'''
_CONSTANT = '''\
def expected(p):
    """Expected number of detections."""
    return days * {vt!r} * ({rates})


'''
_MODEL = """\
def model():
    p = {{}}
{priors}
    density = log_rate(p, m1, m2)
    highest = jax.ops.segment_max(density, event, len(samples))
    safe = jnp.where(jnp.isfinite(highest), highest, 0.0)
    total = jax.ops.segment_sum(jnp.exp(density - safe[event]), event, len(samples))
    possible = total > 0
    found = jnp.where(possible, safe + jnp.log(jnp.where(possible, total, 1.0) / rows), -jnp.inf)
    numpyro.factor("events", found.sum() + len(samples) * jnp.log(days))
    numpyro.factor("number", -expected(p))


{run}"""
_RUN = """\
kernel = {kernel}
mcmc = MCMC(
    kernel,
    num_warmup={num_warmup},
    num_samples={num_samples},
    num_chains={num_chains},
    chain_method="{method}",
    progress_bar=False,
)
if __name__ == "__main__":
{start}    mcmc.run(jax.random.key({seed}){init})
    mcmc.print_summary()
"""
_STARTS = """\
    # Walkers start where the likelihood is not zero: much of the prior is impossible.
    start = {{}}
    for seed in range(10_000):
        drawn = numpyro.handlers.trace(numpyro.handlers.seed(model, seed)).get_trace()
        if all(jnp.isfinite(site["fn"].log_prob(site["value"]).sum()) for site in drawn.values()):
            for name, site in drawn.items():
                if not site["is_observed"]:
                    back = dist.biject_to(site["fn"].support).inv
                    start.setdefault(name, []).append(back(site["value"]))
        if start and len(next(iter(start.values()))) == {count}:
            break
    start = {{name: jnp.stack(values) for name, values in start.items()}}
"""


def script(spec: PopulationSpec, source: str) -> str:
    """Write the NumPyro program of a population.

    A run by flowMC becomes one by AIES, which samples the same posterior without another package.

    Raises
    ------
    ValueError
        Where the expected number comes from a file, which a script alone cannot hold.
    """
    c, priors = spec.components, resolve(spec.priors, spec.components)
    about = f"{c.n_pl} power laws and {c.n_g} Gaussians ({source})".replace('"', "'")
    absent = set(c.names) - set(_known(c, priors))
    text = _HEAD.format(
        about=" ".join(about.split()),
        days=spec.pmean.time_scale,
        components=_components(c, absent),
    )
    rates = " + ".join(f'jnp.exp(p["{name}"])' for name in c.log_rates)
    match spec.pmean:
        case Constant():
            text += _CONSTANT.format(vt=spec.pmean.vt, rates=rates)
        case Analytic():
            text += _ANALYTIC.format(sums=_sums(c, absent))
        case _:
            raise ValueError(
                "A script of its own holds no network and no injections. Choose the analytic or a "
                "constant sensitivity to see the script, or run the command line with the files."
            )
    return text + _MODEL.format(priors=_priors(priors), run=_run(spec))


def _known(c: Components, priors: Priors) -> list[str]:
    aliases = dict(priors.shape.aliases)
    return [*priors.shape.sampled, *priors.constants, *aliases]


def _normal(j: int, i: int, absent: set[str]) -> str:
    ends = [e for e in ("low", "high") if f"m{i}_{e}_g_{j}" not in absent]
    parts = [f'p["m{i}_{part}_g_{j}"]' for part in ("loc", "scale")]
    parts += [f'{end}=p["m{i}_{end}_g_{j}"]' for end in ends]
    return ", ".join(parts)


def _component(c: Components, k: int, absent: set[str], a: str = "m1", b: str = "m2") -> str:
    if k < c.n_pl:
        names = ("alpha", "beta", "mmin", "mmax")
        return f"power_law({a}, {b}, " + ", ".join(f'p["{n}_pl_{k}"]' for n in names) + ")"
    j = k - c.n_pl
    return " + ".join(
        f"truncated_normal({x}, {_normal(j, i, absent)})" for i, x in ((1, a), (2, b))
    )


def _components(c: Components, absent: set[str]) -> str:
    return "\n".join(
        f'        p["{rate}"] + {_component(c, k, absent)},' for k, rate in enumerate(c.log_rates)
    )


def _sums(c: Components, absent: set[str]) -> str:
    lines = []
    for k, rate in enumerate(c.log_rates):
        density = f"lambda a, b: {_component(c, k, absent, 'a', 'b')}"
        if k < c.n_pl:
            low, high = f'p["mmin_pl_{k}"]', f'p["mmax_pl_{k}"]'
            bounds = f"{low}, {high}, lambda a: {low} + 0 * a, lambda a: a"
        else:
            ends = [_ends(k - c.n_pl, i, absent) for i in (1, 2)]
            second = ", ".join(f"lambda a: {end} + 0 * a" for end in ends[1])
            bounds = f"{ends[0][0]}, {ends[0][1]}, {second}"
        lines.append(f'        jnp.exp(p["{rate}"])\n        * seen({density}, {bounds})')
    return "\n        + ".join(line.lstrip() for line in lines).join(["        ", ""])


def _ends(j: int, i: int, absent: set[str]) -> tuple[str, str]:
    """Bounds of a Gaussian: eight standard deviations, cut to where it is not zero."""
    loc, scale = f'p["m{i}_loc_g_{j}"]', f'p["m{i}_scale_g_{j}"]'
    low, high = f"jnp.maximum({loc} - 8 * {scale}, 1e-3)", f"{loc} + 8 * {scale}"
    if f"m{i}_low_g_{j}" not in absent:
        low = f'jnp.maximum({low}, p["m{i}_low_g_{j}"])'
    if f"m{i}_high_g_{j}" not in absent:
        high = f'jnp.minimum({high}, p["m{i}_high_g_{j}"])'
    return low, high


def _priors(priors: Priors) -> str:
    lines = [f'    p["{name}"] = {value!r}' for name, value in priors.constants.items()]
    for name in priors.shape.sampled:
        lines.append(f'    p["{name}"] = numpyro.sample("{name}", {_distribution(priors, name)})')
    lines += [f'    p["{a}"] = p["{name}"]' for a, name in dict(priors.shape.aliases).items()]
    return "\n".join(lines)


def _distribution(priors: Priors, name: str) -> str:
    family, arguments = _family(priors, name)
    written = ", ".join(f"{key}={value}" for key, value in arguments.items())
    return f"dist.{family}({written})"


def _family(priors: Priors, name: str) -> tuple[str, dict[str, str]]:
    site = priors.shape.site(name)
    return site.family, {
        key: f'p["{other}"]' if other is not None else repr(float(priors.numbers[name][key]))
        for key, other in site.arguments
    }


def _run(spec: PopulationSpec) -> str:
    sampler = spec.sampler
    if isinstance(sampler, FlowMC):
        sampler = AIES(seed=sampler.seed)
    if isinstance(sampler, AIES):
        count = sampler.num_walkers
        return _RUN.format(
            kernel="AIES(model)",
            num_warmup=sampler.num_warmup,
            num_samples=sampler.num_samples,
            num_chains=count,
            method="vectorized",
            seed=sampler.seed,
            start=_STARTS.format(count=count),
            init=", init_params=start",
        )
    kernel = (
        f"NUTS(model, target_accept_prob={sampler.target_accept_prob}, "
        f"max_tree_depth={sampler.max_tree_depth})"
    )
    return _RUN.format(
        kernel=kernel,
        num_warmup=sampler.num_warmup,
        num_samples=sampler.num_samples,
        num_chains=sampler.num_chains,
        method="sequential",
        seed=sampler.seed,
        start="",
        init="",
    )
