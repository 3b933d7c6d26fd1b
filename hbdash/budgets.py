"""What one session may ask for in a while: runs a minute, and transitions an hour.

Sliders dragged for hours stay far below; a script that asks without end does not, and leaves the
processors to the others.
"""

import math
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True)
class Limits:
    """The most that one session may ask for.

    Attributes
    ----------
    runs : in any minute.
    transitions : of all chains, walkers or loops together, in any hour.
    """

    runs: int = 600
    transitions: int = 200_000_000


def limits() -> Limits:
    """Read ``$HBDASH_RUNS_A_MINUTE`` and ``$HBDASH_TRANSITIONS_AN_HOUR``.

    Raises
    ------
    ValueError
        When one is set, and is no positive number.
    """
    return Limits(
        _number("HBDASH_RUNS_A_MINUTE", Limits.runs),
        _number("HBDASH_TRANSITIONS_AN_HOUR", Limits.transitions),
    )


@dataclass
class Budget:
    """What one session has asked for lately, each ask as a time and the transitions of its runs."""

    limits: Limits = field(default_factory=limits)
    clock: Callable[[], float] = time.monotonic
    _runs: deque[tuple[float, int]] = field(default_factory=deque)
    _transitions: deque[tuple[float, int]] = field(default_factory=deque)

    def spend(self, transitions: Sequence[int]) -> None:
        """Count runs that are about to be queued, each with its transitions.

        Raises
        ------
        ValueError
            When that is more than a session may ask for; nothing is counted then. The message says
            the limit, and when to go on.
        """
        now, total = self.clock(), sum(transitions)
        runs = _wait(self._runs, now, MINUTE, self.limits.runs - len(transitions))
        if runs > 0:
            raise ValueError(
                f"A session may ask for {self.limits.runs:,} runs a minute, and this asks for "
                f"{len(transitions)} more: {_advice(runs)}."
            )
        hour = _wait(self._transitions, now, HOUR, self.limits.transitions - total)
        if hour > 0:
            raise ValueError(
                f"A session may ask for {self.limits.transitions:,} transitions an hour, and this "
                f"asks for {total:,} more: {_advice(hour)}."
            )
        self._runs.append((now, len(transitions)))
        self._transitions.append((now, total))


def _wait(asks: deque[tuple[float, int]], now: float, span: float, room: int) -> float:
    """Return the seconds until what was asked within a span leaves room; forget what is older."""
    while asks and asks[0][0] <= now - span:
        asks.popleft()
    over = sum(amount for _, amount in asks) - room
    if over <= 0:
        return 0.0
    for then, amount in asks:
        over -= amount
        if over <= 0:
            return then + span - now
    return math.inf  # more than all of a span


def _advice(seconds: float) -> str:
    if math.isinf(seconds):
        return "ask for less at a time"
    whole = max(1, math.ceil(seconds))
    return "go on in " + (f"{whole} s" if whole < 120 else f"{math.ceil(whole / 60)} minutes")


def _number(name: str, usual: int) -> int:
    given = os.environ.get(name, "")
    if not given:
        return usual
    if not given.isdecimal() or int(given) < 1:
        raise ValueError(f"${name} must be a positive whole number, got {given[:40]!r}.")
    return int(given)
