"""New rows: what is wrong with them is named by row and column; the rest is predicted rightly."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from hbdash.new_rows import COLUMNS, MOST_NEW_ROWS, check_rows, predict_rows, read_rows, template
from hbdash.tables.csv_table import UploadError
from tests.fake_missing import fake_missing, fake_table
from tests.fake_regression import fake_regression

ONE, TWO = "Product_Group_1", "Product_Group_2"
BLANK = np.nan


@pytest.fixture(scope="module")
def dt():
    return fake_missing(rows=250)


def table(*rows, columns=("product_group", "feed_speed", "pull_acceleration", "cutting_wait_time")):
    return pd.DataFrame(
        [list(row) for row in rows],
        columns=pd.Index(columns),
        index=pd.RangeIndex(1, len(rows) + 1),
    )


def with_draws(dt, alpha, w, scale):
    """The run with these draws, of shapes (S, K), (S, K, P) and (S,), as one chain."""
    dt = dt.copy()
    posterior = dt["posterior"].to_dataset().isel(chain=[0], draw=slice(len(scale)))
    for name, values in (("alpha", alpha), ("w", w), ("scale", scale)):
        posterior[name] = posterior[name].copy(data=np.asarray(values, float)[None])
    dt["posterior"] = posterior
    return dt


def test_the_example_holds_the_median_of_each_group_and_is_itself_right(dt):
    example = template(dt)
    data = fake_table(2, 3, rows=250)
    assert list(example) == ["product_group", *data.predictors]
    assert example["product_group"].tolist() == [ONE, TWO] and example.index.tolist() == [1, 2]
    for k, p in zip(*np.nonzero(data.mask), strict=True):
        column = data.x[data.index == k, p]
        found = example.iloc[k, p + 1]
        assert found == pytest.approx(np.median(column), abs=2e-3 * np.ptp(column))
    assert np.isnan(example.loc[1, "cutting_wait_time"])
    found = check_rows(example, dt)
    assert not found.problems and not found.warnings
    assert predict_rows(dt, found.groups, found.x).notna().all(axis=None)


@pytest.mark.parametrize("rows", [[1, 2], 3])
def test_the_example_of_groups_with_few_rows_lies_in_their_range(rows):
    dt = fake_missing(2, 2, rows=rows, draws=2)
    found = check_rows(template(dt), dt)
    assert not found.problems and not found.warnings


def test_the_four_rows_of_the_workflow_come_out_where_draws_are_the_truth(dt):
    weights = [[2.5, 3, 77.0], [1, 0.5, 3]]
    sure = with_draws(dt, np.zeros((3, 2)), [weights] * 3, [0.5] * 3)
    rows = table((ONE, 3, 2, BLANK), (TWO, 3, 2, 2), (ONE, 6, 2, BLANK), (TWO, 6, 2, 2))
    found = check_rows(rows, sure)
    predicted = predict_rows(sure, found.groups, found.x)
    assert not found.problems
    assert {warning.column for warning in found.warnings} <= {"cutting_wait_time"}
    np.testing.assert_allclose(predicted["mean"], [13.5, 10, 21, 13])
    np.testing.assert_allclose(predicted[["low_mean", "high_mean"]].T, [predicted["mean"]] * 2)
    np.testing.assert_allclose(predicted["sd_mean"], 0, atol=1e-12)
    np.testing.assert_allclose(predicted["sd_new"], 0.5)


@pytest.mark.parametrize("prob", [0.5, 0.9, 0.99])
def test_intervals_are_those_of_a_normal_in_closed_form(dt, prob):
    rng = np.random.default_rng(1)
    draws = 500
    alpha = np.tile(rng.normal(0, 0.3, (draws, 1)), (8, 2))
    w = np.tile(np.stack([rng.normal(2, 0.2, draws), np.zeros(draws)], 1), (8, 1))
    weights = np.zeros((len(alpha), 2, 3))
    weights[:, :, 0] = w[:, :1]
    run = with_draws(fake_missing(draws=4000, chains=1), alpha, weights, np.full(len(alpha), 0.7))
    row = predict_rows(run, np.array([0]), np.array([[3.0, 5.0, BLANK]]), prob).iloc[0]
    z = NormalDist().inv_cdf((1 + prob) / 2)
    of_mean = np.hypot(0.3, 3 * 0.2)
    assert row["mean"] == pytest.approx(6, abs=0.1)
    assert row["sd_mean"] == pytest.approx(of_mean, rel=0.1)
    assert row["sd_new"] == pytest.approx(np.hypot(of_mean, 0.7), rel=0.08)
    assert row["high_mean"] - row["low_mean"] == pytest.approx(2 * z * of_mean, rel=0.15)
    both = 2 * z * np.hypot(of_mean, 0.7)
    assert row["high_new"] - row["low_new"] == pytest.approx(both, rel=0.12)


def test_alpha_is_the_height_where_the_predictors_count_from():
    dt = fake_missing(origin=2.0, draws=3)
    run = with_draws(dt, np.full((3, 2), 7.0), np.full((3, 2, 3), 10.0), [1.0] * 3)
    at = predict_rows(run, np.array([0, 1]), np.array([[2, 2, BLANK], [3, 2, 2.0]]))
    np.testing.assert_allclose(at["mean"], [7, 17])


def test_a_row_is_predicted_the_same_among_others(dt):
    groups, x = np.array([0, 1, 0]), np.array([[3, 2, BLANK], [3, 2, 1], [9, 9, BLANK]])
    together = predict_rows(dt, groups, x)
    alone = predict_rows(dt, groups[1:2], x[1:2])
    pd.testing.assert_series_equal(together.iloc[1], alone.iloc[0], check_names=False)
    many = predict_rows(dt, np.tile(groups, 700), np.tile(x, (700, 1)))
    np.testing.assert_allclose(many.iloc[-2], together.iloc[1])


def test_a_value_that_does_not_apply_changes_nothing_and_is_noted(dt):
    found = check_rows(table((ONE, 3, 2, 99), (ONE, 3, 2, "n.a."), (ONE, 3, 2, BLANK)), dt)
    assert not found.problems
    assert [(w.row, w.column) for w in found.warnings] == [(r, "cutting_wait_time") for r in (1, 2)]
    assert "ignored" in found.warnings[0].message and '"n.a."' in found.warnings[1].message
    predicted = predict_rows(dt, found.groups, found.x)
    assert predicted.nunique().eq(1).all()


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (("Nobody", 3, 2, 1), "product_group", ['"Nobody"', f'"{ONE}", "{TWO}"']),
        ((None, 3, 2, 1), "product_group", ["blank", f'"{ONE}", "{TWO}"']),
        ((TWO, 3, 2, BLANK), "cutting_wait_time", ["blank", f'"{TWO}" needs it', "0.11"]),
        ((ONE, "fast", 2, BLANK), "feed_speed", ['"fast" is text']),
        ((ONE, 3, "", BLANK), "pull_acceleration", ["blank"]),
        ((ONE, 3, float("inf"), BLANK), "pull_acceleration", ["too large"]),
        ((ONE, 1e9, 2, BLANK), "feed_speed", ["too large", "1e+08"]),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column_and_the_rest_is_predicted(dt, row, column, words):
    found = check_rows(table((ONE, 3, 2, BLANK), row, (TWO, 3, 2, 1)), dt)
    assert [(p.row, p.column) for p in found.problems] == [(2, column)]
    message = found.problems[0].message
    assert message.startswith(f'Row 2, "{column}"') and all(word in message for word in words)
    predicted = predict_rows(dt, found.groups, found.x)
    assert predicted["mean"].notna().tolist() == [True, False, True]
    assert predicted.loc[1].isna().all()


def test_a_row_with_several_faults_names_each(dt):
    found = check_rows(table((TWO, "x", "y", BLANK)), dt)
    assert [p.column for p in found.problems] == list(template(dt))[1:]


def test_a_value_outside_what_its_own_group_saw_is_a_warning_with_the_range(dt):
    data = fake_table(2, 3, rows=250)
    top = np.nanmax(data.x[data.index == 1, 0])
    found = check_rows(table((TWO, top, 2, 1), (TWO, top + 0.001, 2, 1), (TWO, -5, 2, 1)), dt)
    assert not found.problems
    assert [(w.row, w.column) for w in found.warnings] == [(2, "feed_speed"), (3, "feed_speed")]
    assert f"{top:.4g}" in found.warnings[0].message and TWO in found.warnings[0].message
    assert predict_rows(dt, found.groups, found.x)["mean"].notna().all()


@pytest.mark.parametrize("rows", [[], [(None, BLANK, BLANK, BLANK)], [("", None, "", " ")] * 2])
def test_an_empty_table_is_said_to_be_empty(dt, rows):
    found = check_rows(table(*rows), dt)
    assert "empty" in found.problems[0].message and len(found.problems) == 1
    assert predict_rows(dt, found.groups, found.x)["mean"].isna().all()


def test_an_empty_row_among_others_is_no_fault(dt):
    found = check_rows(table((ONE, 3, 2, BLANK), (None, BLANK, BLANK, BLANK)), dt)
    assert not found.problems
    assert predict_rows(dt, found.groups, found.x)["mean"].notna().tolist() == [True, False]


def test_missing_columns_are_named(dt):
    found = check_rows(table((ONE, 3.0), columns=("product_group", "feed_speed")), dt)
    assert [p.column for p in found.problems] == ["pull_acceleration", "cutting_wait_time"]


def test_groups_are_found_as_numbers_and_with_odd_spaces():
    dt = fake_regression(3, names=["1", "2", "a b"], draws=5)
    rows = pd.DataFrame({"group": [2.0, 1, " a  b "], "x": [0.1, "0.2", "3e-1"]})
    found = check_rows(rows, dt)
    assert found.groups.tolist() == [1, 0, 2] and not found.problems
    np.testing.assert_allclose(found.x[:, 0], [0.1, 0.2, 0.3])


def test_the_regression_is_predicted_too():
    dt = fake_regression(4, draws=200, origin=5.0)
    found = check_rows(template(dt), dt)
    predicted = predict_rows(dt, found.groups, found.x)
    posterior = dt["posterior"].to_dataset().mean(("chain", "draw"))
    line = posterior["intercept"].values + posterior["slope"].values * (found.x[:, 0] - 5)
    np.testing.assert_allclose(predicted["mean"], line)


CSV = "extra,cutting_wait_time,Feed Speed,product_group,pull_acceleration\n"


def test_a_file_is_read_by_the_names_of_its_columns(dt):
    found = read_rows((CSV + f"a,,3,{ONE},2\n\nb,1.5,6,{TWO},2\n").encode(), dt)
    assert list(found) == list(template(dt)) and found.index.tolist() == [2, 4]
    assert found.attrs["notes"] == ['Not used: "extra".']
    checked = check_rows(found, dt)
    assert not checked.problems and checked.groups.tolist() == [0, 1]
    np.testing.assert_array_equal(checked.x, [[3, 2, BLANK], [6, 2, 1.5]])


def test_faults_of_a_file_are_named_by_its_own_rows_and_commas_are_read(dt):
    raw = f"{CSV}a,,3,{ONE},2\nb,1,fast,{TWO},2\n".replace(",", ";").replace(";3;", ";3,25;")
    found = check_rows(read_rows(raw.encode(), dt), dt)
    assert [(p.row, p.column) for p in found.problems] == [(3, "feed_speed")]
    assert found.x[0, 0] == 3.25


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("product_group,feed_speed,cutting_wait_time\nA,1,2\n", 'none named "pull_acceleration"'),
        ("", "empty file"),
        (CSV, "only a header"),
        (CSV + f"a,,3,{ONE},2\n" * (MOST_NEW_ROWS + 1), "At most 10,000 new rows"),
    ],
)
def test_files_that_cannot_be_used_say_why(dt, raw, words):
    with pytest.raises(UploadError, match=words):
        read_rows(raw.encode(), dt)


def test_what_cannot_be_predicted_is_refused(dt):
    one = np.array([0]), np.array([[1.0, 1, BLANK]])
    with pytest.raises(ValueError, match="`prob` must lie in"):
        predict_rows(dt, *one, prob=1.0)
    with pytest.raises(ValueError, match="`groups` must be below 2, got 2"):
        predict_rows(dt, np.array([2]), one[1])
    with pytest.raises(ValueError, match="this run has none"):
        predict_rows(fake_missing(draws=0), *one)
    none = predict_rows(dt, np.array([], int), np.empty((0, 3)))
    assert list(none) == list(COLUMNS) and none.empty


def open_tab(first: str = "{}") -> AppTest:
    """The tab by itself, on two runs whose data have the seed in the session's state."""
    return AppTest.from_string(
        f"""
import streamlit as st
from hbdash.ui import new_rows_tab
from hbdash.ui.draft import Asked, Draft
from hbdash.ui.widgets import enter
from tests.fake_missing import fake_missing

enter("missing_predictors")
options = {first} | st.session_state.get("options", {{}})
runs = {{f"run {{i}}": fake_missing(seed=i, **options) for i in (1, 2)}}
if st.session_state.get("shown", True):
    new_rows_tab.show(Asked(Draft(), runs), None)
""",
        default_timeout=270,
    )


def healthy(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def kept(at: AppTest) -> dict:
    (found,) = at.session_state["lab.missing_predictors"]["new_rows"].values()
    return found


def test_the_tab_predicts_its_example():
    at = healthy(open_tab())
    assert not at.error and not at.warning
    shown = at.dataframe[-1].value
    assert shown["product_group"].tolist() == [ONE, TWO] and shown["mean"].notna().all()
    assert "2 of 2 rows are predicted, by run 1" in at.caption[-1].value


def test_what_was_typed_outlives_other_pages_and_other_data():
    at = healthy(open_tab())
    typed = table((ONE, 3.0, 2.0, BLANK), (TWO, 6.0, 2.0, BLANK))
    at.session_state["shown"] = False
    healthy(at)
    kept(at)["now"] = typed
    at.session_state["shown"], at.session_state["options"] = True, {"data_seed": 8}
    healthy(at)
    pd.testing.assert_frame_equal(kept(at)["now"], typed)
    assert at.error[0].value.startswith("- Row 2") and "needs it" in at.error[0].value
    assert at.dataframe[-1].value["row"].tolist() == [1]
    assert "1 of 2 rows" in at.caption[-1].value


def test_an_example_that_nobody_touched_follows_the_data():
    at = healthy(open_tab())
    before = kept(at)["now"]
    at.session_state["shown"] = False
    healthy(at)
    at.session_state["shown"], at.session_state["options"] = True, {"data_seed": 8}
    healthy(at)
    after = template(fake_missing(data_seed=8))
    assert not before.equals(kept(at)["now"]) and kept(at)["start"].equals(after)


def test_a_run_without_draws_says_so():
    at = healthy(open_tab('{"draws": 0}'))
    assert "no draws to predict with" in at.info[0].value


def test_a_file_is_kept_and_its_faults_are_listed():
    at = open_tab()
    at.session_state["new_rows_source.missing_predictors"] = "file"
    healthy(at)
    raw = f"{CSV}a,,3,{ONE},2\nb,1,*fast*,{TWO},2\n".encode()
    at.session_state["lab.missing_predictors"]["new_rows_file"] = "rows.csv", raw
    healthy(at)
    assert r"Row 3" in at.error[0].value and r"\*fast\*" in at.error[0].value
    assert at.dataframe[-1].value["row"].tolist() == [2]
    assert "Not used" in at.info[0].value and any("rows.csv" in c.value for c in at.caption)
