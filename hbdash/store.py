"""Runs as folders named by the hash of their question: ``runs/<key>/result.nc``."""

import os
from pathlib import Path


def root() -> Path:
    """Folder of everything kept: ``$HBDASH_STORE``, or ``.hbdash`` in the working directory."""
    return Path(os.environ.get("HBDASH_STORE", ".hbdash")).resolve()
