"""The stand-alone NumPyro program of exactly one configuration, and of a run."""

import json
import re
import textwrap
from itertools import groupby

import numpy as np
import xarray as xr

from hbdash.models import MODELS
from hbdash.parameterization import Learned, label, of_effect
from hbdash.population.spec import PopulationSpec
from hbdash.question import settle
from hbdash.scripts import SCRIPTS, population
from hbdash.scripts.code import Program, as_script, comment, words
from hbdash.spec import RunSpec, parse

_IMPORTS = """\
import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS
{reparam}
jax.config.update("jax_enable_x64", True)
"""
_SAMPLING = """\
kernel = NUTS(
    model,
    target_accept_prob={target_accept_prob},
    max_tree_depth={max_tree_depth},
    dense_mass={dense_mass},
)
mcmc = MCMC(
    kernel,
    num_warmup={num_warmup},
    num_samples={num_samples},
    num_chains={num_chains},
    chain_method="sequential",
    progress_bar=False,
)
"""
_RUN = """\
mcmc.run(jax.random.key({seed}))
mcmc.print_summary()
"""
#: A line of an array: numbers, labels, or rows of numbers.
_NUMBERS = re.compile(r' +(?:\[+)?(?:-?[\d.]+(?:e[-+]?\d+)?|jnp\.nan|"(?:[^"\\]|\\.)*")(?:,|\])')


def script(spec: RunSpec, found: dict[str, np.ndarray] | None = None) -> str:
    """Write the NumPyro program of a group model's spec as a file, with its data in it.

    Parameters
    ----------
    spec, found : as of `program`.
    """
    return as_script(program(spec, found))


def of_run(dt: xr.DataTree) -> Program:
    """Write the program of a finished run.

    Raises
    ------
    ValueError
        Where its expected number of events comes from a file, which a program alone cannot hold.
    LookupError
        Where its data are no longer in this machine's store.
    """
    spec = parse(json.loads(dt.attrs["spec"]))
    if isinstance(spec, PopulationSpec):
        return population.program(spec, str(dt.attrs.get("source", "")))
    constant, prefix = dt["constant_data"].to_dataset(), "centeredness_"
    found = {str(n).removeprefix(prefix): constant[n].values for n in constant if prefix in str(n)}
    return program(spec, found)


def program(spec: RunSpec, found: dict[str, np.ndarray] | None = None) -> Program:
    """Write the NumPyro program of a group model's spec, with its data in it.

    Parameters
    ----------
    spec : the configuration.
    found : the centeredness of each effect that a finished run found, of the effect's shape; used
        where it is learned; where it is not given, the closed form that learning starts from.

    Notes
    -----
    The program samples the same posterior; its draws differ, because `MCMC` spends random numbers
    in another order.
    """
    data, model = spec.grouped(), MODELS[spec.model]
    values = settle(spec, data, model.levels(data, spec.priors))
    learned = [e for e in values if isinstance(of_effect(spec.parameterization, e), Learned)]
    known = {e: np.asarray(c) for e, c in (found or {}).items() if e in learned}
    part = SCRIPTS[spec.model](data, spec.priors, values | known)
    how = f", {label(spec.parameterization)}" if values else ""
    about = f"{model.title}{how}: {words(data.source) or 'own data'}. Runs with numpyro alone."
    arrays = part.data
    if part.centeredness:
        remark = "" if not learned else " (learned by variational inference)"
        if len(known) < len(learned):
            remark = " (learned in the run; the closed form stands in before it)"
        each = "weight" if "w" in values else "group"
        arrays += comment(f"1 centered, 0 non-centered, for each {each}{remark}.")
        arrays += part.centeredness
    sampler = spec.sampler.model_dump(exclude={"max_divergences"})
    reparam = "from numpyro.infer.reparam import LocScaleReparam\n" * bool(part.centeredness)
    return Program(
        about=textwrap.fill(about, 96),
        imports=_IMPORTS.format(reparam=reparam),
        data=arrays,
        model=part.model,
        sampling=_SAMPLING.format(**sampler),
        run=_RUN.format(**sampler),
    )


def shortened(text: str, lines: int = 12) -> str:
    """Cut each long array of a script to so many of its lines, for a screen.

    What is cut reads ``...``, so that a script pasted without its data stops with an error.
    """
    found: list[str] = []
    for numbers, block in groupby(text.splitlines(), lambda line: bool(_NUMBERS.match(line))):
        body = list(block)
        if numbers and len(body) > lines + 1:
            indent = re.match(" *", body[0])[0]  # pyright: ignore[reportOptionalSubscript]
            remark = f"{indent}...,  # {len(body) - lines:,} more lines: the download has them"
            body = [*body[: lines // 2], remark, *body[-(lines - lines // 2) :]]
        found += body
    return "\n".join(found) + "\n"
