"""What a run is about: grouped measurements, simulated, bundled, stored or given in the spec."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BaseModel, Field, model_validator

MOST_GROUPS = 2000
#: Rows that a run carries along for its pictures; the likelihood has used all of them.
MOST_DRAWN = 20_000
STUDY_GROUP_SIZES = (10, 5, 1000, 10, 1, 5, 100, 10, 5)
#: The scenes of the mixed-parameterization study: (sigma, rows per group, NumPy's legacy seed).
SCENES = {
    "weak": (10.0, (1,) * 9, 1234),
    "strong": (0.1, (1,) * 9, 1235),
    "unbalanced": (10.0, STUDY_GROUP_SIZES, 345890),
}


@dataclass(frozen=True)
class GroupData:
    """Measurements of K groups, reduced to what the likelihood needs.

    Attributes
    ----------
    names : one label a group.
    n, mean, ss : shape (K,): rows, mean, and sum of squares about the group's own mean.
    sigma : shape (K,), the known standard deviation of one row; None where it is unknown.
    values, index : shape (N,): the rows and their groups, for pictures; empty for estimates.
    truth : generating values by site ("mu", "tau", "sigma" scalars, "theta" shape (K,)), or empty.
    source : where the numbers come from, in words.
    """

    names: tuple[str, ...]
    n: np.ndarray
    mean: np.ndarray
    ss: np.ndarray
    sigma: np.ndarray | None
    values: np.ndarray = field(default_factory=lambda: np.empty(0))
    index: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    truth: dict[str, np.ndarray] = field(default_factory=dict)
    source: str = ""

    @property
    def standard_error(self) -> np.ndarray:
        """Standard error of each group's mean, shape (K,); with sigma unknown, from pooled rows."""
        sigma = self.pooled_sd if self.sigma is None else self.sigma
        return sigma / np.sqrt(self.n)

    @property
    def pooled_sd(self) -> float:
        """Pooled standard deviation of the rows about their group means.

        Where no group has two rows, rows and groups cannot be told apart: half the variance of
        the rows stands in.
        """
        freedom = self.n.sum() - len(self.n)
        if freedom > 0 and self.ss.sum() > 0:
            return float(np.sqrt(self.ss.sum() / freedom))
        return float(np.sqrt(self.mean.var() / 2)) or 1.0


def from_rows(
    index: np.ndarray, values: np.ndarray, names: tuple[str, ...], sigma: float | None, **about
) -> GroupData:
    """Reduce rows to sufficient statistics.

    Parameters
    ----------
    index, values : shape (N,): the group (0 to K - 1) and the measurement of each row.
    names : K labels.
    sigma : known standard deviation of a row, or None.
    """
    n = np.bincount(index, minlength=len(names)).astype(float)
    origin = values.mean()
    mean = origin + np.bincount(index, values - origin, len(names)) / n
    ss = np.where(n > 1, np.bincount(index, (values - mean[index]) ** 2, len(names)), 0.0)
    known = None if sigma is None else np.full(len(names), float(sigma))
    return GroupData(names, n, mean, ss, known, values, index, **about)


def for_pictures(data: GroupData) -> tuple[np.ndarray, np.ndarray]:
    """Thin the rows to what a picture can show: evenly spaced order statistics of each group.

    Returns
    -------
    Values and groups, as `GroupData.values` and `index`; at most about `MOST_DRAWN` rows.
    """
    if len(data.values) <= MOST_DRAWN:
        return data.values, data.index
    each = max(5, MOST_DRAWN // len(data.names))
    order = np.lexsort((data.values, data.index))
    starts = np.cumsum(data.n) - data.n
    kept = [
        order[np.unique(np.linspace(start, start + n - 1, each).round().astype(int))]
        for start, n in zip(starts, data.n, strict=True)
    ]
    chosen = np.concatenate(kept)
    return data.values[chosen], data.index[chosen]


def from_estimates(
    names: tuple[str, ...], estimate: np.ndarray, standard_error: np.ndarray, **about
) -> GroupData:
    """Take one estimate and its standard error a group, each of shape (K,)."""
    one, none = np.ones(len(names)), np.zeros(len(names))
    return GroupData(
        names, one, np.asarray(estimate, float), none, np.asarray(standard_error, float), **about
    )


class Strict(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A frozen spec that refuses what it does not know."""


def one_line(label: str) -> str:
    """Bring a label into one line, as tables that are uploaded have them.

    Raises
    ------
    ValueError
        When it is blank, or holds characters that no file can keep.
    """
    line = " ".join(label.split())
    if not line:
        raise ValueError("A label must have a letter or a digit, got a blank one: name it.")
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in line):
        raise ValueError(f"A label must be plain text, got {line!r}: remove what cannot be shown.")
    return line


Label = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line)]
Sigma = Annotated[float, Field(ge=0.03, le=30)]
Rows = Annotated[int, Field(ge=1, le=100_000)]


class Simulated(Strict, frozen=True):
    """Data drawn from the model; `n` holds one number of rows a group, so its length is K."""

    source: Literal["simulated"] = "simulated"
    n: tuple[Rows, ...] = Field(default=(1,) * 9, min_length=1, max_length=200)
    sigma: Sigma = 10.0
    mu: float = Field(default=4.5, ge=-1e4, le=1e4)
    tau: float = Field(default=3.5, ge=0, le=1e3)
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _total(self) -> "Simulated":
        if sum(self.n) > 1_000_000:
            raise ValueError(f"`n` must add up to at most 1,000,000 rows, got {sum(self.n):,}.")
        return self


class Scene(Strict, frozen=True):
    """One of the three scenes of the mixed-parameterization study, with its own numbers."""

    source: Literal["scene"] = "scene"
    name: Literal["weak", "strong", "unbalanced"] = "weak"


class Example(Strict, frozen=True):
    """A bundled table."""

    source: Literal["example"] = "example"
    name: Literal["eight_schools"] = "eight_schools"


class Rowwise(Strict, frozen=True):
    """Rows given in the spec itself: a group label and a value each; sigma known or inferred."""

    source: Literal["rows"] = "rows"
    group: tuple[Label, ...] = Field(min_length=1, max_length=100_000)
    value: tuple[float, ...] = Field(min_length=1, max_length=100_000)
    sigma: float | None = Field(default=None, gt=0)


class Estimates(Strict, frozen=True):
    """Estimates given in the spec itself, one a group, with their standard errors."""

    source: Literal["estimates"] = "estimates"
    group: tuple[Label, ...] = Field(min_length=1, max_length=MOST_GROUPS)
    estimate: tuple[float, ...]
    standard_error: tuple[Annotated[float, Field(gt=0)], ...]

    @model_validator(mode="after")
    def _lengths(self) -> "Estimates":
        lengths = len(self.group), len(self.estimate), len(self.standard_error)
        if len(set(lengths)) > 1 or len(set(self.group)) < len(self.group):
            raise ValueError(
                "`group`, `estimate` and `standard_error` must have one entry a group and no group "
                f"twice, got {lengths[0]}, {lengths[1]} and {lengths[2]} entries."
            )
        return self


class Uploaded(Strict, frozen=True):
    """A table kept in the store under the hash of its content.

    `sigma` is the known standard deviation of a row; None leaves it to a prior (or to the
    standard errors, where the table holds estimates).
    """

    source: Literal["uploaded"] = "uploaded"
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    sigma: float | None = Field(default=None, gt=0, le=1e8)


Data = Simulated | Scene | Example | Rowwise | Estimates | Uploaded


def _simulate(spec: Simulated) -> GroupData:
    rng = np.random.default_rng(spec.seed)
    theta = rng.normal(spec.mu, spec.tau, len(spec.n))
    index = np.repeat(np.arange(len(spec.n)), spec.n)
    values = rng.normal(theta[index], spec.sigma)
    return _generated(theta, index, values, spec.sigma, spec.mu, spec.tau, "Simulated")


def _scene(name: str) -> GroupData:
    sigma, n, seed = SCENES[name]
    rng = np.random.RandomState(seed)  # noqa: NPY002  (the study's own generator)
    theta = rng.normal(4.5, 3.5, size=len(n))
    index = np.repeat(np.arange(len(n)), n)
    values = rng.normal(theta[index], sigma)
    return _generated(theta, index, values, sigma, 4.5, 3.5, f"The study's {name} scene")


def _generated(theta, index, values, sigma, mu, tau, source: str) -> GroupData:
    truth = {"mu": np.array(mu), "tau": np.array(tau), "sigma": np.array(sigma), "theta": theta}
    names = tuple(str(k) for k in range(len(theta)))
    return from_rows(index, values, names, sigma, truth=truth, source=source)


def _rowwise(spec: Rowwise) -> GroupData:
    if len(spec.group) != len(spec.value):
        raise ValueError(
            "`group` and `value` must have one entry a row, got "
            f"{len(spec.group)} and {len(spec.value)} entries."
        )
    index, names = pd.factorize(np.asarray(spec.group, object))
    return from_rows(index, np.asarray(spec.value), tuple(map(str, names)), spec.sigma)


def _eight_schools() -> GroupData:
    with resources.files("hbdash.datasets").joinpath("eight_schools.csv").open() as file:
        table = pd.read_csv(file)
    return from_estimates(
        tuple(table["school"]),
        table["effect"].to_numpy(float),
        table["standard_error"].to_numpy(float),
        source="Rubin (1981), Journal of Educational Statistics 6, 377-401",
    )


@lru_cache(maxsize=8)
def load(spec: Data) -> GroupData:
    """Produce the measurements that a data spec names.

    Raises
    ------
    ValueError
        When rows and groups do not match.
    LookupError
        When an uploaded table is not in the store of this machine.
    """
    match spec:
        case Simulated():
            return _simulate(spec)
        case Scene():
            return _scene(spec.name)
        case Example():
            return _eight_schools()
        case Rowwise():
            return _rowwise(spec)
        case Estimates():
            return from_estimates(
                spec.group, np.array(spec.estimate), np.array(spec.standard_error)
            )
        case Uploaded():
            from hbdash.tables.upload import load_table  # noqa: PLC0415

            return load_table(spec.sha256, spec.sigma)


def unknown_sigma(data: GroupData) -> GroupData:
    """Forget a known sigma, so that a prior can stand for it."""
    return replace(data, sigma=None)
