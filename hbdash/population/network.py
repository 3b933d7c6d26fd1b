"""Networks that give ln VT of a pair of masses, as GWKokab writes them to HDF5."""

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from hbdash.population.hdf5_reading import ContentError, numbers, read_hdf5, words

#: What a network may take, and the order in which this package holds it.
COLUMNS = ("mass_1_source", "mass_2_source")
#: Most hidden layers, units of a layer, and weights of all layers.
MOST_DEPTH, MOST_WIDTH, MOST_WEIGHTS = 32, 4096, 5_000_000


@dataclass(frozen=True, eq=False)
class Network:
    """A multilayer perceptron: ReLU between the layers, the last one linear.

    Attributes
    ----------
    names : of the inputs, in the order in which the first layer takes them.
    weights, biases : one of shape (out, in) and one of shape (out,) a layer.
    """

    names: tuple[str, ...]
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    @property
    def inputs(self) -> tuple[int, ...]:
        """For each input, which of `COLUMNS` it is."""
        return tuple(COLUMNS.index(name) for name in self.names)

    def log_vt(self, m1: np.ndarray, m2: np.ndarray) -> np.ndarray:
        """Return ln VT in Gpc^3 yr per day; masses in solar masses, of any one shape."""
        m1, m2 = np.broadcast_arrays(np.asarray(m1, float), np.asarray(m2, float))
        pairs = np.stack([m1.ravel(), m2.ravel()])[list(self.inputs)]
        blocks = np.array_split(pairs, max(1, pairs.shape[1] // 8192), axis=1)
        return np.concatenate([forward(self.weights, self.biases, b) for b in blocks]).reshape(
            m1.shape
        )


def forward(weights: Any, biases: Any, x: Any) -> Any:
    """Evaluate a network at the columns of x, shape (in, n); of NumPy's arrays or of JAX's."""
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = weight @ x + bias[:, None]
        x = x * (x > 0)
    return (weights[-1] @ x + biases[-1][:, None])[0]


def read_network(content: bytes, where: str) -> Network:
    """Read and check a network.

    Parameters
    ----------
    content : of an HDF5 file with datasets names (text), in_size, out_size, width_size, depth, and
        groups layer_0 ... layer_depth holding weight_i, shape (out, in), and bias_i, shape (out,).
    where : the name of the file, for messages.

    Raises
    ------
    ValueError
        Where the file is too large, not HDF5 or damaged, something is missing, has another shape
        or is not finite, or the network takes anything but the two masses.
    """
    return read_hdf5(content, where, lambda file: _extract(file, where))


def _extract(file: h5py.File, where: str) -> Network:
    names = words(file, "names", where, most=64)
    if others := [name for name in names if name not in COLUMNS]:
        raise ContentError(
            f"{where}: the network takes {', '.join(names)}; {', '.join(others)} "
            f"{'is' if len(others) == 1 else 'are'} not among the columns of this population, "
            f"{' and '.join(COLUMNS)}."
        )
    if not names or len(set(names)) < len(names):
        raise ContentError(
            f"{where}: `names` must be one or both of {', '.join(COLUMNS)}, each once, got "
            f"{', '.join(names) or 'none'}."
        )
    in_size = _integer(file, "in_size", where, 1, 64)
    if in_size != len(names):
        raise ContentError(
            f"{where}: `in_size` must be the number of `names`, {len(names)}, got {in_size}."
        )
    _integer(file, "out_size", where, 1, 1)
    width = _integer(file, "width_size", where, 1, MOST_WIDTH)
    depth = _integer(file, "depth", where, 0, MOST_DEPTH)
    sizes = [in_size, *[width] * depth, 1]
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    if (count := sum(a * b for a, b in shapes)) > MOST_WEIGHTS:
        raise ContentError(
            f"{where}: the network must have at most {MOST_WEIGHTS:,} weights, got {count:,}."
        )
    if f"layer_{depth + 1}" in file:
        raise ContentError(
            f"{where}: `depth` is {depth}, so layer_{depth} must be the last, got "
            f"layer_{depth + 1}."
        )
    weights, biases = [], []
    for i, shape in enumerate(shapes):
        path = f"layer_{i}/weight_{i}"
        weights.append(numbers(file, path, where, most=MOST_WEIGHTS, shape=shape))
        path = f"layer_{i}/bias_{i}"
        biases.append(numbers(file, path, where, most=MOST_WIDTH, shape=shape[:1]))
    return Network(names, tuple(weights), tuple(biases))


def _integer(file: h5py.File, path: str, where: str, low: int, high: int) -> int:
    value = float(numbers(file, path, where, most=1).reshape(-1).sum())
    if value != int(value) or not low <= value <= high:
        wanted = f"{low}" if low == high else f"an integer from {low} to {high:,}"
        raise ContentError(f"{where}: `{path}` must be {wanted}, got {value:g}.")
    return int(value)
