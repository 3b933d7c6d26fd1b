"""Files of posterior samples, text or HDF5, become a catalogue of events."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hbdash.population.catalogue import MOST_EVENTS, Catalogue, Note, joined
from hbdash.population.event_hdf5 import hdf5_columns, read_samples
from hbdash.population.event_rows import (
    Event,
    look_for_swapped_columns,
    look_for_twins,
    thinned,
    usable,
)
from hbdash.population.event_text import header_of, lines_of, read_text
from hbdash.population.hdf5_reading import is_hdf5
from hbdash.tables.csv_table import UploadError, cut

DEFAULT_COLUMNS = ("mass_1_source", "mass_2_source")
#: Most bytes of all files together, and rows in them before they are thinned.
MOST_BYTES, MOST_READ = 400_000_000, 10_000_000
#: Names under which m1, m2 and the log prior are known, the likeliest first.
_GUESSES = (
    ("mass_1_source", "m1_source", "m1_src", "mass_1", "mass1", "m1", "m_1"),
    ("mass_2_source", "m2_source", "m2_src", "mass_2", "mass2", "m2", "m_2"),
)
_LOG_PRIOR = "log_prior"
_EXTENSION = re.compile(r"\.(dat|txt|csv|tsv|h5|hdf5|hdf)$", re.IGNORECASE)


def read_events(
    files: Mapping[str, bytes],
    columns: Sequence[str] = DEFAULT_COLUMNS,
    drop_invalid: bool = False,
    *,
    thin: int | None = None,
    thin_seed: int = 0,
    source: str = "Event files",
) -> Catalogue:
    """Read the posterior samples of many events.

    A text file is one event, an HDF5 file one event for each dataset named posterior_samples.
    Events are in the natural order of their files' names: event_2 before event_10. The
    separator (spaces, tab, comma, semicolon) is found in each file; the header may begin with '#'.

    Parameters
    ----------
    files : content by name; at most 5,000 events and 400 MB.
    columns : the columns of m1 and m2, in this order, and of the log prior if there is one.
    drop_invalid : leave out, and count, rows without finite numbers and masses above 0. The
        likelihood then divides by the number of rows that remain.
    thin : keep at most so many rows an event, chosen at random; None keeps all.
    thin_seed : of that choice.
    source : where the files come from, in words.

    Raises
    ------
    ValueError
        Where a file cannot be used; file, row, column and value are named. Where there are more
        than 2,000,000 rows after thinning, or more events or bytes than above.
    """
    columns = _checked(columns)
    check_amount(files)
    events, rows = [], 0
    for file in natural(files):
        found = _events(file, files[file], columns)
        rows += sum(len(event.numbers) for event in found)
        if rows > MOST_READ:  # compression hides how much there is
            raise UploadError(
                f"All files together must have at most {MOST_READ:,} rows, got more in "
                f"{cut(file)}: thin them."
            )
        events += found
    if len(events) > MOST_EVENTS:
        raise UploadError(
            f"There must be at most {MOST_EVENTS:,} events, got {len(events):,}: leave some out."
        )
    events = _named(events)
    events, notes = usable(events, columns, drop_invalid)
    notes += look_for_twins(events) + look_for_swapped_columns(events, columns)
    events, said = thinned(events, thin, thin_seed)
    catalogue = joined([e.name for e in events], [e.numbers for e in events], source=source)
    return replace(catalogue, notes=tuple(notes + said), columns=columns)


def columns_of(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Name the columns that all files have, in the order of the first file.

    Raises
    ------
    ValueError
        Where a file has no header or cannot be read, or no column is in all of them.
    """
    check_amount(files)
    several = {file: _columns(file, files[file]) for file in natural(files)}
    first, *others = several
    common = tuple(name for name in several[first] if all(name in several[o] for o in others))
    if not common:
        other = next(o for o in others if not set(several[o]) & set(several[first]))
        raise UploadError(
            f"All files must have the columns of m1 and m2, got {', '.join(several[first])} in "
            f"{cut(first)} and {', '.join(several[other])} in {cut(other)}: upload files of one "
            "kind."
        )
    return common


def guess_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """Guess the columns of m1 and m2, and of the log prior where one is called log_prior.

    Parameters
    ----------
    columns : what `columns_of` returned.

    Returns
    -------
    Two names, or three; the first two columns where no name is known.

    Raises
    ------
    ValueError
        Where there are fewer than two columns.
    """
    if len(columns) < 2:
        raise UploadError(
            f"There must be columns of m1 and m2, got {', '.join(columns) or 'none'} alone."
        )
    low = {name.lower(): name for name in reversed(columns)}
    found = [next((low[g] for g in guesses if g in low), None) for guesses in _GUESSES]
    if None in found or len(set(found)) < 2:
        found = list(columns[:2])
    prior = [low[_LOG_PRIOR]] if _LOG_PRIOR in low and low[_LOG_PRIOR] not in found else []
    return tuple(str(name) for name in found + prior)


def natural(names: Mapping[str, object] | Sequence[str]) -> list[str]:
    """Sort names as a person does: event_2 before event_10."""

    def key(name: str) -> tuple:
        parts = re.split(r"([0-9]+)", name)
        # By their digits: a name may have more of them than `int` reads.
        digits = [p.lstrip("0") if p.isdecimal() else None for p in parts]
        return tuple(
            (1, 0, p) if d is None else (0, len(d), d) for p, d in zip(parts, digits, strict=True)
        ), name

    return sorted(names, key=key)


def check_amount(files: Mapping[str, bytes]) -> None:
    """Refuse no files, too many of them, or too many bytes."""
    if not files:
        raise UploadError("There must be one event file at least, got none: choose some.")
    if len(files) > MOST_EVENTS:
        raise UploadError(
            f"There must be at most {MOST_EVENTS:,} files, got {len(files):,}: leave some out."
        )
    if (size := sum(map(len, files.values()))) > MOST_BYTES:
        raise UploadError(
            f"All files together must have at most {MOST_BYTES // 10**6} MB, got "
            f"{size / 1e6:,.0f} MB: thin them, or keep the columns of masses only."
        )


def _checked(columns: Sequence[str]) -> tuple[str, ...]:
    given = tuple(columns)
    if len(given) not in (2, 3) or len(set(given)) < len(given):
        raise UploadError(
            "`columns` must name the column of m1, that of m2, and that of the log prior if there "
            f"is one, each once, got {', '.join(given) or 'none'}."
        )
    return given


def _columns(file: str, raw: bytes) -> tuple[str, ...]:
    return hdf5_columns(file, raw) if is_hdf5(raw) else header_of(file, lines_of(file, raw)).columns


def _events(file: str, raw: bytes, columns: tuple[str, ...]) -> list[Event]:
    name = _EXTENSION.sub("", file)
    if not is_hdf5(raw):
        return [Event(name, file, *read_text(file, raw, columns))]
    found = read_samples(file, raw, columns)
    if len(found) == 1:
        return [Event(name, file, found[0].numbers, _counted(found[0].numbers))]
    numbers = dict(found)
    said = Note(
        "info",
        "",
        f"{cut(file)} holds {len(found)} datasets of samples; each is taken for an event of its "
        "own.",
        "several datasets",
    )
    return [
        Event(
            f"{name}/{path.strip('/').rpartition('/')[0]}".rstrip("/"),
            f"{file}: {path}",
            numbers[path],
            _counted(numbers[path]),
            (said,) if k == 0 else (),
        )
        for k, path in enumerate(natural(numbers))
    ]


def _counted(numbers: np.ndarray) -> np.ndarray:
    return np.arange(1, len(numbers) + 1)


def _named(events: list[Event]) -> list[Event]:
    """Call events by their files' names without folders, where these tell them apart."""
    short = [event.name.rpartition("/")[2] for event in events]
    if len(set(short)) == len(short):
        return [event._replace(name=name) for event, name in zip(events, short, strict=True)]
    if len({event.name for event in events}) == len(events):
        return events
    return [event._replace(name=event.file) for event in events]
