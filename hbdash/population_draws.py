"""What a population run holds, read by name: parameters, labels, truths, chains and events."""

import json
import re
from typing import NamedTuple

import numpy as np
import xarray as xr

#: How the samplers are written.
SAMPLERS = {"nuts": "NUTS", "aies": "AIES", "flowmc": "flowMC"}
_CD = ("chain", "draw")


class Run(NamedTuple):
    """One run among several.

    Attributes
    ----------
    number : its place among the runs, which fixes its colour. label : its name. dt : its draws.
    """

    number: int
    label: str
    dt: xr.DataTree


def found(dt: xr.DataTree, path: str) -> xr.DataArray | None:
    """Return a variable such as "spectrum/rate_m1", or None where the run does not record it."""
    group, name = path.split("/")
    if group not in dt.children or name not in dt[group].data_vars:
        return None
    return dt[group].to_dataset()[name]


def values(dt: xr.DataTree, path: str, *dims: str) -> np.ndarray | None:
    """Return a variable as an array of floats, its dimensions in the given order; None if absent.

    A variable of other dimensions counts as absent, and so does one without entries.
    """
    there = found(dt, path)
    if there is None or set(there.dims) != set(dims) or not there.size:
        return None
    return there.transpose(*dims).values.astype(float)


def parameters(dt: xr.DataTree) -> list[str]:
    """Names of the sampled parameters, in the order of the model."""
    if "posterior" not in dt.children:
        return []
    there = [str(n) for n, v in dt["posterior"].data_vars.items() if set(v.dims) == set(_CD)]
    listed = json.loads(dt.attrs.get("parameters", "[]"))
    return [n for n in listed if n in there] + [n for n in there if n not in listed]


def draws(dt: xr.DataTree, name: str) -> np.ndarray:
    """Draws of one parameter, shape (chain, draw); no chains where the run lacks it."""
    there = found(dt, f"posterior/{name}")
    if there is None or set(there.dims) != set(_CD):
        return np.empty((0, 0))
    return there.transpose(*_CD).values.astype(float)


def pooled(dt: xr.DataTree, name: str) -> np.ndarray:
    """Draws of one parameter over all chains, those that are finite, shape (S,)."""
    flat = draws(dt, name).ravel()
    return flat[np.isfinite(flat)]


def with_draws(runs: dict[str, xr.DataTree]) -> list[Run]:
    """The runs that have draws, each with its number among all runs."""
    every = [Run(i, label, dt) for i, (label, dt) in enumerate(runs.items())]
    return [run for run in every if any(draws(run.dt, n).size for n in parameters(run.dt))]


def truth(dt: xr.DataTree, name: str) -> float:
    """Generating value of a parameter; NaN where it is not known."""
    there = found(dt, f"constant_data/true_{name}")
    return float(there) if there is not None and there.ndim == 0 else np.nan


def label(dt: xr.DataTree, name: str) -> tuple[str, str]:
    """Symbol and unit of a parameter, as Plotly writes them; the unit may be empty.

    Its number and what follows an underscore become subscripts.
    """
    words = json.loads(dt.attrs.get("labels", "{}")).get(name, name)
    symbol, _, unit = words.partition(" (")
    parts = re.fullmatch(r"(.*?)(?:_(\w+))? (\d+)", symbol)
    if parts:
        below = ", ".join(part for part in parts.groups()[1:] if part)
        symbol = f"{parts[1]}<sub>{below}</sub>"
    return symbol, unit.removesuffix(")")


def sampler(dt: xr.DataTree) -> str:
    """Name the sampler, such as "AIES"."""
    known = str(dt.attrs.get("sampler", ""))
    return SAMPLERS.get(known, known or "a sampler")


def ensembles(dt: xr.DataTree) -> np.ndarray | None:
    """The ensemble of each walker, shape (chain,), for a run of AIES; None for other runs."""
    if "posterior" not in dt.children or "ensemble" not in dt["posterior"].coords:
        return None
    return np.asarray(dt["posterior"].coords["ensemble"].values).astype(int)


def size(dt: xr.DataTree) -> str:
    """Say how many draws there are, such as "2 × 30 walkers × 1,500 draws"."""
    chains, number = draws(dt, parameters(dt)[0]).shape
    each = f"{number:,} draw" + "s" * (number != 1)
    of = ensembles(dt)
    if of is not None:
        teams = len(np.unique(of))
        return f"{teams} × {chains // teams} walkers × {each}"
    return each if chains == 1 else f"{chains} × {each}"


def event_names(dt: xr.DataTree, number: int) -> list[str]:
    """Names of the events, from whichever group has them; numbered where none has."""
    for group in ("observed_data", "event_diagnostics", "reweighted", "constant_data"):
        if group in dt.children and "event" in dt[group].coords:
            names = [str(name) for name in dt[group].coords["event"].values]
            if len(names) == number:
                return names
    return [f"event {n + 1}" for n in range(number)]
