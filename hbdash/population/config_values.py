"""What the readers of sampler files share: unknown keys, and options out of bounds, in words."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hbdash.population.prior_families import nearest
from hbdash.population.strict_json import kind

Config = TypeVar("Config", bound=BaseModel)

#: What must hold where pydantic finds otherwise, by its type of error; limits are put in.
RULES = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "model_type": "must be an object",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "missing": "must be given",
    "extra_forbidden": "is no option here",
}


def check_known(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse keys that are not known.

    Raises
    ------
    ValueError
        With the first one, and the known ones that are near.
    """
    known = tuple(known)
    for key in given:
        if key not in known:
            near = nearest(key, known)
            instead = f"Did you mean {near}?" if near else f"There are {', '.join(known)}."
            raise ValueError(f"{where} has no option {json.dumps(key[:60])}. {instead}")


def section(content: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """Return a part of a file that must be an object; an empty one where it is not there.

    Raises
    ------
    ValueError
        Where it is something else.
    """
    found = content.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f'{where}, "{name}": must be an object, {{...}}, got {kind(found)}.')
    return found


def check_flag(value: Any, path: str) -> None:
    """Refuse what is neither true nor false.

    Raises
    ------
    ValueError
        With `path`, the file and the key.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{path}: must be true or false, got {kind(value)}.")


def validated(
    config: type[Config], fields: Mapping[str, Any], keys: Mapping[str, str], where: str
) -> Config:
    """Build a config; whole numbers must be written as such, and true is no number.

    Parameters
    ----------
    config : its class.
    fields : values by the names of its fields, plain JSON.
    keys : names of keys in the file, for messages, where they are others than the fields.
    where : the file's name, for messages.

    Raises
    ------
    ValueError
        With the key, what must hold and what was given; the first of several.
    """
    try:
        return config.model_validate_json(json.dumps(dict(fields)), strict=True)
    except ValidationError as wrong:
        raise ValueError(_in_words(wrong.errors(include_url=False)[0], keys, where)) from None


def _in_words(error: Any, keys: Mapping[str, str], where: str) -> str:
    if error["type"] == "value_error":
        said = str(error["ctx"]["error"])
        return f"{where}: {_renamed(said, keys)}"
    field, *rest = (str(part) for part in error["loc"])
    path = f'{where}, "{keys.get(field, field)}"'
    if field == "condition_matrix":  # one of two kinds, of which pydantic reports either
        return (
            f"{path}: must be a positive number, or a list of positive numbers, one for each "
            f"parameter, got {kind(error['input'])}."
        )
    path += "".join(
        f", entry {int(part) + 1}" if part.isdigit() else f', "{part}"' for part in rest
    )
    limits = {k: f"{v:g}" if isinstance(v, float) else v for k, v in error.get("ctx", {}).items()}
    rule = (RULES.get(error["type"]) or str(error["msg"])).format(**limits)
    return f"{path}: {rule}, got {kind(error['input'])}."


def _renamed(said: str, keys: Mapping[str, str]) -> str:
    for field, key in keys.items():
        said = said.replace(field, key)
    return said
