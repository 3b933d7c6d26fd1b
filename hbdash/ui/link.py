"""The share link: a draft as a short query string, and back, refusing value by value.

Only what differs from a fresh visit is written, and ``v=1`` always. A link is anybody's text:
each of its values is checked, a refused one is named, and the others count.
"""

from typing import Any

from pydantic import ValidationError

from hbdash.spec import explain
from hbdash.ui.draft import Draft
from hbdash.ui.lab import Lab
from hbdash.ui.spelling import ABSENT, Field, flag, parameterizations, scalar, short, whole

VERSION = "1"
LONGEST = 6000
#: Stands for the hash of uploaded data until a link has given it.
NO_HASH = "0" * 64
#: The words that every lab's links share; the source of the data decides which others fit.
SOURCE = "d"
COMMON: dict[str, Field] = {
    "p": parameterizations("parameterizations"),
    "w": scalar("sampler.num_warmup", whole),
    "k": scalar("sampler.num_samples", whole),
    "c": scalar("sampler.num_chains", whole),
    "a": scalar("sampler.target_accept_prob"),
    "td": scalar("sampler.max_tree_depth", whole),
    "dm": scalar("sampler.dense_mass", flag),
    "rs": scalar("sampler.seed", whole),
    "md": scalar("sampler.max_divergences", whole),
}


def fields(lab: Lab) -> dict[str, Field]:
    """The words of a lab's links, without that for the source of its data."""
    return lab.fields | COMMON


def to_query(lab: Lab, draft: Draft) -> dict[str, str]:
    """Write a draft, whose data must have a name: those of a spec itself are put in the store."""
    source = draft.data.source
    content, fresh = draft.model_dump(mode="json"), _fresh(lab, source)
    query = {"v": VERSION}
    if source != lab.fresh.data.source:
        query[SOURCE] = source
    for name, field in fields(lab).items():
        value, usual = _get(content, field.path), _get(fresh, field.path)
        if value is not None and value != usual:
            query[name] = field.write(value)
        elif value is None and usual is not None and field.path[0] == "priors":
            query[name] = ABSENT
    return query


def from_query(lab: Lab, query: dict[str, str]) -> tuple[Draft, list[str]]:
    """Read a link.

    Returns
    -------
    The draft, and a message for every value that was refused; what is refused keeps its default.
    """
    refused, known = [], fields(lab)
    if query.get("v", VERSION) != VERSION:
        refused.append(f"v={short(query['v'])}: this app reads links of version {VERSION}.")
    for name in query:
        if name not in known and name not in ("v", SOURCE):
            refused.append(f"{short(name)}: a link has no such field.")
    if sum(map(len, query.values())) > LONGEST:
        return lab.fresh, [f"The link is longer than {LONGEST:,} characters and was not read."]
    source = query.get(SOURCE, lab.fresh.data.source)
    content = _fresh(lab, source)
    if content["data"]["source"] != source:
        refused.append(f"{SOURCE}={short(source)}: the data must be {_menu(lab.sources)}.")
    given = {name: query[name] for name in known if name in query}
    for part in (("data",), ("priors",), ("parameterizations", "sampler")):
        texts = {name: text for name, text in given.items() if known[name].path[0] in part}
        content, more = _take(content, texts, known)
        refused += more
    if content["data"].get("sha256") == NO_HASH:
        refused.append("up: a link to uploaded data must carry their hash.")
        content["data"] = lab.fresh.model_dump(mode="json")["data"]
    return Draft.model_validate(content), refused


def _take(
    content: dict[str, Any], texts: dict[str, str], known: dict[str, Field]
) -> tuple[dict[str, Any], list[str]]:
    """Take the values of one part of a draft, and say which were refused.

    One value may need another, as the groups of a table need the rows of each: all are tried
    together, then all but one, and only then one after the other.
    """
    read, refused = {}, []
    for name, text in texts.items():
        path = known[name].path
        if path[0] == "data" and path[1] not in content["data"]:
            source = content["data"]["source"]
            refused.append(f"{name}={short(text)}: {source} data have no `{path[1]}`.")
            continue
        try:
            read[name] = known[name].read(text)
        except (ValueError, TypeError, OverflowError) as error:
            refused.append(f"{name}={short(text)}: {error}.")

    def trial(start: dict[str, Any], names: list[str]) -> tuple[dict[str, Any], str | None]:
        for name in names:
            start = _set(start, known[name].path, read[name])
        try:
            Draft.model_validate(start)
        except ValidationError as error:
            return start, explain(error).splitlines()[0]
        return start, None

    together, wrong = trial(content, list(read))
    if wrong is None:
        return together, refused
    for name in read:
        others, still = trial(content, [other for other in read if other != name])
        if still is None:
            return others, [*refused, f"{name}={short(texts[name])}: {wrong}"]
    for name in read:
        taken, wrong = trial(content, [name])
        if wrong is None:
            content = taken
        else:
            refused.append(f"{name}={short(texts[name])}: {wrong}")
    return content, refused


def _fresh(lab: Lab, source: str) -> dict[str, Any]:
    """A fresh visit's content, with the data of a source."""
    content = lab.fresh.model_dump(mode="json")
    if source in lab.sources and source != content["data"]["source"]:
        data = {"source": source} | ({"sha256": NO_HASH} if source.startswith("uploaded") else {})
        draft = Draft.model_validate(content | {"data": data})
        content["data"] = draft.model_dump(mode="json")["data"]
    return content


def _menu(words: tuple[str, ...]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _get(content: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _set(content: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = path
    if value is None:  # a prior that a fresh visit has
        inner = {name: old for name, old in content[first].items() if name != rest[0]}
    else:
        inner = value if not rest else _set(content[first], tuple(rest), value)
    return content | {first: inner}
