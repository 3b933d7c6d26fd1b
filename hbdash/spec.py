"""The question a run answers, as one frozen, validated, hashable value."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from hbdash import data as data_
from hbdash.models import MODELS
from hbdash.parameterization import Centered, Parameterization, PerEffect
from hbdash.plain_text import check_text, in_a_line
from hbdash.population.spec import PopulationSpec
from hbdash.priors import LOCATION, Prior
from hbdash.regression_sources import RegressionSource
from hbdash.samplers.nuts import NUTS
from hbdash.spec_key import stem

#: Characters of one line, and lines, that an explanation has at most.
LONGEST_LINE, MOST_LINES = 600, 20
Data = Annotated[data_.Data | RegressionSource, Field(discriminator="source")]


def _known(name: str) -> str:
    if name not in MODELS:
        known = ", ".join([*MODELS, "population"])
        raise ValueError(f"`model` must be one of {known}, got {name!r}.")
    return name


ModelName = Annotated[str, AfterValidator(_known)]


class RunSpec(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A model, its data, priors, parameterization and sampler.

    `sigma` is unknown exactly when it has a prior. The key of a spec is the hash of its canonical
    JSON: ``1`` and ``1.0`` hash alike, and defaults are filled in.

    Raises
    ------
    ValueError
        On anything unknown, out of bounds or not finite; the message names the field.
    """

    model: ModelName = "normal_means"
    data: Data = data_.Scene()
    priors: dict[str, Prior] = Field(default_factory=MODELS["normal_means"].default_priors)
    parameterization: Parameterization = Centered()
    sampler: NUTS = Field(default_factory=NUTS)

    @model_validator(mode="before")
    @classmethod
    def _fresh(cls, given: Any) -> Any:
        """Fill in data and priors of a fresh visit to the model that is named."""
        # A list can be no key of a dict, and the name is anybody's text.
        if not isinstance(given, dict) or given.get("model") not in list(MODELS):
            return given
        model = MODELS[given["model"]]
        fresh = {"data": model.sources[0](), "priors": model.default_priors()}
        return {name: value for name, value in fresh.items() if name not in given} | given

    @model_validator(mode="after")
    def _roles(self) -> "RunSpec":
        check_priors(self.model, self.priors)
        check_source(self.model, self.data)
        check_effects(self.model, self.parameterization)
        return self

    @property
    def stem(self) -> str:
        """Hash of the question without its length: runs of one stem are prefixes of each other."""
        content = self.model_dump(mode="json")
        for name in ("num_samples", "max_divergences"):
            content["sampler"].pop(name)
        if isinstance(columns := content["data"].get("predictors"), dict):
            # Their order is part of the question: the columns of a mask go by it.
            content["data"]["predictors"] = list(columns.items())
        return stem(content)

    @property
    def key(self) -> str:
        """Name of the run in the store: its stem and its draws per chain."""
        return f"{self.stem}-{self.length}"

    @property
    def length(self) -> int:
        """Draws per chain."""
        return self.sampler.num_samples

    @property
    def max_divergences(self) -> int | None:
        """Divergences after which the run ends by itself."""
        return self.sampler.max_divergences

    def with_draws(self, num_samples: int) -> "RunSpec":
        """Ask for another number of draws per chain."""
        sampler = self.sampler.model_copy(update={"num_samples": num_samples})
        return self.model_copy(update={"sampler": sampler})

    def grouped(self) -> Any:
        """Load the data and fit them to the priors.

        Raises
        ------
        ValueError
            When data and priors do not fit, such as a sigma neither known nor with a prior.
        LookupError
            When an uploaded table is not in this machine's store.
        """
        model = MODELS[self.model]
        return model.fit(model.load(self.data), self.priors)


AnySpec = RunSpec | PopulationSpec


def parse(content: Any) -> AnySpec:
    """Read the spec of a group model or of a population, by the model that it names.

    Raises
    ------
    ValidationError
        On anything unknown or out of bounds; `explain` says it in words.
    ValueError
        On text that is not Unicode.
    """
    check_text(content, "spec")
    population = isinstance(content, dict) and content.get("model") == "population"
    return (PopulationSpec if population else RunSpec).model_validate(content)


def check_source(model: str, data: Any) -> None:
    """Refuse data that a model does not take."""
    sources = MODELS[model].sources
    if not isinstance(data, sources):
        known = ", ".join(source.model_fields["source"].default for source in sources)
        raise ValueError(
            f"`data` of {MODELS[model].title} must be one of {known}, got {data.source}."
        )


def check_effects(model: str, parameterization: Any) -> None:
    """Refuse a parameterization by effect whose effects are not those of the model."""
    if not isinstance(parameterization, PerEffect):
        return
    effects = MODELS[model].effects
    if set(parameterization.effects) != set(effects):
        raise ValueError(
            f"`effects` must have a parameterization for {' and '.join(effects)}, got "
            f"{', '.join(parameterization.effects) or 'none'}."
        )


def check_priors(model: str, priors: dict[str, Prior]) -> None:
    """Refuse priors for sites the model does not have, and families a site does not take."""
    families, structures = MODELS[model].families, MODELS[model].structures
    for site, prior in priors.items():
        if site not in families:
            raise ValueError(
                f"`priors` takes {', '.join(families)}; got {site!r}. Rename or remove it."
            )
        if prior.dist not in families[site]:
            raise ValueError(
                f"The prior of {site} must be one of {', '.join(families[site])}, got {prior.dist}."
            )
        scale = families[site] != LOCATION
        if scale and prior.dist == "Uniform" and prior.parameters["low"] < 0:
            raise ValueError(
                f"The Uniform prior of {site} needs low >= 0, got {prior.parameters['low']:g}: "
                f"{site} is {'a standard deviation' if site != 'nu' else 'positive'}."
            )
    if set(priors) in structures:
        return
    nearest = min(structures, key=lambda sites: len(sites ^ set(priors)))
    if missing := nearest - set(priors):
        raise ValueError(f"`priors` must have an entry for {', '.join(sorted(missing))}.")
    forms = "; or ".join(", ".join(site for site in families if site in one) for one in structures)
    raise ValueError(
        f"`priors` must be for {forms}; got {', '.join(priors)}. Remove those of one form."
    )


def explain(error: ValidationError) -> str:
    """Say what a validation refused, field by field, without a traceback or a link."""
    lines = []
    for item in error.errors(include_url=False):
        parts = (str(part) for part in item["loc"])
        field = ".".join(part if len(part) <= 60 else f"{part[:57]}..." for part in parts)
        message = item["msg"].removeprefix("Value error, ")
        given = "" if isinstance(item["input"], dict | BaseModel) else f" (got {item['input']!r})"
        said = in_a_line(f"{field or 'spec'}: {message}{'' if 'got' in message else given}")
        # What was given may be a whole table, or one fault may stand in each of its cells.
        lines.append(said if len(said) <= LONGEST_LINE else f"{said[:LONGEST_LINE]}…")
    more = len(lines) - MOST_LINES
    return "\n".join([*lines[:MOST_LINES], *([f"and {more:,} more."] if more > 0 else [])])
