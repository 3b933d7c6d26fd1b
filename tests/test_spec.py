"""The question: its key, its rules, and the words in which it is refused."""

import json

import pytest
from pydantic import ValidationError

from hbdash.data import Rowwise
from hbdash.samplers.nuts import NUTS
from hbdash.spec import RunSpec, explain
from tests.questions import MU_TAU, SIGMA, ask

ROWS = {"source": "rows", "group": ["a", "b", "a"], "value": [1.0, 2.0, 4.0]}


def spec(**content) -> RunSpec:
    return RunSpec.model_validate(content)


def why(**content) -> str:
    with pytest.raises(ValidationError) as error:
        RunSpec.model_validate(content)
    return explain(error.value)


def test_whole_and_real_numbers_give_one_key():
    one = spec(
        data={"source": "simulated", "sigma": 10, "n": [1, 2]},
        priors={"mu": {"dist": "Normal", "loc": 0, "scale": 5}, "tau": MU_TAU["tau"]},
        parameterization={"kind": "partial", "centeredness": [1, 0]},
        sampler={"num_samples": 500},
    )
    other = spec(
        data={"source": "simulated", "sigma": 10.0, "n": [1.0, 2]},
        priors={"tau": MU_TAU["tau"], "mu": {"scale": 5.0, "loc": 0.0, "dist": "Normal"}},
        parameterization={"kind": "partial", "centeredness": [1.0, 0.0]},
        sampler={"num_samples": 500.0, "seed": 0},
    )
    assert one.key == other.key and one == other


def test_defaults_are_filled_in():
    written_out = json.loads(RunSpec().model_dump_json())
    assert RunSpec.model_validate(written_out).key == RunSpec().key == spec().key
    assert spec(sampler={"num_chains": 4}).key == RunSpec().key
    assert RunSpec.model_validate_json(RunSpec().model_dump_json()) == RunSpec()


def test_a_key_is_a_stem_and_a_length():
    stem, _, length = RunSpec().key.rpartition("-")
    assert stem == RunSpec().stem and length == "1000" and len(stem) == 24
    int(stem, 16)


CHANGES = {
    "scene": {"data": {"source": "scene", "name": "strong"}},
    "simulated": {"data": {"source": "simulated"}},
    "simulated n": {"data": {"source": "simulated", "n": [2] * 9}},
    "simulated sigma": {"data": {"source": "simulated", "sigma": 9}},
    "simulated mu": {"data": {"source": "simulated", "mu": 4}},
    "simulated tau": {"data": {"source": "simulated", "tau": 4}},
    "simulated seed": {"data": {"source": "simulated", "seed": 1}},
    "example": {"data": {"source": "example"}},
    "rows": {"data": ROWS},
    "rows sigma": {"data": ROWS | {"sigma": 1}},
    "upload": {"data": {"source": "uploaded", "sha256": "a" * 64}},
    "upload sigma": {"data": {"source": "uploaded", "sha256": "a" * 64, "sigma": 2}},
    "mu number": {"priors": MU_TAU | {"mu": {"dist": "Normal", "loc": 0, "scale": 6}}},
    "mu family": {"priors": MU_TAU | {"mu": {"dist": "Cauchy", "loc": 0, "scale": 5}}},
    "tau number": {"priors": MU_TAU | {"tau": {"dist": "HalfNormal", "scale": 4}}},
    "tau family": {"priors": MU_TAU | {"tau": {"dist": "HalfCauchy", "scale": 5}}},
    "sigma prior": {"priors": MU_TAU | SIGMA},
    "noncentered": {"parameterization": {"kind": "noncentered"}},
    "mixed": {"parameterization": {"kind": "mixed"}},
    "mixed threshold": {"parameterization": {"kind": "mixed", "threshold": 51}},
    "mixed groups": {"parameterization": {"kind": "mixed", "groups": [2]}},
    "partial": {"parameterization": {"kind": "partial"}},
    "partial values": {"parameterization": {"kind": "partial", "centeredness": [0.4]}},
    "by information": {"parameterization": {"kind": "by_information"}},
    "learned": {"parameterization": {"kind": "learned"}},
    "learned seed": {"parameterization": {"kind": "learned", "seed": 1}},
    "num_warmup": {"sampler": {"num_warmup": 999}},
    "num_chains": {"sampler": {"num_chains": 3}},
    "target_accept_prob": {"sampler": {"target_accept_prob": 0.9}},
    "max_tree_depth": {"sampler": {"max_tree_depth": 9}},
    "dense_mass": {"sampler": {"dense_mass": True}},
    "seed": {"sampler": {"seed": 1}},
}


def test_every_field_changes_the_stem_but_the_length_of_the_run():
    stems = {name: spec(**change).stem for name, change in CHANGES.items()} | {"": RunSpec().stem}
    assert len(set(stems.values())) == len(stems)
    sampler = {name for name in NUTS.model_fields if name not in CHANGES}
    assert sampler == {"num_samples", "max_divergences"}
    longer, stopped = RunSpec().with_draws(1001), spec(sampler={"max_divergences": 5})
    assert longer.stem == RunSpec().stem and longer.key == f"{RunSpec().stem}-1001"
    assert stopped.key == RunSpec().key


def test_a_new_version_leaves_stored_runs_behind(monkeypatch):
    before = RunSpec().key
    monkeypatch.setattr("hbdash.spec_key.VERSION", 10**6)
    assert RunSpec().key != before


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"colour": 1}, "colour"),
        ({"data": {"source": "scene", "x": 1}}, "data.scene.x"),
        ({"parameterization": {"kind": "centered", "x": 1}}, "parameterization.centered.x"),
        ({"sampler": {"burn_in": 1}}, "sampler.burn_in"),
        ({"priors": MU_TAU | {"phi": MU_TAU["tau"]}}, "'phi'"),
        ({"priors": {"mu": MU_TAU["mu"]}}, "tau"),
        ({"priors": MU_TAU | {"tau": MU_TAU["mu"]}}, "prior of tau"),
        ({"priors": MU_TAU | {"mu": MU_TAU["tau"]}}, "prior of mu"),
        ({"model": "poisson"}, "`model`"),
        ({"sampler": {"target_accept_prob": 1.0}}, "target_accept_prob"),
        ({"sampler": {"num_warmup": 19}}, "num_warmup"),
        ({"sampler": {"max_tree_depth": 13}}, "max_tree_depth"),
        ({"sampler": {"seed": -1}}, "seed"),
        ({"sampler": {"max_divergences": 0}}, "max_divergences"),
        ({"parameterization": {"kind": "partial", "centeredness": [1.3]}}, "centeredness"),
        ({"parameterization": {"kind": "partial", "centeredness": []}}, "centeredness"),
        ({"parameterization": {"kind": "partial", "centeredness": ["x"]}}, "centeredness"),
        ({"parameterization": {"kind": "mixed", "groups": [-1]}}, "groups"),
        ({"parameterization": {"kind": "mixed", "groups": [2000]}}, "groups"),
    ],
)
def test_what_is_unknown_or_out_of_bounds_is_refused_by_name(content, field):
    assert field in why(**content)


def test_a_scale_cannot_be_uniform_below_zero():
    uniform = {"dist": "Uniform", "low": -1, "high": 2}
    assert "low >= 0" in why(priors=MU_TAU | {"tau": uniform})
    spec(priors=MU_TAU | {"mu": uniform})


def test_sigma_is_unknown_exactly_when_it_has_a_prior():
    assert spec(data=ROWS | {"sigma": 2}).grouped().sigma is not None
    assert spec(data=ROWS, priors=MU_TAU | SIGMA).grouped().sigma is None
    assert spec(priors=MU_TAU | SIGMA).grouped().sigma is None
    with pytest.raises(ValueError, match="sigma must be known or have a prior"):
        RunSpec(data=Rowwise(group=("a", "b"), value=(1.0, 2.0))).grouped()


@pytest.mark.parametrize(
    "data",
    [
        {"source": "example"},
        {"source": "estimates", "group": ["a"], "estimate": [1], "standard_error": [2]},
    ],
)
def test_estimates_bring_their_own_sigma(data):
    with pytest.raises(ValueError, match="remove the prior"):
        spec(data=data, priors=MU_TAU | SIGMA).grouped()
    assert spec(data=data).grouped().sigma is not None


def test_explanations_name_field_and_value_without_a_traceback():
    text = why(sampler={"num_chains": 99}, data={"source": "simulated", "sigma": -1})
    assert len(text.splitlines()) == 2
    assert "sampler.num_chains: " in text and "(got 99)" in text
    assert "data.simulated.sigma: " in text and "(got -1" in text
    assert "http" not in text and "Value error" not in text and "Traceback" not in text
    text = why(priors=MU_TAU | {"tau": {"dist": "HalfNormal", "scale": -1}})
    assert text.startswith("priors.tau: HalfNormal's `scale` must lie in")
    assert text.count("got") == 1
    assert why(model="x").count("got") == 1
    assert why(sampler={"num_samples": 50_000, "num_chains": 16}).startswith("sampler: num_chains")


def test_the_schema_can_be_written():
    schema = json.loads(json.dumps(RunSpec.model_json_schema()))
    assert set(schema["properties"]) == set(RunSpec.model_fields)
    assert set(schema["$defs"]) >= {"NUTS", "Prior", "Scene", "Simulated", "Learned"}


def test_the_schema_accepts_specs_and_refuses_others():
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(RunSpec.model_json_schema())
    for change in CHANGES.values():
        assert validator.is_valid(json.loads(spec(**change).model_dump_json()))
    assert not validator.is_valid({"priors": {"mu": {"dist": "Normal", "scale": 5}}})
    assert not validator.is_valid({"sampler": {"num_chains": 99}})


def test_a_spec_is_frozen():
    with pytest.raises(ValidationError):
        ask().model = "x"
