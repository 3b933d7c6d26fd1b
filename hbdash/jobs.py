"""The queue: runs off the script thread, each question once, progress and cancelling for all.

A session states what it wants with `Jobs.want`; a run that nobody wants any more is dropped. A
worker runs one job at a time, because a job's chains already use every processor; there are two,
so that runs of a second do not wait for those of minutes that a population takes. Jobs that a
cluster answers wait in its queue, each with a thread here.
"""

import atexit
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import xarray as xr

from hbdash import cluster, precedence, store
from hbdash.ahead import Ahead
from hbdash.quantities import variable
from hbdash.question import prepare
from hbdash.run import AnyProgress, run
from hbdash.samplers.nuts import SamplingError
from hbdash.spec import AnySpec

log = logging.getLogger(__name__)
#: How a job ends; in every other phase it is active.
OVER = ("done", "failed", "cancelled")
#: Jobs that may wait at a time, over all sessions.
MOST_WAITING = 200
#: Queues with a worker each: runs of about a second, and those of populations.
LANES = ("groups", "populations")


class Cancelled(Exception):
    """Nobody wants the run any more."""


@dataclass(eq=False)
class Job:
    """One question on its way, shared by every session that asks it.

    `phase` is waiting, compiling, one of the sampler's own (warming up, sampling, training,
    production), done, failed or cancelled. When it is done, `result` names the run in the store: a
    stopped run has fewer draws than were asked for.
    """

    spec: AnySpec
    phase: str = "waiting"
    result: str | None = None
    error: str | None = None
    progress: AnyProgress | None = None
    wanted_by: set[str] = field(default_factory=set)
    stop_asked: bool = False
    asked_at: float = field(default_factory=time.monotonic)

    @property
    def active(self) -> bool:
        """Whether the job is neither done nor failed nor cancelled."""
        return self.phase not in OVER

    @property
    def fraction(self) -> float:
        """Share of the transitions made, 0 to 1."""
        if self.progress is None:
            return 0.0 if self.active else 1.0
        return self.progress.fraction

    def stop(self) -> None:
        """End sampling after the current chunks and keep the draws."""
        self.stop_asked = True

    def draws(self) -> xr.DataTree | None:
        """The draws so far, or the finished run."""
        if self.result is not None:
            return store.load(self.result)
        progress = self.progress
        if progress is None or not progress.has_draws:
            return None
        dt = progress.draws()
        return dt if "posterior" in dt.children else None


class Jobs:
    """The queue of one server, shared by its sessions."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Job]] = {lane: deque() for lane in LANES}
        self._workers: dict[str, threading.Thread] = {}
        self._jobs: dict[str, Job] = {}
        #: Per session, the number of the turn in which it was last served.
        self._turns: dict[str, int] = {}
        self._change = threading.Condition()
        self._closed = False
        self.ahead = Ahead(lambda: not any(job.active for job in list(self._jobs.values())))
        # A daemon thread that the end of the process finds inside XLA takes it down with an abort.
        atexit.register(self.close)

    def close(self, patience: float = 30) -> None:
        """Drop everything, and wait `patience` seconds for the worker to leave the sampler."""
        with self._change:
            self._closed = True
            for queue in self._queues.values():
                queue.clear()
            for job in self._jobs.values():
                job.wanted_by.clear()
            self._change.notify_all()
        for worker in self._workers.values():
            worker.join(patience)
        self.ahead.close(patience)

    def want(self, session: str, specs: Sequence[AnySpec]) -> list[Job]:
        """Make these the runs that a session wants, queueing those that have no answer yet.

        Jobs that this session wanted before, and no session wants now, are cancelled.

        Raises
        ------
        ValueError
            When too many runs are waiting already.
        """
        with self._change:
            try:
                wanted = [self._job(spec) for spec in specs]
            except ValueError:
                self._drop_unwanted()  # what was queued before the refusal
                raise
            for job in self._jobs.values():
                job.wanted_by.discard(session)
            for job in wanted:
                job.wanted_by.add(session)
            self._drop_unwanted()
            self._change.notify_all()
            for lane in LANES:
                if lane not in self._workers or not self._workers[lane].is_alive():
                    work = threading.Thread(
                        target=self._work, args=(lane,), daemon=True, name=f"hbdash {lane}"
                    )
                    self._workers[lane] = work
                    work.start()
            return wanted

    @property
    def waiting(self) -> int:
        """Jobs that have not begun, over all sessions."""
        with self._change:
            return sum(job.phase in ("waiting", cluster.WAITING) for job in self._jobs.values())

    def is_new(self, spec: AnySpec) -> bool:
        """Whether a question would be queued: it has no answer yet, and nobody is asking it."""
        with self._change:
            return self._asked(spec) is None and answered(spec) is None

    def leave(self, sessions: str) -> None:
        """Want nothing any more, for all sessions whose name begins like this."""
        with self._change:
            self._turns.pop(sessions.partition("/")[0], None)
            for job in self._jobs.values():
                job.wanted_by -= {name for name in job.wanted_by if name.startswith(sessions)}
            self._drop_unwanted()

    def _job(self, spec: AnySpec) -> Job:
        if (job := self._asked(spec)) is not None:
            return job
        answer = answered(spec)
        job = Job(spec)
        if answer is not None:
            job.phase, job.result = "done", answer.attrs["key"]
        elif self.waiting >= MOST_WAITING:
            raise ValueError(
                f"{MOST_WAITING} runs are waiting already. Try again when some have finished."
            )
        else:
            self._queue(job)
        self._jobs[_name(spec)] = job
        return job

    def _asked(self, spec: AnySpec) -> Job | None:
        job = self._jobs.get(_name(spec))
        there = job is not None and (job.active or job.phase == "done" and job.draws() is not None)
        return job if there else None

    def _queue(self, job: Job) -> None:
        if cluster.address() is None:
            self._queues[_lane(job.spec)].append(job)
            return
        name = f"hbdash cluster {uuid.uuid4().hex}"
        self._workers = {n: worker for n, worker in self._workers.items() if worker.is_alive()}
        self._workers[name] = threading.Thread(
            target=self._see_to, args=(job,), daemon=True, name=name
        )
        self._workers[name].start()

    def _drop_unwanted(self) -> None:
        for name, job in list(self._jobs.items()):
            if not job.wanted_by:
                if job.phase == "waiting":
                    job.phase = "cancelled"
                if not job.active:
                    del self._jobs[name]

    def _work(self, lane: str) -> None:
        queue = self._queues[lane]
        while True:
            with self._change:
                while not queue and not self._closed:
                    self._change.wait()
                if self._closed:
                    return
                job = self._next(queue)
            precedence.give_way()
            self._see_to(job)

    def _next(self, queue: deque[Job]) -> Job:
        """Take the first job of those whose sessions have waited longest for a turn.

        One session's many runs do not keep another's single one waiting.
        """
        asking = {id(job): {name.partition("/")[0] for name in job.wanted_by} for job in queue}
        job = min(
            queue,
            key=lambda job: min((self._turns.get(one, 0) for one in asking[id(job)]), default=0),
        )
        queue.remove(job)
        turn = 1 + max(self._turns.values(), default=0)
        self._turns |= dict.fromkeys(asking[id(job)], turn)
        return job

    def _see_to(self, job: Job) -> None:
        with self._change:  # until everybody who asks now is counted
            dropped = job.phase != "waiting"
        if not dropped:
            self._answer(job)
            with self._change:
                self._drop_unwanted()

    def _answer(self, job: Job) -> None:
        def watch(progress: AnyProgress) -> bool:
            return _watch(job, progress)

        try:
            earlier = store.find(job.spec)
            if cluster.address() is not None:
                dt = cluster.run(job.spec, watch, earlier)
            else:
                question = prepare(job.spec)
                job.phase = "warming up" if question.compiled else "compiling"
                dt = run(job.spec, watch, earlier, question)
            if "posterior" not in dt.children:
                raise Cancelled
            job.result = store.put(dt)
            job.phase = "done"
        except Cancelled:
            with self._change:
                if job.wanted_by and not job.stop_asked:  # somebody came while it was ending
                    job.phase = "waiting"
                    self._queue(job)
                else:
                    job.phase = "cancelled"
        except (ValueError, LookupError, SamplingError) as error:
            job.error, job.phase = str(error.args[0] if error.args else error), "failed"
        except Exception as error:  # a page must hear of everything that ends its run
            log.exception("Run %s failed", job.spec.key)
            job.error = (
                f"Sampling failed inside the library: {type(error).__name__}: "
                f"{str(error).splitlines()[0] if str(error) else 'no message'}. The server's log "
                "has the details; other settings can be run."
            )
            job.phase = "failed"
        except BaseException:  # the end of this thread; the next question starts another
            job.error, job.phase = "The worker ended before the run did. Ask again.", "failed"
            raise
        finally:
            job.progress = None if job.phase == "done" else job.progress


def _name(spec: AnySpec) -> str:
    # Jobs of one stem and length differ only in when they stop by themselves.
    return f"{spec.key}/{spec.max_divergences}"


def _lane(spec: AnySpec) -> str:
    return "populations" if spec.model == "population" else "groups"


def _watch(job: Job, progress: AnyProgress) -> bool:
    if not job.wanted_by:
        raise Cancelled
    job.progress, job.phase = progress, progress.phase
    return not job.stop_asked


def answered(spec: AnySpec) -> xr.DataTree | None:
    """Find the stored run that answers a spec: all its draws, or enough divergences to stop at."""
    dt = store.find(spec)
    if dt is None:
        return None
    if dt.attrs["key"] == spec.key:
        return dt
    limit = spec.max_divergences
    stopped = limit is not None and int(variable(dt, "sample_stats/diverging").sum()) >= limit
    return dt if stopped else None
