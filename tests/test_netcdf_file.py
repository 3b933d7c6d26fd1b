"""Runs as files: read and written as xarray and h5netcdf do it, value by value and type by type."""

import io

import numpy as np
import pytest
import xarray as xr

from hbdash.netcdf_file import decode, encode
from tests.fake_missing import fake_missing
from tests.fake_population import fake_population
from tests.fake_regression import fake_regression
from tests.fake_runs import fake_run


def odd() -> xr.DataTree:
    """Texts, truths, a coordinate that is none of a dimension, a dimension of the group above."""
    above = xr.Dataset(
        {"number": ("row", np.arange(3, dtype=np.int32)), "alone": 2.5},
        {"row": ["a", "", "ü 'x'"], "ensemble": ("row", [0, 0, 1])},
        {"words": "ü", "number": 3},
    )
    below = xr.Dataset(
        {"seen": (("row", "bare"), np.array([[True, False]] * 3)), "name": ("bare", ["x", "yy"])},
        attrs={"empty": ""},
    )
    table = xr.Dataset({"gone": ("none", np.zeros(0)), "nan": ("two", [np.nan, np.inf])})
    return xr.DataTree.from_dict({"/one": above, "/one/inside": below, "/two": table})


RUNS = {
    "normal means": fake_run,
    "regression": fake_regression,
    "missing": fake_missing,
    "nuts": fake_population,
    "aies": lambda: fake_population("aies"),
    "flowmc": lambda: fake_population("flowmc"),
    "odd": odd,
}


def read(raw: bytes) -> xr.DataTree:
    with xr.open_datatree(io.BytesIO(raw), engine="h5netcdf") as stored:
        return stored.load()


def types(dt: xr.DataTree) -> dict:
    """The types of all values and attributes, and the order of the groups."""
    return {
        group.path: (
            {name: (one.dtype, one.dims) for name, one in group.variables.items()},
            {name: type(value) for name, value in group.attrs.items()},
        )
        for group in dt.subtree
    }


@pytest.mark.parametrize("run", RUNS)
def test_files_are_those_of_xarray(run):
    dt = RUNS[run]()
    ours, theirs = encode(dt), bytes(dt.to_netcdf(engine="h5netcdf"))
    for raw in (ours, theirs):
        here, there = decode(raw), read(raw)
        xr.testing.assert_identical(here, there)
        assert types(here) == types(there)
    xr.testing.assert_identical(read(ours), read(theirs))
