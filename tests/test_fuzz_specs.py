"""Thousands of wrong questions: each is accepted or refused in words that name the field."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbdash.models import MODELS
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.parameters import Components
from hbdash.population.pmean import read_pmean
from hbdash.population.priors import default_priors, read_priors, resolve
from hbdash.population.sampler_configs import read_sampler_config
from hbdash.population.spec import PopulationSpec
from hbdash.question import check
from hbdash.samplers.flowmc import FlowMC
from hbdash.spec import RunSpec, parse
from tests import nasty

GROUPS: list[dict[str, Any]] = [
    RunSpec.model_validate(content).model_dump(mode="json")
    for content in (
        {},
        {"data": {"source": "simulated", "n": [3] * 4}, "parameterization": {"kind": "mixed"}},
        {"data": {"source": "example"}, "parameterization": {"kind": "partial"}},
        {"data": {"source": "rows", "group": ["a", "b"], "value": [1, 2], "sigma": 1}},
        {
            "data": {
                "source": "estimates",
                "group": ["a", "b"],
                "estimate": [1, 2],
                "standard_error": [1, 1],
            }
        },
        {"model": "regression"},
        {"model": "regression", "data": {"source": "rats"}},
        {
            "model": "regression",
            "parameterization": {
                "kind": "per_effect",
                "effects": {
                    "intercept": {"kind": "centered"},
                    "slope": {"kind": "mixed", "groups": [1]},
                },
            },
        },
        {"model": "missing_predictors"},
        {
            "model": "missing_predictors",
            "data": {
                "source": "regression_rows",
                "group": ["a", "a", "b"],
                "response": [1, 2, 3],
                "predictors": {"u": [1, 2, 3], "v": [None, None, 1.5]},
            },
        },
    )
]
POPULATIONS: list[dict[str, Any]] = [
    PopulationSpec.model_validate(content).model_dump(mode="json")
    for content in (
        {},
        {"n_pl": 1, "n_g": 1, "pmean": {"estimator_type": "constant", "vt": 0.1}},
        {"sampler": PopulationNUTS(), "n_buckets": 0},
        {"sampler": FlowMC(), "variance_cut": 1.0},
    )
]
PRIORS: list[dict[str, Any]] = [
    default_priors(Components()),
    {"log_rate_0": 3, "alpha_.*": {"dist": "Normal", "loc": 0, "scale": 1}, 
     "beta_pl_0": "alpha_pl_0",
     "mmin_pl_0": {"dist": "Uniform", "low": 1, "high": "mmax_pl_0"},
     "mmax_pl_0": {"dist": "TruncatedNormal", "loc": 50, "scale": 5, "low": 10}},
]  # fmt: skip
PMEAN = [
    {"estimator_type": "neural_vt", "filename": "net.hdf5", "time_scale": 2.0, "sha256": "0" * 64},
    {"estimator_type": "injection", "filename": "found.dat", "far_cut": 1.0},
    {"estimator_type": "analytic", "num_samples": 10, "batch_size": None, "method": "quadrature"},
    {"estimator_type": "constant", "vt": 0.1},
]


def load_config(name: str) -> dict[str, Any]:
    from hbdash.population import flowmc_config, numpyro_config

    text = {
        "numpyro": lambda: numpyro_config.write_numpyro_config(PopulationNUTS()),
        "flowmc": lambda: flowmc_config.write_flowmc_config(FlowMC()),
    }[name]()
    return json.loads(text)


CONFIGS = [load_config("numpyro"), load_config("flowmc")]


def asked(content: Any) -> None:
    """Ask a question; what is refused must say by which field."""
    try:
        spec = parse(content)
    except Exception as error:
        said = nasty.refusal(error)
        assert all(":" in line or "more." in line for line in said.splitlines()[:1]), said
        return
    assert parse(json.loads(spec.model_dump_json())).key == spec.key
    try:
        check(spec)
    except Exception as error:
        nasty.refusal(error)


@nasty.profile(1000)
@given(nasty.spoiled(GROUPS))
def test_questions_about_groups(content):
    asked(content)


@nasty.profile(500)
@given(nasty.spoiled(POPULATIONS))
def test_questions_about_populations(content):
    asked(content)


@nasty.profile(300)
@given(nasty.values)
def test_questions_that_are_none(content):
    asked(content)


def spelt(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


def read(text: bytes, reader: Any) -> None:
    try:
        reader(text)
    except Exception as error:
        said = nasty.refusal(error)
        assert re.search("file.json|found.dat|priors|uploaded file", said), said


READERS = {
    "priors": (PRIORS, lambda text: resolve(read_priors(text, "file.json"), Components())),
    "configs": (CONFIGS, lambda text: read_sampler_config(text, "file.json")),
    "pmean": (PMEAN, lambda text: read_pmean(text, "file.json", uploads={"found.dat": b"1 2\n"})),
}


@pytest.mark.parametrize("kind", READERS)
def test_json_files(kind):
    documents, reader = READERS[kind]
    files = [spelt(document) for document in documents]

    @nasty.profile(500)
    @given(nasty.spoiled(documents).map(spelt) | nasty.torn(files) | nasty.values.map(spelt))
    def each(text):
        read(text, reader)

    each()


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
@pytest.mark.filterwarnings("ignore:Possible set:FutureWarning")
@nasty.profile(300)
@given(st.text(st.sampled_from("a0_.*+?{}|()[]^$\\"), max_size=60) | nasty.texts)
def test_patterns_of_priors_are_tried_in_no_time(pattern):
    entries = {pattern: {"dist": "Uniform", "low": 0, "high": 1}, ".*": 1.0}
    read(spelt(entries), READERS["priors"][1])


def test_the_models_are_all_tried():
    assert {content["model"] for content in GROUPS} == set(MODELS)
