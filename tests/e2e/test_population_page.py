"""What a person does with the population page, in a real browser on a real server."""

import json
from urllib.parse import unquote, urlencode

from playwright.sync_api import Locator, Page, expect

from hbdash.population.catalogue import load_catalogue
from hbdash.population.catalogue_sources import BundledCatalogue
from hbdash.population.event_output import write_event_files
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC
from hbdash.ui.population.draft import PopulationDraft
from hbdash.ui.population.link import to_query
from tests.e2e import browser as drive
from tests.e2e.reading import (
    eventually,
    figure,
    fill,
    said,
    table,
    tables,
    traces,
    type_into,
    words,
)
from tests.e2e.test_page import board

#: Few steps, so that what is waited for is the page.
QUICK = AIES(num_walkers=12, num_warmup=100, num_samples=100, thinning=5)
SMALL_FLOW = FlowMC(
    n_chains=4, n_local_steps=6, n_global_steps=6, local_thinning=1, global_thinning=1, n_epochs=2,
    n_training_loops=2, n_production_loops=2, n_max_examples=100, batch_size=50,
    rq_spline_hidden_units=(8,), rq_spline_n_layers=2, rq_spline_n_bins=4,
)  # fmt: skip
#: Seconds that runs may take: compiling waits for whatever else the machine does.
PATIENCE = 240


def visit(page: Page, address: str, query: str) -> Page:
    """Open the page with a link, and wait until its runs are there."""
    page.goto(f"{address}/population?{query}")
    drive.wait_for_results(page, PATIENCE)
    return page


def lab(page: Page, address: str, *samplers) -> Page:
    draft = PopulationDraft(samplers=samplers or (QUICK,))
    return visit(page, address, urlencode(to_query(draft)))


def settled(page: Page) -> None:
    page.wait_for_timeout(300)
    drive.wait_for_results(page, PATIENCE)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    settled(page)


def put(page: Page, *files: dict) -> None:
    """Choose event files, beside those that are chosen already."""
    page.locator("[class*=st-key-events] input[type=file]").set_input_files(list(files))
    settled(page)


def first_cells(grid: Locator) -> dict[str, str]:
    """The first numbers of the priors in the table, by parameter."""
    shown = table(grid)
    return dict(zip(shown["parameter"], shown["a"], strict=True)) if "a" in shown else {}


def file(name: str, content: str) -> dict:
    return {"name": name, "mimeType": "text/plain", "buffer": content.encode()}


def test_a_first_run_says_what_to_think_of_it_and_shows_itself(tab, address):
    lab(tab, address)
    red = tab.locator("[data-testid=stAlert]").first.inner_text()
    assert "cannot be trusted" in red and "R-hat" in red  # a hundred steps are too few
    drawn = figure(tab, "corner")
    assert "ln R" in words(drawn) and traces(drawn, "truth")
    open_tab(tab, "Spectrum")
    drawn = figure(tab, "spectrum")
    assert "Gpc" in words(drawn) and "M☉" in words(drawn)
    open_tab(tab, "Events")
    masses = figure(tab, "event_masses")
    assert len(traces(masses, "medians of 42 events")[0]["x"]) == 42
    open_tab(tab, "Expected number")
    assert "42" in words(figure(tab, "expected_observed"))
    open_tab(tab, "Convergence")
    assert "R-hat" in words(figure(tab, "evolution"))
    open_tab(tab, "Model")
    expect(tab.get_by_text("numpyro.sample").first).to_be_visible()


def test_two_samplers_are_drawn_over_each_other(tab, address):
    lab(tab, address, QUICK, SMALL_FLOW)
    rows = board(tab)
    assert "AIES" in rows and "flowMC" in rows
    drawn = figure(tab, "corner")
    assert traces(drawn, "AIES") and traces(drawn, "flowMC")
    open_tab(tab, "Convergence")
    assert traces(figure(tab, "acceptance"), "flowMC")


def test_own_event_files_and_what_is_wrong_with_them(tab, address):
    lab(tab, address)
    before = board(tab)
    tab.get_by_role("radio", name="Upload", exact=True).click()
    settled(tab)
    written = write_event_files(load_catalogue(BundledCatalogue()))
    names = sorted(written)[:12]
    lines = written[names[0]].splitlines()
    lines[3] = "heavy 20.0"
    put(tab, file(names[0], "\n".join(lines)))
    told = said(tab)
    assert names[0] in told and "heavy" in told and "row" in told
    assert board(tab) == before  # nothing is lost
    tab.get_by_role("button", name=f"Remove {names[0]}").click()
    settled(tab)
    put(tab, *(file(name, written[name]) for name in names))
    eventually(tab, lambda: tab.url, lambda url: "uploaded_events" in url)
    settled(tab)
    eventually(tab, lambda: board(tab), lambda found: found != before)
    open_tab(tab, "Events")
    figure(tab, "event_masses", lambda found: bool(traces(found, "medians of 12 events")))


def test_priors_go_in_and_out_as_json(tab, address, other_tab):
    lab(tab, address)
    before = board(tab)
    tab.get_by_role("button", name="priors.json").click()
    drive.idle(tab)
    box = tab.locator("[data-testid=stPopoverBody] textarea")
    given = json.loads(box.input_value())
    given["alpha_pl_0"] = {"dist": "Unifrom", "low": -5, "high": 5}
    box.fill(json.dumps(given))
    tab.get_by_role("button", name="Apply", exact=True).click()
    settled(tab)
    assert "Unifrom" in said(tab) and "Uniform" in said(tab) and board(tab) == before
    given["alpha_pl_0"] = {"dist": "Uniform", "low": -1.5, "high": -0.5}
    tab.locator("[data-testid=stPopoverBody] textarea").fill(json.dumps(given))
    tab.get_by_role("button", name="Apply", exact=True).click()
    settled(tab)
    assert "p=" in tab.url
    changed = eventually(tab, lambda: board(tab), lambda found: found != before)
    visit(other_tab, address, tab.url.partition("?")[2])
    assert board(other_tab) == changed and other_tab.url == tab.url


def test_priors_typed_into_the_table_survive_other_components(tab, address):
    lab(tab, address)
    tab.locator(".st-key-live label").first.click()  # from here on nothing runs by itself
    settled(tab)
    grid = tab.locator("[data-testid=stSidebar] [data-testid=stDataFrame]").first
    type_into(tab, grid, 1, "a", "-3")
    eventually(tab, lambda: unquote(tab.url), lambda url: '"alpha_pl_0":{' in url)
    for number in ("1", "0"):
        fill(tab, "n_g", number)
        expect(tab.locator("[data-testid=stException]")).to_have_count(0)
        eventually(tab, lambda: first_cells(grid), lambda found: found.get("alpha_pl_0") == "-3")
    assert '"low":-3' in unquote(tab.url) and "g=1" not in tab.url


def test_a_long_run_is_watched_stopped_and_kept(tab, address):
    long = QUICK.model_copy(update={"num_samples": 60_000})
    draft = PopulationDraft(samplers=(long,))
    tab.goto(f"{address}/population?{urlencode(to_query(draft))}")
    tab.get_by_role("button", name="Run", exact=True).click()
    tab.wait_for_selector(".st-key-progress", timeout=1000 * PATIENCE)
    progress = tab.locator(".st-key-progress")
    expect(progress).to_contain_text("sampling", timeout=1000 * PATIENCE)
    tab.wait_for_selector(".st-key-filling", timeout=1000 * PATIENCE)
    tab.get_by_role("button", name="Stop and keep").click()
    drive.wait_for_results(tab, PATIENCE)
    scores = eventually(tab, lambda: table(tables(tab).first), lambda found: "Draws" in found)
    assert 0 < float(scores["Draws"][0].replace(",", "")) < 2 * 12 * 12_000


def test_a_link_that_is_wrong_says_so_and_the_rest_counts(tab, address):
    query = urlencode(to_query(PopulationDraft(samplers=(QUICK,)))) + "&pl=9&zz=1"
    visit(tab, address, query)
    told = said(tab)
    assert "pl=9" in told and "zz" in told
    scores = eventually(tab, lambda: table(tables(tab).first), lambda found: "Draws" in found)
    assert scores["Draws"][0] == "480"  # of the sampler in the link
