"""Whole runs of the regression models: exact means within 4 MCSE, units undone, levels, masks."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

from hbdash import diagnostics
from hbdash.models import MODELS
from hbdash.models.missing_predictors import pooled_priors
from hbdash.new_rows import predict_rows
from hbdash.predict import lines, mean_response
from hbdash.quantities import level, levels
from hbdash.question import prepare
from hbdash.run import run
from hbdash.spec import RunSpec

BY_EFFECT = {
    "kind": "per_effect",
    "effects": {"intercept": {"kind": "mixed", "groups": [0, 2]}, "slope": {"kind": "learned"}},
}
KINDS: dict[str, dict[str, Any]] = {
    "centered": {"kind": "centered"},
    "noncentered": {"kind": "noncentered"},
    "partial": {"kind": "partial"},
    "by_information": {"kind": "by_information"},
    "learned": {"kind": "learned"},
    "per_effect": BY_EFFECT,
}
DATA: dict[str, dict[str, Any]] = {
    "lines": {"source": "simulated_lines"},
    "few rows": {"source": "simulated_lines", "n": [1, 2, 3, 1, 5, 8, 2, 4]},
    "rats": {"source": "rats"},
}
MISSING = MODELS["missing_predictors"].default_priors()
POOLED = {site: prior for site, prior in MISSING.items() if site != "w"} | pooled_priors()


@cache
def regression(data: str, kind: str, num_samples: int = 2500) -> tuple[RunSpec, xr.DataTree]:
    spec = RunSpec.model_validate(
        {
            "model": "regression",
            "data": DATA[data],
            "parameterization": KINDS[kind],
            "sampler": {"num_samples": num_samples, "target_accept_prob": 0.95},
        }
    )
    return spec, run(spec)


def exactly(spec: RunSpec) -> dict[str, float]:
    return MODELS[spec.model].exact(spec.grouped(), spec.priors).means


# Few rows leave a funnel, which a centered or half-centered chain does not enter.
SOUND = [
    *(("lines", kind) for kind in KINDS),
    *(("rats", kind) for kind in ("centered", "by_information")),
    *(("few rows", kind) for kind in ("noncentered", "by_information", "learned")),
]


@pytest.mark.parametrize(("data", "kind"), SOUND)
def test_population_means_are_within_4_mcse_of_the_exact_ones(data, kind):
    spec, dt = regression(data, kind)
    found = diagnostics.errors(dt, exactly(spec))
    assert set(found) == {
        "mu_intercept", "mu_slope", "log_sigma_intercept", "log_sigma_slope", "log_sigma_noise",
    }  # fmt: skip
    assert all(abs(error) < 4 for error in found.values()), found


def test_the_rats_are_those_of_the_literature():
    # Gelfand et al. (1990) and BUGS: 242.7, 6.186 and 6.1 with vague priors, day 22 as origin.
    _, dt = regression("rats", "by_information")
    mean = {name: float(draws.mean()) for name, draws in dt["posterior"].data_vars.items()}
    assert mean["mu_intercept"] == pytest.approx(242.7, abs=0.5)
    assert mean["mu_slope"] == pytest.approx(6.186, abs=0.02)
    assert mean["sigma_noise"] == pytest.approx(6.1, abs=0.15)


@pytest.mark.parametrize("data", ["lines", "rats"])
def test_effects_are_near_their_exact_means(data):
    from arviz_stats.base import array_stats

    spec, dt = regression(data, "by_information")
    answer = MODELS["regression"].exact(spec.grouped(), spec.priors)
    for name in ("intercept", "slope"):
        draws = dt["posterior"][name].values
        mcse = array_stats.mcse(draws, chain_axis=0, draw_axis=1, method="mean")
        away = draws.mean((0, 1)) - answer.level(name)["theta_mean"].values
        assert np.all(np.abs(away) < 4.5 * mcse)


@pytest.mark.parametrize("kind", ["noncentered", "partial", "per_effect"])
def test_sampled_coordinates_follow_the_formula_in_the_units_of_the_model(kind):
    spec, dt = regression("lines", kind, 100)
    question = prepare(spec)
    for name in ("intercept", "slope"):
        shown = level(dt, name)
        mu, tau, theta = (shown["posterior"][site] for site in ("mu", "tau", "theta"))
        c = shown["constant_data"]["centeredness"]
        np.testing.assert_array_equal(c, question.centeredness[name])
        expected = ((theta - mu) / tau ** (1 - c) + c * mu).transpose("chain", "draw", "group")
        np.testing.assert_allclose(shown["unconstrained_posterior"]["theta"], expected, atol=1e-9)


def test_a_level_has_the_names_of_the_funnel_lab():
    _, dt = regression("lines", "centered", 100)
    assert list(levels(dt)) == ["intercept", "slope"]
    shown = level(dt, "slope")
    assert {"mu", "tau", "theta", "sigma"} <= set(shown["posterior"].data_vars)
    np.testing.assert_array_equal(shown["posterior"]["tau"], dt["posterior"]["sigma_slope"])
    np.testing.assert_array_equal(
        shown["observed_data"]["mean"], dt["observed_data"]["estimate_slope"]
    )
    assert float(shown["constant_data"]["true_mu"]) == 0.6
    assert shown.attrs["unit"] == "y per x"


def test_units_are_undone():
    """Standardized and plain runs agree where the priors say the same in their own units."""
    spec = RunSpec.model_validate({"model": "regression", "data": {"source": "rats"}})
    u = spec.grouped().units
    scale = {"intercept": u.y_unit, "slope": u.y_unit / u.x_unit[0]}

    def priors(centred: bool) -> dict[str, Any]:
        found: dict[str, Any] = {
            "sigma_noise": {"dist": "HalfNormal", "scale": 2.0 if not centred else 2.0 * u.y_unit}
        }
        for effect, unit in scale.items():
            size = unit if centred else 1.0
            at = u.y_origin if centred and effect == "intercept" else 0.0
            found[f"mu_{effect}"] = {"dist": "Normal", "loc": at, "scale": 5 * size}
            found[f"sigma_{effect}"] = {"dist": "HalfCauchy", "scale": 2 * size}
        return found

    # Centring alone leaves the response in its own unit.
    specs = [
        spec.model_copy(
            update={"data": spec.data.model_copy(update={"transform": how})}
        ).model_dump()
        | {"priors": priors(how == "centre")}
        for how in ("standardize", "centre")
    ]
    one, other = (exactly(RunSpec.model_validate(content)) for content in specs)
    assert one == pytest.approx(other, rel=1e-5, abs=1e-5)


def manufacturing(**content: Any) -> RunSpec:
    return RunSpec.model_validate({"model": "missing_predictors"} | content)


def test_unpooled_weights_are_within_4_mcse_of_the_exact_ones():
    spec = manufacturing(sampler={"num_samples": 2500, "target_accept_prob": 0.95})
    found = diagnostics.errors(run(spec), exactly(spec))
    assert len(found) == 8 and all(abs(error) < 4.5 for error in found.values()), found


def test_the_workflow_s_predictions():
    """At the four rows of the published workflow, whose generating values are 13.5, 10, 21, 13."""
    spec = manufacturing(sampler={"num_samples": 2500})
    dt = run(spec)
    group = np.array([0, 1, 0, 1])
    x = np.array([[3, 2, np.nan], [3, 2, 2], [6, 2, np.nan], [6, 2, 2]])
    table = predict_rows(dt, group, x)
    np.testing.assert_allclose(table["mean"], [13.5, 10, 21, 13], atol=0.02)
    answer: Any = MODELS[spec.model].exact(spec.grouped(), spec.priors)
    mean, sd = answer.predict(group, x)
    draws = mean_response(lines(dt), group, x)
    np.testing.assert_allclose(draws.mean(0), mean, atol=4 * sd.max() / np.sqrt(1000))
    np.testing.assert_allclose(draws.std(0), sd, rtol=0.1)


def test_a_masked_weight_returns_its_prior_and_is_no_coordinate():
    dt = run(manufacturing(sampler={"num_samples": 2500}))
    masked = dt["posterior"]["w"].values[:, :, 0, 2]
    assert masked.mean() == pytest.approx(0, abs=0.4)
    assert masked.std() == pytest.approx(5, rel=0.05)
    names = diagnostics.coordinates(dt)
    assert "w[Product_Group_2, cutting_wait_time]" in names
    assert "w[Product_Group_1, cutting_wait_time]" not in names


@pytest.mark.parametrize("kind", ["centered", "by_information"])
def test_pooled_weights_learn_from_each_other(kind):
    """Eight groups, one with two rows: pooled, its weights are those of the others."""
    data = {
        "source": "manufacturing",
        "n": [60] * 7 + [2],
        "weights": [[2.0 + 0.1 * k, 1.0, 3.0] for k in range(8)],
        "mask": [[True] * 3] * 7 + [[True, True, False]],
        "intercept": [0.0] * 8,
    }
    pooled = run(manufacturing(data=data, priors=POOLED, parameterization={"kind": kind}))
    unpooled = run(manufacturing(data=data))
    assert list(levels(pooled)) == ["w[feed_speed]", "w[pull_acceleration]", "w[cutting_wait_time]"]
    assert levels(unpooled) == {}
    sd = [dt["posterior"]["w"].values[:, :, 7, 0].std() for dt in (pooled, unpooled)]
    assert sd[0] < 0.7 * sd[1]
    assert level(pooled, "w[cutting_wait_time]")["posterior"].sizes["group"] == 7
    assert level(pooled, "w[feed_speed]")["posterior"].sizes["group"] == 8


def test_latent_cells_follow_their_conditional_distribution():
    """One predictor, weights known in effect: x | y is Gaussian, with a closed form."""
    data = {
        "source": "manufacturing",
        "n": [400],
        "predictors": [{"name": "feed", "low": 1, "high": 10}],
        "weights": [[2.5]],
        "mask": [[True]],
        "intercept": [1.0],
        "noise": 2.0,
        "blanks": 0.1,
        "missing": "latent",
    }
    spec = manufacturing(data=data)
    dt, rows = run(spec), spec.grouped()
    drawn = dt["posterior"]["x_blank"].values
    blank = np.flatnonzero(rows.blank[:, 0])
    assert drawn.shape[2] == len(blank) > 20
    mean, sd = (moment[0] for moment in rows.column_moments)
    a, w, s = (float(dt["posterior"][site].mean()) for site in ("alpha", "w", "scale"))
    precision = 1 / sd**2 + w**2 / s**2
    expected = (mean / sd**2 + w * (rows.y[blank] - a) / s**2) / precision
    np.testing.assert_allclose(drawn.mean((0, 1)), expected, atol=0.1)
    np.testing.assert_allclose(drawn.std((0, 1)), precision**-0.5, rtol=0.15)


def test_student_s_t_forgives_an_outlier():
    rng = np.random.default_rng(0)
    x = np.tile(np.linspace(-2, 2, 15), 4)
    y = 1 + 0.5 * x + 0.2 * rng.normal(size=60)
    y[7] += 30
    data = {
        "source": "regression_rows",
        "group": np.repeat(list("abcd"), 15).tolist(),
        "response": y.tolist(),
        "predictors": {"x": x.tolist()},
    }
    priors = {
        site: prior.model_dump() for site, prior in MODELS["regression"].default_priors().items()
    }
    nu = {"nu": {"dist": "Gamma", "concentration": 2, "rate": 0.1}}
    normal, student = (
        run(
            RunSpec.model_validate(
                {
                    "model": "regression",
                    "data": data,
                    "priors": chosen,
                    "parameterization": {"kind": "noncentered"},
                }
            )
        )["posterior"]
        for chosen in (priors, priors | nu)
    )
    assert float(student["nu"].mean()) < 5 and float(student["sigma_noise"].mean()) < 0.4
    assert float(normal["sigma_noise"].mean()) > 2
    assert float(student["intercept"].values[:, :, 0].mean()) == pytest.approx(1, abs=0.2)


def test_a_million_rows_cost_no_more_than_a_thousand():
    """The design that enters the program has K rows, whatever N is."""
    few, many = (
        prepare(
            RunSpec.model_validate(
                {"model": "regression", "data": {"source": "simulated_lines", "n": [n] * 100}}
            )
        )
        for n in (10, 2000)
    )
    assert few.shape == many.shape
