"""JSON as people write it by hand, read strictly: every refusal names the line and the column."""

import json
import math
import re
from typing import Any

from hbdash.plain_text import check_text

#: Characters of a file, levels of nesting, and characters of a number that are read at most.
LONGEST, DEEPEST, LONGEST_NUMBER = 1_000_000, 20, 300
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|-?(?:Infinity|NaN)|-?\d[\d.eE+-]*', re.DOTALL)


def parse(text: str | bytes, where: str) -> Any:
    """Read JSON that says everything once.

    Parameters
    ----------
    text : the content of a file, in UTF-8 where it is bytes.
    where : the file's name, for messages.

    Raises
    ------
    ValueError
        Where `text` is empty, too long, not UTF-8, not JSON, nested deeper than 20 levels, gives a
        key twice, or holds NaN, Infinity or a number beyond 64 bits.
    """
    text = _decoded(text, where).removeprefix("\N{BYTE ORDER MARK}")
    if not text.strip():
        raise ValueError(f"{where} must hold JSON, and is empty.")
    if len(text) > LONGEST:
        raise ValueError(
            f"{where} must have at most {LONGEST:,} characters, got {len(text):,}: is it the file "
            f"that was meant?"
        )
    twice = _walk(text, where)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise _error(text, where, wrong.pos, f"is not JSON: {_lowered(wrong.msg)}.") from None
    check_text(value, where)
    if twice is not None:
        position, key = twice
        raise _error(
            text, where, position, f"the key {_quoted(key)} is there already; keep one of the two."
        )
    return value


def parse_object(text: str | bytes, where: str) -> dict[str, Any]:
    """Read JSON that is an object.

    Raises
    ------
    ValueError
        As `parse`, and where it is another kind of value.
    """
    value = parse(text, where)
    if not isinstance(value, dict):
        raise ValueError(f"{where} must hold a JSON object, {{...}}, got {kind(value)}.")
    return value


def kind(value: Any) -> str:
    """Name a JSON value in words, shortened."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)[:60]
    if isinstance(value, str):
        return f"the text {_quoted(value)}"
    words = "the list" if isinstance(value, list) else "the object"
    spelt = json.dumps(value, ensure_ascii=False)
    return f"{words} {spelt if len(spelt) <= 60 else spelt[:57] + '...'}"


def _decoded(text: str | bytes, where: str) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError as wrong:
        raise ValueError(
            f"{where} must be text in UTF-8, and is not at byte {wrong.start:,}. Save it as UTF-8, "
            f"without compression."
        ) from None


def _walk(text: str, where: str) -> tuple[int, str] | None:
    """Look at every token; return position and name of the first key given twice."""
    keys: list[set[str] | None] = []  # of the objects that are open; None for a list
    twice: tuple[int, str] | None = None
    for token in _TOKEN.finditer(text):
        word, at = token.group(), token.start()
        if word in "{[":
            keys.append(set() if word == "{" else None)
            if len(keys) > DEEPEST:
                raise _error(text, where, at, f"is nested deeper than {DEEPEST} levels.")
        elif word in "}]":
            if keys:
                keys.pop()
        elif word[0] == '"':
            after = text[token.end() : token.end() + 200].lstrip()
            if keys and (known := keys[-1]) is not None and after.startswith(":"):
                key = _spelt(word)
                twice = twice or ((at, key) if key in known else None)
                known.add(key)
        elif word[-1] in "yN":
            raise _error(text, where, at, f"{word} is no JSON number; write a finite one.")
        elif word not in ",:":
            _check_number(text, where, at, word)
    return twice


def _check_number(text: str, where: str, at: int, word: str) -> None:
    try:
        finite = len(word) <= LONGEST_NUMBER and math.isfinite(float(word))
    except ValueError:
        return  # not a number either; the parser says so
    if not finite:
        shown = word if len(word) <= 40 else f"{word[:37]}..."
        raise _error(text, where, at, f"{shown} is beyond the numbers of 64 bits.")


def _spelt(word: str) -> str:
    try:
        return json.loads(word)
    except json.JSONDecodeError:
        return word


def _error(text: str, where: str, at: int, what: str) -> ValueError:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return ValueError(f"{where}, line {line}, column {column}: {what}")


def _lowered(words: str) -> str:
    return words[:1].lower() + words[1:]


def _quoted(text: str) -> str:
    return json.dumps(text if len(text) <= 60 else f"{text[:57]}...", ensure_ascii=False)
