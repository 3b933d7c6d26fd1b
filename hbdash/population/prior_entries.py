"""One entry of a priors.json: a family with its numbers, a constant, another's name, or null."""

import json
import math
from typing import Any

from hbdash.population.prior_families import Family, families, nearest, why_not
from hbdash.population.strict_json import kind

#: Largest size of a number in a prior: beyond it, sums and differences lose the unit.
LARGEST = 1e15


def checked(entry: Any, where: str) -> Any:
    """Return an entry in its canonical form: numbers as floats, NumPyro's defaults filled in.

    Parameters
    ----------
    entry : ``{"dist": ..., ...}``, a number, the name of a parameter, or None.
    where : the file and the key, for messages.

    Raises
    ------
    ValueError
        Where the entry is none of these, its family is unknown, or an argument is missing,
        misspelt, no number or name, or outside the family's limits.
    """
    if entry is None:
        return None
    if isinstance(entry, str):
        return _name(entry, where)
    if isinstance(entry, int | float) and not isinstance(entry, bool):
        return _number(entry, where)
    if not isinstance(entry, dict):
        raise ValueError(
            f'{where} must be an object such as {{"dist": "Uniform", "low": 0, "high": 1}}, a '
            f"number, the name of another parameter, or null; got {kind(entry)}."
        )
    family = _family(entry, where)
    given = {name: value for name, value in entry.items() if name != "dist"}
    _check_names(family, given, where)
    found = {}
    for argument in family.arguments:
        value = given.get(argument.name, argument.default)
        if value is None and not argument.optional:
            raise ValueError(f'{where}, "{argument.name}": must be a number, got null.')
        if value is not None:
            found[argument.name] = _argument(value, f'{where}, "{argument.name}":')
    check_numbers(family, {n: v for n, v in found.items() if isinstance(v, float)}, where)
    return {"dist": family.name} | found


def check_numbers(family: Family, numbers: dict[str, float], where: str) -> None:
    """Refuse numbers outside the limits of a family.

    Raises
    ------
    ValueError
        With the argument, its rule, and what was given.
    """
    for name, value in numbers.items():
        argument = family.argument(name)
        if not argument.holds(value):
            raise ValueError(
                f'{where}, "{name}": the {name} of {family.name} {argument.rule}, got {value:g}.'
            )
    if {"low", "high"} <= set(numbers) and not numbers["low"] < numbers["high"]:
        low, high = numbers["low"], numbers["high"]
        instead = (
            f"For a constant write {low:g} alone." if low == high else "Are they the wrong way?"
        )
        raise ValueError(
            f"{where}: {family.name} needs low < high, got low {low:g} and high {high:g}. {instead}"
        )


def describe_prior(entry: Any) -> str:
    """Write an entry as NumPyro code, without its module; what is no distribution in a word."""
    if entry is None:
        return "absent"
    if isinstance(entry, str):
        return f"same as {entry}"
    if not isinstance(entry, dict):
        return repr(float(entry))
    given = {name: value for name, value in entry.items() if name != "dist" and value is not None}
    spelt = (f"{n}={v if isinstance(v, str) else repr(float(v))}" for n, v in given.items())
    return f"{entry['dist']}({', '.join(spelt)})"


def _family(entry: dict[str, Any], where: str) -> Family:
    name = entry.get("dist")
    if not isinstance(name, str):
        got = f"got {kind(name)}" if "dist" in entry else "there is none"
        near = nearest("dist", tuple(entry))
        instead = f"; is it {near}?" if near and "dist" not in entry else "."
        raise ValueError(
            f'{where}: "dist" must name a distribution of NumPyro, such as "Uniform"; {got}'
            f"{instead}"
        )
    if name not in families():
        raise ValueError(f'{where}, "dist": got "{name[:60]}". {why_not(name)}')
    return families()[name]


def _check_names(family: Family, given: dict[str, Any], where: str) -> None:
    takes = f"{family.name} takes {', '.join(_called(family))}"
    for name in given:
        if name not in family.names:
            near = nearest(name, family.names)
            instead = f" Did you mean {near}?" if near else ""
            raise ValueError(f"{where}: {takes}; got {json.dumps(name[:60])}.{instead}")
    missing = [
        a.name
        for a in family.arguments
        if a.name not in given and a.default is None and not a.optional
    ]
    if missing:
        got = ", ".join(given) or "none"
        raise ValueError(f"{where}: {takes}; got {got}. Add {' and '.join(missing)}.")


def _called(family: Family) -> list[str]:
    return [
        f"{a.name} (may be left out)"
        if a.optional
        else a.name + (f" ({a.default:g} unless given)" if a.default is not None else "")
        for a in family.arguments
    ]


def _argument(value: Any, where: str) -> float | str:
    if isinstance(value, str):
        return _name(value, where)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(
            f"{where} must be one number, or the name of a parameter that it follows, got "
            f"{kind(value)}."
        )
    return _number(value, where)


def _name(text: str, where: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return text
    instead = f" Write {text.strip()[:40]} without quotation marks." * math.isfinite(number)
    raise ValueError(
        f"{where} must be a finite number or the name of a parameter, got {kind(text)}.{instead}"
    )


def _number(value: int | float, where: str) -> float:
    if not abs(value) <= LARGEST or not math.isfinite(value):
        shown = f"{value:g}" if isinstance(value, float) else f"{str(value)[:40]}"
        raise ValueError(
            f"{where} must be a finite number of at most {LARGEST:g} in size, got {shown}."
        )
    return float(value) + 0.0  # -0.0 and 0.0 are one prior
