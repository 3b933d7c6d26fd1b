"""Runs on a Dask cluster: `run` answers a spec there as `hbdash.run.run` does here.

``HBDASH_SCHEDULER=tcp://host:port`` names the scheduler. Its workers have hbdash installed and
share no disk: what a run needs travels with it, and its answer comes back as NetCDF. A worker runs
one task at a time (``dask worker --nthreads 1``), because a run's chains use every processor. This
is the server's side; the workers' is `hbdash.cluster_worker`.
"""

import os
import re
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import xarray as xr

from hbdash import store
from hbdash.cluster_worker import (
    FORGOTTEN,
    PLACES,
    TOPIC,
    Abandoned,
    Wish,
    differences,
    look,
    versions,
)
from hbdash.question import prepare
from hbdash.run import AnyProgress
from hbdash.run import run as run_here
from hbdash.samplers.nuts import SamplingError
from hbdash.spec import AnySpec

if TYPE_CHECKING:
    from distributed import Client

#: Phase of a run that no worker has begun.
WAITING = "waiting for a worker"
#: Seconds between two looks at a run, and those that a connection and an answer may take.
POLL, PATIENCE = 0.2, 5.0
#: Seconds without a sign of a scheduler with workers, after which a run is made here.
SILENCE = 15.0
#: Seconds between two tries of a scheduler that is not there.
RETRY = 30.0
#: Seconds at least between two looks at the draws; and no more than a tenth of the time goes there.
DRAWS_EVERY = 1.0


class Unreachable(Exception):
    """The cluster cannot answer: no scheduler, no workers, or lost on the way; says which."""


@dataclass(frozen=True)
class Remote:
    """What a worker has told of its run; `drawn` holds the draws so far, where there are any."""

    phase: str = WAITING
    fraction: float = 0.0
    line: str = ""
    has_draws: bool = False
    drawn: xr.DataTree | None = None

    def describe(self) -> str:
        """Say in a line what has been done."""
        return self.line

    def draws(self) -> xr.DataTree:
        """The draws that came last; none at first."""
        return xr.DataTree() if self.drawn is None else self.drawn


def address() -> str | None:
    """Address of the scheduler, ``$HBDASH_SCHEDULER``; None where this process runs all."""
    return os.environ.get("HBDASH_SCHEDULER") or None


def trouble() -> str | None:
    """Why this process makes the cluster's runs itself, in words; None when it does not."""
    refused = _refused.get(address() or "")
    if refused is None:
        return None
    return f"{refused.words} This server makes the runs itself meanwhile, one after another."


def size() -> int:
    """How many runs the cluster makes at a time; 0 where it cannot be reached."""
    try:
        return len(_workers(_connected()))
    except Unreachable:
        return 0


def run(
    spec: AnySpec,
    on_chunk: Callable[[AnyProgress], bool] | None = None,
    earlier: xr.DataTree | None = None,
) -> xr.DataTree:
    """Answer a spec on a worker; see `hbdash.run.run`.

    Where the cluster cannot answer, this process does, one run of a kind at a time, and `trouble`
    says why. A run whose worker ends is begun again by another one.

    Raises
    ------
    ValueError, LookupError, SamplingError
        As `hbdash.run.run`, and where versions differ or worker after worker ended.
    """
    watch, where = on_chunk or (lambda _: True), address() or ""
    try:
        dt = _run_there(spec, watch, earlier)
        _refused.pop(where, None)
        return dt
    except Unreachable as error:
        _refused[where] = Refusal(str(error), time.monotonic() + RETRY)
    mine = _here["populations" if spec.model == "population" else "groups"]
    while not mine.acquire(timeout=POLL):
        watch(Remote())
    try:
        question = prepare(spec)
        if not question.compiled:
            watch(Remote("compiling"))
        return run_here(spec, on_chunk, earlier, question)
    finally:
        mine.release()


def _run_there(
    spec: AnySpec, watch: Callable[[AnyProgress], bool], earlier: xr.DataTree | None
) -> xr.DataTree:
    from distributed.client import ClosedClientError  # noqa: PLC0415

    def task(asked: dict[str, Any]) -> dict[str, Any]:
        # Within a function it travels by value, and the scheduler need not have hbdash.
        from hbdash.cluster_worker import answer  # noqa: PLC0415

        return answer(asked)

    ticket = uuid.uuid4().hex
    asked = {
        "ticket": ticket,
        "versions": versions(),
        "spec": spec.model_dump_json(),
        "earlier": None if earlier is None else store.netcdf(earlier),
        "uploads": uploads(spec),
    }
    # A run of a second does not wait behind those of minutes.
    priority = 0 if spec.model == "population" else 1
    try:
        client = _connected()
        _begun[ticket] = None
        future = client.submit(task, asked, key=f"hbdash-{ticket}", priority=priority)
    except ClosedClientError:
        _begun.pop(ticket, None)
        raise Unreachable(f"The scheduler at {address()} has just gone away.") from None
    try:
        _follow(client, ticket, watch, future)
        return _received(future)
    finally:
        worker = _begun.pop(ticket, None)
        if worker is not None and not future.done():
            _look(client, worker, ticket, "cancel", False)
        future.release()  # a run that waits is taken off the queue


def _follow(
    client: "Client", ticket: str, watch: Callable[[AnyProgress], bool], future: Any
) -> None:
    """Show how far a run is, and pass on what is wished of it, until it is over."""
    progress, wish = Remote(), cast(Wish, "go on")
    # Workers may be on their way, unless they were missing before.
    heard, draws_at = time.monotonic() - (SILENCE if trouble() else 0.0), 0.0
    while True:
        wish = wish if watch(progress) is not False else "stop"
        if _is_over(future):
            return
        worker, drawn = _begun.get(ticket), progress.drawn
        now = time.monotonic()
        with_draws = progress.has_draws and now >= draws_at
        found = None if worker is None else _look(client, worker, ticket, wish, with_draws)
        if found:
            raw = found.pop("draws")
            if raw is not None:
                drawn = store.decoded(raw)
                draws_at = now + max(DRAWS_EVERY, 10 * (time.monotonic() - now))
            progress, heard = Remote(drawn=drawn, **found), now
        elif _workers(client):
            heard = now
        if time.monotonic() - heard > SILENCE:
            raise Unreachable(f"The cluster at {address()} has no workers, or does not answer.")


def _is_over(future: Any) -> bool:
    """Wait a moment; say whether the task is finished, failed or lost."""
    try:
        future.exception(timeout=POLL)
    except (TimeoutError, CancelledError):
        return future.done()
    return True


def _received(future: Any) -> xr.DataTree:
    from distributed import KilledWorker  # noqa: PLC0415

    if future.status in ("cancelled", "lost"):
        raise Unreachable(f"The cluster at {address()} went away in the middle of a run.")
    try:
        found = future.result(timeout=FORGOTTEN)
    except (OSError, CancelledError):
        raise Unreachable(f"The cluster at {address()} does not hand over its answer.") from None
    except KilledWorker:
        raise SamplingError(
            "Worker after worker of the cluster ended in the middle of this run, as they do when "
            "memory runs out. Ask for less, or run again."
        ) from None
    except Abandoned:
        raise Unreachable(f"A worker of {address()} heard nothing from this server.") from None
    except ImportError as error:
        raise SamplingError(
            f"A worker of the cluster lacks what this server has ({error}). Install hbdash with "
            "the same requirements.txt there, then run again."
        ) from None
    if (told := differences(found["versions"], versions())) is not None:
        raise SamplingError(told)
    return store.decoded(found["result"])


def _look(
    client: "Client", worker: str, ticket: str, wish: Wish, draws: bool
) -> dict[str, Any] | None:
    """Ask a worker about a run; None where it does not answer, or has no such run."""

    async def ask() -> Any:
        return await client.run(look, ticket, wish, draws, workers=[worker])

    try:
        answers: Any = client.sync(ask, callback_timeout=PATIENCE * (4 if draws else 1))
        return answers[worker]
    except (OSError, RuntimeError, ValueError):
        return None


@dataclass(frozen=True)
class Refusal:
    """Why a cluster did not answer, and when, on the monotonic clock, to try it again."""

    words: str
    until: float


#: Both by the address of the scheduler.
_clients: dict[str, "Client"] = {}
_refused: dict[str, Refusal] = {}
_connecting = threading.Lock()
#: By the ticket of a run on its way: the address of the worker that has begun it.
_begun: dict[str, str | None] = {}
_here = {"groups": threading.Lock(), "populations": threading.Lock()}


def _connected() -> "Client":
    import dask.config  # noqa: PLC0415
    from distributed import Client  # noqa: PLC0415

    where = address()
    if where is None:
        raise Unreachable("HBDASH_SCHEDULER is not set.")
    with _connecting:
        refused = _refused.get(where)
        if refused is not None and time.monotonic() < refused.until:
            raise Unreachable(refused.words)
        client = _clients.get(where)
        if client is None or client.status != "running":
            # Uploads travel with the question, and Dask warns of questions beyond 10 MB.
            dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"})
            try:
                client = Client(where, timeout=PATIENCE, set_as_default=False, name="hbdash")
            except (OSError, ValueError, TypeError) as error:
                raise Unreachable(
                    f"The scheduler at {where} of HBDASH_SCHEDULER cannot be reached "
                    f"({type(error).__name__})."
                ) from None
            _clients[where] = client
    # Each time: a client that lost its scheduler, and found it again, has no subscription.
    client.subscribe_topic(TOPIC, _on_event)
    return client


def _on_event(event: tuple[float, dict[str, str]]) -> None:
    if event[1]["ticket"] in _begun:  # other servers have runs on this cluster, too
        _begun[event[1]["ticket"]] = event[1]["worker"]


def _workers(client: "Client") -> list[str]:
    """One address for each run that the cluster makes at a time."""
    try:
        threads: Any = client.nthreads(callback_timeout=PATIENCE)
    except (OSError, RuntimeError, ValueError):
        return []
    return [worker for worker, count in threads.items() for _ in range(count)]


def uploads(spec: AnySpec) -> list[tuple[str, str, bytes]]:
    """Read what a spec names by hash: of each upload in the store its kind, hash and bytes."""
    hashes = sorted(set(re.findall(r'"sha256":"([0-9a-f]{64})"', spec.model_dump_json())))
    return [
        (kind, sha256, place(sha256).read_bytes())
        for sha256 in hashes
        for kind, place in PLACES.items()
        if place(sha256).exists()
    ]
