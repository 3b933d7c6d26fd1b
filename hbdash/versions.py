"""The versions of the packages that a run came from."""

import importlib.metadata
import platform
from functools import cache

#: The version of hbdash, which need not be installed as a package.
HBDASH = "0.1.0"


@cache
def versions(*packages: str) -> str:
    """Name packages with their versions, such as "python 3.11.9, jax 0.10.2, numpyro 0.22.0"."""
    known = {"hbdash": HBDASH, "python": platform.python_version()}
    found = {name: known.get(name) or importlib.metadata.version(name) for name in packages}
    return ", ".join(f"{name} {version}" for name, version in found.items())


def provenance(*more: str) -> dict[str, str]:
    """Describe this process for the attributes of a run.

    Parameters
    ----------
    more : packages that took part, besides those that always do.

    Returns
    -------
    dict
        "versions", as `versions` writes them, and "platform".
    """
    always = ("hbdash", "python", "jax", "jaxlib", "numpyro", "numpy")
    return {"versions": versions(*always, *more), "platform": platform.platform()}
