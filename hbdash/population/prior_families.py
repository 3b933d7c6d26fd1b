"""The families that a prior may have: NumPyro's continuous distributions of one number.

They are found by inspection, so that a newer NumPyro brings its own.
"""

import difflib
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpyro.distributions as dist
from numpyro.distributions import constraints

#: Functions of NumPyro that build a distribution with bounds: the family without, and the bounds'.
TRUNCATED = {
    "TruncatedNormal": (dist.Normal, {"low": constraints.real, "high": constraints.real}),
    "TruncatedCauchy": (dist.Cauchy, {"low": constraints.real, "high": constraints.real}),
    "TruncatedGamma": (
        dist.Gamma,
        {"low": constraints.nonnegative, "high": constraints.positive},
    ),
}
#: Continuous distributions with scalar parameters that can be no prior here.
UNFIT = {
    "Delta": "it is a constant; write the number instead",
    "Unit": "it has no value",
    "HurdleGamma": "it has a probability at 0 besides its density",
    "HurdleLogNormal": "it has a probability at 0 besides its density",
    "RelaxedBernoulli": "it takes one of two arguments; write RelaxedBernoulliLogits",
    "DirichletElement": (
        "it sets several parameters at once, as the elements of one draw, and none of these "
        "parameters are parts of a whole"
    ),
}
#: Ends of the support that are an argument under another name than low or high.
_ENDS = {"Pareto": "scale", "Levy": "loc"}
_CLOSED = (type(constraints.greater_than_eq(0.0)), type(constraints.less_than_eq(0.0)))


@dataclass(frozen=True)
class Argument:
    """A number that a family takes: it lies between `low` and `high`, which are included or not."""

    name: str
    default: float | None
    optional: bool
    low: float
    high: float
    closed: bool

    def holds(self, value: Any) -> Any:
        """Whether a number, traced or not, is allowed."""
        if self.closed:
            return (value >= self.low) & (value <= self.high)
        return (value > self.low) & (value < self.high)

    @property
    def rule(self) -> str:
        """What must hold, in words."""
        if self.low == 0 and self.high == math.inf:
            return "must not be negative" if self.closed else "must be positive"
        if self.low == -math.inf:
            return f"must be below {self.high:g}"
        return f"must lie between {self.low:g} and {self.high:g}"


@dataclass(frozen=True)
class Family:
    """A distribution of NumPyro and the numbers it takes.

    `lower` and `upper` are the ends of its support: numbers, or names of arguments. Where an
    optional argument is not given, `beyond` is the end instead.
    """

    name: str
    arguments: tuple[Argument, ...]
    lower: float | str
    upper: float | str
    beyond: tuple[float, float] = (-math.inf, math.inf)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arguments."""
        return tuple(argument.name for argument in self.arguments)

    @property
    def ordered(self) -> bool:
        """Whether `low` must lie below `high`."""
        return {"low", "high"} <= set(self.names)

    def argument(self, name: str) -> Argument:
        """Return an argument by name."""
        return next(argument for argument in self.arguments if argument.name == name)

    def build(self, numbers: Mapping[str, Any]) -> dist.Distribution:
        """Build the distribution; the numbers may be traced."""
        return getattr(dist, self.name)(**numbers)

    def example(self) -> dict[str, float]:
        """Return numbers that are allowed."""
        return {argument.name: _inside(argument) for argument in self.arguments}


@cache
def families() -> dict[str, Family]:
    """Return all families by name."""
    found = (_family(name, getattr(dist, name)) for name in sorted(dir(dist)) if name[0].isupper())
    return {family.name: family for family in found if family is not None}


def why_not(name: str) -> str:
    """Say in a sentence why a distribution is none of the families, and what is near."""
    if name in UNFIT:
        return f"{name} can be no prior here: {UNFIT[name]}."
    if name in dir(dist) and _is_distribution(name):
        if any(_discrete(getattr(dist, name + end, None)) for end in ("", "Probs", "Logits")):
            return f"{name} is discrete, and sampled parameters are continuous."
        return (
            f"{name} takes or gives more than single numbers, and the parameters of a prior are "
            f"scalars."
        )
    near = nearest(name, tuple(families()))
    rest = f"Did you mean {near}?" if near else f"There are {', '.join(families())}."
    return f"NumPyro has no distribution of this name. {rest}"


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Return the known names that are nearest, up to three, joined by "or"; empty if none is."""
    given = name[:60].lower()
    likeness = {o: difflib.SequenceMatcher(None, given, o.lower()).ratio() for o in known}
    least = max(0.6, max(likeness.values(), default=0.0) - 0.1)
    found = sorted((o for o in known if likeness[o] >= least), key=lambda o: likeness[o])[-3:]
    return " or ".join(f'"{other}"' for other in reversed(found))


def _family(name: str, thing: Any) -> Family | None:
    base: Any
    base, bounds = TRUNCATED.get(name, (None, {}))
    if name in UNFIT or not (base or _scalar(thing)):
        return None
    limits = (base or thing).arg_constraints | bounds
    arguments = tuple(
        _argument(limits[parameter.name], parameter) for parameter in _parameters(thing)
    )
    names = [argument.name for argument in arguments]
    beyond = _bounds(base.support) if base else (-math.inf, math.inf)
    if base or isinstance(thing.support, property):
        lower = "low" if "low" in names else _ENDS[name]
        return Family(name, arguments, lower, "high" if "high" in names else math.inf, beyond)
    return Family(name, arguments, *_bounds(thing.support), beyond)


def _scalar(thing: Any) -> bool:
    if not (isinstance(thing, type) and issubclass(thing, dist.Distribution)):
        return False
    names = [parameter.name for parameter in _parameters(thing)]
    limits = thing.arg_constraints
    if not names or not isinstance(limits, dict) or not set(names) <= set(limits):
        return False
    if any(_shape(limits[name]) != (False, 0) for name in names):
        return False
    # A support that depends on the arguments need not say its dimension beforehand.
    return _shape(thing.support) in ((False, 0), (False, None))


def _shape(constraint: Any) -> tuple[bool | None, int | None]:
    """Whether a constraint is discrete, and its number of dimensions; None where it depends."""
    try:
        discrete = constraint.is_discrete
    except (AttributeError, NotImplementedError):
        discrete = None
    try:
        return discrete, constraint.event_dim
    except (AttributeError, NotImplementedError):
        return discrete, None


def _parameters(thing: Any) -> list[inspect.Parameter]:
    signature = inspect.signature(thing.__init__ if inspect.isclass(thing) else thing)
    return [p for p in signature.parameters.values() if p.name not in ("self", "validate_args")]


def _argument(limit: Any, parameter: inspect.Parameter) -> Argument:
    low, high = _bounds(limit)
    default = None if parameter.default in (parameter.empty, None) else float(parameter.default)
    return Argument(
        parameter.name, default, parameter.default is None, low, high, isinstance(limit, _CLOSED)
    )


def _bounds(limit: Any) -> tuple[float, float]:
    low, high = getattr(limit, "lower_bound", None), getattr(limit, "upper_bound", None)
    return (
        -math.inf if low is None else float(low),
        math.inf if high is None else float(high),
    )


def _inside(argument: Argument) -> float:
    if argument.name == "high":
        return 2.0
    low = argument.low if argument.low > -math.inf else min(argument.high, 1.0) - 1.0
    return (low + min(argument.high, low + 2.0)) / 2


def _discrete(thing: Any) -> bool:
    return inspect.isclass(thing) and _shape(getattr(thing, "support", None))[0] is True


def _is_distribution(name: str) -> bool:
    thing = getattr(dist, name)
    return name[0].isupper() and (
        inspect.isfunction(thing) or inspect.isclass(thing) and issubclass(thing, dist.Distribution)
    )
