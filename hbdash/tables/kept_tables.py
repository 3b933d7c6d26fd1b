"""Uploaded tables in the store: arrays in a file named by the hash of their content."""

import hashlib
import io
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np


def save(arrays: dict[str, np.ndarray]) -> str:
    """Keep arrays under the SHA-256 of their content, which is returned.

    Parameters
    ----------
    arrays : by name; names, order, types and shapes are part of the content.
    """
    sha256 = _hash(arrays)
    path = place(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return sha256


def load(sha256: str, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Read arrays back, read-only; a damaged file is renamed aside.

    Parameters
    ----------
    sha256 : what `save` returned.
    names : what the arrays must be.

    Raises
    ------
    LookupError
        When there is no such table in the store of this machine, it is damaged, or it holds other
        arrays (it was uploaded for another kind of model).
    """
    path = place(sha256)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise _not_here(sha256, "it was uploaded to another one, or cleared away") from None
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        if _hash(arrays) != sha256:
            raise ValueError("The content does not have the hash in the file's name.")
    except Exception:  # whatever is wrong with a damaged file, the answer is the same
        with suppress(FileNotFoundError):  # another thread was quicker
            os.replace(path, path.with_suffix(".npz.damaged"))
        raise _not_here(sha256, "its file was damaged and has been set aside") from None
    if tuple(arrays) != names:
        raise LookupError(
            f"The uploaded table {sha256[:4]}… was uploaded for another kind of model: upload the "
            "file again for this one."
        )
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def is_stored(sha256: str) -> bool:
    """Whether this machine's store has a table of this hash; it may still be damaged."""
    return place(sha256).exists()


def _hash(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def place(sha256: str) -> Path:
    """Where the store of this machine keeps what has this hash, whether it is there or not."""
    from hbdash import store  # noqa: PLC0415

    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f'`sha256` must be 64 hexadecimal digits, got "{sha256[:40]}".')
    return store.root() / "data" / f"{sha256}.npz"


def _not_here(sha256: str, why: str) -> LookupError:
    return LookupError(
        f"The uploaded table {sha256[:4]}… is not in this machine's store: upload the file again "
        f"({why})."
    )
