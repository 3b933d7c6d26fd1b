"""Specs in words, for tables and lists: where data come from, how a sampler was set."""

from typing import Any

from pydantic import BaseModel

from hbdash.models import MODELS
from hbdash.population.spec import PopulationSpec
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC

#: Characters of a description.
LONGEST = 90
#: What a source is called where its own name is not good English.
SOURCES = {
    "simulated_lines": "simulated lines",
    "uploaded": "own table",
    "uploaded_regression": "own table",
    "regression_rows": "rows of a configuration",
    "rows": "rows of a configuration",
    "estimates": "estimates of a configuration",
    "uploaded_events": "own events",
    "bundled": "bundled catalogue",
    "generated": "generated catalogue",
}


def model_words(spec: Any) -> str:
    """Name a model, with the sites that its form adds to the usual ones, such as nu."""
    if isinstance(spec, PopulationSpec):
        return "Population of events"
    usual = MODELS[spec.model].default_priors()
    more = [site for site in spec.priors if site not in usual]
    return " + ".join([MODELS[spec.model].title, *more])


def data_words(data: BaseModel) -> str:
    """Say where data come from: the source, its name, and what differs from a fresh visit."""
    content = data.model_dump(mode="json")
    source = str(content.pop("source"))
    fields = type(data).model_fields.items()
    usual = {name: field.get_default(call_default_factory=True) for name, field in fields}
    parts = [SOURCES.get(source, source.replace("_", " "))]
    for name, value in content.items():
        if name == "name":
            parts.append(str(value).replace("_", " "))
        elif name == "sha256":
            parts.append(str(value)[:8])
        elif value is not None and getattr(data, name) != usual.get(name):
            parts.append(f"{name.replace('_', ' ')} {_value(value)}")
    text = " · ".join(parts)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def sampler_words(sampler: Any) -> str:
    """Say how a sampler was set: its name, chains and length."""
    if isinstance(sampler, FlowMC):
        loops = f"{sampler.n_training_loops} + {sampler.n_production_loops} loops"
        return f"flowMC {sampler.n_chains} × ({loops})"
    if isinstance(sampler, AIES):
        return f"AIES {sampler.walkers} × ({sampler.num_warmup:,} + {sampler.num_samples:,})"
    length = f"({sampler.num_warmup:,} + {sampler.num_samples:,})"
    return f"NUTS {sampler.num_chains} × {length} · accept {sampler.target_accept_prob:g}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
    if isinstance(value, list):
        if len(value) > 1 and all(one == value[0] for one in value):
            return f"{len(value)} × {_value(value[0])}"
        return ", ".join(map(_value, value[:8])) + (" …" if len(value) > 8 else "")
    return f"{value:g}" if isinstance(value, float) else str(value)
