"""The question that a population run answers, as one frozen, validated value."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from hbdash.population.catalogue_sources import BundledCatalogue, CatalogueSource
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.parameters import Components
from hbdash.population.pmean import Analytic, Pmean
from hbdash.population.priors import canonical, default_priors, resolve
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC
from hbdash.spec_key import stem

#: Days for which the bundled catalogue was observed.
BUNDLED_DAYS = 90.0
PopulationSampler = Annotated[PopulationNUTS | FlowMC | AIES, Field(discriminator="kind")]
#: The field that counts what a run's length is, by kind of sampler.
LENGTHS = {"nuts": "num_samples", "aies": "num_samples", "flowmc": "n_production_loops"}


class PopulationSpec(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A population, its catalogue of events, priors, expected number and sampler.

    Attributes
    ----------
    data : where the events' posterior samples come from.
    n_pl, n_g : numbers of power laws and Gaussians; together 1 to 6.
    priors : the content of a priors.json; those of a fresh visit unless given.
    pmean : how many events are expected, as in a pmean.json.
    n_buckets : padded buckets of events; 0 chooses their number, None keeps a flat array. The
        value of the likelihood does not depend on it.
    threshold : in per cent; with ``n_buckets=0``, the least that one bucket more must gain.
    variance_cut : where the variance of the log likelihood's Monte-Carlo sums exceeds it, the log
        likelihood is lowered by 100 (variance - cut)^2; None leaves it as it is.
    sampler : NUTS, flowMC or AIES.

    Raises
    ------
    ValueError
        On anything unknown or out of bounds; the message names the field, or the path in priors.
    """

    model: Literal["population"] = "population"
    data: CatalogueSource = BundledCatalogue()
    n_pl: int = Field(default=1, ge=0, le=6)
    n_g: int = Field(default=0, ge=0, le=6)
    priors: dict[str, Any] = Field(default_factory=lambda: default_priors(Components()))
    pmean: Pmean = Analytic(time_scale=BUNDLED_DAYS)
    n_buckets: int | None = Field(default=None, ge=0, le=1000)
    threshold: float = Field(default=3.0, gt=0, lt=100)
    variance_cut: float | None = Field(default=None, gt=0, le=1e6)
    sampler: PopulationSampler = AIES()

    @model_validator(mode="before")
    @classmethod
    def _fresh(cls, given: Any) -> Any:
        """Fill in the priors of the components that are asked for."""
        if not isinstance(given, dict) or "priors" in given:
            return given
        counts = given.get("n_pl", 1), given.get("n_g", 0)
        if any(isinstance(n, bool) or not isinstance(n, int) for n in counts):
            return given  # refused where the field is validated
        return given | {"priors": default_priors(Components(*counts))}

    @model_validator(mode="after")
    def _priors_fit(self) -> Self:
        priors = resolve(self.priors, self.components)
        if isinstance(self.sampler, AIES) and priors.shape.sampled:
            # The record is frozen for its readers; this ends its making.
            fitted = self.sampler.fitted(len(priors.shape.sampled))
            object.__setattr__(self, "sampler", fitted)
        return self

    @property
    def components(self) -> Components:
        """The numbers of power laws and Gaussians."""
        return Components(self.n_pl, self.n_g)

    @property
    def stem(self) -> str:
        """Hash of the question without its length: runs of one stem are prefixes of each other."""
        content = self.model_dump(mode="json")
        content["sampler"].pop(LENGTHS[self.sampler.kind])
        # The first pattern that matches counts, so the order of priors is part of the question.
        content["priors"] = list(canonical(self.priors).items())
        return stem(content)

    @property
    def key(self) -> str:
        """Name of the run in the store: its stem and its length."""
        return f"{self.stem}-{self.length}"

    @property
    def length(self) -> int:
        """Draws per chain, steps per walker, or production loops of flowMC."""
        return getattr(self.sampler, LENGTHS[self.sampler.kind])

    @property
    def max_divergences(self) -> int | None:
        """Divergences after which NUTS ends by itself."""
        return self.sampler.max_divergences if isinstance(self.sampler, PopulationNUTS) else None

    def with_draws(self, length: int) -> "PopulationSpec":
        """Ask for another length."""
        update = {LENGTHS[self.sampler.kind]: length}
        content = self.sampler.model_dump() | update
        return self.model_copy(update={"sampler": type(self.sampler).model_validate(content)})
