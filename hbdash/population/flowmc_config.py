"""A flowMC_config.json, flowMC as GWKokab's files configure it, read and written."""

import json
from typing import Any

from hbdash.population.config_values import check_flag, check_known, section, validated
from hbdash.population.flowmc_keys import (
    BUNDLE,
    DATA_DUMP,
    FIELDS,
    KEYS,
    MASS,
    NEW,
    NEWER,
    OLDER,
    REFUSED,
)
from hbdash.population.strict_json import kind, parse_object
from hbdash.samplers.flowmc import FlowMC


def read_flowmc_config(
    text: str | bytes, where: str = "flowMC_config.json"
) -> tuple[FlowMC, tuple[str, ...]]:
    """Read a flowMC_config.json.

    Two forms are one: ``{"data_dump": {...}, "bundle_config": {...}}``, and all keys at the top,
    with ``"sampler_name": "flowMC"``. In the nested form only history_window, local_sampler_name,
    condition_matrix and n_leapfrog may be left out; in the flat one every key may. The values
    then are those of GWKokab 0.2 and 0.3. A mass_matrix, as GWKokab 0.3 has it, is the inverse of
    condition_matrix. The seed is no part of the file.

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
    bundle, said = _without_mass(bundle, where)
    notes = [*_notes(bundle, dump, where), *said]
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
            if key in (*BUNDLE, *NEW, MASS):
                raise ValueError(f'{where}, "{key}": belongs into "bundle_config"; move it there.')
        check_known(options, ("data_dump", "bundle_config", "sampler_name"), where)
        bundle, place = section(options, "bundle_config", where), f'{where}, "bundle_config"'
        _check_refused(bundle, place)
        check_known(bundle, (*BUNDLE, *NEW, MASS), place)
        missing = [key for key in BUNDLE if key not in bundle and key not in OLDER]
        if missing:
            raise ValueError(f"{place}: must give {', '.join(missing)}; add them.")
        return _filled(OLDER, bundle, place), dump
    bundle = {key: value for key, value in options.items() if key != "data_dump"}
    _check_refused(bundle, where)
    check_known(bundle, (*BUNDLE, *NEW, MASS, "data_dump", "bundle_config"), where)
    return _filled(NEWER, bundle, where), dump


def _check_refused(bundle: dict[str, Any], where: str) -> None:
    """Refuse keys that flowMC has and hbdash has not, with the reason."""
    for key in bundle:
        if key in REFUSED:
            raise ValueError(f'{where}, "{key}": is refused: {REFUSED[key]}. Leave it out.')


def _filled(usual: dict[str, Any], bundle: dict[str, Any], where: str) -> dict[str, Any]:
    """Put in what is left out; of the two names of a matrix only one may be given."""
    if MASS not in bundle:
        return usual | bundle
    if "condition_matrix" in bundle:
        raise ValueError(
            f'{where}, "{MASS}": is the inverse of condition_matrix, which is there as well; keep '
            f"one of the two."
        )
    return {key: value for key, value in usual.items() if key != "condition_matrix"} | bundle


def _without_mass(bundle: dict[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """Turn a mass_matrix into the condition_matrix that it is the inverse of."""
    if MASS not in bundle:
        return bundle, []
    given = bundle[MASS]
    entries = given if isinstance(given, list) else [given]
    if not entries or not all(
        isinstance(x, int | float) and not isinstance(x, bool) and x > 0 for x in entries
    ):
        raise ValueError(
            f'{where}, "{MASS}": must be a positive number, or a list of positive numbers, one for '
            f"each parameter, got {kind(given)}."
        )
    inverse = [1 / x for x in entries]
    rest = {key: value for key, value in bundle.items() if key != MASS}
    rest["condition_matrix"] = inverse if isinstance(given, list) else inverse[0]
    return rest, ["mass_matrix: its inverse is taken as flowMC's condition_matrix."]


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
