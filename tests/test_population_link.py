"""The population lab's link, its rows of priors, and its draft: all without a page."""

import json
import random
from typing import Any

import pytest
from pydantic import ValidationError

from hbdash.population.catalogue_sources import GeneratedCatalogue, UploadedEvents
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.parameters import Components
from hbdash.population.pmean import Analytic, Constant, Injections, NeuralVT
from hbdash.population.priors import default_priors, resolve
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC
from hbdash.ui.population import link, prior_rows, records
from hbdash.ui.population.draft import MORE, PopulationDraft
from hbdash.ui.population.prior_rows import FIRST, KIND, SECOND, Row

SHA = "0123456789abcdef" * 4
PRIORS = {
    "log_rate_0": {"dist": "Normal", "loc": 0, "scale": 5.5},
    "mmax_pl_0": {"dist": "Uniform", "low": "mmin_pl_0", "high": 100},
    ".*": {"dist": "Uniform", "low": 1, "high": 30},
}
DRAFTS = {
    "fresh": {},
    "gaussians": {"n_pl": 0, "n_g": 2},
    "mock": {"data": GeneratedCatalogue(seed=3, n_g=1, scale_Mc=0.5, consistent=False)},
    "mock by a network": {
        "data": GeneratedCatalogue(
            truth={"log_rate_0": 5, "alpha_pl_0": -0.25, "beta_pl_0": 1e-3, "mmin_pl_0": 8,
                   "mmax_pl_0": 60},
            pmean=NeuralVT(filename="net.hdf5", sha256=SHA),
        )
    },
    "upload": {
        "data": UploadedEvents(
            sha256=SHA, columns=("m..1", "m~2 of é", "log."), drop_invalid=True, thin=50
        )
    },
    "network": {
        "pmean": NeuralVT(
            filename="neural_vt_1.200..x.hdf5", sha256="1" * 64, time_scale=248.0,
            num_samples=2000, batch_size=1000, method="monte_carlo",
        )
    },
    "injections": {"pmean": Injections(filename="true", sha256=SHA, snr_cut=8.0, time_scale=12.5)},
    "constant": {"pmean": Constant(vt=0.005, time_scale=30.0)},
    "priors": {"priors": PRIORS},
    "samplers": {
        "samplers": (
            AIES(seed=5, num_walkers=40),
            FlowMC(step_size=0.01, condition_matrix=(1.0, 2.5), rq_spline_hidden_units=(64, 64)),
            PopulationNUTS(num_samples=10, max_tree_depth=6, dense_mass=True),
        )
    },
    "likelihood": {"n_buckets": 0, "threshold": 2.5, "variance_cut": 0.75},
    "buckets": {"n_buckets": 10},
}  # fmt: skip


@pytest.mark.parametrize("name", DRAFTS)
def test_every_draft_comes_back(name):
    draft = PopulationDraft.model_validate(DRAFTS[name])
    query = link.to_query(draft)
    assert query.pop("v") == "1" and bool(query) == (name != "fresh")
    again, refused = link.from_query(query)
    assert refused == [] and again == draft
    assert [s.key for s in again.specs().values()] == [s.key for s in draft.specs().values()]
    assert link.to_query(again) == {"v": "1"} | query


def test_only_what_differs_is_written():
    draft = PopulationDraft(n_g=1, samplers=(AIES(), FlowMC(step_size=0.01)))
    assert link.to_query(draft) == {"v": "1", "g": "1", "s": "aies~flowmc..step_size.0.01"}
    mock = PopulationDraft(data=GeneratedCatalogue(seed=2, n_g=1))
    assert link.to_query(mock)["d"] == "generated..seed.2..n_g.1"
    assert link.to_query(PopulationDraft(pmean=Analytic(time_scale=90.0))) == {"v": "1"}


def test_the_order_of_priors_is_part_of_the_link():
    two = {"m.*": {"dist": "Uniform", "low": 1, "high": 90}, ".*": PRIORS[".*"]}
    turned = dict(reversed(two.items()))
    first, second = PopulationDraft(priors=two), PopulationDraft(priors=turned)
    assert first != second
    assert link.to_query(first)["p"] != link.to_query(second)["p"]
    assert link.from_query(link.to_query(second))[0] == second


def test_priors_that_are_too_long_stay_out():
    long = {
        f"{'(' * k}log_rate_0{')' * k}": {"dist": "Normal", "loc": 0.0, "scale": 1.0}
        for k in range(1, 90)
    }
    draft = PopulationDraft(priors=default_priors(Components()) | long, n_buckets=3)
    assert not link.fits(draft)
    assert link.to_query(draft) == {"v": "1", "nb": "3"}


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "source": ({"d": "internet"}, "'internet' is not one of bundled, generated, uploaded_events"),
    "field": ({"d": "generated..colour.3"}, "data generated takes seed"),
    "twice": ({"d": "generated..seed.3..seed.4"}, "`seed` stands there twice"),
    "bounds": ({"s": "aies..num_walkers.2"}, "greater than or equal to 4 (got 2)"),
    "odd": ({"s": "aies..num_walkers.31"}, "num_walkers must be even"),
    "kinds": ({"s": "aies~aies"}, "must differ in kind"),
    "no sampler": ({"s": ""}, "is not one of nuts, flowmc, aies"),
    "hash": ({"d": "uploaded_events..sha256.xyz"}, "sha256"),
    "no hash": ({"d": "uploaded_events"}, "sha256: Field required"),
    "components": ({"pl": "7"}, "n_pl + n_g must be 1 to 6"),
    "none": ({"pl": "0"}, "got 0 power laws and 0 Gaussians"),
    "not whole": ({"g": "1.5"}, "a whole number must stand here"),
    "json": ({"p": '{"a": '}, "line 1, column"),
    "priors": ({"p": '{"alpha_pl_7": 1}'}, "no parameter of 1 power law"),
    "deep": ({"p": "[" * 3000}, "nested"),
    "nan": ({"vc": "nan"}, "finite"),
    "infinite": ({"e": "analytic..time_scale.1e999"}, "time_scale"),
    "time": ({"e": "analytic..time_scale.-3"}, "greater than 0"),
    "custom": ({"e": "custom"}, "'custom' is not one of"),
    "unknown": ({"w": "3"}, "a link has no such field"),
    "version": ({"v": "2"}, "reads links of version 1"),
    "buckets": ({"nb": "-2"}, "n_buckets"),
    "long": ({"p": "x" * 20_000}, "was not read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_refused_by_name(name):
    query, words = REFUSED[name]
    draft, refused = link.from_query(query)
    assert draft == link.FRESH
    assert len(refused) == 1 and words in refused[0] and len(refused[0]) < 700, refused
    good = {"g": "1"} if "pl" not in query and "g" not in query and name != "priors" else {}
    draft, refused = link.from_query(query | good)
    assert draft.n_g == len(good) * (name != "long") and len(refused) == 1


def test_values_that_need_others_are_refused_with_them_alone():
    priors = records.compact(default_priors(Components(2, 0)))
    draft, refused = link.from_query({"pl": "2", "p": priors})
    assert not refused and draft.n_pl == 2
    draft, refused = link.from_query({"p": priors, "s": "nuts", "nb": "3"})
    assert draft == PopulationDraft(samplers=(PopulationNUTS(),), n_buckets=3)
    assert len(refused) == 1 and refused[0].startswith("p=")


def test_any_text_is_read_or_refused():
    rng = random.Random(7)
    pieces = [*'aies..seed.3~{}[]":,1', "flowmc", "generated", "nan", "1e99", "%7B", "é", "\\"]
    for _ in range(300):
        name = rng.choice([*link.FIELDS.values(), "v"])
        text = "".join(rng.choices(pieces, k=rng.randint(0, 9)))
        draft, refused = link.from_query({name: text})
        assert draft == link.FRESH or not refused


def test_records_hold_any_text():
    usual: dict[str, Any] = {"a": 1.0, "b": "x", "c": None}
    for value in ("true", "1", "..", "a..b~c.", "%2E", "", " ", "[1]", '"', "é", "null", "x.y"):
        text = records.write("kind", {"a": 0.1, "b": value, "c": value}, usual)
        assert "~" not in text
        found = records.read(text, lambda name: usual, "thing")
        assert found == ("kind", {"a": 0.1, "c": value} | ({"b": value} if value != "x" else {}))


def test_a_draft_asks_each_sampler():
    draft = PopulationDraft(samplers=(PopulationNUTS(), AIES()), n_g=1)
    specs = draft.specs()
    assert list(specs) == ["AIES", "NUTS"]
    assert specs["NUTS"].n_g == 1 and specs["NUTS"].priors == default_priors(Components(1, 1))
    with pytest.raises(ValidationError, match="differ in kind"):
        PopulationDraft(samplers=(AIES(), AIES(seed=1)))
    with pytest.raises(ValidationError, match="alpha_pl_1"):
        PopulationDraft.model_validate({"n_pl": 2, "priors": default_priors(Components())})


def test_going_on():
    draft = PopulationDraft(samplers=(AIES(num_samples=90, thinning=30, num_warmup=90), FlowMC()))
    steps, loops, draws = (MORE[kind][0] for kind in ("aies", "flowmc", "nuts"))
    whole = -(-steps // 30) * 30  # steps of the thinning
    assert draft.more == f"{whole:,} more steps, {loops} more loops"
    longer = draft.longer(2000).samplers
    assert isinstance(longer[0], AIES) and longer[0].num_samples == 90 + whole
    assert isinstance(longer[1], FlowMC)
    assert longer[1].n_production_loops == FlowMC().n_production_loops + loops
    stopped = PopulationDraft(samplers=(PopulationNUTS(num_samples=1000),)).longer(40)
    assert stopped.samplers[0].num_samples == 40 + draws
    with pytest.raises(ValidationError, match="50000|50,000"):
        PopulationDraft(samplers=(PopulationNUTS(num_samples=49_900, num_chains=1),)).longer(49_900)


ENTRIES: dict[str, tuple[Any, Row]] = {
    "uniform": ({"dist": "Uniform", "low": -5.0, "high": 5}, Row("Uniform", "-5", "5")),
    "conditional": ({"dist": "Uniform", "low": "mmin_pl_0", "high": 90},
                    Row("Uniform", "mmin_pl_0", "90")),
    "one number": ({"dist": "HalfNormal", "scale": 0.25}, Row("HalfNormal", "0.25")),
    "constant": (3.5, Row("constant", "3.5")),
    "alias": ("alpha_pl_0", Row("same as", "alpha_pl_0")),
    "absent": (None, Row("no bound")),
    "other": ({"dist": "StudentT", "df": 3, "loc": 0.0, "scale": 1},
              Row("JSON", '{"dist":"StudentT","df":3,"loc":0,"scale":1}')),
    "defaults": ({"dist": "Normal"}, Row("JSON", '{"dist":"Normal"}')),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_a_row_and_back(name):
    entry, row = ENTRIES[name]
    assert prior_rows.row_of(entry) == row
    assert prior_rows.entry_from("alpha_pl_1", row) == entry


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (Row("Uniform", "1", None), "alpha_pl_0: Uniform needs `high`; its cell is empty"),
        (Row("Uniform", "one", "2"), "a number must stand here, or the name of a parameter"),
        (Row("constant", ""), "constant needs a number"),
        (Row("constant", "x"), "a number must stand here"),
        (Row("same as", " "), "needs the name of a parameter"),
        (Row("JSON", "{"), "line 1"),
        (Row("JSON", None), "needs an entry"),
        (Row("JSON", '{"dist": "Normall"}'), "Normal"),
    ],
)
def test_a_wrong_row_is_refused_by_name(row, words):
    with pytest.raises(ValueError, match="alpha_pl_0") as refused:
        prior_rows.entry_from("alpha_pl_0", row)
    assert words in str(refused.value)


def test_a_change_in_the_table_touches_one_entry():
    components = Components()
    before = prior_rows.table(PRIORS, components)
    assert before[KIND].tolist() == ["Normal", *["Uniform"] * 4]
    after = before.copy()
    after.loc[1, [KIND, FIRST, SECOND]] = ["Normal", "\N{MINUS SIGN}1", " 2 "]
    changed = prior_rows.merged(PRIORS, before, after)
    assert changed == PRIORS | {"alpha_pl_0": {"dist": "Normal", "loc": -1.0, "scale": 2.0}}
    assert list(changed)[:3] == list(PRIORS)
    assert prior_rows.merged(PRIORS, before, before) == PRIORS


def test_priors_follow_the_components():
    kept: dict[str, Any] = {"beta_pl_1": 0.5, "alpha_pl_1": "alpha_pl_0"}
    two = prior_rows.fitted(default_priors(Components()), Components(2, 0), kept)
    resolve(two, Components(2, 0))
    assert two["beta_pl_1"] == 0.5 and two["alpha_pl_1"] == "alpha_pl_0"
    assert prior_rows.fitted(two, Components(), {}) == default_priors(Components())
    patterns = prior_rows.fitted(PRIORS, Components(2, 1), {})
    assert patterns == PRIORS
    follows = default_priors(Components(2, 0)) | {"mmin_pl_0": "mmin_pl_1"}
    alone = prior_rows.fitted(follows, Components(), {})
    assert alone["mmin_pl_0"] == default_priors(Components())["mmin_pl_0"]
    gaussians = prior_rows.fitted(default_priors(Components()), Components(0, 1), {})
    assert gaussians == default_priors(Components(0, 1))


def test_json_of_numbers_is_short_and_exact():
    assert records.compact({"a": 5.0, "b": [0.1, 1e300], "c": True}) == (
        '{"a":5,"b":[0.1,1e+300],"c":true}'
    )
    assert json.loads(records.indented({"a": 2.5})) == {"a": 2.5}
