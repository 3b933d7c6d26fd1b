"""What the controls of the population lab hold: one question, asked of one to three samplers."""

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from hbdash.population.catalogue_sources import BundledCatalogue, CatalogueSource
from hbdash.population.parameters import Components
from hbdash.population.pmean import Pmean
from hbdash.population.priors import canonical
from hbdash.population.spec import LENGTHS, PopulationSampler, PopulationSpec
from hbdash.samplers.aies import AIES
from hbdash.ui.population import costs

#: What the samplers are called, in the order of their colours.
LABELS = {"aies": "AIES", "flowmc": "flowMC", "nuts": "NUTS"}
#: What going on adds to a run of each kind, and what that is called.
MORE = {"aies": (8000, "steps"), "flowmc": (6, "loops"), "nuts": (500, "draws")}
#: Seconds that runs may be expected to take and still start by themselves.
MOST_UNASKED = 60.0
_FRESH = PopulationSpec()


class PopulationDraft(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A frozen draft: each change makes a new one.

    Raises
    ------
    ValueError
        As `PopulationSpec` does, and where two samplers are of one kind.
    """

    model: Literal["population"] = "population"
    data: CatalogueSource = BundledCatalogue()
    n_pl: int = _FRESH.n_pl
    n_g: int = _FRESH.n_g
    priors: dict[str, Any] = Field(default_factory=lambda: dict(_FRESH.priors))
    pmean: Pmean = _FRESH.pmean
    n_buckets: int | None = _FRESH.n_buckets
    threshold: float = _FRESH.threshold
    variance_cut: float | None = _FRESH.variance_cut
    samplers: tuple[PopulationSampler, ...] = Field(default=(AIES(),), min_length=1, max_length=3)

    @model_validator(mode="before")
    @classmethod
    def _fresh(cls, given: Any) -> Any:
        """Fill in the priors of the components that are asked for, as the spec does."""
        if not isinstance(given, dict) or "priors" in given:
            return given
        counts = {name: given[name] for name in ("n_pl", "n_g") if name in given}
        return given | {"priors": PopulationSpec.model_validate(counts).priors}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        kinds = [sampler.kind for sampler in self.samplers]
        if len(set(kinds)) < len(kinds):
            raise ValueError(f"`samplers` must differ in kind, got {', '.join(kinds)}.")
        # One spec stands for all: they differ in samplers alone, which are valid by themselves.
        self.question(self.samplers[0])
        return self

    def __eq__(self, other: object) -> bool:
        """Whether the same is asked; the order of priors counts, as the first pattern wins."""
        if not isinstance(other, PopulationDraft) or not super().__eq__(other):
            return False
        return list(canonical(self.priors)) == list(canonical(other.priors))

    __hash__ = None  # type: ignore[assignment]

    @property
    def components(self) -> Components:
        """The numbers of power laws and Gaussians."""
        return Components(self.n_pl, self.n_g)

    def question(self, sampler: PopulationSampler) -> PopulationSpec:
        """Ask one sampler."""
        content = {name: value for name, value in self if name != "samplers"}
        return PopulationSpec.model_validate(content | {"sampler": sampler})

    def specs(self) -> dict[str, PopulationSpec]:
        """The runs to ask for, by label, in the order of their colours."""
        by_kind = {sampler.kind: sampler for sampler in self.samplers}
        return {
            label: self.question(by_kind[kind]) for kind, label in LABELS.items() if kind in by_kind
        }

    @property
    def run_by_itself(self) -> bool:
        """Whether the runs are short enough to start without being asked for.

        Where nothing can be said of them they do: what is wrong is then said in their place.
        """
        specs = self.specs()
        try:
            seconds = [costs.guessed(spec) for spec in specs.values()]
        except (ValueError, LookupError):
            return True
        if None not in seconds:
            return sum(map(float, filter(None, seconds))) <= MOST_UNASKED
        found = costs.timed(specs)
        if found is None:
            return False
        return sum(one.seconds for one in found.values() if one is not None) <= MOST_UNASKED

    @property
    def more(self) -> str:
        """What going on adds, in words."""
        return ", ".join(
            f"{_more(sampler):,} more {MORE[sampler.kind][1]}" for sampler in self.samplers
        )

    def longer(self, length: int) -> Self:
        """Return the same draft with longer runs: `MORE` beyond what there is.

        Parameters
        ----------
        length : of the longest run; a sampler that was asked for less goes on from there.

        Raises
        ------
        ValueError
            When that is more than a run may ask for.
        """
        samplers = []
        for sampler in self.samplers:
            name = LENGTHS[sampler.kind]
            before = min(length, getattr(sampler, name))
            content = sampler.model_dump() | {name: before + _more(sampler)}
            samplers.append(type(sampler).model_validate(content))
        content = self.model_dump() | {"samplers": samplers}
        return type(self).model_validate(content)


def _more(sampler: PopulationSampler) -> int:
    """How much going on adds: of AIES, whole steps of its thinning."""
    more = MORE[sampler.kind][0]
    return more + -more % sampler.thinning if isinstance(sampler, AIES) else more
