"""A class on one server: many sessions at once, each moving its own sliders.

    python -m benchmarks.sessions [--sessions 20] [--seconds 120] [--browsers 1]

Most sessions speak Streamlit's protocol without a browser, because twenty Chromiums would take more
of the processors than the server does; a few real ones stand beside them. Each session has a seed
of its own, and after every answer its page must hold its own configuration.
"""

import argparse
import json
import random
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.table import show
from tests.e2e import browser as drive
from tests.e2e.speaking import Answer, Tab

#: Seconds that a person looks before moving on, at least and at most.
LOOKS = 1.0, 3.0
#: Seconds after which Streamlit has forgotten tabs that are closed.
REST = 150.0
#: What a move may be, and how often it is.
MOVES = {"new": 4, "back": 3, "view": 3}
SIGMAS = ("0.3", "0.75", "1.5", "3", "7.5", "15")


@dataclass
class Session:
    """What one session did and saw.

    Attributes
    ----------
    seed : of its runs, by which they are told from those of others.
    looks : seconds between moves, at least and at most.
    query : what else its link says.
    answers : by kind of move. wrong : answers that showed another configuration.
    errors : what the page, or the connection, said was wrong.
    """

    seed: int
    looks: tuple[float, float] = LOOKS
    query: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=lambda: {kind: [] for kind in MOVES})
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def work(self, address: str, seconds: float) -> None:
        """Visit, and move controls until the time is over; whatever happens is noted."""
        try:
            tab = Tab(address, f"v=1&d=simulated&rs={self.seed}&{self.query}".rstrip("&"))
            try:
                tab.open(patience=300)
                self._move(tab, time.monotonic() + seconds)
            finally:
                tab.close()
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")

    def _move(self, tab: Tab, until: float) -> None:
        chance, asked, view = random.Random(self.seed), [], False
        while time.monotonic() < until:
            time.sleep(chance.uniform(*self.looks))
            kind = chance.choices(list(MOVES), list(MOVES.values()))[0]
            if kind == "back" and len(asked) < 2:
                kind = "new"
            if kind == "view":
                view = not view
                answer = tab.move("contours_Funnels.normal_means", view)
            else:
                tau = round(chance.uniform(0.1, 30), 3) if kind == "new" else chance.choice(asked)
                asked.append(tau)
                answer = tab.move("w.tau", tau)
                self._check(tab, tau)
            self.answers[kind].append(answer)
            self.errors += tab.texts("exception")

    def _check(self, tab: Tab, tau: float) -> None:
        shown = json.loads(tab.text("json_text"))
        found = shown["sampler"]["seed"], shown["data"]["tau"]
        if found != (self.seed, tau) or f"rs={self.seed}" not in tab.query.split("&"):
            self.wrong.append(f"session {self.seed} asked {tau}, got {found} at {tab.query}")


class Memory(threading.Thread):
    """Samples the memory of a process, in MB, until it is told to stop."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._status, self._over = Path(f"/proc/{process}/status"), threading.Event()
        self.most = 0.0

    def now(self) -> float:
        """Memory at this moment."""
        line = next(row for row in self._status.read_text().splitlines() if "VmRSS" in row)
        return int(line.split()[1]) / 1000

    def run(self) -> None:
        """Look once a second."""
        while not self._over.wait(1.0):
            self.most = max(self.most, self.now())

    def stop(self) -> None:
        """End."""
        self._over.set()


def round_of(address: str, sessions: int, seconds: float, first_seed: int) -> list[Session]:
    """Let sessions work beside each other; their seeds begin with the one given."""
    found = [Session(first_seed + k) for k in range(sessions)]
    threads = [threading.Thread(target=one.work, args=(address, seconds)) for one in found]
    for thread in threads:
        thread.start()
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    return found


def real(address: str, seconds: float, seed: int) -> list[str]:
    """Move a slider in a real browser as long; return what its console said was wrong."""
    said: list[str] = []
    with drive.browser() as chromium:
        page = drive.new_page(chromium)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{address}/?v=1&d=simulated&rs={seed}")
        drive.wait_for_results(page, 300)
        until = time.monotonic() + seconds
        slider = page.locator(".st-key-w-sigma [role=slider], .st-key-w-sigma input").first
        while time.monotonic() < until:
            slider.focus()
            slider.press("ArrowLeft")
            page.wait_for_timeout(1500)
            drive.wait_for_results(page, 300)
            if f"rs={seed}" not in page.url:
                said.append(f"the page of {seed} is at {page.url}")
    return said


def main() -> None:
    options = argparse.ArgumentParser(description="Many sessions at once on one server.")
    options.add_argument("--sessions", type=int, default=20)
    options.add_argument("--seconds", type=float, default=120)
    options.add_argument("--browsers", type=int, default=1)
    options.add_argument("--rounds", type=int, default=2)
    given = options.parse_args()
    with (
        tempfile.TemporaryDirectory() as store,
        drive.process(Path(store)) as (address, server),
    ):
        round_of(address, 1, 5, 0)  # compiles
        memory = Memory(server.pid)
        memory.start()
        print(f"server at rest: {memory.now():,.0f} MB")
        for turn in range(given.rounds):
            said: list[list[str]] = [[] for _ in range(given.browsers)]

            def browse(k: int, said=said, turn=turn) -> None:
                said[k] = real(address, given.seconds, 900 + 10 * turn + k)

            browsers = [threading.Thread(target=browse, args=(k,)) for k in range(given.browsers)]
            for browser in browsers:
                browser.start()
            found = round_of(address, given.sessions, given.seconds, 1000 * (turn + 1))
            for browser in browsers:
                browser.join()
            _tell(turn, found, [line for lines in said for line in lines], memory)
        time.sleep(REST)
        print(f"server after {REST:g} s of rest: {memory.now():,.0f} MB")
        memory.stop()


def _tell(turn: int, found: list[Session], said: list[str], memory: Memory) -> None:
    rows = []
    for kind in MOVES:
        answers = [answer for one in found for answer in one.answers[kind]]
        for name, seconds in (
            ("first paint", [a.first for a in answers]),
            ("results", [a.seconds for a in answers]),
        ):
            if seconds and (name == "results" or kind == "new"):
                p50, p95 = np.quantile(seconds, [0.5, 0.95])
                rows.append(
                    [
                        f"{kind}, {name}",
                        str(len(seconds)),
                        f"{p50:.2f}",
                        f"{p95:.2f}",
                        f"{max(seconds):.2f}",
                    ]
                )
    each = [sum(map(len, one.answers.values())) for one in found]
    show(
        f"round {turn + 1}, {len(found)} sessions",
        ["move", "moves", "p50, s", "p95, s", "max, s"],
        rows,
    )
    errors = [line for one in found for line in (*one.errors, *one.wrong)] + said
    print(f"moves a session: {min(each)} to {max(each)}; errors: {len(errors)}")
    print("\n".join(errors[:10]), end="\n" if errors else "")
    print(f"server: {memory.now():,.0f} MB, at most {memory.most:,.0f} MB\n", flush=True)


if __name__ == "__main__":
    main()
