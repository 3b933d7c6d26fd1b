"""The rows of events that can be used, and what looks wrong about them."""

from typing import NamedTuple

import numpy as np

from hbdash.population.catalogue import MOST_ROWS, Note
from hbdash.tables.csv_table import UploadError, cut, listed

#: Fewer rows than this are warned of: a sum over so few says little.
FEW_ROWS = 50


class Event(NamedTuple):
    """Samples of an event as they were read.

    Attributes
    ----------
    name, file : of the event, and of where its rows are, for messages.
    numbers : shape (rows, 2) or (rows, 3): m1, m2, and the log prior.
    rows : shape (rows,): the number of each row in the file.
    notes : what was found while reading.
    """

    name: str
    file: str
    numbers: np.ndarray
    rows: np.ndarray
    notes: tuple[Note, ...] = ()


def usable(
    events: list[Event], columns: tuple[str, ...], drop_invalid: bool
) -> tuple[list[Event], list[Note]]:
    """Leave out rows without finite numbers and masses above 0, or refuse them.

    Raises
    ------
    UploadError
        Where there are such rows and they are not to be dropped, or an event has no others.
    """
    faults = [~_valid(event.numbers) for event in events]
    wrong = [n for n, fault in enumerate(faults) if fault.any()]
    if wrong and not drop_invalid:
        event, total = events[wrong[0]], sum(int(faults[n].sum()) for n in wrong)
        more = f" ({total:,} such rows in {len(wrong):,} files)" if total > 1 else ""
        raise UploadError(
            f"{cut(event.file)} must hold {_first_fault(event, columns, faults[wrong[0]])}{more}. "
            "Mend the files, or choose to drop such rows and count them (drop_invalid)."
        )
    kept, notes = [], [note for event in events for note in event.notes]
    for event, fault in zip(events, faults, strict=True):
        left = int((~fault).sum())
        if not left:
            raise UploadError(
                f"{cut(event.file)} must have one usable row at least, got none of "
                f"{len(fault):,}: it must hold {_first_fault(event, columns, fault)}."
            )
        if left < len(fault):
            text = (
                f"{len(fault) - left:,} of {_rows(len(fault))} dropped: they must hold "
                f"{_first_fault(event, columns, fault)} first. M_n, by which the likelihood "
                f"divides, counts the remaining {_rows(left)}."
            )
            event = event._replace(numbers=event.numbers[~fault], rows=event.rows[~fault])
            notes.append(Note("warn", event.name, text, "dropped"))
        if left < FEW_ROWS:
            text = f"{_rows(left)} of samples: too few to tell its masses apart; see its N_eff."
            notes.append(Note("warn", event.name, text, "few rows"))
        kept.append(event)
    return kept, notes


def _valid(numbers: np.ndarray) -> np.ndarray:
    valid = np.asarray(np.isfinite(numbers).all(1))
    valid &= (numbers[:, :2] > 0).all(1)
    return valid


def _first_fault(event: Event, columns: tuple[str, ...], fault: np.ndarray) -> str:
    """Say what must hold in which column, and what is there in which row."""
    k = int(np.argmax(fault))
    cells = event.numbers[k]
    bad = [not np.isfinite(cell) or (p < 2 and cell <= 0) for p, cell in enumerate(cells)]
    p = bad.index(True)
    what = "finite masses above 0" if p < 2 else "finite log priors"
    return f'{what} in column "{cut(columns[p])}", got {cells[p]:g} in row {event.rows[k]}'


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


def look_for_twins(events: list[Event]) -> list[Note]:
    """Warn of events with the same numbers: they count twice in the likelihood."""
    first: dict[tuple[int, bytes], str] = {}
    notes = []
    for event in events:
        key = (hash(event.numbers.tobytes()), event.numbers[0].tobytes())
        if key in first:
            text = f"The same samples as {cut(first[key])}: the event counts twice. Leave one out."
            notes.append(Note("warn", event.name, text, "duplicate"))
        else:
            first[key] = event.name
    return notes


def look_for_swapped_columns(events: list[Event], columns: tuple[str, ...]) -> list[Note]:
    """Warn of rows with m2 > m1, which lie outside the support of every power law."""
    counts = [int((event.numbers[:, 1] > event.numbers[:, 0]).sum()) for event in events]
    total, rows = sum(counts), sum(len(event.numbers) for event in events)
    if not total:
        return []
    picked = f"m1 is read from {listed([columns[0]])}, m2 from {listed([columns[1]])}"
    if 2 * total > rows:
        text = (
            f"The columns look swapped: m2 > m1 in {total:,} of {rows:,} rows ({picked}). They are "
            "not swapped by themselves: choose the columns."
        )
        return [Note("warn", "", text, "swapped")]
    notes = []
    for event, count in zip(events, counts, strict=True):
        if 2 * count > len(event.numbers):
            swapped = f"Columns look swapped in this file: m2 > m1 in {count:,} of "
            text = f"{swapped}{_rows(len(event.numbers))} ({picked})."
            notes.append(Note("warn", event.name, text, "swapped"))
        elif count:
            text = (
                f"m2 > m1 in {count:,} of {_rows(len(event.numbers))}, where power laws have no "
                "support: such rows count in the event's mean with weight 0."
            )
            notes.append(Note("warn", event.name, text, "m2 > m1"))
    return notes


def thinned(events: list[Event], most: int | None, seed: int) -> tuple[list[Event], list[Note]]:
    """Keep at most so many rows an event, chosen at random without replacement, in their order.

    Raises
    ------
    UploadError
        Where more than `MOST_ROWS` rows are left.
    """
    kept, notes = [], []
    for n, event in enumerate(events):
        rows = len(event.numbers)
        if most is not None and rows > most:
            rng = np.random.default_rng([seed, n])
            chosen = np.sort(rng.choice(rows, most, replace=False))
            event = event._replace(numbers=event.numbers[chosen], rows=event.rows[chosen])
            text = f"{most:,} of {rows:,} rows kept, chosen at random (seed {seed})."
            notes.append(Note("info", event.name, text, "thinned"))
        kept.append(event)
    if (total := sum(len(event.numbers) for event in kept)) > MOST_ROWS:
        raise UploadError(
            f"All events together must have at most {MOST_ROWS:,} rows, got {total:,}: thin them "
            f"to {MOST_ROWS // len(kept):,} rows an event."
        )
    return kept, notes
