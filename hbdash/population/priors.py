"""Priors of a population, as a priors.json gives them, checked and made ready for programs."""

import json
from typing import Any

from hbdash.population.parameters import Components
from hbdash.population.prior_density import (
    complete,
    constrain,
    distribution,
    draw,
    log_prior,
    unconstrain,
)
from hbdash.population.prior_entries import check_numbers, checked, describe_prior
from hbdash.population.prior_families import families
from hbdash.population.prior_names import check_keys, keys_of, unknown_name
from hbdash.population.prior_ranges import warn
from hbdash.population.prior_shape import Priors, PriorShape, Site
from hbdash.population.strict_json import parse_object

__all__ = [
    "PriorShape",
    "Priors",
    "canonical",
    "complete",
    "constrain",
    "default_priors",
    "describe_prior",
    "distribution",
    "draw",
    "log_prior",
    "read_priors",
    "resolve",
    "unconstrain",
]

#: Priors of a fresh visit: low and high of a Uniform, by parameter without its number.
_FRESH = {
    "log_rate": (-11.5, 11.5),
    "alpha_pl": (-5.0, 5.0),
    "beta_pl": (-5.0, 5.0),
    "mmin_pl": (1.0, 20.0),
    "mmax_pl": (30.0, 100.0),
    "m1_loc_g": (5.0, 100.0),
    "m2_loc_g": (5.0, 100.0),
    "m1_scale_g": (1.0, 20.0),
    "m2_scale_g": (1.0, 20.0),
}


def read_priors(text: str | bytes, where: str = "priors.json") -> dict[str, Any]:
    """Read the entries of a priors.json, in the file's order.

    Parameters
    ----------
    text : the content of the file.
    where : its name, for messages.

    Raises
    ------
    ValueError
        With line and column, where it is not JSON, gives a key twice or holds NaN; with the key,
        where an entry is wrong by itself.
    """
    entries = parse_object(text, where)
    canonical(entries, where)
    return entries


def canonical(entries: dict[str, Any], where: str = "priors") -> dict[str, Any]:
    """Return entries of one meaning in one form: numbers as floats, NumPyro's defaults filled in.

    Keys keep their order, which is part of the meaning: the first pattern that matches counts.

    Raises
    ------
    ValueError
        Where an entry is wrong by itself; the message names its key.
    """
    check_keys(entries, where)
    return {
        key: checked(entry, f"{where}, {json.dumps(key, ensure_ascii=False)}")
        for key, entry in entries.items()
    }


def resolve(entries: dict[str, Any], components: Components, where: str = "priors") -> Priors:
    """Give every parameter its prior.

    Parameters
    ----------
    entries : by exact name or Python regular expression (`re.fullmatch`; an exact name first, else
        the first key that matches). A value is ``{"dist": <NumPyro's name>, <numbers>}``, where a
        number may be the name of a parameter that it follows; a number, which is a constant; the
        name of another parameter, which it is the same as; or null, a Gaussian's absent bound.
    components : whose parameters they are.
    where : the file's name, for messages.

    Raises
    ------
    ValueError
        Where a key matches no parameter, a parameter has no key, an entry is wrong, priors follow
        each other in a circle, or nothing is possible under them.
    """
    checked_entries = canonical(entries, where)
    keys, unused = keys_of(entries, components, where)
    given = {name: checked_entries[keys[name]] for name in components.names if name in keys}
    paths = {name: f"{where}, {json.dumps(keys[name], ensure_ascii=False)}" for name in given}
    present = _without_absent(given, components, paths)
    order = _ordered(present, components, paths)
    shape, numbers, constants = _arranged(present, order, components, paths)
    said = [
        f"{where}: the key {json.dumps(key)} sets nothing, since every parameter that it matches "
        f"has an exact or an earlier key."
        for key in unused
    ]
    try:
        said += warn(shape, numbers, constants, components)
    except ValueError as wrong:
        raise ValueError(f"{where}: {wrong}") from None
    return Priors(shape, numbers, constants, tuple(said))


def default_priors(components: Components) -> dict[str, Any]:
    """Return priors to start from; the bounds of Gaussians are absent."""
    found: dict[str, Any] = {}
    for name in components.names:
        bounds = _FRESH.get(name.rpartition("_")[0])
        found[name] = bounds and {"dist": "Uniform", "low": bounds[0], "high": bounds[1]}
    return found


def _without_absent(
    given: dict[str, Any], components: Components, paths: dict[str, str]
) -> dict[str, Any]:
    """Take away what is absent; a bound that is the same as an absent one is absent too."""
    for name, entry in given.items():
        if entry is None and name not in components.optional:
            raise ValueError(
                f"{paths[name]}: {name} must have a prior or a constant, got null; only low and "
                f"high of a Gaussian may be absent."
            )
    present = {name: entry for name, entry in given.items() if entry is not None}
    while gone := [
        name
        for name, entry in present.items()
        if isinstance(entry, str) and entry in components.optional and entry not in present
    ]:
        for name in gone:
            if name not in components.optional:
                raise ValueError(
                    f"{paths[name]}: {name} cannot be the same as {present[name]}, which is absent."
                )
            del present[name]
    return present


def _ordered(
    present: dict[str, Any], components: Components, paths: dict[str, str]
) -> tuple[str, ...]:
    """Order parameters so that each stands after those that it follows."""
    needs = {name: _needs(entry) for name, entry in present.items()}
    done: dict[str, None] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            circle = " → ".join((*trail[trail.index(name) :], name))
            raise ValueError(
                f"{paths[name]}: priors must not follow each other in a circle, got {circle}. Give "
                f"one of them numbers of its own."
            )
        for word, other in needs[name].items():
            place = f'{paths[name]}, "{word}"' if word else paths[name]
            if other not in components.names:
                raise ValueError(f"{place}: {unknown_name(other, components)}")
            if other not in present:
                raise ValueError(f"{place}: {name} follows {other}, which is absent.")
            if other not in done:
                visit(other, (*trail, name))
        done[name] = None

    for name in present:
        if name not in done:
            visit(name, ())
    return tuple(done)


def _needs(entry: Any) -> dict[str, str]:
    """Name the parameters that an entry follows, by its argument; an alias has none."""
    if isinstance(entry, str):
        return {"": entry}
    if isinstance(entry, dict):
        return {k: v for k, v in entry.items() if k != "dist" and isinstance(v, str)}
    return {}


def _arranged(
    present: dict[str, Any],
    order: tuple[str, ...],
    components: Components,
    paths: dict[str, str],
) -> tuple[PriorShape, dict[str, dict[str, float]], dict[str, float]]:
    constants: dict[str, float] = {}
    aliases: dict[str, str] = {}
    sites: list[Site] = []
    numbers: dict[str, dict[str, float]] = {}
    for name in order:
        entry = present[name]
        if isinstance(entry, dict):
            site, numbers[name] = _site(name, entry, aliases, constants, paths[name])
            sites.append(site)
            continue
        if isinstance(entry, float):
            constants[name] = entry
        elif entry in constants:
            constants[name] = constants[entry]
        else:
            aliases[name] = aliases.get(str(entry), str(entry))
    shape = PriorShape(
        tuple(sites),
        tuple((name, aliases[name]) for name in components.names if name in aliases),
        tuple(name for name in components.names if name in constants),
        tuple(name for name in components.optional if name not in present),
    )
    return shape, numbers, {name: constants[name] for name in shape.constants}


def _site(
    name: str,
    entry: dict[str, Any],
    aliases: dict[str, str],
    constants: dict[str, float],
    path: str,
) -> tuple[Site, dict[str, float]]:
    """Make a sampled parameter; what follows a constant is a number."""
    arguments: list[tuple[str, str | None]] = []
    numbers: dict[str, float] = {}
    for word in entry:
        if word == "dist":
            continue
        value: Any = aliases.get(entry[word], entry[word])
        if isinstance(value, str) and value in constants:
            value = constants[value]
        if isinstance(value, str):
            arguments.append((word, value))
        else:
            arguments.append((word, None))
            numbers[word] = value
    check_numbers(families()[entry["dist"]], numbers, path)
    return Site(name, entry["dist"], tuple(arguments)), numbers
