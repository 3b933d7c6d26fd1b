"""The missing-predictors page without a browser: masks, blanks, pooling, new rows, bad input."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from hbdash.ui import link
from hbdash.ui.missing_lab import LAB
from tests.pages import Page, summary, upload
from tests.test_app import as_read, board, choose, healthy, press, said, settle

SHORT = {"w": "60", "k": "80", "c": "2"}
SMALL = SHORT | {"n": "20x2"}
POOLED = {"pw": "none", "pmw": "Normal_0_5", "psw": "HalfNormal_2.5"}
OF_A_POPULATION = ("Funnels", "One group", "Population")


PAGE = Page("missing_predictors")
open_page, draft, open_tab = PAGE.open, PAGE.draft, PAGE.open_tab


def edit(at: AppTest, editor: Any, rows: dict[int, dict[str, Any]]) -> AppTest:
    """Type into a table."""
    edits = {"edited_rows": rows, "added_rows": [], "deleted_rows": []}
    at.session_state[editor.key] = edits
    return settle(healthy(at.run()))


def editor(at: AppTest, *columns: str) -> Any:
    return next(e for e in at.data_editor if set(columns) <= set(e.value.columns))


def mask(at: AppTest) -> Any:
    return next(e for e in at.data_editor if set(e.value.dtypes.astype(str)) == {"bool"})


def predicted(at: AppTest) -> pd.DataFrame:
    return next(f.value for f in at.dataframe if any("high" in str(c) for c in f.value.columns))


def test_a_first_visit_shows_the_manufacturing_workflow():
    at = open_page()
    assert list(board(at)) == ["unpooled"]
    assert board(at)["unpooled"]["error"] < 4.5
    assert draft(at) == LAB.fresh
    assert at.query_params == {"v": "1"}
    assert [tab.label for tab in at.tabs] == list(LAB.tabs)


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("tab", LAB.tabs)
def test_every_tab_opens(tab, pooled):
    at = open_tab(open_page(**SMALL | (POOLED if pooled else {})), tab)
    if tab in OF_A_POPULATION and not pooled:
        assert "no population" in said(at)
    elif tab == "Summary":
        assert "w[Product_Group_1, cutting_wait_time]" in summary(at).index
    elif tab == "New rows":
        assert len(predicted(at)) == 2
    else:
        assert at.get("plotly_chart") or tab == "Model" and at.code


def test_a_masked_weight_is_prior_only_and_not_warned_of():
    at = open_tab(open_page(), "Summary")
    table = summary(at)
    masked = table.loc["w[Product_Group_1, cutting_wait_time]"]
    assert masked["note"] == "prior only" and masked["sd"] == pytest.approx(5, rel=0.15)
    others = table.drop(index="w[Product_Group_1, cutting_wait_time]")
    assert set(others["note"]) <= {"covered", "missed"}


def test_pooling_comes_and_goes_and_is_compared():
    at = open_page(**SMALL)
    choose(at, "w.pooled", True)
    assert set(draft(at).priors) == {"alpha", "scale", "mu_w", "sigma_w"}
    assert list(board(at)) == ["centered", "non-centered"]
    assert at.query_params["pw"] == "none"
    assert "no exact answer" in said(at) or any("exact" in c.value for c in at.caption)
    settle(open_tab(at, "Weights"))
    assert "pooled" in said(at)
    assert at.toggle(key="unpooled.missing_predictors").value
    open_tab(at, "Funnels")
    levels = [b for b in at.get("button_group") if b.key == "level.missing_predictors"]  # type: ignore[attr-defined]
    assert len(levels) == 1
    choose(at, "level.missing_predictors", "w[cutting_wait_time]")
    choose(at, "w.pooled", False)
    assert list(board(at)) == ["unpooled"] and set(draft(at).priors) == {"alpha", "scale", "w"}


def test_a_long_run_stands_in_for_the_exact_answer(monkeypatch):
    from hbdash.ui import reference

    monkeypatch.setattr(reference, "WARMUP", 60)
    monkeypatch.setattr(reference, "DRAWS", 400)
    at = open_page(**SMALL | POOLED, p="by_information")
    assert "error" not in board(at)["by information"]
    choose(at, "reference.missing_predictors", True)
    for _ in range(200):
        if "error" in board(at)["by information"]:
            break
        healthy(at.run())
    assert np.isfinite(board(at)["by information"]["error"])
    assert any("not exact" in caption.value for caption in at.caption)


def test_simulating_with_every_setting():
    at = open_page(**SMALL)
    choose(at, "w.groups", 3)
    assert len(draft(at).data.n) == 3 and draft(at).data.mask[2] == (True, True, True)
    choose(at, "w.noise", 1.5)
    choose(at, "w.data_seed", 5)
    edit(at, editor(at, "low", "high"), {0: {"high": 20.0}, 1: {"name": "pull"}})
    assert [p.name for p in draft(at).data.predictors] == [
        "feed_speed",
        "pull",
        "cutting_wait_time",
    ]
    assert draft(at).data.predictors[0].high == 20
    edit(at, editor(at, "intercept", "pull"), {1: {"intercept": 4.0, "pull": -2.0}})
    assert draft(at).data.intercept[1] == 4 and draft(at).data.weights[1][1] == -2
    assert draft(at).data.noise == 1.5 and draft(at).data.seed == 5
    assert link.from_query(LAB, at.query_params) == (draft(at), [])  # type: ignore[arg-type]
    assert board(at)


def test_the_mask_is_edited_in_its_grid():
    at = open_page(**SMALL)
    grid = mask(at)
    edit(at, grid, {1: {"pull_acceleration": False}})
    assert draft(at).data.mask == ((True, True, False), (True, False, True))
    table = summary(open_tab(at, "Summary"))
    assert table.loc["w[Product_Group_2, pull_acceleration]", "note"] == "prior only"


def test_a_mask_that_removes_every_predictor_of_a_group_is_said():
    at = open_page(**SMALL)
    grid = mask(at)
    edit(at, grid, {0: {"feed_speed": False, "pull_acceleration": False}})
    assert "Product_Group_1" in said(at) and "intercept" in said(at)
    assert board(at)


def test_blank_cells_are_counted_and_dropped_or_latent():
    at = open_page(**SMALL)
    choose(at, "w.blanks", 0.2)
    assert draft(at).data.missing == "drop"
    words = " ".join(as_read(str(c.value)) for c in at.caption)
    assert "feed_speed" in words and "blank" in words
    before = board(at)
    radio = next(r for r in at.radio if r.label == "Blank cells")
    radio.set_value("latent")
    settle(healthy(at.run()))
    assert draft(at).data.missing == "latent"
    assert board(at) != before
    assert any(name.startswith("x_blank") for name in summary(open_tab(at, "Summary")).index)
    assert link.from_query(LAB, at.query_params) == (draft(at), [])  # type: ignore[arg-type]


def test_new_rows_are_predicted():
    at = open_tab(open_page(), "New rows")
    rows = editor(at, "product_group", "feed_speed")
    edit(
        at,
        rows,
        {
            0: {"feed_speed": 3.0, "pull_acceleration": 2.0},
            1: {"feed_speed": 6.0, "pull_acceleration": 2.0, "cutting_wait_time": 1.9},
        },
    )
    assert predicted(at)["mean"].tolist() == pytest.approx([13.5, 12.7], abs=0.05)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({1: {"cutting_wait_time": None}}, "cutting_wait_time"),
        ({0: {"feed_speed": 99.0}}, "range"),
    ],
)
def test_new_rows_that_do_not_fit_are_named(change, words):
    at = open_tab(open_page(**SMALL), "New rows")
    edit(at, editor(at, "product_group", "feed_speed"), change)
    assert words in said(at).replace("\\", "")
    assert predicted(at)["mean"].notna().any()  # the other row is predicted


TABLE = pd.DataFrame(
    {
        "line": np.repeat(["A", "B"], 8),
        "feed": np.tile(np.arange(8.0), 2),
        "wait": np.r_[np.full(8, np.nan), np.arange(8.0) ** 1.5],
        "speed": np.arange(16.0) + np.tile([0.2, -0.1, 0.3, -0.4], 4),
    }
)


def test_a_table_of_one_s_own():
    at = open_page(**SHORT)
    choose(at, "w.source", "uploaded_regression")
    upload(at, TABLE)
    assert draft(at).data.source == "uploaded_regression" and draft(at).data.mask is None
    assert board(at)
    at = open_tab(at, "Summary")
    assert summary(at).loc["w[A, wait]", "note"] == "prior only"


BAD = {
    "constant": (TABLE.assign(feed=3.0), "must vary"),
    "text": (TABLE.astype({"feed": object}).replace({"feed": {3.0: "three"}}), "three"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_and_the_results_stay(case):
    table, words = BAD[case]
    at = open_page(**SHORT)
    before = board(at)
    choose(at, "w.source", "uploaded_regression")
    upload(at, table)
    if case == "constant":  # the guess leaves it out, so the table is used until it is chosen
        before = board(at)
        choose(at, "w.regression.predictors", ["feed", "wait"])
    assert words in said(at)
    assert board(at) == before


NOTED = {
    "collinear": (TABLE.assign(twice=TABLE["feed"] * 2), "feed"),
    "one row": (pd.concat([TABLE, TABLE.tail(1).assign(line="C")]), "C"),
    "more predictors than rows": (
        TABLE[TABLE["line"] == "B"]
        .head(3)
        .assign(**{f"x{k}": np.random.default_rng(k).normal(size=3) for k in range(4)}),
        "prior",
    ),
}


@pytest.mark.parametrize("case", NOTED)
def test_tables_that_say_little_are_noted_and_sampled(case):
    table, words = NOTED[case]
    at = open_page(**SHORT)
    choose(at, "w.source", "uploaded_regression")
    upload(at, table)
    assert words in said(at)
    assert board(at)


def test_scaling_the_priors_to_the_data():
    at = press(open_page(**SMALL | POOLED), "Scale the priors to the data")
    assert set(draft(at).priors) == {"alpha", "scale", "mu_w", "sigma_w"}
    assert draft(at).priors["mu_w"].parameters["scale"] > 5


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"bl": "0.9"}, "bl=0.9"),
        ({"mk": "1_1_0~1_1"}, "mk="),
        ({"mk": "1_1_2~1_1_1"}, "mk="),
        ({"pr": "feed:1"}, "name:low:high"),
        ({"wt": "1_2~3_4"}, "wt="),
        ({"ms": "zero"}, "ms=zero"),
        ({"pmw": "Normal_0_1"}, "pmw"),
        ({"d": "rats"}, "d=rats"),
    ],
)
def test_links_with_wrong_values(query, words):
    assert words in said(open_page(**SMALL | query))


def test_a_mask_that_no_regression_can_carry_is_said_and_can_be_mended():
    at = open_page(**SMALL, mk="0_1_0~0_1_1")
    assert '"feed_speed" must apply to one group at least' in said(at)
    edit(at, mask(at), {0: {"feed_speed": True}})
    assert draft(at).data.mask[0] == (True, True, False) and board(at)
