"""The share link: every draft comes back, and nothing that is wrong comes in."""

import random
import string
from typing import Any

import pytest

from hbdash.priors import LOCATION, SCALE, is_positive, parameter_names
from hbdash.ui import link
from hbdash.ui.draft import MOST_TRANSITIONS, Draft
from hbdash.ui.funnel_lab import LAB
from hbdash.ui.link import LONGEST, SOURCE
from hbdash.ui.parameterization_controls import SINGLE

FIELDS = {SOURCE, *link.fields(LAB)}
UPLOAD = "0123456789abcdef" * 4


def to_query(draft: Draft) -> dict[str, str]:
    return link.to_query(LAB, draft)


def from_query(query: dict[str, str]) -> tuple[Draft, list[str]]:
    return link.from_query(LAB, query)


def number(rng: random.Random, low: float, high: float) -> float:
    """Draw a number as people type them, of a few digits, or as sliders make them, of many."""
    return float(f"{rng.uniform(low, high):.{rng.choice((1, 3, 10, 17))}g}")


def a_prior(rng: random.Random, families: tuple[str, ...]) -> dict[str, Any]:
    family = rng.choice(families)
    if family == "Uniform":
        low = number(rng, 0, 5)
        return {"dist": family, "low": low, "high": low + 1 + number(rng, 1, 5)}
    return {"dist": family} | {
        name: number(rng, 1e-3, 1e3) if is_positive(family, name) else number(rng, -1e3, 1e3)
        for name in parameter_names(family)
    }


def some_data(rng: random.Random) -> dict[str, Any]:
    source = rng.choice(("simulated", "scene", "example", "uploaded"))
    groups = rng.choice((1, 2, 9, 50))
    counts = (
        [rng.randint(1, 3)] * groups
        if rng.random() < 0.5
        else [rng.randint(1, 1000) for _ in range(groups)]
    )
    return {
        "simulated": {
            "n": counts, "sigma": number(rng, 0.1, 30), "mu": number(rng, -99, 99),
            "tau": number(rng, 0, 99), "seed": rng.randrange(2**32),
        },
        "scene": {"name": rng.choice(("weak", "strong", "unbalanced"))},
        "example": {},
        "uploaded": {"sha256": UPLOAD, "sigma": rng.choice((None, number(rng, 0.1, 50)))},
    }[source] | {"source": source}  # fmt: skip


def a_parameterization(rng: random.Random, kind: str) -> dict[str, Any]:
    groups = rng.choice((None, [], sorted(rng.sample(range(200), rng.randint(1, 5)))))
    values = [number(rng, 0, 1) for _ in range(rng.choice((1, 2, 9)))]
    options = {
        "mixed": {"threshold": rng.randint(1, 10**6)} if groups is None else {"groups": groups},
        "partial": {"centeredness": [min(1.0, value) for value in values]},
        "learned": {"seed": rng.randrange(2**32)},
    }
    return {"kind": kind} | (options.get(kind, {}) if rng.random() < 0.8 else {})


def a_draft(rng: random.Random) -> Draft:
    kinds = rng.sample(SINGLE, rng.randint(1, 6))
    priors = {"mu": a_prior(rng, LOCATION), "tau": a_prior(rng, SCALE)}
    if rng.random() < 0.4:
        priors["sigma"] = a_prior(rng, SCALE)
    sampler = {
        "num_warmup": rng.randint(20, 10_000), "num_samples": rng.randint(1, 10_000),
        "num_chains": rng.randint(1, 5), "target_accept_prob": min(0.999, number(rng, 0.5, 0.999)),
        "max_tree_depth": rng.randint(1, 12), "dense_mass": rng.random() < 0.5,
        "seed": rng.randrange(2**32), "max_divergences": rng.choice((None, rng.randint(1, 10**6))),
    }  # fmt: skip
    kept = {name: value for name, value in sampler.items() if rng.random() < 0.7}
    return Draft.model_validate(
        {
            "data": some_data(rng),
            "priors": priors,
            "parameterizations": [a_parameterization(rng, kind) for kind in kinds],
            "sampler": kept,
        }
    )


def test_a_fresh_visit_is_an_empty_link():
    assert to_query(Draft()) == {"v": "1"}
    assert from_query({}) == (Draft(), []) == from_query({"v": "1"})


def test_five_hundred_drafts_come_back():
    rng = random.Random(2024)
    seen: set[str] = set()
    for _ in range(500):
        draft = a_draft(rng)
        query = to_query(draft)
        assert query["v"] == "1" and all(type(text) is str for text in query.values())
        again, refused = from_query(query)
        assert refused == []
        assert again == draft, query
        assert [spec.key for spec in again.specs().values()] == [
            spec.key for spec in draft.specs().values()
        ]
        assert to_query(again) == query
        seen |= set(query)
    assert seen == FIELDS | {"v"}


@pytest.mark.parametrize("family", SCALE)
def test_every_family_comes_back(family):
    names = parameter_names(family)
    prior = {"dist": family} | {name: 0.1 + k for k, name in enumerate(names)}
    draft = Draft.model_validate(
        {"priors": {"mu": {"dist": "Normal", "loc": -1e-3, "scale": 2}, "tau": prior}}
    )
    again, refused = from_query(to_query(draft))
    assert again == draft and refused == []


def test_numbers_are_as_short_as_they_can_be_and_exact():
    for sigma, text in ((0.1, "0.1"), (0.1 + 0.2, "0.30000000000000004"), (10, "10")):
        draft = Draft.model_validate({"data": {"source": "simulated", "sigma": sigma}})
        query = to_query(draft.model_copy(update={"priors": Draft().priors}))
        assert query.get("s", "10") == text
        assert from_query(query)[0] == draft


def test_only_what_differs_is_written():
    draft = Draft.model_validate({"data": {"source": "simulated", "sigma": 3.0}})
    assert to_query(draft) == {"v": "1", "d": "simulated", "s": "3"}
    many = Draft.model_validate({"data": {"source": "simulated", "n": [5] * 200}})
    assert to_query(many)["n"] == "5x200"


REFUSED = {
    "unknown field": ("zz", "1"),
    "a field of ours by its long name": ("sampler", "{}"),
    "another version": ("v", "2"),
    "not a number": ("a", "nan"),
    "infinite": ("a", "inf"),
    "overflow": ("a", "1e999"),
    "out of range": ("a", "1.5"),
    "word for a number": ("k", "many"),
    "real for a whole number": ("k", "10.5"),
    "too few": ("k", "0"),
    "too many": ("k", "50001"),
    "beyond the budget": ("k", "50000"),
    "negative": ("w", "-100"),
    "empty": ("c", ""),
    "a minus": ("c", "-"),
    "very long": ("c", "9" * 1000),
    "chains": ("c", "17"),
    "tree depth": ("td", "13"),
    "flag": ("dm", "yes"),
    "seed": ("rs", str(2**32)),
    "divergences": ("md", "0"),
    "scene": ("dn", "medium"),
    "path for a scene": ("dn", "../../etc/passwd"),
    "a field of other data": ("n", "1x9"),
    "sigma of a scene": ("s", "3"),
    "hash of a scene": ("up", UPLOAD),
    "family": ("pt", "Gaussian_0_1"),
    "family of another site": ("pt", "Normal_0_1"),
    "too few parameters": ("pm", "Normal_0"),
    "too many parameters": ("pm", "Normal_0_1_2"),
    "a word in a prior": ("pm", "Normal_0_x"),
    "negative scale": ("pm", "Normal_0_-1"),
    "nan in a prior": ("pm", "Normal_nan_1"),
    "empty range": ("pt", "Uniform_3_2"),
    "negative range": ("pt", "Uniform_-3_2"),
    "parameterization": ("p", "centred"),
    "no parameterization": ("p", ""),
    "the same twice": ("p", "centered~centered"),
    "seven": ("p", "~".join([*SINGLE, "centered"])),
    "centeredness": ("p", "partial.1.5"),
    "centeredness nan": ("p", "partial.nan"),
    "threshold": ("p", "mixed.0"),
    "groups": ("p", "mixed.h-1"),
    "group beyond all": ("p", "mixed.h99999"),
    "something more": ("p", "centered.1"),
    "learned seed": ("p", "learned.-1"),
    "sources": ("d", "elsewhere"),
    "rows in a link": ("d", "rows"),
    "path for data": ("d", "../secret"),
}


@pytest.mark.parametrize(("name", "text"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_named_and_the_rest_kept(name, text):
    kept = {"rs": "77", "pm": "Normal_1_2", "p": "mixed.9"}
    others = {key: value for key, value in kept.items() if key != name}
    draft, refused = from_query({name: text} | others)
    assert draft == from_query(others)[0] != Draft()
    (message,) = refused
    assert message.startswith(name) and len(message) < 400
    assert "\n" not in message and "Traceback" not in message and "http" not in message


SIMULATED = {
    "too many groups": ("n", "1x201"),
    "no groups": ("n", "1x0"),
    "no rows": ("n", "0x9"),
    "empty": ("n", ""),
    "a word": ("n", "1-a-3"),
    "too many rows": ("n", "100000x11"),
    "too many of one": ("n", "100001-1"),
    "twice times": ("n", "2x3x4"),
    "sigma": ("s", "0.01"),
    "mu": ("m", "1e5"),
    "tau": ("t", "-1"),
    "seed": ("ds", "-1"),
    "a name": ("dn", "weak"),
}


@pytest.mark.parametrize(("name", "text"), SIMULATED.values(), ids=SIMULATED)
def test_simulated_data_are_checked_too(name, text):
    others = {"d": "simulated", "k": "200"} | ({} if name == "m" else {"m": "2"})
    draft, refused = from_query(others | {name: text})
    assert draft == from_query(others)[0]
    (message,) = refused
    assert message.startswith(f"{name}=")


@pytest.mark.parametrize(
    "text", ["", "abc", "../" + "a" * 61, "A" * 64, "g" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n"]
)
def test_uploaded_data_need_a_hash(text):
    draft, refused = from_query({"d": "uploaded", "up": text, "k": "200"})
    assert draft.data == Draft().data and draft.sampler.num_samples == 200
    assert any(message.startswith("up=") for message in refused)
    assert any("must carry their hash" in message for message in refused)


def test_other_values_of_a_link_to_uploaded_data_are_checked():
    query = {"d": "uploaded", "s": "-5", "up": UPLOAD, "k": "0"}
    draft, refused = from_query(query)
    assert draft.data.model_dump() == {"source": "uploaded", "sha256": UPLOAD, "sigma": None}
    assert [message.split("=")[0] for message in refused] == ["s", "k"]
    draft, refused = from_query({"d": "uploaded", "k": "0", "s": "x"})
    assert draft == Draft() and len(refused) == 3


def test_a_long_link_is_not_read():
    draft, (message,) = from_query({"p": "x" * (LONGEST + 1), "k": "200"})
    assert draft == Draft() and "longer" in message


def test_long_values_are_cut_in_messages():
    _, refused = from_query({"v": "x" * 3000, "d": "y" * 1000, "z" * 500: "", "k": "w" * 900})
    assert len(refused) == 4 and all(len(message) < 300 for message in refused)


def test_nothing_that_is_typed_raises():
    rng = random.Random(7)
    alphabet = string.ascii_letters + string.digits + "._~-xh+e/\\%&=\0\n ٣é∞'\"<>{}[]"
    words = ["nan", "inf", "1e999", "-0", "0x9", "x", "h", "..", "None", "true", "9" * 30, "1_0"]
    for _ in range(2000):
        query = to_query(a_draft(rng)) if rng.random() < 0.8 else {}
        for _ in range(rng.randint(0, 4)):
            name = rng.choice([*sorted(FIELDS), "v", "zz", ""])
            text = query.get(name, "")
            at = rng.randrange(len(text) + 1)
            kind = rng.random()
            if kind < 0.3:
                text = "".join(rng.choices(alphabet, k=rng.randint(0, 12)))
            elif kind < 0.6:
                text = text[:at] + rng.choice(words) + text[at:]
            elif kind < 0.8:
                text = text[:at] + rng.choice(alphabet) + text[at + 1 :]
            else:
                text = text[:at]
            query[name] = text
        draft, refused = from_query(query)
        assert isinstance(draft, Draft) and all(type(message) is str for message in refused)
        assert from_query(to_query(draft)) == (draft, [])


def test_a_draft_asks_one_question_under_several_parameterizations():
    draft = Draft()
    specs = draft.specs()
    assert list(specs) == ["centered", "non-centered"]
    assert {spec.data for spec in specs.values()} == {draft.data}
    assert draft.transitions == 2 * draft.sampler.transitions <= MOST_TRANSITIONS


def test_drafts_have_a_budget_and_distinct_kinds():
    with pytest.raises(ValueError, match="must differ in kind"):
        Draft.model_validate({"parameterizations": [{"kind": "partial"}] * 2})
    with pytest.raises(ValueError, match="Ask for fewer draws"):
        Draft.model_validate(
            {
                "parameterizations": [{"kind": kind} for kind in SINGLE],
                "sampler": {"num_samples": 40_000},
            }
        )
    with pytest.raises(ValueError, match="`priors`"):
        Draft.model_validate({"priors": {}})
