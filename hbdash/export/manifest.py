"""Where a run comes from, as JSON: versions, platform, seed, key, spec, hash of its data."""

import hashlib
import json
from typing import Any

import numpy as np
import xarray as xr

from hbdash.spec import parse
from hbdash.versions import HBDASH


def manifest(dt: xr.DataTree) -> dict[str, Any]:
    """Describe what a run came from, as it was recorded when it ran.

    Returns
    -------
    dict
        "key" and "seed"; "wall_seconds", "compile_seconds", "gradients"; "versions" by package
        and "platform", of the process that sampled; "data", with their "sha256" as of `data_hash`;
        "spec"; and "written_by", the hbdash that wrote this.
    """
    spec = json.loads(dt.attrs["spec"])
    known = (one.rpartition(" ") for one in str(dt.attrs.get("versions", "")).split(", ") if one)
    numbers = {
        name: np.asarray(dt.attrs[name]).item()
        for name in ("wall_seconds", "compile_seconds", "gradients")
        if name in dt.attrs
    }
    return {
        "key": str(dt.attrs["key"]),
        "seed": parse(spec).sampler.seed,
        **numbers,
        "versions": {name: version for name, _, version in known},
        "platform": str(dt.attrs.get("platform", "not recorded")),
        "data": {"sha256": data_hash(dt), "of": "names, shapes and values of observed_data, mask"},
        "spec": spec,
        "written_by": f"hbdash {HBDASH}",
    }


def manifest_json(dt: xr.DataTree) -> str:
    """Write the manifest of a run."""
    return json.dumps(manifest(dt), indent=1, ensure_ascii=False) + "\n"


def data_hash(dt: xr.DataTree) -> str:
    """Hash the data that a run carries, SHA-256 in hexadecimal digits.

    They are the group observed_data, of which rows may be thinned but not the statistics of groups
    and events, and the mask of predictors, where there is one. Parameterizations, priors and
    samplers leave the hash as it is.
    """
    found = hashlib.sha256()
    observed, constant = dt["observed_data"].to_dataset(), dt["constant_data"].to_dataset()
    arrays = {str(name): array for name, array in observed.variables.items()}
    arrays |= {"mask": constant["mask"].variable} if "mask" in constant else {}
    for name, array in sorted(arrays.items()):
        values = array.values
        number = values.dtype.kind in "fiub"
        found.update(f"{name}{array.dims}{values.shape}".encode())
        # Whatever the width of the numbers in a file, the same numbers give the same bytes.
        found.update(
            np.ascontiguousarray(values, "<f8").tobytes()
            if number
            else json.dumps(values.tolist()).encode()
        )
    return found.hexdigest()
