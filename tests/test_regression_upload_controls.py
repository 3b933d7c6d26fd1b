"""The upload of a regression table as a person sees it: pickers, mask, blank cells, refusals."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from hbdash.regression_sources import Manufacturing, UploadedRegression, load
from hbdash.tables.csv_table import read_csv
from hbdash.tables.regression_upload import guess_regression, save_regression, tidy_regression

MASKED = (
    b"line,feed,wait,speed\n"
    b"A,1,,1.5\nA,2.5,,2.5\nA,3,,3\nA,4,,3.5\n"
    b"B,5,1,3.25\nB,,2,4\nB,7,,5\nB,8,2.5,7\nB,1,4,1.5\nB,3,1,1\n"
)
INFERRED = [[True, False], [True, True]]


def page(start: str, several: bool, simulated: bool):
    """The controls alone, on a page that keeps what they return."""
    import streamlit as st  # noqa: PLC0415

    from hbdash.regression_sources import Manufacturing, UploadedRegression, load  # noqa: PLC0415
    from hbdash.ui import regression_upload_controls as controls  # noqa: PLC0415
    from hbdash.ui.widgets import enter, forget_hidden, moved  # noqa: PLC0415

    enter("missing_predictors" if several else "regression")
    moved()
    if simulated:
        spec = st.session_state.get("chosen") or Manufacturing.model_validate_json(start)
        chosen = controls.missing_controls(load(spec), spec)
    else:
        spec = UploadedRegression.model_validate_json(start) if start else None
        chosen = controls.show(st.session_state.get("chosen") or spec, several=several)
    forget_hidden()
    st.session_state["chosen"] = chosen


def opened(start=None, *, several: bool = True, simulated: bool = False) -> AppTest:
    written = start.model_dump_json() if start is not None else ""
    arguments = {"start": written, "several": several, "simulated": simulated}
    at = AppTest.from_function(page, default_timeout=270, kwargs=arguments)
    return healthy(at.run())


def healthy(at: AppTest) -> AppTest:
    assert not at.exception, at.exception[0].value
    return at


def upload(at: AppTest, content: bytes, name: str = "own.csv") -> AppTest:
    at.file_uploader[0].set_value((name, content, "text/csv"))
    return healthy(at.run())


def kept(content: bytes = MASKED) -> UploadedRegression:
    table = read_csv(content)
    clean = tidy_regression(table, guess_regression(table))
    return UploadedRegression(sha256=save_regression(clean))


def said(at: AppTest) -> str:
    parts = (*at.caption, *at.info, *at.warning, *at.error)
    return "\n".join(str(part.value) for part in parts)


def grid(at: AppTest) -> list[list[bool]]:
    return at.data_editor[0].value.to_numpy().tolist()


def tick(at: AppTest, row: int, predictor: str, value: bool) -> AppTest:
    """Click a checkbox of the grid."""
    edits = {"edited_rows": {row: {predictor: value}}, "added_rows": [], "deleted_rows": []}
    key = at.data_editor[0].key
    assert key
    at.session_state[key] = edits
    return healthy(at.run())


def test_without_a_file_the_data_stay():
    at = opened()
    assert at.session_state["chosen"] is None
    assert "Until a file is chosen" in said(at)
    gone = UploadedRegression(sha256="ab" * 32)
    at = opened(gone)
    assert at.session_state["chosen"] == gone
    assert "Until a file is chosen" in said(at)


@pytest.mark.parametrize("several", [False, True])
def test_a_file_is_read_and_kept(several):
    at = upload(opened(several=several), MASKED)
    picked = {box.label: box.value for box in at.selectbox}
    assert (picked["Response"], picked["Group"]) == ("speed", "line")
    chosen = at.session_state["chosen"]
    data = load(chosen)
    assert data.predictors == (("feed", "wait") if several else ("feed",))
    assert "10 of 10 rows in 2 groups can be used." in said(at)
    assert chosen == UploadedRegression(sha256=chosen.sha256)
    if several:
        assert at.multiselect[0].value == ["feed", "wait"]
        assert grid(at) == INFERRED
        assert '1 of "feed", 1 of "wait"; 2 of 10 rows have such a cell' in said(at)
    else:
        assert picked["Predictor"] == "feed"
        assert "1 of 10 rows have such a cell. These rows are left out." in said(at)
        assert not at.data_editor


def test_columns_and_units_can_be_changed():
    at = upload(opened(several=False), MASKED)
    first = at.session_state["chosen"]
    box = {box.label: box for box in at.selectbox}
    assert box["Predictor"].options == ["feed", "wait"]
    box["Predictor"].set_value("wait")
    healthy(at.run())
    assert load(at.session_state["chosen"]).predictors == ("wait",)
    {box.label: box for box in at.selectbox}["Response"].set_value("wait")
    healthy(at.run())  # taken from the predictors
    data = load(at.session_state["chosen"])
    assert (data.response, data.predictors) == ("wait", ("feed",))
    {box.label: box for box in at.selectbox}["Response"].set_value("speed")
    {box.label: box for box in at.selectbox}["Units of the model"].set_value("standardize")
    healthy(at.run())
    assert at.session_state["chosen"] == first.model_copy(update={"transform": "standardize"})


def test_predictors_can_be_left_out():
    at = upload(opened(), MASKED)
    at.multiselect[0].set_value(["wait"])
    healthy(at.run())
    assert load(at.session_state["chosen"]).predictors == ("wait",)
    assert grid(at) == [[False], [True]]
    before = at.session_state["chosen"]
    at.multiselect[0].set_value([])
    healthy(at.run())
    assert "one column at least" in said(at)
    assert at.session_state["chosen"] == before


@pytest.mark.parametrize(
    "content, message",
    [
        (b"g,x,y\nA,1,2\nA,two,3\nB,2,4\n", '"two" in row 3'),
        (b"g,x,y\nA,1,2\nA,1,3\n", '"x" must vary'),
        (b"g,y\nA,1\nA,1\n", "needs three columns"),
        (b"\x89PNG....", "a PNG picture"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_the_data(content, message):
    start = kept()
    at = upload(opened(start), content)
    assert message in said(at)
    assert at.session_state["chosen"] == start


def test_dropped_rows_and_notes_are_shown():
    at = upload(opened(several=False), b"g,x,y\nA,1,2.5\nA,2,\n,3,4\nA,3,1.5\nB,4,3\n")
    assert '1 dropped: no number in "y" (row 3)' in said(at)
    assert '1 dropped: no label in "g" (row 4)' in said(at)
    assert 'One row in "B"' in said(at)


def test_a_stored_table_can_be_masked_without_its_file():
    start = kept()
    at = opened(start)
    assert grid(at) == INFERRED
    assert "In use: the stored table" in said(at)
    tick(at, 1, "wait", False)
    assert not at.multiselect  # no pickers without the file
    assert "must apply to one group" in said(at) and "the mask excludes it" in said(at)
    assert at.session_state["chosen"] == start
    tick(at, 1, "feed", False)
    chosen = at.session_state["chosen"]
    assert chosen.mask == ((True, False), (False, True))
    assert '1 of "wait"; 1 of 10 rows' in said(at)
    tick(at, 1, "feed", True)
    assert at.session_state["chosen"] == start  # as inferred
    tick(at, 0, "wait", True)
    assert 'one row of "A" at least' in said(at)
    assert at.session_state["chosen"] == start


def test_a_mask_of_the_draft_is_the_start_of_the_grid():
    mask = ((True, False), (False, True))
    at = opened(kept().model_copy(update={"mask": mask, "missing": "latent"}))
    assert grid(at) == [list(row) for row in mask]
    assert at.session_state["chosen"].mask == mask
    assert at.radio[0].value == "latent"


def test_blank_cells_become_latent_on_request():
    at = opened(kept())
    assert at.radio[0].options == ["drop these rows (2 of 10)", "model them as latent values"]
    at.radio[0].set_value("latent")
    healthy(at.run())
    assert at.session_state["chosen"].missing == "latent"
    assert load(at.session_state["chosen"]).n.sum() == 10


def test_latent_cells_rescue_a_table_without_a_complete_row():
    content = b"g,x,z,y\nA,1,,1.5\nA,,2,2\nA,3,,3\nA,,5,7\n"
    at = opened(kept(content))
    assert "One row at least must be complete" in said(at)
    at.radio[0].set_value("latent")
    healthy(at.run())
    assert not at.error
    assert at.session_state["chosen"].missing == "latent"


def test_without_blank_cells_nothing_is_asked():
    at = opened(kept(b"g,x,z,y\nA,1,2,1.5\nA,2,2.5,2\nA,3,1,3\nB,1,5,7\n"))
    assert not at.radio
    assert "No cell is blank where its predictor applies." in said(at)


def test_the_mask_of_a_simulation():
    start = Manufacturing(n=(20, 20), blanks=0.1)
    at = opened(start, simulated=True)
    assert grid(at) == [[True, True, False], [True, True, True]]
    dropped = int((~load(start).complete).sum())
    assert at.radio[0].options[0] == f"drop these rows ({dropped} of 40)"
    tick(at, 1, "feed_speed", False)
    chosen = at.session_state["chosen"]
    assert chosen.mask == ((True, True, False), (False, True, True))
    assert json.loads(chosen.model_dump_json())["mask"][1][0] is False
    tick(at, 1, "cutting_wait_time", False)
    assert "must apply to one group" in said(at)
    assert at.session_state["chosen"] == chosen
    tick(at, 1, "cutting_wait_time", True)
    at.radio[0].set_value("latent")
    healthy(at.run())
    assert at.session_state["chosen"].missing == "latent"
