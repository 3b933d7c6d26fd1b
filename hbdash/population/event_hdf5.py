"""HDF5 files of posterior samples: structured datasets named posterior_samples, read from bytes."""

from typing import NamedTuple

import h5py
import numpy as np

from hbdash.population.event_text import place
from hbdash.population.hdf5_reading import ContentError, dataset, read_hdf5
from hbdash.tables.csv_table import UploadError, cut

#: Name of the datasets that are read, anywhere in the tree (GWKokab 0.3).
DATASET = "posterior_samples"
#: Most rows of a file, bytes of one dataset, objects of a file; checked before anything is read.
MOST_ROWS, MOST_BYTES, MOST_OBJECTS = 2_000_000, 400_000_000, 100_000


class Samples(NamedTuple):
    """One dataset: where it lies in the file, and its numbers, shape (rows, columns)."""

    path: str
    numbers: np.ndarray


def hdf5_columns(file: str, raw: bytes) -> tuple[str, ...]:
    """Name the columns that all datasets of a file have, in the order of the first.

    Raises
    ------
    ContentError
        Where the file cannot be read, or has no dataset of samples.
    """

    def extract(tree: h5py.File) -> list[tuple[str, ...]]:
        return [found.dtype.names or () for found in _datasets(file, tree)]

    several = read_hdf5(raw, cut(file), extract)
    return tuple(name for name in several[0] if all(name in names for names in several))


def read_samples(file: str, raw: bytes, columns: tuple[str, ...]) -> list[Samples]:
    """Read columns of every dataset of samples in a file.

    Parameters
    ----------
    file : its name, for messages.
    raw : its content.
    columns : their names, in the order in which they are returned.

    Raises
    ------
    ContentError
        Where the file cannot be read, has no dataset of samples, one is no table of numbers or too
        large, or a column is missing.
    """

    def extract(tree: h5py.File) -> list[Samples]:
        return [
            Samples(str(found.name), _numbers(f"{file}: {found.name}", found, columns))
            for found in _datasets(file, tree)
        ]

    return read_hdf5(raw, cut(file), extract)


def _datasets(file: str, tree: h5py.File) -> list[h5py.Dataset]:
    paths: list[str] = []
    seen = 0

    def visit(path: str, item: h5py.Group | h5py.Dataset) -> None:
        nonlocal seen
        seen += 1
        if seen > MOST_OBJECTS:
            raise ContentError(
                f"{cut(file)} must have at most {MOST_OBJECTS:,} datasets and groups, got more."
            )
        if isinstance(item, h5py.Dataset) and path.rpartition("/")[2] == DATASET:
            paths.append(path)

    tree.visititems(visit)
    if not paths:
        inside = ", ".join(list(tree)[:5]) or "nothing"
        raise ContentError(
            f'{cut(file)} must have a dataset named "{DATASET}", got {cut(inside, 80)}: write the '
            "samples under that name, or upload text files."
        )
    found = [dataset(tree, path, cut(file)) for path in paths]
    for each in found:
        _check(f"{file}: {each.name}", each)
    if (rows := sum(each.shape[0] for each in found)) > MOST_ROWS:
        raise ContentError(
            f"{cut(file)} must have at most {MOST_ROWS:,} rows in all its datasets, got {rows:,}: "
            "thin them."
        )
    return found


def _check(name: str, found: h5py.Dataset) -> None:
    if found.dtype.names is None or len(found.shape) != 1:
        raise ContentError(
            f"{name} must be a table of named columns (a structured array), got shape "
            f"{found.shape} of {found.dtype}: write it with column names."
        )
    rows, size = found.shape[0], found.shape[0] * found.dtype.itemsize
    if rows > MOST_ROWS or size > MOST_BYTES:
        raise ContentError(
            f"{name} must have at most {MOST_ROWS:,} rows and {MOST_BYTES // 10**6} MB, got "
            f"{rows:,} rows of {size / 1e6:,.0f} MB: thin it."
        )
    if not rows:
        raise ContentError(
            f"{name} must hold posterior samples, got no row: leave it out, or write it again."
        )


def _numbers(name: str, found: h5py.Dataset, columns: tuple[str, ...]) -> np.ndarray:
    for column in columns:
        try:
            place(name, found.dtype.names or (), column)
        except UploadError as error:  # the reader takes other errors for damage
            raise ContentError(str(error)) from None
        kind = found.dtype[column]
        if kind.kind not in "iuf" or kind.shape:
            raise ContentError(
                f'{name} must hold numbers in column "{cut(column)}", got {kind}: write one '
                "number a row."
            )
    return np.stack([np.asarray(found.fields(column)[()], float) for column in columns], 1)
