"""A lab for hierarchical Bayesian models: ask with a `RunSpec`, read the answer as a DataTree."""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hbdash.population.spec import PopulationSpec
    from hbdash.spec import RunSpec
    from hbdash.sweeps import sweep

# XLA runs each iteration of a small loop through its thunk interpreter unless the loop's buffers
# are below this threshold. NUTS is a nest of tiny loops: compiled whole, the same draws come about
# four times faster. Unknown to another XLA, the option is ignored.
_WHOLE_LOOPS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=100000000"
if "xla_backend_extra_options" not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_WHOLE_LOOPS}".strip()

import jax  # noqa: E402  (XLA reads its flags once, when the backend starts)

# A restarted server finds its compiled programs beside its runs.
_CACHE = os.path.join(os.environ.get("HBDASH_STORE", ".hbdash"), "xla")
if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
    jax.config.update("jax_compilation_cache_dir", os.path.abspath(_CACHE))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)

# 64 bits cost up to a quarter more time than 32 and remove every question about rounding: in
# likelihoods of a million rows, in data far from zero, deep in the neck of a funnel.
jax.config.update("jax_enable_x64", True)

__all__ = ["PopulationSpec", "RunSpec", "sweep"]
#: Where the names of a notebook live; each is imported when it is asked for.
_HOMES = {
    "PopulationSpec": "hbdash.population.spec",
    "RunSpec": "hbdash.spec",
    "sweep": "hbdash.sweeps",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
