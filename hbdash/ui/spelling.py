"""How the values of a draft are spelt in a link: short, readable, and read with suspicion.

A reader raises `ValueError` with the end of a sentence that begins with the name of the field.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from hbdash.parameterization import PARAMETERIZATIONS
from hbdash.plain_text import in_a_line
from hbdash.priors import LOCATION, SCALE, parameter_names

#: Stands for a prior that a fresh visit has and this draft has not.
ABSENT = "none"


class Field(NamedTuple):
    """One name of the query: where its value lives in a draft, and how it is spelt."""

    path: tuple[str, ...]
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def short(text: str) -> str:
    """Cut what somebody typed to what a message can hold, in a line."""
    return in_a_line(text if len(text) <= 40 else text[:37] + "...")


def number(value: float) -> str:
    """Write a number so that it reads back exactly, in as few digits as it can be."""
    brief = f"{value:.12g}"
    return brief if float(brief) == value else repr(float(value))  # the same number, the same run


def real(text: str) -> float:
    """Read a number; whether it is finite and within bounds is for the draft to say."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"a number must stand here, got {short(text)!r}") from None


def whole(text: str) -> int:
    """Read a whole number of at most twelve signs."""
    if not text.removeprefix("-").isdecimal() or len(text) > 12:
        raise ValueError(f"a whole number must stand here, got {short(text)!r}")
    return int(text)


def flag(text: str) -> bool:
    """Read 0 or 1."""
    if text not in ("0", "1"):
        raise ValueError("0 or 1 must stand here")
    return text == "1"


def scalar(path: str, read: Callable[[str], Any] = real) -> Field:
    """Spell a single value, such as "data.sigma"; `read` is real, whole, flag or str."""
    write = {whole: str, str: str, flag: lambda value: str(int(value))}.get(read, number)
    return Field(tuple(path.split(".")), write, read)


def reals(path: str) -> Field:
    """Spell several numbers: 1_0.5_3."""
    return Field(
        tuple(path.split(".")),
        lambda values: "_".join(map(number, values)),
        lambda text: [real(part) for part in text.split("_")],
    )


def table(path: str, write: Callable[[Any], str], read: Callable[[str], Any]) -> Field:
    """Spell rows of values: 1_0.5~2_3."""
    return Field(
        tuple(path.split(".")),
        lambda rows: "~".join("_".join(map(write, row)) for row in rows),
        lambda text: [[read(part) for part in row.split("_")] for row in text.split("~")],
    )


def counts(path: str, most: int) -> Field:
    """Spell rows per group: 40x8 for eight times 40, else 3-1-2; at most `most` groups."""

    def write(counts: list[int]) -> str:
        if len(set(counts)) == 1:
            return f"{counts[0]}x{len(counts)}"
        return "-".join(map(str, counts))

    def read(text: str) -> list[int]:
        if "x" in text:
            count, _, times = text.partition("x")
            if not 1 <= whole(times) <= most:
                raise ValueError(f"there must be 1 to {most} groups")
            return [whole(count)] * whole(times)
        return [whole(part) for part in text.split("-")]

    return Field(tuple(path.split(".")), write, read)


def prior(site: str) -> Field:
    """Spell the prior of a site: Normal_0_5."""
    return Field(("priors", site), _write_prior, _read_prior)


def _write_prior(prior: dict[str, Any]) -> str:
    return "_".join([prior["dist"], *(number(value) for value in list(prior.values())[1:])])


def _read_prior(text: str) -> dict[str, Any] | None:
    if text == ABSENT:
        return None
    family, *values = text.split("_")
    if family not in LOCATION + SCALE:
        return {"dist": family}  # refused, with the menu, where priors are validated
    names = parameter_names(family)
    if len(values) != len(names):
        raise ValueError(f"{family} takes {' and '.join(names)}, got {len(values)} numbers")
    return {"dist": family} | dict(zip(names, map(real, values), strict=True))


def parameterizations(path: str) -> Field:
    """Spell what runs side by side: centered~mixed.50~per_effect.slope.partial.0.5..w.learned."""
    return Field(
        (path,),
        lambda chosen: "~".join(map(_write_parameterization, chosen)),
        lambda text: [_read_parameterization(part) for part in text.split("~")],
    )


def _write_parameterization(one: dict[str, Any]) -> str:
    if one["kind"] == "mixed" and one["groups"] is not None:
        return "mixed.h" + "-".join(map(str, one["groups"]))
    if one["kind"] == "mixed":
        return f"mixed.{one['threshold']}"
    if one["kind"] == "partial":
        return "partial." + "_".join(map(number, one["centeredness"]))
    if one["kind"] == "learned":
        return f"learned.{one['seed']}"
    if one["kind"] == "per_effect":
        # No number ends in a dot, so two of them separate the effects.
        parts = (f"{name}.{_write_parameterization(e)}" for name, e in one["effects"].items())
        return "per_effect." + "..".join(parts)
    return one["kind"]


def _read_parameterization(text: str) -> dict[str, Any]:
    kind, _, rest = text.partition(".")
    if kind not in PARAMETERIZATIONS:
        raise ValueError(f"{short(kind)!r} is not one of {', '.join(PARAMETERIZATIONS)}")
    if kind == "mixed" and rest.startswith("h"):
        return {"kind": kind, "groups": [whole(part) for part in rest[1:].split("-") if rest[1:]]}
    if kind == "mixed" and rest:
        return {"kind": kind, "threshold": whole(rest)}
    if kind == "partial" and rest:
        return {"kind": kind, "centeredness": [real(part) for part in rest.split("_")]}
    if kind == "learned" and rest:
        return {"kind": kind, "seed": whole(rest)}
    if kind == "per_effect":
        return {"kind": kind, "effects": _read_effects(rest)}
    if rest:
        raise ValueError(f"{kind} takes nothing, got {short(rest)!r}")
    return {"kind": kind}


def _read_effects(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in text.split(".."):
        name, _, one = part.partition(".")
        if one.startswith("per_effect"):
            raise ValueError("an effect takes one of the other parameterizations")
        found[name] = _read_parameterization(one)
    return found
