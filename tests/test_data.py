"""Data: the study's numbers, sufficient statistics, and what is refused."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from hbdash import data as data_
from hbdash.data import Data, Estimates, Example, Rowwise, Scene, Simulated, from_rows, load

WEAK = [
    -16.27682647, 11.83194232, 19.43393461, 12.93895964, -18.23460877,
    4.26429663, 7.52974309, 6.32670185, 7.44585671,
]  # fmt: skip
STRONG = [
    6.98688709, 4.45933654, 6.83083539, 6.08350102, 2.09762541,
    -0.02566351, 9.69733848, 0.32184067, 7.92877661,
]  # fmt: skip


@pytest.mark.parametrize(("name", "y"), [("weak", WEAK), ("strong", STRONG)])
def test_the_scenes_are_the_study_s_numbers(name, y):
    data = load(Scene(name=name))
    np.testing.assert_allclose(data.values, y, atol=5e-9)
    np.testing.assert_allclose(data.mean, y, atol=5e-9)
    assert data.n.tolist() == [1] * 9 and data.ss.tolist() == [0] * 9
    assert data.sigma is not None and set(data.sigma) == {10.0 if name == "weak" else 0.1}
    np.testing.assert_allclose(data.standard_error, data.sigma)


def test_the_unbalanced_scene_has_the_study_s_group_sizes():
    data = load(Scene(name="unbalanced"))
    assert data.n.tolist() == [10, 5, 1000, 10, 1, 5, 100, 10, 5]
    assert len(data.values) == 1146 == len(data.index)
    rng = np.random.RandomState(345890)  # noqa: NPY002
    theta = rng.normal(4.5, 3.5, size=9)
    np.testing.assert_allclose(data.truth["theta"], theta)
    np.testing.assert_allclose(data.values, rng.normal(theta[data.index], 10.0))
    assert (data.truth["mu"], data.truth["tau"], data.truth["sigma"]) == (4.5, 3.5, 10.0)
    np.testing.assert_allclose(data.standard_error, 10 / np.sqrt(data.n))
    assert data.pooled_sd == pytest.approx(10, rel=0.06)


def test_sufficient_statistics_of_rows_by_hand():
    index, values = np.array([1, 0, 1, 2, 1]), np.array([2.0, 7.0, 4.0, -1.0, 9.0])
    data = from_rows(index, values, ("a", "b", "c"), 2.0)
    np.testing.assert_allclose(data.n, [1, 3, 1])
    np.testing.assert_allclose(data.mean, [7, 5, -1])
    np.testing.assert_allclose(data.ss, [0, 9 + 1 + 16, 0])
    np.testing.assert_allclose(data.pooled_sd, np.sqrt(26 / 2))
    np.testing.assert_allclose(data.standard_error, 2 / np.sqrt([1, 3, 1]))


def test_rows_far_from_zero_keep_their_digits():
    rng = np.random.default_rng(1)
    index, values = np.repeat(np.arange(4), [1, 2, 500, 30]), rng.normal(0, 1e-3, 533)
    near = from_rows(index, values, tuple("abcd"), None)
    far = from_rows(index, values + 1e6, tuple("abcd"), None)
    np.testing.assert_allclose(far.mean - 1e6, near.mean, atol=5e-10)
    np.testing.assert_allclose(far.ss, near.ss, rtol=1e-6)


def test_a_group_of_one_row_has_no_sum_of_squares_at_all():
    values = np.array([1e6 + 0.1, 0.1 + 0.2, 1 / 3, -1e9 / 7])
    data = from_rows(np.arange(4), values, tuple("abcd"), 1.0)
    assert data.ss.tolist() == [0.0] * 4
    assert data.pooled_sd > 0


def test_rows_without_any_spread_still_have_a_scale():
    data = from_rows(np.array([0, 0, 1]), np.array([2.0, 2.0, 2.0]), ("a", "b"), None)
    assert data.pooled_sd == 1.0


def test_simulated_data_depend_on_the_spec_alone():
    spec = Simulated(n=(3, 1, 40), sigma=2, mu=1, tau=0.5, seed=7)
    first = load(spec)
    load.cache_clear()
    second = load(Simulated(n=(3, 1, 40), sigma=2, mu=1, tau=0.5, seed=7))
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.truth["theta"], second.truth["theta"])
    other = load(spec.model_copy(update={"seed": 8}))
    assert not np.array_equal(first.values, other.values)
    assert first.n.tolist() == [3, 1, 40] and first.names == ("0", "1", "2")
    assert np.bincount(first.index).tolist() == [3, 1, 40]


def test_simulated_moments():
    data = load(Simulated(n=(500,) * 200, sigma=0.5, mu=-3, tau=2, seed=1))
    theta = data.truth["theta"]
    assert theta.mean() == pytest.approx(-3, abs=4 * 2 / np.sqrt(200))
    assert theta.std() == pytest.approx(2, rel=4 / np.sqrt(400))
    assert data.pooled_sd == pytest.approx(0.5, rel=0.02)
    same = load(Simulated(n=(2, 2), tau=0, mu=3, seed=0))
    np.testing.assert_array_equal(same.truth["theta"], [3, 3])


def test_eight_schools():
    data = load(Example())
    assert data.mean.tolist() == [28, 8, -3, 7, -1, 1, 18, 12]
    assert data.standard_error.tolist() == [15, 10, 16, 11, 9, 11, 10, 18]
    assert data.sigma is not None and data.n.tolist() == [1] * 8 and len(data.values) == 0
    assert "Rubin" in data.source and data.names == tuple("ABCDEFGH")


def test_rows_in_the_spec_keep_the_order_in_which_groups_appear():
    data = load(Rowwise(group=("z", "a", "z"), value=(1, 5, 3), sigma=2))
    assert data.names == ("z", "a") and data.mean.tolist() == [2, 5] and data.ss.tolist() == [2, 0]
    assert load(Rowwise(group=("z",), value=(1,))).sigma is None
    assert data_.unknown_sigma(data).sigma is None


def test_rows_and_estimates_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="got 2 and 3 entries"):
        load(Rowwise(group=("a", "b"), value=(1, 2, 3)))
    with pytest.raises(ValidationError, match="2, 1 and 2 entries"):
        Estimates(group=("a", "b"), estimate=(1,), standard_error=(1, 1))
    with pytest.raises(ValidationError, match="no group twice"):
        Estimates(group=("a", "a"), estimate=(1, 2), standard_error=(1, 1))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"source": "simulated", "n": []}, "n"),
        ({"source": "simulated", "n": [1] * 201}, "n"),
        ({"source": "simulated", "n": [0]}, "n"),
        ({"source": "simulated", "n": [100_001]}, "n"),
        ({"source": "simulated", "n": [100_000] * 11}, "1,000,000"),
        ({"source": "simulated", "sigma": 0.02}, "sigma"),
        ({"source": "simulated", "sigma": 31}, "sigma"),
        ({"source": "simulated", "mu": float("nan")}, "mu"),
        ({"source": "simulated", "tau": -1}, "tau"),
        ({"source": "simulated", "seed": 2**32}, "seed"),
        ({"source": "simulated", "sgima": 3}, "sgima"),
        ({"source": "scene", "name": "medium"}, "name"),
        ({"source": "example", "name": "../../etc/passwd"}, "name"),
        ({"source": "rows", "group": ["a"], "value": [float("inf")]}, "value"),
        ({"source": "rows", "group": ["a"], "value": [1], "sigma": 0}, "sigma"),
        ({"source": "rows", "group": [], "value": []}, "group"),
        (
            {"source": "estimates", "group": ["a"], "estimate": [1], "standard_error": [0]},
            "standard_error",
        ),
        ({"source": "uploaded", "sha256": "../" + "a" * 61}, "sha256"),
        ({"source": "uploaded", "sha256": "A" * 64}, "sha256"),
        ({"source": "elsewhere"}, "source"),
    ],
)
def test_limits_are_named(given, field):
    with pytest.raises(ValidationError, match=field):
        TypeAdapter(Data).validate_python(given)


def test_an_upload_that_is_not_here_is_a_lookup_error():
    with pytest.raises(LookupError):
        load(data_.Uploaded(sha256="a" * 64))
