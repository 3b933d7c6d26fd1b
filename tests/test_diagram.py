"""The plate diagram of each structure has its sites, plates and sampled coordinates."""

import re

import pytest

from hbdash.diagram import diagram
from hbdash.spec import RunSpec
from tests.test_export import BLANK, BY_EFFECT, FEW, LINES, POOLED, STUDENT, UNPOOLED

LATENT = BLANK | {"missing": "latent"}
POPULATION = {"mu_intercept", "mu_slope", "sigma_intercept", "sigma_slope"}
SAMPLED = {"intercept_decentered", "slope_decentered"}
CASES = {
    "lines": ("regression", FEW, LINES, POPULATION | {"intercept", "slope", "sigma_noise"}),
    "Student's t": (
        "regression", FEW, STUDENT, POPULATION | {"intercept", "slope", "sigma_noise", "nu"}
    ),
    "unpooled": ("missing_predictors", BLANK, UNPOOLED, {"alpha", "w", "scale"}),
    "pooled": ("missing_predictors", BLANK, POOLED, {"alpha", "mu_w", "sigma_w", "w", "scale"}),
    "latent": ("missing_predictors", LATENT, UNPOOLED, {"alpha", "w", "scale", "x_blank"}),
}  # fmt: skip


def nodes(dot: str) -> set[str]:
    return set(re.findall(r"^\s*(\w+) \[label=", dot, re.MULTILINE))


def spec(model: str, data: dict, priors: dict, how: dict) -> RunSpec:
    return RunSpec.model_validate(
        {"model": model, "data": data, "priors": priors, "parameterization": how}
    )


@pytest.mark.parametrize("case", CASES)
def test_every_site_is_a_node(case):
    model, data, priors, sites = CASES[case]
    assert nodes(diagram(spec(model, data, priors, {"kind": "centered"}))) == sites | {"y"}
    found = nodes(diagram(spec(model, data, priors, {"kind": "noncentered"})))
    effects = sites & {"intercept", "slope"} or (sites & {"w"} if "mu_w" in sites else set())
    assert found >= (sites - effects) | {f"{effect}_decentered" for effect in effects}


def test_a_parameterization_by_effect_has_its_diagram():
    assert nodes(diagram(spec("regression", FEW, LINES, BY_EFFECT))) >= SAMPLED
    both = {
        "kind": "per_effect",
        "effects": dict.fromkeys(("intercept", "slope"), {"kind": "centered"}),
    }
    assert not nodes(diagram(spec("regression", FEW, LINES, both))) & SAMPLED


def test_dark_and_light_differ_in_colour_alone():
    light, dark = (diagram(RunSpec(), dark=dark) for dark in (False, True))
    assert nodes(light) == nodes(dark) == {"mu", "tau", "theta", "y"}
    without = [re.sub(r"#[0-9A-F]{6}", "", dot) for dot in (light, dark)]
    assert without[0] == without[1] and light != dark
