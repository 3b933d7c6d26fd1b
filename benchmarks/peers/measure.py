"""Ask every arm every problem, and note what each answer took and how good it was."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from arviz_stats.base.array import array_stats

from benchmarks.peers.problems import Problem
from benchmarks.peers.protocol import Arm, NoAnswer

#: What is timed, in the words of the table.
COLD = "nothing compiled"
AGAIN = "compiled before"
DATA = "other data"
PARAMETERIZATION = "other parameterization"
TIMES = (COLD, AGAIN, DATA, PARAMETERIZATION)
#: The first answer of a process that replaces one that failed: its time means nothing.
REPLACED = "replaced"


@dataclass(frozen=True)
class Record:
    """One answer, or why there is none.

    Attributes
    ----------
    what : one of `TIMES`, or `REPLACED`.
    seconds : None where there is no answer; `none` then says why.
    gradients : of the draws, without the warmup.
    ess : bulk ESS of the worst coordinate.
    error : largest distance of a coordinate's mean from the exact one, in its MCSE.
    """

    repetition: int
    problem: str
    arm: str
    parameterization: str
    what: str
    seconds: float | None = None
    none: str = ""
    gradients: int = 0
    ess: float = float("nan")
    error: float = float("nan")

    def plain(self) -> dict[str, Any]:
        """As a dict, for JSON."""
        return asdict(self)


def judge(draws: dict[str, Any], exact: dict[str, float]) -> tuple[float, float]:
    """Lowest bulk ESS and largest error in MCSE over the coordinates, by arviz-stats.

    Parameters
    ----------
    draws : by coordinate, shape (chain, draw).
    exact : the exact means.
    """
    ess: Any = array_stats.ess
    mcse: Any = array_stats.mcse
    values = np.array([draws[name] for name in exact])
    axes = {"chain_axis": 1, "draw_axis": 2}
    away = np.abs(values.mean((1, 2)) - np.array(list(exact.values())))
    errors = away / mcse(values, method="mean", **axes)
    return float(np.min(ess(values, method="bulk", **axes))), float(np.max(errors))


def session(
    problem: Problem, arm: str, repetition: int, timeout: float, caches: Path, **length: Any
) -> Iterator[Record]:
    """Ask one arm all about one problem.

    Two processes: the first is asked the first parameterization and no more; the second is asked
    every parameterization, each with the problem's own data and with others. A process that fails
    is replaced for the next parameterization.

    Parameters
    ----------
    timeout : seconds that one answer may take.
    caches : folder of what the library keeps from one process to the next.
    length : settings of the sampler other than those of `problems.LENGTH`.
    """
    changed = problem.changed(repetition)
    exact = {id(data): data.exact() for data in (problem, changed)}
    # PyStan keeps the draws of a question: with a seed of its own none is asked twice.
    seeds = iter(range(1 + 100 * repetition, 100 + 100 * repetition))

    def ask(running: Arm, parameterization: str, what: str, data: Problem) -> Record:
        about = repetition, problem.name, arm, parameterization, what
        question = data.question(parameterization, next(seeds), **length)
        try:
            answer = running.ask(
                question, timeout, running.began if what in (COLD, AGAIN) else None
            )
        except NoAnswer as reason:
            running.close()
            return Record(*about, none=str(reason))
        # What is compiled once for all problems counts where it would have to be.
        compiling = answer["spared"] if what in (COLD, PARAMETERIZATION) else 0.0
        seconds = answer["seconds"] + compiling
        ess, error = judge(answer["draws"], exact[id(data)])
        return Record(*about, seconds, "", answer["gradients"], ess, error)

    running = Arm(arm, caches)
    try:
        yield ask(running, next(iter(problem.centered)), COLD, problem)
        running.close()
        running, what = Arm(arm, caches), AGAIN
        for parameterization in problem.centered:
            found = ask(running, parameterization, what, problem)
            yield found
            if not found.none:
                found = ask(running, parameterization, DATA, changed)
                yield found
            what = PARAMETERIZATION
            if found.none:
                running, what = Arm(arm, caches), REPLACED
    finally:
        running.close()
