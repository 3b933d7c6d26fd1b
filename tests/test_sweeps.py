"""Many specs at once: read before anything runs, one row for each, nothing compiled twice."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hbdash
from hbdash import diagnostics, population_score, store, sweeps
from hbdash.population.spec import PopulationSpec
from hbdash.run import run
from hbdash.samplers import program
from hbdash.spec import RunSpec
from tests.fake_population import fake_population
from tests.questions import ask, exact_means, written

ROOT = Path(hbdash.__file__).parents[1]


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(store, "WRITE_DELAY", 0.0)
    yield
    written()


@pytest.fixture
def asked(monkeypatch) -> list[RunSpec]:
    """Collect the questions that are run."""
    specs: list[RunSpec] = []

    def counted(spec, *others, **named):
        specs.append(spec)
        return run(spec, *others, **named)

    monkeypatch.setattr(sweeps, "run", counted)
    return specs


def test_a_product_has_one_row_for_each_and_compiles_once(asked, monkeypatch):
    compiled = []
    compile_ = program._compile
    monkeypatch.setattr(program, "_programs", type(program._programs)())
    monkeypatch.setattr(program, "_compile", lambda *a: compiled.append(a) or compile_(*a))
    done = []
    values = [[0.0] * 9, [0.2, 0.3, 1.0, 0.5, 0.0, 0.4, 0.9, 0.5, 0.3], [1.0] * 9]
    table = hbdash.sweep(
        ask(kind="partial", num_samples=50),
        {
            "data.name": ["weak", "strong"],
            "parameterization.centeredness": values,
            "priors.tau.scale": [5.0],
        },
        lambda *so_far: done.append(so_far),
    )
    assert len(compiled) == 1 and len(asked) == 6
    assert done == [(n, 6) for n in range(1, 7)]
    assert list(table["data.name"]) == ["weak"] * 3 + ["strong"] * 3
    assert list(table["parameterization.centeredness"]) == values * 2
    assert list(table["key"]) == [spec.key for spec in asked]
    assert table["failed"].isna().all() and table["draws"].eq(200).all()
    assert table["key"].is_unique and np.isfinite(table["ess_bulk"]).all()
    dt = store.load(table["key"][4])
    assert dt is not None
    one = diagnostics.score("", dt, exact_means(asked[4]))
    assert table["error"][4] == one.error and table["step_size"][4] == one.step_size


def test_what_is_stored_is_not_run_again(asked):
    first = hbdash.sweep(ask(num_samples=20), {"sampler.seed": [0, 1]})
    written()
    store.forget()
    second = hbdash.sweep(ask(num_samples=20), {"sampler.seed": [1, 2, 1, 0]})
    assert len(asked) == 3
    assert list(second["key"]) == [first["key"][1], asked[2].key, first["key"][1], first["key"][0]]


def test_a_list_of_rows_and_a_base_with_defaults():
    table = hbdash.sweep(
        {"sampler": {"num_samples": 20}},
        [
            {"data.name": "strong", "sampler.seed": 3},
            {"parameterization": {"kind": "noncentered"}},
        ],
    )
    assert table["data.name"][0] == "strong" and table["failed"].isna().all()
    for key, spec in zip(
        table["key"],
        (
            {"data": {"source": "scene", "name": "strong"}, "sampler": {"seed": 3}},
            {"parameterization": {"kind": "noncentered"}},
        ),
        strict=True,
    ):
        spec["sampler"] = {"num_samples": 20} | spec.get("sampler", {})
        assert key == RunSpec.model_validate(spec).key


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"sampler.sed": [1]}, "sampler.sed = 1.*sampler.sed"),
        ({"sampler.seed": [0, -1]}, "sampler.seed = -1"),
        ({"nothing.at.all": [1]}, "nothing.at.all = 1"),
        ({"sampler.seed.x": [1]}, "sampler.seed is 0, which has none"),
        ({"sampler.seed": 3}, "a list of values for sampler.seed, got 3"),
        ({"model": ["regression", "horseshoe"]}, "model = 'regression'"),
        ({"parameterization.centeredness": [[0.5, 0.5]]}, "centeredness"),
        ({"sampler.seed": list(range(20_000))}, "1 to 10,000 specs, got 20,000"),
        ([], "1 to 10,000 specs, got 0"),
    ],
)
def test_everything_is_checked_before_anything_runs(asked, grid, said):
    with pytest.raises(ValueError, match=said):
        hbdash.sweep(ask(), grid)
    assert not asked


def test_an_upload_that_is_missing_is_said(asked):
    data = {"source": "uploaded", "sha256": "0" * 64, "sigma": 1.0}
    with pytest.raises(LookupError, match="With data = .*upload the file again"):
        hbdash.sweep(ask(), {"data": [data]})
    assert not asked


def test_a_run_that_fails_has_its_message_and_the_others_their_numbers():
    estimates = {"source": "estimates", "group": [str(k) for k in range(9)]}
    estimates |= {"estimate": [1e200] * 9, "standard_error": [1.0] * 9}
    table = hbdash.sweep(
        ask(num_samples=20),
        {"data": [estimates, {"source": "scene", "name": "weak"}]},
    )
    assert "Widen the priors" in table["failed"][0] and table["failed"].isna()[1]
    assert np.isnan(table["ess_bulk"][0]) and table["ess_bulk"][1] > 0


def test_paths_lead_into_lists_and_through_names_with_dots():
    content = {"n": [1, 2, 3], "priors": {"mu_.*": {"low": 0}, "mu_.*.x": {"low": 1}}}
    sweeps._place(content, "n.1", 20)
    sweeps._place(content, "priors.mu_.*.low", 5)
    sweeps._place(content, "priors.mu_.*.x.low", 6)
    sweeps._place(content, "priors.tau.dist", "HalfNormal")
    assert content == {
        "n": [1, 20, 3],
        "priors": {"mu_.*": {"low": 5}, "mu_.*.x": {"low": 6}, "tau": {"dist": "HalfNormal"}},
    }
    with pytest.raises(ValueError, match="a list of 3, counted from 0, got n.7"):
        sweeps._place(content, "n.7", 1)


def test_a_population_is_swept_too(asked, monkeypatch):
    monkeypatch.setattr(sweeps, "run", lambda spec, **_: pytest.fail(f"{spec.key} was run"))
    with pytest.raises(ValueError, match="n_pl = 9"):
        hbdash.sweep({"model": "population"}, {"n_pl": [1, 9]})
    spec = sweeps._spec({"model": "population"}, {"n_pl": 2, "sampler.seed": 4})
    assert spec.model == "population" and spec.n_pl == 2 and spec.sampler.seed == 4
    assert {name for name in spec.priors if name.endswith("_1")}


def test_a_population_s_row_has_the_numbers_of_its_score(monkeypatch):
    def answer(spec, **_):
        found = dt.copy()
        found.attrs["key"] = spec.key
        return found

    monkeypatch.setattr(sweeps, "run", answer)
    monkeypatch.setattr(store, "put", lambda dt: None)
    dt = fake_population()
    sampler = PopulationSpec().sampler.model_dump()
    table = hbdash.sweep(PopulationSpec(), {"sampler": [sampler, sampler | {"seed": 5}]})
    score = population_score.score("", dt)
    assert list(table["sampler"]) == [sampler, sampler | {"seed": 5}]
    assert table["ess_bulk"].eq(score.ess_bulk).all() and table["failed"].isna().all()
    assert table["least_event"][1] == score.least_event and table["key"].is_unique


def test_importing_the_package_imports_no_table():
    words = "import hbdash, sys; assert 'pandas' not in sys.modules; hbdash.RunSpec; hbdash.sweep"
    subprocess.run([sys.executable, "-c", words], cwd=ROOT, check=True, timeout=120)
    with pytest.raises(AttributeError, match="nothing"):
        hbdash.nothing  # noqa: B018
