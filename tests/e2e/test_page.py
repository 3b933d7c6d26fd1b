"""What a person does with the page, in a real browser on a real server."""

import re

import pytest
from playwright.sync_api import Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.e2e import browser as drive
from tests.e2e.reading import eventually

#: Minutes of sampling, so that there is something to watch, to cancel and to stop.
LONG = "v=1&d=simulated&n=1x60&s=30&k=12000&c=8&p=centered&a=0.99&td=12"
SHORT = "w=100&k=100&c=2"
GOOD = {
    "rows": "group,value\n"
    + "".join(f"{g},{g_ * 3 + i % 5}\n" for g_, g in enumerate("abcd") for i in range(8)),
    "estimates": "clinic,estimate,se\nNorth,1.2,0.4\nSouth,-0.3,0.6\nEast,2.2,0.5\n",
}
BAD = {
    "empty": (b"", "empty file"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "must be a CSV table"),
    "one_column": (b"value\n1\n2\n3\n", "at least two columns"),
    "words": (b"group,value\na,red\nb,blue\nc,green\n", "must hold numbers"),
    "nan": (b"group,value\na,nan\nb,inf\nc,\n", "at least must be usable|must hold numbers"),
    "twice": (b"group,value,value\na,1,2\nb,2,3\n", "its own name"),
    "negative": (b"group,estimate,se\na,1,-1\nb,2,-2\n", "at least must be usable"),
}


def visit(page: Page, address: str, query: str = "") -> Page:
    page.goto(f"{address}/?{query}" if query else address)
    drive.wait_for_results(page)
    return page


def board(page: Page) -> list[str]:
    """Read the scoreboard's cells, as a screen reader does: they follow the canvas in a moment."""
    page.wait_for_timeout(300)
    cells = page.locator(".st-key-scoreboard td")
    cells.first.wait_for(state="attached")
    return cells.evaluate_all("cells => cells.map(cell => cell.textContent)")


def funnels(page: Page) -> dict:
    """Read the figure of the funnels out of Plotly."""
    return page.evaluate(
        """() => {
          const gd = document.querySelector('.st-key-figure_funnel .js-plotly-plot');
          return {names: gd._fullData.map(t => t.name), images: gd.layout.images.length,
                  titles: gd.layout.annotations.map(a => a.text)};
        }"""
    )


def settled(page: Page) -> None:
    page.wait_for_timeout(100)
    drive.wait_for_results(page)


def choose(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    settled(page)


def test_the_message_fields_that_idle_counts():
    assert BackMsg.DESCRIPTOR.fields_by_number[drive.RERUN].name == "rerun_script"
    assert ForwardMsg.DESCRIPTOR.fields_by_number[drive.BEGUN].name == "new_session"
    assert ForwardMsg.DESCRIPTOR.fields_by_number[drive.ENDED].name == "script_finished"


def test_first_visit_then_another_scene_and_back(tab, address):
    visit(tab, address)
    drawn = funnels(tab)
    assert drawn["images"] >= 9
    assert any("centered" in name for name in drawn["names"])
    weak = board(tab)
    assert "centered" in weak and "non-centered" in weak
    choose(tab, "strong")
    assert "n=strong" in tab.url
    strong = board(tab)
    assert strong != weak
    assert (
        "strong scene" in tab.locator("section.stMain, [data-testid=stSidebar]").first.inner_text()
    )
    tab.go_back()
    settled(tab)
    assert "n=strong" not in tab.url
    assert board(tab) == weak
    tab.go_forward()
    settled(tab)
    assert board(tab) == strong


def test_a_slider_by_keyboard_and_its_link(tab, address, other_tab):
    visit(tab, address, f"v=1&d=simulated&{SHORT}")
    before = board(tab)
    slider = tab.locator(".st-key-w-sigma [role=slider], .st-key-w-sigma input[type=range]").first
    slider.focus()
    for _ in range(5):
        slider.press("ArrowLeft")
    settled(tab)
    assert re.search(r"[?&]s=\d", tab.url)
    moved = board(tab)
    assert moved != before
    tab.reload()
    drive.wait_for_results(tab)
    assert board(tab) == moved
    visit(other_tab, tab.url)
    assert board(other_tab) == moved
    assert other_tab.url == tab.url


def test_quick_clicks_end_at_the_last_one(tab, address):
    visit(tab, address)
    boards = {}
    for name in ("strong", "unbalanced", "weak"):
        choose(tab, name)
        boards[name] = board(tab)
    for name in ("strong", "weak", "unbalanced", "weak", "strong"):
        tab.get_by_role("radio", name=name, exact=True).click(no_wait_after=True)
        tab.wait_for_timeout(40)
    settled(tab)
    assert board(tab) == boards["strong"]
    assert "n=strong" in tab.url


def test_controls_keep_what_was_set(tab, address):
    visit(tab, address, f"v=1&d=simulated&s=0.123&{SHORT}")
    loc = tab.get_by_label("loc").first
    loc.fill("2.5")
    loc.press("Enter")
    settled(tab)
    for family in ("Cauchy", "Normal"):
        tab.locator(".st-key-w-prior-mu").get_by_role("combobox").click()
        tab.get_by_role("option", name=family, exact=True).click()
        settled(tab)
    assert tab.get_by_label("loc").first.input_value() == "2.5"
    link = tab.url
    assert "s=0.123" in link and "pm=Normal_2.5_5" in link
    choose(tab, "Examples")
    assert "d=simulated" not in tab.url
    choose(tab, "Simulate")
    assert tab.url == link
    tab.get_by_role("tab", name="One group").click()
    drive.idle(tab)
    choose(tab, "as sampled")
    for name in ("Traces", "One group"):
        tab.get_by_role("tab", name=name).click()
        drive.idle(tab)
    expect(tab.get_by_role("radio", name="as sampled", exact=True)).to_be_checked()


def test_a_long_run_is_watched_and_cancelled(tab, address):
    visit(tab, address, SHORT)
    tab.goto(f"{address}/?{LONG}&rs=1")
    progress = tab.locator(".st-key-progress")
    told = re.compile(
        r"sampling · [1-9][\d,]* draws · [\d,]+ divergences · step size [\d.]+ · [\d,]+ gradients"
    )
    expect(progress).to_contain_text(told, timeout=240_000)
    tab.wait_for_selector(".st-key-filling .js-plotly-plot .main-svg")
    tab.get_by_role("button", name="Cancel").click()
    progress.wait_for(state="detached")
    expect(tab.get_by_text("Cancelled. Press Run")).to_be_visible()
    drive.idle(tab)


def test_a_long_run_is_stopped_and_kept(tab, address):
    tab.goto(f"{address}/?{LONG}&rs=2")
    expect(tab.locator(".st-key-progress")).to_contain_text("sampling", timeout=240_000)
    tab.get_by_role("button", name="Stop and keep").click()
    drive.wait_for_results(tab)
    names = funnels(tab)["names"]
    draws = [int(found.replace(",", "")) for found in re.findall(r"of ([\d,]+) draws", str(names))]
    assert draws and 0 < draws[0] < 8 * 12_000


def upload(page: Page, name: str, content: bytes) -> None:
    page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content}
    )
    page.wait_for_timeout(200)
    settled(page)


@pytest.mark.parametrize("layout", GOOD)
def test_an_own_table(tab, address, other_tab, layout):
    visit(tab, address, SHORT)
    before = board(tab)
    choose(tab, "Upload")
    upload(tab, "own.csv", GOOD[layout].encode())
    assert "d=uploaded" in tab.url and "up=" in tab.url
    assert board(tab) != before
    expect(tab.get_by_text(re.compile(r"\d+ of \d+ rows in \d+ groups are used"))).to_be_visible()
    visit(other_tab, tab.url)
    assert board(other_tab) == board(tab)


def test_tables_that_cannot_be_used(tab, address):
    visit(tab, address, SHORT)
    choose(tab, "Upload")
    before = board(tab)
    for name, (content, message) in BAD.items():
        upload(tab, f"{name}.csv", content)
        alert = tab.locator("[data-testid=stSidebar] [data-testid=stAlert]").first
        expect(alert).to_contain_text(re.compile(message))
        assert board(tab) == before, name


def test_a_constant_table_asks_for_sigma(tab, address):
    visit(tab, address, SHORT)
    choose(tab, "Upload")
    upload(tab, "constant.csv", b"group,value\n" + b"a,1\nb,1\nc,1\n" * 4)
    sidebar = tab.locator("[data-testid=stSidebar]")
    expect(sidebar).to_contain_text(re.compile("sigma", re.I))
    assert board(tab)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 1400), ("dark", 800)])
def test_nothing_overflows(tab, address, tmp_path, scheme, width):
    drive.look(tab, width=width, scheme=scheme)
    with drive.listening(tab) as said:
        visit(tab, address, "v=1&p=centered~noncentered~partial&" + SHORT)
        for name in tab.get_by_role("tab").all_inner_texts():
            tab.get_by_role("tab", name=name, exact=True).click()
            tab.wait_for_timeout(100)
            drive.idle(tab)
            wide = tab.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            assert wide[0] <= wide[1], name
            assert tab.locator("[data-testid=stException]").count() == 0, name
        tab.screenshot(path=tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 20_000
    assert said == []


@pytest.mark.skipif(
    not (drive.ROOT / "pages" / "regression.py").exists(), reason="there is one lab alone"
)
def test_two_labs_in_one_tab(tab, tmp_path):
    """A fresh server is first visited at another lab's own address; then to and fro."""
    with drive.server(tmp_path) as address:
        tab.goto(f"{address}/regression?c=3")
        drive.wait_for_results(tab)
        assert re.search(r"/regression\?.*c=3", tab.url)
        lines = board(tab)
        go(tab, "Funnel lab")
        assert re.search(r"/(funnel)?\?v=1$", tab.url)
        choose(tab, "strong")
        tab.get_by_role("tab", name="Traces", exact=True).click()
        drive.idle(tab)
        strong = board(tab)
        go(tab, "Regression lab")
        assert board(tab) == lines and "c=3" in tab.url
        go(tab, "Funnel lab")
        assert board(tab) == strong and "dn=strong" in tab.url
        expect(tab.get_by_role("tab", name="Traces", exact=True)).to_have_attribute(
            "aria-selected", "true"
        )


def go(page: Page, title: str) -> None:
    page.get_by_role("link", name=title, exact=True).first.click()
    page.get_by_role("heading", name=title).wait_for()
    settled(page)


def test_a_restarted_server_and_its_store(tab, other_tab, tmp_path):
    """A fresh server is first visited at /funnel, killed, and started again on the same store."""
    with drive.process(tmp_path) as (first, running):
        tab.goto(f"{first}/funnel?{SHORT}")
        drive.wait_for_results(tab)
        before, link = board(tab), tab.url.partition("?")[2]
        kept = tmp_path / "runs"  # the disk is written behind the screen
        eventually(tab, lambda: len(list(kept.glob("*/result.nc"))), lambda count: count == 2)
        running.kill()
    stored = sorted((tmp_path / "runs").glob("*/result.nc"))
    assert len(stored) == 2
    stored[0].write_bytes(b"half a file")
    with drive.server(tmp_path) as second:
        visit(other_tab, second, link)
        after = board(other_tab)
    assert len(after) == len(before)
    # One run came from the disk, wall time and all; the damaged one was sampled again.
    assert set(rows(before)) & set(rows(after))
    log = (tmp_path / "server.log").read_text()
    assert "is damaged" in log and "Traceback" not in log


def rows(cells: list[str]) -> list[tuple[str, ...]]:
    width = len(cells) // 2
    return [tuple(cells[:width]), tuple(cells[width:])]
