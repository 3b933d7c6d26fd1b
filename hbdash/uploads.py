"""Uploads in the store: files named by the hash of their content, in folders that keep to a cap.

The least recently used give way to a new one. Whoever still has its link is asked to upload the
file again; results that came from it stay.
"""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Tables as arrays, and files as they came.
FOLDERS = ("data", "files")
#: Seconds after which what a process left half-written is removed.
LEFT_BEHIND = 3600


def cap() -> int:
    """Most bytes of uploads: ``$HBDASH_UPLOADS_MB``, 1,000 unless told."""
    return int(float(os.environ.get("HBDASH_UPLOADS_MB", "1000")) * 1e6)


def place(folder: str, sha256: str, suffix: str = "") -> Path:
    """Where the store of this machine keeps what has this hash, whether it is there or not.

    Raises
    ------
    ValueError
        Where `sha256` is not 64 hexadecimal digits: no path leaves the folder.
    """
    from hbdash import store  # noqa: PLC0415

    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f'`sha256` must be 64 hexadecimal digits, got "{sha256[:40]}".')
    return store.root() / folder / f"{sha256}{suffix}"


def write(path: Path, content: bytes) -> None:
    """Keep a file, whole or not at all, and make room for it.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _keep_to_the_cap(path)


def read(path: Path) -> bytes:
    """Read a file, and note its use.

    Raises
    ------
    FileNotFoundError
        When it is not there.
    """
    content = path.read_bytes()
    with suppress(OSError):
        os.utime(path)
    return content


def _keep_to_the_cap(newest: Path) -> None:
    used = 0
    for path, size, last_use in sorted(_all(newest.parents[1]), key=lambda one: -one[2]):
        left_behind = path.suffix == ".part" and time.time() - last_use > LEFT_BEHIND
        used += size
        if path != newest and (used > cap() or left_behind):
            path.unlink(missing_ok=True)


def _all(root: Path) -> Iterator[tuple[Path, int, float]]:
    """Yield every upload with its bytes and when it was last used."""
    for folder in FOLDERS:
        for path in (root / folder).glob("*"):
            with suppress(OSError):  # another process was quicker
                about = path.stat()
                yield path, about.st_size, about.st_mtime
