"""Several labs in one session: each keeps its draft, its runs and its link; levels; pooling."""

import json
import random

import pytest
from streamlit.testing.v1 import AppTest

from hbdash.parameterization import Centered, NonCentered, Partial, PerEffect
from hbdash.ui import link
from hbdash.ui.draft import Draft
from tests.small_labs import LABS, LINES, MASKED
from tests.test_app import board, choose, healthy, press, said, settle

FUNNEL = LABS["normal_means"]


def page() -> None:
    """A page that is that of any lab."""
    import streamlit as st

    from hbdash.ui import controls, results, run_panel
    from tests.small_labs import LABS

    lab = LABS[st.session_state["which"]]
    draft = controls.sidebar(lab)
    results.show(lab, run_panel.ask(lab, draft))


def visit(model: str, at: AppTest | None = None, **query: str) -> AppTest:
    """Open the page of a lab, as a click in the menu does: without a query."""
    at = at or AppTest.from_function(page, default_timeout=270)
    at.session_state["which"] = model
    at.query_params = dict(query)
    return healthy(at.run())


def mine(at: AppTest) -> dict:
    return at.session_state[f"lab.{at.session_state['which']}"]


def open_tab(at: AppTest, tab: str) -> AppTest:
    at.session_state[f"tab.{at.session_state['which']}"] = tab
    return healthy(at.run())


def test_labs_keep_what_is_theirs():
    at = settle(visit("normal_means", w="50", k="50", c="2"))
    choose(at, "w.ready", "strong")
    choose(at, "w.num_chains", 3)
    open_tab(at, "Traces")
    funnel, drawn, address = mine(at)["draft"], board(at), dict(at.query_params)
    settle(visit("regression", at))
    assert mine(at)["draft"] == LINES.fresh
    assert at.query_params == {"v": "1"}
    assert at.number_input(key="w.num_chains").value == 2
    assert [tab.label for tab in at.tabs] == list(LINES.tabs)
    choose(at, "w.num_chains", 4)
    assert at.query_params == {"v": "1", "c": "4"}
    visit("normal_means", at)
    assert not any(button.key == "stop" for button in at.button)  # nothing was run again
    assert mine(at)["draft"] == funnel and board(at) == drawn
    assert at.query_params == address
    assert at.session_state["tab.normal_means"] == "Traces"
    visit("regression", at)
    assert mine(at)["draft"].sampler.num_chains == 4
    assert at.number_input(key="w.num_chains").value == 4


def test_a_link_is_followed_on_any_page():
    at = settle(visit("normal_means", w="50", k="50", c="2"))
    settle(visit("regression", at, v="1", c="3", n="4x6"))
    assert mine(at)["draft"].data.n == (4,) * 6
    assert mine(at)["draft"].sampler.num_chains == 3
    settle(visit("normal_means", at, v="1", w="60", k="50", c="2"))
    assert mine(at)["draft"].sampler.num_warmup == 60


def test_going_to_another_page_cancels_nothing():
    at = visit("normal_means", w="10000", k="30000", d="simulated", n="1x40", p="centered")
    (job,) = mine(at)["wanted"].values()
    try:
        visit("missing_predictors", at)
        healthy(at.run())
        assert job.active and job.wanted_by
    finally:
        job.stop()
    settle(at)
    assert board(at)
    settle(visit("normal_means", at))


@pytest.mark.parametrize("tab", LINES.tabs)
def test_every_level_is_drawn(tab):
    at = settle(visit("regression"))
    open_tab(at, tab)
    assert at.get("plotly_chart") or tab == "Model" and at.code
    if tab not in ("Energy", "Model"):
        before = str(at.get("plotly_chart")[0].proto)
        choose(at, "level.regression", "slope")
        assert str(at.get("plotly_chart")[0].proto) != before
        open_tab(at, "Energy")
        open_tab(at, tab)
        assert at.session_state["level.regression"] == "slope"


def test_effects_are_parameterized_one_by_one():
    at = settle(visit("regression"))
    choose(at, "w.kinds", ["noncentered", "per_effect"])
    assert mine(at)["draft"].parameterizations == (
        NonCentered(),
        PerEffect(effects={"intercept": Centered(), "slope": NonCentered()}),
    )
    choose(at, "w.kind.slope", "partial")
    choose(at, "w.centeredness.slope", 0.25)
    choose(at, "w.kind.intercept", "mixed")
    choose(at, "w.mixed_how.intercept", "hand")
    choose(at, "w.mixed_groups.intercept", [1, 3])
    found = mine(at)["draft"].parameterizations[1].effects
    assert found["slope"] == Partial(centeredness=(0.25,))
    assert found["intercept"].groups == (1, 3)
    assert at.query_params["p"] == (
        "noncentered~per_effect.intercept.mixed.h1-3..slope.partial.0.25"
    )
    choose(at, "w.kind.slope", "centered")
    choose(at, "w.kind.slope", "partial")
    assert mine(at)["draft"].parameterizations[1].effects == found
    assert len(board(at)) == 2
    again = settle(visit("regression", None, **at.query_params))
    assert mine(again)["draft"] == mine(at)["draft"] and board(again) == board(at)


def test_one_effect_has_nothing_to_tell_apart():
    at = settle(visit("normal_means", w="50", k="50", c="2"))
    (kinds,) = [pills for pills in at.get("button_group") if pills.key == "w.kinds"]
    assert "by effect" not in kinds.options
    settle(visit("regression", at))
    (kinds,) = [pills for pills in at.get("button_group") if pills.key == "w.kinds"]
    assert "by effect" in kinds.options


def test_a_population_comes_and_goes():
    at = settle(visit("missing_predictors"))
    assert list(board(at)) == ["unpooled"]
    assert "nothing to parameterize" in " ".join(caption.value for caption in at.caption)
    assert board(at)["unpooled"]["error"] < 5
    choose(at, "w.prior.w.Normal.scale", 3.0)
    choose(at, "w.pool", True)
    assert set(mine(at)["draft"].priors) == {"alpha", "scale", "mu_w", "sigma_w"}
    assert list(board(at)) == ["centered", "non-centered"]
    assert at.query_params["pw"] == "none"
    choose(at, "w.kinds", ["noncentered"])
    choose(at, "w.pool", False)
    assert mine(at)["draft"].priors["w"].parameters["scale"] == 3.0
    assert mine(at)["draft"].parameterizations == (Centered(),)
    choose(at, "w.pool", True)
    assert mine(at)["draft"].parameterizations == (NonCentered(),)


def test_priors_are_scaled_by_the_lab():
    at = settle(visit("regression"))
    press(at, "Scale the priors to the data")
    assert str(mine(at)["draft"].priors["sigma_slope"]).startswith("HalfNormal")
    assert board(at)


def test_json_of_another_model_is_refused():
    at = settle(visit("regression"))
    before = mine(at)["draft"]
    at.text_area(key="json_text").set_value(FUNNEL.fresh.model_dump_json())
    press(at, "Apply")
    assert "in the other one" in said(at) and mine(at)["draft"] == before
    at.text_area(key="json_text").set_value('{"sampler": {"num_samples": 60}}')
    press(at, "Apply")
    assert mine(at)["draft"].sampler.num_samples == 60
    assert mine(at)["draft"].data == LINES.fresh.data
    content = json.loads(at.text_area(key="json_text").value or "")
    assert content["model"] == "regression"
    settle(visit("normal_means", at))
    assert json.loads(at.text_area(key="json_text").value or "")["model"] == "normal_means"


def some_draft(rng: random.Random) -> Draft:
    pooled, groups = rng.random() < 0.5, rng.randint(1, 4)
    rows = {
        "n": [rng.randint(1, 99) for _ in range(groups)],
        "intercept": [round(rng.uniform(-9, 9), 3) for _ in range(groups)],
        "weights": [[round(rng.uniform(-3, 3), 2) for _ in range(3)] for _ in range(groups)],
        "mask": [[rng.random() < 0.7 for _ in range(3)] for _ in range(groups)],
    }
    sites = ("alpha", "scale", *(("mu_w", "sigma_w") if pooled else ("w",)))
    priors = {
        site: {"dist": "HalfNormal" if site in ("scale", "sigma_w") else "Cauchy"}
        | ({} if site in ("scale", "sigma_w") else {"loc": rng.random()})
        | {"scale": rng.random() + 0.1}
        for site in sites
    }
    data = {"source": "manufacturing"} | rows
    return Draft.model_validate({"model": "missing_predictors", "data": data, "priors": priors})


def test_drafts_whose_parts_need_each_other_come_back():
    rng = random.Random(11)
    for _ in range(50):
        draft = some_draft(rng)
        query = link.to_query(MASKED, draft)
        assert link.from_query(MASKED, query) == (draft, [])


def test_one_wrong_value_costs_no_other():
    rng = random.Random(11)
    pooled = next(draft for _ in range(50) if "w" not in (draft := some_draft(rng)).priors)
    query = link.to_query(MASKED, pooled)
    draft, (message,) = link.from_query(MASKED, query | {"ds": "-1", "psc": query["psc"]})
    assert message.startswith("ds=-1") and draft == pooled
    draft, refused = link.from_query(MASKED, query | {"pmw": "Normal_0_-1"})
    assert "pmw" in [message.split("=")[0] for message in refused]
    assert draft.data == pooled.data and "w" in draft.priors  # without mu_w nothing is pooled


@pytest.mark.parametrize(
    "text",
    [
        "per_effect",
        "per_effect.intercept.centered",
        "per_effect.intercept.centered..slope.sideways",
        "per_effect.intercept.centered..slope.per_effect.intercept.centered",
        "per_effect.intercept.centered..slope.partial.7",
        "per_effect.intercept.centered..slope.centered..theta.centered",
    ],
)
def test_wrong_effects_in_a_link(text):
    draft, (message,) = link.from_query(LINES, {"p": text, "c": "3"})
    assert message.startswith("p=") and draft.sampler.num_chains == 3
    assert draft.parameterizations == LINES.fresh.parameterizations


def test_effects_of_another_model_are_refused():
    text = "per_effect.intercept.centered..slope.noncentered"
    assert link.from_query(LINES, {"p": text})[1] == []
    draft, (message,) = link.from_query(FUNNEL, {"p": text})
    assert message.startswith("p=") and draft == FUNNEL.fresh


def test_uploaded_data_of_another_model_need_a_hash_too():
    draft, refused = link.from_query(LINES, {"d": "uploaded_regression", "c": "3"})
    assert draft.data == LINES.fresh.data and "hash" in refused[0]
    draft, refused = link.from_query(LINES, {"d": "uploaded_regression", "up": "ab" * 32})
    assert draft.data.source == "uploaded_regression" and refused == []
    assert link.to_query(LINES, draft) == {"v": "1", "d": "uploaded_regression", "up": "ab" * 32}
    _, (message,) = link.from_query(LINES, {"d": "scene"})
    assert "simulated_lines, rats or uploaded_regression" in message
