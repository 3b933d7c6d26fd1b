"""How a command ends: its exit status, and one line that says why."""

import sys
from typing import Any

DONE, FAILED, NOT_UNDERSTOOD, NOT_CONVERGED = 0, 1, 2, 3
#: As shells have it for a process that the keyboard ended.
ABANDONED = 130


def complain(program: str, error: Any, status: int) -> int:
    """Write one line to standard error, and return the status."""
    text = error.args[0] if isinstance(error, LookupError) and error.args else error
    print(f"{program}: error: {'; '.join(str(text).splitlines())}", file=sys.stderr)
    return status
