"""Priors as numbers: the densities of SciPy, and slopes that are theirs."""

import jax
import numpy as np
import pytest
from scipy import stats

from hbdash.models.prior_form import BETWEEN, POSITIVE, Form, evaluate, form
from hbdash.priors import LOCATION, SCALE, Prior

#: Each family with its numbers in NumPyro's order, and its distribution in SciPy.
FAMILIES = {
    "Normal": ((2.0, 3.0), stats.norm(2, 3)),
    "StudentT": ((4.5, 2.0, 3.0), stats.t(4.5, 2, 3)),
    "Cauchy": ((2.0, 3.0), stats.cauchy(2, 3)),
    "HalfNormal": ((3.0,), stats.halfnorm(scale=3)),
    "HalfCauchy": ((3.0,), stats.halfcauchy(scale=3)),
    "Exponential": ((2.5,), stats.expon(scale=1 / 2.5)),
    "LogNormal": ((0.5, 0.7), stats.lognorm(0.7, scale=np.exp(0.5))),
    "Gamma": ((2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5)),
    "InverseGamma": ((2.5, 1.5), stats.invgamma(2.5, scale=1.5)),
    "Uniform": ((-1.0, 4.0), stats.uniform(-1, 5)),
}
Z = np.concatenate([np.linspace(-12, 12, 49), [-40.0, 40.0, -1e-9, 1e-9]])


def prior(family: str) -> Prior:
    names = list(Prior.model_json_schema()["oneOf"])
    known = next(one for one in names if one["properties"]["dist"]["const"] == family)
    numbers = zip(known["required"][1:], FAMILIES[family][0], strict=True)
    return Prior.model_validate({"dist": family} | dict(numbers))


def test_every_family_is_here():
    assert set(FAMILIES) == {*LOCATION, *SCALE}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_density_is_scipy_s(family):
    numbers, law = form(prior(family)), FAMILIES[family][1]
    value, density = (np.asarray(found) for found in evaluate(numbers, Z))
    support = Form(*numbers).support
    if support == POSITIVE:
        np.testing.assert_allclose(value, np.exp(Z), rtol=1e-14)
        jacobian = Z
    elif support == BETWEEN:
        np.testing.assert_allclose(value, -1 + 5 / (1 + np.exp(-Z)), rtol=1e-13)
        jacobian = np.log(5) - np.abs(Z) - 2 * np.log1p(np.exp(-np.abs(Z)))
    else:
        np.testing.assert_array_equal(value, Z)
        jacobian = 0.0
    expected = law.logpdf(np.clip(value, *law.support())) + jacobian
    seen = np.isfinite(expected)  # SciPy's underflow where ours do not
    assert seen.sum() > 40
    np.testing.assert_allclose(density[seen], expected[seen], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("family", FAMILIES)
def test_slopes_are_those_of_value_and_density(family):
    numbers, near = form(prior(family)), Z[np.abs(Z) < 13]
    tangent = jax.jvp(lambda z: evaluate(numbers, z), (near,), (np.ones_like(near),))[1]
    for which in (0, 1):
        ahead, behind = (np.asarray(evaluate(numbers, near + h)[which]) for h in (1e-5, -1e-5))
        slope = (ahead - behind) / 2e-5
        np.testing.assert_allclose(tangent[which], slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_nan_however_far_out(family):
    far = np.array([-1e6, -1000.0, -305.0, 305.0, 1000.0, 1e6])
    found, slopes = jax.jvp(
        lambda z: evaluate(form(prior(family)), z), (far,), (np.ones_like(far),)
    )
    assert not any(np.isnan(values).any() for values in (*found, *slopes))


def test_many_degrees_of_freedom_are_the_normal():
    numbers = form(Prior.model_validate({"dist": "StudentT", "df": 1e8, "loc": 0, "scale": 1}))
    np.testing.assert_allclose(evaluate(numbers, Z[:49])[1], stats.norm.logpdf(Z[:49]), rtol=1e-5)
