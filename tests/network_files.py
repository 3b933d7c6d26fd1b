"""Small networks and sets of signals as bytes of HDF5, whole or damaged on purpose."""

import io

import h5py
import numpy as np

NAMES = ("mass_1_source", "mass_2_source")


def layers(sizes=(2, 3, 3, 1), seed=0, scale=0.1):
    """Random weights and biases, float32 as networks are trained."""
    rng = np.random.default_rng(seed)
    return [
        (
            (scale * rng.normal(size=(out, into))).astype(np.float32),
            (scale * rng.normal(size=out)).astype(np.float32),
        )
        for into, out in zip(sizes[:-1], sizes[1:], strict=True)
    ]


def product_of_roots():
    """A network whose output is -9 + 0.02 relu(m1 - 5) + 0.05 relu(m2), which tells m1 from m2."""
    return [
        (np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([-5.0, 0.0])),
        (np.array([[0.02, 0.05]]), np.array([-9.0])),
    ]


def network_bytes(weights, names=NAMES, change=None):
    """Write a network as GWKokab does, and then change the open file."""
    target = io.BytesIO()
    packed = {"compression": "gzip"}
    with h5py.File(target, "w") as file:
        file.create_dataset("names", data=np.array(names, dtype="S"), **packed)
        file["in_size"] = weights[0][0].shape[1]
        file["out_size"] = weights[-1][0].shape[0]
        file["width_size"] = weights[0][0].shape[0]
        file["depth"] = len(weights) - 1
        for i, (weight, bias) in enumerate(weights):
            group = file.create_group(f"layer_{i}")
            group.create_dataset(f"weight_{i}", data=weight, **packed)
            group.create_dataset(f"bias_{i}", data=bias, **packed)
        if change is not None:
            change(file)
    return target.getvalue()


def replace(path, value):
    """Put something else in the place of a dataset."""

    def change(file):
        del file[path]
        if value is not None:
            file[path] = value

    return change


def signals_bytes(columns, total=1000, group="injections", attribute="total_generated"):
    """Write a set of signals."""
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        inside = file.create_group(group) if group else file
        for name, values in columns.items():
            inside[name] = values
        if total is not None:
            file.attrs[attribute] = total
    return target.getvalue()
