"""What a reader waits for, measured inside headless Chromium: first paint, first answer, a release.

Times are the browser's own clock: from the start of the navigation, or from the key or pointer
event, to the frame after the last change inside a figure or the scoreboard. The server, its store
and the browser are started here; nothing that is timed is served from the store.
"""

import argparse
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from playwright.sync_api import Browser, Page

from benchmarks.table import show, spread
from tests.e2e.browser import browser, idle, new_page, server

SCENES = ("weak", "strong", "unbalanced")
#: Seconds that a reader looks at the first results before the first move.
LOOK = 20
#: Remembers the reader's last action, what was asked and answered since, and the last paint.
_CLOCK = """
(() => {
  const clock = window.__clock = {action: 0, asks: [], ends: [], painted: 0};
  for (const [name, times] of [['lastAsk', clock.asks], ['lastEnd', clock.ends]])
    Object.defineProperty(window.__seen, name, {
      get: () => times.length ? times[times.length - 1] : 0,
      set: time => times.push(time),
    });
  for (const name of ['keydown', 'pointerup'])
    window.addEventListener(name, () => { clock.action = performance.now(); }, true);
  const results = '.js-plotly-plot, .st-key-scoreboard';
  const painted = () => setTimeout(() => { clock.painted = performance.now(); });
  new MutationObserver(changes => {
    if (changes.some(({target: at}) => (at.closest ? at : at.parentElement)?.closest(results)))
      requestAnimationFrame(painted);
  }).observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
})();
"""
#: The heading and the last controls of the sidebar are there to be seen.
_FIRST_PAINT = """
() => {
  const seen = selector => document.querySelector(selector)?.getBoundingClientRect().height > 0;
  return seen('[data-testid="stMain"] h2') && seen('.st-key-w-source') && seen('.st-key-run')
    && performance.now();
}
"""


def visit(chromium: Browser, address: str) -> tuple[Page, float, float]:
    """Open the app in a fresh tab; return it, and the seconds to first paint and posterior."""
    page = new_page(chromium)
    page.add_init_script(_CLOCK)
    page.goto(address, wait_until="commit")
    painted = page.wait_for_function(_FIRST_PAINT, polling="raf", timeout=60_000).json_value()
    settle(page)
    return page, painted / 1000, page.evaluate("__clock.painted") / 1000


def settle(page: Page) -> None:
    """Wait until results are drawn and no run is on its way."""
    page.wait_for_selector(".st-key-scoreboard", timeout=90_000)
    while True:
        idle(page, 90)
        if page.locator(".st-key-progress").count() == 0:
            return
        time.sleep(0.05)


def starts(chromium: Browser, repetitions: int) -> None:
    """Fresh processes: the first on an empty store, others with compiled programs but no runs."""
    painted, answered = defaultdict(list), defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for repetition in range(repetitions + 1):
            kind = "compiled before" if repetition else "nothing compiled"
            with server(Path(folder)) as address:
                page, paint, answer = visit(chromium, address)
                page.context.close()
            painted[kind].append(paint)
            answered[kind].append(answer)
            shutil.rmtree(Path(folder) / "runs", ignore_errors=True)
    show(
        "A server just started, no runs stored: seconds from navigation, median (range)",
        ["XLA's cache", "servers", "first paint", "first posterior"],
        [[k, str(len(v)), spread(v), spread(answered[k])] for k, v in painted.items()],
    )


def timed(page: Page, store: Path, act: Callable[[], Any]) -> dict[str, float]:
    """Do one thing, wait for its results, and take its time apart, in milliseconds.

    "sampling" is what the new runs say they took; "scripts" counts reruns, polls included.
    """
    before = _runs(store)
    asked = page.evaluate("__clock.asks.length")
    act()
    page.wait_for_function("before => __clock.asks.length > before", arg=asked)
    settle(page)
    clock = page.evaluate("__clock")
    start, end = clock["action"], clock["ends"][-1]
    first = next(time for time in clock["asks"] if time > start)
    if clock["painted"] < first:
        raise RuntimeError("Nothing was drawn after the action.")
    new = _written(store, before)
    return {
        "total": clock["painted"] - start,
        "to the server": first - start,
        "server": end - first,
        "drawing": clock["painted"] - end,
        "sampling": 1000 * sum(_wall_seconds(path) for path in new),
        "scripts": sum(time > first for time in clock["ends"]),
    }


def _written(store: Path, before: set[Path]) -> set[Path]:
    """Wait for the centered and the non-centered run: they are written after they are shown."""
    until = time.monotonic() + 10
    while len(new := _runs(store) - before) < 2:
        if time.monotonic() > until:
            raise RuntimeError(f"Two new runs were expected in the store, found {len(new)}.")
        time.sleep(0.05)
    time.sleep(0.3)
    return new


def _runs(store: Path) -> set[Path]:
    return set((store / "runs").glob("[!.]*/result.nc"))


def _wall_seconds(path: Path) -> float:
    with h5py.File(path) as file:
        return float(np.asarray(file.attrs["wall_seconds"]).item())


def _release_slider(page: Page) -> None:
    slider = page.locator(".st-key-w-sigma input[type=range]")
    slider.focus()
    slider.press("ArrowLeft")


def _choose(page: Page, key: str, name: str) -> None:
    page.locator(f".st-key-{key} button").get_by_text(name, exact=True).click()


def _new_seed(page: Page, store: Path, seed: int) -> None:
    """Give the sampler another seed and let its runs finish, untimed."""
    before, asked = _runs(store), page.evaluate("__clock.asks.length")
    field = page.locator(".st-key-w-seed input")
    field.fill(str(seed))
    field.press("Enter")
    page.wait_for_function("before => __clock.asks.length > before", arg=asked)
    settle(page)
    _written(store, before)


def releases(chromium: Browser, repetitions: int) -> None:
    """A warm server: scenes by click, sigma by arrow key, every run new."""
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        with server(store) as address:
            page, _, _ = visit(chromium, address)
            _written(store, set())
            page.get_by_text("NUTS", exact=True).first.click()
            for scene in ("strong", "unbalanced"):  # warm each once
                timed(page, store, lambda scene=scene: _choose(page, "w-ready", scene))
            # A seed is new to the two scenes that are not on the screen when it is set.
            now, seed = 2, 0
            while min(len(found[scene]) for scene in SCENES) < repetitions:
                seed += 1
                _new_seed(page, store, seed)
                for _ in range(2):
                    now = (now + 1) % 3
                    act = lambda: _choose(page, "w-ready", SCENES[now])  # noqa: B023, E731
                    found[SCENES[now]].append(timed(page, store, act))
            _choose(page, "w-source", "Simulate")
            page.wait_for_selector(".st-key-w-sigma")
            settle(page)
            for repetition in range(-1, repetitions):
                sample = timed(page, store, lambda: _release_slider(page))
                if repetition >= 0:
                    found["sigma slider"].append(sample)
            page.context.close()
    _show_releases(found)


#: What is moved on both labs, as the key of its widget: a number of the data, to compare with, and
#: what once had a program of its own.
MOVES = {
    "funnel": {"sigma": "w-sigma", "groups": "w-groups", "family": "w-prior-tau"},
    "regression": {
        "sigma": "w-lines-sigma_noise", "groups": "w-groups", "family": "w-prior-sigma_noise",
    },
}  # fmt: skip
FAMILIES = ("HalfCauchy", "Exponential", "LogNormal", "Gamma", "InverseGamma", "HalfNormal")


def moves(chromium: Browser, repetitions: int) -> None:
    """A warm server: a step of sigma, of the number of groups, of family, of the warmup's length.

    The reader looks at the first results for a while; every step after that is a new run.
    """
    for path, keys in MOVES.items():
        found: dict[str, list[dict[str, float]]] = defaultdict(list)
        with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as address:
            page, _, _ = visit(chromium, address if path == "funnel" else f"{address}/{path}")
            if path == "funnel":
                _choose(page, "w-source", "Simulate")
                page.wait_for_selector(f".st-key-{keys['sigma']}")
                settle(page)
            for name in ("Priors", "NUTS"):
                if (
                    not page.locator(".st-key-w-num_warmup, .st-key-w-prior-tau")
                    .nth(0)
                    .is_visible()
                ):
                    page.get_by_text(name, exact=True).first.click()
            time.sleep(LOOK)
            for repetition in range(repetitions):
                for name, act in _moves(page, path, repetition).items():
                    found[f"{path}: {name}"].append(timed(page, Path(folder), act))
            page.context.close()
        _show_releases(found)


def _moves(page: Page, path: str, number: int) -> dict[str, Callable[[], None]]:
    keys = MOVES[path]
    sigma = {
        "funnel": lambda: _step(page, keys["sigma"]),
        "regression": lambda: _fill(page, keys["sigma"], 0.6 + number / 100),
    }
    return {
        "sigma": sigma[path],
        "groups": lambda: _step(page, keys["groups"]),
        "family": lambda: _family(page, keys["family"], number),
        "warmup": lambda: _fill(page, "w-num_warmup", 990 - number),
    }


def _step(page: Page, key: str) -> None:
    slider = page.locator(f".st-key-{key} input[type=range]")
    slider.focus()
    slider.press("ArrowRight")


def _family(page: Page, key: str, number: int) -> None:
    box = page.locator(f".st-key-{key}").get_by_role("combobox")
    box.scroll_into_view_if_needed()  # its list closes when the page scrolls
    page.wait_for_timeout(200)
    box.press("ArrowDown")
    page.get_by_role("option", name=FAMILIES[number % len(FAMILIES)], exact=True).click()


def _fill(page: Page, key: str, number: float) -> None:
    field = page.locator(f".st-key-{key} input")
    if not field.is_visible():  # a page that is made anew folds what was open
        page.get_by_text("NUTS", exact=True).first.click()
    field.fill(str(number))
    field.press("Enter")


def _show_releases(found: dict[str, list[dict[str, float]]]) -> None:
    rows = []
    for name, samples in found.items():
        total = np.array([sample["total"] for sample in samples])
        parts = [k for k in samples[0] if k != "total"]
        medians = [f"{np.median([sample[part] for sample in samples]):.0f}" for part in parts]
        high = f"{np.quantile(total, 0.9):.0f}"
        rows.append([name, str(len(samples)), f"{np.median(total):.0f}", high, *medians])
    show(
        "From the release of a control to its results drawn, milliseconds (parts: medians)",
        ["control", "samples", "median", "90 %", "to server", "server", "drawing", "of it sampling"]
        + ["scripts"],
        rows,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "part", nargs="?", choices=["start", "release", "moves", "all"], default="all"
    )
    parser.add_argument("--repetitions", type=int, default=15)
    given = parser.parse_args()
    with browser() as chromium:
        if given.part in ("start", "all"):
            starts(chromium, max(3, given.repetitions // 3))
        if given.part in ("release", "all"):
            releases(chromium, given.repetitions)
        if given.part in ("moves", "all"):
            moves(chromium, max(3, given.repetitions // 2))
