"""Where a catalogue of events comes from: bundled, generated, or uploaded."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from hbdash.data import Strict
from hbdash.population.parameters import Components
from hbdash.population.pmean import Analytic, Pmean
from hbdash.population.truths import check_truth, default_truth

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Column = Annotated[str, Field(min_length=1, max_length=200)]
#: How wide the measurements are, in units of the original's own widths.
Scale = Annotated[float, Field(ge=0.01, le=10)]


class BundledCatalogue(Strict, frozen=True):
    """The catalogue that comes with hbdash, generated from known parameters."""

    source: Literal["bundled"] = "bundled"


class GeneratedCatalogue(Strict, frozen=True):
    """Events drawn from a population, with posterior samples of each.

    Attributes
    ----------
    seed : of everything random in it.
    n_pl, n_g : numbers of power laws and Gaussians.
    truth : the population's parameters by name; empty is filled with `default_truth`. Bounds of
        Gaussians may be absent.
    error_size : posterior samples an event.
    scale_Mc, scale_eta : widths of the measurements of chirp mass and mass ratio, in units of
        those of `hbdash.population.mock`.
    pmean : the sensitivity by which events are detected, and the time of observation.
    max_events : refuse to generate more.
    consistent : draw samples that are posteriors under the flat prior that the likelihood divides
        by; False draws them as GWKokab does, by which the truth is not covered as often as
        intervals say.
    """

    source: Literal["generated"] = "generated"
    seed: Seed = 37
    n_pl: int = Field(default=1, ge=0, le=6)
    n_g: int = Field(default=0, ge=0, le=6)
    truth: dict[str, float] = Field(default_factory=dict, validate_default=True)
    error_size: int = Field(default=500, ge=1, le=20_000)
    scale_Mc: Scale = 0.5
    scale_eta: Scale = 0.5
    pmean: Pmean = Analytic(time_scale=90.0)
    max_events: int = Field(default=500, ge=1, le=2_000)
    consistent: bool = True

    @field_validator("truth", mode="after")
    @classmethod
    def _truth_fits(cls, given: dict[str, float], info) -> dict[str, float]:
        if not {"n_pl", "n_g"} <= info.data.keys():
            return given  # refused already
        components = Components(info.data["n_pl"], info.data["n_g"])
        return check_truth(given, components) if given else default_truth(components)

    def __hash__(self) -> int:
        """Hash the content, of which a dict is no part that Python would hash."""
        return hash(self.model_dump_json())

    @property
    def components(self) -> Components:
        """The numbers of power laws and Gaussians."""
        return Components(self.n_pl, self.n_g)


class UploadedEvents(Strict, frozen=True):
    """Event files kept in the store under the hash of their content.

    Attributes
    ----------
    sha256 : what `hbdash.population.kept_events.keep_events` returned.
    columns : the columns of m1 and m2, and of the log prior where the samples have one.
    drop_invalid : leave out, and count, rows without finite masses above 0; else they are an error.
    thin : keep at most so many rows an event, chosen at random; None keeps all.
    thin_seed : of that choice.
    """

    source: Literal["uploaded_events"] = "uploaded_events"
    sha256: Sha256
    columns: tuple[Column, Column] | tuple[Column, Column, Column] = (
        "mass_1_source",
        "mass_2_source",
    )
    drop_invalid: bool = False
    thin: int | None = Field(default=None, ge=1, le=1_000_000)
    thin_seed: Seed = 0

    @field_validator("columns")
    @classmethod
    def _distinct(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(given)) < len(given):
            raise ValueError(
                f"`columns` must be different ones for m1, m2 and log_prior, got "
                f"{', '.join(given)}: choose each once."
            )
        return given


CatalogueSource = Annotated[
    BundledCatalogue | GeneratedCatalogue | UploadedEvents, Field(discriminator="source")
]
