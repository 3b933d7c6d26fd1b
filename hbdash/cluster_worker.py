"""A worker's side of `hbdash.cluster`: answering a question that came with all it needs."""

import asyncio
import json
import logging
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import jax
import xarray as xr
from jax.experimental.compilation_cache import compilation_cache

from hbdash import spec_key, store
from hbdash.hdf5_lock import HDF5
from hbdash.population import kept_files
from hbdash.question import prepare
from hbdash.run import AnyProgress, run
from hbdash.spec import parse
from hbdash.tables import kept_tables

#: Seconds after which a worker gives up a run about which nobody asks, or never asked.
FORGOTTEN, NEVER_ASKED = 120.0, 30.0
#: Where workers say which run they have begun.
TOPIC = "hbdash"
#: Packages that must be the same on both sides, since the draws depend on them.
PACKAGES = ("jax", "jaxlib", "numpyro", "numpy", "flowMC", "xarray", "h5netcdf", "pydantic")
#: Where uploads are kept, by kind.
PLACES = {"table": kept_tables.place, "file": kept_files.place}
#: What a server wants of a run on its way.
Wish = Literal["go on", "stop", "cancel"]


class Abandoned(Exception):
    """The server cancelled the run, or has not asked about it for long."""


@dataclass
class Flight:
    """A run on its way on this worker, and what its server wishes of it."""

    heard: float
    phase: str = "compiling"
    progress: AnyProgress | None = None
    wish: Wish = "go on"

    def watch(self, progress: AnyProgress) -> bool:
        """Note the progress; obey."""
        self.progress, self.phase = progress, progress.phase
        if self.wish == "cancel" or time.monotonic() - self.heard > FORGOTTEN:
            raise Abandoned("Nobody wants this run any more.")
        return self.wish != "stop"


_flights: dict[str, Flight] = {}


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer what a server asks: on a worker, as a task.

    Returns
    -------
    dict
        "versions", of this worker; "result", NetCDF, unless the versions differ.
    """
    from distributed import get_worker  # noqa: PLC0415

    worker, mine = get_worker(), versions()
    if differences(mine, asked["versions"]) is not None:
        return {"versions": mine}
    _settle(Path(worker.local_directory) / "hbdash")
    for kind, sha256, content in asked["uploads"]:
        _keep(PLACES[kind](sha256), content)
    ticket = asked["ticket"]
    flight = Flight(heard=time.monotonic() - FORGOTTEN + NEVER_ASKED)
    _flights[ticket] = flight
    worker.log_event(TOPIC, {"ticket": ticket, "worker": worker.address})
    try:
        spec = parse(json.loads(asked["spec"]))
        earlier = None if asked["earlier"] is None else store.decoded(asked["earlier"])
        question = prepare(spec)
        if question.compiled:
            flight.phase = "warming up"
        dt = run(spec, flight.watch, earlier, question)
        return {"versions": mine, "result": _netcdf(dt)}
    finally:
        del _flights[ticket]


async def look(ticket: str, wish: Wish, draws: bool) -> dict[str, Any] | None:
    """Say how far a run is, and pass on a wish: on a worker, beside its task.

    Parameters
    ----------
    ticket : of the run.
    wish : what the server wants of it.
    draws : whether to send the draws so far.

    Returns
    -------
    The fields of `Remote`, with "draws" as NetCDF or None; None where the run is not here.
    """
    flight = _flights.get(ticket)
    if flight is None:
        return None
    flight.wish, flight.heard, progress = wish, time.monotonic(), flight.progress
    if progress is None:
        return {"phase": flight.phase, "draws": None}
    raw = None
    if draws and progress.has_draws:
        raw = await asyncio.to_thread(lambda: _netcdf(progress.draws()))
    return {
        "phase": flight.phase,
        "fraction": progress.fraction,
        "line": progress.describe(),
        "has_draws": progress.has_draws,
        "draws": raw,
    }


def versions() -> dict[str, str]:
    """Versions of all that the draws of a spec depend on, by name."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"hbdash": f"spec {spec_key.VERSION}", "Python": python} | _packages()


@lru_cache(maxsize=1)
def _packages() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


def differences(worker: dict[str, str], server: dict[str, str]) -> str | None:
    """Say what differs between a worker and a server, and what to do; None where nothing does."""
    differ = [
        f"{name} {worker.get(name, 'missing')} there and {server.get(name, 'missing')} here"
        for name in dict.fromkeys([*server, *worker])
        if worker.get(name) != server.get(name)
    ]
    if not differ:
        return None
    return (
        "The cluster's workers and this server must have the same versions, got "
        f"{', '.join(differ)}. Install the same hbdash and requirements.txt on both, then run "
        "again."
    )


def _netcdf(dt: xr.DataTree) -> bytes:
    import dask.config  # noqa: PLC0415

    # On a worker xarray takes a lock of the whole cluster for every variable, unless told.
    with HDF5, dask.config.set(scheduler="threads"):
        return store.netcdf(dt)


def _settle(folder: Path) -> None:
    """Keep uploads and compiled programs in a folder of this worker's own."""
    if store.root() == folder.resolve():
        return
    os.environ["HBDASH_STORE"] = str(folder)
    # Dask's worker would log a line for every look at a run: five a second.
    logging.getLogger("distributed.worker").addFilter(
        lambda record: record.getMessage() != f"Run out-of-band function '{look.__name__}'"
    )
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        jax.config.update("jax_compilation_cache_dir", str(folder / "xla"))
        compilation_cache.reset_cache()  # JAX looks at the option once


def _keep(path: Path, content: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(draft, path)
