"""Every test has a store of its own, and shares the compiled programs of the process."""

import pytest

from hbdash import store


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path / "store"))
    store.forget()
    yield
    store.forget()
