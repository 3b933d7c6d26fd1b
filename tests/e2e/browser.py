"""A real server and a real browser: start the app, drive it, know when it is idle."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
ARGUMENTS = """--no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage
--use-angle=swiftshader --enable-unsafe-swiftshader""".split()
#: Pixels of a tab.
WIDTH, HEIGHT = 1400, 1000
#: Top-level protobuf fields of Streamlit's messages: a rerun asked, a run begun, a run ended.
RERUN, BEGUN, ENDED = 11, 4, 6
_WATCH = f"""
(() => {{
  const fields = data => {{
    const bytes = new Uint8Array(data), found = [];
    let i = 0;
    const varint = () => {{
      let value = 0, shift = 0, byte;
      do {{
        byte = bytes[i++]; value += (byte & 127) * 2 ** shift; shift += 7;
      }} while (byte & 128);
      return value;
    }};
    while (i < bytes.length) {{
      const tag = varint(), wire = tag & 7;
      found.push(tag >> 3);
      if (wire === 0) varint();
      else if (wire === 1) i += 8;
      else if (wire === 2) {{ const length = varint(); i += length; }}
      else if (wire === 5) i += 4;
      else break;
    }}
    return found;
  }};
  const seen = window.__seen = {{asked: 0, begun: 0, ended: 0, lastAsk: 0, lastBegin: 0,
                                 lastEnd: 0, last: 0, drawn: 0}};
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {{
    constructor(...given) {{
      super(...given);
      this.addEventListener('message', event => {{
        Promise.resolve(event.data.arrayBuffer ? event.data.arrayBuffer() : event.data).then(d => {{
          const now = performance.now(); seen.last = now;
          const found = fields(d);
          if (found.includes({BEGUN})) {{ seen.begun++; seen.lastBegin = now; }}
          if (found.includes({ENDED})) {{ seen.ended++; seen.lastEnd = now; }}
        }});
      }});
    }}
    send(data) {{
      const bytes = data.buffer ? data : new Uint8Array(data);
      if (fields(bytes.slice()).includes({RERUN})) {{
        seen.asked++; seen.lastAsk = performance.now();
      }}
      super.send(data);
    }}
  }};
}})();
"""
_IDLE = """
() => {
  const s = window.__seen;
  // A run that the next one interrupts may never report its end: the last of each counts.
  if (!s || s.ended === 0 || s.lastEnd < s.lastBegin || s.lastEnd < s.lastAsk) return false;
  if (document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]')) return false;
  for (const plot of document.querySelectorAll('[data-testid="stPlotlyChart"]'))
    if (plot.offsetParent && !plot.querySelector('.js-plotly-plot .main-svg')) return false;
  return performance.now() - s.last > 150;
}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(store: Path, **environment: str) -> Iterator[str]:
    """Run the app on a free port; yield its address."""
    with process(store, **environment) as (address, _):
        yield address


@contextmanager
def process(store: Path, **environment: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """Run the app on a free port; yield its address and its process, which may be killed."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    command += ["--server.headless=true", f"--server.port={port}", "--server.fileWatcherType=none"]
    with open(store / "server.log", "a") as log:
        running = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"HBDASH_STORE": str(store)} | environment,
            stdout=log,
            stderr=log,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, running)
            yield address, running
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _wait_for(address: str, process: subprocess.Popen) -> None:
    for _ in range(2400):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not answer")


@contextmanager
def browser() -> Iterator:
    """Start headless Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield chromium
        finally:
            chromium.close()


def new_page(chromium, *, width: int = WIDTH, height: int = HEIGHT, scheme: str = "light") -> Page:
    """Open a window with an empty tab that counts the app's messages."""
    context = chromium.new_context(viewport={"width": width, "height": height})
    context.add_init_script(_WATCH)
    page = new_tab(context)
    look(page, width=width, height=height, scheme=scheme)
    return page


def new_tab(context) -> Page:
    """Open an empty tab in a window that is there."""
    page = context.new_page()
    page.set_default_timeout(120_000)
    return page


def look(page: Page, *, width: int = WIDTH, height: int = HEIGHT, scheme: str = "light") -> None:
    """Give a tab its size in pixels, and its reader's scheme of colours."""
    size = {"width": width, "height": height}
    if page.viewport_size != size:
        page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)


def empty(page: Page) -> None:
    """Leave a tab as it was found: no page, nothing kept, nothing routed."""
    look(page)
    page.unroute_all()
    page.context.clear_permissions()
    if page.url.startswith("http"):
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
    page.goto("about:blank")


@contextmanager
def listening(page: Page) -> Iterator[list[str]]:
    """Collect what goes wrong in a tab: errors of its scripts, and those that it is told of."""
    wrong: list[str] = []

    def told(message) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            if "404" not in message.text:  # of health and host-config on deep links
                wrong.append(message.text)

    def failed(error) -> None:
        wrong.append(str(error))

    page.on("console", told)
    page.on("pageerror", failed)
    yield wrong
    page.remove_listener("console", told)
    page.remove_listener("pageerror", failed)


def idle(page: Page, seconds: float = 240) -> None:
    """Wait until the app has nothing left to do or draw."""
    page.wait_for_function(_IDLE, timeout=1000 * seconds, polling=30)


def wait_for_results(page: Page, seconds: float = 300) -> None:
    """Wait until runs are finished and the page is idle."""
    running = page.locator(".st-key-progress")
    while True:
        page.wait_for_selector(".st-key-scoreboard", timeout=1000 * seconds)
        running.wait_for(state="detached", timeout=1000 * seconds)
        idle(page)
        if not running.count():  # the results before may have stood there until runs began
            return
