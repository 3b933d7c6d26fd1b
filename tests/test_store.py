"""The store: what is written is read back, what is damaged is set aside, what is full is said."""

import errno
import json
import logging
import os
import threading
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hbdash import store
from hbdash.run import run
from hbdash.spec import RunSpec
from tests.questions import ask, same, written


@pytest.fixture(autouse=True)
def no_trouble(monkeypatch):
    monkeypatch.setattr(store, "_trouble", None)
    monkeypatch.setattr(store, "WRITE_DELAY", 0.0)


@cache
def _run(seed: int, num_samples: int) -> xr.DataTree:
    return run(ask("unbalanced", "mixed", seed=seed, num_samples=num_samples))


def answer(seed: int = 0, num_samples: int = 20) -> xr.DataTree:
    dt = _run(seed, num_samples)
    return dt.copy(deep=True)


def runs() -> Path:
    return store.root() / "runs"


def folders() -> list[str]:
    return sorted(path.name for path in runs().glob("*"))


def saved(seed: int = 0, num_samples: int = 20) -> xr.DataTree:
    dt = answer(seed, num_samples)
    assert store.save(dt)
    store.forget()
    return dt


def test_a_run_comes_back_from_the_disk_as_it_was():
    dt = saved()
    again = store.load(dt.attrs["key"])
    assert again is not None and again is not dt
    same(dt, again)
    assert again["sample_stats"]["diverging"].dtype == bool
    assert again["sample_stats"]["reached_max_treedepth"].dtype == bool
    assert again["posterior"]["theta"].dtype == np.float64
    assert again["posterior"]["group"].values.tolist() == dt["posterior"]["group"].values.tolist()
    assert dict(again.attrs) == dict(dt.attrs)
    assert {name: type(value) for name, value in again.attrs.items()}["key"] is str
    spec = RunSpec.model_validate_json(again.attrs["spec"])
    assert spec.key == again.attrs["key"] == store.keys()[0]


def test_runs_of_one_form_are_written_alike_and_read_apart():
    one, other = saved(), saved(seed=1)
    for dt in (one, other):
        again = store.load(dt.attrs["key"])
        assert again is not None
        same(dt, again)
        assert dict(again.attrs) == dict(dt.attrs)
        for name, group in dt.children.items():
            assert dict(again[name].attrs) == dict(group.attrs)
            for variable in group.to_dataset().variables:
                left, right = again[name][variable], group[variable]
                assert left.attrs == right.attrs and left.dtype.kind == right.dtype.kind


def test_memory_has_a_size(monkeypatch):
    first, second = answer(0), answer(1)
    monkeypatch.setattr(store, "MEMORY_BYTES", 1.5 * first.nbytes)
    keys = [store.remember(dt) for dt in (first, second)]
    assert list(store._memory) == keys[1:]
    monkeypatch.setattr(store, "MEMORY_BYTES", 1)
    assert store.remember(first) == keys[0] and list(store._memory) == keys[:1]


def test_a_folder_is_readable_without_us():
    dt = saved()
    folder = runs() / dt.attrs["key"]
    assert {path.name for path in folder.iterdir()} == {"spec.json", "result.nc"}
    about = json.loads((folder / "spec.json").read_text())
    assert RunSpec.model_validate(about["spec"]).key == about["key"] == dt.attrs["key"]
    with xr.open_datatree(folder / "result.nc", engine="h5netcdf") as stored:
        same(dt, stored.load())


def test_put_answers_at_once_and_writes_behind():
    dt = answer()
    key = store.put(dt)
    assert store.load(key) is dt
    written()
    store.forget()
    assert store.load(key) is not None


def test_what_is_in_memory_is_read_only():
    fresh, stored = answer(), saved(seed=1)
    store.remember(fresh)
    for dt in (fresh, store.load(stored.attrs["key"])):
        assert dt is not None
        for group, name in (("posterior", "mu"), ("sample_stats", "diverging")):
            with pytest.raises(ValueError, match="read-only"):
                dt[group][name].values[0] = 1
        with pytest.raises(ValueError, match="read-only"):
            dt["posterior"]["theta"].values += 1


def test_memory_keeps_the_last_used_runs():
    kept = answer(0)
    store.remember(kept)
    for length in range(1, store.IN_MEMORY + 5):
        other = kept.copy()
        other.attrs = kept.attrs | {"key": f"{'a' * 24}-{length}"}
        store.remember(other)
        assert store.load(kept.attrs["key"]) is kept
    assert store.load(f"{'a' * 24}-1") is None
    assert len(store._memory) == store.IN_MEMORY


def test_the_longest_beginning_is_found():
    for length in (5, 10, 20):
        saved(num_samples=length)
    spec = ask("unbalanced", "mixed")
    for asked, found in ((4, None), (5, 5), (9, 5), (19, 10), (20, 20), (5000, 20)):
        dt = store.find(spec.with_draws(asked))
        assert (dt and dt["posterior"].sizes["draw"]) == found
    assert store.find(ask("weak")) is None


def test_a_damaged_beginning_gives_way_to_a_shorter_one():
    saved(num_samples=5)
    longer = saved(num_samples=10)
    (runs() / longer.attrs["key"] / "result.nc").write_bytes(b"")
    dt = store.find(ask("unbalanced", "mixed", num_samples=10))
    assert dt is not None and dt["posterior"].sizes["draw"] == 5


def flip_a_byte(folder: Path) -> None:
    raw = bytearray((folder / "result.nc").read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / "result.nc").write_bytes(raw)


def truncate(folder: Path) -> None:
    raw = (folder / "result.nc").read_bytes()
    (folder / "result.nc").write_bytes(raw[: len(raw) // 2])


def replace(name: str, text: str):
    return lambda folder: (folder / name).write_text(text)


def rewrite(change):
    def damage(folder: Path) -> None:
        about = json.loads((folder / "spec.json").read_text())
        (folder / "spec.json").write_text(json.dumps(about | change))

    return damage


DAMAGES = {
    "flipped byte": flip_a_byte,
    "truncated": truncate,
    "empty result": replace("result.nc", ""),
    "not NetCDF": replace("result.nc", "hello"),
    "missing result": lambda folder: (folder / "result.nc").unlink(),
    "missing spec": lambda folder: (folder / "spec.json").unlink(),
    "garbage JSON": replace("spec.json", "{garbage"),
    "binary JSON": lambda folder: (folder / "spec.json").write_bytes(b"\xff\xfe\x00"),
    "a list": replace("spec.json", "[1, 2]"),
    "a word": replace("spec.json", '"sha256"'),
    "no checksum": replace("spec.json", "{}"),
    "another spec": rewrite({"spec": {"model": "poisson"}}),
    "no spec": rewrite({"spec": None}),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_set_aside_and_can_be_asked_again(damage, caplog):
    dt = saved()
    key = dt.attrs["key"]
    damage(runs() / key)
    with caplog.at_level(logging.WARNING):
        assert store.load(key) is None
    assert "damaged" in caplog.text and key in caplog.text
    assert key not in folders() and store.keys() == []
    assert store.find(ask("unbalanced", "mixed", num_samples=20)) is None
    assert store.save(dt)
    store.forget()
    again = store.load(key)
    assert again is not None
    same(dt, again)


def test_drafts_are_not_runs(monkeypatch):
    dt, seen = answer(), []
    write = Path.write_bytes

    def watched(path, raw):
        seen.append((folders(), store.load(dt.attrs["key"]), store.keys()))
        return write(path, raw)

    monkeypatch.setattr(Path, "write_bytes", watched)
    assert store.save(dt)
    (names, found, keys), *_ = seen
    assert len(names) == 1 and names[0].startswith(".draft-") and found is None and keys == []
    assert folders() == [dt.attrs["key"]]


def test_old_drafts_are_removed_and_young_ones_kept():
    old, young = runs() / ".draft-old", runs() / ".draft-young"
    old.mkdir(parents=True)
    young.mkdir()
    os.utime(old, (0, 0))
    saved()
    assert not old.exists() and young.exists()


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (store, "netcdf"),
        (Path, "mkdir"),
        (Path, "write_bytes"),
        (Path, "write_text"),
        (Path, "rename"),
    ],
)
def test_a_full_disk_is_said_and_forgotten_when_there_is_room(where, name, monkeypatch, caplog):
    dt = answer()
    store.remember(dt)
    with monkeypatch.context() as patch:
        patch.setattr(where, name, full_disk)
        assert store.save(dt) is False
    message = store.trouble()
    assert message is not None and "No space left on device" in message and "free some" in message
    assert str(store.root()) not in message
    assert dt.attrs["key"] in caplog.text
    assert store.load(dt.attrs["key"]) is dt
    assert folders() == [] if runs().exists() else True
    assert store.save(dt) and store.trouble() is None
    assert folders() == [dt.attrs["key"]]


def test_a_store_that_is_a_file_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    assert store.save(answer()) is False and store.trouble()
    assert store.load(answer().attrs["key"]) is None and store.keys() == []


def age(key: str, seconds: float) -> None:
    os.utime(runs() / key, (seconds, seconds))


def test_the_least_recently_used_runs_give_way(monkeypatch):
    keys = [saved(seed=seed).attrs["key"] for seed in range(3)]
    for seconds, key in enumerate(keys):
        age(key, 1000 + seconds)
    assert store.keys() == keys[::-1]
    assert store.load(keys[0]) is not None  # used again: the second is now the oldest
    store.forget()
    size = sum(file.stat().st_size for file in (runs() / keys[0]).iterdir())
    monkeypatch.setenv("HBDASH_STORE_MB", str(3.5 * size / 1e6))
    newest = saved(seed=3).attrs["key"]
    assert set(store.keys()) == {keys[0], keys[2], newest}
    monkeypatch.setenv("HBDASH_STORE_MB", str(1.5 * size / 1e6))
    store.evict()
    assert store.keys() == [newest]


def test_a_run_larger_than_the_cap_stays_in_memory(monkeypatch):
    monkeypatch.setenv("HBDASH_STORE_MB", "0.001")
    dt = answer()
    store.remember(dt)
    assert store.save(dt) and store.keys() == []
    assert store.load(dt.attrs["key"]) is dt


@pytest.mark.parametrize(
    "key",
    [
        "../x", "..", "", "/etc/passwd", "a" * 24, f"{'a' * 24}-", f"{'a' * 24}-1/../..",
        f"../{'a' * 24}-1", f"{'g' * 24}-1", f"{'a' * 24}--1", f"{'a' * 24}-1\0",
        f"{'a' * 24}-{'9' * 5000}", f"{'a' * 24}-٣", f"{'A' * 24}-1", f".draft-{'a' * 32}",
    ],
)  # fmt: skip
def test_keys_that_are_not_keys_are_not_looked_up(key):
    folder = store.root() / "runs" / f"{'a' * 24}-1"
    folder.mkdir(parents=True)
    assert store.load(key) is None
    assert folder.exists()


def test_two_writers_of_one_run():
    dt = answer()
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(store.save(dt.copy()))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8 and folders() == [dt.attrs["key"]] and store.trouble() is None
    store.forget()
    again = store.load(dt.attrs["key"])
    assert again is not None
    same(dt, again)


def test_another_server_that_was_faster_is_no_trouble(monkeypatch):
    dt = answer()
    store.save(dt)
    rename = Path.rename

    def late(path, target):
        if path.name.startswith(".draft"):
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    assert store.save(dt) and store.trouble() is None and folders() == [dt.attrs["key"]]


def test_the_store_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path / "elsewhere"))
    saved()
    assert store.root() == tmp_path / "elsewhere" and len(folders()) == 1
    monkeypatch.delenv("HBDASH_STORE_MB", raising=False)
    assert store.cap() == 2_000_000_000
