"""The menu of what is taken away of a run, for every model: files that other programs read."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from streamlit.testing.v1 import AppTest

from hbdash.export import ARTIFACTS, refused
from hbdash.export.manifest import data_hash, manifest
from hbdash.export.program import of_run
from hbdash.models import MODELS
from hbdash.population.spec import PopulationSpec
from hbdash.run import run
from hbdash.scripts.code import as_script
from hbdash.spec import RunSpec, parse
from tests.fake_missing import fake_missing
from tests.fake_population import fake_population
from tests.fake_regression import fake_regression
from tests.pages import Page
from tests.questions import ask, same
from tests.test_app import healthy, said

EVENTS = {"source": "generated", "seed": 3, "error_size": 60}
NETWORK = {"estimator_type": "neural_vt", "filename": "vt.hdf5", "sha256": "0" * 64}
#: A spec of each model, whose numbers differ from those of a fresh visit.
SPECS = {
    "normal_means": ask("weak", "noncentered", seed=11),
    "regression": RunSpec.model_validate(
        {"model": "regression", "data": {"source": "simulated_lines", "n": [5, 9], "seed": 4}}
    ),
    "missing_predictors": RunSpec.model_validate(
        {"model": "missing_predictors", "sampler": {"seed": 3}}
    ),
    "population": PopulationSpec.model_validate(
        {"data": EVENTS, "sampler": {"kind": "nuts", "num_samples": 77, "seed": 5}}
    ),
}
FAKES: dict[str, Callable[[], xr.DataTree]] = {
    "regression": fake_regression,
    "missing_predictors": fake_missing,
    "population": fake_population,
}


def asked(dt: xr.DataTree, spec: RunSpec | PopulationSpec) -> xr.DataTree:
    """Make draws those of a spec."""
    dt.attrs |= {"spec": spec.model_dump_json(), "key": spec.key}
    return dt


@pytest.fixture(scope="module")
def runs() -> dict[str, xr.DataTree]:
    found = {model: asked(make(), SPECS[model]) for model, make in FAKES.items()}
    return {"normal_means": run(SPECS["normal_means"])} | found


def netcdf(dt: xr.DataTree, content: bytes, folder: Path) -> None:
    (folder / "result.nc").write_bytes(content)
    with xr.open_datatree(folder / "result.nc", engine="h5netcdf") as stored:
        same(dt, stored.load())
        assert stored.attrs["key"] == dt.attrs["key"]
        assert {"posterior", "sample_stats", "observed_data", "constant_data"} <= set(stored)


def draws(dt: xr.DataTree, content: str, _: Path) -> None:
    table, posterior = pd.read_csv(io.StringIO(content)), dt["posterior"]
    assert list(table)[:2] == ["chain", "draw"]
    assert len(table) == posterior.sizes["chain"] * posterior.sizes["draw"]
    assert not table.duplicated(["chain", "draw"]).any()
    width = 2
    for name, values in posterior.data_vars.items():
        mine = [column for column in table if column == name or column.startswith(f"{name}[")]
        flat = values.transpose("chain", "draw", ...).values.reshape(len(table), -1)
        np.testing.assert_array_equal(table[mine], flat)
        width += len(mine)
    assert width == table.shape[1]
    if "group" in posterior.coords:
        label = posterior.coords["group"].values[0]
        assert any(column.endswith((f"[{label}]", f"[{label}, x]")) or f"[{label}, " in column
                   for column in table)  # fmt: skip


def summary(dt: xr.DataTree, content: str, _: Path) -> None:
    table = pd.read_csv(io.StringIO(content), index_col="quantity")
    for name, values in dt["posterior"].data_vars.items():
        if values.ndim == 2:
            assert table.loc[name, "mean"] == pytest.approx(float(values.mean()))
    assert table[["hdi_low", "hdi_high", "ess_bulk"]].notna().to_numpy().all()


def spec(dt: xr.DataTree, content: str, _: Path) -> None:
    assert parse(json.loads(content)).key == dt.attrs["key"]


def script(_: xr.DataTree, content: str, __: Path) -> None:
    compile(content, "run.py", "exec")
    assert "hbdash" not in content and "mcmc.print_summary()" in content


def notebook(dt: xr.DataTree, content: str, _: Path) -> None:
    book = json.loads(content)
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in book["cells"]]
    assert len(set(ids)) == len(ids)
    parts = of_run(dt)
    cells = code_cells(book)
    assert len(cells) == 5 and "hbdash" not in content
    for cell, part in zip(cells, parts[1:], strict=True):
        compile(cell, "cell", "exec")
        assert cell == part.strip("\n").replace("Path(__file__).parent", "Path()")
    told = [cell for cell in book["cells"] if cell["cell_type"] == "markdown"]
    assert any("$$" in line for cell in told for line in cell["source"])


def origin(dt: xr.DataTree, content: str, _: Path) -> None:
    found = json.loads(content)
    assert found["key"] == dt.attrs["key"] and found["data"]["sha256"] == data_hash(dt)
    assert found["seed"] == SPECS[found["spec"]["model"]].sampler.seed
    assert found["wall_seconds"] == dt.attrs["wall_seconds"]
    assert parse(found["spec"]).key == dt.attrs["key"]


def everything(dt: xr.DataTree, content: bytes, _: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    events = [name for name in held if name.startswith("events/")]
    assert bool(events) == ("event" in dt["observed_data"].coords)
    assert set(held) - set(events) == {a.file for n, a in ARTIFACTS.items() if n != "zip"}
    for name in ("draws", "spec", "script", "notebook", "manifest"):
        assert held[ARTIFACTS[name].file].decode() == ARTIFACTS[name].make(dt)


CHECKS: dict[str, Callable[[xr.DataTree, object, Path], None]] = {
    "netcdf": netcdf,
    "draws": draws,
    "summary": summary,
    "spec": spec,
    "script": script,
    "notebook": notebook,
    "manifest": origin,
    "zip": everything,
}  # type: ignore[dict-item]


def code_cells(book: dict) -> list[str]:
    return ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]


def test_every_artifact_of_every_model_is_checked():
    assert set(CHECKS) == set(ARTIFACTS)
    assert set(SPECS) == {*MODELS, "population"}


@pytest.mark.parametrize("artifact", ARTIFACTS)
@pytest.mark.parametrize("model", SPECS)
def test_an_artifact(runs, model, artifact, tmp_path):
    CHECKS[artifact](runs[model], ARTIFACTS[artifact].make(runs[model]), tmp_path)


def test_a_program_that_needs_files_is_refused_in_words():
    network = PopulationSpec.model_validate({"data": EVENTS, "pmean": NETWORK})
    dt = asked(fake_population(), network)
    assert set(refused(dt)) == {"script", "notebook"}
    assert "holds no network" in refused(dt)["script"]
    with zipfile.ZipFile(io.BytesIO(ARTIFACTS["zip"].make(dt))) as archive:  # type: ignore[arg-type]
        assert "run.py" not in archive.namelist() and "draws.csv" in archive.namelist()
        assert (
            "run.py: A script of its own holds no network" in archive.read("left_out.txt").decode()
        )


@pytest.mark.parametrize("model", SPECS)
def test_the_hash_is_that_of_the_data(runs, model, tmp_path):
    dt = runs[model]
    before = data_hash(dt)
    (tmp_path / "result.nc").write_bytes(ARTIFACTS["netcdf"].make(dt))  # type: ignore[arg-type]
    with xr.open_datatree(tmp_path / "result.nc", engine="h5netcdf") as stored:
        assert data_hash(stored.load()) == before
    other = dt.copy(deep=True)
    other["posterior"] = other["posterior"].to_dataset() * 2
    assert data_hash(other) == before
    observed = other["observed_data"].to_dataset()
    name = "m1_mean" if model == "population" else "mean" if model == "normal_means" else "y"
    values = observed[name].values.copy()
    values[-1] = np.nextafter(values[-1], np.inf)
    other["observed_data"] = observed.assign({name: (observed[name].dims, values)})
    assert data_hash(other) != before


def test_the_hash_follows_data_and_mask_alone():
    one = run(ask("weak", "centered"))
    assert data_hash(one) == data_hash(run(ask("weak", "noncentered", seed=2)))
    assert data_hash(one) != data_hash(run(ask("strong", "centered")))
    missing = fake_missing()
    masked = missing.copy(deep=True)
    constant = masked["constant_data"].to_dataset()
    masked["constant_data"] = constant.assign(mask=~constant["mask"])
    assert data_hash(masked) != data_hash(missing)


def test_a_run_records_where_it_was_made(runs):
    found = manifest(runs["normal_means"])
    assert set(found["versions"]) == {"hbdash", "python", "jax", "jaxlib", "numpyro", "numpy"}
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["platform"] != "not recorded"
    assert found["gradients"] > 0


#: Runs of each model, short ones.
SHORT = {
    "normal_means": SPECS["normal_means"],
    "regression": RunSpec.model_validate(
        {
            "model": "regression",
            "data": {"source": "simulated_lines", "n": [5, 9], "seed": 4},
            "sampler": {"num_warmup": 200, "num_samples": 50, "num_chains": 2},
        }
    ),
    "missing_predictors": RunSpec.model_validate(
        {
            "model": "missing_predictors",
            "sampler": {"num_warmup": 200, "num_samples": 50, "num_chains": 2},
        }
    ),
    "population": PopulationSpec.model_validate(
        {
            "data": EVENTS,
            "sampler": {"kind": "aies", "num_walkers": 16, "num_warmup": 20, "num_samples": 40},
        }
    ),
}


def test_the_same_question_gives_the_same_draws_in_another_process(tmp_path):
    for name, spec in SHORT.items():
        (tmp_path / f"{name}.json").write_text(spec.model_dump_json())
    code = (
        "import json, sys; from pathlib import Path\n"
        "from hbdash.run import run; from hbdash.spec import parse\n"
        "for path in Path(sys.argv[1]).glob('*.json'):\n"
        "    dt = run(parse(json.loads(path.read_text())))\n"
        "    dt['posterior'].to_dataset().to_netcdf(path.with_suffix('.nc'), engine='h5netcdf')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name, spec in SHORT.items():
        posterior = run(spec)["posterior"].to_dataset()
        with xr.open_dataset(tmp_path / f"{name}.nc", engine="h5netcdf") as again:
            assert set(posterior.data_vars) == set(again.data_vars)
            for site, values in posterior.data_vars.items():
                np.testing.assert_array_equal(again[site].values, values.values, err_msg=name)


def test_a_script_is_its_parts(runs):
    program = of_run(runs["regression"])
    text = as_script(program)
    assert (
        text.index("import jax")
        < text.index("x = ")
        < text.index("def model")
        < text.index("kernel")
    )
    assert text.endswith('if __name__ == "__main__":\n    mcmc.run(jax.random.key(0))\n    '
                         "mcmc.print_summary()\n")  # fmt: skip


def quiet(model: str) -> AppTest:
    """Open a lab where nothing runs."""
    at = AppTest.from_file("../app.py", default_timeout=270)
    at.switch_page(f"pages/{'funnel' if model == 'normal_means' else model}.py")
    at.session_state["live"] = False
    return healthy(at.run())


def give(at: AppTest, model: str, content: str) -> AppTest:
    """Upload a configuration."""
    of = "upload.population.json" if model == "population" else "configuration"
    uploader = next(u for u in at.file_uploader if u.key == f"{of}.{model}")
    uploader.set_value(("spec.json", content.encode(), "application/json"))
    return healthy(at.run())


@pytest.mark.parametrize("model", SPECS)
def test_an_uploaded_spec_restores_the_configuration(runs, model):
    at, page = quiet(model), Page(model)
    content = str(ARTIFACTS["spec"].make(runs[model]))
    assert runs[model].attrs["key"] not in {s.key for s in page.draft(at).specs().values()}
    give(at, model, content)
    assert [s.key for s in page.draft(at).specs().values()] == [runs[model].attrs["key"]]
    before = page.draft(at)
    other = "regression" if model == "population" else "population"
    give(at, model, str(ARTIFACTS["spec"].make(runs[other])))
    assert {"regression": "Regression lab", "population": "Population lab"}[other] in said(at)
    assert page.draft(at) == before
