"""Reading what a command is given: specs from files, and runs by spec, key or the start of one."""

import json
import sys
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import ValidationError

from hbdash import store
from hbdash.jobs import answered
from hbdash.spec import AnySpec, explain, parse

#: Characters that the beginning of a key must have.
FEWEST = 4


class NotUnderstood(Exception):
    """What was given is none of what the command takes; the message says what must hold."""


def json_file(path: str) -> Any:
    """Read JSON from a file or, for ``-``, from standard input.

    Raises
    ------
    NotUnderstood
        When it cannot be read, or is not JSON.
    """
    try:
        if path == "-":
            raw = sys.stdin.read()
        else:
            raw = Path(path).read_text(encoding="utf-8")
        return json.loads(raw)
    except RecursionError:
        raise NotUnderstood(f"{path} is no spec: it is nested too deeply.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise NotUnderstood(f"{path} is not JSON: {error.msg} in {where}.") from None
    except (OSError, ValueError) as error:
        raise NotUnderstood(str(error)) from None


def spec_file(path: str) -> AnySpec:
    """Read a spec; for the arguments see `json_file`.

    Raises
    ------
    NotUnderstood
        When it is not JSON, or not a spec; the message names the field.
    """
    content = json_file(path)
    if isinstance(content, dict) and {"parameterizations", "samplers"} & set(content):
        raise NotUnderstood(
            "This is a lab's configuration of several runs: a spec has one `parameterization` and "
            "one `sampler`."
        )
    try:
        return parse(content)
    except ValidationError as error:
        raise NotUnderstood(explain(error)) from None
    except ValueError as error:
        raise NotUnderstood(str(error)) from None


def stored(given: str) -> xr.DataTree:
    """Read a stored run.

    Parameters
    ----------
    given : its key, the beginning of one that no other run has, or a file with its spec.

    Raises
    ------
    NotUnderstood
        When it is neither, or begins several keys.
    LookupError
        When there is no such run in the store, or its files are damaged.
    """
    if given == "-" or given.endswith(".json"):
        dt = answered(spec_file(given))
        if dt is None:
            raise LookupError(f"No stored run answers {given}: sample it with `run`.")
        return dt
    found = [key for key in store.keys() if key.startswith(given)]
    if not set(given) <= set("0123456789abcdef-") or len(given) < FEWEST:
        raise NotUnderstood(
            f"A run is named by its key, at least {FEWEST} digits of it, or by a file that ends in "
            f".json, got {given[:60]!r}. `list` shows the keys."
        )
    if given in found:
        found = [given]
    if len(found) > 1:
        raise NotUnderstood(f"{given} begins {len(found)} keys, such as {found[0]}: give more.")
    dt = store.load(found[0]) if found else None
    if dt is None:
        raise LookupError(f"There is no stored run {given}: `list` shows those there are.")
    return dt
