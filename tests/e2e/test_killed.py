"""A server that is killed while it samples: nothing is lost but the run in flight."""

import signal
import threading
import time
from contextlib import suppress

from tests.e2e import browser as drive
from tests.e2e.speaking import Tab

QUICK = "v=1&d=simulated&rs=1&w=50&k=50&c=2&p=noncentered"
#: Long enough to be killed in the middle of it, on any machine.
LONG = "v=1&d=simulated&rs=2&w=200&k=49800&c=4&p=noncentered"
SHORTER = LONG.replace("k=49800", "k=500")
DEADLINE = 120.0


def until(true, what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def visit(address: str, query: str) -> bool:
    """Open a link to its answer; return whether that was sampled."""
    tab = Tab(address, query)
    try:
        answer = tab.open()
        assert not tab.texts("exception") and not tab.texts("alert")[1:], tab.texts("alert")
        assert tab.element("take_report")
        return answer.sampled
    finally:
        tab.close()


def watch(tab: Tab) -> threading.Thread:
    """Open a tab in a thread of its own; its server is about to go."""

    def work() -> None:
        with suppress(Exception):
            tab.open()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def progress(tab: Tab) -> list[str]:
    found = list(tab.elements.values())
    return [one.progress.text for one in found if one.WhichOneof("type") == "progress"]


def test_killed_while_it_samples(tmp_path):
    with drive.process(tmp_path) as (address, server):
        visit(address, QUICK)
        until(lambda: any((tmp_path / "runs").glob("*-50")), "the quick run was not written")
        tab = Tab(address, LONG)
        thread = watch(tab)
        until(lambda: any("sampling" in said for said in progress(tab)), "nothing was sampled")
        server.send_signal(signal.SIGKILL)
        assert server.wait(30) == -signal.SIGKILL
        thread.join(DEADLINE)
        tab.close()
    kept = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert [name.rpartition("-")[2] for name in kept] == ["50"]
    with drive.process(tmp_path) as (address, server):
        assert not visit(address, QUICK)  # from the disk
        again = Tab(address, LONG)
        thread = watch(again)
        until(lambda: any("sampling" in said for said in progress(again)), "it did not run again")
        again.close()
        visit(address, SHORTER)
        assert server.poll() is None
    said = (tmp_path / "server.log").read_text()
    assert "Traceback" not in said, said
