"""Runs as NetCDF files in memory, written quickly where one of the same form was written before.

Making a file of fifty variables takes h5netcdf a fifth of a second, nearly all of it for dimensions
and their scales. Runs of one form (the same variables, sizes and types) differ in numbers alone, so
the first is kept, and the others are copies of it with their own numbers.
"""

import io
from collections import OrderedDict
from typing import Any

import h5py
import numpy as np
import xarray as xr

from hbdash.hdf5_lock import HDF5

#: Forms that are kept, and bytes up to which a file is worth it.
FORMS, LARGEST = 16, 8_000_000
_first: OrderedDict[Any, bytes] = OrderedDict()


def encode(dt: xr.DataTree) -> bytes:
    """Write a run as the bytes of a NetCDF file.

    In memory: HDF5 that writes to a disk that fills up takes the whole process down.
    """
    form = _form(dt)
    with HDF5:
        if form in _first:
            _first.move_to_end(form)
            return _like(_first[form], dt)
        raw = bytes(dt.to_netcdf(engine="h5netcdf"))
        if len(raw) <= LARGEST:
            _first[form] = raw
            while len(_first) > FORMS:
                _first.popitem(last=False)
        return raw


def decode(raw: bytes) -> xr.DataTree:
    """Read a run from the bytes that `encode` made."""
    with HDF5, xr.open_datatree(io.BytesIO(raw), engine="h5netcdf") as stored:
        return stored.load()


def _form(dt: xr.DataTree) -> tuple[Any, ...]:
    """Everything about a run but its numbers and texts."""
    return tuple(
        (
            group.path,
            _types(group.attrs),
            tuple(
                (name, one.dims, one.shape, _type(one.dtype), _types(one.attrs))
                for name, one in group.to_dataset(inherit=False).variables.items()
            ),
        )
        for group in dt.subtree
    )


def _type(dtype: np.dtype) -> str:
    return "text" if dtype.kind in "OU" else dtype.str


def _types(attributes: Any) -> tuple[Any, ...]:
    return tuple((name, type(v), np.shape(v)) for name, v in attributes.items())


def _like(raw: bytes, dt: xr.DataTree) -> bytes:
    file = io.BytesIO(raw)
    with h5py.File(file, "r+") as stored:
        for group in dt.subtree:
            place: Any = stored[group.path]
            place.attrs.update(group.attrs)
            for name, one in group.to_dataset(inherit=False).variables.items():
                kind = object if one.dtype.kind == "U" else place[name].dtype
                place[name][...] = one.values.astype(kind)
                place[name].attrs.update(one.attrs)
    return file.getvalue()
