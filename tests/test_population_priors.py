"""Priors of a population: what a priors.json may say, what is refused, and their density."""

import json
import math
import re
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.util import potential_energy

from hbdash.population import prior_density
from hbdash.population.parameters import Components
from hbdash.population.prior_families import UNFIT, families, why_not
from hbdash.population.prior_ranges import support
from hbdash.population.priors import (
    Priors,
    canonical,
    complete,
    constrain,
    default_priors,
    describe_prior,
    distribution,
    draw,
    log_prior,
    read_priors,
    resolve,
    unconstrain,
)
from hbdash.population.strict_json import parse

ONE = Components(1, 0)
DOCUMENT = """{
    "log_rate_0": {"dist": "Uniform", "low": -11.5, "high": 11.5},
    "alpha_pl_0": {"dist": "Uniform", "low": -5.0, "high": 5.0},
    "beta_pl_0": {"dist": "Uniform", "low": -5.0, "high": 5.0},
    "mmin_pl_0": {"dist": "Uniform", "low": 1.0, "high": 20.0},
    "mmax_pl_0": {"dist": "Uniform", "low": 30.0, "high": 100.0}
}"""


def entries(**changed):
    """Take the document's priors with some of them changed."""
    return json.loads(DOCUMENT) | changed


def uniform(low, high):
    return {"dist": "Uniform", "low": low, "high": high}


def refused(given, *, components=ONE, where="priors.json"):
    with pytest.raises(ValueError) as caught:
        resolve(given, components, where)
    return str(caught.value)


def numpyro_model(priors: Priors):
    """Write the same priors as a NumPyro model."""

    def model():
        params = dict(priors.constants)
        for site in priors.shape.sites:
            numbers = {
                word: priors.numbers[site.name][word] if follows is None else params[follows]
                for word, follows in site.arguments
            }
            params[site.name] = numpyro.sample(site.name, getattr(dist, site.family)(**numbers))

    return model


# What the files say


def test_the_documents_file_is_read_as_it_stands():
    found = resolve(read_priors(DOCUMENT, "priors.json"), ONE, "priors.json")
    assert found.shape.sampled == ONE.names
    assert found.numbers["mmax_pl_0"] == {"low": 30.0, "high": 100.0}
    assert found.constants == {} and found.warnings == ()
    assert {site.family for site in found.shape.sites} == {"Uniform"}
    assert hash(found.shape) == hash(resolve(default_priors(ONE), ONE).shape)


def test_constants_aliases_and_absent_bounds():
    components = Components(1, 1)
    given = entries(
        log_rate_1={"dist": "Normal", "loc": 2, "scale": 1},
        mmin_pl_0=5,
        m1_loc_g_0={"dist": "Normal", "loc": 35, "scale": 5},
        m1_scale_g_0=4.5,
        m2_loc_g_0="m1_loc_g_0",
        m2_scale_g_0="m1_scale_g_0",
        m1_low_g_0=None,
        m1_high_g_0="mmax_pl_0",
        m2_low_g_0="m1_low_g_0",
    )
    found = resolve(given, components)
    assert found.constants == {"mmin_pl_0": 5.0, "m1_scale_g_0": 4.5, "m2_scale_g_0": 4.5}
    assert found.shape.aliases == (("m1_high_g_0", "mmax_pl_0"), ("m2_loc_g_0", "m1_loc_g_0"))
    assert found.shape.absent == ("m1_low_g_0", "m2_low_g_0", "m2_high_g_0")
    sampled = {name: float(number) for number, name in enumerate(found.shape.sampled)}
    params = complete(found.shape, sampled, found.constants)
    assert set(params) == set(components.names) - set(found.shape.absent)
    assert params["m2_loc_g_0"] == params["m1_loc_g_0"] and params["mmin_pl_0"] == 5.0


def test_patterns_exact_names_first_then_the_files_order():
    components = Components(2, 0)
    given = {
        "(alpha|beta)_pl_[0-9]+": uniform(-5, 5),
        "log_rate_.": uniform(-1, 1),
        ".*": uniform(30, 100),
        "alpha_pl_1": uniform(0, 1),
        "mmin_pl_.": 3,
        "mmin_pl_1": uniform(1, 2),
    }
    found = resolve(given, components)
    assert found.numbers["alpha_pl_0"]["low"] == -5 and found.numbers["alpha_pl_1"]["low"] == 0
    assert found.numbers["log_rate_1"]["high"] == 1
    # ".*" stands before "mmin_pl_.", which therefore sets nothing.
    assert found.numbers["mmin_pl_0"]["low"] == 30 and found.numbers["mmin_pl_1"]["low"] == 1
    assert any('the key "mmin_pl_." sets nothing' in said for said in found.warnings)
    # A pattern matches the whole name.
    assert '"alpha" is no parameter' in refused(entries(alpha=1))


def test_numbers_may_follow_other_parameters():
    given = entries(mmax_pl_0=uniform("mmin_pl_0", 100), alpha_pl_0=uniform("beta_pl_0", 7))
    found = resolve(given, ONE)
    assert found.shape.sampled.index("mmin_pl_0") < found.shape.sampled.index("mmax_pl_0")
    assert found.shape.sampled.index("beta_pl_0") < found.shape.sampled.index("alpha_pl_0")
    assert found.shape.site("mmax_pl_0").arguments == (("low", "mmin_pl_0"), ("high", None))
    assert found.numbers["mmax_pl_0"] == {"high": 100.0}
    assert found.warnings == ()
    # What follows a constant is a number, also through another name.
    found = resolve(
        entries(mmin_pl_0=7, beta_pl_0="mmin_pl_0", mmax_pl_0=uniform("beta_pl_0", 100)), ONE
    )
    assert found.numbers["mmax_pl_0"] == {"low": 7.0, "high": 100.0}


@pytest.mark.parametrize("components", [ONE, Components(0, 1), Components(2, 3), Components(6, 0)])
def test_default_priors_resolve_for_all_components(components):
    found = resolve(default_priors(components), components)
    assert found.warnings == () and set(found.shape.absent) == set(components.optional)
    assert set(found.shape.sampled) == set(components.names) - set(components.optional)


def test_entries_of_one_meaning_have_one_form():
    one = canonical({"log_rate_.*": {"dist": "Normal"}, "alpha_pl_0": 1, "beta_pl_0": "alpha_pl_0"})
    two = canonical(
        {"log_rate_.*": {"scale": 1, "dist": "Normal", "loc": 0}, "alpha_pl_0": 1.0}
        | {"beta_pl_0": "alpha_pl_0"}
    )
    assert json.dumps(one) == json.dumps(two)
    assert list(one) == ["log_rate_.*", "alpha_pl_0", "beta_pl_0"]
    assert canonical(one) == one and isinstance(one["alpha_pl_0"], float)
    truncated = {"dist": "TruncatedNormal", "loc": 1, "scale": 2, "low": None}
    assert canonical({"x": truncated})["x"] == {"dist": "TruncatedNormal", "loc": 1, "scale": 2}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (uniform(-11.5, 11.5), "Uniform(low=-11.5, high=11.5)"),
        (uniform("mmin_pl_0", 100), "Uniform(low=mmin_pl_0, high=100.0)"),
        (3, "3.0"),
        ("alpha_pl_0", "same as alpha_pl_0"),
        (None, "absent"),
    ],
)
def test_entries_are_described_as_numpyro_code(entry, words):
    assert describe_prior(entry) == words


# What is refused


def test_missing_parameters_are_all_named():
    given = {"log_rate_0": uniform(-1, 1), "mmin_pl_.": 5}
    assert refused(given) == (
        "priors.json must give every parameter a prior or a constant; missing: alpha_pl_0, "
        "beta_pl_0, mmax_pl_0."
    )


def test_extra_keys_are_refused_with_what_is_near():
    said = refused(entries(mmax_pl_1=uniform(30, 100), alpa_pl_0=1))
    assert '"mmax_pl_1" is no parameter of 1 power law and 0 Gaussians' in said
    assert 'Did you mean "mmax_pl_0"' in said and '"alpa_pl_0"' in said
    assert '"alpha_pl_0"' in said and "change n_pl or n_g" in said


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"dist": "Unifrom", "low": 0, "high": 1}, '"dist": got "Unifrom". NumPyro has no'),
        ({"dist": "Unifrom", "low": 0, "high": 1}, 'Did you mean "Uniform"'),
        ({"dist": "biject_to"}, "NumPyro has no distribution of this name. There are Asymm"),
        ({"dist": "constraints"}, "There are AsymmetricLaplace"),
        ({"low": 0, "high": 1}, '"dist" must name a distribution of NumPyro, such as "Uniform"; '),
        ({"Dist": "Uniform"}, 'there is none; is it "Dist"?'),
        ({"dist": 3}, "got 3."),
        ({"dist": "Uniform", "lo": 0, "high": 1}, 'got "lo". Did you mean "low"?'),
        ({"dist": "Uniform", "loc": 0}, "Uniform takes low (0 unless given), high (1 unless"),
        ({"dist": "Gamma"}, "got none. Add concentration."),
        ({"dist": "LogUniform", "low": 1}, "LogUniform takes low, high; got low. Add high."),
        (uniform(1, -1), "Uniform needs low < high, got low 1 and high -1. Are they the wrong"),
        (uniform(2, 2), "got low 2 and high 2. For a constant write 2 alone."),
        ({"dist": "Normal", "loc": 0, "scale": -1}, '"scale": the scale of Normal must be positi'),
        ({"dist": "HalfNormal", "scale": 0}, "must be positive, got 0."),
        ({"dist": "BetaProportion", "mean": 1.5, "concentration": 2}, "lie between 0 and 1, got 1"),
        ({"dist": "LowerTruncatedPowerLaw", "alpha": 2, "low": 1}, "must be below -1, got 2."),
        ({"dist": "Normal", "loc": [0, 1]}, '"loc": must be one number, or the name of a parame'),
        ({"dist": "Normal", "loc": [0, 1]}, "got the list [0, 1]."),
        ({"dist": "Normal", "loc": {"dist": "Normal"}}, "got the object"),
        ({"dist": "Normal", "loc": True}, "got true."),
        ({"dist": "Normal", "loc": None}, '"loc": must be a number, got null.'),
        ({"dist": "Normal", "loc": "-5"}, 'got the text "-5". Write -5 without quotation marks.'),
        ({"dist": "Normal", "loc": "nan"}, 'a finite number or the name of a parameter, got the'),
        ({"dist": "Normal", "loc": 1e16}, "at most 1e+15 in size, got 1e+16."),
        ({"dist": "Normal", "loc": 10**400}, "at most 1e+15 in size, got 1000"),
        ({"dist": "Normal", "loc": math.nan}, "must be a finite number"),
        ({"dist": "Normal", "loc": "bta_pl_0"}, '"loc": "bta_pl_0" is no parameter of'),
        ({"dist": "Poisson", "rate": 3}, "Poisson is discrete, and sampled parameters are cont"),
        ({"dist": "Bernoulli", "probs": 0.5}, "Bernoulli is discrete"),
        ({"dist": "MultivariateNormal"}, "takes or gives more than single numbers"),
        ({"dist": "Mixture"}, "takes or gives more than single numbers"),
        ({"dist": "Delta", "v": 3}, "it is a constant; write the number instead"),
        ({"dist": "DirichletElement", "order": 0}, "it sets several parameters at once"),
        ("-5", 'got the text "-5". Write -5 without quotation marks.'),
        ("alpha_0", '"alpha_0" is no parameter of 1 power law'),
        ([1, 2], "got the list [1, 2]."),
        (True, "got true."),
        (None, "alpha_pl_0 must have a prior or a constant, got null; only low and high of a"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_refused_with_its_key(entry, words):
    said = refused(entries(alpha_pl_0=entry))
    assert said.startswith('priors.json, "alpha_pl_0"') and words in said


@pytest.mark.parametrize(
    ("changed", "circle"),
    [
        ({"alpha_pl_0": "alpha_pl_0"}, "alpha_pl_0 → alpha_pl_0"),
        ({"alpha_pl_0": "beta_pl_0", "beta_pl_0": "alpha_pl_0"}, "alpha_pl_0 → beta_pl_0 → alpha"),
        (
            {"mmin_pl_0": uniform(1, "mmax_pl_0"), "mmax_pl_0": uniform("mmin_pl_0", 100)},
            "mmin_pl_0 → mmax_pl_0 → mmin_pl_0",
        ),
        (
            {"mmin_pl_0": uniform(1, "mmax_pl_0"), "mmax_pl_0": "alpha_pl_0"}
            | {"alpha_pl_0": uniform("mmin_pl_0", 100)},
            "alpha_pl_0 → mmin_pl_0 → mmax_pl_0 → alpha_pl_0",
        ),
    ],
)
def test_circles_are_printed(changed, circle):
    said = refused(entries(**changed))
    assert "must not follow each other in a circle" in said and circle in said


def test_following_what_is_absent_is_refused():
    components = Components(0, 1)
    given = default_priors(components)
    said = refused(given | {"m1_loc_g_0": "m1_low_g_0"}, components=components)
    assert "m1_loc_g_0 cannot be the same as m1_low_g_0, which is absent" in said
    said = refused(given | {"m1_loc_g_0": uniform("m1_low_g_0", 9)}, components=components)
    assert '"low": m1_loc_g_0 follows m1_low_g_0, which is absent' in said


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mmin_pl_0": uniform(1, 40)}, "mmin_pl_0 must be below mmax_pl_0, got mmin_pl_0 1 to 40"),
        ({"mmin_pl_0": uniform(-1, 20)}, "mmin_pl_0 must be positive, got mmin_pl_0 -1 to 20."),
        (
            {"mmin_pl_0": {"dist": "Normal", "loc": 9}},
            "got mmin_pl_0 any number, mmax_pl_0 30 to 100.",
        ),
        (
            {"mmax_pl_0": {"dist": "Normal", "loc": 50, "scale": "alpha_pl_0"}},
            "possible: the scale of mmax_pl_0's Normal must be positive, got alpha_pl_0 -5 to 5. "
            "The density is zero beyond.",
        ),
        (
            {"mmax_pl_0": uniform("alpha_pl_0", "beta_pl_0")},
            "low must be below high in mmax_pl_0's Uniform, got low -5 to 5, high -5 to 5.",
        ),
    ],
)
def test_impossible_corners_are_warned_of(changed, words):
    found = resolve(entries(**changed), ONE)
    assert any(words in said for said in found.warnings), found.warnings


def test_what_cannot_happen_is_not_warned_of():
    assert resolve(entries(mmin_pl_0=uniform(0, 30)), ONE).warnings == ()
    bound = {"mmax_pl_0": uniform("mmin_pl_0", 100), "mmin_pl_0": uniform(1, 90)}
    assert resolve(entries(**bound), ONE).warnings == ()
    bound = {"mmin_pl_0": uniform(1, "mmax_pl_0")}
    assert resolve(entries(**bound), ONE).warnings == ()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mmin_pl_0": 50, "mmax_pl_0": 50}, "mmin_pl_0 must be below mmax_pl_0, got mmin_pl_0 50"),
        ({"mmin_pl_0": uniform(200, 300)}, "mmin_pl_0 must be below mmax_pl_0"),
        ({"mmin_pl_0": -1}, "mmin_pl_0 must be positive, got mmin_pl_0 -1"),
        ({"mmin_pl_0": "mmax_pl_0"}, "mmin_pl_0 must be below mmax_pl_0"),
        ({"mmax_pl_0": uniform("mmin_pl_0", 0.5)}, "low must be below high in mmax_pl_0's Uniform"),
    ],
)
def test_priors_that_leave_nothing_are_refused(changed, words):
    assert f"The priors leave nothing possible: {words}" in refused(entries(**changed))


def test_a_constant_is_checked_where_it_is_followed():
    said = refused(entries(alpha_pl_0={"dist": "Normal", "scale": "beta_pl_0"}, beta_pl_0=-2))
    assert said.endswith('"alpha_pl_0", "scale": the scale of Normal must be positive, got -2.')


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("alpha_pl_(0", "must be a name or a Python regular expression: missing )"),
        ("*", "nothing to repeat"),
        ("", "a key must have 1 to 200 characters, got 0"),
        ("a" * 201, "got 201"),
        ("(a+)+b", "may take too long"),
        ("(a|b|ab)*c", "may take too long"),
        (".*" * 6 + "x", "may take too long"),
        ("(||)" * 25 + "x", "may take too long"),
        (r"(?:\w*)*_0", "may take too long"),
    ],
)
def test_wrong_and_slow_patterns_are_refused(key, words):
    began = time.perf_counter()
    assert words in refused(entries(**{key: 1}))
    assert time.perf_counter() - began < 1


def test_the_slowest_pattern_that_is_taken_is_quick():
    began = time.perf_counter()
    given = entries(**{".*.*.*.*x": 1}) | {f".*.*.*.*x{n}": 1 for n in range(50)}
    assert "is no parameter" in refused(given, components=Components(3, 3))
    assert time.perf_counter() - began < 5


# JSON


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "p.json must hold JSON, and is empty."),
        ('{"a": 1,\n "b": 2\n "c": 3}', "p.json, line 3, column 2: is not JSON: expecting ',' del"),
        ('{"a": 1,\n  "a": 2}', 'p.json, line 2, column 3: the key "a" is there already'),
        ('{"a": {"b": 1, "\\u0062": 2}}', 'line 1, column 16: the key "b" is there already'),
        ('{"a": NaN}', "p.json, line 1, column 7: NaN is no JSON number"),
        ('{"a": 1,\n"b": -Infinity}', "p.json, line 2, column 6: -Infinity is no JSON number"),
        ('{"a": 1e999}', "p.json, line 1, column 7: 1e999 is beyond the numbers of 64 bits"),
        ('{"a": ' + "9" * 5000 + "}", "is beyond the numbers of 64 bits"),
        ("[" * 100_000, "p.json, line 1, column 21: is nested deeper than 20 levels."),
        ("{'a': 1}", "line 1, column 2: is not JSON: expecting property name enclosed in double"),
        ("[1, 2]", "p.json must hold a JSON object, {...}, got the list [1, 2]."),
        ("3", "must hold a JSON object, {...}, got 3."),
        (b"\xff\xfe{\x00", "p.json must be text in UTF-8, and is not at byte 0"),
        (" " * 1_000_001 + "1", "must have at most 1,000,000 characters, got 1,000,002"),
    ],
)
def test_what_is_no_plain_json_is_refused_with_its_place(text, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        read_priors(text, "p.json")


def test_json_is_read_where_it_is_right():
    text = '\ufeff{"a": ["NaN", {"x": 1}, {"x": 2}], "b": -1.5e-3, "x": "}{", "c\\"d": null}'
    assert parse(text.encode(), "p") == json.loads(text[1:])
    # Two objects of a list may have the same key, and a text may be the same as a key.
    assert parse('[{"a": "a"}, {"a": ["a", "a"]}]', "p") == [{"a": "a"}, {"a": ["a", "a"]}]


# Families


def test_the_families_are_those_of_numpyro():
    assert len(families()) >= 33
    for name in ("Uniform", "Normal", "TruncatedNormal", "Levy", "VonMises", "Pareto", "StudentT"):
        assert name in families()
    assert not set(families()) & set(UNFIT)


@pytest.mark.parametrize("name", families())
def test_every_family_builds_draws_and_transforms(name):
    family = families()[name]
    numbers = family.example()
    built = family.build(numbers)
    assert built.batch_shape == () and built.event_shape == ()
    assert built.support is not None and not built.support.is_discrete
    values = jax.jit(lambda key: built.sample(key, (50,)))(jax.random.key(0))
    assert values.shape == (50,) and np.isfinite(jax.jit(built.log_prob)(values)).all()
    low, high = support(family, {word: (value, value) for word, value in numbers.items()})
    assert values.min() >= low and values.max() <= high
    assert low == getattr(built.support, "lower_bound", -math.inf)
    assert high == getattr(built.support, "upper_bound", math.inf)
    others = dict.fromkeys(ONE.names, 1) | {"mmax_pl_0": 2}
    priors = resolve(others | {"alpha_pl_0": {"dist": name} | numbers}, ONE)

    @jax.jit
    @jax.vmap
    def there_and_back(z):
        def total(z):
            params, jacobian = constrain(priors.shape, priors.numbers, z, priors.constants)
            return log_prior(priors.shape, priors.numbers, params) + jacobian, params

        (value, params), slope = jax.value_and_grad(total, has_aux=True)(z)
        return unconstrain(priors.shape, priors.numbers, params), value, slope

    step, far = 1e-6, (-1e4, -50, 50, 1e4)
    points = np.array([-0.4, -0.4 - step, -0.4 + step, *far])[:, None]
    back, values, slopes = map(np.asarray, there_and_back(points))
    assert np.allclose(back[:3], points[:3], atol=1e-9)
    energy = jax.jit(partial(potential_energy, numpyro_model(priors), (), {}))(
        {"alpha_pl_0": points[0, 0]}
    )
    assert np.isclose(values[0], -energy, rtol=1e-12)
    difference = (values[2] - values[1]) / (2 * step)
    assert np.isclose(slopes[0, 0], difference, rtol=1e-4, atol=1e-6)
    # Far away the density may vanish, and no derivative may be infinite.
    assert not np.isnan(values).any() and (values < np.inf).all() and np.isfinite(slopes).all()


def test_optional_bounds_of_truncated_families():
    for bounds in ({}, {"low": 1}, {"high": 3}, {"low": 1, "high": None}):
        found = resolve(entries(alpha_pl_0={"dist": "TruncatedNormal", "loc": 2} | bounds), ONE)
        built = distribution(found.shape, "alpha_pl_0", found.numbers, {})
        values = built.sample(jax.random.key(0), (200,))
        assert values.min() >= bounds.get("low", -9) and values.max() <= (bounds.get("high") or 9)


def test_why_not_names_what_is_near():
    assert 'Did you mean "HalfNormal"' in why_not("halfnormal")
    assert "Binomial is discrete" in why_not("Binomial")


# The density


def conditional():
    return resolve(
        entries(
            mmax_pl_0=uniform("mmin_pl_0", 100),
            alpha_pl_0={"dist": "Normal", "loc": "beta_pl_0", "scale": 2},
            log_rate_0=4.5,
        ),
        ONE,
    )


def test_conditional_priors_have_numpyros_density():
    priors = conditional()
    z = jax.random.normal(jax.random.key(1), (20, 4))

    @jax.vmap
    def total(z):
        params, jacobian = constrain(priors.shape, priors.numbers, z, priors.constants)
        return log_prior(priors.shape, priors.numbers, params) + jacobian

    for point, value in zip(z, total(z), strict=True):
        named = dict(zip(priors.shape.sampled, point, strict=True))
        energy = potential_energy(numpyro_model(priors), (), {}, named)
        assert np.isclose(value, -energy, rtol=1e-12)


def test_parameters_include_constants_and_numbers_are_inputs():
    priors = conditional()

    @jax.jit
    def params_of(z, numbers, constants):
        return constrain(priors.shape, numbers, z, constants)[0]

    params = params_of(jnp.zeros(4), priors.numbers, priors.constants)
    assert set(params) == set(ONE.names) and params["log_rate_0"] == 4.5
    assert np.isclose(params["mmin_pl_0"], 10.5) and np.isclose(params["mmax_pl_0"], 55.25)
    wider = priors.numbers | {"mmin_pl_0": {"low": 1.0, "high": 40.0}}
    again = params_of(jnp.zeros(4), wider, {"log_rate_0": 5.0})
    assert np.isclose(again["mmin_pl_0"], 20.5) and again["log_rate_0"] == 5.0
    assert params_of._cache_size() == 1


def test_impossible_points_are_minus_infinity_with_finite_gradients():
    priors = resolve(entries(mmax_pl_0={"dist": "Normal", "loc": 50, "scale": "alpha_pl_0"}), ONE)

    def total(z):
        params, jacobian = constrain(priors.shape, priors.numbers, z, {})
        return log_prior(priors.shape, priors.numbers, params) + jacobian

    at = priors.shape.sampled.index("alpha_pl_0")
    both = jax.jit(jax.vmap(jax.value_and_grad(total)))
    points = jnp.stack(
        [jnp.zeros(5).at[at].set(1.0), jnp.zeros(5).at[at].set(-1.0), jnp.full(5, 400.0)]
    )
    values, slopes = both(points)
    assert jnp.isfinite(values[0]) and (values[1:] == -jnp.inf).all()
    assert jnp.isfinite(slopes).all()


def test_values_outside_the_support_have_no_density():
    priors = resolve(entries(), ONE)
    inside = {"log_rate_0": 0.0, "alpha_pl_0": 0.0, "beta_pl_0": 0.0, "mmin_pl_0": 2.0}
    widths = 23 * 10 * 10 * 19 * 70
    found = log_prior(priors.shape, priors.numbers, inside | {"mmax_pl_0": 50.0})
    assert np.isclose(found, -np.log(widths), rtol=1e-14)
    assert log_prior(priors.shape, priors.numbers, inside | {"mmax_pl_0": 101.0}) == -np.inf
    back = unconstrain(priors.shape, priors.numbers, inside | {"mmax_pl_0": 101.0})
    assert np.isfinite(back[:4]).all() and not np.isfinite(back[4])


def test_draws_follow_the_priors():
    priors = conditional()
    drawn = draw(priors, jax.random.key(0), 4000)
    assert tuple(drawn) == priors.shape.sampled
    assert all(values.shape == (4000,) for values in drawn.values())
    assert (drawn["mmax_pl_0"] > drawn["mmin_pl_0"]).all()
    assert np.isclose(drawn["mmin_pl_0"].mean(), 10.5, atol=4 * 19 / math.sqrt(12 * 4000))
    rest = (drawn["alpha_pl_0"] - drawn["beta_pl_0"]) / 2
    assert abs(rest.mean()) < 4 / math.sqrt(4000) and np.isclose(rest.std(), 1, atol=0.05)
    share = (drawn["mmax_pl_0"] - drawn["mmin_pl_0"]) / (100 - drawn["mmin_pl_0"])
    assert np.isclose(share.mean(), 0.5, atol=4 / math.sqrt(12 * 4000))
    again = draw(priors, jax.random.key(0), 4000)
    assert (again["mmax_pl_0"] == drawn["mmax_pl_0"]).all()


def test_impossible_draws_are_drawn_again(monkeypatch):
    scale = {"dist": "Normal", "loc": 50, "scale": "alpha_pl_0"}
    drawn = draw(resolve(entries(mmax_pl_0=scale), ONE), jax.random.key(0), 1000)
    assert drawn["alpha_pl_0"].min() > 0 and len(drawn["alpha_pl_0"]) == 1000
    rare = entries(mmax_pl_0=scale, alpha_pl_0=uniform(-5, 1e-9))
    monkeypatch.setattr(prior_density, "MOST_BATCHES", 3)
    with pytest.raises(ValueError, match=r"Fewer than 10 of 30 draws .* must be positive"):
        draw(resolve(rare, ONE), jax.random.key(0), 10)
