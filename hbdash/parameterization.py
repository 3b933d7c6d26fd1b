"""Parameterizations as numbers: each group's centeredness in [0, 1], 1 centered, 0 non-centered.

With centeredness c the sampler moves in (theta - mu) / tau**(1 - c) + c * mu, the coordinate of
NumPyro's `LocScaleReparam` (Gorinova, Moore, Hoffman 2020, arXiv:1906.03028).
"""

from typing import Annotated, Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel, Field

from hbdash.data import MOST_GROUPS

Unit = Annotated[float, Field(ge=0, le=1)]
Group = Annotated[int, Field(ge=0, lt=MOST_GROUPS)]


class Information(Protocol):
    """What K groups say by themselves about their effects, each of shape (K,).

    The standard error is infinite where a group's rows say nothing.
    """

    @property
    def n(self) -> np.ndarray:
        """Rows of each group."""
        ...

    @property
    def mean(self) -> np.ndarray:
        """Each group's own estimate."""
        ...

    @property
    def standard_error(self) -> np.ndarray:
        """Its standard error."""
        ...


class _Kind(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    pass


class Centered(_Kind, frozen=True):
    """Every group in its natural coordinate, theta itself."""

    kind: Literal["centered"] = "centered"


class NonCentered(_Kind, frozen=True):
    """Every group in its standardized coordinate, (theta - mu) / tau."""

    kind: Literal["noncentered"] = "noncentered"


class Mixed(_Kind, frozen=True):
    """Some groups centered, the others not: by hand, or those with enough rows."""

    kind: Literal["mixed"] = "mixed"
    threshold: int = Field(default=50, ge=1, le=1_000_000)
    groups: tuple[Group, ...] | None = None


class Partial(_Kind, frozen=True):
    """A centeredness for each group; one value alone holds for all."""

    kind: Literal["partial"] = "partial"
    centeredness: tuple[Unit, ...] = Field(default=(0.5,), min_length=1, max_length=MOST_GROUPS)


class ByInformation(_Kind, frozen=True):
    """The closed form tau^2 / (tau^2 + s_k^2), tau at its empirical-Bayes estimate."""

    kind: Literal["by_information"] = "by_information"


class Learned(_Kind, frozen=True):
    """One number a group, found by maximizing the ELBO of a mean-field Gaussian."""

    kind: Literal["learned"] = "learned"
    seed: int = Field(default=0, ge=0, lt=2**32)


Single = Annotated[
    Centered | NonCentered | Mixed | Partial | ByInformation | Learned, Field(discriminator="kind")
]


class PerEffect(_Kind, frozen=True):
    """A parameterization of its own for each kind of effect, such as intercepts and slopes."""

    kind: Literal["per_effect"] = "per_effect"
    effects: dict[str, Single]


Parameterization = Annotated[
    Centered | NonCentered | Mixed | Partial | ByInformation | Learned | PerEffect,
    Field(discriminator="kind"),
]
#: The menu, in the order in which choices are offered and coloured.
PARAMETERIZATIONS: dict[str, type[_Kind]] = {
    "centered": Centered,
    "noncentered": NonCentered,
    "mixed": Mixed,
    "partial": Partial,
    "by_information": ByInformation,
    "learned": Learned,
    "per_effect": PerEffect,
}
LABELS = {
    "centered": "centered",
    "noncentered": "non-centered",
    "mixed": "mixed",
    "partial": "partial",
    "by_information": "by information",
    "learned": "learned",
    "per_effect": "by effect",
}


def of_effect(spec: Parameterization, effect: str) -> Any:
    """Return the parameterization of one effect, any kind but `PerEffect`.

    Raises
    ------
    ValueError
        When there is none for it.
    """
    if not isinstance(spec, PerEffect):
        return spec
    if effect not in spec.effects:
        raise ValueError(
            f"`effects` must have a parameterization for {effect}, got "
            f"{', '.join(spec.effects) or 'none'}."
        )
    return spec.effects[effect]


def is_learned(spec: Parameterization) -> bool:
    """Whether a parameterization, or that of an effect, is to be learned."""
    if isinstance(spec, PerEffect):
        return any(isinstance(one, Learned) for one in spec.effects.values())
    return isinstance(spec, Learned)


def centeredness(spec: Parameterization, data: Information) -> np.ndarray:
    """Turn a parameterization into numbers, shape (K,); `Learned` needs the model: see `learn`.

    Raises
    ------
    ValueError
        When the spec names groups that the data do not have.
    """
    groups = len(data.n)
    match spec:
        case Centered():
            return np.ones(groups)
        case NonCentered():
            return np.zeros(groups)
        case Mixed(groups=None, threshold=threshold):
            return (data.n >= threshold).astype(float)
        case Mixed(groups=chosen):
            return _by_hand(chosen or (), groups)
        case Partial(centeredness=values) if len(values) in (1, groups):
            return np.broadcast_to(np.array(values), groups).copy()
        case Partial(centeredness=values):
            raise ValueError(
                f"`centeredness` must have one value or one a group ({groups}), got {len(values)}."
            )
        case ByInformation():
            return by_information(data)
    raise ValueError(f"The centeredness of {spec.kind!r} is not a closed form.")


def _by_hand(chosen: tuple[int, ...], groups: int) -> np.ndarray:
    if chosen and max(chosen) >= groups:
        raise ValueError(f"`groups` must name groups from 0 to {groups - 1}, got {max(chosen)}.")
    values = np.zeros(groups)
    values[list(chosen)] = 1
    return values


def by_information(data: Information) -> np.ndarray:
    """Each group's share of information from its own data, lambda_k = tau^2 / (tau^2 + s_k^2).

    tau is the median of its posterior under a flat prior on mu and a scale-matched half-Cauchy on
    tau, so that no pilot run is needed. Shape (K,).
    """
    known = np.isfinite(data.standard_error)
    if not known.any():
        return np.zeros(len(data.n))
    s2 = np.maximum(data.standard_error, np.finfo(float).tiny) ** 2
    tau2 = empirical_bayes_tau(data.mean[known], s2[known]) ** 2
    return np.where(known, tau2 / (tau2 + s2), 0.0)


def empirical_bayes_tau(mean: np.ndarray, s2: np.ndarray) -> float:
    """Posterior median of tau from group means of known variances, on a grid of log tau.

    The prior on mu is flat and that on tau half-Cauchy with the groups' typical standard error
    as scale (Polson and Scott 2012, doi:10.1214/12-BA730).
    """
    if len(mean) < 2:
        return float(np.sqrt(s2[0]))
    typical = np.sqrt(np.exp(np.log(s2).mean()))
    widest = max(np.ptp(mean), typical)
    log_tau = np.linspace(np.log(1e-3 * typical), np.log(10 * widest), 600)[:, None]
    precision = 1 / (np.exp(2 * log_tau) + s2)
    center = (precision * mean).sum(1, keepdims=True) / precision.sum(1, keepdims=True)
    log_density = (
        0.5 * np.log(precision).sum(1)
        - 0.5 * np.log(precision.sum(1))
        - 0.5 * (precision * (mean - center) ** 2).sum(1)
        + log_tau[:, 0]
        - np.log1p(np.exp(2 * log_tau[:, 0]) / typical**2)
    )
    mass = np.cumsum(np.exp(log_density - log_density.max()))
    return float(np.exp(log_tau[np.searchsorted(mass, mass[-1] / 2), 0]))


def label(spec: Parameterization) -> str:
    """Name a parameterization for legends and tables."""
    detail: Any = ""
    if isinstance(spec, Mixed):
        detail = f" (n ≥ {spec.threshold})" if spec.groups is None else " (by hand)"
    if isinstance(spec, Partial) and len(set(spec.centeredness)) == 1:
        detail = f" ({spec.centeredness[0]:g})"
    if isinstance(spec, PerEffect):
        each = (f"{effect} {label(one)}" for effect, one in spec.effects.items())
        detail = f" ({', '.join(each)})"
    return LABELS[spec.kind] + detail
