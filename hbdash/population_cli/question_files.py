"""The question of a command, read from the files that its flags name."""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from hbdash.population.catalogue_sources import UploadedEvents
from hbdash.population.event_files import read_events
from hbdash.population.kept_events import keep_events
from hbdash.population.parameters import Components
from hbdash.population.pmean import read_pmean
from hbdash.population.priors import Priors, read_priors, resolve
from hbdash.population.question import check_size
from hbdash.population.sampler_configs import read_sampler_config
from hbdash.population.spec import PopulationSpec
from hbdash.population_cli.input_files import event_files, read_config
from hbdash.samplers.aies import AIES
from hbdash.spec import explain

#: Samplers in words, and their commands.
WORDS = {"nuts": "NUTS", "flowmc": "flowMC", "aies": "AIES"}
COMMANDS = {
    "nuts": "n_sage_n_pls_m_gs",
    "flowmc": "f_sage_n_pls_m_gs",
    "aies": "python -m hbdash population aies",
}


class Said(NamedTuple):
    """What to know about a question: how much there is of it, and what may be wrong with it."""

    counted: str
    notes: list[str]
    warnings: list[str]


def read_question(flags: argparse.Namespace, sampler: str | None) -> tuple[PopulationSpec, Said]:
    """Read all that the flags name, the small files first, and keep the events in the store.

    Parameters
    ----------
    sampler : "nuts", "flowmc" or "aies", which the settings must be of; None takes any.

    Returns
    -------
    The spec, and what its reader should know.

    Raises
    ------
    ValueError
        Where a file cannot be used; the message names the file and the key, row or event.
    OSError
        Where the store cannot be written.
    """
    config, notes = _read_sampler(flags, sampler)
    components = Components(flags.n_pl, flags.n_g)
    entries = read_priors(read_config(flags.prior_cfg), str(flags.prior_cfg))
    priors = resolve(entries, components, str(flags.prior_cfg))
    warnings = _warned(priors, str(flags.prior_cfg))
    config = _fitted(config, len(priors.shape.sampled), flags.sampler_cfg)
    where = flags.pmean_cfg
    pmean = read_pmean(read_config(where), str(where), where.parent)
    files = event_files(flags.posterior_regex)
    columns = tuple(flags.posterior_columns)
    catalogue = read_events(files, columns, flags.drop_invalid)
    for note in catalogue.notes:
        text = f"{note.event}: {note.text}" if note.event else note.text
        (warnings if note.level == "warn" else notes).append(text)
    try:
        spec = PopulationSpec(
            data=UploadedEvents(
                sha256=keep_events(files), columns=columns, drop_invalid=flags.drop_invalid
            ),
            n_pl=flags.n_pl,
            n_g=flags.n_g,
            priors=entries,
            pmean=pmean,
            n_buckets=0 if flags.threshold and not flags.n_buckets else flags.n_buckets,
            threshold=flags.threshold or 3.0,
            variance_cut=flags.variance_cut_threshold,
            sampler=config,
        )
    except ValidationError as error:
        raise ValueError(explain(error)) from None
    try:
        check_size(spec, priors)
    except ValueError as error:
        raise ValueError(f"{flags.sampler_cfg}: {error}") from None
    counted = f"{len(catalogue.names):,} events, {len(catalogue.m1):,} rows"
    return spec, Said(counted, notes, warnings)


def _warned(priors: Priors, where: str) -> list[str]:
    """Warn of what priors allow, and name their file.

    Raises
    ------
    ValueError
        Where nothing is left to sample.
    """
    if not priors.shape.sampled:
        raise ValueError(
            f"{where}: All parameters are constants: give at least one of them a distribution."
        )
    return [said if said.startswith(where) else f"{where}: {said}" for said in priors.warnings]


def _fitted(config: Any, size: int, where: Path | None) -> Any:
    """Fill in the walkers of AIES for so many parameters."""
    try:
        return config.fitted(size) if isinstance(config, AIES) else config
    except ValueError as error:
        raise ValueError(f"{where or 'AIES'}: {error}") from None


def _read_sampler(flags: argparse.Namespace, sampler: str | None) -> tuple[Any, list[str]]:
    path, notes = flags.sampler_cfg, ()
    if path is None:
        config = AIES()
    else:
        config, notes = read_sampler_config(read_config(path), str(path))
        if sampler not in (None, config.kind):
            raise ValueError(
                f"{path} holds settings of {WORDS[config.kind]}, not of {WORDS[sampler]}: give "
                f"them to `{COMMANDS[config.kind]}`."
            )
    content = config.model_dump() | {"seed": flags.seed}
    return type(config).model_validate(content), list(notes)
