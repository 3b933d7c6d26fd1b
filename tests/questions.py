"""Questions that many tests ask: of one compiled shape wherever the numbers allow it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax.monitoring
import xarray as xr

from hbdash.models import MODELS
from hbdash.priors import distribution
from hbdash.question import Question, prepare_data
from hbdash.spec import RunSpec

PARAMETERIZATIONS: dict[str, dict[str, Any]] = {
    "centered": {"kind": "centered"},
    "noncentered": {"kind": "noncentered"},
    "mixed": {"kind": "mixed", "threshold": 50},
    "partial": {"kind": "partial", "centeredness": (0.2, 0.3, 1, 0.5, 0, 0.4, 0.9, 0.5, 0.3)},
    "by_information": {"kind": "by_information"},
    "learned": {"kind": "learned"},
}
SIGMA = {"sigma": {"dist": "HalfNormal", "scale": 10.0}}
MU_TAU = {
    "mu": {"dist": "Normal", "loc": 0.0, "scale": 5.0},
    "tau": {"dist": "HalfNormal", "scale": 5.0},
}


def ask(scene: str = "weak", kind: str = "centered", **sampler: Any) -> RunSpec:
    """Ask for a run on a scene, under a parameterization of the table above."""
    return RunSpec.model_validate(
        {
            "data": {"source": "scene", "name": scene},
            "parameterization": PARAMETERIZATIONS[kind],
            "sampler": {"num_samples": 100} | sampler,
        }
    )


def exact_means(spec: RunSpec) -> dict[str, float]:
    """The exact means of a spec by coordinate, as `diagnostics.errors` reads them."""
    return MODELS[spec.model].exact(prepare_data(spec), spec.priors).means


@contextmanager
def compilations() -> Iterator[list[str]]:
    """Collect everything that XLA compiles, whoever asks for it."""
    events: list[str] = []

    def listen(event: str, *_, **__) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            events.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield events
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def arguments(question: Question) -> tuple[Any, dict[str, Any], Any]:
    """The arguments of a model's function as NumPyro has them: its own priors, and no filling."""
    spec = question.spec
    laws = {site: distribution(p.dist, p.parameters) for site, p in spec.priors.items()}
    return MODELS[spec.model].design(question.data, spec.priors), laws, question.centeredness


def written() -> None:
    """Wait until `store.put` has written what it was given."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(120)
            assert not thread.is_alive()


def same(one: xr.DataTree, other: xr.DataTree, ignoring: tuple[str, ...] = ()) -> None:
    """Assert that two runs hold the same groups, variables, types and numbers."""
    assert set(one.children) == set(other.children)
    for name in set(one.children) - set(ignoring):
        left, right = one[name].to_dataset(), other[name].to_dataset()
        xr.testing.assert_identical(left, right)
        for variable in left.variables:
            assert left[variable].dtype.kind == right[variable].dtype.kind, (name, variable)
