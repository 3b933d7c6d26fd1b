"""What people, broken programs and attackers send: values, texts and documents that went wrong."""

import copy
import os
import traceback
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hbdash.population.hdf5_reading import ContentError
from hbdash.spec import explain
from hbdash.tables.csv_table import UploadError

#: How many examples a test tries, as a multiple of what it names itself.
MORE = float(os.environ.get("HBDASH_FUZZ", "1"))
#: What user text must not become anywhere on a page, in whatever it is rendered by.
MARKUP = (
    "<img src=http://evil.invalid/a.png onerror=alert(1)>",
    "<a href='http://evil.invalid/'>b</a>",
    "[c](javascript:alert(1))",
    "![d](http://evil.invalid/d.png)",
    "$\\href{http://evil.invalid/}{e}$",
    ":material/home: :red[f] **g** `h` # i",
    "https://evil.invalid/j",
)
TEXTS = (
    *MARKUP, "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "\u202eabc", "\u200f", "\ufeff",
    "\ufffe", "é" * 50, "e\u0301" * 50, "\N{PILE OF POO}" * 30, "x" * 5000, "\n\r\t", "nan",
    "-inf", "1e999999", "NaN", "null", "__proto__", "__class__", "../" * 9 + "etc/passwd", "C:\\x",
    "%00", "%s%n", "{0}", "=1+1", "@SUM(A1)", "+1", "-1", "(a+)+$", "(.*)*", "[", "(?P<a>",
    "a{99999}", "a{1,9999}{1,9999}", "٣", "１２", "1_000", "0x10", "1" * 400, "9" * 5000, "1e-400",
    "-0.0",
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 2, 3, 200, 2**31, 2**32, 2**63, 2**64, -(2**63), 10**9, 10**12, 10**300, 10**400,
    0.0, -0.0, 0.5, 1e-9, 1e-320, 1e8, 1e9, 1e15, 1e16, 1e308, float("inf"), float("-inf"),
    float("nan"), True, False, None,
)  # fmt: skip


def profile(examples: int) -> settings:
    """Try the same examples everywhere; `$HBDASH_FUZZ` times as many where there is time."""
    return settings(
        max_examples=int(examples * MORE),
        derandomize=MORE == 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def deep(levels: int) -> Any:
    """Nest lists in lists."""
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


numbers = st.sampled_from(NUMBERS) | st.floats() | st.integers()
texts = st.sampled_from(TEXTS) | st.text(st.characters(exclude_categories=()), max_size=30)
values = st.recursive(
    numbers | texts | st.sampled_from([deep(30), deep(300)]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def places(document: Any, path: tuple = ()) -> list[tuple]:
    """List the way to every value in a document."""
    found = [path] if path else []
    inside = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in inside:
        found.append((*path, name)) if not isinstance(value, dict | list) else None
        if isinstance(value, dict | list):
            found += places(value, (*path, name))
    return found


@st.composite
def spoiled(draw: Any, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Take one of several good documents and spoil up to three of its values."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 3))):
        ways = places(document)
        if not ways:
            break
        *way, last = draw(st.sampled_from(ways))
        inner = document
        for name in way:
            inner = inner[name]
        how = draw(st.integers(0, 5))
        if how == 0:
            del inner[last]
        elif how == 1 and isinstance(inner, dict):
            inner[draw(texts)] = copy.deepcopy(draw(values))
        elif how == 2 and isinstance(inner, list):
            inner *= draw(st.sampled_from([0, 2, 1000]))
        elif how == 3:
            inner[last] = draw(numbers)
        elif how == 4:
            inner[last] = draw(texts)
        else:
            inner[last] = copy.deepcopy(draw(values))
    return document


@st.composite
def torn(draw: Any, files: list[bytes]) -> bytes:
    """Take one of several good files and cut, double, flip or replace stretches of its bytes."""
    raw = draw(st.sampled_from(files))
    pieces = st.binary(max_size=8) | texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(raw)))
        stop = min(len(raw), start + draw(st.sampled_from([0, 1, 4, 40, 4000])))
        raw = raw[:start] + draw(pieces | st.just(raw[start:stop] * 3)) + raw[stop:]
    return raw


def refusal(error: Exception) -> str:
    """Return what a refusal says; anything else than a refusal in our own words is raised.

    Python's own below ValueError and LookupError (UnicodeError, KeyError, that of `int`) are slips.
    """
    if type(error) not in (ValueError, LookupError, UploadError, ContentError, ValidationError):
        raise error
    if not isinstance(error, ValidationError):
        last = traceback.extract_tb(error.__traceback__)[-1]
        if not (last.line or "").startswith("raise"):
            raise error
    said = explain(error) if isinstance(error, ValidationError) else str(error.args[0])
    assert len(said) >= 15 and len(said) <= 20_000, said
    assert "Traceback" not in said and "0x7f" not in said and "pydantic.dev" not in said
    said.encode()  # it can be shown, and written to a log
    return said
