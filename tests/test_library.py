"""The run library: cards, labels, pins, deleting and bringing back; the store underneath."""

import json
import os
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest
import xarray as xr

from hbdash import library, notes, store
from hbdash.diagnostics import score
from hbdash.notes import Note
from hbdash.run import run
from hbdash.spec import parse
from hbdash.words import data_words, model_words, sampler_words
from tests.questions import ask, same


@cache
def _run(kind: str, seed: int) -> xr.DataTree:
    return run(ask("weak", kind, seed=seed, num_samples=100))


def saved(kind: str = "centered", seed: int = 0) -> str:
    dt = _run(kind, seed).copy(deep=True)
    assert store.save(dt)
    store.forget()
    return dt.attrs["key"]


def age(key: str, days: float) -> None:
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    os.utime(store.folder(key), (then, then))


def test_a_card_says_what_the_run_says():
    key = saved()
    (card,) = library.cards()
    one = score("", _run("centered", 0))
    found = card.numbers
    assert (card.key, card.spec) == (key, ask("weak", num_samples=100))
    assert (found.divergences, found.bfmi, found.r_hat) == (one.divergences, one.bfmi, one.r_hat)
    assert found.ess_bulk == one.ess_bulk and found.draws == 400 and found.chains == 4
    assert found.gradients == _run("centered", 0).attrs["gradients"]
    assert card.model == "Normal means" and card.data == "scene · weak"
    assert card.parameterization == "centered" == card.name
    assert abs(datetime.now(UTC) - card.made) < timedelta(minutes=5)
    assert card.size == sum(f.stat().st_size for f in store.folder(key).iterdir())


def test_a_card_is_measured_once(monkeypatch):
    saved()
    first = library.cards()

    def refused(dt):
        raise AssertionError("measured again")

    monkeypatch.setattr(library, "measure", refused)
    assert library.cards()[0].numbers == first[0].numbers


@pytest.mark.parametrize("content", ["", "{", "[]", '{"chains": "x"}', "null"])
def test_a_damaged_card_is_measured_again(content):
    key = saved()
    first = library.cards()
    (store.folder(key) / library.FILE).write_text(content)
    assert library.cards()[0].numbers == first[0].numbers


def test_what_cannot_be_listed_is_left_out():
    saved()
    broken, foreign = saved(seed=1), saved(seed=2)
    (store.folder(broken) / "spec.json").write_text("{}")
    path = store.folder(foreign) / "spec.json"
    about = json.loads(path.read_text())
    about["spec"]["sampler"]["seed"] = 99  # its key is another question's
    path.write_text(json.dumps(about))
    assert [card.spec.sampler.seed for card in library.cards()] == [0]


def test_runs_of_one_chain_have_no_r_hat():
    dt = run(ask("weak", num_chains=1, num_samples=100))
    store.save(dt)
    assert np.isnan(library.cards()[0].numbers.r_hat)
    assert np.isnan(library.cards()[0].numbers.r_hat)  # read back from the file


def test_the_latest_is_first():
    keys = [saved(seed=seed) for seed in (0, 1)]
    for key, year in zip(keys, ("2021", "2022"), strict=True):
        path = store.folder(key) / "spec.json"
        about = json.loads(path.read_text()) | {"made": f"{year}-01-02T03:04:05+00:00"}
        path.write_text(json.dumps(about))
    assert [card.key for card in library.cards()] == keys[::-1]
    assert library.cards()[0].made.year == 2022


def test_a_label_is_kept_and_found():
    key = saved()
    library.write_note(key, Note(label="the bad funnel", pinned=True))
    (card,) = library.cards()
    assert card.name == "the bad funnel" and card.note.pinned
    assert card.says("FUNNEL weak") and card.says("") and not card.says("funnel strong")
    assert store.load(key) is not None


@pytest.mark.parametrize("content", ["", "{", '{"pinned": "perhaps"}', '{"label": 3}', "[]"])
def test_a_damaged_note_is_an_empty_one(content):
    key = saved()
    (store.folder(key) / notes.FILE).write_text(content)
    assert library.cards()[0].note == Note()


def test_a_label_has_a_length():
    with pytest.raises(ValueError, match="80 characters"):
        Note(label="x" * 81)


def test_only_stored_runs_can_be_labelled():
    for key in ("0" * 24 + "-1", "../../etc", "", "a/b", ".draft-x"):
        with pytest.raises(LookupError, match="no stored run"):
            library.write_note(key, Note(label="x"))


def test_deleting_can_be_undone():
    key = saved()
    library.write_note(key, Note(label="mine"))
    store.delete(key)
    assert library.cards() == [] and store.load(key) is None
    assert store.find(ask("weak", num_samples=100)) is None
    with pytest.raises(LookupError):
        store.delete(key)
    assert store.restore(key) and not store.restore(key)
    assert library.cards()[0].note.label == "mine"
    found = store.load(key)
    assert found is not None
    same(found, _run("centered", 0))


def test_what_was_made_again_meanwhile_stays():
    key = saved()
    store.delete(key)
    saved()
    library.write_note(key, Note(label="new"))
    assert store.restore(key)
    assert library.cards()[0].note.label == "new"


def test_deleted_runs_go_after_an_hour():
    key = saved()
    store.delete(key)
    store.evict()
    assert (store.root() / "runs" / f".deleted-{key}").exists()
    then = (datetime.now(UTC) - timedelta(hours=2)).timestamp()
    os.utime(store.root() / "runs" / f".deleted-{key}", (then, then))
    store.evict()
    assert not store.restore(key)


def test_pinned_runs_outlive_the_cap(monkeypatch):
    keys = [saved(seed=seed) for seed in range(4)]
    for days, key in enumerate(keys):
        age(key, 4 - days)
    each = store.size(keys[0])
    monkeypatch.setenv("HBDASH_STORE_MB", str(2.5 * each / 1e6))
    library.write_note(keys[0], Note(pinned=True))
    age(keys[0], 4)
    store.evict()
    assert set(store.keys()) == {keys[0], keys[3]}


def test_pins_leave_room_for_new_runs(monkeypatch):
    keys = [saved(seed=seed) for seed in range(2)]
    monkeypatch.setenv("HBDASH_STORE_MB", str(3 * store.size(keys[0]) / 1e6))
    library.write_note(keys[0], Note(pinned=True))
    with pytest.raises(ValueError, match="Unpin another"):
        library.write_note(keys[1], Note(pinned=True))
    library.write_note(keys[0], Note(label="still", pinned=True))  # it is pinned already
    library.write_note(keys[0], Note())
    library.write_note(keys[1], Note(pinned=True))


SPECS = {
    "scene · strong": ({"data": {"source": "scene", "name": "strong"}}, "data"),
    "example · eight schools": ({"data": {"source": "example"}}, "data"),
    "simulated · sigma 3": ({"data": {"source": "simulated", "sigma": 3}}, "data"),
    "simulated lines · n 3 × 7": (
        {"model": "regression", "data": {"source": "simulated_lines", "n": [7, 7, 7]}},
        "data",
    ),
    "NUTS 2 × (300 + 50) · accept 0.8": (
        {
            "sampler": {
                "num_chains": 2,
                "num_warmup": 300,
                "num_samples": 50,
                "target_accept_prob": 0.8,
            }
        },
        "sampler",
    ),
    "bundled catalogue": ({"model": "population"}, "data"),
    "AIES 28 × (1,000 + 500)": (
        {
            "model": "population",
            "sampler": {"kind": "aies", "num_warmup": 1000, "num_samples": 500},
        },
        "sampler",
    ),
}


@pytest.mark.parametrize("words", SPECS)
def test_specs_in_words(words):
    content, what = SPECS[words]
    spec = parse(content)
    assert (data_words(spec.data) if what == "data" else sampler_words(spec.sampler)) == words


def test_a_form_of_a_model_in_words():
    usual = parse({"model": "regression"})
    priors = {site: prior.model_dump() for site, prior in usual.priors.items()}
    nu = {"dist": "Gamma", "concentration": 2, "rate": 0.1}
    student = parse({"model": "regression", "priors": priors | {"nu": nu}})
    assert model_words(student) == f"{model_words(usual)} + nu"
