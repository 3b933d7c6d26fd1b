"""Runs on a real Dask cluster: a scheduler and two workers in processes of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import jax
import numpy as np
import pytest

from hbdash import cluster, cluster_worker, spec_key, store
from hbdash import jobs as jobs_
from hbdash.jobs import Job, Jobs
from hbdash.population.kept_events import keep_events, kept_events
from hbdash.population.spec import PopulationSpec
from hbdash.run import run
from hbdash.spec import RunSpec
from hbdash.tables import kept_tables
from hbdash.tables.csv_table import read_csv
from hbdash.tables.upload import Columns, save_table, tidy
from tests.questions import ask, same, written

ROOT = Path(__file__).parents[1]
#: Seconds that anything may take on a machine that does much else.
LONG = 240
#: A run of many seconds.
SLOW = ask("strong", "noncentered", num_samples=45_000)


@dataclass
class Dask:
    """The processes of a cluster."""

    folder: Path
    scheduler: subprocess.Popen
    address: str
    workers: list[subprocess.Popen] = field(default_factory=list)

    def add_worker(self) -> None:
        number = len(self.workers)
        place = self.folder / f"worker{number}"
        self.workers.append(
            _started(
                ["worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
                + ["--local-directory", str(place)],
                self.folder / f"worker{number}.log",
            )
        )

    def worker_of(self, address: str) -> subprocess.Popen:
        pids = cluster._connected().run(os.getpid)
        return next(one for one in self.workers if one.pid == pids[address])


def _started(words: list[str], log: Path, **different: str) -> subprocess.Popen:
    """Start a process of Dask beside the package, in a folder that is not the package's."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HBDASH_")}
    environment["PYTHONPATH"] = str(ROOT)
    # What this process has compiled is read rather than compiled again by each worker.
    environment["JAX_COMPILATION_CACHE_DIR"] = str(jax.config.jax_compilation_cache_dir)
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    with log.open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            env=environment | different,
            cwd=log.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def dask(tmp_path_factory) -> Iterator[Dask]:
    folder, port = tmp_path_factory.mktemp("dask"), _free_port()
    words = ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    scheduler = _started(words, folder / "scheduler.log", PYTHONPATH="")  # needs no hbdash
    found = Dask(folder, scheduler, f"tcp://127.0.0.1:{port}")
    try:
        found.add_worker()
        found.add_worker()
        run(ask(num_samples=5))  # compiles, while they start
        yield found
    finally:
        if (client := cluster._clients.pop(found.address, None)) is not None:
            client.close(timeout=5)
        for process in (*found.workers, scheduler):
            process.kill()
            process.wait()


@pytest.fixture(autouse=True)
def here(dask, monkeypatch) -> None:
    monkeypatch.setenv("HBDASH_SCHEDULER", dask.address)
    monkeypatch.setattr(cluster, "PATIENCE", 30.0)
    monkeypatch.setattr(cluster, "SILENCE", 120.0)
    monkeypatch.setattr(store, "WRITE_DELAY", 0.0)
    cluster._refused.clear()
    assert until(lambda: cluster.size() >= len([w for w in dask.workers if w.poll() is None]))


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    queue = Jobs()
    yield queue
    for session in ("one", "two"):
        queue.want(session, [])
    assert until(lambda: not any(job.active for job in queue._jobs.values()))
    written()


def until(condition) -> bool:
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def finished(*found: Job) -> None:
    assert until(lambda: not any(job.active for job in found)), [job.phase for job in found]


def sampling(job: Job) -> None:
    assert until(lambda: job.phase == "sampling" or not job.active) and job.active, job.error


def test_a_run_on_a_worker_is_the_run_of_this_process(jobs):
    spec, seen = ask(), []
    (job,) = jobs.want("one", [spec])
    while job.active:
        seen.append(job.phase)
        time.sleep(0.01)
    assert (job.phase, job.error, job.result) == ("done", None, spec.key)
    assert cluster.WAITING in seen and "compiling" in seen and cluster.trouble() is None
    dt = job.draws()
    assert dt is not None
    same(dt, run(spec))
    written()
    store.forget()
    (again,) = jobs.want("two", [spec])
    assert again.phase == "done"


def test_each_worker_keeps_to_a_folder_of_its_own(dask):
    cluster.run(ask(seed=1, num_samples=5))
    places = cluster._connected().run(cluster_worker.store.root)
    for worker, place in places.items():
        assert str(place).startswith(str(dask.folder)), worker
    assert len(set(places.values())) == len(dask.workers)
    assert not list((store.root() / "runs").glob("*")) if store.root().exists() else True


def test_two_workers_run_beside_each_other_and_can_be_watched_stopped_and_left(jobs, monkeypatch):
    asked = []

    def counted(spec, *others):
        asked.append(spec)
        return there(spec, *others)

    there = cluster.run
    monkeypatch.setattr(jobs_.cluster, "run", counted)
    other = ask("strong", "noncentered", num_samples=45_000, seed=1)
    (kept,) = jobs.want("one", [SLOW])
    same_one, left = jobs.want("two", [SLOW, other])
    assert same_one is kept and kept.wanted_by == {"one", "two"}
    assert until(lambda: len(set(cluster._begun.values()) - {None}) == 2 or not kept.active)
    sampling(kept)
    assert until(lambda: kept.draws() is not None or not kept.active) and kept.active
    assert kept.progress is not None and "gradients" in kept.progress.describe()
    dt = kept.draws()
    assert dt is not None and 1 <= dt["posterior"].sizes["draw"] < 45_000
    before = kept.fraction
    assert until(lambda: kept.fraction > before)
    jobs.want("two", [])
    assert until(lambda: not left.active) and left.phase == "cancelled" and kept.active
    kept.stop()
    finished(kept)
    assert kept.phase == "done" and kept.result != SLOW.key
    assert len(asked) == 2 and SLOW in asked and other in asked
    assert store.find(other) is None
    # Both workers are free again: the one that was left notices at its next chunk.
    free = jobs.want("one", [ask(seed=seed, num_samples=5) for seed in (2, 3)])
    finished(*free)
    assert {job.phase for job in free} == {"done"}


def test_a_run_goes_on_from_the_one_that_is_kept_here(jobs):
    (short,) = jobs.want("one", [ask(num_samples=60)])
    finished(short)
    (longer,) = jobs.want("one", [ask(num_samples=110)])
    finished(longer)
    found = store.load(longer.result or "")
    assert found is not None
    same(found, run(ask(num_samples=110)))


def test_uploads_travel_with_the_question(jobs):
    rng = np.random.default_rng(0)
    rows = "".join(f"g{k},{rng.normal(k, 10):.3f}\n" for k in range(9) for _ in range(4))
    table = read_csv(f"group,value\n{rows}".encode())
    sha256 = save_table(tidy(table, Columns("rows", "group", "value")))
    spec = RunSpec.model_validate(
        {
            "data": {"source": "uploaded", "sha256": sha256, "sigma": 10.0},
            "sampler": {"num_samples": 20},
        }
    )
    (job,) = jobs.want("one", [spec])
    finished(job)
    assert job.phase == "done", job.error


def test_uploads_are_found_by_hash_and_kept_as_they_were(tmp_path, monkeypatch):
    table = kept_tables.save({"x": np.arange(3.0)})
    events = keep_events({"event_0.dat": b"mass_1_source mass_2_source\n20 10\n"})
    spec = PopulationSpec.model_validate(
        {
            "data": {"source": "uploaded_events", "sha256": events},
            "pmean": {"estimator_type": "neural_vt", "filename": "net.h5", "sha256": table},
        }
    )
    found = cluster.uploads(spec)
    assert {(kind, sha256) for kind, sha256, _ in found} == {("file", events), ("table", table)}
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path / "elsewhere"))
    with pytest.raises(LookupError):
        kept_events(events)
    for kind, sha256, content in found:
        cluster_worker._keep(cluster_worker.PLACES[kind](sha256), content)
    assert list(kept_events(events)) == ["event_0.dat"]
    np.testing.assert_array_equal(kept_tables.load(table, ("x",))["x"], np.arange(3.0))


def test_what_a_worker_refuses_is_said_here(jobs):
    data = {"source": "estimates", "group": [str(k) for k in range(9)]}
    data |= {"estimate": [1e200] * 9, "standard_error": [1.0] * 9}
    (job,) = jobs.want("one", [RunSpec.model_validate({"data": data})])
    finished(job)
    assert job.phase == "failed" and job.error is not None and "Widen the priors" in job.error


def test_workers_of_another_version_are_told_apart(jobs, monkeypatch):
    monkeypatch.setattr(spec_key, "VERSION", 99)
    (job,) = jobs.want("one", [ask(seed=4)])
    finished(job)
    assert job.phase == "failed" and job.error is not None
    assert "spec 99 here" in job.error and "run again" in job.error


def test_versions_are_compared_from_both_sides():
    mine = cluster_worker.versions()
    assert cluster_worker.differences(mine, dict(mine)) is None
    newer, said = mine | {"jax": "99.0"}, f"jax 99.0 there and {mine['jax']} here"
    assert said in (cluster_worker.differences(newer, mine) or "")
    without = {name: value for name, value in mine.items() if name != "numpyro"}
    assert "numpyro missing there" in (cluster_worker.differences(without, mine) or "")
    assert "numpyro missing here" not in (cluster_worker.differences(mine, without) or "")


def test_without_a_scheduler_this_process_answers_and_says_so(jobs, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 0.5)
    nobody = f"tcp://127.0.0.1:{_free_port()}"
    monkeypatch.setenv("HBDASH_SCHEDULER", nobody)
    spec = ask(seed=5)
    (job,) = jobs.want("one", [spec])
    finished(job)
    assert job.phase == "done" and job.result == spec.key
    told = cluster.trouble()
    assert told is not None and nobody in told and "makes the runs itself" in told
    assert cluster.size() == 0


def test_a_run_whose_worker_is_killed_is_begun_again_by_another(dask, jobs):
    (job,) = jobs.want("one", [ask("strong", "noncentered", num_samples=8000, seed=6)])
    sampling(job)
    (address,) = cluster._begun.values()
    assert address is not None
    dask.worker_of(address).send_signal(signal.SIGKILL)
    assert until(lambda: address not in cluster._begun.values()) and job.active
    finished(job)
    assert job.phase == "done" and job.result == job.spec.key and cluster.trouble() is None


def test_a_run_without_workers_left_is_made_here(dask, jobs, monkeypatch):
    (job,) = jobs.want("one", [ask("strong", "noncentered", num_samples=8000, seed=7)])
    sampling(job)
    monkeypatch.setattr(cluster, "PATIENCE", 3.0)
    monkeypatch.setattr(cluster, "SILENCE", 2.0)
    for worker in dask.workers:
        worker.kill()
        worker.wait()
    finished(job)
    assert job.phase == "done" and job.result == job.spec.key
    assert "has no workers" in (cluster.trouble() or "")


def test_a_run_whose_scheduler_goes_away_is_made_here(dask, jobs):
    (job,) = jobs.want("one", [ask("strong", "noncentered", seed=8)])
    assert until(lambda: job.phase == cluster.WAITING)
    dask.scheduler.kill()
    finished(job)
    assert job.phase == "done" and job.result == job.spec.key
    assert "went away" in (cluster.trouble() or "")
