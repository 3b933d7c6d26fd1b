"""Programs of the next moves are compiled while nothing runs, and only then."""

import threading
import time
from collections.abc import Callable

import pytest

from hbdash import ahead
from hbdash.ahead import Ahead, neighbours
from hbdash.models import MODELS
from hbdash.question import prepare
from hbdash.run import run
from hbdash.samplers import program
from hbdash.spec import RunSpec
from tests.questions import SIGMA, ask, compilations


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def asked_for(monkeypatch):
    """The shapes that were compiled, of which none is."""
    found: list[program.Shape] = []

    def compile_(shape, given, chains):
        found.append(shape)

    monkeypatch.setattr(ahead, "compiled", compile_)
    monkeypatch.setattr(ahead, "is_compiled", lambda shape, chains: shape in found)
    monkeypatch.delenv("HBDASH_AHEAD", raising=False)
    return found


def groups(count: int) -> RunSpec:
    return RunSpec.model_validate({"data": {"source": "simulated", "n": [3] * count}})


@pytest.mark.parametrize(("count", "sizes"), [(9, [30]), (20, [10, 64]), (64, [30, 80])])
def test_neighbours_are_the_programs_of_other_numbers_of_groups(count, sizes):
    resized = [one.shape for one in neighbours(groups(count)) if "groups" in one.purpose]
    assert resized == [prepare(groups(size)).shape for size in sizes]


def test_neighbours_are_the_other_forms():
    spec = groups(9)
    known = spec.model_copy(update={"priors": spec.priors | ask().priors})
    inferred = RunSpec.model_validate(
        spec.model_dump() | {"priors": spec.model_dump()["priors"] | SIGMA}
    )
    assert prepare(inferred).shape in [one.shape for one in neighbours(known)]
    assert prepare(known).shape in [one.shape for one in neighbours(inferred)]
    assert len(list(neighbours(ask()))) == 2
    for name in MODELS:
        for one in neighbours(RunSpec(model=name)):
            assert one.shape != prepare(RunSpec(model=name)).shape and one.purpose


def test_nothing_is_compiled_while_a_run_is_on_its_way(asked_for, monkeypatch):
    monkeypatch.setattr(ahead, "LOOK", 0.01)
    running, looked = threading.Event(), threading.Event()
    running.set()

    def idle() -> bool:
        looked.set()
        return not running.is_set()

    behind = Ahead(idle)
    behind.want([ask()])
    assert looked.wait(60) and behind.busy and not asked_for
    running.clear()
    until(lambda: len(asked_for) == 2)
    until(lambda: not behind.busy)
    behind.want([ask()])
    until(lambda: not behind.busy)
    assert len(asked_for) == 2 and behind.purpose == ""
    behind.close(60)


def test_what_fails_ahead_is_logged_and_ends_nothing(asked_for, monkeypatch, caplog):
    behind = Ahead(lambda: True)
    monkeypatch.setattr(ahead, "compiled", lambda *_: 1 / 0)
    behind.want([ask()])
    until(lambda: not behind.busy)
    assert "Compiling ahead failed" in caplog.text and behind.purpose == ""
    monkeypatch.setattr(ahead, "compiled", lambda shape, *_: asked_for.append(shape))
    behind.want([ask()])
    until(lambda: len(asked_for) == 2)
    behind.close(60)


def test_it_can_be_turned_off(asked_for, monkeypatch):
    monkeypatch.setenv("HBDASH_AHEAD", "0")
    behind = Ahead(lambda: True)
    behind.want([ask()])
    assert not behind.busy
    behind.close(0)


def test_a_program_compiled_ahead_is_that_of_the_next_move(monkeypatch):
    monkeypatch.setattr(program, "_programs", type(program._programs)())
    shape, given, _ = next(iter(neighbours(groups(9))))
    program.compiled(shape, given, 4)
    with compilations() as compiled:
        run(groups(20))
    assert compiled == []
