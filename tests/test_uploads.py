"""Uploads keep to a cap, are whole or absent, and never leave their folder."""

import os
import time

import numpy as np
import pytest

from hbdash import store, uploads
from hbdash.population.kept_files import is_kept, keep_file, kept_file
from hbdash.tables import kept_tables


def age(folder: str, sha256: str, seconds: float, suffix: str = "") -> None:
    then = time.time() - seconds
    os.utime(uploads.place(folder, sha256, suffix), (then, then))


def test_the_least_recently_used_give_way(monkeypatch):
    monkeypatch.setenv("HBDASH_UPLOADS_MB", "0.0035")
    old, used, young = (keep_file(bytes([k]) * 1000) for k in range(3))
    for days, sha256 in enumerate((young, used, old)):
        age("files", sha256, 86400 * (1 + days))
    assert kept_file(old) == b"\0" * 1000  # used again: the second is now the oldest
    newest = keep_file(b"newest" * 200)
    assert [is_kept(one) for one in (old, used, young, newest)] == [True, False, True, True]
    with pytest.raises(LookupError, match="upload it again"):
        kept_file(used)


def test_tables_and_files_share_the_cap(monkeypatch):
    table = kept_tables.save({"x": np.arange(300.0)})
    age("data", table, 86400, ".npz")
    monkeypatch.setenv("HBDASH_UPLOADS_MB", "0.003")
    keep_file(b"file" * 200)
    assert not kept_tables.is_stored(table)
    with pytest.raises(LookupError, match="upload the file again"):
        kept_tables.load(table, ("x",))


def test_reading_a_table_counts_as_use(monkeypatch):
    tables = [kept_tables.save({"x": np.arange(300.0) + k}) for k in range(2)]
    for days, sha256 in enumerate(tables, 1):
        age("data", sha256, 86400 * days, ".npz")
    kept_tables.load(tables[1], ("x",))
    monkeypatch.setenv("HBDASH_UPLOADS_MB", "0.0045")
    keep_file(b"file" * 200)
    assert [kept_tables.is_stored(one) for one in tables] == [False, True]


def test_an_upload_that_is_kept_already_counts_as_use(monkeypatch):
    monkeypatch.setenv("HBDASH_UPLOADS_MB", "0.0025")
    first, second = keep_file(b"1" * 1000), keep_file(b"2" * 1000)
    for days, sha256 in enumerate((second, first), 1):
        age("files", sha256, 86400 * days)
    keep_file(b"1" * 1000)
    keep_file(b"3" * 1000)
    assert is_kept(first) and not is_kept(second)


def test_the_newest_stays_though_it_alone_is_above_the_cap(monkeypatch):
    monkeypatch.setenv("HBDASH_UPLOADS_MB", "0.0001")
    first, second = keep_file(b"1" * 1000), keep_file(b"2" * 1000)
    assert not is_kept(first) and is_kept(second)


def test_what_was_left_half_written_goes_after_an_hour():
    keep_file(b"1")
    folder = store.root() / "files"
    for name, seconds in (("old.part", 7200), ("young.part", 60)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - seconds,) * 2)
    keep_file(b"2")
    assert [path.name for path in folder.glob("*.part")] == ["young.part"]


@pytest.mark.parametrize("sha256", ["../x", "a" * 63, "A" * 64, "/etc/passwd", "a" * 64 + "\n"])
def test_no_path_leaves_the_folder(sha256):
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        uploads.place("files", sha256)
