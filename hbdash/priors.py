"""Priors as JSON, ``{"dist": "HalfNormal", "scale": 5.0}``, with NumPyro's own names throughout."""

import math
from typing import Any

import jax.numpy as jnp
import numpyro.distributions as dist
from pydantic import BaseModel, ConfigDict, Field, model_validator

LOCATION = ("Normal", "StudentT", "Cauchy", "Uniform")
SCALE = ("HalfNormal", "HalfCauchy", "Exponential", "LogNormal", "Gamma", "InverseGamma", "Uniform")
LARGEST, SMALLEST = 1e8, 1e-8
_DEFAULTS = {"df": 4.0, "loc": 0.0, "low": 0.0, "high": 10.0, "concentration": 2.0}


def parameter_names(family: str) -> tuple[str, ...]:
    """Return the parameters of a family in NumPyro's order."""
    return tuple(getattr(dist, family).arg_constraints)


def is_positive(family: str, name: str) -> bool:
    """Whether NumPyro requires a parameter of a family to be positive."""
    return getattr(dist, family).arg_constraints[name] is dist.constraints.positive


def default(family: str) -> "Prior":
    """Return a starting point for the form of a family."""
    return Prior.model_validate(
        {"dist": family} | {name: _DEFAULTS.get(name, 1.0) for name in parameter_names(family)}
    )


def _schema(schema: dict[str, Any]) -> None:
    """Spell out, family by family, what the validator accepts."""
    positive = {"type": "number", "minimum": SMALLEST, "maximum": LARGEST}
    real = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
    schema.clear()
    schema["oneOf"] = [
        {
            "type": "object",
            "properties": {"dist": {"const": family}}
            | {p: positive if is_positive(family, p) else real for p in parameter_names(family)},
            "required": ["dist", *parameter_names(family)],
            "additionalProperties": False,
        }
        for family in dict.fromkeys(LOCATION + SCALE)
    ]


class Prior(BaseModel):
    """One prior: a NumPyro family and its parameters.

    Raises
    ------
    ValueError
        On an unknown family, a missing, misspelt or non-finite parameter, one outside NumPyro's
        constraint, or a Uniform whose ``low`` is not below its ``high``.
    """

    model_config = ConfigDict(frozen=True, extra="allow", json_schema_extra=_schema)
    __pydantic_extra__: dict[str, float] = Field(init=False)

    dist: str

    @model_validator(mode="before")
    @classmethod
    def _check(cls, given: Any) -> Any:
        if isinstance(given, Prior):
            return given
        families = tuple(dict.fromkeys(LOCATION + SCALE))
        if not isinstance(given, dict) or "dist" not in given:
            raise ValueError(
                f'A prior must be an object such as {{"dist": "Normal", "loc": 0, "scale": 5}}, '
                f"got {given!r}."
            )
        family = given["dist"]
        if family not in families:
            raise ValueError(f"`dist` must be one of {', '.join(families)}, got {family!r}.")
        names = parameter_names(family)
        unknown, missing = set(given) - {"dist", *names}, set(names) - set(given)
        if unknown or missing:
            found = ", ".join(sorted(str(name) for name in set(given) - {"dist"})) or "none"
            raise ValueError(f"{family} takes {' and '.join(names)}; got {found}.")
        values = {name: _number(family, name, given[name]) for name in names}
        if family == "Uniform" and not values["low"] < values["high"]:
            raise ValueError(
                f"Uniform needs low < high, got low {values['low']:g} and high {values['high']:g}."
            )
        return {"dist": family} | values

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters by name, in NumPyro's order."""
        return {name: self.__pydantic_extra__[name] for name in parameter_names(self.dist)}

    def __str__(self) -> str:
        """Write the prior as NumPyro code, without its module."""
        return f"{self.dist}({', '.join(f'{k}={v:g}' for k, v in self.parameters.items())})"


def _number(family: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{family}'s `{name}` must be a number, got {value!r}.")
    if isinstance(value, int):  # JSON has integers beyond the reach of a float
        value = max(-(10**300), min(value, 10**300))
    value = float(value)
    low = SMALLEST if is_positive(family, name) else -LARGEST
    if not math.isfinite(value) or not low <= value <= LARGEST:
        raise ValueError(f"{family}'s `{name}` must lie in [{low:g}, {LARGEST:g}], got {value:g}.")
    return value


def distribution(family: str, parameters: dict[str, Any]) -> dist.Distribution:
    """Build the NumPyro distribution; `parameters` may be traced, so numbers never recompile."""
    return getattr(dist, family)(**{k: jnp.asarray(v) for k, v in parameters.items()})
