"""Arms are processes: a question comes as a JSON line, its answer goes back as another.

An arm is a module ``benchmarks.peers.arm_<name>`` that ends with ``serve(sample)``.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

#: Arms are named after the package that they need.
ARMS = ("hbdash", "numpyro", "nutpie", "pymc", "stan")
SCALES = ("tau", "sigma_intercept", "sigma_slope", "sigma_noise")
SITES = {
    "means": ("mu", "tau"),
    "lines": ("mu_intercept", "mu_slope", "sigma_intercept", "sigma_slope", "sigma_noise"),
}


@dataclass(frozen=True)
class Sampled:
    """What an arm's `sample` returns.

    Attributes
    ----------
    draws : by site, shape (chain, draw).
    gradients : gradient evaluations of these draws, without those of the warmup.
    spared : seconds that a compiler took in an earlier process, for the same program.
    """

    draws: dict[str, np.ndarray]
    gradients: int
    spared: float = 0.0


def serve(sample: Callable[[dict[str, Any]], Sampled]) -> None:
    """Answer questions until there are no more; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        found = sample(asked)
        ended = time.monotonic()
        draws = {}
        for site in SITES[asked["kind"]]:
            values = found.draws[site].astype(float)
            log = site in SCALES
            draws[f"log_{site}" if log else site] = (np.log(values) if log else values).tolist()
        answer = {"ended": ended, "gradients": found.gradients, "spared": found.spared}
        print(json.dumps(answer | {"draws": draws}), file=answers, flush=True)


class NoAnswer(RuntimeError):
    """An arm that took too long, or ended; the message is short enough for a cell."""


class Arm:
    """One arm's process; close it when done.

    Parameters
    ----------
    name : one of `ARMS`.
    caches : the folder of all that the library keeps for later processes.
    """

    def __init__(self, name: str, caches: Path) -> None:
        self.name = name
        self.began = time.monotonic()
        self._log = (caches / "standard_error.txt").open("a+")
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", f"benchmarks.peers.arm_{name}"],
            env=_environment(caches),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            # Chains may be processes of their own, to be ended with this one.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process, and the group of those that it starts."""
        return self._process.pid

    def ask(self, question: dict[str, Any], timeout: float, since: float | None = None) -> Any:
        """Ask, and return the answer with its "seconds".

        Parameters
        ----------
        timeout : seconds after which the process is ended.
        since : where the seconds begin on the monotonic clock; None begins with the question.

        Raises
        ------
        NoAnswer
            When none comes in time, or the process ends.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        since = time.monotonic() if since is None else since
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            left = max(0.0, since + timeout - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                raise NoAnswer(f"> {timeout:g} s")
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._log.seek(0)
            print(f"{self.name} ended:\n{self._log.read()[-3000:]}", file=sys.stderr)
            raise NoAnswer("failed")
        answer = json.loads(line)
        return answer | {"seconds": answer["ended"] - since}

    def close(self) -> None:
        """End the process and those that it started; a second time does nothing."""
        if self._log.closed:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.communicate()
        self._log.close()


def _environment(caches: Path) -> dict[str, str]:
    """Keep every library's files in one folder, and every library at its own settings."""
    unset = ("XLA_FLAGS", "JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_X64", "NUMBA_CACHE_DIR")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return kept | {
        "HBDASH_STORE": str(caches),
        "XDG_CACHE_HOME": str(caches),
        "TMPDIR": str(caches),  # what an ended process leaves goes with them
        "PYTENSOR_FLAGS": f"base_compiledir={caches}",
    }
