"""What a person does with the missing-predictors page, in a real browser on a real server."""

import re

import numpy as np
import pandas as pd
from playwright.sync_api import Locator, Page, expect

from tests.e2e import browser as drive
from tests.e2e.reading import (
    SHORT,
    download,
    eventually,
    figure,
    open_page,
    open_tab,
    said,
    settled,
    slide,
    switch,
    table,
    tables,
    tick,
    traces,
    type_into,
    upload,
    words,
)
from tests.e2e.test_page import board, choose

GROUPS = ["Product_Group_1", "Product_Group_2"]
PREDICTORS = ["feed_speed", "pull_acceleration", "cutting_wait_time"]
#: The workflow's four predictions, and what its true weights make of them.
NEW = pd.DataFrame(
    {
        "product_group": [GROUPS[0], GROUPS[1], GROUPS[0], GROUPS[1]],
        "feed_speed": [3.0, 3.0, 6.0, 6.0],
        "pull_acceleration": [2.0] * 4,
        "cutting_wait_time": [None, 2.0, None, 2.0],
    }
)
EXACT = [13.5, 10.0, 21.0, 13.0]
#: Nothing waits at A; three more cells are blank where their predictor applies.
OWN = pd.DataFrame(
    {
        "line": np.repeat(["A", "B"], 8),
        "feed": [0, 1, 2, np.nan, 4, 5, 6, 7, 0, np.nan, 2, 3, 4, 5, 6, 7],
        "wait": np.r_[np.full(8, np.nan), 0, 1, 3, 5, 8, np.nan, 15, 19],
        "speed": np.arange(16.0) + np.tile([0.2, -0.1, 0.3, -0.4], 4),
    }
)


def lab(page: Page, query: str = SHORT, *, address: str) -> Page:
    return open_page(page, address, "missing_predictors", query)


def predicted(page: Page) -> pd.DataFrame:
    """Read the predictions, the last table of the tab."""
    return eventually(page, lambda: table(tables(page).last), lambda rows: "mean" in rows)


def mask(page: Page) -> Locator:
    """Open the grid of where predictors apply."""
    page.get_by_role("button", name="Which predictor applies").click()
    drive.idle(page)
    return page.locator("[data-testid=stPopoverBody] [data-testid=stDataFrame]")


def answer(page: Page, words: str) -> None:
    """Choose what becomes of blank cells."""
    page.get_by_text(words, exact=True).click()
    settled(page)


def prior_only(page: Page) -> set[tuple[str, str]]:
    """The weights that the table of the Summary tab calls prior only."""
    saved = download(page, "Download the table")
    names = saved.index[saved["prior_only"]].str.removeprefix("w[").str.removesuffix("]")
    return {tuple(name.split(", ")) for name in names}  # type: ignore[misc]


def test_first_visit_shows_the_workflow_and_its_predictions(tab, address):
    lab(tab, "", address=address)
    head = tab.locator(".st-key-scoreboard th").all_text_contents()
    (row,) = np.reshape(board(tab), (-1, len(head))).tolist()
    shown = dict(zip(head, row, strict=True))
    assert shown["Parameterization"] == "unpooled"
    assert abs(float(shown["Error, MCSE"])) < 4.5
    drawn = figure(tab, "predictive_by_group")
    assert all(name in words(drawn) for name in GROUPS)
    for kind in ("observed", "predictive means alone", "full posterior predictive"):
        assert len(traces(drawn, kind)) >= 2, kind
    assert "residual" in words(figure(tab, "residuals"))
    open_tab(tab, "Summary")
    assert prior_only(tab) == {(GROUPS[0], "cutting_wait_time")}
    open_tab(tab, "New rows")
    choose(tab, "From a CSV file")
    upload(tab, NEW)
    saved = download(tab, "Download the predictions")
    assert saved["product_group"].tolist() == NEW["product_group"].tolist()
    # 250 rows of noise 0.5 tell a mean to about 0.05.
    assert np.abs(saved["mean"] - EXACT).max() < 0.25
    low, high = saved["mean, low 90%"], saved["mean, high 90%"]
    assert ((low < saved["mean"]) & (saved["mean"] < high)).all()
    # A new observation has the noise as well: 90 % lie within 1.645 times 0.5 of the mean.
    reach = (saved["new, high 90%"] - saved["new, low 90%"]) / 2
    assert np.abs(reach - 1.645 * 0.5).max() < 0.15


def test_a_cell_of_the_mask_is_cleared_and_ticked(tab, address):
    lab(tab, address=address)
    before = board(tab)
    open_tab(tab, "Weights")
    drawn = figure(tab, "weights")
    assert len(traces(drawn, "prior only")) == 1
    titles = words(drawn).replace("_ ", "_")  # a long name is broken there
    assert [name for name in PREDICTORS if name not in titles] == []
    grid = mask(tab)
    ticks = eventually(tab, lambda: table(grid), lambda rows: len(rows) == 2)
    assert ticks[PREDICTORS].to_numpy().tolist() == [
        ["true", "true", "false"],
        ["true", "true", "true"],
    ]
    tick(tab, grid, 1, "pull_acceleration")
    assert "mk=1_1_0~1_0_1" in tab.url
    tab.keyboard.press("Escape")
    drawn = figure(tab, "weights", lambda found: len(traces(found, "prior only")) == 2)
    figure(tab, "mask", lambda found: words(found).count("does not apply") == 2)
    assert "4 of 6 weights apply." in said(tab)
    masked = eventually(tab, lambda: board(tab), lambda found: found != before)
    open_tab(tab, "Summary")
    assert prior_only(tab) == {(GROUPS[0], PREDICTORS[2]), (GROUPS[1], PREDICTORS[1])}
    other = tab.url
    tick(tab, mask(tab), 1, "pull_acceleration")
    assert "mk=" not in tab.url
    tab.keyboard.press("Escape")
    assert eventually(tab, lambda: board(tab), lambda found: found == before)
    tab.go_back()
    settled(tab)
    assert tab.url == other
    assert eventually(tab, lambda: board(tab), lambda found: found == masked)


def test_pooled_weights_beside_unpooled_ones(tab, address):
    lab(tab, address=address)
    unpooled = board(tab)
    open_tab(tab, "Weights")
    expect(tab.get_by_text("The weights are unpooled: each")).to_be_visible()
    assert not traces(figure(tab, "weights"), "centered")
    switch(tab, ".st-key-w-pooled")
    assert "pmw=" in tab.url and "psw=" in tab.url
    cells = eventually(tab, lambda: board(tab), lambda found: found[0] == "centered")
    assert "non-centered" in cells
    expect(tab.get_by_text("The weights are pooled: those")).to_be_visible()
    drawn = figure(tab, "weights", lambda found: bool(traces(found, "unpooled, ")))
    rows = drawn["ticks"]["yaxis"]
    assert "population" in rows[0]
    assert [name for name, row in zip(GROUPS, rows[1:], strict=True) if name not in row] == []
    # The population has a mark of each pooled run, at row 0, and none of the unpooled one.
    for run, places in (("non-centered, ", [0, 1, 2]), ("unpooled, ", [1, 2])):
        first = traces(drawn, run)[0]
        assert np.round(first["y"]).tolist() == places
    switch(tab, ".st-key-unpooled-missing_predictors")
    figure(tab, "weights", lambda found: not traces(found, "unpooled, "))
    open_tab(tab, "Funnels")
    assert "group" in words(figure(tab, "funnel")).lower()
    switch(tab, ".st-key-w-pooled")
    assert eventually(tab, lambda: board(tab), lambda found: found == unpooled)
    expect(tab.get_by_text("there is no population of effects and no funnel")).to_be_visible()


def test_new_rows_are_typed_and_uploaded(tab, address):
    lab(tab, address=address)
    open_tab(tab, "New rows")
    grid = tables(tab).nth(1)
    for row, column, text in (
        (0, "feed_speed", "3"),
        (0, "pull_acceleration", "2"),
        (1, "feed_speed", "99"),
        (1, "cutting_wait_time", ""),
    ):
        type_into(tab, grid, row, column, text)
    main = "[data-testid=stMain]"
    assert re.search('Row 2, "cutting_wait_time": it is blank, but "Product_Group_2"', said(tab))
    assert re.search('Row 2, "feed_speed": 99 lies outside the range', said(tab, main))
    alone = eventually(tab, lambda: predicted(tab), lambda rows: len(rows) == 1)
    assert alone["row"].tolist() == ["1"] and abs(float(alone["mean"][0]) - 13.5) < 0.5
    type_into(tab, grid, 1, "cutting_wait_time", "1.5")
    both = eventually(tab, lambda: predicted(tab), lambda rows: len(rows) == 2)
    assert abs(float(both["mean"][1]) - (99 + 0.5 * float(both["pull_acceleration"][1]) + 4.5)) < 9
    assert "it is blank" not in said(tab, main)
    # What was typed is still there after a look at another tab.
    open_tab(tab, "Summary")
    open_tab(tab, "New rows")
    eventually(tab, lambda: table(grid), lambda rows: "99" in set(rows.get("feed_speed", ())))
    choose(tab, "From a CSV file")
    example = download(tab, "Download an example")
    assert example.columns.tolist() == ["product_group", *PREDICTORS] and len(example) == 2
    wrong = NEW.astype(object)
    wrong.loc[0, "feed_speed"] = "fast"
    wrong.loc[1, "product_group"] = "Product_Group_9"
    wrong.loc[3, "cutting_wait_time"] = None
    upload(tab, wrong, "wrong.csv")
    problems = said(tab, main)
    for sentence in (
        'Row 2, "feed_speed": "fast" is text, not a number',
        'Row 3, "product_group": "Product_Group_9" is no group of this run',
        'Row 5, "cutting_wait_time": it is blank',
    ):
        assert sentence in problems
    saved = download(tab, "Download the predictions")
    assert saved["row"].tolist() == [4] and abs(saved["mean"][0] - 21) < 0.5
    upload(tab, b"a,b\n1,2\n", "none.csv")
    assert "must have the columns" in said(tab, main)


def test_blank_cells_are_counted_and_modelled(tab, address):
    lab(tab, address=address)
    full = board(tab)
    slide(tab, ".st-key-w-blanks", "ArrowRight")
    assert "bl=0.01" in tab.url
    dropped = eventually(tab, lambda: board(tab), lambda found: found != full)
    (rows,) = re.findall(r"(\d+) of 500 rows have such a cell", said(tab))
    assert 0 < int(rows) < 60
    answer(tab, "model them as latent values")
    assert "ms=latent" in tab.url
    assert eventually(tab, lambda: board(tab), lambda found: found != dropped)
    open_tab(tab, "Summary")
    saved = download(tab, "Download the table")
    cells = saved[saved.index.str.startswith("x_blank")]
    assert len(cells) >= int(rows) and (cells["sd"] > 0).all()
    answer(tab, f"drop these rows ({rows} of 500)")
    assert "ms=" not in tab.url
    assert eventually(tab, lambda: board(tab), lambda found: found == dropped)


def test_an_own_table_with_blank_cells(tab, address, other_tab):
    lab(tab, address=address)
    before = board(tab)
    choose(tab, "Upload")
    upload(tab, b"line,feed,speed\nA,1,2\nA,two,3\nB,2,4\n", "words.csv")
    assert '"two" in row 3' in said(tab) and board(tab) == before
    upload(tab, OWN)
    assert "d=uploaded_regression" in tab.url and "up=" in tab.url
    assert "16 of 16 rows in 2 groups can be used." in said(tab)
    assert '2 of "feed", 1 of "wait"; 3 of 16 rows have such a cell' in said(tab)
    assert "3 of 4 weights apply." in said(tab)
    dropped = eventually(tab, lambda: board(tab), lambda found: found != before)
    answer(tab, "model them as latent values")
    latent = eventually(tab, lambda: board(tab), lambda found: found != dropped)
    open_tab(tab, "Summary")
    assert prior_only(tab) == {("A", "wait")}
    saved = download(tab, "Download the table")
    assert saved.index.str.startswith("x_blank").sum() == 3
    lab(other_tab, tab.url.partition("?")[2], address=address)
    assert board(other_tab) == latent and other_tab.url == tab.url
