"""The command that generates mock catalogues: true masses, and posterior samples of each event."""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from hbdash.cli.status import ABANDONED, DONE, FAILED, NOT_UNDERSTOOD, complain
from hbdash.population.catalogue import Catalogue, load_catalogue
from hbdash.population.catalogue_sources import GeneratedCatalogue
from hbdash.population.event_output import write_event_files
from hbdash.population.parameters import Components
from hbdash.population.pmean import Pmean, read_pmean
from hbdash.population.population_draws import draw_masses
from hbdash.population.priors import resolve
from hbdash.population.strict_json import parse_object
from hbdash.population_cli.arguments import mock_parser
from hbdash.population_cli.drafts import draft, publish
from hbdash.population_cli.input_files import read_config
from hbdash.population_cli.own_store import own_store
from hbdash.spec import explain

PROGRAM = "genie_n_pls_m_gs"
#: Most events of a catalogue.
MOST_EVENTS = 2_000
#: Draws of the population beyond the number of events, from which the detected ones are taken.
SPARE = 10_000
HEADER = "mass_1_source mass_2_source"


def genie(given: list[str] | None = None, program: str = PROGRAM) -> int:
    """Generate mock catalogues: the command genie_n_pls_m_gs.

    The first catalogue is the one that `GeneratedCatalogue` makes of the same seed; the others
    have seeds, and numbers of events, of their own.

    Parameters
    ----------
    given : the flags; those of the process unless given.
    program : the name in usage and errors.

    Returns
    -------
    The exit status.
    """
    flags = mock_parser(program).parse_args(given)
    with own_store(True):  # a network that pmean.json names is needed for this command only
        try:
            spec = read_truth(flags)
        except (ValueError, OSError) as error:
            return complain(program, error, NOT_UNDERSTOOD)
        try:
            return _generate(spec, flags)
        except KeyboardInterrupt:
            return complain(program, "abandoned; nothing was written.", ABANDONED)
        except (ValueError, OSError, RuntimeError) as error:
            return complain(program, error, FAILED)


def read_truth(flags: argparse.Namespace) -> GeneratedCatalogue:
    """Read what to generate from the files that the flags name.

    Raises
    ------
    ValueError
        Where a file cannot be used; the message names the file and the key.
    """
    components, truth = _read_model(flags.model_json)
    path = flags.pmean_json
    pmean: Pmean = read_pmean(read_config(path), str(path), path.parent)
    scales = _read_scales(flags.err_json)
    try:
        return GeneratedCatalogue(
            seed=flags.seed,
            n_pl=components.n_pl,
            n_g=components.n_g,
            truth=truth,
            error_size=flags.error_size,
            pmean=pmean,
            max_events=MOST_EVENTS,
            scale_Mc=scales["scale_Mc"],
            scale_eta=scales["scale_eta"],
            consistent=False,
        )
    except ValidationError as error:
        raise ValueError(explain(error)) from None


def _read_model(path: Path) -> tuple[Components, dict[str, float]]:
    content, counts = parse_object(read_config(path), str(path)), {}
    for key in ("N_pl", "N_g"):
        count = content.pop(key, None)
        if isinstance(count, bool) or not isinstance(count, int):
            raise ValueError(f'{path}, "{key}": must be a whole number, got {count!r}.')
        counts[key.lower()] = count
    try:
        components = Components(**counts)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    # Its entries are those of a priors.json in which every parameter is a number.
    found = resolve(content, components, str(path))
    if found.shape.sampled:
        name = found.shape.sampled[0]
        raise ValueError(f'{path}, "{name}": must be a number, got a distribution.')
    return components, found.constants


def _read_scales(path: Path) -> dict[str, float]:
    content, names = parse_object(read_config(path), str(path)), ("scale_Mc", "scale_eta")
    if set(content) != set(names):
        given = ", ".join(content) or "none"
        raise ValueError(f"{path}: must have the keys {' and '.join(names)}, got {given}.")
    for name in names:
        value = content[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f'{path}, "{name}": must be a number, got {value!r}.')
    return content


def _generate(spec: GeneratedCatalogue, flags: argparse.Namespace) -> int:
    folder = flags.output_dir / "data"
    with draft(folder) as place:
        for number, seed in enumerate(seeds(spec.seed, flags.num_realizations)):
            one = spec.model_copy(update={"seed": seed})
            catalogue = load_catalogue(one)
            _write(one, catalogue, place / f"realization_{number}")
            if not flags.quiet:
                rows = len(catalogue.m1)
                print(f"realization_{number}: {len(catalogue.names):,} events, {rows:,} rows")
        publish(place, folder)
    if not flags.quiet:
        print(f"Written to {folder}.")
    return DONE


def seeds(first: int, count: int) -> Iterable[int]:
    """Yield a seed for each catalogue; the first is the one that was given."""
    yield first
    for number in range(1, count):
        yield int(np.random.SeedSequence([first, number]).generate_state(1)[0])


def raw_masses(spec: GeneratedCatalogue, events: int) -> np.ndarray:
    """Draw again the masses (draws, 2) from which the detected events were taken.

    They are all that the population gave, before the cut at m2 <= m1 and detection.
    """
    stream = np.random.SeedSequence(spec.seed).spawn(3)[1]
    rng = np.random.default_rng(stream)
    return draw_masses(rng, spec.components, spec.truth, events + SPARE)


def _write(spec: GeneratedCatalogue, catalogue: Catalogue, folder: Path) -> None:
    (folder / "posteriors").mkdir(parents=True)
    raw = raw_masses(spec, len(catalogue.names))
    assert catalogue.true_masses is not None
    for name, masses in (("injections", catalogue.true_masses), ("raw_injections", raw)):
        np.savetxt(folder / f"{name}.dat", masses, header=HEADER, comments="")
    for name, content in write_event_files(catalogue).items():
        (folder / "posteriors" / name).write_text(content, encoding="utf-8")
