"""The stand-alone NumPyro script of a population: its events are read from their own files."""

import textwrap
from typing import Any

from hbdash.population.nuts_config import KERNEL, PopulationNUTS
from hbdash.population.parameters import Components
from hbdash.population.pmean import Analytic, Constant
from hbdash.population.priors import Priors, resolve
from hbdash.population.quadrature import GAUSSIAN_NODES, SMOOTH_NODES
from hbdash.population.spec import PopulationSpec
from hbdash.population.target import CUT_STEEPNESS
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC
from hbdash.scripts import population_parts as parts
from hbdash.scripts.code import Program, as_script


def script(spec: PopulationSpec, source: str) -> str:
    """Write the NumPyro program of a population as a file; see `program`."""
    return as_script(program(spec, source))


def program(spec: PopulationSpec, source: str) -> Program:
    """Write the NumPyro program of a population.

    Its `log_likelihood` is that of a run, `model` has its posterior. A run by flowMC becomes one by
    AIES, which samples the same posterior without another package.

    Parameters
    ----------
    spec : the configuration.
    source : where the events come from, in words.

    Raises
    ------
    ValueError
        Where the expected number comes from a file, which a script alone cannot hold.
    """
    c, priors = spec.components, resolve(spec.priors, spec.components)
    if not isinstance(spec.pmean, Analytic | Constant):
        raise ValueError(
            "A script of its own holds no network and no injections. Choose the analytic or a "
            "constant sensitivity to see the script, or run the command line with the files."
        )
    pieces = [
        parts.POWER_LAW * bool(c.n_pl),
        parts.NORMAL * bool(c.n_g),
        parts.RATE.format(terms=_terms(c, priors)),
        parts.CONSTANT.format(vt=spec.pmean.vt)
        if isinstance(spec.pmean, Constant)
        else parts.ANALYTIC,
        parts.POWER_LAW_VT.format(*SMOOTH_NODES) * bool(c.n_pl),
        parts.NORMAL_VT.format(*GAUSSIAN_NODES) * bool(c.n_g),
        parts.EXPECTED.format(sums=_sums(c, priors)),
        parts.LIKELIHOOD.format(cut=_cut(spec)),
        parts.MODEL.format(priors=_priors(priors)),
    ]
    sampling, run = _sampling(spec, priors)
    return Program(
        about=parts.ABOUT.format(about=_about(spec, source)),
        imports=parts.IMPORTS.format(
            ndtr="from jax.scipy.special import ndtr\n" * bool(c.n_g),
            samplers="MCMC, NUTS" if isinstance(spec.sampler, PopulationNUTS) else "AIES, MCMC",
        ),
        data=parts.DATA.format(days=spec.pmean.time_scale),
        model="\n\n".join(piece.strip("\n") + "\n" for piece in pieces if piece),
        sampling=sampling,
        run=run,
    )


def _about(spec: PopulationSpec, source: str) -> str:
    def counted(n: int, what: str) -> str:
        return f"{n} {what}{'s' * (n != 1)}"

    what = [counted(spec.n_pl, "power law")] * bool(spec.n_pl)
    what += [counted(spec.n_g, "Gaussian")] * bool(spec.n_g)
    words = " ".join(source.split()).replace("\\", "/").replace('"', "'")
    about = f"A population of {' and '.join(what)}: {words or 'own events'}."
    about += " Runs with numpyro alone."
    if getattr(spec.pmean, "method", "") == "monte_carlo":
        about += " The expected number is found by quadrature, where the lab draws."
    if isinstance(spec.sampler, FlowMC):
        about += " AIES samples here the posterior that flowMC samples in the lab."
    return textwrap.fill(about, 96)


def _mass(j: int, mass: int, priors: Priors) -> str:
    """Arguments of one mass of a Gaussian; an absent bound is none of them."""
    given = [f'p["m{mass}_{part}_g_{j}"]' for part in ("loc", "scale")]
    for end in ("low", "high"):
        if (name := f"m{mass}_{end}_g_{j}") not in priors.shape.absent:
            given.append(f'{end}=p["{name}"]')
    return ", ".join(given)


def _law(i: int) -> str:
    return ", ".join(f'p["{name}_pl_{i}"]' for name in ("alpha", "beta", "mmin", "mmax"))


def _terms(c: Components, priors: Priors) -> str:
    """Write ln of the rate density of each component, an entry of a list."""
    terms = [[f"power_law(m1, m2, {_law(i)})"] for i in range(c.n_pl)]
    terms += [
        [f"normal(m{mass}, {_mass(j, mass, priors)})" for mass in (1, 2)] for j in range(c.n_g)
    ]
    return "\n".join(
        f'            p["{rate}"]\n            + ' + "\n            + ".join(term) + ","
        for rate, term in zip(c.log_rates, terms, strict=True)
    )


def _sums(c: Components, priors: Priors) -> str:
    """Write the mean of VT over each component, times its rate."""
    means = [f"power_law_vt({_law(i)})" for i in range(c.n_pl)]
    for j in range(c.n_g):
        nodes = [f"normal_nodes({_mass(j, mass, priors)})" for mass in (1, 2)]
        means.append("normal_vt(\n            {},\n            {},\n        )".format(*nodes))
    written = [
        f'jnp.exp(p["{rate}"])\n        * {mean}'
        for rate, mean in zip(c.log_rates, means, strict=True)
    ]
    return "\n        + ".join(written)


def _cut(spec: PopulationSpec) -> str:
    if spec.variance_cut is None:
        return ""
    return parts.CUT.format(cut=spec.variance_cut, steepness=CUT_STEEPNESS)


def _priors(priors: Priors) -> str:
    lines = [f'    p["{name}"] = {value!r}' for name, value in priors.constants.items()]
    for site in priors.shape.sites:
        numbers = priors.numbers[site.name]
        given = ", ".join(
            f"{key}={float(numbers[key])!r}" if other is None else f'{key}=p["{other}"]'
            for key, other in site.arguments
        )
        drawn = f'numpyro.sample("{site.name}", dist.{site.family}({given}))'
        lines.append(f'    p["{site.name}"] = {drawn}')
    lines += [f'    p["{alias}"] = p["{name}"]' for alias, name in priors.shape.aliases]
    return "\n".join(lines)


def _sampling(spec: PopulationSpec, priors: Priors) -> tuple[str, str]:
    sampler, size = spec.sampler, len(priors.shape.sampled)
    if isinstance(sampler, FlowMC):
        sampler = AIES(seed=sampler.seed).fitted(size)
    options: dict[str, Any] = {"num_warmup": sampler.num_warmup, "num_samples": sampler.num_samples}
    if isinstance(sampler, AIES):
        moves = f"{{AIES.DEMove(): {sampler.moves.de!r}, AIES.StretchMove(): "
        kernel = f"AIES(model, moves={moves}{sampler.moves.stretch!r}}}"
        kernel += ", randomize_split=True" * sampler.randomize_split + ")"
        chains, method = sampler.ensemble_size, "vectorized"
    else:
        kernel, chains, method = _nuts(sampler), sampler.num_chains, "sequential"
    options |= {"num_chains": chains, "chain_method": f'"{method}"'}
    if sampler.thinning > 1:
        options["thinning"] = sampler.thinning
    sampling = parts.SAMPLING.format(
        kernel=kernel,
        options="".join(f"    {name}={value},\n" for name, value in options.items()),
        seed=sampler.seed,
    )
    one = parts.ONE_CHAIN * (chains == 1)
    return sampling, parts.RUN.format(chains=chains, seed=sampler.seed, one=one)


def _nuts(sampler: PopulationNUTS) -> str:
    """Write the kernel, with those of NumPyro's own values that are changed."""
    given = {"target_accept_prob": sampler.target_accept_prob} | dict(sampler.options)
    given |= {n: getattr(sampler, n) for n in KERNEL if getattr(sampler, n) != KERNEL[n]}
    lines = "".join(f"    {name}={value!r},\n" for name, value in given.items())
    return f"NUTS(\n    model,\n{lines})"
