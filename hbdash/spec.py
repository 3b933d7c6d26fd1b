"""The question a run answers, as one frozen, validated, hashable value."""

import hashlib
import json

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from hbdash import data as data_
from hbdash.data import Data, Scene
from hbdash.models import MODELS
from hbdash.parameterization import Centered, Parameterization
from hbdash.priors import Prior
from hbdash.samplers.nuts import NUTS

#: Bumped when the meaning of a spec or the numbers of a run change: stored runs are left behind.
VERSION = 1


def _default_priors() -> dict[str, Prior]:
    return MODELS["normal_means"].default_priors()


class RunSpec(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A model, its data, priors, parameterization and sampler.

    `sigma` is unknown exactly when it has a prior. The key of a spec is the hash of its canonical
    JSON: ``1`` and ``1.0`` hash alike, and defaults are filled in.

    Raises
    ------
    ValueError
        On anything unknown, out of bounds or not finite; the message names the field.
    """

    model: str = "normal_means"
    data: Data = Scene()
    priors: dict[str, Prior] = Field(default_factory=_default_priors)
    parameterization: Parameterization = Centered()
    sampler: NUTS = Field(default_factory=NUTS)

    @field_validator("model")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in MODELS:
            raise ValueError(f"`model` must be one of {', '.join(MODELS)}, got {name!r}.")
        return name

    @model_validator(mode="after")
    def _roles(self) -> "RunSpec":
        check_priors(self.model, self.priors)
        return self

    @property
    def stem(self) -> str:
        """Hash of the question without its length: runs of one stem are prefixes of each other."""
        content = self.model_dump(mode="json")
        for name in ("num_samples", "max_divergences"):
            content["sampler"].pop(name)
        canonical = json.dumps(content | {"version": VERSION}, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:24]

    @property
    def key(self) -> str:
        """Name of the run in the store: its stem and its draws per chain."""
        return f"{self.stem}-{self.sampler.num_samples}"

    def with_draws(self, num_samples: int) -> "RunSpec":
        """Ask for another number of draws per chain."""
        sampler = self.sampler.model_copy(update={"num_samples": num_samples})
        return self.model_copy(update={"sampler": sampler})

    def grouped(self) -> data_.GroupData:
        """Load the data and check them against the priors.

        Raises
        ------
        ValueError
            When sigma is neither known nor has a prior, or both, or could not be inferred.
        LookupError
            When an uploaded table is not in this machine's store.
        """
        data = data_.load(self.data)
        check_sigma(data, self.priors)
        return data if "sigma" not in self.priors else data_.unknown_sigma(data)


def check_priors(model: str, priors: dict[str, Prior]) -> None:
    """Refuse priors for sites the model does not have, and families a site does not take."""
    families = MODELS[model].families
    required = set(MODELS[model].default_priors())
    if missing := required - set(priors):
        raise ValueError(f"`priors` must have an entry for {', '.join(sorted(missing))}.")
    for site, prior in priors.items():
        if site not in families:
            raise ValueError(
                f"`priors` takes {', '.join(families)}; got {site!r}. Rename or remove it."
            )
        if prior.dist not in families[site]:
            raise ValueError(
                f"The prior of {site} must be one of {', '.join(families[site])}, got {prior.dist}."
            )
        if site != "mu" and prior.dist == "Uniform" and prior.parameters["low"] < 0:
            raise ValueError(
                f"The Uniform prior of {site} needs low >= 0, got {prior.parameters['low']:g}: "
                f"{site} is a standard deviation."
            )


def check_sigma(data: data_.GroupData, priors: dict[str, Prior]) -> None:
    """Refuse a sigma that is neither known nor given a prior, or cannot have one."""
    estimates = len(data.values) == 0
    if "sigma" in priors and estimates:
        raise ValueError(
            "A table of estimates brings its standard errors, so sigma is known: remove the prior "
            "of sigma."
        )
    if "sigma" not in priors and data.sigma is None:
        raise ValueError(
            "sigma must be known or have a prior, and this table brings neither: give sigma a "
            'value in `data`, or a prior such as {"sigma": {"dist": "HalfNormal", "scale": 5}}.'
        )


def explain(error: ValidationError) -> str:
    """Say what a validation refused, field by field, without a traceback or a link."""
    lines = []
    for item in error.errors(include_url=False):
        field = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        given = "" if isinstance(item["input"], dict | BaseModel) else f" (got {item['input']!r})"
        lines.append(f"{field or 'spec'}: {message}{'' if 'got' in message else given}")
    return "\n".join(lines)
