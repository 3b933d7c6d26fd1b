"""Runs as NetCDF files in memory: the layout of netCDF-4, written and read by h5py alone.

A run holds some sixty small variables. h5netcdf spends ten times as long on them, nearly all of it
on dimensions and their scales, and a step of a slider makes runs of a new size. Values are encoded
and decoded by xarray, which reads these files, too.
"""

import io
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np
import xarray as xr
from xarray.conventions import cf_encoder, decode_cf_variables, encode_dataset_coordinates

from hbdash.hdf5_lock import HDF5

#: What netCDF-4 calls a dimension without a variable of its own, before its size.
_BARE = "This is a netCDF dimension but not a netCDF variable."
#: Attributes of the layout, which are none of the run.
_LAYOUT = {
    "CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates",
    "_NCProperties",
}  # fmt: skip
_TEXT = h5py.string_dtype()


def encode(dt: xr.DataTree) -> bytes:
    """Write a run as the bytes of a NetCDF file.

    In memory: HDF5 that writes to a disk that fills up takes the whole process down.
    """
    file = io.BytesIO()
    with HDF5, h5py.File(file, "w", track_order=True) as stored:
        _write(stored, dt, {}, itertools.count())
    return file.getvalue()


def decode(raw: bytes) -> xr.DataTree:
    """Read a run from the bytes that `encode` made."""
    found: dict[str, xr.Dataset] = {}
    with HDF5, h5py.File(io.BytesIO(raw), "r") as stored:
        groups: list[Any] = [stored]
        while groups:
            place = groups.pop(0)
            found[place.name] = _read(place)
            groups += [one for one in place.values() if isinstance(one, h5py.Group)]
    return xr.DataTree.from_dict(found).load()


def _read(place: Any) -> xr.Dataset:
    """Read a group without those in it."""
    variables = {}
    for name, one in place.items():
        if isinstance(one, h5py.Group):
            continue
        scale = one.attrs.get("NAME") if one.is_scale else None
        if scale is not None and _text(scale).startswith(_BARE):
            continue
        dims = [each[0].name.rpartition("/")[2] for each in one.dims] if scale is None else [name]
        text = h5py.check_string_dtype(one.dtype) is not None
        values, encoding = (one.asstr()[()], {"dtype": str}) if text else (one[()], None)
        variables[name] = xr.Variable(dims, values, _attributes(one), encoding)
    decoded, attributes, coordinates = decode_cf_variables(variables, _attributes(place))
    return xr.Dataset(decoded, attrs=attributes).set_coords(coordinates)


def _attributes(place: Any) -> dict[str, Any]:
    """What the layout does not own; in netCDF-4 a number is an array of one."""
    found = {name: value for name, value in place.attrs.items() if name not in _LAYOUT}
    return {
        name: value[0] if isinstance(value, np.ndarray) and value.shape == (1,) else value
        for name, value in found.items()
    }


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _write(
    place: Any, group: xr.DataTree, above: Mapping[str, h5py.Dataset], numbers: Iterator[int]
) -> None:
    """Write a group and those in it.

    `above` holds the scales of the dimensions around it; all dimensions of a file are numbered.
    """
    dataset = group.to_dataset(inherit=False)
    variables, attributes = cf_encoder(*encode_dataset_coordinates(dataset))
    place.attrs.update(attributes)
    scales = dict(above)
    for name, size in dataset.sizes.items():
        of_its_own = name in variables and variables[name].dims == (name,)
        if of_its_own or scales.get(str(name)) is None or len(scales[str(name)]) != size:
            scale = _dataset(place, str(name), variables[name].values if of_its_own else size)
            scale.make_scale(str(name) if of_its_own else f"{_BARE}{size:10d}")
            scale.attrs["_Netcdf4Dimid"] = np.int32(next(numbers))
            scales[str(name)] = scale
    for name, variable in variables.items():
        if variable.dims != (name,):
            written = _dataset(place, str(name), variable.values)
            for number, dimension in enumerate(variable.dims):
                written.dims[number].attach_scale(scales[str(dimension)])
        place[name].attrs.update(variable.attrs)
    for name, child in group.children.items():
        _write(place.create_group(name, track_order=True), child, scales, numbers)


def _dataset(place: Any, name: str, values: np.ndarray | int) -> h5py.Dataset:
    """Write values, or nothing but a size."""
    if isinstance(values, int):
        return place.create_dataset(name, (values,), "f4", track_order=True)
    values = np.asarray(values)
    if values.dtype.kind in "OU":
        return place.create_dataset(name, data=values.astype(object), dtype=_TEXT, track_order=True)
    return place.create_dataset(name, data=values, track_order=True)
