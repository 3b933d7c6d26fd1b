"""The population page without a browser: every control, every file, every tab, and bad input."""

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from hbdash.population.catalogue import load_catalogue
from hbdash.population.catalogue_sources import GeneratedCatalogue
from hbdash.population.event_output import write_event_files, zip_bytes
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.parameters import Components
from hbdash.population.pmean import Constant, Injections, NeuralVT
from hbdash.population.priors import default_priors
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC
from hbdash.ui.population import link
from hbdash.ui.population.draft import MORE, PopulationDraft
from hbdash.ui.population.lab import LAB
from tests.network_files import network_bytes
from tests.pages import Page, summary
from tests.test_app import board, choose, healthy, press, said, settle

PAGE = Page("population")
draft, open_tab = PAGE.draft, PAGE.open_tab
#: Few events, few steps: what is waited for is the page.
MOCK = "generated..error_size.60"
SHORT = {"d": MOCK, "s": "aies..num_walkers.16..num_warmup.40..num_samples.100..thinning.5"}
NEEDS_RUN = ("Corner", "Spectrum", "Convergence", "Summary")


def quiet(**query: str) -> AppTest:
    """Open the page where nothing runs by itself: full trees of NUTS take too long for that."""
    return PAGE.open(**{"d": MOCK, "s": "nuts"} | query)


def own(name: str) -> str:
    return f"{name}.population"


def editor(at: AppTest, name: str) -> Any:
    return next(e for e in at.data_editor if str(e.key).startswith(name))


def edit(at: AppTest, name: str, rows: dict[int, dict[str, Any]]) -> AppTest:
    """Type into a table."""
    edits = {"edited_rows": rows, "added_rows": [], "deleted_rows": []}
    at.session_state[editor(at, name).key] = edits
    return settle(healthy(at.run()))


def upload(at: AppTest, key: str, *files: tuple[str, bytes]) -> AppTest:
    """Give files to an uploader."""
    given = [(name, content, "application/octet-stream") for name, content in files]
    uploader = next(u for u in at.file_uploader if u.key == own(key))
    uploader.set_value(given if uploader.accept_multiple_files else given[0])
    return settle(healthy(at.run()))


def apply(at: AppTest, filename: str, text: str) -> AppTest:
    """Paste a file, and apply it."""
    area = next(a for a in at.text_area if str(a.key).startswith(f"json.{filename}"))
    area.set_value(text)
    next(b for b in at.button if b.key == own(f"apply.{filename}")).click()
    return settle(healthy(at.run()))


def text_of(at: AppTest, filename: str) -> str:
    area = next(a for a in at.text_area if str(a.key).startswith(f"json.{filename}"))
    return str(area.value)


def captions(at: AppTest) -> str:
    return "\n".join(str(caption.value) for caption in at.caption)


def linked(at: AppTest) -> None:
    """The link says what the draft is."""
    found, refused = link.from_query(dict(at.query_params))  # type: ignore[arg-type]
    assert refused == [] and found == draft(at)


@pytest.fixture(scope="module")
def events() -> dict[str, bytes]:
    catalogue = load_catalogue(GeneratedCatalogue(error_size=60))
    return {name: text.encode() for name, text in write_event_files(catalogue).items()}


def test_a_first_visit_asks_for_the_bundled_events():
    at = AppTest.from_file("../app.py", default_timeout=270)
    at.switch_page("pages/population.py")
    healthy(at.run())
    assert draft(at) == PopulationDraft() and draft(at).run_by_itself
    assert at.query_params == {"v": "1"}
    assert "**42 events**" in captions(at)
    press(at, "Cancel")
    assert "Cancelled" in said(at)
    assert [tab.label for tab in at.tabs] == list(LAB.tabs)


def test_a_short_run_fills_every_tab(monkeypatch):
    monkeypatch.setitem(MORE, "aies", (60, "steps"))
    at = PAGE.open(**SHORT)
    assert board(at)["AIES"]["r_hat"] > 1
    assert at.error and "cannot be trusted" in at.error[0].value  # so few steps
    for tab in LAB.tabs:
        open_tab(at, tab)
        if tab == "Summary":
            table = summary(at)
            assert {"log_rate_0", "mmax_pl_0", "exp(log_rate_0)"} <= set(table.index)
            assert table["truth"]["exp(log_rate_0)"] == pytest.approx(np.exp(4.6))
            assert "AIES: samples.dat" in {b.label for b in at.get("download_button")}
        else:
            assert at.get("plotly_chart") or tab == "Model" and at.code
        if tab == "Expected number":  # that of the population that generated the events, too
            assert '"name":"truth"' in at.get("plotly_chart")[0].proto.spec
    open_tab(at, "Corner")
    choose(at, own("corner"), ["alpha_pl_0", "beta_pl_0"])
    assert len(at.get("plotly_chart")) == 1
    press(at, "Continue: 60 more steps")
    assert draft(at).samplers[0].num_samples == 160
    assert board(at)["AIES"]["draws"] == 2 * 16 * 160 / 5
    linked(at)


@pytest.mark.parametrize("tab", LAB.tabs)
def test_every_tab_without_a_run(tab):
    at = open_tab(quiet(), tab)
    if tab in NEEDS_RUN:
        assert "Press Run" in said(at) and not at.get("plotly_chart")
    else:
        assert at.get("plotly_chart") or tab == "Model" and at.code


def test_long_runs_wait_for_the_button():
    at = quiet(s="nuts..num_warmup.3000..num_samples.1000..num_chains.10")
    assert not draft(at).run_by_itself
    assert "Press Run to sample" in said(at)
    assert not any(button.key == "stop" for button in at.button)


def test_generating_with_every_setting():
    at = quiet()
    for key, value in {
        "seed": 5, "error_size": 80, "scale_Mc": 0.75, "scale_eta": 1.5, "max_events": 300,
        "consistent": False, "days": 60.0,
    }.items():  # fmt: skip
        choose(at, f"w.mock.{key}", value)
    edit(at, "truth", {1: {"truth": 1.5}})
    found = draft(at).data
    assert found.model_dump(include={"seed", "error_size", "scale_Mc", "scale_eta"}) == {
        "seed": 5, "error_size": 80, "scale_Mc": 0.75, "scale_eta": 1.5,
    }  # fmt: skip
    assert (found.max_events, found.consistent, found.pmean.time_scale) == (300, False, 60.0)
    assert found.truth["alpha_pl_0"] == 1.5 and found.truth["mmin_pl_0"] == 10
    linked(at)
    choose(at, "w.mock.n_g", 1)
    assert draft(at).data.truth["alpha_pl_0"] == 1.5 and "m1_loc_g_0" in draft(at).data.truth
    before = draft(at)
    choose(at, "w.mock.max_events", 1)
    assert "event" in said(at)
    choose(at, "w.mock.max_events", 300)
    edit(at, "truth", {4: {"truth": 1.0}})  # mmin_pl_0 is in this row: see below
    choose(at, "w.source", "bundled")
    assert draft(at).data.source == "bundled"
    choose(at, "w.source", "generated")
    assert draft(at).data.seed == before.data.seed


def test_a_truth_that_is_none_is_refused():
    at = quiet()
    before = draft(at)
    edit(at, "truth", {3: {"truth": 60.0}})  # mmin above mmax
    assert "mmin_pl_0" in said(at) and draft(at) == before
    choose(at, "w.mock.n_pl", 0)
    assert "1 to 6 components" in said(at) and draft(at) == before


def test_events_are_uploaded_one_by_one_or_as_a_zip(events):
    at = quiet(d="bundled")
    before = draft(at)
    choose(at, "w.source", "uploaded_events")
    assert draft(at) == before and "Until files are chosen" in captions(at)
    upload(at, "events", *list(events.items())[:5])
    one_by_one = draft(at).data
    assert "**5 events**" in captions(at)
    assert one_by_one.columns == ("mass_1_source", "mass_2_source")
    archive = zip_bytes({f"posteriors/{name}": text for name, text in events.items()})
    upload(at, "events", ("events.zip", archive))
    assert f"**{len(events)} events**" in captions(at)
    assert draft(at).data.sha256 != one_by_one.sha256
    choose(at, "w.events.thin", 20)
    choose(at, "w.events.thin_seed", 3)
    choose(at, "w.events.drop_invalid", True)
    found = draft(at).data
    assert (found.thin, found.thin_seed, found.drop_invalid) == (20, 3, True)
    assert f"{20 * len(events):,} posterior samples" in captions(at)
    linked(at)
    query = dict(at.query_params)
    again = PAGE.open(**{name: str(value) for name, value in query.items()})
    assert draft(again).data == found and "In use: the stored events" in captions(again)
    open_tab(again, "Events")
    assert len(next(f.value for f in again.dataframe if "event" in f.value)) == len(events)


def test_columns_are_picked(events):
    text = "a,m1,weight,log_prior,m2\n1,30,2,-3,20\n2,31,2,-3.5,21\n"
    at = quiet(d="bundled")
    choose(at, "w.source", "uploaded_events")
    upload(
        at, "events", ("event_0.csv", text.encode()), ("event_1.csv", text.encode() + b"3,4,5,6,3")
    )
    assert draft(at).data.columns == ("m1", "m2", "log_prior")
    choose(at, "w.events.m1", "a")
    choose(at, "w.events.log_prior", "none: the prior is flat")
    assert draft(at).data.columns == ("a", "m2")
    before = draft(at)
    choose(at, "w.events.m2", "a")
    assert "different ones" in said(at) and draft(at) == before
    upload(at, "events", *list(events.items())[:3])
    assert draft(at).data.columns == ("mass_1_source", "mass_2_source")


BAD_EVENTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "one column": (b"mass_1_source\n1\n2\n", "mass_1_source"),
    "text": (b"mass_1_source mass_2_source\n30 20\nthirty 20\n", "thirty"),
    "not finite": (b"mass_1_source mass_2_source\n30 20\nnan 20\n", "finite masses above 0"),
    "picture": (b"\x89PNG....", "PNG"),
    "archive": (b"PK\x03\x04....", "zip"),
}


@pytest.mark.parametrize("name", BAD_EVENTS)
def test_a_file_that_cannot_be_used_leaves_the_data(name):
    content, words = BAD_EVENTS[name]
    at = quiet(d="bundled")
    choose(at, "w.source", "uploaded_events")
    before = draft(at)
    upload(at, "events", ("event_7.dat", content))
    assert words in said(at) and "event_7.dat" in said(at)
    assert "The results keep the data before." in said(at)
    assert draft(at) == before
    if name == "not finite":
        choose(at, "w.events.drop_invalid", True)
        assert draft(at).data.drop_invalid and "dropped" in said(at)


def test_a_nested_archive_is_refused():
    inner = zip_bytes({"event_0.dat": "mass_1_source mass_2_source\n30 20\n"})
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("more.zip", inner)
    at = quiet(d="bundled")
    choose(at, "w.source", "uploaded_events")
    upload(at, "events", ("all.zip", raw.getvalue()))
    assert "another archive" in said(at)


def test_an_upload_of_another_machine_is_missed():
    at = quiet(d=f"uploaded_events..sha256.{'ab' * 32}", s="aies")
    assert "not in this machine's store" in said(at)
    assert draft(at).data.sha256 == "ab" * 32


def test_components_and_their_priors():
    at = quiet()
    choose(at, "w.n_g", 1)
    assert draft(at).priors == default_priors(Components(1, 1))
    assert len(editor(at, "priors").value) == 14
    edit(at, "priors", {2: {"prior": "Normal", "first": "0", "second": "2"}})
    edited = Components(1, 1).names[2]
    assert draft(at).priors[edited] == {"dist": "Normal", "loc": 0.0, "scale": 2.0}
    linked(at)
    choose(at, "w.n_g", 0)
    assert set(draft(at).priors) == set(Components().names)
    before = draft(at)
    choose(at, "w.n_pl", 0)
    assert "1 to 6 components" in said(at) and draft(at) == before
    choose(at, "w.n_pl", 2)
    linked(at)


def test_priors_are_typed_into_the_table():
    at = quiet()
    edit(at, "priors", {
        0: {"prior": "Normal", "first": "4", "second": "1.5"},
        1: {"prior": "constant", "first": "-1"},
        2: {"prior": "same as", "first": "alpha_pl_0"},
        4: {"first": "mmin_pl_0"},
    })  # fmt: skip
    assert draft(at).priors == {
        "log_rate_0": {"dist": "Normal", "loc": 4.0, "scale": 1.5},
        "alpha_pl_0": -1.0,
        "beta_pl_0": "alpha_pl_0",
        "mmin_pl_0": {"dist": "Uniform", "low": 1.0, "high": 20.0},
        "mmax_pl_0": {"dist": "Uniform", "low": "mmin_pl_0", "high": 100.0},
    }
    linked(at)
    assert json.loads(text_of(at, "priors.json")) == draft(at).priors


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"first": "x"}, "a number must stand here"),
        ({"first": ""}, "`low`; its cell is empty"),
        ({"first": "9"}, "low"),
        ({"prior": "Normal", "second": "-1"}, "scale"),
        ({"prior": "same as", "first": "alpha_pl_9"}, "alpha_pl_9"),
        ({"prior": "no bound"}, "null"),
        ({"prior": "JSON", "first": '{"dist": "Poisson", "rate": 2}'}, "Poisson"),
    ],
)
def test_a_wrong_prior_changes_nothing(row, words):
    at = quiet()
    before = draft(at)
    edit(at, "priors", {1: row})
    assert words in said(at) and "The priors stay as they were." in said(at)
    assert draft(at) == before


def test_priors_that_allow_the_impossible_are_warned_of():
    at = quiet()
    edit(at, "priors", {3: {"second": "60"}})
    assert "mmin_pl_0" in said(at) and draft(at).priors["mmin_pl_0"]["high"] == 60


def test_priors_json_comes_and_goes():
    at = quiet()
    content = {"log_rate_0": {"dist": "StudentT", "df": 3}, ".*": {"dist": "Uniform", "low": 1,
               "high": 9}, "mmax_pl_0": 80}  # fmt: skip
    upload(at, "upload.priors.json", ("prior.json", json.dumps(content).encode()))
    assert draft(at).priors == content
    linked(at)
    rows = editor(at, "priors").value
    assert rows["prior"].tolist() == ["JSON", "Uniform", "Uniform", "Uniform", "constant"]
    apply(at, "priors.json", json.dumps(default_priors(Components())))
    assert draft(at) == PopulationDraft(data=draft(at).data, samplers=draft(at).samplers)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"alpha_pl_0": }', "line 1, column 16"),
        ('{"alpha_pl_0": 1, "alpha_pl_0": 2}', "there already"),
        ('{"alpha_pl_0": NaN}', "NaN"),
        ('{"alpha": 1}', "alpha"),
        ("[1]", "object"),
        ("", "empty"),
        (json.dumps(default_priors(Components()) | {"mmin_pl_0": {"dist": "Uniforn"}}), "Uniform"),
    ],
)
def test_a_wrong_priors_json_changes_nothing(text, words):
    at = quiet()
    before = draft(at)
    apply(at, "priors.json", text)
    assert words in said(at) and draft(at) == before
    assert text_of(at, "priors.json") == text  # to be mended
    upload(at, "upload.priors.json", ("mine.json", text.encode()))
    assert words in said(at) and "mine.json" in said(at) and draft(at) == before


def test_a_file_that_is_no_text():
    at = quiet()
    upload(at, "upload.priors.json", ("mine.json", b"\xff\xfe\x00\x01"))
    assert "must be text in UTF-8" in said(at) or "JSON" in said(at)


def test_the_expected_number_by_a_constant_and_by_draws():
    at = quiet()
    choose(at, "w.pmean.analytic.time_scale", 120.0)
    choose(at, "w.pmean.analytic.method", "monte_carlo")
    choose(at, "w.pmean.analytic.num_samples", 500)
    choose(at, "w.pmean.analytic.batch_size", 100)
    found = draft(at).pmean
    assert (found.time_scale, found.method, found.num_samples, found.batch_size) == (
        120.0, "monte_carlo", 500, 100,
    )  # fmt: skip
    linked(at)
    open_tab(at, "Expected number")
    assert "±" in " ".join(str(m.value) for m in at.metric)
    choose(at, "w.pmean", "constant")
    assert isinstance(draft(at).pmean, Constant) and draft(at).pmean.time_scale == 120.0
    choose(at, "w.pmean.constant.vt", 0.01)
    linked(at)
    choose(at, "w.pmean", "analytic")
    assert draft(at).pmean == found


def test_a_population_by_hand_changes_no_run():
    at = open_tab(quiet(), "Expected number")
    before, shown = draft(at), [str(m.value) for m in at.metric]
    slider = next(s for s in at.slider if s.label == "log_rate_0")
    slider.set_value(slider.min)
    healthy(at.run())
    after = [str(m.value) for m in at.metric]
    assert draft(at) == before and after[-1] == shown[-1] and after[0] != shown[0]


def network() -> bytes:
    rng = np.random.default_rng(1)
    sizes = [(8, 2), (8, 8), (1, 8)]
    return network_bytes([(rng.normal(size=s) / 9, np.zeros(s[0])) for s in sizes])


def test_a_network_is_uploaded_and_named():
    at = quiet()
    before = draft(at)
    choose(at, "w.pmean", "neural_vt")
    assert draft(at) == before and "Until a file is chosen" in captions(at)
    upload(at, "pmean.neural_vt", ("net.hdf5", b"nothing"))
    assert "net.hdf5" in said(at) and draft(at) == before
    upload(at, "pmean.neural_vt", ("net.hdf5", network()))
    found = draft(at).pmean
    assert isinstance(found, NeuralVT) and found.filename == "net.hdf5" and found.sha256
    linked(at)
    open_tab(at, "Expected number")
    assert at.get("plotly_chart")


def test_a_pmean_json_asks_for_the_file_that_it_names():
    at = quiet()
    before = draft(at)
    text = json.dumps({"estimator_type": "neural_vt", "filename": "net.hdf5", "time_scale": 248.0,
                       "num_samples": 2000, "batch_size": 1000})  # fmt: skip
    upload(at, "upload.pmean.json", ("pmean.json", text.encode()))
    assert "upload that file" in said(at) and draft(at) == before
    upload(at, "pmean.waiting", ("net.hdf5", network()))
    found = draft(at).pmean
    assert isinstance(found, NeuralVT) and (found.time_scale, found.num_samples) == (248.0, 2000)
    assert not any(u.key == own("pmean.waiting") for u in at.file_uploader)
    apply(at, "pmean.json", '{"estimator_type": "custom", "filename": "x.py"}')
    assert "never done" in said(at) and draft(at).pmean == found
    apply(at, "pmean.json", '{"estimator_type": "analytic", "time_scale": -1}')
    assert "time_scale" in said(at) and draft(at).pmean == found


def test_found_injections():
    rng = np.random.default_rng(0)
    m1 = rng.uniform(20, 60, 400)
    rows = "\n".join(f"{a} {a * 0.8} 0.001 12.0" for a in m1)
    text = f"# total_generated = 100000\nmass1_source mass2_source sampling_pdf snr\n{rows}\n"
    at = quiet()
    choose(at, "w.pmean", "injection")
    upload(at, "pmean.injection", ("found.txt", text.encode()))
    assert isinstance(draft(at).pmean, Injections), said(at)
    choose(at, "w.pmean.injection.snr_cut", 11.0)
    assert draft(at).pmean.snr_cut == 11.0
    linked(at)
    open_tab(at, "Expected number")
    assert "±" in " ".join(str(m.value) for m in at.metric)


def test_every_sampler_has_a_form():
    at = quiet()
    choose(at, "w.samplers", ["aies", "flowmc", "nuts"])
    assert list(draft(at).specs()) == ["AIES", "flowMC", "NUTS"]
    for key, value in {
        "w.aies.num_walkers": 24, "w.aies.num_samples": 4000, "w.flowmc.n_chains": 12,
        "w.flowmc.local_sampler": "mala", "w.flowmc.step_size": 0.02, "w.nuts.num_chains": 2,
        "w.nuts.max_tree_depth": 6,
    }.items():  # fmt: skip
        choose(at, key, value)
    aies, flowmc, nuts = draft(at).samplers
    assert (aies.num_walkers, aies.num_samples) == (24, 4000)
    assert (flowmc.n_chains, flowmc.local_sampler, flowmc.step_size) == (12, "mala", 0.02)
    assert (nuts.num_chains, nuts.max_tree_depth) == (2, 6)
    linked(at)
    for kind in ("aies", "flowmc", "nuts"):
        choose(at, own(f"more.{kind}"), True)
    units = next(t for t in at.text_input if t.key == "w.flowmc.rq_spline_hidden_units")
    units.set_value("[16, 16]")
    healthy(at.run())
    assert draft(at).samplers[1].rq_spline_hidden_units == (16, 16)
    units = next(t for t in at.text_input if t.key == "w.flowmc.rq_spline_hidden_units")
    units.set_value("sixteen")
    healthy(at.run())
    assert "[64, 64]" in said(at) and draft(at).samplers[1].rq_spline_hidden_units == (16, 16)
    choose(at, "w.nuts.dense_mass", True)
    assert draft(at).samplers[2].dense_mass
    before = draft(at)
    choose(at, "w.aies.num_walkers", 25)
    assert "must be even" in said(at) and draft(at) == before
    choose(at, "w.samplers", [])
    assert len(draft(at).samplers) == 3 and "Choose at least one" in captions(at)


DOCUMENT = {
    "numpyro_config.json": {
        "kernel": {"max_tree_depth": 6},
        "mcmc": {"num_warmup": 3000, "num_samples": 1000, "num_chains": 10, "thinning": 1,
                 "chain_method": "parallel", "progress_bar": True, "jit_model_args": True},
    },
    "flowMC_config.json": {
        "data_dump": {"n_samples": 10000},
        "bundle_config": {
            "chain_batch_size": 0, "n_chains": 100, "batch_size": 10000, "n_epochs": 4,
            "n_max_examples": 200000, "history_window": 2000, "n_NFproposal_batch_size": 50,
            "n_global_steps": 100, "n_local_steps": 100, "n_production_loops": 10,
            "n_training_loops": 10, "global_thinning": 4, "local_thinning": 4,
            "local_sampler_name": "hmc", "step_size": 0.01, "condition_matrix": 1.0,
            "n_leapfrog": 5, "rq_spline_hidden_units": [64, 64], "rq_spline_n_bins": 10,
            "rq_spline_n_layers": 8, "rq_spline_range": [-10.0, 10.0], "learning_rate": 0.001,
            "verbose": False,
        },
    },
}  # fmt: skip


def test_the_document_s_sampler_files_are_read():
    at = quiet(s="flowmc..seed.7~nuts..seed.5")
    for filename, content in DOCUMENT.items():
        upload(at, f"upload.{filename}", (filename, json.dumps(content).encode()))
    flowmc, nuts = draft(at).samplers
    assert isinstance(flowmc, FlowMC) and isinstance(nuts, PopulationNUTS)
    assert (flowmc.n_chains, flowmc.step_size, flowmc.flow_samples) == (100, 0.01, 10000)
    assert (nuts.max_tree_depth, nuts.num_warmup, nuts.num_chains) == (6, 3000, 10)
    assert (flowmc.seed, nuts.seed) == (7, 5)
    assert at.info  # notes of the readers
    linked(at)
    before = draft(at)
    for filename in DOCUMENT:  # out and in again
        apply(at, filename, text_of(at, filename))
    assert draft(at) == before
    apply(at, "numpyro_config.json", '{"kernel": {"max_tree_dept": 6}, "mcmc": {}}')
    assert "max_tree_depth" in said(at) and draft(at) == before


def test_a_file_of_another_sampler_adds_that_one():
    at = quiet()
    apply(at, "numpyro_config.json", '{"sampler_name": "aies", "num_walkers": 20}')
    assert [sampler.kind for sampler in draft(at).samplers] == ["aies", "nuts"]
    assert draft(at).samplers[0] == AIES(num_walkers=20)


def test_the_likelihood_s_options():
    at = quiet()
    choose(at, "w.buckets", "automatic")
    choose(at, "w.threshold", 2.0)
    assert (draft(at).n_buckets, draft(at).threshold) == (0, 2.0)
    choose(at, "w.buckets", "number")
    choose(at, "w.n_buckets", 10)
    assert draft(at).n_buckets == 10 and "n_buckets is 10" in said(at)  # all events are as long
    assert any("padding" in f.value for f in at.dataframe)
    choose(at, "w.variance_limited", True)
    choose(at, "w.variance_cut", 0.5)
    assert draft(at).variance_cut == 0.5
    linked(at)
    choose(at, "w.variance_limited", False)
    choose(at, "w.buckets", "flat")
    assert draft(at).variance_cut is None and draft(at).n_buckets is None


def test_the_whole_configuration():
    at = quiet()
    content = json.loads(text_of(at, "population.json"))
    assert PopulationDraft.model_validate(content) == draft(at)
    apply(at, "population.json", '{"n_g": 1}')
    assert draft(at).n_g == 1 and draft(at).priors == default_priors(Components(1, 1))
    (spec,) = draft(at).specs().values()
    apply(at, "population.json", spec.model_copy(update={"n_buckets": 3}).model_dump_json())
    assert draft(at).n_buckets == 3 and draft(at).n_g == 1
    before = draft(at)
    for text, words in {
        '{"model": "regression"}': "Regression lab",
        '{"colour": 1}': "colour",
        '{"samplers": []}': "samplers",
        "{": "line 1",
        "[" * 5000: "nested",
    }.items():
        apply(at, "population.json", text)
        assert words in said(at) and draft(at) == before


def test_what_a_link_asks_wrongly_is_said():
    at = quiet(g="9", p="{", w="3")
    for words in ("g=9", "p={", "w: a link has no such field"):
        assert words in said(at)
    assert draft(at).n_g == 0
    choose(at, "w.n_g", 1)
    assert "w: a link has no such field" not in said(at)


def test_events_that_no_prior_allows():
    priors = default_priors(Components()) | {
        "mmax_pl_0": {"dist": "Uniform", "low": 11, "high": 12}
    }
    at = PAGE.open(**SHORT, p=json.dumps(priors))
    assert "mmax_pl_0" in said(at) and "M☉" in said(at)
    open_tab(at, "Priors")
    assert "**0%** of" in said(at)


def test_another_lab_and_back():
    at = quiet(g="1")
    before = draft(at)
    at.switch_page("pages/funnel.py")
    at.query_params.clear()
    settle(healthy(at.run()))
    at.switch_page("pages/population.py")
    at.query_params.clear()
    healthy(at.run())
    assert draft(at) == before
    linked(at)
