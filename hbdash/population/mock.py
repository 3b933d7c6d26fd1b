"""A catalogue generated from a population: how many events, their masses, their samples.

N is drawn from a Poisson distribution of the expected number, true masses from the population
weighted by the sensitive volume, and of each event posterior samples, in one of two manners:
consistent with the likelihood (`hbdash.population.mock_consistent`), or GWKokab's
(`hbdash.population.mock_errors`).
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hbdash.population.catalogue import MOST_ROWS, Catalogue, Note, joined
from hbdash.population.catalogue_sources import GeneratedCatalogue
from hbdash.population.mock_consistent import consistent_event, draw_detected
from hbdash.population.mock_errors import draw_event, resample_detected

#: ln VT of masses (m1, m2) of one shape, for one day.
LogVT = Callable[[np.ndarray, np.ndarray], np.ndarray]


def generate(spec: GeneratedCatalogue) -> Catalogue:
    """Generate the catalogue that a spec describes; see `mock_catalogue`.

    Raises
    ------
    ValueError
        Where `mock_catalogue` does.
    LookupError
        Where the sensitivity is an upload that is not in the store of this machine.
    """
    # JAX takes seconds to import and is needed for a generated catalogue only.
    from hbdash.population.expected import expected_number, log_vt_of, prepare  # noqa: PLC0415

    log_vt = log_vt_of(spec.pmean)
    shape, design = prepare(spec.pmean, spec.components)
    expected, _ = expected_number(shape, spec.components, spec.truth, design)
    return mock_catalogue(spec, log_vt, float(expected))


def mock_catalogue(spec: GeneratedCatalogue, log_vt: LogVT, expected: float) -> Catalogue:
    """Generate a catalogue under a given sensitivity.

    Numbers, masses, and each event's samples come from streams of their own: another `error_size`
    leaves numbers and masses as they are.

    Parameters
    ----------
    spec : population, seed, widths and manner.
    log_vt : ln VT of masses (m1, m2), for any constant unit.
    expected : mean number of events in the time of observation.

    Raises
    ------
    ValueError
        Where no event is drawn, more than `spec.max_events`, more than 2,000,000 rows in all, or
        nothing can be detected.
    """
    counts, masses, events = np.random.SeedSequence(spec.seed).spawn(3)
    n = _number(spec, np.random.default_rng(counts), expected)
    rng = np.random.default_rng(masses)
    select = draw_detected if spec.consistent else resample_detected
    try:
        true = select(rng, spec.components, spec.truth, log_vt, n)
    except ValueError as error:
        raise ValueError(
            f"No catalogue can be generated: {error}. Choose masses that the sensitivity covers."
        ) from None
    names = tuple(f"event_{k}" for k in range(n))
    rows, notes = [], []
    for name, mass, stream in zip(names, true, events.spawn(n), strict=True):
        own = np.random.default_rng(stream)
        if spec.consistent:
            rows.append(consistent_event(own, mass, log_vt, spec))
            continue
        table, redrawn = draw_event(own, mass, spec)
        rows.append(table)
        if dropped := spec.error_size - len(table):
            text = f"{dropped:,} of {spec.error_size:,} rows dropped: their η exceeds 1/4."
            notes.append(Note("info", name, text, "dropped"))
        if redrawn:
            text = f"Measured {redrawn + 1} times, until a row had masses."
            notes.append(Note("warn", name, text, "measured again"))
    manner = "consistent with the likelihood" if spec.consistent else "as GWKokab draws them"
    catalogue = joined(
        names,
        rows,
        source=f"Generated, seed {spec.seed}: {n} events where {expected:.1f} are expected; "
        f"samples {manner}",
        truth=dict(spec.truth),
        true_masses=true,
    )
    return replace(catalogue, notes=tuple(notes))


def _number(spec: GeneratedCatalogue, rng: np.random.Generator, expected: float) -> int:
    """Draw the number of events, and refuse what cannot be made of it."""
    advice = "lower the rates or the time of observation"
    if not 0 < expected <= 10 * spec.max_events:
        advice = "raise them" if expected == 0 else advice
        raise ValueError(
            f"The truth must give more than 0 and at most {spec.max_events:,} events "
            f"(`max_events`), but {expected:,.4g} are expected: {advice}."
        )
    n = int(rng.poisson(expected))
    if not n:
        raise ValueError(
            f"There must be an event at least, but the seed {spec.seed} gives none where "
            f"{expected:.3g} are expected: raise the rates or the time of observation, or choose "
            "another seed."
        )
    if n > spec.max_events:
        raise ValueError(
            f"There must be at most {spec.max_events:,} events (`max_events`), but the seed "
            f"{spec.seed} gives {n:,} where {expected:,.1f} are expected: {advice}, or raise "
            "`max_events`."
        )
    if n * spec.error_size > MOST_ROWS:
        raise ValueError(
            f"There must be at most {MOST_ROWS:,} rows in all, but {n:,} events of "
            f"{spec.error_size:,} rows (`error_size`) are {n * spec.error_size:,}: lower one."
        )
    return n
