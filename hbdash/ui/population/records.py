"""How a record of settings is spelt in a link: a name, then only what is not as usual.

``aies..num_walkers.40..seed.3`` is a record; ``~`` stands between several. Nothing in it is escaped
by a browser as long as the values are numbers and plain words. What is read is anybody's text: a
reader raises `ValueError` with the end of a sentence that begins with the name of the field.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from hbdash.plain_text import check_text
from hbdash.ui.spelling import number, short

#: Characters that stand for themselves in a value; a dot does where no other follows.
_PLAIN = "-_+[]{}:,\"' "


def write(name: str, content: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    """Spell a record.

    Parameters
    ----------
    name : of the kind of record.
    content : its values as JSON has them.
    usual : those that are left out where they are the same.
    """
    parts = [f"{key}.{_text(value)}" for key, value in content.items() if value != usual.get(key)]
    return "..".join([name, *parts])


def read(
    text: str, usual: Callable[[str], Mapping[str, Any]], what: str
) -> tuple[str, dict[str, Any]]:
    """Read a record.

    Parameters
    ----------
    text : as `write` makes it.
    usual : name of a kind to its usual values; raises `ValueError` where there is no such kind.
    what : the noun for an error.

    Returns
    -------
    The kind, and the values that the text has. Whether they are in bounds is for the draft to say.
    """
    name, *parts = text.split("..")
    known = usual(name)
    found: dict[str, Any] = {}
    for part in parts:
        key, dot, value = part.partition(".")
        if not dot or key not in known:
            menu = ", ".join(known)
            raise ValueError(f"{what} {short(name)} takes {menu}; got {short(part)!r}")
        if key in found:
            raise ValueError(f"`{key}` stands there twice")
        found[key] = _value(value)
    return name, found


def _text(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str):
        return _escaped(json.dumps(value) if not value or _is_json(value) else value)
    return _escaped(compact(value))


def _value(text: str) -> Any:
    text = unquote(text)
    try:
        value = json.loads(text)
        check_text(value, "the link")
        return value
    except (ValueError, RecursionError):
        return text


def compact(content: Any) -> str:
    """Write JSON without spaces, numbers in as few digits as they need."""
    return json.dumps(_brief(content), separators=(",", ":"), ensure_ascii=False)


def indented(content: Any) -> str:
    """Write JSON for people, numbers in as few digits as they need."""
    return json.dumps(_brief(content), indent=2, ensure_ascii=False)


def _brief(content: Any) -> Any:
    """Write 5.0 as 5: both are the same number to whoever reads it."""
    if isinstance(content, dict):
        return {name: _brief(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_brief(value) for value in content]
    whole = isinstance(content, float) and content.is_integer() and abs(content) < 1e15
    return int(content) if whole else content


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _escaped(text: str) -> str:
    text = quote(text, safe=_PLAIN).replace("~", "%7E")
    # A single dot within a value stands for itself: 0.5, net.hdf5.
    return re.sub(r"^\.|\.(?=\.)|\.$", "%2E", text)
