"""Pages are made one after another, and runs begin after them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from hbdash import precedence

LONG = 80.0


@pytest.fixture(autouse=True)
def _turns_that_outlast_the_test(monkeypatch):
    monkeypatch.setattr(precedence, "TURN", LONG)
    yield
    assert not precedence._turns and not precedence._line


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[threading.Thread]:
    """Work in another thread, which must have ended a while after the block."""
    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    thread.join(LONG)
    assert not thread.is_alive()


def until(true: Callable[[], bool]) -> None:
    """Wait for something that other threads bring about."""
    end = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


def make(made: list[str], name: str, *, asked_for: bool = True) -> Callable[[], None]:
    """Return what makes a page that notes its name."""

    def work() -> None:
        with precedence.page(asked_for=asked_for):
            made.append(name)

    return work


def in_line(works: list[Callable[[], None]]) -> list[threading.Thread]:
    """Start threads that make pages, each after the one before waits for its turn."""
    threads = [threading.Thread(target=work) for work in works]
    for waiting, thread in enumerate(threads, 1):
        thread.start()
        until(lambda waiting=waiting: len(precedence._line) == waiting)
    return threads


def test_pages_are_made_one_after_another_in_the_order_in_which_they_came():
    made: list[str] = []
    with precedence.page():
        threads = in_line([make(made, name) for name in ("a", "b", "c")])
        assert made == []
    for thread in threads:
        thread.join(LONG)
    assert made == ["a", "b", "c"]


@pytest.mark.parametrize(("later", "first"), [(LONG, "asked for"), (0.0, "follows by itself")])
def test_what_somebody_asked_for_goes_first_for_a_while(monkeypatch, later, first):
    monkeypatch.setattr(precedence, "LATER", later)
    made: list[str] = []
    came = [make(made, "follows by itself", asked_for=False), make(made, "asked for")]
    with precedence.page():
        threads = in_line(came)
    for thread in threads:
        thread.join(LONG)
    assert made[0] == first and len(made) == 2


def test_the_next_page_begins_beside_one_that_takes_long(monkeypatch):
    monkeypatch.setattr(precedence, "TURN", 0.05)
    made: list[str] = []
    with precedence.page(), beside(make(made, "next")) as other:
        other.join(LONG)
        assert made == ["next"]


def test_a_part_of_a_page_has_its_turn():
    with precedence.page(), precedence.page():
        assert len(precedence._turns) == 1
    assert not precedence._turns


def test_a_page_that_only_waits_lets_others_go_first():
    made: list[str] = []
    with precedence.page():
        with precedence.pause(), beside(make(made, "other")) as other:
            other.join(LONG)
            assert made == ["other"]
        assert threading.get_ident() in precedence._turns


def test_nothing_is_held_by_what_is_no_page():
    with precedence.pause():
        assert not precedence._turns


def test_a_page_that_fails_gives_its_turn_back():
    with pytest.raises(KeyError), precedence.page():
        raise KeyError
    assert not precedence._turns


def test_a_run_begins_when_no_page_waits():
    made: list[str] = []
    precedence.give_way(LONG)  # nothing waits
    with precedence.page():
        precedence.give_way(LONG)  # one is made, and none waits
        waits = in_line([make(made, "page")])[0]
        run = threading.Thread(target=lambda: (precedence.give_way(LONG), made.append("run")))
        run.start()
        time.sleep(0.05)
        assert made == []
    for thread in (waits, run):
        thread.join(LONG)
    assert set(made) == {"page", "run"}


def test_a_run_begins_though_pages_go_on_waiting():
    with precedence.page():
        with beside(make([], "waits")):
            until(lambda: len(precedence._line) == 1)
            began = time.monotonic()
            precedence.give_way(0.05)
            assert 0.05 <= time.monotonic() - began < LONG
            assert len(precedence._line) == 1
            with precedence.pause():  # or it would wait for this page's end
                until(lambda: not precedence._line)
