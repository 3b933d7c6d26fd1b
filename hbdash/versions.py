"""The versions of the packages that a run came from."""

import importlib.metadata


def versions(*packages: str) -> str:
    """Name packages with their versions, such as "jax 0.10.2, numpyro 0.22.0"."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
