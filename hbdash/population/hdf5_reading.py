"""Reading HDF5 that a stranger may have written: from memory, sizes first, no links elsewhere."""

import io
from collections.abc import Callable
from typing import Any, TypeVar

import h5py
import numpy as np

from hbdash.hdf5_lock import HDF5

#: Most bytes of an HDF5 file.
MOST_BYTES = 50_000_000
SIGNATURE = b"\x89HDF\r\n\x1a\n"
_POINTER = b"version https://git-lfs"
T = TypeVar("T")


class ContentError(ValueError):
    """A file whose content is not what it must be, in words."""


def is_hdf5(content: bytes) -> bool:
    """Whether bytes begin as HDF5 does."""
    return content.startswith(SIGNATURE)


def check_size(size: int, where: str) -> None:
    """Refuse a file of too many bytes."""
    if size > MOST_BYTES:
        raise ContentError(
            f"{where} must have at most {MOST_BYTES / 1e6:,.0f} MB, got {size / 1e6:,.1f} MB."
        )


def read_hdf5(content: bytes, where: str, extract: Callable[[h5py.File], T]) -> T:
    """Open bytes as HDF5, and return what `extract` takes from them.

    Parameters
    ----------
    content : the bytes of the file.
    where : its name, for messages.
    extract : called once, under the lock of HDF5.

    Raises
    ------
    ContentError
        Where the bytes are too many, not HDF5, damaged, or refused by `extract`.
    """
    check_size(len(content), where)
    if content.startswith(_POINTER):
        raise ContentError(
            f"{where} is a Git LFS pointer, a text of {len(content)} bytes that stands for the "
            "file: fetch the file itself with `git lfs pull`."
        )
    if not is_hdf5(content):
        raise ContentError(f"{where} must be an HDF5 file: its first eight bytes are not HDF5's.")
    with HDF5:
        try:
            with h5py.File(io.BytesIO(content), "r") as file:
                return extract(file)
        except ContentError:
            raise
        except Exception as error:  # h5py answers damage with any of its exceptions
            raise ContentError(
                f"{where} is damaged: HDF5 could not read it ({error}). Copy or download it again."
            ) from None


def numbers(
    file: h5py.File,
    path: str,
    where: str,
    *,
    most: int,
    shape: tuple[int, ...] | None = None,
    finite: bool = True,
) -> np.ndarray:
    """Read a dataset of numbers as float64.

    Parameters
    ----------
    path : of the dataset, with slashes.
    most : entries it may have; checked before it is read, for compression hides sizes.
    shape : that it must have; any unless given.
    finite : whether NaN and infinity are refused.
    """
    found = dataset(file, path, where)
    if found.dtype.kind not in "fiu":
        raise ContentError(f"{where}: `{path}` must hold numbers, got {found.dtype}.")
    if shape is not None and found.shape != shape:
        raise ContentError(f"{where}: `{path}` must have shape {shape}, got {found.shape}.")
    if found.size > most:
        raise ContentError(
            f"{where}: `{path}` must have at most {most:,} entries, got {found.size:,}."
        )
    values = np.asarray(found[()], np.float64)
    if finite and (bad := int(np.sum(~np.isfinite(values)))):
        raise ContentError(
            f"{where}: `{path}` must be finite, got {bad:,} of {values.size:,} entries that are "
            "NaN or infinite."
        )
    return values


def words(file: h5py.File, path: str, where: str, *, most: int) -> tuple[str, ...]:
    """Read a dataset of text, shape (n,) with n at most `most`."""
    found = dataset(file, path, where)
    if found.dtype.kind != "S" and h5py.check_string_dtype(found.dtype) is None:
        raise ContentError(f"{where}: `{path}` must hold text, got {found.dtype}.")
    if found.ndim != 1 or found.size > most:
        raise ContentError(
            f"{where}: `{path}` must be a list of at most {most} words, got shape {found.shape}."
        )
    return tuple(bytes(word).decode("utf-8", "replace") for word in found[()])


def dataset(file: h5py.File, path: str, where: str) -> Any:
    """Find a dataset, as h5py has it, whose bytes lie in the file itself.

    HDF5 has links to other files, datasets stored in other files, and datasets put together from
    other files: followed, they would read files of this machine.
    """
    found: Any = file
    for name in path.split("/"):
        link = found.get(name, getlink=True) if isinstance(found, h5py.Group) else None
        if link is None:
            raise ContentError(f"{where} must have a dataset `{path}`: {_contents(file)}.")
        if not isinstance(link, h5py.HardLink):
            raise ContentError(f"{where}: `{path}` must lie in the file itself, got a link.")
        found = found[name]
    if not isinstance(found, h5py.Dataset):
        raise ContentError(f"{where}: `{path}` must be a dataset, got a group.")
    if found.shape is None:
        raise ContentError(f"{where}: `{path}` must not be empty.")
    if found.external or found.is_virtual:
        raise ContentError(f"{where}: `{path}` must lie in the file itself, not in another one.")
    return found


def _contents(file: h5py.File) -> str:
    names = list(file)
    if not names:
        return "it is empty"
    listed = ", ".join(name[:40] for name in names[:12])
    return f"it has {listed}" + (f" and {len(names) - 12} more" if len(names) > 12 else "")
