"""What a person does with the regression page, in a real browser on a real server."""

import re
import urllib.request

import numpy as np
import pandas as pd
from playwright.sync_api import Page, expect

from tests.e2e.reading import (
    SHORT,
    download,
    eventually,
    figure,
    fill,
    open_page,
    open_tab,
    pick,
    said,
    settled,
    slide,
    switch,
    table,
    tables,
    traces,
    upload,
    words,
)
from tests.e2e.test_page import board, choose, go

#: A straight line a clinic, and a second predictor with other numbers.
OWN = pd.DataFrame(
    {
        "clinic": np.repeat([f"clinic {name}" for name in "ABCDEFGH"], 6),
        "age": np.tile([41.0, 43.0, 48.0, 44.0, 50.0, 47.0], 8),
        "dose": np.tile(np.arange(6.0), 8),
        "answer": np.tile(np.arange(6.0), 8) * 2
        + np.repeat(np.arange(8.0), 6)
        + np.tile([0.1, -0.2, 0.1, 0.0, 0.2, -0.1, 0.3], 7)[:48],
    }
)


def lines(page: Page, query: str = SHORT, *, address: str) -> Page:
    return open_page(page, address, "regression", query)


def width(drawn: dict) -> float:
    """Mean height of the band of new observations: there and back again."""
    y = np.array(traces(drawn, "band, new observations")[0]["y"])
    there, back = y[: len(y) // 2], y[len(y) // 2 :][::-1]
    return float(np.mean(there - back))


def test_first_visit_shows_the_workflow(tab, address):
    lines(tab, "", address=address)
    cells = board(tab)  # waits for the table, whose head is there with it
    head = tab.locator(".st-key-scoreboard th").all_text_contents()
    shown = pd.DataFrame(np.reshape(cells, (-1, len(head))), columns=pd.Index(head))
    assert shown["Parameterization"].tolist() == ["centered", "non-centered"]
    assert (shown["Error, MCSE"].astype(float).abs() < 4.5).all()
    drawn = figure(tab, "bands")
    assert drawn["titles"] == {"xaxis": "x", "yaxis": "y"}
    (data,) = traces(drawn, "data")
    assert len(data["x"]) == 40 and np.isfinite(data["y"]).all()
    (middle,) = traces(drawn, "median")
    assert middle["x"] == sorted(middle["x"])  # against the sorted predictor
    (inner,) = traces(drawn, "band, mean")
    (outer,) = traces(drawn, "band, new observations")
    assert np.ptp(outer["y"]) > np.ptp(inner["y"]) > 0
    # A band of 90 % holds most of the rows that it was fitted to.
    half = len(outer["x"]) // 2
    x = np.array(outer["x"][:half])
    high = np.interp(data["x"], x, outer["y"][:half])
    low = np.interp(data["x"], x, outer["y"][half:][::-1])
    inside = (np.array(data["y"]) > low) & (np.array(data["y"]) < high)
    assert 0.75 < inside.mean() <= 1
    assert [len(t["x"]) for t in traces(figure(tab, "bands_by_group"), "data")] == [40] * 8


def test_controls_move_the_link_and_the_figures_and_back(tab, address):
    lines(tab, address=address)
    before, narrow = board(tab), width(figure(tab, "bands"))
    fill(tab, "lines-sigma_noise", "2.8")
    assert re.search(r"[?&]sn=2.8", tab.url)
    noisy = eventually(tab, lambda: board(tab), lambda found: found != before)
    drawn = figure(tab, "bands", lambda found: width(found) > 2 * narrow)
    assert width(drawn) < 6 * narrow  # noise of 0.7 became 2.8
    slide(tab, ".st-key-w-rows", "ArrowRight")
    assert "n=41x8" in tab.url
    figure(tab, "bands", lambda found: len(traces(found, "data")[0]["x"]) == 41)
    tab.go_back()
    settled(tab)
    assert "n=41x8" not in tab.url and "sn=2.8" in tab.url
    assert eventually(tab, lambda: board(tab), lambda found: found == noisy)
    tab.go_back()
    settled(tab)
    assert "sn=" not in tab.url
    assert eventually(tab, lambda: board(tab), lambda found: found == before)
    expect(tab.locator(".st-key-w-lines-sigma_noise input")).to_have_value("0.7")
    # The draft, the open tab and what was chosen at its figure outlast a visit next door.
    fill(tab, "lines-sigma_noise", "2.8")
    open_tab(tab, "Groups")
    pick(tab, ".st-key-group_Groups-regression", "group 5")
    link = tab.url
    go(tab, "Funnel lab")
    go(tab, "Regression lab")
    assert tab.url == link
    assert eventually(tab, lambda: board(tab), lambda found: found == noisy)
    expect(tab.get_by_role("tab", name="Groups", exact=True)).to_have_attribute(
        "aria-selected", "true"
    )
    expect(tab.locator(".st-key-group_Groups-regression input")).to_have_value("group 5")


def test_lines_of_one_group_and_what_if(tab, address):
    lines(tab, address=address)
    link, first = tab.url, figure(tab, "bands")
    readout = words(figure(tab, "what_if"))
    assert "y at x = 0.8" in readout and "brand-new group" in readout
    slide(tab, "[class*=st-key-x_x_]", "End")
    far = words(figure(tab, "what_if", lambda found: words(found) != readout))
    (at,) = re.findall(r"y at x = ([\d.]+)", far)
    assert float(at) > 10
    assert f"x = {at}" in words(figure(tab, "bands", lambda found: f"x = {at}" in words(found)))
    means = [float(re.findall(r"about (-?[\d.]+)", text)[0]) for text in (readout, far)]
    pick(tab, ".st-key-group_Lines-regression", "group 3")
    third = figure(tab, "bands", lambda found: "group 3" in words(found))
    assert traces(third, "data")[0]["y"] != traces(first, "data")[0]["y"]
    assert "group 3" in words(figure(tab, "what_if", lambda found: "group 3" in words(found)))
    choose(tab, "mean")
    only = figure(tab, "bands", lambda found: not traces(found, "new observations"))
    assert traces(only, "band, mean")
    switch(tab, ".st-key-new_group-regression")
    both = figure(tab, "bands", lambda found: len(traces(found, "band, mean")) == 2)
    assert "new group" in words(both)
    own, new = (np.ptp(trace["y"]) for trace in traces(both, "band, mean"))
    assert new > own  # nothing is known of it but its population
    choose(tab, "50 %")
    assert traces(figure(tab, "bands", lambda found: bool(traces(found, "50%"))), "50% band, mean")
    assert tab.url == link and means[0] != means[1]


def test_groups_have_a_forest_and_arrows(tab, address):
    lines(tab, address=address)
    open_tab(tab, "Groups")
    drawn = figure(tab, "forest")
    assert sorted(drawn["ticks"]["yaxis"]) == [f"group {k} (n = 40)" for k in range(8)]
    assert "intercept" in drawn["titles"]["xaxis"] and "slope" in drawn["titles"]["xaxis2"]
    for run in ("centered, 2", "non-centered, 2"):
        points = [t for t in drawn["traces"] if (t["name"] or "").startswith(run)]
        assert [len(t["x"]) for t in points] == [8, 8]
    # Sorted by the first run's intercepts.
    first = next(t["x"] for t in drawn["traces"] if (t["name"] or "").startswith("centered, 2"))
    assert first == sorted(first)
    assert len(traces(drawn, "truth")) == 4 and len(traces(drawn, "no pooling")) == 2
    arrows = traces(figure(tab, "line_shrinkage"), "partial pooling")
    assert len(arrows) == 2
    for arrow in arrows:  # from a raw fit to a posterior mean, then a gap
        assert arrow["symbol"] == "arrow" and len(arrow["x"]) == 3 * 8
        start, end, gap = np.reshape(arrow["x"], (8, 3)).T
        assert np.isfinite(start).all() and np.isfinite(end).all() and np.isnan(gap).all()
    pooled = figure(tab, "pooling")
    for kind in ("complete pooling", "partial pooling", "no pooling"):
        assert len(traces(pooled, kind)) == 1
    pick(tab, ".st-key-group_Groups-regression", "group 6")
    other = figure(tab, "pooling", lambda found: found["traces"] != pooled["traces"])
    # Complete pooling is one line for all groups; a group's own fit is its own.
    assert traces(other, "complete")[0]["y"] == traces(pooled, "complete")[0]["y"]
    assert traces(other, "no pooling")[0]["y"] != traces(pooled, "no pooling")[0]["y"]


def test_summary_shows_truth_and_coverage_and_is_downloaded(tab, address):
    lines(tab, address=address)
    open_tab(tab, "Summary")
    found = {}
    for percent in (90, 50):
        choose(tab, f"{percent} %")
        sentence = tab.get_by_text(re.compile(rf"\d+ of 21 intervals of {percent}% hold"))
        expect(sentence).to_be_visible()
        covered = int(sentence.inner_text().split()[0])
        saved = found[percent] = download(tab, "Download the table")
        assert len(saved) == 21 and saved["truth"].notna().all()
        inside = (saved["hdi_low"] < saved["truth"]) & (saved["truth"] < saved["hdi_high"])
        assert inside.sum() == covered and (saved["covered"] == inside).all()
    assert found[90].loc["mu_slope", "truth"] == 0.6
    narrow, broad = (found[p]["hdi_high"] - found[p]["hdi_low"] for p in (50, 90))
    assert (narrow < broad).all() and (found[50]["mean"] == found[90]["mean"]).all()
    grid = tables(tab).nth(1)
    shown = eventually(tab, lambda: table(grid), lambda rows: len(rows) > 5)
    assert "Truth" in shown and {"covered", "missed"} >= set(shown.iloc[:, -1])
    saved = found[50].loc[shown.iloc[:, 0]]
    assert np.allclose(shown["Mean"].astype(float), saved["mean"])
    assert (saved["covered"] == (shown.iloc[:, -1] == "covered").to_numpy()).all()


def test_rats_in_pages_of_groups(tab, address):
    lines(tab, address=address)
    choose(tab, "Rats")
    assert "d=rats" in tab.url
    drawn = figure(tab, "bands", lambda found: found["titles"].get("xaxis") == "day")
    assert drawn["titles"]["yaxis"] == "weight" and "rat 1" in words(drawn)
    pages = ".st-key-page_Lines-regression"
    assert len(traces(figure(tab, "bands_by_group"), "data")) == 24
    pick(tab, pages, "groups 25 to 30 of 30")
    last = figure(tab, "bands_by_group", lambda found: "rat 30" in words(found))
    assert [len(t["x"]) for t in traces(last, "data")] == [5] * 6
    open_tab(tab, "Groups")
    assert "weight at day = 22" in words(figure(tab, "forest"))
    open_tab(tab, "Summary")
    saved = download(tab, "Download the table")
    assert abs(saved.loc["mu_slope", "mean"] - 6.19) < 0.3  # grams a day
    # Counted from another origin in the model, and given at both in the table.
    away = saved.loc["mu_intercept", "mean"] - saved.loc["mu_intercept at 0", "mean"]
    assert abs(away - 22 * saved.loc["mu_slope", "mean"]) < 1e-6
    assert saved["truth"].isna().all()


def test_an_own_table_and_its_link(tab, address, other_tab):
    lines(tab, address=address)
    before = board(tab)
    choose(tab, "Upload")
    upload(tab, OWN)
    assert "d=uploaded_regression" in tab.url and "up=" in tab.url
    assert eventually(tab, lambda: board(tab), lambda found: found != before)
    assert "48 of 48 rows in 8 groups can be used." in said(tab)
    for column in ("Response", "Group", "Predictor"):
        wanted = {"Response": "answer", "Group": "clinic", "Predictor": "age"}[column]
        pick(tab, f".st-key-w-regression-one-{column}", wanted)
    drawn = figure(tab, "bands", lambda found: found["titles"].get("xaxis") == "age")
    assert drawn["titles"]["yaxis"] == "answer" and "clinic A" in words(drawn)
    pick(tab, ".st-key-w-regression-one-Predictor", "dose")
    pick(tab, ".st-key-w-regression-one-transform", "centre the predictors")
    assert "tr=centre" in tab.url
    drawn = figure(tab, "bands", lambda found: found["titles"].get("xaxis") == "dose")
    # Centring is undone in what is shown: the rows lie where the file has them.
    assert sorted(traces(drawn, "data")[0]["x"]) == [0, 1, 2, 3, 4, 5]
    good, link = board(tab), tab.url
    for name, content, message in (
        ("picture.png.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "PNG picture"),
        ("words.csv", b"g,x,y\nA,1,2\nA,two,3\nB,2,4\n", '"two" in row 3'),
        ("constant.csv", b"g,x,y\nA,1,2\nA,1,3\nB,1,4\n", "must vary"),
    ):
        upload(tab, content, name)
        alert = tab.locator("[data-testid=stSidebar] [data-testid=stAlert]").first
        expect(alert).to_contain_text(message)
        assert board(tab) == good and tab.url == link, name
    open_tab(tab, "Summary")
    saved = download(tab, "Download the table")
    assert abs(saved.loc["mu_slope", "mean"] - 2) < 0.1
    assert "intercept at 0[clinic H]" in saved.index
    lines(other_tab, link.partition("?")[2], address=address)
    assert board(other_tab) == good and other_tab.url == link
    assert "In use: the stored table" in said(other_tab)


def test_funnels_of_slopes_with_exact_contours(tab, address):
    lines(tab, address=address)
    open_tab(tab, "Funnels")
    choose(tab, "slopes")
    drawn = figure(tab, "funnel", lambda found: "sigma_slope" in words(found))
    assert drawn["images"] >= 8 and not traces(drawn, "exact")
    switch(tab, ".st-key-contours_Funnels-regression")
    exact = traces(figure(tab, "funnel", lambda found: bool(traces(found, "exact"))), "exact")
    closed = [trace for trace in exact if len(trace["x"]) > 50]
    assert len(closed) == 8
    centers = [np.nanmean(trace["x"]) for trace in closed]
    assert np.ptp(centers) > 0.5  # each group has its own slope
    choose(tab, "as sampled")
    figure(tab, "funnel", lambda found: traces(found, "exact") not in ([], exact))


def test_parameterizations_by_effect_in_a_link(tab, address):
    asked = "p=centered~per_effect.intercept.noncentered..slope.centered"
    lines(tab, f"{SHORT}&{asked}", address=address)
    assert asked in tab.url
    cells = board(tab)
    labels = [cell for cell in cells if re.search("[a-z]", cell)]
    assert labels[0] == "centered" and len(labels) == 2
    assert "intercept" in labels[1] and "slope" in labels[1]
    pick(tab, ".st-key-w-kind-slope", "non-centered")
    assert "per_effect.intercept.noncentered..slope.noncentered" in tab.url
    changed = eventually(tab, lambda: board(tab), lambda found: found != cells)
    half = len(cells) // 2
    assert changed[:half] == cells[:half]  # the other run is not sampled again


def test_two_hundred_thousand_rows_while_others_are_served(tab, address):
    lines(tab, "w=600&k=200&c=2", address=address)
    choose(tab, "Upload")
    rng, rows = np.random.default_rng(1), 200_000
    group = np.arange(rows) % 8
    x = rng.normal(size=rows).round(3)
    y = (group + (0.5 + 0.1 * group) * x + rng.normal(size=rows)).round(3)
    content = pd.DataFrame({"g": group, "x": x, "y": y}).to_csv(index=False).encode()
    tab.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(
        {"name": "large.csv", "mimeType": "text/csv", "buffer": content}
    )
    loaded = tab.get_by_text("200,000 of 200,000 rows in 8 groups can be used.")
    answers = []
    while not (loaded.is_visible() and "up=" in tab.url):
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=30) as answer:
            answers.append(answer.status)
        assert len(answers) < 600
        tab.wait_for_timeout(100)
    assert set(answers) == {200}
    settled(tab)
    open_tab(tab, "Summary")
    saved = download(tab, "Download the table")
    assert abs(saved.loc["slope[3]", "mean"] - 0.8) < 0.05
    assert abs(saved.loc["sigma_noise", "mean"] - 1) < 0.02
