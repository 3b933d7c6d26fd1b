"""The queue: each question once, for everybody who asks, and every end in words."""

import time
from collections.abc import Iterator
from typing import Any

import jax
import pytest
import xarray as xr

from hbdash import jobs as jobs_
from hbdash import store
from hbdash.jobs import Job, Jobs
from hbdash.run import run
from hbdash.spec import RunSpec
from tests.questions import ask, same, written

LONG = ask("strong", "noncentered", num_samples=20_000)


@pytest.fixture(autouse=True)
def no_trouble(monkeypatch):
    monkeypatch.setattr(store, "_trouble", None)
    monkeypatch.setattr(store, "WRITE_DELAY", 0.0)


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    queue = Jobs()
    yield queue
    for session in ("one", "two", "three"):
        queue.want(session, [])
    assert until(lambda: not any(job.active for job in queue._jobs.values()))
    written()


@pytest.fixture
def asked(monkeypatch) -> list[RunSpec]:
    """Collect the questions that are run."""
    specs: list[RunSpec] = []

    def counted(spec: RunSpec, *args: Any) -> xr.DataTree:
        specs.append(spec)
        return run(spec, *args)

    monkeypatch.setattr(jobs_, "run", counted)
    return specs


def until(condition, seconds: float = 120) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.002)
    return False


def finished(*jobs: Job) -> None:
    assert until(lambda: not any(job.active for job in jobs)), [job.phase for job in jobs]


def sampling(job: Job) -> None:
    assert until(lambda: job.phase == "sampling" or not job.active) and job.active


def test_a_question_is_answered(jobs):
    spec = ask()
    (job,) = jobs.want("one", [spec])
    finished(job)
    assert (job.phase, job.error, job.result, job.fraction) == ("done", None, spec.key, 1.0)
    dt = job.draws()
    assert dt is not None
    same(dt, run(spec))


def test_two_sessions_share_one_run(jobs, asked):
    (one,) = jobs.want("one", [LONG])
    (two,) = jobs.want("two", [LONG.model_copy()])
    assert one is two and one.wanted_by == {"one", "two"}
    (again,) = jobs.want("one", [LONG])
    assert again is one
    sampling(one)
    one.stop()
    finished(one)
    assert len(asked) == 1


def test_the_same_question_twice_in_one_breath_runs_once(jobs, asked):
    first, second = jobs.want("one", [ask(), ask()])
    assert first is second
    finished(first)
    assert len(asked) == 1


def test_sessions_take_turns_and_each_is_answered_in_the_order_asked(jobs, asked):
    specs = [ask(seed=seed, num_samples=5) for seed in range(6)]
    found = jobs.want("one/funnel", specs[:4]) + jobs.want("two/funnel", specs[4:5])
    found += jobs.want("one/beside", specs[5:])
    finished(*found)
    assert {job.phase for job in found} == {"done"}
    order = [specs.index(spec) for spec in asked]
    assert [one for one in order if one != 4] == [0, 1, 2, 3, 5]
    assert order.index(4) <= 2  # one run may have begun before the other session asked


def test_a_run_that_nobody_wants_any_more_is_dropped(jobs):
    first, second = jobs.want("one", [LONG, ask(seed=9)])
    sampling(first)
    (other,) = jobs.want("one", [ask(seed=8)])
    assert second.phase == "cancelled"
    finished(first, other)
    assert first.phase == "cancelled" and first.result is None and other.phase == "done"
    assert until(lambda: set(jobs._jobs.values()) == {other})
    assert store.find(LONG) is None


def test_a_shared_run_survives_one_session_s_leaving(jobs):
    spec = ask("strong", "noncentered", num_samples=8000)
    (job,) = jobs.want("one", [spec])
    jobs.want("two", [spec])
    sampling(job)
    jobs.want("one", [])
    assert job.wanted_by == {"two"}
    finished(job)
    assert job.phase == "done" and job.result == spec.key


def test_a_cancelled_question_can_be_asked_again(jobs):
    (job,) = jobs.want("one", [LONG])
    sampling(job)
    jobs.want("one", [])
    finished(job)
    (again,) = jobs.want("one", [LONG])
    assert again is not job and again.active


def test_a_question_asked_again_while_it_is_being_cancelled_is_answered(jobs, monkeypatch):
    calls = []

    def leaving(spec, *args):
        calls.append(spec)
        if len(calls) == 1:  # everybody left, and one came back before the run had ended
            raise jobs_.Cancelled
        return run(spec, *args)

    monkeypatch.setattr(jobs_, "run", leaving)
    (job,) = jobs.want("one", [ask()])
    finished(job)
    assert job.phase == "done" and len(calls) == 2


def test_a_stopped_run_is_kept_and_found_again(jobs, asked):
    (job,) = jobs.want("one", [LONG])
    sampling(job)
    assert until(lambda: job.fraction > 0.1)
    job.stop()
    finished(job)
    assert job.phase == "done" and job.result is not None and job.result != LONG.key
    dt = job.draws()
    assert dt is not None and 1 <= dt["posterior"].sizes["draw"] < 20_000
    (again,) = jobs.want("one", [LONG])
    assert again is job
    shorter = RunSpec.model_validate_json(dt.attrs["spec"])
    written()
    store.forget()
    (stored,) = jobs.want("two", [shorter])
    assert stored.phase == "done" and len(asked) == 1


def test_a_run_goes_on_from_the_one_that_was_kept(jobs, monkeypatch):
    given: list[xr.DataTree | None] = []

    def counted(spec, on_chunk, earlier, question):
        given.append(earlier)
        return run(spec, on_chunk, earlier, question)

    monkeypatch.setattr(jobs_, "run", counted)
    (job,) = jobs.want("one", [ask(num_samples=60)])
    finished(job)
    (longer,) = jobs.want("one", [ask(num_samples=100)])
    finished(longer)
    assert given[0] is None and given[1] is not None
    assert given[1]["posterior"].sizes["draw"] == 60
    same(store.load(longer.result), run(ask(num_samples=100)))


def test_stopping_in_the_warmup_leaves_nothing(jobs):
    spec = ask("strong", "noncentered", num_warmup=10_000)
    (job,) = jobs.want("one", [spec])
    assert until(lambda: job.phase == "warming up" and job.progress is not None)
    assert job.draws() is None
    job.stop()
    finished(job)
    assert job.phase == "cancelled" and job.result is None and store.find(spec) is None


def test_divergences_stop_a_run_and_its_beginning_answers_the_question_again(jobs, asked):
    spec = ask("weak", "centered", num_samples=2500, max_divergences=10)
    (job,) = jobs.want("one", [spec])
    finished(job)
    assert job.phase == "done" and job.result is not None and job.result != spec.key
    dt = store.load(job.result)
    assert dt is not None and int(dt["sample_stats"]["diverging"].sum()) >= 10
    jobs.want("one", [])
    written()
    store.forget()
    (again,) = jobs.want("two", [spec])
    assert (again.phase, again.result) == ("done", job.result)
    assert len(asked) == 1
    (patient,) = jobs.want(
        "two",
        [
            spec.model_copy(
                update={"sampler": spec.sampler.model_copy(update={"max_divergences": None})}
            )
        ],
    )
    finished(patient)
    assert patient is not again and patient.result == spec.key and len(asked) == 2


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (ValueError("`groups` must name groups from 0 to 8."), "`groups` must name groups"),
        (LookupError("The table is not on this machine."), "The table is not on this machine."),
        (RuntimeError("a detail\nof many lines"), "RuntimeError: a detail."),
        (MemoryError(), "MemoryError: no message."),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out"), "RESOURCE_EXHAUSTED: out."),
        (FloatingPointError("invalid"), "FloatingPointError: invalid"),
    ],
)
def test_every_failure_is_said_and_the_next_run_goes_on(jobs, monkeypatch, failure, said, caplog):
    def fail(*_):
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(jobs_, "run", fail)
        (job,) = jobs.want("one", [ask()])
        finished(job)
    assert job.phase == "failed" and job.result is None and job.draws() is None
    assert job.error is not None and said in job.error and "Traceback" not in job.error
    assert len(job.error.splitlines()) == 1
    (again,) = jobs.want("one", [ask()])
    assert again is not job
    finished(again)
    assert again.phase == "done"


def test_a_question_that_cannot_be_asked_fails_in_words(jobs):
    wrong = ask().model_copy(
        update={
            "parameterization": ask(kind="partial").parameterization.model_copy(
                update={"centeredness": (0.5, 0.5)}
            )
        }
    )
    (job,) = jobs.want("one", [wrong])
    finished(job)
    assert job.phase == "failed" and job.error is not None and "got 2" in job.error


def test_contradicting_priors_fail_in_words(jobs):
    data = {"source": "estimates", "group": [str(k) for k in range(9)]}
    data |= {"estimate": [1e200] * 9, "standard_error": [1.0] * 9}
    (job,) = jobs.want("one", [RunSpec.model_validate({"data": data})])
    finished(job)
    assert job.phase == "failed" and job.error is not None and "Widen the priors" in job.error


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_worker_is_replaced(jobs, monkeypatch):
    def die(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(jobs_, "run", die)
        (job,) = jobs.want("one", [ask()])
        assert until(lambda: not jobs._workers["groups"].is_alive())
    assert job.phase == "failed" and job.error is not None and "Ask again" in job.error
    (again,) = jobs.want("one", [ask()])
    finished(again)
    assert again.phase == "done"


def test_progress_only_grows(jobs):
    (job,) = jobs.want("one", [ask("strong", "noncentered", num_samples=5000)])
    order, seen = ["waiting", "compiling", "warming up", "sampling", "done"], []
    while job.active:
        seen.append((order.index(job.phase), job.fraction))
        time.sleep(0.001)
    phases, fractions = zip(*seen, (4, job.fraction), strict=True)
    assert list(phases) == sorted(phases) and phases[-2] == 3
    assert list(fractions) == sorted(fractions) and 0 <= fractions[0] and fractions[-1] == 1
    assert len(set(fractions)) > 5


def test_draws_can_be_looked_at_while_a_job_runs(jobs):
    (job,) = jobs.want("one", [LONG])
    sampling(job)
    assert until(lambda: job.draws() is not None)
    lengths = []
    for _ in range(5):
        dt = job.draws()
        assert dt is not None
        lengths.append(dt["posterior"].sizes["draw"])
        time.sleep(0.02)
    assert lengths == sorted(lengths) and lengths[0] < 20_000


def test_a_restarted_server_still_has_the_answer(jobs, asked):
    (job,) = jobs.want("one", [ask()])
    finished(job)
    written()
    store.forget()
    restarted = Jobs()
    (again,) = restarted.want("one", [ask()])
    assert again.phase == "done" and again.result == job.result and len(asked) == 1
    dt = again.draws()
    assert dt is not None
    same(dt, run(ask()))


def test_an_answer_that_was_evicted_is_run_again(jobs, asked, tmp_path, monkeypatch):
    (job,) = jobs.want("one", [ask()])
    finished(job)
    written()
    store.forget()
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path / "empty"))
    assert job.draws() is None
    (again,) = jobs.want("one", [ask()])
    finished(again)
    assert again is not job and again.phase == "done" and len(asked) == 2


def test_only_so_many_may_wait(jobs, monkeypatch):
    monkeypatch.setattr(jobs_, "MOST_WAITING", 3)
    (running,) = jobs.want("one", [LONG])
    sampling(running)
    waiting = jobs.want("two", [ask(seed=seed, num_samples=5) for seed in range(3)])
    with pytest.raises(ValueError, match="3 runs are waiting already"):
        jobs.want("three", [ask(seed=7)])
    jobs.want("two", [])
    assert {job.phase for job in waiting} == {"cancelled"}
    with pytest.raises(ValueError, match="waiting"):
        jobs.want("three", [ask(seed=seed) for seed in range(4)])
    assert not any(job.phase == "waiting" for job in jobs._jobs.values())
    assert running.active and running.wanted_by == {"one"}
    jobs.want("one", [ask(seed=20)])
