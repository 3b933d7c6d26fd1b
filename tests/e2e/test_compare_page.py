"""A person compares stored runs: ticks them, names one, follows it to its lab, deletes, undoes."""

from urllib.parse import parse_qs, urlparse

import pytest

from hbdash import library, store
from hbdash.run import run
from hbdash.spec import RunSpec
from tests.e2e import browser as drive

SPECS = [
    {"sampler": {"num_warmup": 100, "num_samples": 100}},
    {
        "parameterization": {"kind": "noncentered"},
        "sampler": {"num_warmup": 100, "num_samples": 100},
    },
]
#: Pixels of the table: height of a row, and centres of the first columns.
ROW, SHOW, LABEL = 35, 37, 200


@pytest.fixture
def shelf(tab, tmp_path, monkeypatch):
    """The compare page of a server whose store has two runs, and that store's folder."""
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path))
    for spec in SPECS:
        assert store.save(run(RunSpec.model_validate(spec)))
    with drive.server(tmp_path) as address:
        tab.goto(f"{address}/compare")
        drive.idle(tab)
        yield tab


def click_cell(tab, row: int, x: int, *, twice: bool = False) -> None:
    """Click in the table of runs; its cells are painted, not elements."""
    box = tab.locator('[data-testid="stDataFrame"]').first.bounding_box()
    at = {"x": box["x"] + x, "y": box["y"] + ROW * (row + 1.5)}
    (tab.mouse.dblclick if twice else tab.mouse.click)(at["x"], at["y"])


def keys_of(tab) -> list[str]:
    runs = parse_qs(urlparse(tab.url).query).get("runs", [""])[0]
    return [key for key in runs.split("_") if key]


def test_runs_are_ticked_named_opened_deleted_and_brought_back(shelf):
    tab, keys = shelf, {RunSpec.model_validate(spec).key for spec in SPECS}
    for row, there in ((0, 1), (1, 2)):
        click_cell(tab, row, SHOW)
        tab.wait_for_function(
            f"new URL(location).searchParams.get('runs')?.split('_').length === {there}"
        )
        drive.idle(tab)
    assert set(keys_of(tab)) == keys
    tab.wait_for_selector(".st-key-scoreboard")
    assert tab.locator(".js-plotly-plot").count() == 1
    click_cell(tab, 0, LABEL, twice=True)
    tab.locator("#portal textarea").fill("first <b>try</b>")
    tab.locator("#portal textarea").press("Enter")
    link = tab.locator(".st-key-chosen_runs").get_by_role("link", name="first <b>try</b>")
    link.wait_for()
    assert {card.note.label for card in library.cards()} == {"", "first <b>try</b>"}
    tab.reload()
    drive.idle(tab)
    assert set(keys_of(tab)) == keys and link.count() == 1
    link.click()
    drive.wait_for_results(tab)
    assert urlparse(tab.url).path in ("/", "/funnel") and "k=100" in tab.url
    tab.go_back()
    drive.idle(tab)
    tab.get_by_role("button", name="Delete 2").click()
    undo = tab.get_by_role("button", name="Undo")
    undo.wait_for()
    drive.idle(tab)
    assert store.keys() == [] and keys_of(tab) == []
    undo.click()
    undo.wait_for(state="detached")
    drive.idle(tab)
    assert set(store.keys()) == keys and set(keys_of(tab)) == keys
