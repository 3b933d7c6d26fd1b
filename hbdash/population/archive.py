"""Zip archives of event files: unpacked in memory, refused where they are not what they seem."""

import io
import re
import stat
import zipfile
from collections.abc import Mapping
from typing import NoReturn

from hbdash.population.catalogue import Note
from hbdash.tables.csv_table import UploadError, cut, listed

#: Most bytes of an archive's content, most of it per compressed byte, most entries.
MOST_BYTES, MOST_RATIO, MOST_ENTRIES = 200_000_000, 100, 20_000
#: Content below this is unpacked whatever its ratio.
_HARMLESS = 5_000_000
_SIGNATURE = b"PK\x03\x04"
_EVENT = re.compile(r"\.(dat|txt|csv|tsv|h5|hdf5|hdf)$", re.IGNORECASE)
_ARCHIVE = re.compile(r"\.(zip|gz|tgz|tar|bz2|xz|7z|rar)$", re.IGNORECASE)
#: Files beside the event files of GWKokab, and of everybody.
_OTHER = re.compile(
    r"(readme|license|licence|copying|notes?)\b.*|(raw_)?(injections|color)\.dat|means_covs\..*|\..*",
    re.IGNORECASE,
)
_REALIZATION = re.compile(r"(?:^|/)(realization_[0-9]+)/")


def unpack(uploads: Mapping[str, bytes]) -> tuple[dict[str, bytes], tuple[Note, ...]]:
    """Replace the zip archives among uploads by the event files they hold.

    Parameters
    ----------
    uploads : content by name.

    Returns
    -------
    Content by name, and notes of what was left out.

    Raises
    ------
    ValueError
        Where an archive is damaged, encrypted, too large, holds another archive, a link, or a name
        that leads out of it, holds no event file, or those of several realizations.
    """
    files: dict[str, bytes] = {}
    notes: list[Note] = []
    for name, raw in uploads.items():
        if not raw.startswith((_SIGNATURE, b"PK\x05\x06")):
            found = {name: raw}
        else:
            found, left_out = _read(name, raw)
            notes += left_out
        if twice := [each for each in found if each in files]:
            raise UploadError(
                f"Every event file must have a name of its own, got {listed(twice)} twice: upload "
                "one catalogue at a time."
            )
        files |= found
    return files, tuple(notes)


def _read(name: str, raw: bytes) -> tuple[dict[str, bytes], list[Note]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _check(name, entries)
            chosen, left_out = _choose(name, entries)
            files, total = {}, 0
            for entry in chosen:
                # Sizes in the archive's own list may be wrong, so no more than is allowed is read.
                with archive.open(entry) as file:
                    content = file.read(MOST_BYTES - total + 1)
                total += len(content)
                if total > MOST_BYTES:
                    _too_large(name, f"more than {MOST_BYTES // 10**6} MB")
                if content.startswith(_SIGNATURE):
                    _nested(name, entry.filename)
                files[entry.filename] = content
    except UploadError:
        raise
    except Exception as error:  # zipfile answers damage with any of its exceptions
        raise UploadError(
            f"{cut(name)} must be a zip archive that can be read, got one that is damaged "
            f"({cut(str(error), 80)}): pack it again."
        ) from None
    notes = []
    if left_out:
        text = f"Not event files, so left out of {cut(name)}: {listed(left_out)}."
        notes.append(Note("info", "", text, "left out"))
    return files, notes


def _check(name: str, entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_ENTRIES:
        raise UploadError(
            f"{cut(name)} must have at most {MOST_ENTRIES:,} files, got {len(entries):,}."
        )
    seen: set[str] = set()
    for entry in entries:
        path = entry.filename
        parts = re.split(r"[/\\]", path)
        if ".." in parts or path.startswith(("/", "\\")) or re.match("[A-Za-z]:", path):
            raise UploadError(
                f'{cut(name)} must hold files of its own folders, got the name "{cut(path)}", '
                "which leads out of it: pack it again."
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UploadError(
                f'{cut(name)} must hold files, got a link, "{cut(path)}": pack the file itself.'
            )
        if entry.flag_bits & 1:
            raise UploadError(
                f'{cut(name)} must not be encrypted, got "{cut(path)}" that needs a password: '
                "pack it without one."
            )
        if _ARCHIVE.search(path):
            _nested(name, path)
        if path in seen:
            raise UploadError(
                f'{cut(name)} must hold every file once, got "{cut(path)}" twice: pack it again.'
            )
        seen.add(path)
    size, packed = (sum(getattr(e, a) for e in entries) for a in ("file_size", "compress_size"))
    if size > MOST_BYTES:
        _too_large(name, f"{size / 1e6:,.0f} MB")
    if size > max(_HARMLESS, MOST_RATIO * packed):
        raise UploadError(
            f"{cut(name)} must not unpack to more than {MOST_RATIO} times its size, got "
            f"{size / 1e6:,.0f} MB of {packed / 1e3:,.0f} kB: upload the files themselves."
        )


def _choose(name: str, entries: list[zipfile.ZipInfo]) -> tuple[list[zipfile.ZipInfo], list[str]]:
    """Tell event files from others; where there is a folder "posteriors", they are in it."""
    chosen = [entry for entry in entries if _is_event(entry.filename)]
    inside = [entry for entry in chosen if "posteriors" in entry.filename.split("/")[:-1]]
    chosen = inside or chosen
    names = {entry.filename for entry in chosen}
    if not chosen:
        raise UploadError(
            f"{cut(name)} must hold event files (.dat, .txt, .csv, .tsv, .h5, .hdf5), got "
            f"{listed([e.filename for e in entries]) or 'nothing'}: choose another archive."
        )
    realizations = {found[1] for each in names if (found := _REALIZATION.search(each))}
    if len(realizations) > 1:
        raise UploadError(
            f"{cut(name)} must hold one catalogue, got {listed(sorted(realizations))}: pack one of "
            "them."
        )
    return chosen, [e.filename for e in entries if e.filename not in names]


def _is_event(path: str) -> bool:
    *folders, file = path.split("/")
    hidden = "__MACOSX" in folders or any(folder.startswith(".") for folder in folders)
    return bool(_EVENT.search(file)) and not hidden and not _OTHER.fullmatch(file)


def _nested(name: str, path: str) -> NoReturn:
    raise UploadError(
        f'{cut(name)} must hold event files, got another archive in it, "{cut(path)}": unpack '
        "that one first."
    )


def _too_large(name: str, size: str) -> NoReturn:
    raise UploadError(
        f"{cut(name)} must unpack to at most {MOST_BYTES // 10**6} MB, got {size}: thin the "
        "events, or keep the columns of masses only."
    )
