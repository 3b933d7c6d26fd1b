"""What `doctor` looks at: whether this machine runs hbdash, keeps its runs and its programs."""

import importlib.metadata
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from hbdash import cluster, store

ROOT = Path(__file__).parents[2]
#: Bytes that should be free where the store is.
ENOUGH = 500e6


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, whether it is as it must be, and what was seen or is to do."""

    what: str
    good: bool
    said: str


def examine() -> list[Finding]:
    """Look at everything; nothing is left behind."""
    return [*_packages(), _arithmetic(), *_store(), _cache(), *_cluster()]


def _packages() -> Iterator[Finding]:
    wrong = []
    path = ROOT / "requirements.txt"
    text = path.read_text() if path.exists() else ""
    pins = re.findall(r"^([\w.-]+)(?:\[\w+\])?==([\w.]+)", text, re.M)
    for name, version in pins:
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "missing"
        if found != version:
            wrong.append(f"{name} is {found}, tested with {version}")
    said = f"all {len(pins)} as tested"
    if wrong:
        said = "; ".join(wrong) + ". Install requirements.txt."
    yield Finding("packages", not wrong, said)
    devices = ", ".join(sorted({device.platform for device in jax.devices()}))
    yield Finding("devices", True, f"{devices}; {os.cpu_count()} processors")


def _arithmetic() -> Finding:
    """Sample eight schools, and hold the run against the exact answer."""
    from hbdash.diagnostics import errors  # noqa: PLC0415
    from hbdash.models import MODELS  # noqa: PLC0415
    from hbdash.run import run  # noqa: PLC0415
    from hbdash.spec import RunSpec  # noqa: PLC0415

    spec = RunSpec.model_validate(
        {
            "data": {"source": "example", "name": "eight_schools"},
            "parameterization": {"kind": "noncentered"},
        }
    )
    began = time.perf_counter()
    exact = MODELS[spec.model].exact(spec.grouped(), spec.priors).means
    off = max(map(abs, errors(run(spec), exact).values()))
    took = time.perf_counter() - began
    said = f"eight schools in {took:.1f} s with compiling, {off:.1f} MCSE from the exact answer"
    return Finding("sampling", bool(off < 4) and bool(np.isfinite(off)), said)


def _store() -> Iterator[Finding]:
    root = store.root()
    trouble = _tried(lambda: _write(root))
    free = shutil.disk_usage(root if root.exists() else root.parent).free
    used = sum(map(store.size, store.keys()))
    said = f"{root}: {len(store.keys()):,} runs, {used / 1e6:,.1f} of {store.cap() / 1e6:,.0f} MB"
    yield Finding("store", trouble is None, said if trouble is None else f"{root}: {trouble}")
    low = "; free some, or give the store a smaller cap (HBDASH_STORE_MB)" * (free < ENOUGH)
    yield Finding("disk", free >= ENOUGH, f"{free / 1e9:,.1f} GB free{low}")
    damaged = [key for key in store.keys() if store.load(key) is None]
    said = f"{len(damaged)} runs were damaged and set aside: they will be made again when asked"
    yield Finding("runs", not damaged, said if damaged else "all can be read")


def _cache() -> Finding:
    folder = jax.config.jax_compilation_cache_dir  # pyright: ignore[reportAttributeAccessIssue]
    if not folder:
        return Finding("compilation cache", False, "off: every start compiles everything anew")
    place = Path(folder)
    trouble = _tried(lambda: _write(place))
    kept = list(place.glob("*")) if place.exists() else []
    size = sum(file.stat().st_size for file in kept if file.is_file())
    said = f"{place}: {len(kept):,} files, {size / 1e6:,.1f} MB" if trouble is None else trouble
    return Finding("compilation cache", trouble is None, said)


def _cluster() -> Iterator[Finding]:
    if (address := cluster.address()) is not None:
        workers = cluster.size()
        said = f"{address}: {workers} workers"
        yield Finding("cluster", workers > 0, said if workers else cluster.trouble() or said)


def _write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".doctor-{uuid.uuid4().hex}"
    probe.write_bytes(b"x" * 4096)
    probe.unlink()


def _tried(work: Callable[[], None]) -> str | None:
    try:
        work()
    except OSError as error:
        return f"cannot be written ({error.strerror or error}): give another with HBDASH_STORE"
    return None
