"""Uploaded tables in the store: arrays in a file named by the hash of their content."""

import hashlib
import io
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from hbdash import uploads


def save(arrays: dict[str, np.ndarray]) -> str:
    """Keep arrays under the SHA-256 of their content, which is returned.

    Parameters
    ----------
    arrays : by name; names, order, types and shapes are part of the content.
    """
    sha256 = _hash(arrays)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    uploads.write(place(sha256), file.getvalue())
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
        raw = uploads.read(path)
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
    return uploads.place("data", sha256, ".npz")


def _not_here(sha256: str, why: str) -> LookupError:
    return LookupError(
        f"The uploaded table {sha256[:4]}… is not in this machine's store: upload the file again "
        f"({why})."
    )
