import json

import numpy as np
import pytest
import xarray as xr

from hbdash.__main__ import ANSWERED, FAILED, NOT_UNDERSTOOD, main
from hbdash.population.spec import PopulationSpec
from hbdash.spec import RunSpec, parse

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
    status, out, _ = ask("run", SHORT, "--output", str(tmp_path / "draws.nc"))
    assert status == ANSWERED
    found = json.loads(out)
    assert found["key"] == RunSpec.model_validate(SHORT).key
    assert found["score"]["draws"] == 800
    assert len(found["posterior"]["theta"]["mean"]) == 9
    assert found["exact"]["log_tau"]["mean"] == pytest.approx(1.13218, abs=1e-5)
    with xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf") as dt:
        tau = np.asarray(dt["posterior/tau"])
    assert found["posterior"]["tau"]["mean"] == pytest.approx(tau.mean())
    again = json.loads(ask("run", SHORT)[1])
    assert again == found  # wall time included: nothing was sampled


def test_exact_prints_quantiles_and_says_where_there_are_none(ask):
    status, out, _ = ask("exact", {"data": {"source": "scene", "name": "strong"}})
    found = json.loads(out)
    assert status == ANSWERED
    assert found["log_tau"]["sd"] == pytest.approx(0.25509, abs=1e-5)
    assert set(found["tau"]["quantiles"]) == {"0.05", "0.5", "0.95"}
    cauchy = {"mu": {"dist": "Cauchy", "loc": 0, "scale": 1}, "tau": {"dist": "Gamma"}}
    cauchy["tau"] |= {"concentration": 2, "rate": 1}
    status, out, said = ask("exact", {"priors": cauchy})
    assert (status, out) == (FAILED, "")
    assert "no exact answer for a Cauchy prior on mu" in said


def test_a_population_is_run_by_its_spec(ask, tmp_path):
    status, out, _ = ask("run", POPULATION, "--output", str(tmp_path / "draws.nc"))
    assert status == ANSWERED
    found, spec = json.loads(out), parse(POPULATION)
    assert found["key"] == spec.key and found["score"]["sampler"] == "aies"
    assert found["score"]["chains"] == 2 * 14 and found["score"]["draws"] == 2 * 14 * 8
    assert [check["column"] for check in found["checks"]]
    with xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf") as dt:
        for name in spec.components.names:
            draws = np.asarray(dt["posterior"][name])
            assert found["posterior"]["mean"][name] == pytest.approx(draws.mean())
    assert json.loads(ask("run", POPULATION)[1]) == found  # from the store
    status, out, said = ask("exact", POPULATION)
    assert (status, out) == (FAILED, "") and "have no exact answer" in said


def test_schema_names_every_field_of_every_spec(capsys):
    assert main(["schema"]) == ANSWERED
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
