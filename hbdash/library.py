"""The run library: a card for every stored run, found, labelled, pinned, deleted and brought back.

A card is what a table says of a run. Its numbers are measured once, when the run is first listed,
and kept beside it in ``card.json``.
"""

import json
import logging
import os
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path

import xarray as xr

from hbdash import notes, store
from hbdash.diagnostics import score
from hbdash.models import MODELS
from hbdash.notes import Note
from hbdash.parameterization import label as parameterization_label
from hbdash.population.spec import PopulationSpec
from hbdash.population_draws import SAMPLERS
from hbdash.population_score import score as population_score
from hbdash.spec import AnySpec, RunSpec, parse
from hbdash.words import data_words, model_words, sampler_words

log = logging.getLogger(__name__)
FILE = "card.json"
#: The part of the cap that pinned runs may fill: the rest is for new ones.
PINNED_SHARE = 0.5


@dataclass(frozen=True)
class Numbers:
    """What was measured of a run; NaN where a number does not exist.

    Attributes
    ----------
    chains, draws : chains or walkers, and draws of all of them.
    divergences, bfmi, r_hat, ess_bulk : as `hbdash.diagnostics.Score` and its like have them.
    gradients : of the log density, warmup or training included.
    ess_per_1000_gradients : ESS bulk per 1,000 gradients after the warmup.
    wall_seconds : warmup and draws, without compiling.
    """

    chains: float
    draws: float
    divergences: float
    bfmi: float
    r_hat: float
    ess_bulk: float
    gradients: float
    ess_per_1000_gradients: float
    wall_seconds: float


@dataclass(frozen=True)
class Card:
    """A stored run, as a table shows it.

    Attributes
    ----------
    key, spec : its name in the store, and the question.
    made : when, in UTC. size : bytes on disk.
    note : label and pin. numbers : what was measured.
    """

    key: str
    spec: AnySpec
    made: datetime
    size: int
    note: Note
    numbers: Numbers

    @cached_property
    def model(self) -> str:
        """The model, in words."""
        return model_words(self.spec)

    @cached_property
    def data(self) -> str:
        """Where the data come from, in words."""
        return data_words(self.spec.data)

    @cached_property
    def parameterization(self) -> str:
        """The parameterization; of a population of events its components."""
        if isinstance(self.spec, PopulationSpec):
            return f"{self.spec.n_pl} PL + {self.spec.n_g} G"
        effects = MODELS[self.spec.model].effects
        pooled = any(effect not in self.spec.priors for effect in effects)
        return parameterization_label(self.spec.parameterization) if pooled else "unpooled"

    @cached_property
    def sampler(self) -> str:
        """The sampler and its length, in words."""
        return sampler_words(self.spec.sampler)

    @property
    def name(self) -> str:
        """What to call the run: its label, or how it was run."""
        if self.note.label:
            return self.note.label
        return self.sampler if isinstance(self.spec, PopulationSpec) else self.parameterization

    def says(self, text: str) -> bool:
        """Whether each word of a text occurs in the card."""
        priors = " ".join(self.spec.priors)
        seen = (self.key, self.note.label, self.model, self.data, self.parameterization)
        all_words = " ".join([*seen, self.sampler, priors]).casefold()
        return all(word in all_words for word in text.casefold().split())


def cards() -> list[Card]:
    """Every stored run that this version can ask again, the latest made first."""
    found = [card for key in store.keys() if (card := find(key)) is not None]
    return sorted(found, key=lambda card: (card.made, card.key), reverse=True)


def find(key: str) -> Card | None:
    """The card of a run; None where there is no such run, or it cannot be read."""
    try:
        place = store.folder(key)
        made, spec = _about(place, (place / "spec.json").stat().st_mtime_ns)
        numbers = _kept(place) or _measured(place)
    except (LookupError, OSError, ValueError, KeyError, TypeError) as error:
        log.info("Run %s is not listed: %s", key, error)
        return None
    if spec.key != key or numbers is None:  # of another version, or damaged
        return None
    return Card(key, spec, made, store.size(key), notes.read(place), numbers)


def write_note(key: str, note: Note) -> None:
    """Label a run, pin it or unpin it.

    Raises
    ------
    LookupError
        When there is no such run.
    ValueError
        When the pinned runs would leave too little of the cap to new ones.
    OSError
        When the disk refuses.
    """
    place = store.folder(key)
    if note.pinned and not notes.read(place).pinned:
        pinned = [one for one in store.keys() if notes.read(store.folder(one)).pinned]
        filled = sum(map(store.size, [*pinned, key]))
        if filled > PINNED_SHARE * store.cap():
            raise ValueError(
                f"Pinned runs may fill {PINNED_SHARE:.0%} of the store's {store.cap() / 1e6:,.0f} "
                f"MB, and with this one they would fill {filled / 1e6:,.0f} MB. Unpin another."
            )
    notes.write(place, note)


@lru_cache(maxsize=4096)
def _about(place: Path, written: int) -> tuple[datetime, AnySpec]:
    """When a run was made, and its spec; `written` is when its file was."""
    about = json.loads((place / "spec.json").read_bytes())
    made = about.get("made")
    when = datetime.fromisoformat(made) if made else datetime.fromtimestamp(written / 1e9, UTC)
    return when.astimezone(UTC), parse(about["spec"])


def _kept(place: Path) -> Numbers | None:
    try:
        given = json.loads((place / FILE).read_bytes())
        names = [field.name for field in fields(Numbers)]
        return Numbers(**{n: float("nan") if given[n] is None else float(given[n]) for n in names})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _measured(place: Path) -> Numbers | None:
    used = place.stat()
    dt = store.load(place.name)
    if dt is None or "posterior" not in dt.children:
        return None
    found = measure(dt)
    content = {n: v if v == v else None for n, v in asdict(found).items()}
    try:
        notes.replace(place / FILE, json.dumps(content))
        os.utime(place, ns=(used.st_atime_ns, used.st_mtime_ns))  # being listed is no use
    except OSError as error:
        log.info("What was measured of %s was not kept: %s", place.name, error)
    return found


def measure(dt: xr.DataTree) -> Numbers:
    """Measure a run for its card."""
    gradients, nan = float(dt.attrs.get("gradients", "nan")), float("nan")
    if dt.attrs.get("sampler") in SAMPLERS:
        of = population_score("", dt)
        return Numbers(
            of.chains, of.draws, of.divergences, nan, of.r_hat, of.ess_bulk, gradients,
            1000 * of.ess_bulk / gradients if gradients else nan, of.wall_seconds,
        )  # fmt: skip
    one = score("", dt)
    return Numbers(
        one.chains, one.draws, one.divergences, one.bfmi, one.r_hat, one.ess_bulk, gradients,
        one.ess_per_1000_gradients, one.wall_seconds,
    )  # fmt: skip


def same_data(one: AnySpec, other: AnySpec) -> bool:
    """Whether two runs are of one model and one data set, so that they can stand side by side."""
    if isinstance(one, RunSpec) and isinstance(other, RunSpec):
        return (one.model, one.data) == (other.model, other.data)
    both = isinstance(one, PopulationSpec) and isinstance(other, PopulationSpec)
    return both and one.data == other.data
