"""Regression data: statistics against the rows, least squares against scipy, what is refused."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from hbdash.regression_data import RegressionData, Statistics, Units, units
from hbdash.regression_sources import (
    Manufacturing,
    Range,
    Rats,
    RegressionRows,
    RegressionSource,
    SimulatedLines,
    check,
    infer_mask,
    load,
)

SOURCES = {
    "lines": SimulatedLines(),
    "uneven": SimulatedLines(n=(1, 2, 40, 1)),
    "centred": SimulatedLines(transform="centre"),
    "rats": Rats(),
    "raw rats": Rats(transform="none"),
    "manufacturing": Manufacturing(),
    "blanks": Manufacturing(blanks=0.2),
    "latent": Manufacturing(blanks=0.2, missing="latent"),
}


def residuals(data: RegressionData, intercept: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each group's residual sum of squares from its complete rows, the plain way."""
    index, x, y = data.rows
    kept = ~np.isnan(x).any(1)
    away = y - intercept[index] - np.einsum("np,np->n", np.nan_to_num(x), weights[index])
    return np.bincount(index[kept], away[kept] ** 2, len(data.names))


def squares(s: Statistics, intercept: np.ndarray, weights: np.ndarray) -> np.ndarray:
    height = s.y_mean - intercept - (s.x_mean * weights).sum(1)
    turned = np.einsum("kij,kj->ki", s.root, weights - s.fit)
    return s.n * height**2 + (turned**2).sum(1) + s.ss


@pytest.mark.parametrize("name", SOURCES)
def test_statistics_hold_the_residuals_of_every_line(name):
    data, rng = load(SOURCES[name]), np.random.default_rng(0)
    for _ in range(5):
        intercept = rng.normal(size=len(data.names))
        weights = rng.normal(size=data.mask.shape) * data.mask
        np.testing.assert_allclose(
            squares(data.statistics, intercept, weights),
            residuals(data, intercept, weights),
            rtol=1e-9,
        )


def test_statistics_far_from_zero_lose_no_digits():
    rng = np.random.default_rng(1)
    x = 1e6 + rng.normal(size=(200, 1))
    y = 1e6 + 3 * (x[:, 0] - 1e6) + 1e-3 * rng.normal(size=200)
    index, mask = np.zeros(200, int), np.ones((1, 1), bool)
    data = RegressionData(("a",), ("x",), index, x, y, mask, units(x, y, "none"))
    near = RegressionData(("a",), ("x",), index, x - 1e6, y - 1e6, mask, units(x, y, "none"))
    np.testing.assert_allclose(data.statistics.fit, near.statistics.fit, rtol=1e-8)
    np.testing.assert_allclose(data.statistics.ss, near.statistics.ss, rtol=1e-5)


def test_predictors_of_very_different_size_keep_their_weights():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 2)) * [2e4, 1e-6] + [5e4, 0.1]
    y = x @ [1e-3, 1e6] + rng.normal(size=300)
    index, mask = np.zeros(300, int), np.ones((1, 2), bool)
    data = RegressionData(("a",), ("income", "rate"), index, x, y, mask, units(x, y, "none"))
    expected = np.linalg.lstsq(np.c_[x - x.mean(0), np.ones(300)], y)[0][:2]
    np.testing.assert_allclose(data.fits.weights[0], expected, rtol=1e-6)
    residual = y - y.mean() - (x - x.mean(0)) @ [2e-3, 3e6]
    found = squares(data.statistics, y.mean() - x.mean(0) @ [2e-3, 3e6], np.array([[2e-3, 3e6]]))
    np.testing.assert_allclose(found, (residual**2).sum(), rtol=1e-9)


def test_a_predictor_that_is_constant_in_a_group_has_no_weight_there():
    x = np.array([0.1] * 7 + [1.0, 2.0, 4.0])[:, None]
    index, y = np.repeat([0, 1], [7, 3]), np.arange(10.0)
    data = RegressionData(
        ("a", "b"), ("x",), index, x, y, np.ones((2, 1), bool), units(x, y, "none")
    )
    assert np.isinf(data.fits.weight_errors[0, 0]) and np.isnan(data.fits.weights[0, 0])
    assert np.isfinite(data.fits.weight_errors[1, 0])
    weights = np.array([[5.0], [-2.0]])
    np.testing.assert_allclose(
        squares(data.statistics, np.ones(2), weights), residuals(data, np.ones(2), weights)
    )


def test_fits_are_those_of_least_squares():
    data = load(Rats(transform="none"))
    for k in (0, 7, 29):
        rows = data.index == k
        line: object = stats.linregress(data.x[rows, 0], data.y[rows])
        assert data.fits.weights[k, 0] == pytest.approx(line.slope)  # type: ignore[attr-defined]
        assert data.fits.intercept[k] == pytest.approx(line.intercept)  # type: ignore[attr-defined]
    x = data.x[data.index == 0, 0]
    spread = np.sum((x - x.mean()) ** 2)
    np.testing.assert_allclose(data.fits.weight_errors, data.fits.sd / np.sqrt(spread))
    expected = data.fits.sd * np.sqrt(1 / 5 + x.mean() ** 2 / spread)
    np.testing.assert_allclose(data.fits.intercept_error, expected)


def test_what_rows_do_not_determine_has_no_estimate():
    data = load(SimulatedLines(n=(1, 2, 40, 1)))
    assert np.isinf(data.fits.weight_errors[[0, 3], 0]).all()
    assert np.isnan(data.fits.weights[[0, 3], 0]).all()
    assert np.isfinite(data.fits.weight_errors[[1, 2], 0]).all()
    masked = load(Manufacturing()).fits
    assert np.isinf(masked.weight_errors[0, 2]) and np.isnan(masked.weights[0, 2])
    assert np.isfinite(masked.intercept).all()


def test_units_are_chosen_from_the_rows():
    data = load(Rats())
    _, x, y = data.rows
    for values in (x[:, 0], y):
        assert values.mean() == pytest.approx(0, abs=1e-12)
        assert values.std() == pytest.approx(1)
    centred = load(Rats(transform="centre"))
    assert centred.units.x_origin.tolist() == [22] and centred.units.y_unit == 1


def test_truth_of_centred_lines_is_at_the_origin_of_the_predictor():
    plain, centred = (load(SimulatedLines(transform=how)) for how in ("none", "centre"))
    at = centred.units.x_origin[0]
    expected = plain.truth["intercept"] + at * plain.truth["slope"]
    np.testing.assert_allclose(centred.truth["intercept"], expected)
    np.testing.assert_array_equal(plain.truth["slope"], centred.truth["slope"])


def test_manufacturing_is_the_workflow_s():
    data = load(Manufacturing(n=(40_000, 40_000)))
    assert data.predictors == ("feed_speed", "pull_acceleration", "cutting_wait_time")
    assert np.isnan(data.x[data.index == 0, 2]).all()
    np.testing.assert_array_equal(data.mask, [[1, 1, 0], [1, 1, 1]])
    assert (np.nanmin(data.x, 0) >= [1, 0.5, 0.1]).all()
    assert (np.nanmax(data.x, 0) <= [10, 5, 2]).all()
    np.testing.assert_allclose(data.fits.weights[1], [1, 0.5, 3], atol=0.03)
    np.testing.assert_allclose(data.fits.weights[0, :2], [2.5, 3], atol=0.03)
    assert data.fits.sd == pytest.approx(0.5, rel=0.01)


def test_blank_cells_where_a_predictor_applies_are_counted_and_never_zero():
    data = load(Manufacturing(blanks=0.2))
    assert data.blank[data.index == 0, 2].sum() == 0
    share = data.blank[:, :2].mean()
    assert share == pytest.approx(0.2, abs=0.04)
    assert len(data.rows[0]) == data.complete.sum() < 500
    latent = load(Manufacturing(blanks=0.2, missing="latent"))
    assert len(latent.rows[0]) == 500 and np.isnan(latent.rows[1]).sum() == latent.blank.sum()
    assert latent.statistics.n.sum() == data.statistics.n.sum()


def test_rows_of_a_configuration_with_blank_cells():
    spec = RegressionRows(
        group=("a", "a", "b", "b"),
        response=(1, 2, 3, 4),
        predictors={"x": (1, 2, 3, 5), "z": (None, None, 1, 0)},
    )
    data = load(spec)
    np.testing.assert_array_equal(data.mask, [[True, False], [True, True]])
    assert data.complete.all()
    excluded = load(spec.model_copy(update={"mask": ((True, False), (False, True))}))
    assert excluded.rows[1][2:, 0].tolist() == [0, 0]


def table(**change) -> RegressionData:
    x = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 4.0]])
    given = {
        "names": ("a", "b"),
        "predictors": ("x", "z"),
        "index": np.array([0, 0, 1, 1]),
        "x": x,
        "y": np.arange(4.0),
        "mask": np.ones((2, 2), bool),
        "units": Units(np.zeros(2), np.ones(2)),
    }
    return RegressionData(**(given | change))


BLANK = np.array([[1.0, np.nan], [2.0, np.nan], [3.0, np.nan], [4.0, np.nan]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mask": np.ones((3, 2), bool)}, "`mask` must have 2 rows"),
        ({"x": BLANK, "mask": np.array([[1, 0], [1, 0]], bool)}, '"z" .* blank in every row'),
        ({"mask": np.array([[1, 0], [1, 0]], bool)}, '"z" .* the mask excludes it'),
        ({"x": BLANK[:, ::-1] * [1, 1]}, '"x" must have a number in one row of "a"'),
        ({"x": np.full((4, 2), 3.0)}, '"x" must vary, but it is 3 in every row'),
        (
            {"x": np.array([[1, np.nan], [np.nan, 2], [3, np.nan], [np.nan, 1]])},
            "every row has a blank cell",
        ),
    ],
)
def test_rows_that_cannot_carry_a_regression_are_refused(change, words):
    check(table())
    with pytest.raises(ValueError, match=words):
        check(table(**change))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"source": "simulated_lines", "sigma_noise": 0}, "greater than 0"),
        ({"source": "simulated_lines", "n": [1000] * 1000 + [1]}, "at most 1000"),
        ({"source": "simulated_lines", "n": [2000] * 600}, "at most 1,000,000 rows"),
        ({"source": "manufacturing", "weights": [[1, 2, 3]]}, "`weights` must have 2 rows"),
        ({"source": "manufacturing", "mask": [[True], [True]]}, "`mask` must have 2 rows"),
        ({"source": "manufacturing", "intercept": [1]}, "one number a group"),
        (
            {"source": "manufacturing", "predictors": [{"name": "a", "low": 1, "high": 0}]},
            "low < high",
        ),
        (
            {
                "source": "regression_rows",
                "group": ["a"],
                "response": [1, 2],
                "predictors": {"x": [1]},
            },
            "one entry a row",
        ),
        (
            {"source": "regression_rows", "group": ["a"], "response": [1], "predictors": {}},
            "at least 1",
        ),
    ],
)
def test_specs_that_do_not_fit_are_refused(given, words):
    with pytest.raises(ValidationError, match=words):
        TypeAdapter(RegressionSource).validate_python(given)


def test_two_predictors_have_two_names():
    same = (Range(name="a", low=0, high=1),) * 3
    with pytest.raises(ValidationError, match="names of their own"):
        Manufacturing(predictors=same)


def test_a_mask_is_inferred_group_by_group():
    x = np.array([[1, np.nan], [np.nan, np.nan], [2, 3]])
    np.testing.assert_array_equal(
        infer_mask(x, np.array([0, 0, 1]), 2), [[True, False], [True, True]]
    )
