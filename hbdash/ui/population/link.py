"""The share link of the population lab: only what differs from a fresh visit, and ``v=1``.

A link is anybody's text: each of its values is checked, a refused one is named, and the others
count. Uploads are named by the hash of their content.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from hbdash.population.catalogue_sources import CatalogueSource, GeneratedCatalogue
from hbdash.population.pmean import Pmean
from hbdash.population.priors import read_priors
from hbdash.population.spec import PopulationSampler, PopulationSpec
from hbdash.population.truths import default_truth
from hbdash.spec import explain
from hbdash.ui.population import records
from hbdash.ui.population.draft import PopulationDraft
from hbdash.ui.spelling import number, real, short, whole

VERSION = "1"
#: Characters of a link that are read, and of priors that are written into one.
LONGEST, LONGEST_PRIORS = 16_000, 9_000
FRESH = PopulationDraft()
#: Names of the fields in the query, by the part of the draft, in the order in which they are read:
#: the components come before their priors.
FIELDS = {
    "data": "d",
    "n_pl": "pl",
    "n_g": "g",
    "priors": "p",
    "pmean": "e",
    "samplers": "s",
    "n_buckets": "nb",
    "threshold": "bt",
    "variance_cut": "vc",
}
NONE = "none"


def to_query(draft: PopulationDraft) -> dict[str, str]:
    """Write a draft.

    Priors of more than `LONGEST_PRIORS` characters are left out: `fits` tells.
    """
    query = {"v": VERSION}
    components = PopulationDraft(n_pl=draft.n_pl, n_g=draft.n_g)
    for part, name in FIELDS.items():
        value = getattr(draft, part)
        fresh = components if part == "priors" else FRESH
        same = draft == draft.model_copy(update={part: getattr(fresh, part)})
        if not same and (part != "priors" or fits(draft)):
            query[name] = _WRITERS.get(part, _written)(value)
    return query


def fits(draft: PopulationDraft) -> bool:
    """Whether a link can carry the priors."""
    return len(records.compact(draft.priors)) <= LONGEST_PRIORS


def from_query(query: Mapping[str, str]) -> tuple[PopulationDraft, list[str]]:
    """Read a link.

    Returns
    -------
    The draft, and a message for every value that was refused; what is refused keeps its default.
    """
    if sum(map(len, query.values())) > LONGEST:
        return FRESH, [f"The link is longer than {LONGEST:,} characters and was not read."]
    refused = []
    if query.get("v", VERSION) != VERSION:
        refused.append(f"v={short(query['v'])}: this app reads links of version {VERSION}.")
    for name in query:
        if name not in (*FIELDS.values(), "v"):
            refused.append(f"{short(name)}: a link has no such field.")
    read: dict[str, Any] = {}
    for part, name in FIELDS.items():
        if name in query:
            try:
                read[part] = _READERS[part](query[name])
            except (ValueError, RecursionError, OverflowError) as error:
                refused.append(f"{name}={short(query[name])}: {_said(error)}.")
    draft, wrong = FRESH, _trial(read)
    if wrong is None:
        return PopulationDraft.model_validate(read), refused
    # Some values need others, as priors need their components: each is tried upon those before.
    taken: dict[str, Any] = {}
    for part in (("n_pl", "n_g"), *((part,) for part in FIELDS if part not in ("n_pl", "n_g"))):
        found = {name: read[name] for name in part if name in read}
        if not found:
            continue
        if (wrong := _trial(taken | found)) is None:
            taken |= found
            draft = PopulationDraft.model_validate(taken)
        else:
            names = ", ".join(f"{FIELDS[one]}={short(query[FIELDS[one]])}" for one in found)
            refused.append(f"{names}: {wrong}")
    return draft, refused


def _trial(content: dict[str, Any]) -> str | None:
    try:
        PopulationDraft.model_validate(content)
    except ValidationError as error:
        return explain(error).splitlines()[0].removeprefix("spec: ")
    return None


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return explain(error).splitlines()[0].removesuffix(".")
    return (str(error).splitlines() or [type(error).__name__])[0].removesuffix(".")


def _by_tag(union: Any, tag: str) -> dict[str, type[BaseModel]]:
    """List the records of a discriminated union by name."""
    members = get_args(get_args(union)[0])
    return {get_args(one.model_fields[tag].annotation)[0]: one for one in members}


def _usual(kinds: dict[str, type[BaseModel]], tag: str) -> Callable[[str], dict[str, Any]]:
    """Return what gives the values that a record of a kind has unless told."""

    def usual(name: str) -> dict[str, Any]:
        if name not in kinds:
            raise ValueError(f"{short(name)!r} is not one of {', '.join(kinds)}")
        content = {
            field: None if info.is_required() else info.get_default(call_default_factory=True)
            for field, info in kinds[name].model_fields.items()
            if field != tag
        }
        return to_jsonable_python(content)

    return usual


def _record(union: Any, tag: str, what: str) -> tuple[Callable[[Any], str], Callable[[str], Any]]:
    """Return writer and reader of one record of a union."""
    usual = _usual(_by_tag(union, tag), tag)

    def write(record: BaseModel) -> str:
        content = record.model_dump(mode="json")
        name = content.pop(tag)
        return records.write(name, content, usual(name))

    def read(text: str) -> dict[str, Any]:
        name, content = records.read(text, usual, what)
        return {tag: name} | content

    return write, read


_write_any_data, _read_data = _record(CatalogueSource, "source", "data")


def _write_data(data: CatalogueSource) -> str:
    if isinstance(data, GeneratedCatalogue) and data.truth == default_truth(data.components):
        data = data.model_copy(update={"truth": {}})
    return _write_any_data(data)


_write_pmean, _read_pmean = _record(Pmean, "estimator_type", "expected number")
_write_sampler, _read_sampler = _record(PopulationSampler, "kind", "sampler")


def _written(value: Any) -> str:
    return NONE if value is None else number(value)


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: None if text == NONE else read(text)


_WRITERS: dict[str, Callable[[Any], str]] = {
    "data": _write_data,
    "priors": records.compact,
    "pmean": _write_pmean,
    "samplers": lambda samplers: "~".join(map(_write_sampler, samplers)),
}
_READERS: dict[str, Callable[[str], Any]] = {
    "data": _read_data,
    "n_pl": whole,
    "n_g": whole,
    "priors": lambda text: read_priors(text, "the link"),
    "pmean": _read_pmean,
    "samplers": lambda text: [_read_sampler(one) for one in text.split("~")],
    "n_buckets": _or_none(whole),
    "threshold": real,
    "variance_cut": _or_none(real),
}
assert set(FIELDS) <= set(PopulationSpec.model_fields) | {"samplers"}
