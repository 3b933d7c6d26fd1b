"""The regression page without a browser: every tab, every source, every form of the model."""

import json

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from hbdash.regression_sources import Rats, SimulatedLines
from hbdash.ui import link
from hbdash.ui.regression_lab import LAB
from tests.pages import Page, summary, upload
from tests.test_app import board, choose, healthy, press, said

SHORT = {"w": "50", "k": "60", "c": "2"}
SMALL = SHORT | {"n": "6x5"}


PAGE = Page("regression")
open_page, draft, open_tab = PAGE.open, PAGE.draft, PAGE.open_tab


def headings(at: AppTest) -> str:
    return "\n".join(str(words.value) for words in at.markdown)


def test_a_first_visit_shows_the_workflow():
    at = open_page()
    assert list(board(at)) == ["centered", "non-centered"]
    assert draft(at) == LAB.fresh and draft(at).sampler.target_accept_prob == 0.9
    assert at.query_params == {"v": "1"}
    assert [tab.label for tab in at.tabs] == list(LAB.tabs)
    assert all(abs(row["error"]) < 4.5 for row in board(at).values())


@pytest.mark.parametrize("tab", LAB.tabs)
def test_every_tab_opens(tab):
    at = open_tab(open_page(**SMALL, p="centered~noncentered~by_information"), tab)
    if tab == "Summary":
        table = summary(at)
        assert {"mu_intercept", "sigma_slope", "slope[4]"} <= set(table.index)
        assert "intervals of 90% hold" in headings(at)
    else:
        assert at.get("plotly_chart") or tab == "Model" and at.code


def test_figures_of_one_run_and_one_group_follow_their_controls():
    at = open_tab(open_page(**SMALL), "Lines")
    for key, value in (
        ("run_Lines", "non-centered"),
        ("group_Lines", 3),
        ("kind", "mean"),
        ("new_group", True),
        ("prob_Lines", 50),
    ):
        choose(at, f"{key}.regression", value)
    assert len(at.get("plotly_chart")) == 3
    slider = next(s for s in at.slider if s.label == "What if: x")
    slider.set_value(slider.max)
    healthy(at.run())
    open_tab(at, "Groups")
    choose(at, "group_Groups.regression", 2)
    assert len(at.get("plotly_chart")) == 3


@pytest.mark.parametrize("tab", ["Funnels", "One group", "Population", "Traces"])
def test_levels_are_chosen_at_the_figure(tab):
    at = open_tab(open_page(**SMALL), tab)
    choose(at, "level.regression", "slope")
    if tab in ("Funnels", "One group"):
        choose(at, f"coordinates_{tab}.regression", "sampled")
        choose(at, f"contours_{tab}.regression", True)
    assert at.get("plotly_chart")


def test_simulating_with_every_setting():
    at = open_page(**SHORT)
    choose(at, "w.groups", 3)
    choose(at, "w.rows", 7)
    numbers = {
        "mu_intercept": -2.0,
        "mu_slope": 1.5,
        "sigma_intercept": 0.0,
        "sigma_slope": 0.25,
        "sigma_noise": 2.0,
        "predictor_sd": 4.0,
    }
    for name, value in numbers.items():
        choose(at, f"w.lines.{name}", value)
    choose(at, "w.data_seed", 9)
    choose(at, "w.simulated_lines.transform", "centre")
    expected = SimulatedLines(n=(7,) * 3, seed=9, transform="centre", **numbers)
    assert draft(at).data == expected
    assert link.from_query(LAB, at.query_params) == (draft(at), [])  # type: ignore[arg-type]
    choose(at, "w.sizes", "table")
    assert draft(at).data.n == (7, 7, 7)
    choose(at, "w.source", "rats")
    assert draft(at).data == Rats()
    choose(at, "w.source", "simulated_lines")
    assert draft(at).data == expected


@pytest.mark.parametrize("transform", ["none", "centre", "standardize"])
def test_the_rats_in_all_units(transform):
    at = open_page(**SHORT, d="rats", tr=transform, p="by_information")
    open_tab(at, "Summary")
    table = summary(at)
    if transform == "standardize":  # under the others the default priors are far from grams
        assert table["mean"]["mu_slope"] == pytest.approx(6.19, abs=0.2)
        assert table["mean"]["mu_intercept"] == pytest.approx(242.7, abs=5)
    assert ("mu_intercept at 0" in table.index) == (transform != "none")
    open_tab(at, "Lines")
    assert at.get("plotly_chart")


def test_student_s_t_comes_and_goes():
    at = open_page(**SMALL)
    choose(at, "w.student", True)
    assert "nu" in draft(at).priors and at.query_params["pnu"] == "Gamma_2_0.1"
    assert "nu" in said(at) or any("nu" in c.value for c in at.caption)  # why there is no exact one
    open_tab(at, "Model")
    assert "StudentT" in at.code[0].value
    choose(at, "w.student", False)
    assert "nu" not in draft(at).priors


def test_parameterizations_by_effect():
    at = open_page(**SMALL)
    chosen = "per_effect.intercept.mixed.h0-2..slope.partial.0.25"
    at = open_page(**SMALL, p=f"centered~{chosen}")
    assert len(board(at)) == 2
    assert draft(at).parameterizations[1].effects["intercept"].groups == (0, 2)
    assert at.query_params["p"] == f"centered~{chosen}"


def test_scaling_the_priors_to_the_data():
    at = press(open_page(**SHORT, d="rats", tr="none"), "Scale the priors to the data")
    priors = draft(at).priors
    assert priors["mu_intercept"].parameters["loc"] == pytest.approx(240)
    assert priors["mu_slope"].parameters["scale"] > 5
    assert priors["sigma_noise"].parameters["rate"] < 0.1


TABLE = pd.DataFrame(
    {
        "clinic": np.repeat(["North", "South", "East"], 6),
        "dose": np.tile(np.arange(6.0), 3),
        "answer": np.tile(np.arange(6.0), 3) * 2
        + np.repeat([0.0, 1.0, 5.0], 6)
        + np.tile([0.1, -0.2, 0.1, 0.0, 0.2, -0.1], 3),
    }
)


def test_a_table_of_one_s_own():
    at = open_page(**SHORT)
    choose(at, "w.source", "uploaded_regression")
    upload(at, TABLE)
    assert draft(at).data.source == "uploaded_regression"
    choose(at, "w.regression.one.transform", "standardize")
    choose(at, "w.regression.one.Response", "answer")
    open_tab(at, "Summary")
    table = summary(at)
    assert {"intercept at 0[East]", "slope[North]"} <= set(table.index)
    assert table["mean"]["mu_slope"] == pytest.approx(2, abs=0.4)


BAD = {
    "constant": (TABLE.assign(dose=3.0), "must vary"),
    "blank": (TABLE.assign(dose=np.nan), "dose|number|predictor"),
    "text": (TABLE.astype({"dose": object}).replace({"dose": {3.0: "three"}}), "three"),
    "no predictor": (TABLE[["clinic", "answer"]], "predictor"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_and_the_results_stay(case):
    table, words = BAD[case]
    at = open_page(**SHORT)
    before = board(at)
    choose(at, "w.source", "uploaded_regression")
    upload(at, table)
    assert at.error and pd.Series([said(at)]).str.contains(words, regex=True).all()
    assert "Traceback" not in said(at)
    assert board(at) == before


def test_one_row_a_group_is_said():
    at = open_page(**SHORT)
    choose(at, "w.source", "uploaded_regression")
    upload(at, pd.concat([TABLE, TABLE.head(1).assign(clinic="West")]))
    assert "West" in said(at)
    assert board(at)


def test_json_round_trip_and_refusal():
    at = open_page(**SMALL)
    at.text_area[0].set_value(json.dumps({"data": {"source": "simulated_lines", "sigma_noise": 0}}))
    press(at, "Apply")
    assert "sigma_noise" in said(at)
    rows = {
        "source": "regression_rows",
        "group": TABLE["clinic"].tolist(),
        "response": TABLE["answer"].tolist(),
        "predictors": {"dose": TABLE["dose"].tolist()},
    }
    at.text_area[0].set_value(json.dumps({"data": rows}))
    press(at, "Apply")
    assert draft(at).data.source == "uploaded_regression" and board(at)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"sn": "0"}, "sn=0"),
        ({"n": "5x9999"}, "1 to 1000 groups"),
        ({"tr": "upside"}, "tr=upside"),
        ({"pnu": "Normal_0_1"}, "pnu="),
        ({"p": "per_effect.theta.centered"}, "intercept and slope"),
        ({"d": "scene"}, "d=scene"),
        ({"d": "uploaded_regression", "up": "f" * 64}, "not in this machine"),
    ],
)
def test_links_with_wrong_values(query, words):
    assert words in said(open_page(**SMALL | query))
