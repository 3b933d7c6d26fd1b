"""A flowMC_config.json, flowMC as GWKokab's files configure it, read and written."""

import json
from typing import Any

from hbdash.population.config_values import check_flag, check_known, section, validated
from hbdash.population.flowmc_keys import BUNDLE, DATA_DUMP, FIELDS, KEYS, NEW, NEWER, OLDER
from hbdash.population.strict_json import kind, parse_object
from hbdash.samplers.flowmc import FlowMC


def read_flowmc_config(
    text: str | bytes, where: str = "flowMC_config.json"
) -> tuple[FlowMC, tuple[str, ...]]:
    """Read a flowMC_config.json.

    Two forms are one: ``{"data_dump": {...}, "bundle_config": {...}}``, and all keys at the top,
    with ``"sampler_name": "flowMC"``. In the nested form only history_window, local_sampler_name,
    condition_matrix and n_leapfrog may be left out; in the flat one every key may. The values
    then are those of GWKokab 0.2 and 0.3. The seed is no part of the file.

    Parameters
    ----------
    text : the content of the file.
    where : its name, for messages.

    Returns
    -------
    The config, and notes on keys that mean something else here, a sentence each.

    Raises
    ------
    ValueError
        Where the file is no strict JSON, a key is unknown, missing or out of bounds, or cannot be
        honoured.
    """
    return flowmc_config_of(parse_object(text, where), where)


def flowmc_config_of(content: dict[str, Any], where: str) -> tuple[FlowMC, tuple[str, ...]]:
    """Read the content of a flowMC_config.json; see `read_flowmc_config`."""
    bundle, dump = _parts(content, where)
    notes = _notes(bundle, dump, where)
    fields = {FIELDS.get(key, key): value for key, value in bundle.items()}
    if "n_samples" in dump:
        fields["flow_samples"] = dump["n_samples"]
    return validated(FlowMC, fields, KEYS, where), tuple(notes)


def write_flowmc_config(config: FlowMC) -> str:
    """Write the form with a data_dump and a bundle_config; the seed has no place in it.

    Options that flowMC has got since are written where they are not false.
    """
    fields = config.model_dump(mode="json")
    bundle = {key: fields[FIELDS.get(key, key)] for key in BUNDLE}
    bundle |= {key: fields[key] for key in NEW if fields[key]}
    dump = {"n_samples": config.flow_samples}
    return json.dumps({"data_dump": dump, "bundle_config": bundle}, indent=4) + "\n"


def _parts(content: dict[str, Any], where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take the keys of the bundle and of the data dump out of either form."""
    name = content.get("sampler_name", "flowMC")
    if name != "flowMC":
        raise ValueError(f'{where}, "sampler_name": must be "flowMC", got {kind(name)}.')
    options = {key: value for key, value in content.items() if key != "sampler_name"}
    if "seed" in options:
        raise ValueError(f'{where} has no key "seed": the seed is given beside the file (--seed).')
    dump = section(options, "data_dump", where)
    check_known(dump, DATA_DUMP, f'{where}, "data_dump"')
    if "data_dump" in options and "n_samples" not in dump:
        raise ValueError(f'{where}, "data_dump": must give n_samples; add it.')
    if "bundle_config" in options:
        for key in options:
            if key in BUNDLE + NEW:
                raise ValueError(f'{where}, "{key}": belongs into "bundle_config"; move it there.')
        check_known(options, ("data_dump", "bundle_config", "sampler_name"), where)
        bundle, place = section(options, "bundle_config", where), f'{where}, "bundle_config"'
        check_known(bundle, BUNDLE + NEW, place)
        missing = [key for key in BUNDLE if key not in bundle and key not in OLDER]
        if missing:
            raise ValueError(f"{place}: must give {', '.join(missing)}; add them.")
        return OLDER | bundle, dump
    bundle = {key: value for key, value in options.items() if key != "data_dump"}
    check_known(bundle, (*BUNDLE, *NEW, "data_dump", "bundle_config"), where)
    return NEWER | bundle, dump


def _notes(bundle: dict[str, Any], dump: dict[str, Any], where: str) -> list[str]:
    """Check the data dump, and say what a key means here."""
    for key in DATA_DUMP[1:]:
        if key in dump:
            check_flag(dump[key], f'{where}, "data_dump", "{key}"')
    if dump.get("save_weighted_samples"):
        raise ValueError(
            f'{where}, "save_weighted_samples": must be false, got true. The draws of the '
            f"production chains are the posterior, and need no weights."
        )
    notes = [
        "step_size and condition_matrix act in NumPyro's unconstrained space: the posterior is the "
        "same, acceptance is not."
    ]
    if isinstance(bundle["condition_matrix"], list):
        notes.append(
            "condition_matrix: its entries go by the order of the sampled parameters in the table "
            "of priors, not by the alphabet."
        )
    if bundle["local_sampler_name"] in ("mala", "grw"):
        notes.append("n_leapfrog and condition_matrix are used by hmc alone.")
    if "n_samples" in dump:
        notes.append(
            "data_dump.n_samples: so many draws of the trained flow are kept beside the posterior, "
            "which is the production chains."
        )
    if "save_chains_every_step" in dump:
        notes.append("save_chains_every_step: chains are kept as they are made.")
    if bundle.get("verbose") is True:
        notes.append("verbose: what flowMC says goes to the log; progress is shown by itself.")
    return notes
