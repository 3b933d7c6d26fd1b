"""Every test has a store of its own, and shares the compiled programs of the process."""

import os
from pathlib import Path

# JAX reads these once. All processes of the tests share one cache, down to the smallest program:
# most of what they wait for is the compiler.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(".hbdash", "xla").resolve()))
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "0"
# What is compiled ahead would take the processors of what is tested.
os.environ["HBDASH_AHEAD"] = "0"

from functools import cache  # noqa: E402

import pytest  # noqa: E402
from streamlit.components.v2 import manifest_scanner  # noqa: E402

from hbdash import store  # noqa: E402

# An AppTest looks through all installed packages for components at every rerun.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path / "store"))
    store.forget()
    yield
    store.forget()
