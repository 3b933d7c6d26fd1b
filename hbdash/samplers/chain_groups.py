"""Chains of NUTS arranged as ArviZ names them, and read back to go on from."""

import json
from typing import Any

import numpy as np
import xarray as xr

from hbdash.samplers.nuts import Chains

#: Statistics of each transition that are stored.
STATISTICS = ("lp", "energy", "diverging", "acceptance_rate", "n_steps", "step_size")


def draws(chains: Chains) -> list[dict[str, np.ndarray]]:
    """Join what each chain recorded after the warmup, cut to the shortest; sites as "sites.mu"."""
    return _all(chains, lambda chain: chain.draws)


def warmup(chains: Chains) -> list[dict[str, np.ndarray]]:
    """Join what each chain recorded in the warmup, cut to the shortest."""
    return _all(chains, lambda chain: chain.warmup)


def length(found: list[dict[str, np.ndarray]]) -> int:
    """Transitions that every chain has."""
    return len(found[0]["lp"]) if found and found[0] else 0


def sites(found: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Stack the sites, each of shape (chain, draw, ...)."""
    names = [name for name in found[0] if name.startswith("sites.")]
    return {name.removeprefix("sites."): np.stack([d[name] for d in found]) for name in names}


def statistics(found: list[dict[str, np.ndarray]], max_tree_depth: int) -> xr.Dataset:
    """Arrange the statistics of transitions, with the depth of each tree."""
    stacked = {name: np.stack([d[name] for d in found]) for name in STATISTICS}
    steps = np.maximum(stacked["n_steps"], 1)
    stacked["tree_depth"] = np.floor(np.log2(steps)).astype(int) + 1
    stacked["reached_max_treedepth"] = steps >= 2**max_tree_depth - 1
    chains, many = steps.shape
    return xr.Dataset(
        {name: (("chain", "draw"), values) for name, values in stacked.items()},
        {"chain": np.arange(chains), "draw": np.arange(many)},
    )


def states(chains: Chains) -> xr.Dataset:
    """Store the chains' last states: their leaves one behind the other, by type.

    A variable for each leaf would be thirty of them, and writing one costs milliseconds.
    """
    leaves = [np.stack(leaf) for leaf in zip(*chains.states(), strict=True)]
    types = list(dict.fromkeys(leaf.dtype.name for leaf in leaves))
    variables = {
        name: (
            ("chain", f"{name}_entry"),
            np.concatenate([_rows(leaf) for leaf in leaves if leaf.dtype.name == name], axis=1),
        )
        for name in types
    }
    shapes = [[leaf.dtype.name, *leaf.shape[1:]] for leaf in leaves]
    return xr.Dataset(variables, attrs={"leaves": json.dumps(shapes)})


def stored_states(dt: xr.DataTree) -> list[list[np.ndarray]]:
    """Read the chains' last states back, for going on."""
    stored = dt["sampler_state"].to_dataset()
    begun = dict.fromkeys(map(str, stored.data_vars), 0)
    leaves = []
    for name, *shape in json.loads(stored.attrs["leaves"]):
        size = int(np.prod(shape, dtype=int))
        flat = stored[name].values[:, begun[name] : begun[name] + size]
        leaves.append(flat.reshape(-1, *shape))
        begun[name] += size
    return [[leaf[chain] for leaf in leaves] for chain in range(stored.sizes["chain"])]


def _rows(leaf: np.ndarray) -> np.ndarray:
    return leaf.reshape(len(leaf), -1)


def _all(chains: Chains, of: Any) -> list[dict[str, np.ndarray]]:
    chunks = [list(of(chain)) for chain in chains.each]
    shortest = min((sum(len(rows["lp"]) for rows in one) for one in chunks), default=0)
    return [_joined(one, shortest) for one in chunks]


def _joined(chunks: list[dict[str, Any]], length: int) -> dict[str, np.ndarray]:
    if not chunks:
        return {}
    flat = [_flat(chunk) for chunk in chunks]
    return {name: np.concatenate([f[name] for f in flat])[:length] for name in flat[0]}


def _flat(chunk: dict[str, Any]) -> dict[str, np.ndarray]:
    sites = {f"sites.{name}": value for name, value in chunk["sites"].items()}
    return sites | {name: value for name, value in chunk.items() if name != "sites"}
