"""A catalogue of events, each known through posterior samples of its two masses."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from hbdash.population.catalogue_sources import (
    BundledCatalogue,
    CatalogueSource,
    GeneratedCatalogue,
    UploadedEvents,
)

#: Most events, and rows in all of them.
MOST_EVENTS, MOST_ROWS = 5_000, 2_000_000


class Note(NamedTuple):
    """What to know about an event, or about the catalogue where `event` is "".

    Attributes
    ----------
    level : "info" or "warn".
    event : name of the event, or "".
    text : a sentence.
    about : in a word or two, such as "dropped", "few rows", "duplicate", "m2 > m1", "thinned".
    """

    level: Literal["info", "warn"]
    event: str
    text: str
    about: str = ""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Posterior samples of N events, one after another.

    Attributes
    ----------
    names : N labels, such as "event_0".
    m1, m2 : shape (rows,): source-frame masses in solar masses.
    log_prior : shape (rows,): log density, in (m1, m2), of the prior under which the samples were
        drawn; 0 where that is flat.
    offsets : shape (N + 1,), int: the rows of event n are ``offsets[n]:offsets[n + 1]``, one at
        least.
    source : where the numbers come from, in words.
    truth : the parameters that generated the events, by name; empty where they are unknown.
    true_masses : shape (N, 2): the events' own m1 and m2; None where they are unknown.
    notes : what was dropped, looks wrong, or was left out.
    columns : the columns that were read.

    Raises
    ------
    ValueError
        Where the shapes do not fit together, or an event has no row.
    """

    names: tuple[str, ...]
    m1: np.ndarray
    m2: np.ndarray
    log_prior: np.ndarray
    offsets: np.ndarray
    source: str = ""
    truth: dict[str, float] = field(default_factory=dict)
    true_masses: np.ndarray | None = None
    notes: tuple[Note, ...] = ()
    columns: tuple[str, ...] = ("mass_1_source", "mass_2_source")

    def __post_init__(self) -> None:
        """Refuse rows that belong to no event, and events without rows."""
        rows, sizes = len(self.m1), np.diff(self.offsets)
        if not self.names or len(sizes) != len(self.names) or not (sizes > 0).all():
            raise ValueError(
                f"Each of the {len(self.names)} events must have a row at least, got "
                f"{sizes.tolist()[:10]} rows."
            )
        shapes = {self.m1.shape, self.m2.shape, self.log_prior.shape, (int(self.offsets[-1]),)}
        if len(shapes) > 1 or self.offsets[0] != 0:
            raise ValueError(f"All columns must have {rows} rows, got shapes {sorted(shapes)}.")
        for array in (self.m1, self.m2, self.log_prior, self.offsets, self.true_masses):
            if array is not None:
                array.flags.writeable = False

    @property
    def sizes(self) -> np.ndarray:
        """Rows of each event, shape (N,): the M_n of the likelihood."""
        return np.diff(self.offsets)

    @property
    def event_index(self) -> np.ndarray:
        """The event, 0 to N - 1, of each row, shape (rows,)."""
        return np.repeat(np.arange(len(self.names)), self.sizes)

    def event(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return m1 and m2 of event n, each of shape (M_n,)."""
        rows = slice(self.offsets[n], self.offsets[n + 1])
        return self.m1[rows], self.m2[rows]


def joined(
    names: Iterable[str],
    rows: list[np.ndarray],
    **about,
) -> Catalogue:
    """Make a catalogue of one table an event.

    Parameters
    ----------
    names : N labels.
    rows : N tables of shape (M_n, 2), m1 and m2, or (M_n, 3) with log_prior.
    about : the other attributes of `Catalogue`.
    """
    offsets = np.concatenate([[0], np.cumsum([len(table) for table in rows])]).astype(np.int64)
    table = np.concatenate(rows)
    log_prior = table[:, 2].copy() if table.shape[1] > 2 else np.zeros(len(table))
    return Catalogue(
        tuple(names), table[:, 0].copy(), table[:, 1].copy(), log_prior, offsets, **about
    )


@lru_cache(maxsize=4)
def load_catalogue(spec: CatalogueSource) -> Catalogue:
    """Produce the events that a data spec names.

    Raises
    ------
    ValueError
        Where a file cannot be used (file, row, column and value are named), or no catalogue can be
        generated from the parameters.
    LookupError
        Where an upload is not in the store of this machine.
    """
    # Each of them makes a Catalogue, so it can be imported only now.
    match spec:
        case BundledCatalogue():
            from hbdash.population.bundled import bundled  # noqa: PLC0415

            return bundled()
        case GeneratedCatalogue():
            from hbdash.population.mock import generate  # noqa: PLC0415

            return generate(spec)
        case UploadedEvents():
            from hbdash.population.kept_events import load_uploaded  # noqa: PLC0415

            return load_uploaded(spec)
