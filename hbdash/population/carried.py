"""What a run of a population carries along of its data: events, truth, and words for the axes."""

import json
from typing import Any

import numpy as np
import xarray as xr

from hbdash.population.parameters import label
from hbdash.population.question import PopulationQuestion

#: Samples of events that a picture may show.
MOST_ROWS = 20_000
QUANTILES = (0.05, 0.5, 0.95)


def observed(question: PopulationQuestion) -> dict[str, xr.Dataset]:
    """The groups of a DataTree that hold events and truth rather than draws."""
    return {"observed_data": _events(question), "constant_data": _constants(question)}


def _events(question: PopulationQuestion) -> xr.Dataset:
    catalogue = question.catalogue
    rows = np.diff(catalogue.offsets)
    event = np.repeat(np.arange(len(rows)), rows)
    # Of each event the same share: pictures of a cloud need no more.
    kept = np.unique(np.linspace(0, len(event) - 1, min(MOST_ROWS, len(event))).round().astype(int))
    parts = [slice(a, b) for a, b in zip(catalogue.offsets, catalogue.offsets[1:], strict=False)]
    variables: dict[str, Any] = {"rows": ("event", rows)}
    for name, values in (("m1", catalogue.m1), ("m2", catalogue.m2)):
        variables[f"{name}_mean"] = "event", np.array([values[part].mean() for part in parts])
        quantiles = np.array([np.quantile(values[part], QUANTILES) for part in parts])
        variables[f"{name}_q"] = ("event", "quantile"), quantiles
        variables[name] = "row", values[kept]
    variables["event_index"] = "row", event[kept]
    coords = {"event": list(catalogue.names), "quantile": list(QUANTILES)}
    return xr.Dataset(variables, coords, {"rows": len(event)})


def _constants(question: PopulationQuestion) -> xr.Dataset:
    catalogue = question.catalogue
    names = question.target.prior.sampled
    found: dict[str, Any] = {
        f"true_{name}": ((), catalogue.truth[name]) for name in names if name in catalogue.truth
    }
    if catalogue.true_masses is not None:
        found |= {f"true_m{i + 1}": ("event", catalogue.true_masses[:, i]) for i in (0, 1)}
    for name, numbers in question.priors.numbers.items():
        if set(numbers) == {"low", "high"}:
            found |= {f"prior_{end}_{name}": ((), value) for end, value in numbers.items()}
    return xr.Dataset(found, {"event": list(catalogue.names)})


def attributes(question: PopulationQuestion) -> dict[str, Any]:
    """Words and numbers about a run, by the names of its DataTree's attributes."""
    spec, names = question.spec, list(question.target.prior.sampled)
    return {
        "model": spec.model,
        "sampler": spec.sampler.kind,
        "n_pl": spec.n_pl,
        "n_g": spec.n_g,
        "levels": "{}",
        "scales": "[]",
        "rows": len(question.catalogue.m1),
        "parameters": json.dumps(names),
        "labels": json.dumps({name: label(name) for name in names}, ensure_ascii=False),
        "source": question.catalogue.source,
    }
