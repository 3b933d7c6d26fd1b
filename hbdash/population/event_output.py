"""A catalogue written as event files, and its events as a table."""

import io
import zipfile
from collections.abc import Mapping

import numpy as np
import pandas as pd

from hbdash.population.catalogue import Catalogue

#: The date of every entry of an archive, so that the same content gives the same bytes.
_DATE = (2000, 1, 1, 0, 0, 0)
_HEADER = ("mass_1_source", "mass_2_source", "log_prior")


def write_event_files(catalogue: Catalogue) -> dict[str, str]:
    """Write a catalogue in the text format of GWKokab 0.2, one file an event.

    The first line names the columns, without '#'; cells are separated by a space and written with
    all digits. A log prior follows where one is not 0.

    Returns
    -------
    Content by name: event_0.dat, event_1.dat, ...
    """
    columns = [catalogue.m1, catalogue.m2]
    if catalogue.log_prior.any():
        columns.append(catalogue.log_prior)
    table, header = np.stack(columns, 1), " ".join(_HEADER[: len(columns)])
    files = {}
    for n in range(len(catalogue.names)):
        rows = table[catalogue.offsets[n] : catalogue.offsets[n + 1]]
        line = " ".join(["%.18e"] * len(columns))
        body = "\n".join(line % tuple(row) for row in rows.tolist())
        files[f"event_{n}.dat"] = f"{header}\n{body}\n"
    return files


def zip_bytes(files: Mapping[str, str | bytes]) -> bytes:
    """Pack files into a zip archive; the same files give the same bytes."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in files.items():
            archive.writestr(
                zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED, compresslevel=6
            )
    return raw.getvalue()


def event_table(catalogue: Catalogue) -> pd.DataFrame:
    """Make a table of the events: rows, quantiles of the masses, what was dropped, warnings.

    Returns
    -------
    One row an event; masses in solar masses. "dropped" says how many rows were and why, "notes"
    what else is known about the event.
    """
    quantiles = (0.05, 0.5, 0.95)
    rows = []
    said: dict[str, dict[bool, list[str]]] = {}
    for note in catalogue.notes:
        said.setdefault(note.event, {}).setdefault(note.about == "dropped", []).append(note.text)
    for n, name in enumerate(catalogue.names):
        row: dict[str, str | int | float] = {"event": name, "rows": int(catalogue.sizes[n])}
        for mass, values in zip(("m1", "m2"), catalogue.event(n), strict=True):
            found = np.quantile(values, quantiles)
            row |= {
                f"{mass} {100 * q:g} %": float(v) for q, v in zip(quantiles, found, strict=True)
            }
        about = said.get(name, {})
        row |= {"dropped": " ".join(about.get(True, [])), "notes": " ".join(about.get(False, []))}
        rows.append(row)
    return pd.DataFrame(rows)
