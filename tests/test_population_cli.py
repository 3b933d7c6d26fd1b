"""The population commands: flags, files in and out, the keyboard, exit status, from end to end."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import arviz_stats
import numpy as np
import pytest
import xarray as xr

from hbdash import store
from hbdash.__main__ import main
from hbdash.cli import terminal
from hbdash.cli.status import DONE, FAILED, NOT_CONVERGED, NOT_UNDERSTOOD
from hbdash.cli.terminal import Abandoned, Watch, duration, follow
from hbdash.population.catalogue import load_catalogue
from hbdash.population.parameters import Components
from hbdash.population.priors import default_priors, resolve
from hbdash.population_cli.arguments import parse_run, run_parser
from hbdash.population_cli.commands import f_sage, n_sage
from hbdash.population_cli.drafts import draft, publish
from hbdash.population_cli.input_files import event_files
from hbdash.population_cli.mock_command import genie, read_truth, seeds
from hbdash.population_cli.output_files import fixed, posterior, summary_of, write_run
from hbdash.population_cli.question_files import read_question
from hbdash.samplers.aies import AIES
from tests.fake_population import fake_population

SORTED = ["alpha_pl_0", "beta_pl_0", "log_rate_0", "mmax_pl_0", "mmin_pl_0"]
COLUMNS = ["--posterior-columns", "mass_1_source", "mass_2_source"]
UNIFORM = {"log_rate_0": (-11.5, 11.5), "alpha_pl_0": (-5.0, 5.0), "beta_pl_0": (-5.0, 5.0)}
UNIFORM |= {"mmin_pl_0": (1.0, 20.0), "mmax_pl_0": (30.0, 100.0)}
PRIORS = {n: {"dist": "Uniform", "low": low, "high": high} for n, (low, high) in UNIFORM.items()}
TRUTH = {"N_pl": 1, "N_g": 0, "log_rate_0": 2.2, "alpha_pl_0": -1.0, "beta_pl_0": 0.0}
TRUTH |= {"mmin_pl_0": 10.0, "mmax_pl_0": 50.0}
PMEAN = {"estimator_type": "analytic", "time_scale": 248.0}
#: The same for all masses, where the expected number is not what a test is about.
CONSTANT = {"estimator_type": "constant", "vt": 1e-3, "time_scale": 248.0}
NUTS = {
    "kernel": {"max_tree_depth": 4},
    "mcmc": {
        "num_warmup": 60, "num_samples": 40, "num_chains": 3, "thinning": 1,
        "chain_method": "parallel", "progress_bar": True, "jit_model_args": True,
    },
}  # fmt: skip
FLOWMC = {
    "data_dump": {"n_samples": 120},
    "bundle_config": {
        "chain_batch_size": 0, "n_chains": 12, "batch_size": 100, "n_epochs": 2,
        "n_max_examples": 200, "history_window": 2000, "n_NFproposal_batch_size": 50,
        "n_global_steps": 12, "n_local_steps": 12, "n_production_loops": 1,
        "n_training_loops": 1, "global_thinning": 4, "local_thinning": 4,
        "local_sampler_name": "hmc", "step_size": 0.01, "condition_matrix": 1.0,
        "n_leapfrog": 2, "rq_spline_hidden_units": [8], "rq_spline_n_bins": 4,
        "rq_spline_n_layers": 2, "rq_spline_range": [-10.0, 10.0], "learning_rate": 0.001,
        "verbose": False,
    },
}  # fmt: skip


NETWORK = '{"estimator_type": "neural_vt", "filename": "vt.hdf5", "time_scale": 248.0}'


def table(path: Path) -> tuple[list[str], np.ndarray]:
    """Read a file of draws: the names after '# ', and the rows."""
    first = path.read_text().splitlines()[0]
    assert first.startswith("# ")
    return first[2:].split(" "), np.loadtxt(path, ndmin=2)


def files_under(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A working directory with the three configurations and three events of a few rows."""
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name, content in (
        ("prior.json", PRIORS), ("pmean.json", PMEAN), ("numpyro_config.json", NUTS),
        ("flowMC_config.json", FLOWMC), ("model.json", TRUTH),
        ("err.json", {"scale_Mc": 1.0, "scale_eta": 1.0}),
    ):  # fmt: skip
        (folder / name).write_text(json.dumps(content))
    rng = np.random.default_rng(0)
    for n in (10, 2, 1):
        m1 = rng.uniform(22, 29, 30)
        rows = np.stack([m1, rng.uniform(20.5, m1)], 1)
        np.savetxt(f"event_{n}.dat", rows, header="mass_1_source mass_2_source", comments="")
    return folder


def flags(config: str | None = "numpyro_config.json", *more: str, events="event_*.dat"):
    """The command line of the document, on the files of the desk."""
    line = ["--seed", "37", "--n-pl", "1", "--n-g", "0", "--posterior-regex", events, *COLUMNS]
    line += ["--pmean-cfg", "pmean.json", "--prior-cfg", "prior.json"]
    return [*line, *(["--sampler-cfg", config] if config else []), *more]


# Flags


def test_the_older_spellings_are_the_same_flags():
    new = flags("c.json", "--n-buckets", "10")
    old = [
        {"--pmean-cfg": "--pmean-json", "--prior-cfg": "--prior-json"}.get(
            word, word.replace("--sampler-cfg", "--sampler-config")
        )
        for word in new
    ]
    parser = run_parser("n_sage_n_pls_m_gs", "nuts")
    read = parse_run(parser, new)
    assert vars(parse_run(parser, old)) == vars(read)
    assert (read.seed, read.n_pl, read.n_g, read.n_buckets) == (37, 1, 0, 10)
    assert read.posterior_regex == ["event_*.dat"]
    assert read.posterior_columns == ["mass_1_source", "mass_2_source"]
    assert (read.pmean_cfg, read.prior_cfg) == (Path("pmean.json"), Path("prior.json"))
    assert (read.sampler_cfg, read.output_dir) == (Path("c.json"), Path())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--seed", "-1"], "argument --seed: must be a whole number from 0 to 4294967295"),
        (["--seed", str(2**32)], "got '4294967296'"),
        (["--n-pl", "-2"], "argument --n-pl: must be a whole number, 0 or more, got '-2'"),
        (["--n-g", "1.5"], "argument --n-g: must be a whole number, 0 or more, got '1.5'"),
        (["--n-pl", "0"], "no components: n_pl + n_g must be 1 to 6"),
        (["--n-pl", "4", "--n-g", "3"], "got 4 power laws and 3 Gaussians"),
        (["--n-buckets", "0"], "argument --n-buckets: must be a whole number, 1 or more"),
        (["--threshold", "100"], "argument --threshold: must be between 0 and 100"),
        (["--variance-cut-threshold", "inf"], "must be a number greater than 0, got 'inf'"),
        (["--posterior-columns", "m1"], "primary mass, secondary mass and"),
        (["--posterior-columns", "log_prior", "m1", "m2"], "log_prior as the last; got log_prior"),
        (["--posterior-columns", "m1", "m1"], "each once, got m1 m1"),
        (["--posterior-columns", "m1", "m2", "ecc"], "got m1 m2 ecc"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_flags_that_are_not_understood(desk, capsys, more, message):
    before = files_under(desk)
    with pytest.raises(SystemExit) as end:
        n_sage(flags("numpyro_config.json", *more))
    assert end.value.code == NOT_UNDERSTOOD
    said = capsys.readouterr().err
    assert message in said and "n_sage_n_pls_m_gs: error:" in said
    assert files_under(desk) == before


# Files in


def test_events_are_sorted_as_numbers_and_named_by_their_files(desk):
    assert list(event_files(["event_*.dat"])) == ["event_1.dat", "event_2.dat", "event_10.dat"]
    # A glob without quotes reaches the command as the files, in the shell's order.
    assert list(event_files(["event_10.dat", "event_1*.dat"])) == ["event_10.dat", "event_1.dat"]
    (desk / "more").mkdir()
    (desk / "more" / "event_1.dat").write_text("x")
    assert set(event_files(["event_1.dat", "more/*.dat"])) == {"event_1.dat", "more/event_1.dat"}


@pytest.mark.parametrize(
    ("prepare", "more", "message"),
    [
        ({}, ["--posterior-regex", "run_*.dat"], r"no file matches 'run_\*.dat' in .*desk"),
        ({"prior.json": None}, [], "prior.json: No such file or directory"),
        ({"prior.json": "{"}, [], "prior.json.* line 1"),
        ({"prior.json": json.dumps(PRIORS | {"alpha": 1})}, [], 'prior.json.*"alpha"'),
        ({"pmean.json": '{"estimator_type": "x"}'}, [], "pmean.json: .*estimator_type"),
        ({"numpyro_config.json": '{"kernel": {"depth": 3}, "mcmc": {}}'}, [],
         "numpyro_config.json.*depth"),
        ({"event_2.dat": "mass_1_source mass_2_source\n30 20\n30 x\n"}, [],
         'event_2.dat .*"mass_2_source", got "x" in row 3'),
        ({"event_2.dat": ""}, [], "event_2.dat"),
        ({}, ["--posterior-columns", "m1", "m2"], "event_1.dat.*m1.*mass_1_source"),
        ({}, ["--n-buckets", "5000"], "n_buckets"),
        ({"pmean.json": NETWORK}, [], 'pmean.json: `filename` .*"vt.hdf5" cannot be read: No such'),
        ({"pmean.json": NETWORK, "vt.hdf5": "version https://git-lfs.github.com/spec/v1\n"}, [],
         "vt.hdf5 is a Git LFS pointer"),
        ({"pmean.json": '{"estimator_type": "custom", "filename": "vt.py"}'}, [],
         "pmean.json: `estimator_type` custom is refused: it runs a Python file"),
        ({"event_2.dat": "mass_1_source mass_2_source\n30 20\n30 nan\n"}, [],
         'event_2.dat .*"mass_2_source", got nan in row 3'),
        ({"event_2.dat": "mass_1_source mass_2_source\nnan 20\n"}, ["--drop-invalid"],
         "event_2.dat must have one usable row at least"),
        ({"numpyro_config.json": '{"sampler_name": "aies", "num_walkers": 4}'}, ["--any"],
         "numpyro_config.json: num_walkers must exceed the 5 parameters, got 4"),
        ({"numpyro_config.json": json.dumps({"sampler_name": "flowMC", "mass_matrix": [1, 2]})},
         ["--any"], "numpyro_config.json: .condition_matrix. must be a number, or one for each of"),
        ({"prior.json": json.dumps(dict.fromkeys(PRIORS, 9.0) | {"mmax_pl_0": 90.0})}, [],
         "All parameters are constants"),
    ],
)  # fmt: skip
def test_files_that_are_not_understood(desk, capsys, prepare, more, message):
    for name, content in prepare.items():
        if content is None:
            (desk / name).unlink()
        else:
            (desk / name).write_text(content)
    before = files_under(desk)
    if more == ["--any"]:
        assert main(["population", "run", *flags("numpyro_config.json")]) == NOT_UNDERSTOOD
    else:
        assert n_sage(flags("numpyro_config.json", *more)) == NOT_UNDERSTOOD
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if "error:" in line]) == 1
    assert re.search(message, said[-1]), said
    assert files_under(desk) == before


def test_what_is_doubtful_is_said_and_counted(desk, capsys):
    (desk / "prior.json").write_text(
        json.dumps(PRIORS | {"mmin_pl_0": {"dist": "Uniform", "low": 1, "high": 40}})
    )
    rows = "mass_1_source mass_2_source\n" + "20 30\n" * 5 + "nan 1\n" + "30 20\n" * 4
    (desk / "event_2.dat").write_text(rows)
    (desk / "event_1.dat").write_text((desk / "event_10.dat").read_text())
    given = run_parser("n_sage_n_pls_m_gs", "nuts").parse_args(
        flags("numpyro_config.json", "--drop-invalid")
    )
    spec, said = read_question(given, "nuts")
    assert said.counted == "3 events, 69 rows" and spec.data.drop_invalid
    found = "\n".join(said.warnings)
    assert "prior.json: The priors allow more than is possible: mmin_pl_0 must be below" in found
    assert "event_2: 1 of 10 rows dropped: they must hold finite masses above 0" in found
    assert "event_2: 9 rows of samples: too few" in found
    assert "event_10: The same samples as event_1" in found
    assert "event_2: Columns look swapped in this file: m2 > m1 in 5 of 9 rows" in found
    swapped = flags("numpyro_config.json")
    swapped[swapped.index("mass_1_source")] = "mass_2_source"
    swapped[swapped.index("mass_2_source") + 1] = "mass_1_source"
    (desk / "event_2.dat").unlink()
    given = run_parser("n_sage_n_pls_m_gs", "nuts").parse_args(swapped)
    assert (
        "The columns look swapped: m2 > m1 in 60 of 60 rows"
        in read_question(given, "nuts")[1].warnings[-1]
    )
    assert capsys.readouterr().err == ""


def test_each_command_refuses_the_settings_of_the_other(desk, capsys):
    assert n_sage(flags("flowMC_config.json")) == NOT_UNDERSTOOD
    said = capsys.readouterr().err
    assert "flowMC_config.json holds settings of flowMC, not of NUTS" in said
    assert "`f_sage_n_pls_m_gs`" in said
    assert f_sage(flags("numpyro_config.json")) == NOT_UNDERSTOOD
    assert "`n_sage_n_pls_m_gs`" in capsys.readouterr().err


def test_events_outside_the_mass_range_are_named(desk, capsys):
    (desk / "pmean.json").write_text(json.dumps(CONSTANT))
    narrow = {"mmin_pl_0": 24.0, "mmax_pl_0": 25.0}
    (desk / "prior.json").write_text(json.dumps(PRIORS | narrow))
    rows = "mass_1_source mass_2_source\n29 21\n29 20\n"
    (desk / "event_2.dat").write_text(rows)
    before = files_under(desk)
    assert n_sage(flags("numpyro_config.json", "--validate-only")) == FAILED
    said = capsys.readouterr().err
    assert "event_2" in said and "mmin_pl_0 = 24" in said
    assert files_under(desk) == before


# Files out


def write(dt: xr.DataTree, folder: Path, entries=None, components: Components | None = None):
    components = components or Components(dt.attrs["n_pl"], dt.attrs["n_g"])
    folder.mkdir(exist_ok=True)
    write_run(dt, resolve(entries or default_priors(components), components), folder)


def test_the_files_of_nuts(tmp_path):
    dt = fake_population("nuts", chains=3, draws=40, apart=3.0)
    write(dt, tmp_path)
    tables = {f"numpyro_inference/chain_{c}.dat" for c in range(3)}
    assert files_under(tmp_path) == tables | {
        "constants.json", "nf_samples_mapping.json", "result.nc",
        "numpyro_inference/samples.dat", "numpyro_inference/posterior_summary.json",
    }  # fmt: skip
    folder, joined = tmp_path / "numpyro_inference", []
    for chain in range(3):
        names, rows = table(folder / f"chain_{chain}.dat")
        assert names == SORTED
        for column, name in enumerate(SORTED):
            np.testing.assert_array_equal(rows[:, column], dt["posterior"][name].values[chain])
        joined.append(rows)
    names, rows = table(folder / "samples.dat")
    assert names == SORTED
    np.testing.assert_array_equal(rows, np.concatenate(joined))
    assert json.loads((tmp_path / "constants.json").read_text()) == {}
    columns = json.loads((tmp_path / "nf_samples_mapping.json").read_text())
    assert columns == {name: column for column, name in enumerate(SORTED)}
    raw = io.BytesIO((tmp_path / "result.nc").read_bytes())
    with xr.open_datatree(raw, engine="h5netcdf") as stored:
        np.testing.assert_array_equal(
            stored["posterior/alpha_pl_0"].values, dt["posterior/alpha_pl_0"].values
        )


def test_the_summary_is_of_all_chains(tmp_path):
    dt = fake_population("nuts", chains=3, draws=40, apart=3.0)
    write(dt, tmp_path)
    found = json.loads((tmp_path / "numpyro_inference" / "posterior_summary.json").read_text())
    sampled = dt["posterior"].to_dataset()
    assert found["r_hat"]["alpha_pl_0"] > 1.5  # one chain alone would not show it
    for name in SORTED:
        draws = sampled[name].values
        assert found["mean"][name] == pytest.approx(draws.mean())
        assert found["sd"][name] == pytest.approx(draws.std(ddof=1))
        for quantile in (5, 50, 95):
            expected = np.quantile(draws, quantile / 100)
            assert found[f"{quantile}%"][name] == pytest.approx(expected)
    for statistic, function in (
        ("r_hat", arviz_stats.rhat),
        ("ess_bulk", lambda x: arviz_stats.ess(x, method="bulk")),
        ("ess_tail", lambda x: arviz_stats.ess(x, method="tail", prob=(0.05, 0.95))),
        ("mcse_mean", lambda x: arviz_stats.mcse(x, method="mean")),
    ):
        expected = function(sampled)
        for name in SORTED:
            assert found[statistic][name] == pytest.approx(float(expected[name])), statistic
    low, high = (found[f"hdi_{end}%"]["alpha_pl_0"] for end in (3, 97))
    expected = arviz_stats.hdi(sampled["alpha_pl_0"], prob=0.94).values
    assert (low, high) == pytest.approx(tuple(expected))


def test_the_files_of_flowmc(tmp_path):
    dt = fake_population("flowmc", chains=12, draws=30)
    write(dt, tmp_path)
    folder = tmp_path / "flowMC_inference"
    stems = ("prod_chains", "log_prob", "local_accs", "global_accs")
    each = {f"{stem}_{c:02d}.dat" for stem in stems for c in range(12)}
    assert files_under(folder) == each | {
        "samples.dat", "nf_samples.dat", "loss.dat", "local_accs.dat", "global_accs.dat",
        "posterior_summary.json",
    }  # fmt: skip
    names, rows = table(folder / "samples.dat")
    assert names == SORTED and rows.shape == (12 * 30, 5)
    np.testing.assert_array_equal(rows[30:60], table(folder / "prod_chains_01.dat")[1])
    np.testing.assert_array_equal(rows[:, 0], dt["posterior/alpha_pl_0"].values.ravel())
    names, rows = table(folder / "nf_samples.dat")
    assert names == SORTED
    np.testing.assert_array_equal(rows[:, 1], dt["flow/beta_pl_0"].values)
    names, rows = table(folder / "loss.dat")
    assert names == ["loss"]
    np.testing.assert_array_equal(rows[:, 0], dt["training/loss"].values)
    names, rows = table(folder / "log_prob_03.dat")
    assert names == ["train", "prod"] and rows.shape == (400, 2)
    np.testing.assert_array_equal(rows[:, 0], dt["training/lp"].values[3])
    np.testing.assert_array_equal(rows[:30, 1], dt["sample_stats/lp"].values[3])
    assert np.isnan(rows[30:, 1]).all()
    names, rows = table(folder / "local_accs.dat")
    accepted = dt["training/local_acceptance"].values
    np.testing.assert_allclose(rows[:50, 0], accepted.mean(0)[:50])
    assert np.isnan(rows[50:100, 0]).all()  # the other kernel stepped


def test_the_files_of_aies_compare_its_ensembles(tmp_path):
    dt = fake_population("aies", chains=8, draws=60, apart=4.0)
    write(dt, tmp_path)
    folder = tmp_path / "aies_inference"
    names, rows = table(folder / "samples.dat")
    assert names == SORTED and rows.shape == (8 * 60, 5)
    found = json.loads((folder / "posterior_summary.json").read_text())
    assert found["r_hat_ensembles"]["alpha_pl_0"] > 1.3
    assert "r_hat_ensembles" not in summary_of(fake_population("nuts", draws=20))


def test_constants_and_shared_variables():
    entries = PRIORS | {"beta_pl_0": 0.5, "log_rate_.": "log_rate_0", "mmin_pl_0": 5}
    entries |= {f"m{i}_{part}_g_0": 30.0 + i for i in (1, 2) for part in ("loc", "scale")}
    entries |= {"m1_low_g_0": 5.0, "m1_high_g_0": None, "m2_(low|high)_g_0": None}
    priors = resolve(entries, Components(1, 1))
    constants, columns = fixed(priors, sorted(priors.shape.sampled))
    assert columns == {"alpha_pl_0": 0, "log_rate_0": 1, "log_rate_1": 1, "mmax_pl_0": 2}
    assert constants == {
        "beta_pl_0": 0.5, "m1_high_g_0": None, "m1_loc_g_0": 31.0, "m1_low_g_0": 5.0,
        "m1_scale_g_0": 31.0, "m2_high_g_0": None, "m2_loc_g_0": 32.0, "m2_low_g_0": None,
        "m2_scale_g_0": 32.0, "mmin_pl_0": 5.0,
    }  # fmt: skip


def test_what_has_no_diagnostics_is_null_in_the_summary(tmp_path):
    found = summary_of(fake_population("nuts", chains=1, draws=4))
    assert found["r_hat"]["alpha_pl_0"] is None and found["ess_bulk"]["alpha_pl_0"] is None
    assert np.isfinite(found["sd"]["alpha_pl_0"])


def test_a_new_run_replaces_the_chains_of_an_earlier_one_and_keeps_other_files(tmp_path):
    for chains in (4, 2):
        with draft(tmp_path) as place:
            write(fake_population("nuts", chains=chains, draws=10, seed=chains), place)
            publish(place, tmp_path)
        (tmp_path / "numpyro_inference" / "corner.png").write_bytes(b"mine")
    assert files_under(tmp_path / "numpyro_inference") == {
        "samples.dat", "chain_0.dat", "chain_1.dat", "posterior_summary.json", "corner.png"
    }  # fmt: skip
    names, rows = table(tmp_path / "numpyro_inference" / "samples.dat")
    expected = posterior(fake_population("nuts", chains=2, draws=10, seed=2))[1]
    np.testing.assert_array_equal(rows, expected.reshape(-1, 5))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_nothing_half_written_stays(tmp_path):
    with pytest.raises(OSError, match="full"), draft(tmp_path / "a" / "b") as place:
        (place / "samples.dat").write_text("# a")
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError), draft(tmp_path / "file" / "below"):
        pass


# The terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def going(fraction: float, words: str):
    return SimpleNamespace(fraction=fraction, describe=lambda: words)


def test_durations():
    said = [duration(s) for s in (0.26, 9.94, 59, 60, 200, 7500, 3600, 400_000)]
    assert said == [
        "0.3 s", "9.9 s", "59 s", "1 min", "3 min 20 s", "2 h 5 min", "1 h", "111 h 6 min"
    ]  # fmt: skip


def test_a_terminal_sees_one_line_that_changes(monkeypatch):
    monkeypatch.setattr(terminal, "LOOK", 0.02)
    stream = Terminal()

    def work(on_chunk):
        for step in range(1, 4):
            assert on_chunk(going(step / 3, f"loop {step} of 3"))
            time.sleep(0.1)
        return "done"

    assert follow(work, Watch(stream=stream)) == "done"
    said = stream.getvalue()
    assert "\n" not in said and said.endswith("\r\x1b[K")
    assert f"{'█' * 7}{'░' * 13}  33 % loop 1 of 3" in said
    assert "100 % loop 3 of 3 · summarizing" in said


def test_a_log_sees_a_line_now_and_then_and_quiet_none(monkeypatch):
    monkeypatch.setattr(terminal, "LOOK", 0.02)
    monkeypatch.setattr(terminal, "LINE", 0.1)
    for quiet in (False, True):
        stream = io.StringIO()
        follow(lambda on_chunk: (on_chunk(going(0.5, "x")), time.sleep(0.4)), Watch(quiet, stream))
        lines = stream.getvalue().splitlines()
        assert (2 <= len(lines) <= 4 and " 50 % x" in lines[0]) if not quiet else not lines


def test_what_the_work_raises_is_raised():
    def work(on_chunk):
        raise LookupError("not here")

    with pytest.raises(LookupError, match="not here"):
        follow(work, Watch(stream=io.StringIO()))


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_the_first_press_stops_and_keeps(name):
    stream, earlier = io.StringIO(), signal.getsignal(name)

    def work(on_chunk):
        os.kill(os.getpid(), name)
        for chunk in range(1000):
            if not on_chunk(going(0, "")):
                return chunk
            time.sleep(0.01)
        return None

    assert follow(work, Watch(stream=stream)) is not None
    assert stream.getvalue() == "Stopping: what has been drawn is kept. Ctrl-C again abandons it.\n"
    assert signal.getsignal(name) == earlier


def test_the_second_press_abandons():
    watch = Watch(stream=io.StringIO())
    ended = threading.Event()

    def work(on_chunk):
        watch.press()
        watch.press()
        try:
            on_chunk(going(0, ""))
        finally:
            ended.set()

    with pytest.raises(Abandoned):
        follow(work, watch)
    assert ended.is_set() and "nothing is kept" in watch.stream.getvalue()


def test_an_abandoned_run_that_does_not_end_is_left_behind(monkeypatch):
    left, go = [], threading.Event()
    monkeypatch.setattr(terminal, "PATIENCE", 0.1)
    monkeypatch.setattr(terminal.atexit, "register", lambda *given: left.append(given))
    watch = Watch(stream=io.StringIO(), presses=2)
    with pytest.raises(Abandoned):
        follow(lambda on_chunk: go.wait(20), watch)
    assert left == [(os._exit, 130)]
    go.set()


# Mock events

MOCK = ["--model-json", "model.json", "--err-json", "err.json", "--error-size", "50"]


def test_mock_events_have_the_names_and_the_form_of_the_original(desk, capsys):
    assert genie([*MOCK, "--seed", "37", "--num-realizations", "2"]) == DONE
    folder = desk / "data" / "realization_0"
    first = (folder / "posteriors" / "event_0.dat").read_text().splitlines()
    assert first[0] == "mass_1_source mass_2_source"
    assert re.fullmatch(r"\d\.\d{18}e[+-]\d\d \d\.\d{18}e[+-]\d\d", first[1])
    injections = np.loadtxt(folder / "injections.dat", skiprows=1, ndmin=2)
    raw = np.loadtxt(folder / "raw_injections.dat", skiprows=1)
    events = list((folder / "posteriors").iterdir())
    assert len(events) == len(injections) and len(raw) == 10_000 + len(events)
    # The detected ones are taken from the raw ones.
    assert set(map(tuple, injections)) <= set(map(tuple, raw))
    assert ((raw >= 10) & (raw <= 50)).all()
    rows = [np.loadtxt(path, skiprows=1, ndmin=2) for path in events]
    assert all(1 <= len(table) <= 50 and (table[:, 1] <= table[:, 0]).all() for table in rows)
    other = desk / "data" / "realization_1" / "injections.dat"
    assert other.read_text() != (folder / "injections.dat").read_text()
    assert f"realization_0: {len(events)} events" in capsys.readouterr().out
    assert not (desk / ".hbdash").exists()


def test_the_first_mock_catalogue_is_that_of_the_seed(desk):
    line = [*MOCK, "--seed", "5", "--num-realizations", "1", "--quiet", "--output-dir", "out"]
    assert genie(line) == DONE
    from hbdash.population_cli.arguments import mock_parser  # noqa: PLC0415

    catalogue = load_catalogue(read_truth(mock_parser("genie").parse_args(line)))
    files = desk / "out" / "data" / "realization_0" / "posteriors"
    m1, m2 = catalogue.event(0)
    rows = np.loadtxt(files / "event_0.dat", skiprows=1, ndmin=2)
    np.testing.assert_array_equal(rows, np.stack([m1, m2], 1))
    assert list(seeds(5, 3))[0] == 5 and len(set(seeds(5, 3))) == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.json", TRUTH | {"N_pl": 0}, "model.json: n_pl"),
        ("model.json", {k: v for k, v in TRUTH.items() if k != "N_g"}, 'model.json, "N_g"'),
        ("model.json", {k: v for k, v in TRUTH.items() if k != "mmax_pl_0"}, "mmax_pl_0"),
        ("model.json", TRUTH | {"alpha_pl_0": PRIORS["alpha_pl_0"]}, 'model.json, "alpha_pl_0"'),
        ("model.json", TRUTH | {"log_rate_0": 20.0}, "events"),
        ("err.json", {"scale_Mc": 1.0}, "err.json: must have the keys scale_Mc and scale_eta"),
        ("err.json", {"scale_Mc": 1.0, "scale_eta": "1"}, 'err.json, "scale_eta": must be a num'),
        ("err.json", {"scale_Mc": 1.0, "scale_eta": -1}, "scale_eta"),
        ("pmean.json", {"estimator_type": "constant"}, "pmean.json.*vt"),
    ],
)
def test_mock_events_that_cannot_be_made(desk, capsys, name, content, message):
    (desk / name).write_text(json.dumps(content))
    before = files_under(desk)
    status = genie(MOCK)
    said = capsys.readouterr().err
    assert status in (FAILED, NOT_UNDERSTOOD) and re.search(message, said), said
    assert said.startswith("genie_n_pls_m_gs: error: ") and said.count("\n") == 1
    assert files_under(desk) == before


# From end to end


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """A small catalogue, generated by the command."""
    folder = tmp_path_factory.mktemp("catalogue")
    for name, content in (
        ("model.json", TRUTH), ("pmean.json", PMEAN), ("err.json", {"scale_Mc": 1, "scale_eta": 1}),
    ):  # fmt: skip
        (folder / name).write_text(json.dumps(content))
    paths = {f"--{n}-json": str(folder / f"{n}.json") for n in ("model", "pmean", "err")}
    line = [word for pair in paths.items() for word in pair]
    more = ["--error-size", "60", "--num-realizations", "1", "--output-dir", str(folder)]
    assert main(["population", "mock", *line, *more, "--quiet"]) == DONE
    files = folder / "data" / "realization_0" / "posteriors"
    # Two lengths only: a bucket more is a longer program.
    for number, path in enumerate(sorted(files.iterdir())):
        lines = path.read_text().splitlines()[: 31 + 10 * (number % 2)]
        path.write_text("\n".join(lines) + "\n")
    return files / "event_*.dat"


def recomputed(folder: Path) -> None:
    """Check the summary against the tables of all chains."""
    found = json.loads((folder / "posterior_summary.json").read_text())
    chains = sorted([*folder.glob("chain_*.dat"), *folder.glob("prod_chains_*.dat")])
    draws = np.stack([table(path)[1] for path in chains])
    np.testing.assert_array_equal(table(folder / "samples.dat")[1], draws.reshape(-1, len(SORTED)))
    for column, name in enumerate(SORTED):
        one = xr.DataArray(draws[..., column], dims=("chain", "draw"))
        assert found["mean"][name] == pytest.approx(float(one.mean()))
        r_hat = found["r_hat"][name]
        if r_hat is not None:
            assert r_hat == pytest.approx(float(arviz_stats.rhat(one)))


def test_the_document_by_nuts(desk, catalogue, capsys):
    line = flags("numpyro_config.json", "--n-buckets", "10", events=str(catalogue))
    assert n_sage(line) == DONE
    said = capsys.readouterr()
    assert files_under(desk) >= {
        "constants.json", "nf_samples_mapping.json", "result.nc",
        *(f"numpyro_inference/chain_{c}.dat" for c in range(3)),
        "numpyro_inference/samples.dat", "numpyro_inference/posterior_summary.json",
    }  # fmt: skip
    names, rows = table(desk / "numpyro_inference" / "samples.dat")
    assert names == SORTED and rows.shape == (3 * 40, 5)
    for column, name in enumerate(SORTED):
        low, high = UNIFORM[name]
        assert ((low < rows[:, column]) & (rows[:, column] < high)).all()
    recomputed(desk / "numpyro_inference")
    assert "NUTS will take at most about" in said.err and "NOT CONVERGED" in said.err
    assert "alpha_pl_0" in said.out and "Written to the working directory" in said.out
    with xr.open_datatree(desk / "result.nc", engine="h5netcdf") as dt:
        spec = json.loads(dt.attrs["spec"])
        assert spec["sampler"]["seed"] == 37 and spec["n_buckets"] == 10
        assert store.keys() == [dt.attrs["key"]]
    # The same question again is answered by the store, and is still not converged.
    earlier = (desk / "numpyro_inference" / "samples.dat").read_text()
    assert n_sage([*line, "--strict", "--output-dir", "again"]) == NOT_CONVERGED
    assert "taken from the store" in capsys.readouterr().err
    assert (desk / "again" / "numpyro_inference" / "samples.dat").read_text() == earlier


def test_the_document_by_flowmc(desk, catalogue, capsys):
    line = flags("flowMC_config.json", "--n-buckets", "10", events=str(catalogue))
    assert f_sage([*line, "--quiet", "--output-dir", "out/flow"]) == DONE
    folder = desk / "out" / "flow" / "flowMC_inference"
    names, rows = table(folder / "samples.dat")
    assert names == SORTED and rows.shape == (12 * 6, 5)
    assert len(list(folder.glob("prod_chains_*.dat"))) == 12
    names, rows = table(folder / "nf_samples.dat")
    assert names == SORTED and 1 <= len(rows) <= 120
    for column, name in enumerate(SORTED):
        low, high = UNIFORM[name]
        assert ((low <= rows[:, column]) & (rows[:, column] <= high)).all()
    assert table(folder / "loss.dat")[1].shape == (2, 1)
    recomputed(folder)
    said = capsys.readouterr()
    assert said.out == "" and "NOT CONVERGED" in said.err and len(store.keys()) == 1


def test_aies_needs_no_settings_and_takes_a_file(desk, catalogue, capsys):
    line = flags(None, "--n-buckets", "10", events=str(catalogue))
    spec, said = read_question(run_parser("aies", "aies").parse_args(line), "aies")
    assert spec.sampler == AIES(seed=37).fitted(5) and re.match(r"\d+ events", said.counted)
    content = {"sampler_name": "aies", "num_walkers": 12, "num_warmup": 50, "num_samples": 50}
    (desk / "aies.json").write_text(json.dumps(content | {"thinning": 5}))
    line = flags("aies.json", "--n-buckets", "10", "--no-store", events=str(catalogue))
    assert main(["population", "run", *line, "--quiet"]) == DONE
    names, rows = table(desk / "aies_inference" / "samples.dat")
    assert names == SORTED and rows.shape == (2 * 12 * 10, 5)
    found = json.loads((desk / "aies_inference" / "posterior_summary.json").read_text())
    assert found["r_hat_ensembles"]["mmax_pl_0"] > 0.9
    assert store.keys() == [] and not (desk / ".hbdash").exists()


def test_a_run_stopped_from_the_keyboard_keeps_its_draws(desk, catalogue, capsys, monkeypatch):
    (desk / "long.json").write_text(
        json.dumps(NUTS | {"mcmc": NUTS["mcmc"] | {"num_samples": 2000}})
    )
    drawn = Watch.on_chunk

    def pressed(watch, progress):
        if progress.has_draws and not watch.presses:
            watch.press()
        return drawn(watch, progress)

    monkeypatch.setattr(Watch, "on_chunk", pressed)
    assert n_sage(flags("long.json", "--n-buckets", "10", events=str(catalogue))) == DONE
    rows = table(desk / "numpyro_inference" / "samples.dat")[1]
    assert 3 <= len(rows) < 3 * 2000
    with xr.open_datatree(desk / "result.nc", engine="h5netcdf") as dt:
        assert json.loads(dt.attrs["spec"])["sampler"]["num_samples"] == len(rows) // 3
    monkeypatch.setattr(Watch, "on_chunk", lambda watch, _: watch.press() or drawn(watch, _))
    line = flags("long.json", "--n-buckets", "10", "--seed", "1", events=str(catalogue))
    assert n_sage([*line, "--output-dir", "gone"]) == 130
    assert not (desk / "gone").exists()
    assert "abandoned; nothing was written" in capsys.readouterr().err


def test_the_installed_command_validates_and_writes_nothing(desk, catalogue):
    root = Path(__file__).parent.parent
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(scripts) == {"n_sage_n_pls_m_gs", "f_sage_n_pls_m_gs", "genie_n_pls_m_gs"}
    module, function = scripts["n_sage_n_pls_m_gs"].split(":")
    code = f"import sys; from {module} import {function}; sys.exit({function}())"
    (desk / "pmean.json").write_text(json.dumps(CONSTANT))
    before = files_under(desk)
    given = os.environ | {"PYTHONPATH": str(root)}
    for name in ("HBDASH_STORE", "JAX_COMPILATION_CACHE_DIR"):
        given.pop(name, None)  # as a person has it, who would find them in this folder
    line = flags("numpyro_config.json", "--validate-only", events=str(catalogue))
    done = subprocess.run(
        [sys.executable, "-c", code, *line], env=given, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == DONE and "note: chain_method parallel" in done.stderr
    assert "warning: event_" in done.stderr and "rows of samples: too few" in done.stderr
    assert re.fullmatch(
        r"Valid: \d+ events, [\d,]+ rows; 1 power law and 0 G.* NUTS would take at most .*\n",
        done.stdout,
    )
    assert files_under(desk) == before


def test_the_verbs_of_the_module(capsys):
    with pytest.raises(SystemExit) as end:
        main(["population", "sample"])
    assert end.value.code == NOT_UNDERSTOOD
    with pytest.raises(SystemExit) as end:
        main(["population", "nuts", "--help"])
    assert end.value.code == DONE
    assert "usage: python -m hbdash population nuts" in capsys.readouterr().out
