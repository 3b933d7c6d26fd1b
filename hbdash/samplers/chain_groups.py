"""Chains of NUTS arranged as ArviZ names them, and read back to go on from."""

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
    """Store the chains' last states, leaf by leaf."""
    leaves = zip(*chains.states(), strict=True)
    variables = {}
    for number, leaf in enumerate(leaves):
        value = np.stack(leaf)
        dims = ("chain", *(f"leaf_{number:02d}_{axis}" for axis in range(value.ndim - 1)))
        variables[f"leaf_{number:02d}"] = (dims, value)
    return xr.Dataset(variables)


def stored_states(dt: xr.DataTree) -> list[list[np.ndarray]]:
    """Read the chains' last states back, for going on."""
    leaves = dt["sampler_state"].to_dataset()
    names = sorted(str(name) for name in leaves.data_vars)
    return [[leaves[name].values[c] for name in names] for c in range(leaves.sizes["chain"])]


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
