"""A sweep of 64 specs on a Dask cluster of one worker and of two: ``-m benchmarks.cluster``.

Each worker is a process of its own that keeps to one processor, so that the second one brings the
second processor. Scheduler and asking process run beside them, on whichever is free.
"""

import argparse
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.table import show, spread
from hbdash import cluster
from hbdash.spec import RunSpec
from hbdash.sweeps import sweep

#: Sixteen chains of few draws: a second of work on one processor, and a result of a megabyte.
SAMPLER = {"num_chains": 16, "num_warmup": 1000, "num_samples": 500}
SPECS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    repetitions = parser.parse_args().repetitions
    processors = sorted(os.sched_getaffinity(0))[:2]
    if len(processors) < 2:
        raise SystemExit("Two workers need two processors.")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HBDASH_STORE"] = folder
        clusters = {n: Cluster(Path(folder) / f"{n}", processors[:n]) for n in (1, 2)}
        try:
            for one in clusters.values():
                one.warm()
            seconds: dict[int, list[float]] = {1: [], 2: []}
            here: dict[int, list[float]] = {1: [], 2: []}
            for repetition in range(repetitions):
                for workers, one in clusters.items():
                    first = 10_000 * workers + 100 * repetition
                    wall, busy = one.measure(range(first, first + SPECS))
                    seconds[workers].append(wall)
                    here[workers].append(busy)
        finally:
            for one in clusters.values():
                one.close()
    show(
        f"A sweep of {SPECS} specs, 16 x (1,000 + 500), strong scene, non-centered",
        ("workers", "wall, s", "specs / s", "of it processor seconds of the asking process"),
        [
            (str(n), spread(seconds[n]), spread([SPECS / s for s in seconds[n]]), spread(here[n]))
            for n in clusters
        ],
    )
    efficiency = [one / (2 * two) for one, two in zip(seconds[1], seconds[2], strict=True)]
    print(f"\nefficiency T1 / (2 T2): {spread(efficiency)}")


class Cluster:
    """A scheduler with a worker on each of the processors; close it when done."""

    def __init__(self, folder: Path, processors: list[int]) -> None:
        folder.mkdir()
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        self.address, self._size = f"tcp://127.0.0.1:{port}", len(processors)
        words = ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
        self._processes = [_start(words, folder / "scheduler.log")]
        for number, processor in enumerate(processors):
            words = ["worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
            words += ["--local-directory", str(folder / f"worker{number}")]
            worker = _start(words, folder / f"worker{number}.log")
            os.sched_setaffinity(worker.pid, {processor})
            self._processes.append(worker)

    def warm(self) -> None:
        """Compile on every worker."""
        os.environ["HBDASH_SCHEDULER"] = self.address
        while cluster.size() < self._size:
            time.sleep(0.1)
        # The first few are handed out in turn.
        with ThreadPoolExecutor(2 * self._size) as pool:
            list(pool.map(cluster.run, [_spec(seed) for seed in range(2 * self._size)]))

    def measure(self, seeds: range) -> tuple[float, float]:
        """Sweep once; return wall seconds, and processor seconds of this process."""
        os.environ["HBDASH_SCHEDULER"] = self.address
        began, busy = time.perf_counter(), _busy()
        table = sweep(_spec(0), {"sampler.seed": list(seeds)})
        wall = time.perf_counter() - began
        assert table["failed"].isna().all() and cluster.trouble() is None, table["failed"].tolist()
        return wall, _busy() - busy

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.wait()


def _spec(seed: int) -> RunSpec:
    return RunSpec.model_validate(
        {
            "data": {"source": "scene", "name": "strong"},
            "parameterization": {"kind": "noncentered"},
            "sampler": SAMPLER | {"seed": seed},
        }
    )


def _start(words: list[str], log: Path) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HBDASH_")}
    with log.open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            env=environment | {"PYTHONPATH": os.getcwd()},
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _busy() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
