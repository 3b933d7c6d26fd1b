"""One's own events: the files, their columns, what is dropped, thinned or looks wrong."""

from typing import Any

import streamlit as st
from pydantic import ValidationError

from hbdash.population.archive import unpack
from hbdash.population.catalogue import Note, load_catalogue
from hbdash.population.catalogue_sources import UploadedEvents
from hbdash.population.event_files import columns_of, guess_columns
from hbdash.population.kept_events import keep_events, kept_events
from hbdash.population.kept_files import is_kept
from hbdash.spec import explain
from hbdash.ui.plain import plain
from hbdash.ui.widgets import here, listed, optional, own, valued

TYPES = ["dat", "txt", "csv", "tsv", "h5", "hdf5", "hdf", "zip"]
NO_COLUMN = "none: the prior is flat"
HELP = (
    "Posterior samples, one text file an event, or a zip of them: spaces, tabs or commas, the "
    "columns named in the first line, with or without #. HDF5 with datasets posterior_samples is "
    "read as well. At most 5,000 events and 2,000,000 rows."
)


def show(start: UploadedEvents | None) -> UploadedEvents | None:
    """Show the upload; return the events in use, None while there are none."""
    files = st.file_uploader(
        "Event files",
        type=TYPES,
        accept_multiple_files=True,
        key=own("events"),
        help=HELP,
    )
    if not files and (start is None or not is_kept(start.sha256)):
        st.caption("Until files are chosen, the results keep the data before.")
        return start
    try:
        if files:
            sha256, notes = _kept(tuple(file.file_id for file in files), list(files))
            for note in notes:
                st.caption(plain(note.text))
        else:
            assert start is not None
            sha256 = start.sha256
            st.caption(f"In use: the stored events {sha256[:8]}.")
        chosen = _settings(sha256, start)
        load_catalogue(chosen)
        return chosen
    except (ValueError, LookupError) as error:
        said = explain(error) if isinstance(error, ValidationError) else error
        said = error.args[0] if isinstance(error, LookupError) and error.args else said
        st.error(f"{plain(said)} The results keep the data before.")
    except OSError as error:
        st.error(
            f"The events could not be stored ({error.strerror or error}): free some space on the "
            "server's disk and upload them again. The results keep the data before."
        )
    return start


@st.cache_resource(max_entries=8, show_spinner="Reading the files")
def _kept(file_ids: tuple[str, ...], _files: list[Any]) -> tuple[str, tuple[Note, ...]]:
    uploads: dict[str, bytes] = {}
    for file in _files:
        if file.name in uploads:
            raise ValueError(
                f"Every event file must have a name of its own, got {file.name[:80]} twice: "
                "remove one of them."
            )
        uploads[file.name] = file.getvalue()
    found, notes = unpack(uploads)
    return keep_events(found), notes


@st.cache_resource(max_entries=8, show_spinner=False)
def _columns(sha256: str) -> tuple[str, ...]:
    files = kept_events(sha256)
    names = columns_of(files)
    if len(names) < 2:
        least = min(files, key=lambda name: len(columns_of({name: files[name]})))
        raise ValueError(
            f"{least}: there must be columns of m1 and m2 that all files have, got "
            f"{', '.join(names)} alone. Upload files with both."
        )
    return names


def _settings(sha256: str, start: UploadedEvents | None) -> UploadedEvents:
    """Show which columns count, and what becomes of rows that do not."""
    names = _columns(sha256)
    same = start is not None and start.sha256 == sha256 and set(start.columns) <= set(names)
    if here().get("events_of") != sha256 and not same:
        # The choices made for other files are none for these.
        for part in ("m1", "m2", "log_prior"):
            st.session_state.pop(f"w.events.{part}", None)
    here()["events_of"] = sha256
    first = start.columns if same and start is not None else guess_columns(names)
    left, right = st.columns(2)
    with left:
        m1 = _pick("m1", "Column of m1", names, first[0])
    with right:
        m2 = _pick("m2", "Column of m2", names, first[1])
    prior = _pick(
        "log_prior",
        "Column of the log prior",
        (NO_COLUMN, *names),
        first[2] if len(first) > 2 else NO_COLUMN,
        "Natural log of the density, in m1 and m2, of the prior under which the samples were "
        "drawn: they are divided by it.",
    )
    drop = st.toggle(
        "Drop invalid rows",
        **valued("events.drop_invalid", start is not None and start.drop_invalid),
        help="Rows without finite masses above 0. Off: they are an error. On: they are left out "
        "and counted, and an event's mean is over the rows that remain.",
    )
    left, right = st.columns(2)
    thin = left.number_input(
        "Rows an event",
        1,
        1_000_000,
        placeholder="all",
        **optional("events.thin", start.thin if start is not None else None),
        help="At most so many, chosen at random: quicker, and with fewer effective samples.",
    )
    seed = right.number_input(
        "Seed of that",
        0,
        2**32 - 1,
        **valued("events.thin_seed", start.thin_seed if start is not None else 0),
    )
    columns = (m1, m2) if prior == NO_COLUMN else (m1, m2, prior)
    return UploadedEvents(
        sha256=sha256, columns=columns, drop_invalid=drop, thin=thin, thin_seed=seed
    )


def _pick(
    part: str, label: str, names: tuple[str, ...], first: str, help_: str | None = None
) -> str:
    return st.selectbox(label, names, help=help_, **listed(f"events.{part}", first, names))
