"""What a person takes away: figures as PNG, SVG and HTML, the files of a run, and the report."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from hbdash.export import ARTIFACTS
from tests.e2e import browser as drive
from tests.e2e.reading import SHORT, open_page, open_tab, settled

EVIL = "<img src=x onerror=alert(1)>"
TABLE = "group,value\n" + "".join(
    f'"{g}",{3 * k + i % 5}\n' for k, g in enumerate([EVIL, "b", "c"]) for i in range(6)
)


def saved(page: Page, button: Locator) -> bytes:
    """Press a button that hands out a file, and read it."""
    with page.expect_download() as waiting:
        button.click()
    path = waiting.value.path()
    return Path(path).read_bytes()


def popover(page: Page, key: str) -> Locator:
    """Open a popover by its key; return what it holds."""
    button = page.locator(f".st-key-{key} button").first
    button.scroll_into_view_if_needed()
    button.click()
    body = page.locator("[data-testid=stPopoverBody]")
    body.wait_for()
    return body


def is_picture(raw: bytes, background: tuple[int, int, int]) -> None:
    """Assert that a PNG has a background, and on it what has the colours of a figure."""
    image = np.asarray(Image.open(io.BytesIO(raw)).convert("RGBA"), int)
    assert image.shape[1] > 800 and (image[..., 3] == 255).all()
    assert tuple(image[0, 0, :3]) == background
    away = np.abs(image[..., :3] - background).max(-1)
    assert (away > 100).mean() > 0.005  # letters, lines and points that stand out


def camera(page: Page, figure: str) -> Locator:
    """The camera of a figure, which shows while the pointer is over it."""
    drawn = page.locator(f".st-key-figure_{figure} .js-plotly-plot")
    drawn.scroll_into_view_if_needed()
    drawn.hover()
    return drawn.locator(".modebar-btn[data-title*='ownload']").first


def opened(chromium, path: Path) -> tuple[Page, list[str], list[str]]:
    """Open a file; return the page, what it asked of the network, and what went wrong."""
    page = chromium.new_context(viewport={"width": 1200, "height": 900}).new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.goto(path.as_uri())
    page.wait_for_selector("figure .main-svg")
    page.wait_for_timeout(500)
    return page, [url for url in asked if not url.startswith(("file:", "data:", "blob:"))], wrong


def test_a_figure_is_saved_as_png_svg_and_html(tab, chromium, address, tmp_path):
    """In the dark, where letters are light: the picture brings its own background."""
    drive.look(tab, scheme="dark")
    open_page(tab, address, "", SHORT)
    is_picture(saved(tab, camera(tab, "funnel")), (14, 19, 25))
    inside = popover(tab, "save_funnel")
    html = saved(tab, inside.get_by_role("button", name="HTML"))
    inside.get_by_role("radio", name="SVG").click()
    tab.keyboard.press("Escape")
    settled(tab)
    svg = saved(tab, camera(tab, "funnel")).decode()
    assert svg.startswith("<svg") and svg.count("<image") >= 9 and "group 8" in svg
    # The choice holds for every figure.
    open_tab(tab, "Energy")
    assert saved(tab, camera(tab, "energy")).startswith(b"<svg")
    (tmp_path / "figure.html").write_bytes(html)
    alone, asked, wrong = opened(chromium, tmp_path / "figure.html")
    assert (asked, wrong) == ([], [])
    is_picture(saved(alone, alone.locator("button[data-format=png]")), (255,) * 3)
    svg = saved(alone, alone.locator("button[data-format=svg]")).decode()
    assert svg.startswith("<svg") and svg.count("<image") >= 9
    alone.context.close()


def test_the_files_and_the_report_of_a_run(tab, chromium, address, tmp_path):
    drive.look(tab, width=800, scheme="dark")
    open_page(tab, address, "", SHORT)
    tab.get_by_role("radio", name="Upload", exact=True).click()
    settled(tab)
    tab.locator("[data-testid=stFileUploader] input[type=file]").first.set_input_files(
        {"name": "own.csv", "mimeType": "text/csv", "buffer": TABLE.encode()}
    )
    tab.wait_for_timeout(200)
    settled(tab)
    open_tab(tab, "Shrinkage")
    inside = popover(tab, "take_away")
    box = inside.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 800
    files = {
        name: saved(tab, inside.get_by_role("button", name=artifact.title, exact=True))
        for name, artifact in ARTIFACTS.items()
    }
    with zipfile.ZipFile(io.BytesIO(files["zip"])) as archive:
        assert archive.read("draws.csv") == files["draws"]
        assert archive.read("manifest.json") == files["manifest"]
    assert files["netcdf"].startswith(b"\x89HDF") and EVIL in files["draws"].decode()
    assert json.loads(files["spec"])["data"]["source"] == "uploaded"
    report = saved(tab, inside.get_by_role("button", name="Report of this page"))
    query = tab.url.partition("?")[2]
    (tmp_path / "report.html").write_bytes(report)
    shown, asked, wrong = opened(chromium, tmp_path / "report.html")
    assert (asked, wrong) == ([], [])
    expect(shown.locator("body")).to_contain_text(EVIL)
    assert shown.locator("img").count() == 0
    names = shown.locator("figure").evaluate_all("all => all.map(f => f.dataset.name)")
    assert names[0] == "shrinkage" and "funnel" in names and len(set(names)) == len(names)
    assert shown.locator("figure .main-svg").count() >= len(names)
    words = shown.locator("figure svg text").all_text_contents()
    assert any("<img" in text for text in words)  # letters, of a name that is cut
    wide = shown.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1]
    assert "up=" in query and query.partition("up=")[2][:8] in shown.inner_text("body")
    is_picture(shown.locator("figure").first.screenshot(), (255,) * 3)
    shown.context.close()


def test_a_spec_is_uploaded_into_its_lab(tab, address):
    open_page(tab, address, "", SHORT)
    spec = saved(tab, popover(tab, "take_away").get_by_role("button", name="Spec (JSON)"))
    tab.keyboard.press("Escape")
    tab.get_by_role("radio", name="strong", exact=True).click()
    settled(tab)
    tab.get_by_role("button", name="Configuration as JSON").click()
    body = tab.locator("[data-testid=stPopoverBody]")
    body.locator("input[type=file]").set_input_files(
        {"name": "spec.json", "mimeType": "application/json", "buffer": spec}
    )
    settled(tab)
    drive.wait_for_results(tab)
    assert "strong" not in tab.url and "k=100" in tab.url
