"""A store of runs for one command alone, gone when it ends."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import jax
from jax.experimental.compilation_cache import compilation_cache

#: The option of JAX that keeps compiled programs on the disk.
CACHE = "jax_enable_compilation_cache"


@contextmanager
def own_store(wanted: bool) -> Iterator[None]:
    """Keep uploads and runs in a folder that is removed afterwards, and compile without a cache.

    Parameters
    ----------
    wanted : False leaves the store as it is.
    """
    if not wanted:
        yield
        return
    earlier, cache = os.environ.get("HBDASH_STORE"), getattr(jax.config, CACHE)
    with tempfile.TemporaryDirectory(prefix="hbdash-") as folder:
        os.environ["HBDASH_STORE"] = folder
        _cache(False)
        try:
            yield
        finally:
            _cache(cache)
            if earlier is None:
                del os.environ["HBDASH_STORE"]
            else:
                os.environ["HBDASH_STORE"] = earlier


def _cache(used: bool) -> None:
    jax.config.update(CACHE, used)
    compilation_cache.reset_cache()  # JAX looks at the option once
