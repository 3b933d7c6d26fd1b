"""A run seen from a terminal: one line of progress, and what Ctrl-C does."""

import atexit
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TextIO

from hbdash.cli.status import ABANDONED

#: Seconds between two looks at a run, and between two lines where there is no terminal.
LOOK, LINE = 0.2, 10.0
#: Signs of a bar.
BAR = 20
#: Seconds that an abandoned run is given to reach the end of its chunk.
PATIENCE = 10.0


class Abandoned(Exception):
    """The run was given up from the keyboard; nothing is kept."""


def duration(seconds: float) -> str:
    """Say how long something takes: "8 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


@dataclass
class Watch:
    """What is shown of a run, and asked of it, while it is on its way.

    Attributes
    ----------
    quiet : show no progress.
    stream : standard error, unless told.
    presses : how often Ctrl-C was pressed: once stops and keeps, twice abandons.
    """

    quiet: bool = False
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    presses: int = 0
    _progress: Any = None
    _began: float = field(default_factory=time.monotonic)
    _said: float = field(default_factory=time.monotonic)
    _open: bool = False

    def on_chunk(self, progress: Any) -> bool:
        """Take note of a chunk; False once the run is to stop.

        Raises
        ------
        Abandoned
            When Ctrl-C was pressed twice.
        """
        self._progress = progress
        if self.presses > 1:
            raise Abandoned
        return not self.presses

    def press(self, *_: Any) -> None:
        """Take note of Ctrl-C, or of the wish of a batch system that the process ends."""
        self.presses += 1
        self.say(
            "Stopping: what has been drawn is kept. Ctrl-C again abandons it."
            if self.presses == 1
            else "Abandoning: nothing is kept."
        )

    def say(self, text: str) -> None:
        """Write a line of its own."""
        self.stream.write(f"\r\x1b[K{text}\n" if self._open else f"{text}\n")
        self.stream.flush()
        self._open = False

    def look(self) -> None:
        """Show where the run is: over the last line on a terminal, else now and then."""
        if self.quiet or self.presses:
            return
        now = time.monotonic()
        if self.stream.isatty():
            width = shutil.get_terminal_size().columns - 1
            self.stream.write(f"\r{f'{self.bar()} {self.line()}'[:width]}\x1b[K")
            self.stream.flush()
            self._open = True
        elif now - self._said >= LINE:
            self.say(self.line())
            self._said = now

    def line(self) -> str:
        """Describe the run in one line."""
        took = duration(time.monotonic() - self._began)
        if self._progress is None:
            return f"  0 % preparing, {took}"
        fraction, said = self._progress.fraction, self._progress.describe()
        said += " · summarizing" * (fraction >= 1)  # which may take as long as the draws did
        return f"{fraction:4.0%} {said}, {took}".replace("%", " %", 1)

    def bar(self) -> str:
        """Draw the share that is done, `BAR` signs long."""
        done = 0 if self._progress is None else round(BAR * min(self._progress.fraction, 1.0))
        return "█" * done + "░" * (BAR - done)

    def close(self) -> None:
        """Take the line of progress away."""
        if self._open:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self._open = False


def follow(work: Callable[[Callable[[Any], bool]], Any], watch: Watch) -> Any:
    """Do work in a thread of its own, show its progress and obey the keyboard.

    Parameters
    ----------
    work : called with `Watch.on_chunk`, which it calls after each chunk.

    Returns
    -------
    What `work` returns; what it raises is raised here.

    Raises
    ------
    Abandoned
        When Ctrl-C was pressed twice.
    """
    result: list[Any] = []
    failure: list[BaseException] = []

    def worked() -> None:
        try:
            result.append(work(watch.on_chunk))
        except BaseException as error:  # raised again below, where somebody hears it
            failure.append(error)

    # XLA does not return to the interpreter while it compiles, so signals need another thread.
    thread = threading.Thread(target=worked, daemon=True, name="hbdash")
    with _obeying(watch):
        thread.start()
        until = None
        while thread.is_alive():
            thread.join(LOOK)
            watch.look()
            if watch.presses > 1:
                until = until or time.monotonic() + PATIENCE
                if time.monotonic() > until:
                    # An interpreter that ends under a thread inside XLA aborts with a message.
                    atexit.register(os._exit, ABANDONED)
                    break
        watch.close()
    if watch.presses > 1:
        raise Abandoned
    if failure:
        raise failure[0]
    return result[0]


@contextmanager
def _obeying(watch: Watch) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = (signal.SIGINT, signal.SIGTERM)
    earlier = {name: signal.signal(name, watch.press) for name in names}
    try:
        yield
    finally:
        for name, handler in earlier.items():
            signal.signal(name, handler)
