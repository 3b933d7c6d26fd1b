"""Uploaded files in the store: bytes in a file named by the hash of their content."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from hbdash import uploads


def keep_file(content: bytes) -> str:
    """Keep bytes under their SHA-256, which is returned.

    The file is written under another name and renamed, so it is whole or absent; bytes that are
    kept already are not written again.

    Parameters
    ----------
    content : the bytes of the file, as they were uploaded.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    path = place(sha256)
    if _holds(path, sha256):
        return sha256
    uploads.write(path, content)
    return sha256


def kept_file(sha256: str) -> bytes:
    """Read bytes back; a damaged file is renamed aside.

    Parameters
    ----------
    sha256 : what `keep_file` returned.

    Raises
    ------
    ValueError
        Where `sha256` is not 64 hexadecimal digits.
    LookupError
        Where the store of this machine has no such file, or a damaged one.
    """
    path = place(sha256)
    try:
        content = uploads.read(path)
    except FileNotFoundError:
        raise _not_here(sha256, "it was uploaded to another one, or cleared away") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        with suppress(FileNotFoundError):  # another thread was quicker
            os.replace(path, path.with_suffix(".damaged"))
        raise _not_here(sha256, "it was damaged and has been set aside")
    return content


def is_kept(sha256: str) -> bool:
    """Whether this machine's store has a file of this hash; it may still be damaged."""
    return place(sha256).exists()


def _holds(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(uploads.read(path)).hexdigest() == sha256
    except FileNotFoundError:
        return False


def place(sha256: str) -> Path:
    """Where the store of this machine keeps what has this hash, whether it is there or not."""
    return uploads.place("files", sha256)


def _not_here(sha256: str, why: str) -> LookupError:
    return LookupError(
        f"The uploaded file {sha256[:4]}… is not in this machine's store: upload it again ({why})."
    )
