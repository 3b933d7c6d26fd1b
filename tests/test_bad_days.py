"""Bad days of a store: killed while it writes, shared by two servers, a clock that jumps."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hbdash import store
from hbdash.run import run
from tests.questions import ask

#: Writes one run under many lengths, as a server does, until it is killed.
WRITE = """
import sys
from pathlib import Path
import xarray as xr
from hbdash import store

dt = xr.open_datatree(sys.argv[1], engine="h5netcdf").load()
stem = dt.attrs["key"].rpartition("-")[0]
print("ready", flush=True)
for length in range(1, 100_000):
    dt.attrs["key"] = f"{stem}-{length % int(sys.argv[2]) + 1000}"
    store.save(dt)
"""


@pytest.fixture
def written(tmp_path):
    dt = run(ask(num_samples=20))
    path = tmp_path / "run.nc"
    path.write_bytes(store.netcdf(dt))
    return dt, path


def writer(path: Path, lengths: int) -> subprocess.Popen:
    found = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path), str(lengths)],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert found.stdout is not None and found.stdout.readline() == "ready\n"
    return found


def whole() -> int:
    """Count the runs of the store; each must be readable."""
    store.forget()
    keys = store.keys()
    assert all(store.load(key) is not None for key in keys)
    return len(keys)


def test_killed_while_it_writes(written):
    dt, path = written
    for number in (1, 2):
        process = writer(path, 100_000)
        until = time.monotonic() + 60
        while len(store.keys()) < number and time.monotonic() < until:
            time.sleep(0.003)
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
        process.stdout.close()  # type: ignore[union-attr]
    assert whole() > 0
    long_ago = time.time() - 2 * 3600
    for draft in (store.root() / "runs").glob(".draft-*"):
        os.utime(draft, (long_ago, long_ago))
    assert store.save(dt) and store.load(dt.attrs["key"]) is not None
    assert not list((store.root() / "runs").glob(".*"))


def test_two_servers_write_the_same(written):
    _, path = written
    both = [writer(path, 7) for _ in range(2)]
    until = time.monotonic() + 60
    while len(store.keys()) < 7 and time.monotonic() < until:
        time.sleep(0.1)
    for process in both:
        assert process.poll() is None
        process.kill()
        process.wait(30)
        process.stdout.close()  # type: ignore[union-attr]
    assert whole() == 7


#: Writes a run where the system ends every file after some bytes, as a disk that fills up does.
FILL = """
import resource
import sys
import xarray as xr
from hbdash import store

dt = xr.open_datatree(sys.argv[1], engine="h5netcdf").load()
size = len(store.netcdf(dt))
least, most = resource.getrlimit(resource.RLIMIT_FSIZE)
store.remember(dt)
for room in (0, 100, size // 2, size - 1):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
    assert store.save(dt) is False, room
    assert "could not be written to disk (File too large)" in (store.trouble() or "")
    assert store.load(dt.attrs["key"]) is dt and store.keys() == []
resource.setrlimit(resource.RLIMIT_FSIZE, (least, most))
assert store.save(dt) and store.trouble() is None
assert store.keys() == [dt.attrs["key"]]
"""


def test_a_disk_that_is_full_in_the_middle_of_a_file(written):
    _, path = written
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert whole() == 1
    assert not list((store.root() / "runs").glob(".*"))


@pytest.mark.parametrize("ahead", [-10 * 365 * 86400, 10 * 365 * 86400])
def test_a_clock_that_jumps(written, ahead, monkeypatch):
    dt, _ = written
    assert store.save(dt)
    stem = dt.attrs["key"].rpartition("-")[0]
    then = time.time() + ahead
    old = store.root() / "runs" / dt.attrs["key"]
    os.utime(old, (then, then))
    another = dt.copy()
    another.attrs = dt.attrs | {"key": f"{stem}-21"}
    size = sum(file.stat().st_size for file in old.iterdir())
    monkeypatch.setenv("HBDASH_STORE_MB", str(1.5 * size / 1e6))
    assert store.save(another)
    # One of the two had to go, whichever seems the older; what is left is whole.
    assert len(store.keys()) == 1 and whole() == 1


#: What may stand in the place of a file of a run.
IN_ITS_PLACE = {
    "nothing": lambda path: path.unlink(),
    "an empty file": lambda path: path.write_bytes(b""),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link to nothing": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "its first half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00" * 100),
    "deep nesting": lambda path: path.write_bytes(b"[" * 100_000),
}


@pytest.mark.parametrize("name", ["spec.json", "result.nc"])
@pytest.mark.parametrize("kind", IN_ITS_PLACE)
def test_what_stands_in_the_place_of_a_file(written, name, kind):
    dt, _ = written
    assert store.save(dt)
    store.forget()
    IN_ITS_PLACE[kind](store.root() / "runs" / dt.attrs["key"] / name)
    assert store.load(dt.attrs["key"]) is None
    assert store.save(dt) and whole() == 1


@pytest.mark.parametrize("region", range(12))
def test_a_bit_that_turned_anywhere(written, region):
    dt, _ = written
    assert store.save(dt)
    store.forget()
    path = store.root() / "runs" / dt.attrs["key"] / "result.nc"
    raw = bytearray(path.read_bytes())
    raw[(len(raw) - 1) * region // 11] ^= 1
    path.write_bytes(raw)
    assert store.load(dt.attrs["key"]) is None and store.save(dt)
