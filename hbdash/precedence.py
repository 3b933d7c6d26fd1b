"""Who works first on a server that many share: pages one after another, then runs, then the disk.

Python's lock lets one thread work at a time. Twenty pages made at once hand it to each other at
every call into a library, and all of them are slow; one after another, each is there at once and
the last no later. A run that ends is one more page to make, so it does not begin while pages wait.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds after which the next page begins beside one that takes long.
TURN = 0.5
#: Seconds that a page which nobody asked for lets others go before it.
LATER = 1.0
#: Seconds after which work begins though pages still wait: under any load it is done.
PATIENCE = 0.5

_change = threading.Condition()
#: Who waits for a turn, the earliest of these times first; and who has one, with when it ends.
_line: dict[int, float] = {}
_turns: dict[int, float] = {}


@contextmanager
def page(*, asked_for: bool = True) -> Iterator[None]:
    """Make a page, or a part of one, in turn; inside another of the same thread, it has its turn.

    What somebody asked for by moving a control goes before what follows by itself.
    """
    me = threading.get_ident()
    if me in _turns:
        yield
        return
    _begin(me, 0 if asked_for else LATER)
    try:
        yield
    finally:
        _end(me)


@contextmanager
def pause() -> Iterator[None]:
    """Let others have the turn while a page does nothing but wait."""
    me = threading.get_ident()
    if me not in _turns:
        yield
        return
    _end(me)
    try:
        yield
    finally:
        _begin(me, LATER)


def give_way(patience: float = PATIENCE) -> None:
    """Wait until no page waits for its turn, or patience ends."""
    with _change:
        _change.wait_for(lambda: not _line, patience)


def _begin(me: int, later: float) -> None:
    with _change:
        _line[me] = time.monotonic() + later
        while not (first := min(_line, key=_line.__getitem__) == me) or _left() > 0:
            _change.wait(_left() if first else TURN)
        del _line[me]
        _turns[me] = time.monotonic() + TURN
        _change.notify_all()


def _end(me: int) -> None:
    with _change:
        del _turns[me]
        _change.notify_all()


def _left() -> float:
    """Seconds until the last turn ends, if its page does not end before."""
    return max(_turns.values(), default=0.0) - time.monotonic()
