"""Every test has a store of its own, and shares the compiled programs of the process."""

import os

# No test is about speed, and most of what they wait for is the compiler: without its optimizations
# it takes half as long. XLA reads its flags once.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"

import jax  # noqa: E402
import pytest  # noqa: E402

from hbdash import store  # noqa: E402

# Programs that one process of the tests has compiled serve the servers and commands they start.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(jax.config.jax_compilation_cache_dir))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "0")
# What is compiled ahead would take the processors of what is tested.
os.environ["HBDASH_AHEAD"] = "0"


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path / "store"))
    store.forget()
    yield
    store.forget()
