"""Records as tables: how long one waits, what the draws are worth, and where hbdash is behind."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np

from benchmarks.peers.measure import DATA, TIMES, Record
from benchmarks.peers.protocol import ARMS
from benchmarks.table import geometric_mean, show

OWN = "hbdash"
PARAMETERIZATIONS = ("centered", "noncentered", "mixed")
#: What an answer is judged by, more being better.
RATES: dict[str, Callable[[Record], float]] = {
    "ESS / s": lambda record: record.ess / (record.seconds or np.nan),
    "ESS / 1,000 gradients": lambda record: 1000 * record.ess / record.gradients,
}


def report(records: Sequence[Record]) -> None:
    """Print all tables of what has been measured."""
    problems = list(dict.fromkeys(record.problem for record in records))
    ordered = sorted(
        records,
        key=lambda record: (
            problems.index(record.problem),
            PARAMETERIZATIONS.index(record.parameterization),
            ARMS.index(record.arm),
        ),
    )
    waiting(ordered)
    quality(ordered)
    against(ordered)


def waiting(records: Sequence[Record]) -> None:
    """For each problem and arm the seconds to a posterior."""
    rows = []
    for problem, arm in _distinct(records, "problem", "arm"):
        mine = _of(records, problem=problem, arm=arm)
        rows.append([problem, arm, *(cell(_of(mine, what=what)) for what in TIMES)])
    show(
        "Seconds to a posterior of 4 x (1,000 + 1,000), median (lowest to highest): a new process "
        "with nothing compiled, and compiled before; in it other data, another parameterization",
        ["problem", "arm", *TIMES],
        rows,
    )


def quality(records: Sequence[Record]) -> None:
    """For each parameterization what the draws are worth."""
    rows = []
    for problem, parameterization, arm in _distinct(records, "problem", "parameterization", "arm"):
        mine = _of(records, problem=problem, parameterization=parameterization, arm=arm)
        warm, every = _of(mine, what=DATA), [record for record in mine if not record.none]
        rows.append(
            [
                f"{problem}, {parameterization}",
                arm,
                cell(warm),
                _spread([record.ess for record in every]),
                *(_spread(_values(mine, measure)) for measure in RATES),
                _spread([record.error for record in every], 2),
            ]
        )
    show(
        "Lowest bulk ESS and largest error over the population's coordinates, median (lowest to "
        "highest); seconds, and ESS per second, of the runs on other data",
        ["problem", "arm", "s / run", "ESS", *RATES, "error, MCSE"],
        rows,
    )


def against(records: Sequence[Record]) -> None:
    """How many times hbdash is better than each arm, and wherever it is not."""
    others = [arm for (arm,) in _distinct(records, "arm") if arm != OWN]
    measures = (*TIMES, *RATES)
    found = {(arm, m): ratios(records, arm, m) for arm, m in product(others, measures)}
    rows = [[arm, *(_mean(list(found[arm, m].values())) for m in measures)] for arm in others]
    show(
        "hbdash is so many times faster, or its ESS so many times higher: geometric mean over "
        "problems and parameterizations (lowest to highest)",
        ["against", *measures],
        rows,
    )
    behind = [
        [case, arm, measure, f"{ratio:.2f}"]
        for (arm, measure), cases in found.items()
        for case, ratio in cases.items()
        if ratio < 1
    ]
    if behind:
        show("Where hbdash is behind", ["problem", "against", "measure", "times"], behind)


def ratios(records: Sequence[Record], arm: str, measure: str) -> dict[str, float]:
    """How many times better hbdash's median is than an arm's, by case; where both have one."""
    found = {}
    for problem, parameterization in _distinct(records, "problem", "parameterization"):
        here = _of(records, problem=problem, parameterization=parameterization)
        ours, theirs = (_values(_of(here, arm=name), measure) for name in (OWN, arm))
        if ours and theirs:
            times = float(np.median(ours) / np.median(theirs))
            found[f"{problem}, {parameterization}"] = times if measure in RATES else 1 / times
    return found


def cell(records: Sequence[Record]) -> str:
    """Median seconds with the range, and how often there was no answer."""
    failures = [record.none for record in records if record.none]
    seconds = [record.seconds for record in records if record.seconds is not None]
    if failures and not seconds:
        return failures[0]
    return _spread(seconds) + (f", {len(failures)} x {failures[0]}" if failures else "")


def _values(records: Sequence[Record], measure: str) -> list[float]:
    """The numbers of one measure; ESS per second is that of a warm run."""
    if measure in RATES:
        kept = _of(records, what=DATA) if measure == "ESS / s" else records
        return [RATES[measure](record) for record in kept if not record.none]
    timed = _of(records, what=measure)
    return [record.seconds for record in timed if record.seconds is not None]


def _spread(values: Sequence[float], digits: int = 3) -> str:
    if not values:
        return "-"
    low, middle, high = (_number(f(values), digits) for f in (min, np.median, max))
    return middle if len(values) == 1 else f"{middle} ({low} to {high})"


def _number(value: Any, digits: int) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def _mean(values: Sequence[float]) -> str:
    if not values:
        return "-"
    mean, low, high = (_number(f(values), 3) for f in (geometric_mean, min, max))
    return f"{mean} ({low} to {high})"


def _of(records: Iterable[Record], **wanted: str) -> list[Record]:
    return [r for r in records if all(getattr(r, name) == x for name, x in wanted.items())]


def _distinct(records: Sequence[Record], *names: str) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(getattr(r, name) for name in names) for r in records))
