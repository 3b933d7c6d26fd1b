"""Where regression data come from: simulated, bundled, uploaded, or given in the spec."""

from functools import lru_cache
from importlib import resources
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from hbdash.data import MOST_GROUPS, Label, Rows, Strict
from hbdash.regression_data import RegressionData, Units, units

MOST_PREDICTORS = 20
MOST_ROWS = 1_000_000
Transform = Literal["none", "centre", "standardize"]
Real = Annotated[float, Field(ge=-1e6, le=1e6)]
Spread = Annotated[float, Field(ge=0, le=1e6)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Mask = tuple[tuple[bool, ...], ...]
#: What response and group are called: in the manufacturing workflow, and in rows of a spec.
_MANUFACTURING, _ROWS = ("production_speed", "product_group"), ("y", "group")


def _check_names(predictors: list[str], others: tuple[str, str]) -> None:
    """Refuse names that two columns would share; `others` are the response's and the group's."""
    every = [*(" ".join(name.split()) for name in predictors), *others]
    if twice := [name for name in dict.fromkeys(every) if every.count(name) > 1]:
        raise ValueError(
            f"`predictors` must have names of their own, got {', '.join(predictors)}: rename "
            f"{', '.join(twice)}, as response and group are called {' and '.join(others)}."
        )


def _check_total(n: tuple[int, ...]) -> None:
    if sum(n) > MOST_ROWS:
        raise ValueError(f"`n` must add up to at most {MOST_ROWS:,} rows, got {sum(n):,}.")


class SimulatedLines(Strict, frozen=True):
    """Lines drawn from the model with one predictor; `n` holds one number of rows a group."""

    source: Literal["simulated_lines"] = "simulated_lines"
    n: tuple[Rows, ...] = Field(default=(40,) * 8, min_length=1, max_length=1000)
    mu_intercept: Real = 1.0
    mu_slope: Real = 0.6
    sigma_intercept: Spread = 0.8
    sigma_slope: Spread = 0.5
    sigma_noise: Positive = 0.7
    predictor_sd: Positive = 2.0
    # Of the first seeds the one whose posterior lies nearest to what generated the data.
    seed: Seed = 11
    transform: Transform = "none"

    @model_validator(mode="after")
    def _total(self) -> "SimulatedLines":
        _check_total(self.n)
        return self


class Rats(Strict, frozen=True):
    """Weights of 30 young rats on five days: Gelfand, Hills, Racine-Poon and Smith (1990)."""

    source: Literal["rats"] = "rats"
    transform: Transform = "standardize"


class Range(Strict, frozen=True):
    """A predictor drawn uniformly from a range."""

    name: Label = Field(max_length=40)
    low: Real
    high: Real

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if not self.low < self.high:
            raise ValueError(
                f"{self.name} needs low < high, got low {self.low:g} and high {self.high:g}."
            )
        return self


class Manufacturing(Strict, frozen=True):
    """Production speed of two product groups, one of which has no cutting wait time.

    Each of K groups has its rows in `n`, its intercept, and one weight a predictor where the mask
    says that the predictor applies; elsewhere the weight is not used. `blanks` is the share of
    cells that are blanked where a predictor does apply.
    """

    source: Literal["manufacturing"] = "manufacturing"
    n: tuple[Rows, ...] = Field(default=(250, 250), min_length=1, max_length=50)
    predictors: tuple[Range, ...] = Field(
        default=(
            Range(name="feed_speed", low=1, high=10),
            Range(name="pull_acceleration", low=0.5, high=5),
            Range(name="cutting_wait_time", low=0.1, high=2),
        ),
        min_length=1,
        max_length=MOST_PREDICTORS,
    )
    weights: tuple[tuple[Real, ...], ...] = ((2.5, 3.0, 0.0), (1.0, 0.5, 3.0))
    mask: Mask = ((True, True, False), (True, True, True))
    intercept: tuple[Real, ...] = (0.0, 0.0)
    noise: Positive = 0.5
    blanks: float = Field(default=0.0, ge=0, le=0.5)
    missing: Literal["drop", "latent"] = "drop"
    # Its exact predictions lie within 0.02 of what generated the data, as a typical seed's do not.
    seed: Seed = 648

    @model_validator(mode="after")
    def _shapes(self) -> "Manufacturing":
        _check_total(self.n)
        groups, width = len(self.n), len(self.predictors)
        for name, table in (("weights", self.weights), ("mask", self.mask)):
            if len(table) != groups or any(len(row) != width for row in table):
                raise ValueError(
                    f"`{name}` must have {groups} rows, one a group, of {width} entries, one a "
                    f"predictor, got rows of {', '.join(str(len(row)) for row in table)}."
                )
        if len(self.intercept) != groups:
            raise ValueError(
                f"`intercept` must have one number a group ({groups}), got {len(self.intercept)}."
            )
        _check_names([predictor.name for predictor in self.predictors], _MANUFACTURING)
        return self


class UploadedRegression(Strict, frozen=True):
    """A regression table kept in the store under the hash of its content.

    `mask` says which predictor applies to which group, a row a group; None infers it: a predictor
    applies to a group unless all its cells there are blank.
    """

    source: Literal["uploaded_regression"] = "uploaded_regression"
    sha256: Sha256
    transform: Transform = "none"
    mask: Mask | None = None
    missing: Literal["drop", "latent"] = "drop"


class RegressionRows(Strict, frozen=True):
    """Rows given in the spec itself; null stands for a blank cell."""

    source: Literal["regression_rows"] = "regression_rows"
    group: tuple[Label, ...] = Field(min_length=1, max_length=100_000)
    response: tuple[Annotated[float, Field(ge=-1e8, le=1e8)], ...]
    predictors: dict[Label, tuple[Annotated[float, Field(ge=-1e8, le=1e8)] | None, ...]] = Field(
        min_length=1, max_length=MOST_PREDICTORS
    )
    transform: Transform = "none"
    mask: Mask | None = None
    missing: Literal["drop", "latent"] = "drop"

    def __hash__(self) -> int:
        """Hash the content, of which a dict is no part that Python would hash."""
        return hash(self.model_dump_json())

    @field_validator("predictors", mode="before")
    @classmethod
    def _names(cls, given: Any) -> Any:
        # Before the names are brought into one line, which would let one column replace another.
        if isinstance(given, dict):
            _check_names([str(name) for name in given], _ROWS)
        return given

    @model_validator(mode="after")
    def _lengths(self) -> "RegressionRows":
        lengths = {"group": len(self.group), "response": len(self.response)}
        lengths |= {name: len(cells) for name, cells in self.predictors.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise ValueError(f"All columns must have one entry a row, got {found}.")
        if self.mask is not None and len({len(row) for row in self.mask}) > 1:
            raise ValueError("`mask` must have rows of one length, an entry a predictor.")
        return self


RegressionSource = SimulatedLines | Rats | Manufacturing | UploadedRegression | RegressionRows


def _simulated_lines(spec: SimulatedLines) -> RegressionData:
    rng = np.random.default_rng(spec.seed)
    groups = len(spec.n)
    intercept = rng.normal(spec.mu_intercept, spec.sigma_intercept, groups)
    slope = rng.normal(spec.mu_slope, spec.sigma_slope, groups)
    index = np.repeat(np.arange(groups), spec.n)
    x = rng.normal(0.0, spec.predictor_sd, len(index))
    y = rng.normal(intercept[index] + slope[index] * x, spec.sigma_noise)
    names = ("mu_intercept", "mu_slope", "sigma_intercept", "sigma_slope", "sigma_noise")
    truth = {name: np.array(getattr(spec, name)) for name in names}
    truth |= {"intercept": intercept, "slope": slope}
    chosen = units(x[:, None], y, spec.transform)
    # Truth in the model's reference: the intercept is the height of the line at the origin of x.
    at = float(chosen.x_origin[0])
    truth["intercept"] = intercept + at * slope
    truth["mu_intercept"] = np.array(spec.mu_intercept + at * spec.mu_slope)
    truth["sigma_intercept"] = np.hypot(spec.sigma_intercept, at * spec.sigma_slope)
    return _table(
        tuple(str(k) for k in range(groups)),
        {"x": x},
        index,
        y,
        units=chosen,
        truth=truth,
        source="Simulated lines",
    )


def _rats(spec: Rats) -> RegressionData:
    with resources.files("hbdash.datasets").joinpath("rats.csv").open() as file:
        table = pd.read_csv(file)
    index, names = pd.factorize(table["rat"])
    x, y = table["day"].to_numpy(float), table["weight"].to_numpy(float)
    return _table(
        tuple(map(str, names)),
        {"day": x},
        index,
        y,
        units=units(x[:, None], y, spec.transform),
        response="weight",
        group="rat",
        source="Gelfand, Hills, Racine-Poon and Smith (1990), JASA 85, 972-985",
    )


def _manufacturing(spec: Manufacturing) -> RegressionData:
    rng = np.random.default_rng(spec.seed)
    index = np.repeat(np.arange(len(spec.n)), spec.n)
    x = np.stack([rng.uniform(p.low, p.high, len(index)) for p in spec.predictors], 1)
    mask, intercept = np.array(spec.mask), np.array(spec.intercept)
    weights = np.where(mask, np.array(spec.weights), 0.0)
    y = rng.normal(intercept[index] + (weights[index] * x).sum(1), spec.noise)
    blank = ~mask[index] | (rng.uniform(size=x.shape) < spec.blanks)
    columns = {
        p.name: np.where(b, np.nan, c)
        for p, b, c in zip(spec.predictors, blank.T, x.T, strict=True)
    }
    truth = {
        "alpha": intercept,
        "w": np.where(mask, weights, np.nan),
        "scale": np.array(spec.noise),
    }
    return _table(
        tuple(f"Product_Group_{k + 1}" for k in range(len(spec.n))),
        columns,
        index,
        y,
        mask=mask,
        response=_MANUFACTURING[0],
        group=_MANUFACTURING[1],
        latent=spec.missing == "latent",
        truth=truth,
        source="The manufacturing workflow, simulated",
    )


def _rows(spec: RegressionRows) -> RegressionData:
    index, names = pd.factorize(np.asarray(spec.group, object))
    columns = {name: np.array(cells, float) for name, cells in spec.predictors.items()}
    y = np.array(spec.response)
    x = np.stack(list(columns.values()), 1)
    return _table(
        tuple(map(str, names)),
        columns,
        index,
        y,
        mask=None if spec.mask is None else np.array(spec.mask),
        units=units(x, y, spec.transform),
        response=_ROWS[0],
        group=_ROWS[1],
        latent=spec.missing == "latent",
        source="Rows of the configuration",
    )


def _table(
    names: tuple[str, ...],
    columns: dict[str, np.ndarray],
    index: np.ndarray,
    y: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    units: Units | None = None,
    **about,
) -> RegressionData:
    x = np.stack(list(columns.values()), 1).astype(float)
    mask = infer_mask(x, index, len(names)) if mask is None else mask
    units = units or Units(np.zeros(x.shape[1]), np.ones(x.shape[1]))
    return RegressionData(names, tuple(columns), index, x, y, mask, units, **about)


def infer_mask(x: np.ndarray, index: np.ndarray, groups: int) -> np.ndarray:
    """Say which predictor applies to which group: it has a cell there that is not blank.

    Returns
    -------
    Shape (K, P), bool.
    """
    known = ~np.isnan(x)
    return np.stack([np.bincount(index, column, groups) > 0 for column in known.T], 1)


@lru_cache(maxsize=4)
def load(spec: RegressionSource) -> RegressionData:
    """Produce the rows that a data spec names.

    Raises
    ------
    ValueError
        When the rows cannot carry a regression; the message names the column.
    LookupError
        When an uploaded table is not in the store of this machine.
    """
    match spec:
        case SimulatedLines():
            data = _simulated_lines(spec)
        case Rats():
            data = _rats(spec)
        case Manufacturing():
            data = _manufacturing(spec)
        case RegressionRows():
            data = _rows(spec)
        case UploadedRegression():
            from hbdash.tables.regression_upload import load_regression  # noqa: PLC0415

            data = load_regression(spec)
    check(data)
    return data


def check(data: RegressionData) -> None:
    """Refuse rows that cannot carry a regression.

    Raises
    ------
    ValueError
        When a mask does not fit, a predictor applies nowhere or never varies, a predictor is said
        to apply where all its cells are blank, or no row is left.
    """
    groups, width = len(data.names), len(data.predictors)
    if data.mask.shape != (groups, width):
        raise ValueError(
            f"`mask` must have {groups} rows, one a group, of {width} entries, one a predictor, "
            f"got {len(data.mask)} rows."
        )
    if groups > MOST_GROUPS:
        raise ValueError(f"There must be at most {MOST_GROUPS:,} groups, got {groups:,}.")
    known = infer_mask(data.x, data.index, groups)
    for p, name in enumerate(data.predictors):
        if not data.mask[:, p].any():
            why = "it is blank in every row" if not known[:, p].any() else "the mask excludes it"
            raise ValueError(
                f'"{name}" must apply to one group at least, but {why}: leave this predictor out, '
                "or tick a group in the mask."
            )
        if (wrong := data.mask[:, p] & ~known[:, p]).any():
            group = data.names[int(np.argmax(wrong))]
            raise ValueError(
                f'"{name}" must have a number in one row of "{group}" at least for the mask to say '
                "that it applies there, but every cell is blank: untick it."
            )
        cells = data.x[data.mask[data.index, p], p]
        if np.nanmax(cells) == np.nanmin(cells):
            raise ValueError(
                f'"{name}" must vary, but it is {np.nanmax(cells):g} in every row, so its weight '
                "and the intercept cannot be told apart: leave it out."
            )
    if not data.latent and not data.complete.any():
        raise ValueError(
            "One row at least must be complete, but every row has a blank cell where a predictor "
            "applies: model the blank cells as latent values, or leave a predictor out."
        )
