"""The share link: a draft as a short query string, and back, refusing value by value.

Only what differs from a fresh visit is written, and ``v=1`` always. A link is anybody's text:
each of its values is checked, a refused one is named, and the others count.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import ValidationError

from hbdash.parameterization import PARAMETERIZATIONS
from hbdash.priors import LOCATION, SCALE, parameter_names
from hbdash.spec import explain
from hbdash.ui.draft import Draft

VERSION = "1"
LONGEST = 6000
#: Stands for the hash of uploaded data until a link has given it.
NO_HASH = "0" * 64


class Field(NamedTuple):
    """One name of the query: where its value lives in a draft, and how it is spelt."""

    path: tuple[str, ...]
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _number(value: float) -> str:
    short = f"{value:.12g}"
    return short if float(short) == value else repr(float(value))  # the same number, the same run


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"a number must stand here, got {_short(text)!r}") from None


def _whole(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or len(text) > 12:
        raise ValueError(f"a whole number must stand here, got {_short(text)!r}")
    return int(text)


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("0 or 1 must stand here")
    return text == "1"


def _write_counts(counts: list[int]) -> str:
    if len(set(counts)) == 1:
        return f"{counts[0]}x{len(counts)}"
    return "-".join(map(str, counts))


def _read_counts(text: str) -> list[int]:
    if "x" in text:
        count, _, times = text.partition("x")
        if not 1 <= _whole(times) <= 200:
            raise ValueError("there must be 1 to 200 groups")
        return [_whole(count)] * _whole(times)
    return [_whole(part) for part in text.split("-")]


def _write_prior(prior: dict[str, Any]) -> str:
    return "_".join([prior["dist"], *(_number(value) for value in list(prior.values())[1:])])


def _read_prior(text: str) -> dict[str, Any]:
    family, *values = text.split("_")
    if family not in LOCATION + SCALE:
        return {"dist": family}  # refused, with the menu, where priors are validated
    names = parameter_names(family)
    if len(values) != len(names):
        raise ValueError(f"{family} takes {' and '.join(names)}, got {len(values)} numbers")
    return {"dist": family} | dict(zip(names, map(_real, values), strict=True))


def _write_parameterizations(chosen: list[dict[str, Any]]) -> str:
    return "~".join(_write_parameterization(one) for one in chosen)


def _write_parameterization(one: dict[str, Any]) -> str:
    if one["kind"] == "mixed" and one["groups"] is not None:
        return "mixed.h" + "-".join(map(str, one["groups"]))
    if one["kind"] == "mixed":
        return f"mixed.{one['threshold']}"
    if one["kind"] == "partial":
        return "partial." + "_".join(map(_number, one["centeredness"]))
    if one["kind"] == "learned":
        return f"learned.{one['seed']}"
    return one["kind"]


def _read_parameterizations(text: str) -> list[dict[str, Any]]:
    return [_read_parameterization(part) for part in text.split("~")]


def _read_parameterization(text: str) -> dict[str, Any]:
    kind, _, rest = text.partition(".")
    if kind not in PARAMETERIZATIONS:
        raise ValueError(f"{kind!r} is not one of {', '.join(PARAMETERIZATIONS)}")
    if kind == "mixed" and rest.startswith("h"):
        return {"kind": kind, "groups": [_whole(part) for part in rest[1:].split("-") if rest[1:]]}
    if kind == "mixed" and rest:
        return {"kind": kind, "threshold": _whole(rest)}
    if kind == "partial" and rest:
        return {"kind": kind, "centeredness": [_real(part) for part in rest.split("_")]}
    if kind == "learned" and rest:
        return {"kind": kind, "seed": _whole(rest)}
    if rest:
        raise ValueError(f"{kind} takes nothing, got {_short(rest)!r}")
    return {"kind": kind}


def _scalar(path: str, read: Callable[[str], Any] = _real) -> Field:
    write = {_whole: str, str: str, _flag: lambda value: str(int(value))}.get(read, _number)
    return Field(tuple(path.split(".")), write, read)


#: The words of the query. The source of the data comes first: it decides which others fit.
FIELDS: dict[str, Field] = {
    "d": _scalar("data.source", str),
    "dn": _scalar("data.name", str),
    "n": Field(("data", "n"), _write_counts, _read_counts),
    "s": _scalar("data.sigma"),
    "m": _scalar("data.mu"),
    "t": _scalar("data.tau"),
    "ds": _scalar("data.seed", _whole),
    "up": _scalar("data.sha256", str),
    "pm": Field(("priors", "mu"), _write_prior, _read_prior),
    "pt": Field(("priors", "tau"), _write_prior, _read_prior),
    "ps": Field(("priors", "sigma"), _write_prior, _read_prior),
    "p": Field(("parameterizations",), _write_parameterizations, _read_parameterizations),
    "w": _scalar("sampler.num_warmup", _whole),
    "k": _scalar("sampler.num_samples", _whole),
    "c": _scalar("sampler.num_chains", _whole),
    "a": _scalar("sampler.target_accept_prob"),
    "td": _scalar("sampler.max_tree_depth", _whole),
    "dm": _scalar("sampler.dense_mass", _flag),
    "rs": _scalar("sampler.seed", _whole),
    "md": _scalar("sampler.max_divergences", _whole),
}


def to_query(draft: Draft) -> dict[str, str]:
    """Write a draft, whose data must have a name: those of a spec itself are put in the store."""
    content, fresh = draft.model_dump(mode="json"), _fresh(draft.data.source)
    query = {"v": VERSION}
    for name, field in FIELDS.items():
        value = _get(content, field.path)
        if value is not None and (name == "d" or value != _get(fresh, field.path)):
            query[name] = field.write(value)
    if query["d"] == Draft().data.source:
        del query["d"]
    return query


def from_query(query: dict[str, str]) -> tuple[Draft, list[str]]:
    """Read a link.

    Returns
    -------
    The draft, and a message for every value that was refused; what is refused keeps its default.
    """
    refused = []
    if query.get("v", VERSION) != VERSION:
        refused.append(f"v={_short(query['v'])}: this app reads links of version {VERSION}.")
    for name in query:
        if name not in FIELDS and name != "v":
            refused.append(f"{_short(name)}: a link has no such field.")
    if sum(map(len, query.values())) > LONGEST:
        return Draft(), [f"The link is longer than {LONGEST:,} characters and was not read."]
    source = query.get("d", Draft().data.source)
    content = _fresh(source)
    if content["data"].get("source") != source:
        refused.append(
            f"d={_short(source)}: the data must be simulated, scene, example or uploaded."
        )
    for name, field in FIELDS.items():
        if name not in query or name == "d":
            continue
        if field.path[0] == "data" and field.path[1] not in content["data"]:
            refused.append(
                f"{name}={_short(query[name])}: {content['data']['source']} data have no "
                f"`{field.path[1]}`."
            )
            continue
        try:
            trial = _set(content, field.path, field.read(query[name]))
            Draft.model_validate(trial)
            content = trial
        except ValidationError as error:
            refused.append(f"{name}={_short(query[name])}: {explain(error).splitlines()[0]}")
        except (ValueError, TypeError, OverflowError) as error:
            refused.append(f"{name}={_short(query[name])}: {error}.")
    if content["data"].get("sha256") == NO_HASH:
        refused.append("up: a link to uploaded data must carry their hash.")
        content["data"] = _fresh(Draft().data.source)["data"]
    return Draft.model_validate(content), refused


def _fresh(source: str) -> dict[str, Any]:
    """A fresh visit's content, with the data of a source."""
    content = Draft().model_dump(mode="json")
    if source == "uploaded":
        content["data"] = {"source": "uploaded", "sha256": NO_HASH, "sigma": None}
    elif source in ("simulated", "example"):
        content["data"] = Draft.model_validate({"data": {"source": source}}).model_dump(
            mode="json"
        )["data"]
    return content


def _get(content: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        content = content.get(part) if isinstance(content, dict) else None
    return content


def _set(content: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = path
    inner = value if not rest else _set(content[first], tuple(rest), value)
    return content | {first: inner}


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
