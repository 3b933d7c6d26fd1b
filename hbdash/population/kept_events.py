"""Uploaded event files in the store: one archive of the original bytes, named by its hash."""

import io
import zipfile
from collections.abc import Mapping

from hbdash.population.catalogue import Catalogue
from hbdash.population.catalogue_sources import UploadedEvents
from hbdash.population.event_files import check_amount, natural, read_events
from hbdash.population.event_output import zip_bytes
from hbdash.population.kept_files import keep_file, kept_file


def keep_events(files: Mapping[str, bytes]) -> str:
    """Keep event files as they are, and return the hash by which `UploadedEvents` names them.

    Parameters
    ----------
    files : content by name; their order does not matter.

    Raises
    ------
    ValueError
        Where there are none, or too many files or bytes.
    """
    check_amount(files)
    return keep_file(zip_bytes({name: files[name] for name in natural(files)}))


def kept_events(sha256: str) -> dict[str, bytes]:
    """Read event files back.

    Raises
    ------
    LookupError
        Where they are not in the store of this machine, or the hash names something else.
    """
    try:
        raw = kept_file(sha256)
    except LookupError:
        raise LookupError(
            f"The uploaded events {sha256[:4]}… are not in this machine's store: upload the event "
            "files again (they were uploaded to another one, damaged, or cleared away)."
        ) from None
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile:
        raise LookupError(
            f"The upload {sha256[:4]}… holds no event files, but something else: upload the event "
            "files."
        ) from None


def load_uploaded(spec: UploadedEvents) -> Catalogue:
    """Read the catalogue that was uploaded; see `read_events` and `kept_events` for errors."""
    return read_events(
        kept_events(spec.sha256),
        spec.columns,
        spec.drop_invalid,
        thin=spec.thin,
        thin_seed=spec.thin_seed,
        source=f"Uploaded events {spec.sha256[:8]}",
    )
