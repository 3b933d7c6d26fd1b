"""Chains of a group model arranged as ArviZ does, in a DataTree."""

import json
from typing import Any

import numpy as np
import xarray as xr

from hbdash.models import MODELS
from hbdash.priors import LOCATION
from hbdash.question import Question
from hbdash.samplers import chain_groups
from hbdash.samplers.nuts import Chains
from hbdash.spec import RunSpec
from hbdash.versions import provenance


def as_datatree(question: Question, chains: Chains) -> xr.DataTree:
    """Arrange chains as ArviZ does; chains of unequal length are cut to the shortest."""
    spec, data = question.spec, question.data
    model = MODELS[spec.model]
    draws, warmup = chain_groups.draws(chains), chain_groups.warmup(chains)
    length, deepest = chain_groups.length(draws), spec.sampler.max_tree_depth
    carried = question.carried
    groups: dict[str, xr.Dataset] = {}
    if length:
        sites = chain_groups.sites(draws)
        sampled = {effect: sites.pop(f"{effect}_decentered") for effect in question.centeredness}
        units = model.units(data)
        restored = {
            site: _restored(values, units.get(site))
            for site, values in sites.items()
            if site in spec.priors or site in model.dims
        }
        groups["posterior"] = _dataset(restored, model.dims, carried.coords)
        groups["unconstrained_posterior"] = _dataset(sampled, model.dims, carried.coords)
        groups["sample_stats"] = chain_groups.statistics(draws, deepest)
    if chain_groups.length(warmup):
        groups["warmup_sample_stats"] = chain_groups.statistics(warmup, deepest)
    groups |= observed(question)
    groups["sampler_state"] = chain_groups.states(chains)
    dt = xr.DataTree.from_dict(groups)
    spec = spec.with_draws(length) if length else spec
    dt.attrs = (
        {
            "spec": spec.model_dump_json(),
            "key": spec.key,
            "wall_seconds": chains.wall_seconds,
            "compile_seconds": chains.compile_seconds,
            "model": spec.model,
            "levels": json.dumps(_levels(question)),
            "scales": json.dumps([s for s in spec.priors if model.families[s] != LOCATION]),
            "gradients": chains.gradients,
            "sampling_gradients": int(sum(d["n_steps"].sum() for d in draws)) if length else 0,
        }
        | provenance()
        | carried.attrs
    )
    return dt


def append(earlier: xr.DataTree, later: xr.DataTree) -> xr.DataTree:
    """Join a run and its continuation along draw."""
    joined = {name: group.to_dataset() for name, group in later.children.items()}
    for name in ("posterior", "unconstrained_posterior", "sample_stats"):
        if name in joined and not joined[name].sizes:
            continue  # without a population there are no other coordinates
        if name in earlier.children and name in joined:
            start = earlier[name].sizes["draw"]
            moved = joined[name].assign_coords(draw=joined[name]["draw"] + start)
            joined[name] = xr.concat([earlier[name].to_dataset(), moved], "draw", join="outer")
        elif name in earlier.children:
            joined[name] = earlier[name].to_dataset()
    joined["warmup_sample_stats"] = earlier["warmup_sample_stats"].to_dataset()
    dt = xr.DataTree.from_dict(joined)
    spec = RunSpec.model_validate_json(later.attrs["spec"])
    spec = spec.with_draws(dt["posterior"].sizes["draw"])
    totals = {
        name: earlier.attrs[name] + later.attrs[name]
        for name in ("wall_seconds", "compile_seconds", "gradients", "sampling_gradients")
    }
    dt.attrs = later.attrs | totals | {"spec": spec.model_dump_json(), "key": spec.key}
    return dt


def observed(question: Question) -> dict[str, xr.Dataset]:
    """The groups of a DataTree that hold data and truth rather than draws."""
    model = MODELS[question.spec.model]
    carried = question.carried
    constant: dict[str, Any] = dict(carried.constant)
    for effect, values in question.centeredness.items():
        constant[f"centeredness_{effect}"] = model.dims[effect], values
    for name, value in question.data.truth.items():
        constant[f"true_{name}"] = model.dims.get(name, ()), value
    seen = xr.Dataset(
        carried.observed, _of(carried.coords, carried.observed), {"rows": carried.rows}
    )
    return {
        "observed_data": seen,
        "constant_data": xr.Dataset(constant, _of(carried.coords, constant)),
    }


def _of(coords: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    """Keep the labels of dimensions that are there."""
    used = {
        dim
        for dims, *_ in variables.values()
        for dim in ([dims] if isinstance(dims, str) else dims)
    }
    return {dim: labels for dim, labels in coords.items() if dim in used | {"group"}}


def _levels(question: Question) -> dict[str, dict[str, Any]]:
    """Describe the populations of effects for those who read the run."""
    masked = "mask" in question.carried.constant
    return {one.name: one._asdict() | {"masked": masked} for one in question.levels}


def _restored(values: np.ndarray, units: tuple[Any, Any] | None) -> np.ndarray:
    """Go back from the units of the model to those the data came in."""
    return values if units is None else units[0] + units[1] * values


def _dataset(
    sites: dict[str, np.ndarray], dims: dict[str, tuple[str, ...]], coords: dict[str, Any]
) -> xr.Dataset:
    variables = {name: (("chain", "draw", *dims.get(name, ())), v) for name, v in sites.items()}
    if not variables:
        return xr.Dataset()
    chains, draws = next(iter(sites.values())).shape[:2]
    ends = {"chain": np.arange(chains), "draw": np.arange(draws)}
    return xr.Dataset(variables, _of(coords, variables) | ends)
