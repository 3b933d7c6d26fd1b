"""Seconds that JAX spent compiling in a thread, for libraries that compile as they go."""

import threading
from typing import Any

import jax

_EVENTS = (
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)
_thread = threading.local()


def compile_seconds() -> float:
    """Seconds that this thread has spent lowering and compiling so far."""
    return getattr(_thread, "seconds", 0.0)


def _listen(event: str, duration_secs: float, **_: Any) -> None:
    if event in _EVENTS:
        _thread.seconds = compile_seconds() + duration_secs


jax.monitoring.register_event_duration_secs_listener(_listen)
