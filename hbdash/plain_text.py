"""Text that can be kept in a file and shown in a line: what is not is refused, or escaped."""

import json
from typing import Any


def check_text(content: Any, where: str) -> None:
    r"""Refuse text that UTF-8 cannot write: half of a pair, as ``"\ud800"`` in JSON makes it.

    Parameters
    ----------
    content : anything; what stands in dicts and lists is looked at, too.
    where : what it is, for the message.

    Raises
    ------
    ValueError
        With the text.
    """
    try:
        json.dumps(content, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        found = error.object[max(0, error.start - 20) : error.end + 20]
        raise ValueError(
            f"{where}: text must be Unicode, got half of a surrogate pair in {found!r}. Remove it."
        ) from None


def in_a_line(text: str) -> str:
    """Escape what is no letter, sign or space, such as ends of lines and marks that turn text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
