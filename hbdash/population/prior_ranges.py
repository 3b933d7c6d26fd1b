"""What priors allow: the range of every parameter, and which ranges are impossible."""

import math
from collections.abc import Mapping
from typing import Any

from hbdash.population.parameters import Components
from hbdash.population.prior_families import Family, families
from hbdash.population.prior_shape import PriorShape, Site

Range = tuple[float, float]


def ranges(
    shape: PriorShape, numbers: dict[str, Any], constants: dict[str, float]
) -> dict[str, Range]:
    """Return the least and the largest value of every parameter that is there."""
    found: dict[str, Range] = {name: (value, value) for name, value in constants.items()}
    for site in shape.sites:
        found[site.name] = support(
            families()[site.family], argument_ranges(site, numbers[site.name], found)
        )
    return found | {name: found[other] for name, other in shape.aliases}


def argument_ranges(
    site: Site, numbers: Mapping[str, float], found: Mapping[str, Range]
) -> dict[str, Range]:
    """Return the range of every argument of a site: a number's is itself."""
    return {
        name: (numbers[name], numbers[name]) if follows is None else found[follows]
        for name, follows in site.arguments
    }


def support(family: Family, arguments: Mapping[str, Range]) -> Range:
    """Return the range of a family's values under ranges of its arguments."""
    low, high = family.lower, family.upper
    if isinstance(low, str):
        low = arguments[low][0] if low in arguments else family.beyond[0]
    if isinstance(high, str):
        high = arguments[high][1] if high in arguments else family.beyond[1]
    return low, high


def warn(
    shape: PriorShape, numbers: dict[str, Any], constants: dict[str, float], components: Components
) -> tuple[str, ...]:
    """Say what the priors allow although the density is zero there.

    Raises
    ------
    ValueError
        Where they allow nothing else.
    """
    found, root = ranges(shape, numbers, constants), dict(shape.aliases)
    said: list[str] = []
    for site in shape.sites:
        said += _followed(site, argument_ranges(site, numbers[site.name], found))
    pairs = [(f"mmin_pl_{i}", f"mmax_pl_{i}") for i in range(components.n_pl)]
    pairs += [
        (f"m{i}_low_g_{j}", f"m{i}_high_g_{j}") for j in range(components.n_g) for i in (1, 2)
    ]
    for low, high in pairs:
        if low in found and high in found and not _bound(shape, root, low, high):
            same = root.get(low, low) == root.get(high, high)
            said += _ordered(low, high, found, same=same)
    for name in found:
        if name.startswith("mmin_pl") or "_scale_g_" in name:
            said += _positive(name, found[name])
    return tuple(said)


def _ordered(low: str, high: str, found: Mapping[str, Range], *, same: bool) -> list[str]:
    return _between(
        f"{low} must be below {high}",
        f"{low} {_words(found[low])}, {high} {_words(found[high])}",
        possible=not same and found[low][0] < found[high][1],
        certain=_certainly_below(found[low], found[high]),
    )


def _certainly_below(low: Range, high: Range) -> bool:
    # Ends of continuous ranges may touch; two constants may not.
    touching = low[1] == high[0] and (low[0] < low[1] or high[0] < high[1])
    return low[1] < high[0] or touching


def _positive(name: str, values: Range) -> list[str]:
    certain = values[0] > 0 or (values[0] == 0 and values[1] > 0)
    return _between(
        f"{name} must be positive",
        f"{name} {_words(values)}",
        possible=values[1] > 0,
        certain=certain,
    )


def _followed(site: Site, arguments: dict[str, Range]) -> list[str]:
    """Look at the arguments of a site that follow other parameters."""
    family, said = families()[site.family], []
    follows = {name: other for name, other in site.arguments if other is not None}
    for name, other in follows.items():
        argument, (low, high) = family.argument(name), arguments[name]
        said += _between(
            f"the {name} of {site.name}'s {family.name} {argument.rule}",
            f"{other} {_words((low, high))}",
            possible=high > argument.low and low < argument.high,
            certain=low >= argument.low and high <= argument.high,
        )
    if follows and {"low", "high"} <= set(arguments):
        low, high = arguments["low"], arguments["high"]
        said += _between(
            f"low must be below high in {site.name}'s {family.name}",
            f"low {_words(low)}, high {_words(high)}",
            possible=low[0] < high[1],
            certain=_certainly_below(low, high),
        )
    return said


def _between(rule: str, given: str, *, possible: bool, certain: bool) -> list[str]:
    if not possible:
        raise ValueError(f"The priors leave nothing possible: {rule}, got {given}. Change them.")
    if certain:
        return []
    return [
        f"The priors allow more than is possible: {rule}, got {given}. The density is zero beyond."
    ]


def _bound(shape: PriorShape, root: Mapping[str, str], low: str, high: str) -> bool:
    """Whether the prior of one parameter keeps it on its side of the other."""
    low, high = root.get(low, low), root.get(high, high)
    ends = ((low, "high", high), (high, "low", low))
    return any(
        (end, other) in shape.site(name).arguments
        for name, end, other in ends
        if name in shape.sampled
    )


def _words(values: Range) -> str:
    low, high = values
    if low == high:
        return f"{low:g}"
    if math.isinf(low):
        return "any number" if math.isinf(high) else f"up to {high:g}"
    return f"from {low:g} upwards" if math.isinf(high) else f"{low:g} to {high:g}"
