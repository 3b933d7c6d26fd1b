"""What one session may ask for in a while, by a clock that the test turns."""

import pytest

from hbdash.budgets import HOUR, MINUTE, Budget, Limits, limits


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_so_many_runs_a_minute(clock):
    budget = Budget(Limits(runs=6, transitions=10**9), clock)
    budget.spend([10] * 4)
    clock.now += 20
    budget.spend([10] * 2)
    with pytest.raises(ValueError, match="6 runs a minute.*2 more: go on in 40 s"):
        budget.spend([10] * 2)
    clock.now += 40
    budget.spend([10] * 4)
    with pytest.raises(ValueError, match="go on in 20 s"):
        budget.spend([10])


def test_so_many_transitions_an_hour(clock):
    budget = Budget(Limits(runs=100, transitions=1000), clock)
    budget.spend([600, 300])
    clock.now += MINUTE
    with pytest.raises(ValueError, match="1,000 transitions an hour.*200 more.* 59 minutes"):
        budget.spend([200])
    budget.spend([100])
    clock.now += HOUR - MINUTE
    budget.spend([900])


def test_what_is_refused_is_not_counted(clock):
    budget = Budget(Limits(runs=2, transitions=100), clock)
    for _ in range(5):
        with pytest.raises(ValueError, match="ask for less at a time"):
            budget.spend([101])
        with pytest.raises(ValueError, match="ask for less at a time"):
            budget.spend([1, 1, 1])
    budget.spend([50, 50])


def test_hours_of_sliders_are_fine(clock):
    budget = Budget(Limits(), clock)
    for _ in range(5000):  # a release a second, two parameterizations
        budget.spend([8000, 8000])
        clock.now += 1
    assert len(budget._runs) <= MINUTE + 1 and len(budget._transitions) <= HOUR + 1


def test_limits_come_from_the_environment(monkeypatch):
    assert limits() == Limits()
    monkeypatch.setenv("HBDASH_RUNS_A_MINUTE", "7")
    monkeypatch.setenv("HBDASH_TRANSITIONS_AN_HOUR", "80000")
    assert Budget().limits == Limits(7, 80_000)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e9", "1.5"])
def test_limits_that_are_none_are_refused(text, monkeypatch):
    monkeypatch.setenv("HBDASH_RUNS_A_MINUTE", text)
    with pytest.raises(ValueError, match="HBDASH_RUNS_A_MINUTE must be a positive whole number"):
        limits()
