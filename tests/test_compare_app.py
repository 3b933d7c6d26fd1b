"""The compare page without a browser: its library, its links, its tabs, and what is refused."""

import re
import shutil
from functools import cache

import pytest
from streamlit.testing.v1 import AppTest

from hbdash import data, library, store
from hbdash.notes import Note
from hbdash.run import run
from hbdash.spec import AnySpec, parse
from hbdash.tables.upload import save_table
from hbdash.ui import link
from hbdash.ui.compare import selection
from hbdash.ui.compare.lab_links import LABS, lab_link
from hbdash.ui.compare.side_by_side import TABS
from hbdash.ui.frame import ROOT, page_of
from hbdash.ui.population import link as population_link
from tests.test_app import healthy, said
from tests.test_upload import rows

SHORT = {"num_warmup": 100, "num_samples": 100}
QUESTIONS = {
    "centered": {"sampler": SHORT},
    "non-centered": {"parameterization": {"kind": "noncentered"}, "sampler": SHORT},
    "strong": {"data": {"source": "scene", "name": "strong"}, "sampler": SHORT},
}
EVIL = "<img src=x onerror=alert(1)> [a](javascript:b) **c** :red[d] $e$"


@cache
def _run(name: str):
    return run(parse(QUESTIONS[name]))


def saved(*names: str) -> list[str]:
    for name in names:
        assert store.save(_run(name).copy(deep=True))
    store.forget()
    return [parse(QUESTIONS[name]).key for name in names]


def open_page(**query: str) -> AppTest:
    at = AppTest.from_file("../app.py", default_timeout=270)
    at.switch_page("pages/compare.py")
    for name, value in query.items():
        at.query_params[name] = value
    return healthy(at.run())


def chosen(at: AppTest) -> list[str]:
    return at.session_state["lab.compare"]["chosen"]


def press(at: AppTest, key: str) -> AppTest:
    next(button for button in at.button if button.key == key).click()
    return healthy(at.run())


def test_an_empty_store_says_where_runs_come_from():
    at = open_page()
    assert "No run is stored yet" in said(at)


def test_stored_runs_stand_in_the_table_and_in_the_pareto_view():
    saved(*QUESTIONS)
    at = open_page()
    table = at.dataframe[0].value
    assert len(table) == 3 and set(table["parameterization"]) == {"centered", "non-centered"}
    assert set(table["data"]) == {"scene · weak", "scene · strong"}
    assert not table["compare"].any() and chosen(at) == []
    assert at.query_params == {"v": ["1"]} or dict(at.query_params) == {"v": "1"}
    assert any("Effective draws per 1,000 gradients" in one.value for one in at.caption)


@pytest.mark.parametrize("tab", TABS["normal_means"])
def test_every_tab_of_two_runs_named_by_a_link(tab):
    keys = saved("centered", "non-centered")
    at = open_page(runs="_".join(keys), v="1")
    assert chosen(at) == keys
    at.session_state["tab.compare"] = tab
    healthy(at.run())
    board = at.dataframe[1].value
    assert list(board["label"]) == ["centered", "non-centered"]
    assert len(at.get("plotly_chart")) == 1
    links = at.get("page_link")
    assert len(links) == 2


def test_what_a_link_cannot_have_is_said():
    keys = saved("centered")
    at = open_page(runs=f"{keys[0]}_{'0' * 24}-5_<b>", v="2", colour="red")
    assert chosen(at) == keys
    words = said(at)
    assert "version 1" in words and "colour" in words and words.count("no such run") == 2
    assert chosen(open_page(runs="_".join(keys * 500))) == []


def test_runs_on_other_data_stand_beside_each_other_only_in_what_they_cost():
    at = open_page(runs="_".join(saved("centered", "strong")))
    assert "about other data" in said(at)
    assert len(at.dataframe) == 1 and len(at.get("plotly_chart")) == 1


def test_deleting_can_be_undone_and_pinned_runs_stay():
    keys = saved("centered", "non-centered")
    library.write_note(keys[1], Note(pinned=True))
    at = press(open_page(runs="_".join(keys)), "delete_runs")
    assert store.keys() == [keys[1]] and chosen(at) == [keys[1]]
    at = press(at, "undo_delete")
    assert set(store.keys()) == set(keys) and set(chosen(at)) == set(keys)
    at = press(at, "show_none")
    assert chosen(at) == []


def test_the_last_run_can_be_deleted_and_brought_back():
    keys = saved("centered")
    at = press(open_page(runs=keys[0]), "delete_runs")
    assert store.keys() == [] and "No run is stored yet" in said(at)
    press(at, "undo_delete")
    assert store.keys() == keys


def test_a_run_deleted_elsewhere_is_let_go():
    keys = saved("centered", "non-centered")
    at = open_page(runs="_".join(keys))
    store.delete(keys[0])
    healthy(at.run())
    assert chosen(at) == [keys[1]]


def test_a_damaged_run_is_let_go_and_the_others_stay():
    keys = saved("centered", "non-centered")
    library.cards()
    store.forget()
    (store.folder(keys[0]) / "result.nc").write_bytes(b"damaged")
    at = open_page(runs="_".join(keys))
    (link,) = at.get("page_link")
    assert "non-centered" in link.proto.label
    healthy(at.run())
    assert chosen(at) == keys[1:] and store.keys() == keys[1:]


def test_runs_outlive_the_table_that_they_came_from():
    text = "g,v\n" + "".join(f"{name},{k}\n" for k, name in enumerate("ABC" * 4))
    sha256 = save_table(rows(text))
    specs = [
        parse(
            {"data": {"source": "uploaded", "sha256": sha256, "sigma": 3.0}, "sampler": SHORT}
            | more
        )
        for more in ({}, {"parameterization": {"kind": "noncentered"}})
    ]
    for spec in specs:
        store.save(run(spec))
    shutil.rmtree(store.root() / "data")
    data.load.cache_clear()
    at = open_page(runs="_".join(spec.key for spec in specs))
    assert len(at.dataframe[1].value) == 2 and "error" not in at.dataframe[1].value


def test_filters_narrow_the_table_and_keep_the_choice():
    keys = saved(*QUESTIONS)
    at = open_page(runs="_".join(keys[:2]))
    at.text_input[0].set_value("strong")
    healthy(at.run())
    assert len(at.dataframe[0].value) == 1 and chosen(at) == keys[:2]
    at.text_input[0].set_value("no such words")
    healthy(at.run())
    assert "No stored run passes" in said(at)
    at.text_input[0].set_value("")
    at.multiselect[1].set_value(["scene · weak"])
    healthy(at.run())
    assert len(at.dataframe[0].value) == 2


def test_a_label_is_shown_letter_for_letter():
    keys = saved("centered", "non-centered")
    library.write_note(keys[0], Note(label=EVIL))
    at = open_page(runs="_".join(keys))
    for table in at.dataframe[:2]:
        assert EVIL in list(table.value["label"])
    shown = " ".join(one.value for one in (*at.markdown, *at.success, *at.warning, *at.error))
    shown += " ".join(link.proto.label for link in at.get("page_link"))
    assert "img src" in shown and ":red" not in shown
    assert not re.search(r"(?<!\\)(<img|\[a|\*\*c|\$e)", shown)


def spec_of(name: str) -> AnySpec:
    return parse(QUESTIONS[name])


def test_names_tell_runs_apart():
    names = ("centered", "non-centered", "strong")
    saved(*names)
    cards = [library.find(spec_of(name).key) for name in names]
    assert all(cards)
    found = selection.names([card for card in cards if card])
    assert found == ["centered · scene · weak", "non-centered", "centered · scene · strong"]
    same = [card for card in cards[:1] if card] * 2
    assert selection.names(same) == ["centered · run 1", "centered · run 2"]


SPECS: list[dict] = [
    {},
    QUESTIONS["strong"],
    {"data": {"source": "simulated", "sigma": 3.0, "n": [3, 1, 2]}},
    {"parameterization": {"kind": "partial", "centeredness": [0.25]}},
    {"model": "regression", "data": {"source": "rats"}},
    {"model": "missing_predictors"},
    {"model": "population", "n_g": 1},
    {"model": "population", "sampler": {"kind": "nuts"}},
]


@pytest.mark.parametrize("content", SPECS, ids=str)
def test_the_link_of_a_run_asks_for_that_run(content):
    spec = parse(content)
    page, query = lab_link(spec)
    assert page == f"pages/{page_of(spec.model)}.py" and (ROOT / page).exists()
    if spec.model == "population":
        draft, refused = population_link.from_query(query)
    else:
        draft, refused = link.from_query(LABS[spec.model], query)
    assert not refused
    assert [one.key for one in draft.specs().values()] == [spec.key]


def test_regressions_have_bands_and_leave_one_out():
    spec = {"model": "regression", "sampler": SHORT}
    other = spec | {"parameterization": {"kind": "noncentered"}}
    for content in (spec, other):
        store.save(run(parse(content)))
    at = open_page(runs="_".join(parse(content).key for content in (spec, other)))
    for tab in ("Bands", "LOO"):
        at.session_state["tab.compare"] = tab
        healthy(at.run())
        assert len(at.get("plotly_chart")) == 1
    table = at.dataframe[2].value
    assert set(table.index) == {"centered", "non-centered"} and (table["elpd_diff"] >= 0).all()
