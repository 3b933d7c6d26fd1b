"""What a person reads off a page and does with it: figures, tables, grids, files."""

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from playwright.sync_api import Locator, Page

from tests.e2e import browser as drive

#: Few draws, so that what is waited for is the page.
SHORT = "w=100&k=100&c=2"
#: Pixels: height of a row of a grid, and where a click in it meets no checkbox.
ROW, LOW = 35, 31
_FIGURE = """
name => {
  const gd = document.querySelector(`.st-key-figure_${name} .js-plotly-plot`);
  if (!gd || !gd._fullData) return null;
  const numbers = values => Array.from(values || [], v => typeof v === 'number' ? v : NaN);
  const titles = {}, ticks = {};
  for (const [key, axis] of Object.entries(gd.layout))
    if (/^[xy]axis/.test(key)) {
      if (axis.title && axis.title.text) titles[key] = axis.title.text;
      if (axis.ticktext) ticks[key] = Array.from(axis.ticktext);
    }
  return {
    titles, ticks,
    traces: gd._fullData.map(t => ({
      name: t.name, x: numbers(t.x), y: numbers(t.y), mode: t.mode,
      symbol: t.marker && t.marker.symbol, text: t.text,
    })),
    notes: (gd.layout.annotations || []).map(a => a.text),
    images: (gd.layout.images || []).length,
  };
}
"""


def open_page(page: Page, address: str, path: str, query: str = "") -> Page:
    """Go to a lab, and wait until its runs are there."""
    page.goto(f"{address}/{path}" + (f"?{query}" if query else ""))
    drive.wait_for_results(page)
    return page


def eventually(page: Page, read: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """Read until it is what is wanted: grids and figures follow the page in their own time."""
    until = time.monotonic() + 240
    while not ((found := read()) is not None and wanted(found)):
        assert time.monotonic() < until, f"still {found!r}"
        page.wait_for_timeout(100)
    return found


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    page.wait_for_timeout(100)
    drive.wait_for_results(page)


def figure(page: Page, name: str, wanted: Callable[[dict], bool] = bool) -> dict:
    """Read a figure out of Plotly, as soon as it shows what is wanted."""
    return eventually(page, lambda: page.evaluate(_FIGURE, name), wanted)


def traces(drawn: dict, words: str) -> list[dict]:
    """The traces of a figure whose name has these words in it."""
    return [trace for trace in drawn["traces"] if words in (trace["name"] or "")]


def words(drawn: dict) -> str:
    """Everything that is written into a figure."""
    notes = [*drawn["notes"], *drawn["titles"].values()]
    notes += [str(text) for trace in drawn["traces"] for text in trace["text"] or ()]
    return re.sub(r"<[^>]+>", " ", " | ".join(notes)).replace("\u2212", "-")


def tables(page: Page) -> Locator:
    """The tables of the main area: the scoreboard is the first."""
    return page.locator("[data-testid=stMain] [data-testid=stDataFrame]")


def table(grid: Locator) -> pd.DataFrame:
    """Read the rows in sight of a grid, as a screen reader does; all cells are text."""
    head, cells = grid.evaluate(
        """grid => [
          Array.from(grid.querySelectorAll('th'), cell => cell.textContent),
          Array.from(grid.querySelectorAll('td'), cell => cell.textContent),
        ]"""
    )
    width = max(len(head), 1)
    rows = [cells[i : i + width] for i in range(0, len(cells), width)]
    return pd.DataFrame(rows, columns=pd.Index(head))


def select(page: Page, grid: Locator, row: int, column: str) -> None:
    """Make a cell of a grid the selected one: a click into the grid, then the arrow keys."""
    grid.scroll_into_view_if_needed()
    head = eventually(page, lambda: table(grid).columns.tolist(), lambda names: column in names)
    numbers = grid.locator("th").evaluate_all("all => all.map(cell => +cell.ariaColIndex)")
    wanted = numbers[head.index(column)], row + 2  # a head and from 1, as screen readers count
    chosen = grid.locator("td[aria-selected=true]")
    canvas = grid.locator("canvas").first

    def arrived() -> bool:
        """Go on from the cell that is selected, once the grid has told of it."""
        page.wait_for_timeout(300)
        found = chosen.evaluate_all(
            "all => all.map(cell => [+cell.ariaColIndex, +cell.parentElement.ariaRowIndex])"
        )
        if len(found) != 1:
            box = canvas.bounding_box()
            assert box
            page.mouse.click(box["x"] + box["width"] / 2, box["y"] + ROW + LOW)
            return False
        for at, to, keys in zip(found[0], wanted, (("Right", "Left"), ("Down", "Up")), strict=True):
            for _ in range(abs(to - at)):
                page.keyboard.press(f"Arrow{keys[to < at]}")
        return tuple(found[0]) == wanted

    canvas.focus()
    eventually(page, arrived, bool)


def settled(page: Page) -> None:
    page.wait_for_timeout(150)
    drive.wait_for_results(page)


def type_into(page: Page, grid: Locator, row: int, column: str, text: str) -> None:
    """Type into a cell of a grid; "" clears it."""
    select(page, grid, row, column)
    if text:
        page.keyboard.press("Enter")
        field = page.locator("#portal input, #portal textarea").first
        field.fill(text)
        field.press("Enter")
        field.wait_for(state="detached")
    else:
        page.keyboard.press("Delete")
    settled(page)


def tick(page: Page, grid: Locator, row: int, column: str) -> None:
    """Turn a checkbox of a grid."""
    select(page, grid, row, column)
    page.keyboard.press("Space")
    settled(page)


def fill(page: Page, key: str, value: str) -> None:
    """Type into a number field of the sidebar."""
    field = page.locator(f".st-key-w-{key} input")
    field.fill(value)
    field.press("Enter")
    settled(page)


def slide(page: Page, where: str, key: str) -> None:
    """Move a slider by one key: of two, a busy machine may answer the first on its own."""
    slider = page.locator(f"{where} [role=slider], {where} input[type=range]").first
    slider.focus()
    slider.press(key)
    settled(page)


def pick(page: Page, where: str, option: str) -> None:
    """Choose from a list; it closes when the page scrolls, so that comes first."""
    box = page.locator(where).get_by_role("combobox")
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    box.press("ArrowDown")
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def switch(page: Page, where: str) -> None:
    """Throw a toggle."""
    page.locator(f"{where} label").first.click()
    settled(page)


def download(page: Page, button: str) -> pd.DataFrame:
    """Press a button that hands out a CSV file, and read that file."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    path = waiting.value.path()
    return pd.read_csv(Path(path), index_col=0 if button == "Download the table" else None)


def upload(page: Page, content: bytes | pd.DataFrame, name: str = "own.csv") -> None:
    """Choose a file for the one upload in sight."""
    if isinstance(content, pd.DataFrame):
        written = io.BytesIO()
        content.to_csv(written, index=False)
        content = written.getvalue()
    page.locator("[data-testid=stFileUploader] input[type=file]").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content}
    )
    page.wait_for_timeout(200)
    settled(page)


def said(page: Page, where: str = "") -> str:
    """Everything in boxes and captions, as plain text."""
    found = page.locator(
        f"{where} [data-testid=stAlert], {where} [data-testid=stCaptionContainer]"
    ).all_inner_texts()
    return "\n".join(found)
