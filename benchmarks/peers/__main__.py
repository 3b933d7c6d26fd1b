"""The table: ``python -m benchmarks.peers``, see README.md beside this file."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.peers.measure import Record, session
from benchmarks.peers.problems import problems
from benchmarks.peers.protocol import ARMS
from benchmarks.peers.report import report


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, and print the tables."""
    given = _parser().parse_args(arguments)
    known = problems(given.radon)
    if "radon" not in known:
        print("Without its table (--radon FILE) the radon problem is left out.", file=sys.stderr)
    if unknown := set(given.problems or ()) - set(known):
        print(f"No problem {', '.join(unknown)}: there are {', '.join(known)}.", file=sys.stderr)
        return 2
    arms = [arm for arm in given.arms if _installed(arm)]
    records = _read(given.records)
    done = {(r.repetition, r.problem, r.arm) for r in records}
    with tempfile.TemporaryDirectory() as folder:
        for turn in turns(given.repetitions, given.problems or list(known), arms):
            if turn in done:
                continue
            repetition, name, arm = turn
            # g++ takes a minute a program: PyStan compiles each once for all problems.
            caches = Path(folder) / (arm if arm == "stan" else "-".join(map(str, turn)))
            caches.mkdir(exist_ok=True)
            found = list(session(known[name], arm, repetition, given.timeout, caches))
            records += found
            _keep(given.records, found)
    report(records)
    return 0


def turns(
    repetitions: int, problems: Sequence[str], arms: Sequence[str]
) -> Iterator[tuple[int, str, str]]:
    """List who is asked what and when: whoever goes first finds the processor coolest."""
    for repetition in range(repetitions):
        for number, problem in enumerate(problems):
            first = (repetition + number) % len(arms)
            for arm in (*arms[first:], *arms[:first]):
                yield repetition, problem, arm


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("benchmarks.peers", description="hbdash and its peers.")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument(
        "--timeout", type=float, default=300, help="seconds that an answer may take"
    )
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--problems", nargs="+", help="all where not given")
    parser.add_argument("--radon", type=Path, help="a CSV of county, floor and log_radon")
    parser.add_argument(
        "--records",
        type=Path,
        help="keep what is measured, a JSON line each; what is there is not measured again",
    )
    return parser


def _installed(arm: str) -> bool:
    if find_spec(arm) is not None:
        return True
    print(f"{arm} is left out: it is not installed.", file=sys.stderr)
    return False


def _read(path: Path | None) -> list[Record]:
    if path is None or not path.exists():
        return []
    return [Record(**json.loads(line)) for line in path.read_text().splitlines()]


def _keep(path: Path | None, records: list[Record]) -> None:
    if path is not None:
        with path.open("a") as file:
            file.writelines(json.dumps(record.plain()) + "\n" for record in records)


if __name__ == "__main__":
    sys.exit(main())
