"""What runs estimate, side by side: the quantities that they share, and how far their means differ.

Quantities are named as in the scoreboard: mu, log_tau, theta[school A], or the parameters of a
population of events.
"""

import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from hbdash.diagnostics import mcse
from hbdash.population_draws import SAMPLERS, parameters, truth
from hbdash.population_draws import draws as draws_of
from hbdash.quantities import variable


class Quantity(NamedTuple):
    """One number that a run estimates.

    Attributes
    ----------
    draws : shape (chain, draw). truth : the generating value, NaN where unknown.
    of_group : whether it belongs to a group rather than to the population.
    """

    draws: np.ndarray
    truth: float
    of_group: bool


def quantities(dt: xr.DataTree) -> dict[str, Quantity]:
    """Everything that a run estimates by name, those of the population first; scales as logs."""
    if dt.attrs.get("sampler") in SAMPLERS:
        return {n: Quantity(draws_of(dt, n), truth(dt, n), False) for n in parameters(dt)}
    found = dict(_of_sites(dt))
    return dict(sorted(found.items(), key=lambda item: item[1].of_group))


def shared(runs: Mapping[str, xr.DataTree]) -> dict[str, list[Quantity]]:
    """The quantities that all runs estimate, by name, each as a list in the order of the runs."""
    every = [quantities(dt) for dt in runs.values()]
    names = [name for name in every[0] if all(name in one for one in every)] if every else []
    return {name: [one[name] for one in every] for name in names}


def differences(
    runs: Mapping[str, xr.DataTree], exact: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """How far the posterior means of runs are from a reference, in Monte-Carlo standard errors.

    Parameters
    ----------
    runs : label to draws.
    exact : exact means by name; they are the reference of the quantities that they have. That of
        the others is the first run.

    Returns
    -------
    A row for each quantity that all runs estimate, a column for each run: (mean - reference) over
    the standard error of that difference, the two runs' MCSE added in quadrature. NaN for the
    reference itself.
    """
    table = {}
    for name, each in shared(runs).items():
        means = [float(one.draws.mean()) for one in each]
        errors = [mcse(one.draws) if one.draws.shape[1] >= 4 else np.nan for one in each]
        if name in (exact or {}):
            against, error = float((exact or {})[name]), 0.0
        else:
            against, error = means[0], errors[0]
            means[0] = np.nan
        with np.errstate(divide="ignore", invalid="ignore"):
            table[name] = (np.array(means) - against) / np.hypot(errors, error)
    return pd.DataFrame.from_dict(table, orient="index", columns=list(runs))


def _of_sites(dt: xr.DataTree) -> Iterator[tuple[str, Quantity]]:
    scales = json.loads(dt.attrs.get("scales", '["tau", "sigma"]'))
    known = dt["constant_data"].to_dataset() if "constant_data" in dt.children else xr.Dataset()
    for site, values in dt["posterior"].to_dataset().data_vars.items():
        draws = values.transpose("chain", "draw", ...)
        true = known.get(f"true_{site}", draws[0, 0] * np.nan).transpose(*draws.dims[2:])
        name, every, truths = str(site), draws.values, true.values
        if name in scales:
            with np.errstate(divide="ignore"):
                name, every, truths = f"log_{name}", np.log(every), np.log(truths)
        if draws.ndim == 2:
            yield name, Quantity(every, float(truths), False)
            continue
        dims = [str(dim) for dim in draws.dims[2:]]
        used = np.ones(draws.shape[2:], bool)
        if dims == ["group", "predictor"]:
            used = variable(dt, "constant_data/mask").transpose(*dims).values.astype(bool)
        labels = [
            [str(word) for word in draws[dim].values]
            if dim in draws.coords
            else [str(k + 1) for k in range(draws.sizes[dim])]
            for dim in dims
        ]
        for at in map(tuple, np.argwhere(used)):
            entry = ", ".join(words[k] for words, k in zip(labels, at, strict=True))
            of_group = dims != ["predictor"]
            yield f"{name}[{entry}]", Quantity(every[:, :, *at], float(truths[at]), of_group)
