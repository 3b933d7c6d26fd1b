"""Runs as folders named by the hash of their question: ``runs/<key>/{spec.json, result.nc}``.

A folder is written under another name and renamed, so it is whole or absent. Its checksum is
verified when it is read; what fails is set aside and the question can be asked again. The least
recently used runs give way when the folder exceeds its cap, those that people pinned never.
"""

import hashlib
import json
import logging
import os
import shutil
import threading
import time
import uuid
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import xarray as xr

from hbdash import notes, precedence
from hbdash.netcdf_file import decode as decoded
from hbdash.netcdf_file import encode as netcdf
from hbdash.spec import AnySpec, parse

log = logging.getLogger(__name__)
#: Runs, and bytes of them, that are kept in memory: a result is on the screen before it is on the
#: disk, and those that a class looks at are not read again and again.
IN_MEMORY, MEMORY_BYTES = 1_000, 300e6
#: Seconds before a result is written: until then the processor is the page's, which draws it.
WRITE_DELAY = 1.0
#: Seconds that a deleted run can be brought back, and that a draft may be older than its end.
KEPT_ASIDE = 3600
#: Seconds for which one look at all runs holds: other servers may write to the same folder.
LOOK_AGAIN = 60.0


class Seen(NamedTuple):
    """What the last look at all runs found: the folder and its cap, bytes left, until when."""

    where: tuple[Path, int]
    left: float
    until: float


_seen = Seen((Path(), 0), 0.0, 0.0)
_memory: OrderedDict[str, xr.DataTree] = OrderedDict()
#: Bytes of the runs in memory.
_sizes: dict[str, int] = {}
_lock = threading.RLock()
#: Why the last write failed, for the page to show; None once a write succeeds.
_trouble: str | None = None


def root() -> Path:
    """Folder of everything kept: ``$HBDASH_STORE``, or ``.hbdash`` in the working directory."""
    return Path(os.environ.get("HBDASH_STORE", ".hbdash")).resolve()


def cap() -> int:
    """Most bytes of stored runs: ``$HBDASH_STORE_MB``, 2,000 unless told."""
    return int(float(os.environ.get("HBDASH_STORE_MB", "2000")) * 1e6)


def trouble() -> str | None:
    """Why results are not being kept on disk, in words; None when they are."""
    return _trouble


def _runs() -> Path:
    return root() / "runs"


def put(dt: xr.DataTree) -> str:
    """Keep a finished run: in memory at once, on disk from a thread of its own."""
    key = remember(dt)
    threading.Timer(WRITE_DELAY, _save_in_turn, (dt, _runs())).start()
    return key


def _save_in_turn(dt: xr.DataTree, runs: Path) -> None:
    precedence.give_way()
    save(dt, runs)


def remember(dt: xr.DataTree) -> str:
    """Keep a run in this process, read-only."""
    for group in dt.subtree:
        for variable in group.to_dataset().variables.values():
            if variable.dtype.kind in "fiub":
                variable.values.flags.writeable = False
    with _lock:
        _memory[dt.attrs["key"]] = dt
        _memory.move_to_end(dt.attrs["key"])
        _sizes[dt.attrs["key"]] = dt.nbytes
        while len(_memory) > 1 and (
            len(_memory) > IN_MEMORY or sum(_sizes.values()) > MEMORY_BYTES
        ):
            del _sizes[_memory.popitem(last=False)[0]]
    return dt.attrs["key"]


def save(dt: xr.DataTree, runs: Path | None = None) -> bool:
    """Write a run; say why not through `trouble` when the disk refuses.

    Parameters
    ----------
    runs : the folder of runs, where it is not the one of `root` at this moment.
    """
    global _trouble
    key, runs = dt.attrs["key"], runs or _runs()
    draft = runs / f".draft-{uuid.uuid4().hex}"
    try:
        raw = netcdf(dt)
        draft.mkdir(parents=True)
        (draft / "result.nc").write_bytes(raw)
        checksum = hashlib.sha256(raw).hexdigest()
        made = datetime.now(UTC).isoformat(timespec="seconds")
        spec = json.loads(dt.attrs["spec"])
        about = {"key": key, "sha256": checksum, "made": made, "spec": spec}
        (draft / "spec.json").write_text(json.dumps(about, indent=1))
        with _lock:
            if (runs / key).exists():
                shutil.rmtree(draft)
            else:
                draft.rename(runs / key)
            _keep_to_the_cap(len(raw))
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if (runs / key).exists():  # another server on this store was faster
            return True
        log.warning("Run %s was not written: %s", key, error)
        _trouble = (
            f"Results could not be written to disk ({error.strerror or error}). They stay on the "
            "screen until the server stops: free some space, or download them."
        )
        return False
    _trouble = None
    return True


def load(key: str) -> xr.DataTree | None:
    """Read a run; None when there is none, or when its files were damaged and set aside."""
    if (at_hand := _at_hand(key)) is not None:
        return at_hand
    place = _runs() / key
    if not _is_key(key) or not place.is_dir():
        return None
    try:
        about = json.loads((place / "spec.json").read_text())
        raw = (place / "result.nc").read_bytes()
        if hashlib.sha256(raw).hexdigest() != about["sha256"]:
            raise ValueError("the checksum of result.nc differs from the one written")
        dt = decoded(raw)
        parse(about["spec"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        _set_aside(place, error)
        return None
    _touch(place)
    remember(dt)
    return dt


def _at_hand(key: str) -> xr.DataTree | None:
    with _lock:
        if key in _memory:
            _memory.move_to_end(key)
        return _memory.get(key)


def find(spec: AnySpec) -> xr.DataTree | None:
    """Read the answer to a spec, or its longest beginning, or None."""
    if (at_hand := _at_hand(spec.key)) is not None:  # no folder need be looked through
        return at_hand
    limit = spec.length
    lengths = sorted((n for n in _lengths(spec.stem) if n <= limit), reverse=True)
    for length in lengths:
        dt = load(f"{spec.stem}-{length}")
        if dt is not None:
            return dt
    return None


def _lengths(stem: str) -> set[int]:
    with _lock:
        keys = {key for key in _memory if key.startswith(stem)}
    keys |= {path.name for path in _runs().glob(f"{stem}-*")}
    return {int(key.rpartition("-")[2]) for key in keys if _is_key(key)}


def folder(key: str) -> Path:
    """Folder of a stored run.

    Raises
    ------
    LookupError
        When there is none of this key; whatever the key is, nothing outside the store is touched.
    """
    found = _runs() / key if _is_key(key) else None
    if found is None or not found.is_dir():
        raise LookupError(f"There is no stored run {key[:60]!r}: `list` names those there are.")
    return found


def delete(key: str) -> None:
    """Take a run away; `restore` brings it back within the hour.

    Raises
    ------
    LookupError
        As `folder`.
    OSError
        When the disk refuses.
    """
    with _lock:
        there = folder(key)
        aside = _deleted(key)
        shutil.rmtree(aside, ignore_errors=True)
        there.rename(aside)
        _touch(aside)
        _memory.pop(key, None)
        _sizes.pop(key, None)


def restore(key: str) -> bool:
    """Bring a deleted run back; False where it is gone for good."""
    with _lock:
        if not _is_key(key) or not _deleted(key).is_dir():
            return False
        if (_runs() / key).exists():  # asked for again, and so made again
            shutil.rmtree(_deleted(key), ignore_errors=True)
        else:
            _deleted(key).rename(_runs() / key)
            _touch(_runs() / key)
        return True


def _deleted(key: str) -> Path:
    return _runs() / f".deleted-{key}"


def _is_key(key: str) -> bool:
    stem, _, length = key.partition("-")
    digits = length.isascii() and length.isdecimal() and len(length) < 10
    return len(stem) == 24 and set(stem) <= set("0123456789abcdef") and digits


def keys() -> list[str]:
    """Keys of the stored runs, most recently used first."""
    found = [path for path in _runs().glob("*-*") if _is_key(path.name)]
    return [path.name for path in sorted(found, key=_last_use, reverse=True)]


def forget() -> None:
    """Empty this process's memory; the disk keeps its runs."""
    with _lock:
        _memory.clear()
        _sizes.clear()


def _keep_to_the_cap(written: int) -> None:
    """Evict where that is due: it looks at every run, and cannot follow every one that is made."""
    global _seen
    left = _seen.left - written
    if _seen.where == (_runs(), cap()) and left > 0 and time.monotonic() < _seen.until:
        _seen = _seen._replace(left=left)
    else:
        evict()


def evict() -> None:
    """Remove runs until the cap holds, the least recently used first, and what was left behind.

    Pinned runs count, and stay.
    """
    global _seen
    with _lock:
        for aside in (*_runs().glob(".draft-*"), *_runs().glob(".deleted-*")):
            if time.time() - _last_use(aside) > KEPT_ASIDE:
                shutil.rmtree(aside, ignore_errors=True)
        pinned = {key for key in keys() if notes.read(_runs() / key).pinned}
        used = sum(size(key) for key in pinned)
        for key in keys():
            if key not in pinned:
                used += size(key)
                if used > cap():
                    shutil.rmtree(_runs() / key, ignore_errors=True)
        _seen = Seen((_runs(), cap()), cap() - used, time.monotonic() + LOOK_AGAIN)


def size(key: str) -> int:
    """Bytes of a stored run on disk; 0 where there is none."""
    found = 0
    for file in (_runs() / key).glob("*"):
        try:
            found += file.stat().st_size
        except OSError:  # taken away by another server meanwhile
            continue
    return found


def _last_use(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _touch(folder: Path) -> None:
    try:
        os.utime(folder)
    except OSError:
        log.info("The last use of %s could not be noted.", folder.name)


def _set_aside(folder: Path, error: Exception) -> None:
    log.warning("Run %s is damaged (%s): set aside, to be run again.", folder.name, error)
    aside = folder.with_name(f".damaged-{folder.name}-{uuid.uuid4().hex[:8]}")
    try:
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as failure:
        log.warning("Run %s could not be set aside: %s", folder.name, failure)
