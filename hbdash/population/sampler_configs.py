"""Files that configure a sampler: which of the three it is, read and written."""

import json
from typing import Any

from hbdash.population.config_values import check_known, validated
from hbdash.population.flowmc_config import (
    flowmc_config_of,
    read_flowmc_config,
    write_flowmc_config,
)
from hbdash.population.flowmc_keys import BUNDLE, MASS, NEW
from hbdash.population.numpyro_config import (
    KERNEL,
    MCMC,
    numpyro_config_of,
    read_numpyro_config,
    write_numpyro_config,
)
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.strict_json import kind, parse_object
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC

__all__ = [
    "read_aies_config",
    "read_flowmc_config",
    "read_numpyro_config",
    "read_sampler_config",
    "write_aies_config",
    "write_flowmc_config",
    "write_numpyro_config",
    "write_sampler_config",
]

SamplerConfig = PopulationNUTS | FlowMC | AIES
_AIES = tuple(name for name in AIES.model_fields if name != "kind")
#: Options by which a file without a sampler_name is known.
_OPTIONS = {
    "numpyro": (*KERNEL, *MCMC, "kernel", "mcmc"),
    "flowMC": (*BUNDLE, *NEW, MASS, "data_dump", "bundle_config"),
    "aies": _AIES,
}


def read_sampler_config(text: str | bytes, where: str) -> tuple[SamplerConfig, tuple[str, ...]]:
    """Read a numpyro_config.json, a flowMC_config.json or a file of AIES.

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
        Where it cannot be told which it is, and as the reader of that kind.
    """
    content = parse_object(text, where)
    name = _sampler_name(content, where)
    if name == "aies":
        return _aies_of(content, where)
    return (numpyro_config_of if name == "numpyro" else flowmc_config_of)(content, where)


def write_sampler_config(config: SamplerConfig) -> str:
    """Write the file of a sampler's own kind."""
    if isinstance(config, AIES):
        return write_aies_config(config)
    if isinstance(config, FlowMC):
        return write_flowmc_config(config)
    return write_numpyro_config(config)


def read_aies_config(
    text: str | bytes, where: str = "aies_config.json"
) -> tuple[AIES, tuple[str, ...]]:
    """Read the options of `AIES` from a flat object with ``"sampler_name": "aies"``.

    Raises
    ------
    ValueError
        Where the file is no strict JSON, or an option is unknown or out of bounds.
    """
    return _aies_of(parse_object(text, where), where)


def write_aies_config(config: AIES) -> str:
    """Write all options of `AIES`."""
    fields = config.model_dump(mode="json", exclude={"kind"})
    return json.dumps({"sampler_name": "aies"} | fields, indent=4) + "\n"


def _aies_of(content: dict[str, Any], where: str) -> tuple[AIES, tuple[str, ...]]:
    for word in ("sampler_name", "kind"):
        if content.get(word, "aies") != "aies":
            raise ValueError(f'{where}, "{word}": must be "aies", got {kind(content[word])}.')
    fields = {key: value for key, value in content.items() if key not in ("sampler_name", "kind")}
    check_known(fields, _AIES, where)
    return validated(AIES, fields, {}, where), ()


def _sampler_name(content: dict[str, Any], where: str) -> str:
    """Tell which sampler a file configures, by its name or by its options."""
    if "sampler_name" in content or "kind" in content:
        name = content.get("sampler_name", content.get("kind"))
        if name not in list(_OPTIONS):
            raise ValueError(
                f'{where}, "sampler_name": must be "numpyro", "flowMC" or "aies", got {kind(name)}.'
            )
        return name
    shares = {name: len(set(options) & set(content)) for name, options in _OPTIONS.items()}
    best = max(shares.values())
    names = [name for name, share in shares.items() if share == best]
    if best == 0 or len(names) > 1:
        raise ValueError(
            f'{where} must say which sampler it configures: add "sampler_name": "numpyro", '
            f'"flowMC" or "aies", or write a "kernel" and an "mcmc" part, or a "bundle_config".'
        )
    return names[0]
