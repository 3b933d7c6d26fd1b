"""The name of a question: a hash of what it asks, the same for ``1`` and ``1.0``."""

import hashlib
import json
from typing import Any

#: Bumped when the meaning of a spec or the numbers of a run change: stored runs are left behind.
VERSION = 4


def stem(content: dict[str, Any]) -> str:
    """Hash the content of a spec, which is plain JSON; 24 hexadecimal digits."""
    canonical = json.dumps(content | {"version": VERSION}, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]
