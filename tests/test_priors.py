"""Priors: what is accepted, what is refused and how, and what a reader of the schema is told."""

import inspect
import json
import math

import numpy as np
import numpyro.distributions as dist
import pytest
from pydantic import ValidationError

from hbdash.priors import (
    LARGEST,
    LOCATION,
    SCALE,
    Prior,
    default,
    distribution,
    is_positive,
    parameter_names,
)

FAMILIES = tuple(dict.fromkeys(LOCATION + SCALE))


def refused(given: object) -> str:
    with pytest.raises(ValidationError) as error:
        Prior.model_validate(given)
    return str(error.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_round_trips_through_json(family):
    prior = default(family)
    again = Prior.model_validate_json(prior.model_dump_json())
    assert again == prior
    assert json.loads(prior.model_dump_json()) == {"dist": family} | prior.parameters
    assert Prior.model_validate(prior) == prior
    assert hash(json.dumps(again.parameters)) == hash(json.dumps(prior.parameters))


@pytest.mark.parametrize("family", FAMILIES)
def test_parameter_names_are_those_of_numpyro(family):
    signature = inspect.signature(getattr(dist, family).__init__).parameters
    assert set(parameter_names(family)) <= set(signature)
    law = distribution(family, default(family).parameters)
    assert type(law) is getattr(dist, family)
    for name, value in default(family).parameters.items():
        np.testing.assert_allclose(getattr(law, name), value)


@pytest.mark.parametrize("family", SCALE)
def test_scale_families_are_positive_by_default(family):
    law = distribution(family, default(family).parameters)
    assert not bool(law.support(-1.0))
    assert np.isfinite(law.log_prob(1.0))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_is_required_and_checked(family):
    good = {"dist": family} | default(family).parameters
    for name in parameter_names(family):
        without = {key: value for key, value in good.items() if key != name}
        assert name in refused(without)
        assert name in refused(without | {name + "s": 1.0})
        for bad in (math.nan, math.inf, -math.inf, True, "2", None, [1.0], 1e300, 10**400):
            assert f"`{name}`" in refused(good | {name: bad}), bad
        if is_positive(family, name):
            for bad in (-1.0, 0.0, -1e-9):
                assert f"`{name}`" in refused(good | {name: bad})


def test_numbers_are_kept_as_floats():
    prior = Prior.model_validate({"dist": "Normal", "loc": 0, "scale": 5})
    assert prior.model_dump_json() == '{"dist":"Normal","loc":0.0,"scale":5.0}'
    assert all(type(value) is float for value in prior.parameters.values())


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, -1)])
def test_uniform_needs_low_below_high(low, high):
    message = refused({"dist": "Uniform", "low": low, "high": high})
    assert "low < high" in message and f"low {low}" in message and f"high {high}" in message


def test_unknown_families_and_shapes_are_refused_by_name():
    assert "`dist`" in refused({"dist": "Gaussian", "loc": 0, "scale": 1})
    assert "`dist`" in refused({"dist": ["Normal"]})
    assert "'dict'" not in refused("HalfNormal(5)") and "HalfNormal(5)" in refused("HalfNormal(5)")
    assert "dist" in refused({"scale": 5})
    assert "extra" in refused({"dist": "Normal", "loc": 0, "scale": 1, "extra": 2})


def test_a_prior_cannot_be_changed():
    with pytest.raises(ValidationError):
        default("Normal").dist = "Cauchy"


def test_a_prior_reads_as_numpyro_code():
    assert str(default("HalfNormal")) == "HalfNormal(scale=1)"
    assert str(default("Normal")) == "Normal(loc=0, scale=1)"


def test_traced_parameters_build_the_same_law():
    import jax

    @jax.jit
    def log_prob(parameters, x):
        return distribution("StudentT", parameters).log_prob(x)

    parameters = default("StudentT").parameters
    expected = dist.StudentT(**parameters).log_prob(1.5)
    np.testing.assert_allclose(log_prob(parameters, 1.5), expected)


def test_the_schema_lists_every_family_as_the_validator_sees_it():
    schema = Prior.model_json_schema()
    listed = {choice["properties"]["dist"]["const"]: choice for choice in schema["oneOf"]}
    assert set(listed) == set(FAMILIES)
    for family, choice in listed.items():
        assert choice["required"] == ["dist", *parameter_names(family)]
        assert choice["additionalProperties"] is False


def test_the_schema_agrees_with_the_validator():
    jsonschema = pytest.importorskip("jsonschema")
    check = jsonschema.Draft202012Validator(Prior.model_json_schema()).is_valid
    for family in FAMILIES:
        good = {"dist": family} | default(family).parameters
        assert check(good)
        for name in parameter_names(family):
            for bad in (
                True,
                "2",
                None,
                10 * LARGEST,
                *([-1.0] if is_positive(family, name) else []),
            ):
                assert not check(good | {name: bad}), (family, name, bad)
                refused(good | {name: bad})
        assert not check(good | {"extra": 1})
