"""Which key of a priors.json sets which parameter: an exact name first, else a pattern."""

import json
import re
from typing import Any

from hbdash.population.parameters import Components
from hbdash.population.prior_families import nearest

#: Characters of a key, and number of keys.
LONGEST_KEY, MOST_KEYS = 200, 200
#: Ways in which a pattern may try to match a name of `_NAME_LENGTH` characters, at most.
MOST_WAYS, _NAME_LENGTH = 100_000, 16


def check_keys(entries: dict[str, Any], where: str) -> None:
    """Refuse keys that are no names and no patterns that can be tried in no time.

    Raises
    ------
    ValueError
        With the key and what is wrong with it.
    """
    if not isinstance(entries, dict) or not all(isinstance(key, str) for key in entries):
        raise ValueError(f"{where} must be an object with a key for each parameter.")
    if len(entries) > MOST_KEYS:
        raise ValueError(f"{where} must have at most {MOST_KEYS} keys, got {len(entries)}.")
    for key in entries:
        _check_key(key, f"{where}, {json.dumps(key[:60], ensure_ascii=False)}:")


def keys_of(
    entries: dict[str, Any], components: Components, where: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Find the key of every parameter; those of optional ones may be missing.

    Parameters
    ----------
    entries : by exact name or Python regular expression (`re.fullmatch`), in the file's order.
    components : whose parameters they are.
    where : the file's name, for messages.

    Returns
    -------
    The key of each parameter, and keys that match parameters but set none of them, since an earlier
    key or an exact name does.

    Raises
    ------
    ValueError
        Where a key matches no parameter, or a parameter has no key; all of them are named.
    """
    check_keys(entries, where)
    matches = {
        key: [n for n in components.names if n == key or re.fullmatch(key, n)] for key in entries
    }
    _refuse_unknown([key for key, names in matches.items() if not names], components, where)
    found: dict[str, str] = {}
    for name in components.names:
        first = next((key for key, names in matches.items() if name in names), None)
        if first is not None:
            found[name] = name if name in entries else first
    missing = [n for n in components.names if n not in found and n not in components.optional]
    if missing:
        raise ValueError(
            f"{where} must give every parameter a prior or a constant; missing: "
            f"{', '.join(missing)}."
        )
    used = set(found.values())
    return found, tuple(key for key in entries if key not in used)


def unknown_name(name: str, components: Components) -> str:
    """Say that there is no parameter of a name, and which are near."""
    near = nearest(name, components.names)
    instead = f"Did you mean {near}?" if near else f"There are {', '.join(components.names)}."
    return f"{json.dumps(name[:60])} is no parameter of {_counts(components)}. {instead}"


def _refuse_unknown(keys: list[str], components: Components, where: str) -> None:
    if not keys:
        return
    said = [f"{where}: {unknown_name(key, components)}" for key in keys[:5]]
    more = f" So are {len(keys) - 5} more keys." if len(keys) > 5 else ""
    raise ValueError(
        f"{' '.join(said)}{more} Every key must match a parameter: take away what does not, or "
        f"change n_pl or n_g."
    )


def _counts(components: Components) -> str:
    power_laws = f"{components.n_pl} power law{'s' * (components.n_pl != 1)}"
    return f"{power_laws} and {components.n_g} Gaussian{'s' * (components.n_g != 1)}"


def _check_key(key: str, where: str) -> None:
    if not key or len(key) > LONGEST_KEY:
        raise ValueError(f"{where} a key must have 1 to {LONGEST_KEY} characters, got {len(key)}.")
    if re.fullmatch(r"\w+", key):
        return
    try:
        re.compile(key)
    except (re.error, OverflowError, RecursionError) as wrong:
        raise ValueError(
            f"{where} a key must be a name or a Python regular expression: {wrong}."
        ) from None
    # Every quantifier of a single character tries at most each length, and every alternative at
    # most doubles the ways; a quantifier of a group would multiply them by themselves.
    bare = key.replace("(?:", "(")
    quantifiers = len(re.findall(r"[*+?{]", bare))
    ways = (_NAME_LENGTH + 1) ** quantifiers * 2 ** bare.count("|")
    if re.search(r"\)[*+?{]", bare) or ways > MOST_WAYS:
        raise ValueError(
            f"{where} the pattern may take too long to match. Repeat no group in parentheses, and "
            f"use few of * + ? {{ and |."
        )
