"""A numpyro_config.json, NUTS as GWKokab's files configure it, read and written."""

import json
from typing import Any

from hbdash.population.config_values import check_flag, check_known, section, validated
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.strict_json import kind, parse_object

#: Options of `numpyro.infer.NUTS` and of `numpyro.infer.MCMC` that a file may hold.
KERNEL = (
    "step_size",
    "inverse_mass_matrix",
    "adapt_step_size",
    "adapt_mass_matrix",
    "dense_mass",
    "target_accept_prob",
    "max_tree_depth",
    "find_heuristic_step_size",
    "forward_mode_differentiation",
    "regularize_mass_matrix",
)
MCMC = (
    "num_warmup",
    "num_samples",
    "num_chains",
    "thinning",
    "chain_method",
    "progress_bar",
    "progress_rate",
    "jit_model_args",
)
#: Words about options that say how to run, not what to compute.
_TOLD = ("progress_bar", "progress_rate", "jit_model_args")
#: What GWKokab 0.3 takes where a file with a sampler_name leaves an option out.
_NEWER = {"max_tree_depth": 8, "num_warmup": 1000, "num_samples": 2000}
#: The field that the first number of a max_tree_depth of two is.
_WARMUP = "warmup_tree_depth"


def read_numpyro_config(
    text: str | bytes, where: str = "numpyro_config.json"
) -> tuple[PopulationNUTS, tuple[str, ...]]:
    """Read a numpyro_config.json.

    Three forms are one: ``{"kernel": {...}, "mcmc": {...}}``, the same with ``"sampler_name":
    "numpyro"``, and all options at the top. Options that are left out are NumPyro's, or with a
    sampler_name those of GWKokab 0.3 (max_tree_depth 8, 1000 and 2000 steps); num_chains is 1 in
    both. The seed is no part of the file.

    Parameters
    ----------
    text : the content of the file.
    where : its name, for messages.

    Returns
    -------
    The config, and notes on options that mean something else here, a sentence each.

    Raises
    ------
    ValueError
        Where the file is no strict JSON, an option is unknown, missing or out of bounds, or cannot
        be honoured.
    """
    return numpyro_config_of(parse_object(text, where), where)


def numpyro_config_of(
    content: dict[str, Any], where: str
) -> tuple[PopulationNUTS, tuple[str, ...]]:
    """Read the content of a numpyro_config.json; see `read_numpyro_config`."""
    kernel, mcmc = _parts(content, where)
    nested = "kernel" in content or "mcmc" in content
    fields = {"num_chains": 1} | kernel | mcmc
    if "sampler_name" in content or not nested:
        fields = _NEWER | fields
    else:
        missing = [name for name in ("num_warmup", "num_samples") if name not in mcmc]
        if missing:
            raise ValueError(f'{where}, "mcmc": must give {" and ".join(missing)}; add them.')
    _check_mass(fields, f'{where}, "kernel"' if nested else where)
    notes = _notes(fields, where)
    for name in ("inverse_mass_matrix", *_TOLD):
        fields.pop(name, None)
    depth = fields.get("max_tree_depth")
    if isinstance(depth, list):
        if len(depth) != 2:
            raise ValueError(
                f'{where}, "max_tree_depth": must be a whole number or two, [in the warmup, '
                f"after it], got {kind(depth)}."
            )
        fields |= {_WARMUP: depth[0], "max_tree_depth": depth[1]}
    config = validated(PopulationNUTS, fields, {_WARMUP: "max_tree_depth"}, where)
    return config, tuple(notes)


def write_numpyro_config(config: PopulationNUTS) -> str:
    """Write the form with a kernel and an mcmc part.

    The kernel holds what differs from NumPyro's own values. The seed and the number of divergences
    after which a run ends have no place in the file.
    """
    plain = PopulationNUTS()
    kernel: dict[str, Any] = {
        name: getattr(config, name)
        for name in KERNEL
        if name != "inverse_mass_matrix" and getattr(config, name) != getattr(plain, name)
    }
    if config.warmup_tree_depth not in (None, config.max_tree_depth):
        kernel["max_tree_depth"] = [config.warmup_tree_depth, config.max_tree_depth]
    mcmc = {name: getattr(config, name) for name in MCMC if name not in _TOLD}
    told = {"progress_bar": True, "jit_model_args": True}
    return json.dumps({"kernel": kernel, "mcmc": mcmc | told}, indent=4) + "\n"


def _parts(content: dict[str, Any], where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take the options of the kernel and of the run out of either form."""
    name = content.get("sampler_name", "numpyro")
    if name != "numpyro":
        raise ValueError(f'{where}, "sampler_name": must be "numpyro", got {kind(name)}.')
    options = {key: value for key, value in content.items() if key != "sampler_name"}
    if "seed" in options:
        raise ValueError(
            f'{where} has no option "seed": the seed is given beside the file (--seed).'
        )
    if "kernel" in options or "mcmc" in options:
        for key in options:
            if key in KERNEL + MCMC:
                part = "kernel" if key in KERNEL else "mcmc"
                raise ValueError(f'{where}, "{key}": belongs into "{part}"; move it there.')
        check_known(options, ("kernel", "mcmc", "sampler_name"), where)
        kernel, mcmc = section(options, "kernel", where), section(options, "mcmc", where)
        check_known(kernel, KERNEL, f'{where}, "kernel"')
        check_known(mcmc, MCMC, f'{where}, "mcmc"')
        return kernel, mcmc
    check_known(options, (*KERNEL, *MCMC, "kernel", "mcmc"), where)
    return (
        {key: value for key, value in options.items() if key in KERNEL},
        {key: value for key, value in options.items() if key in MCMC},
    )


def _check_mass(fields: dict[str, Any], where: str) -> None:
    if fields.get("inverse_mass_matrix") is not None:
        raise ValueError(
            f'{where}, "inverse_mass_matrix": must be null, got '
            f"{kind(fields['inverse_mass_matrix'])}. Its entries go by an order of parameters that "
            f"a file cannot name; the warmup finds the matrix (adapt_mass_matrix)."
        )
    if isinstance(fields.get("dense_mass"), list):
        raise ValueError(
            f'{where}, "dense_mass": must be true or false, got {kind(fields["dense_mass"])}. '
            f"Blocks of parameters are not offered here; true correlates all of them."
        )


def _notes(fields: dict[str, Any], where: str) -> list[str]:
    """Check what says how to run, and say what happens instead."""
    notes = []
    method = fields.get("chain_method", "parallel")
    if method in ("parallel", "sequential", "vectorized"):
        notes.append(
            f"chain_method {method}: one compiled chain runs in a thread of each processor, "
            f"whichever word stands there; the draws are the same."
        )
    for name in ("progress_bar", "jit_model_args"):
        if name in fields:
            check_flag(fields[name], f'{where}, "{name}"')
    rate = fields.get("progress_rate")
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int) or rate < 1):
        raise ValueError(
            f'{where}, "progress_rate": must be a positive whole number or null, got {kind(rate)}.'
        )
    if "progress_bar" in fields or rate is not None:
        notes.append("progress_bar, progress_rate: progress is shown where the run was asked for.")
    if "jit_model_args" in fields:
        notes.append(
            "jit_model_args: data and priors are always inputs of the compiled program, so that "
            "other numbers do not compile it again."
        )
    if fields["num_chains"] == 1:
        notes.append("num_chains 1: R-hat compares chains; ask for four or more.")
    return notes
