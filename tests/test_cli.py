import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hbdash.__main__ import main
from hbdash.cli import terminal
from hbdash.cli.status import DONE, FAILED, NOT_CONVERGED, NOT_UNDERSTOOD
from hbdash.population.spec import PopulationSpec
from hbdash.spec import RunSpec, parse
from tests.questions import written

POPULATION = {
    "model": "population",
    "sampler": {"kind": "aies", "num_warmup": 40, "num_samples": 80, "thinning": 10},
}
SHORT = {"parameterization": {"kind": "noncentered"}, "sampler": {"num_samples": 200}}


@pytest.fixture
def ask(tmp_path, capsys):
    """Run a verb on a spec; return its status, standard output and standard error."""

    def asked(verb, spec, *options):
        path = tmp_path / "spec.json"
        path.write_text(spec if isinstance(spec, str) else json.dumps(spec))
        status = main([verb, str(path), *options])
        said = capsys.readouterr()
        return status, said.out, said.err

    return asked


def test_run_prints_the_summary_and_answers_again_from_the_store(ask, tmp_path):
    status, out, _ = ask("run", SHORT, "--json", "--output", str(tmp_path / "draws.nc"))
    assert status == DONE
    found = json.loads(out)
    assert found["key"] == RunSpec.model_validate(SHORT).key
    assert found["score"]["draws"] == 800
    assert len(found["posterior"]["theta"]["mean"]) == 9
    assert found["exact"]["log_tau"]["mean"] == pytest.approx(1.13218, abs=1e-5)
    with xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf") as dt:
        tau = np.asarray(dt["posterior/tau"])
    assert found["posterior"]["tau"]["mean"] == pytest.approx(tau.mean())
    again = json.loads(ask("run", SHORT, "--json")[1])
    assert again == found  # wall time included: nothing was sampled


def test_exact_prints_quantiles_and_says_where_there_are_none(ask):
    status, out, _ = ask("exact", {"data": {"source": "scene", "name": "strong"}}, "--json")
    found = json.loads(out)
    assert status == DONE
    assert found["log_tau"]["sd"] == pytest.approx(0.25509, abs=1e-5)
    assert set(found["tau"]["quantiles"]) == {"0.05", "0.5", "0.95"}
    cauchy = {"mu": {"dist": "Cauchy", "loc": 0, "scale": 1}, "tau": {"dist": "Gamma"}}
    cauchy["tau"] |= {"concentration": 2, "rate": 1}
    status, out, said = ask("exact", {"priors": cauchy})
    assert (status, out) == (FAILED, "")
    assert "no exact answer for a Cauchy prior on mu" in said


def test_a_population_is_run_by_its_spec(ask, tmp_path):
    status, out, _ = ask("run", POPULATION, "--json", "--output", str(tmp_path / "draws.nc"))
    assert status == DONE
    found, spec = json.loads(out), parse(POPULATION)
    assert found["key"] == spec.key and found["score"]["sampler"] == "aies"
    assert found["score"]["chains"] == 2 * 14 and found["score"]["draws"] == 2 * 14 * 8
    assert [check["column"] for check in found["checks"]]
    with xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf") as dt:
        for name in spec.components.names:
            draws = np.asarray(dt["posterior"][name])
            assert found["posterior"]["mean"][name] == pytest.approx(draws.mean())
    assert json.loads(ask("run", POPULATION, "--json")[1]) == found  # from the store
    status, out, said = ask("exact", POPULATION)
    assert (status, out) == (FAILED, "") and "have no exact answer" in said


def test_schema_names_every_field_of_every_spec(capsys):
    assert main(["schema"]) == DONE
    found = json.loads(capsys.readouterr().out)
    specs = {one["$ref"].rpartition("/")[2] for one in found["anyOf"]}
    assert specs == {"RunSpec", "PopulationSpec"}
    for model in (RunSpec, PopulationSpec):
        assert set(found["$defs"][model.__name__]["properties"]) == set(model.model_fields)
    assert {"PopulationNUTS", "FlowMC", "AIES", "NeuralVT", "UploadedEvents"} <= set(found["$defs"])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{", "is not JSON: Expecting property name"),
        ({"sampler": {"num_samples": -1}}, "sampler.num_samples"),
        ({"colour": "red"}, "colour"),
        ({"parameterizations": []}, "one `parameterization`"),
        ({"priors": {"mu": {"dist": "Norma"}}}, "`dist` must be one of"),
        ({"model": "popular"}, "`model` must be one of"),
        (POPULATION | {"n_pl": 7}, "n_pl + n_g must be 1 to 6 components, got 7 power laws"),
        (POPULATION | {"priors": {"alpha_pl_0": 1}}, "missing: log_rate_0, beta_pl_0, mmin_pl_0"),
        (POPULATION | {"sampler": {"kind": "nuts", "n_chains": 3}}, "sampler.nuts.n_chains"),
    ],
)
def test_what_is_not_understood(ask, spec, message):
    status, out, said = ask("run", spec)
    assert (status, out) == (NOT_UNDERSTOOD, "")
    assert message in said and "Traceback" not in said


def test_a_missing_file_and_a_missing_table(ask, capsys, tmp_path):
    assert main(["run", str(tmp_path / "none.json")]) == NOT_UNDERSTOOD
    assert "none.json" in capsys.readouterr().err
    status, _, said = ask("run", {"data": {"source": "uploaded", "sha256": "a" * 64}})
    assert status == FAILED and "upload the file again" in said


WEAK = {"sampler": {"num_samples": 200}}


@pytest.fixture
def command(capsys):
    """Run a command; return its status, standard output and standard error."""

    def ran(*words):
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return ran


@pytest.fixture
def two(ask):
    """Two stored runs of one question under two parameterizations; their keys."""
    specs = [WEAK, SHORT]
    assert [ask("run", spec, "--quiet", "--label", "mine")[0] for spec in specs] == [DONE, DONE]
    return [RunSpec.model_validate(spec).key for spec in specs]


def test_run_says_it_in_words_with_the_checks(ask):
    status, out, _ = ask("run", WEAK, "--quiet")
    assert status == DONE
    assert "Normal means, scene · weak" in out and "bad: " in out and "theta[8]" in out
    assert "MCSE from the exact ones" in out
    assert ask("run", WEAK, "--strict")[0] == NOT_CONVERGED


def test_progress_goes_to_standard_error(ask, monkeypatch):
    monkeypatch.setattr(terminal, "LINE", 0.0)
    monkeypatch.setattr(terminal, "LOOK", 0.001)
    status, out, said = ask("run", {"sampler": {"num_samples": 300, "seed": 7}}, "--json")
    assert status == DONE and json.loads(out)["score"]["draws"] == 1200
    assert "draws" in said and "%" in said


def test_list_finds_by_words_and_show_by_the_start_of_a_key(two, command):
    status, out, _ = command("list", "--json")
    rows = json.loads(out)
    assert status == DONE and {row["key"] for row in rows} == set(two)
    assert {row["label"] for row in rows} == {"mine"} and all(row["ess_bulk"] > 0 for row in rows)
    status, out, _ = command("list", "non-centered", "weak")
    assert two[1][:12] in out and two[0][:12] not in out and '"mine"' in out
    assert command("list", "nothing like it")[1] == "No stored run.\n"
    status, out, _ = command("show", two[0][:8], "--json")
    found = json.loads(out)
    assert status == DONE and found["key"] == two[0] and "jax" in found["versions"]
    assert RunSpec.model_validate(found["spec"]).key == two[0]
    assert two[0] in command("show", two[0])[1]


def test_compare_gives_differences_in_standard_errors(two, command):
    status, out, _ = command("compare", *two, "--json")
    found = json.loads(out)
    assert status == DONE and [score["key"] for score in found["scores"]] == two
    first, second = (key[:12] for key in two)
    assert found["differences_in_mcse"]["mu"][first] is None
    assert abs(found["differences_in_mcse"]["theta[0]"][second]) < 20
    assert "in MCSE" in command("compare", *two)[1]


def test_export_writes_files_named_after_the_run(two, command, tmp_path):
    status, out, _ = command("export", two[0], "netcdf", "draws", "report", "--to", tmp_path / "x")
    assert status == DONE
    files = {path.name.partition("_")[2]: path for path in (tmp_path / "x").iterdir()}
    assert set(files) == {"result.nc", "draws.csv", "report.html"}
    assert all(str(path) in out for path in files.values())
    with xr.open_datatree(files["result.nc"], engine="h5netcdf") as dt:
        tau = np.asarray(dt["posterior/tau"])
    assert pd.read_csv(files["draws.csv"])["tau"].mean() == pytest.approx(tau.mean())


def test_sweep_is_a_row_for_each_spec(command, tmp_path):
    base, grid, table = (tmp_path / name for name in ("base.json", "grid.json", "table.csv"))
    base.write_text(json.dumps(SHORT))
    grid.write_text(json.dumps({"data.name": ["weak", "strong"], "sampler.seed": [1, 2]}))
    status, out, said = command("sweep", base, grid, "--json", "--csv", table)
    rows = json.loads(out)
    assert status == DONE and "4 of 4 runs" in said and len(pd.read_csv(table)) == 4
    assert [(r["data.name"], r["sampler.seed"]) for r in rows] == [
        ("weak", 1), ("weak", 2), ("strong", 1), ("strong", 2)
    ]  # fmt: skip
    written()
    assert {row["key"] for row in json.loads(command("list", "--json")[1])} == {
        row["key"] for row in rows
    }
    grid.write_text(json.dumps({"data.colour": ["red"]}))
    status, _, said = command("sweep", base, grid)
    assert status == FAILED and "data.colour" in said


def test_doctor_is_content_and_says_what_is_not(command, monkeypatch, tmp_path):
    status, out, _ = command("doctor", "--json")
    found = {one["what"]: one for one in json.loads(out)}
    assert status == DONE, out
    assert {"packages", "sampling", "store", "disk", "runs", "compilation cache"} <= set(found)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path / "file" / "store"))
    status, out, _ = command("doctor")
    assert status == FAILED and "BAD  store" in out and "HBDASH_STORE" in out


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["show", "abc"], NOT_UNDERSTOOD, "at least 4 digits"),
        (["show", "../../etc/passwd"], NOT_UNDERSTOOD, "named by its key"),
        (["show", "0123456789"], FAILED, "no stored run 0123456789"),
        (["export", "01234567"], FAILED, "no stored run"),
        (["compare", "{0}", "{0}"], NOT_UNDERSTOOD, "two different runs"),
        (["export", "{0}", "pickle"], NOT_UNDERSTOOD, "got 'pickle'"),
    ],
)
def test_runs_that_are_not_there(two, command, words, status, message):
    found, out, said = command(*[word.format(two[0]) for word in words])
    assert (found, out) == (status, "") and message in said and said.count("\n") == 1


def test_runs_on_other_data_do_not_compare(two, ask, command):
    other = SHORT | {"data": {"source": "scene", "name": "strong"}}
    ask("run", other, "--quiet")
    status, _, said = command("compare", two[0], RunSpec.model_validate(other).key)
    assert status == FAILED and "one model and one data set" in said
