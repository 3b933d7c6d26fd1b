"""The script of a population: a program of its own, with the likelihood of the lab."""

import os
import runpy
import subprocess
import sys

import jax
import numpy as np
import pytest
from numpyro.infer.util import log_density

from hbdash.diagnostics import mcse
from hbdash.export import shortened
from hbdash.population.catalogue import load_catalogue
from hbdash.population.event_output import write_event_files
from hbdash.population.kept_events import keep_events
from hbdash.population.priors import complete, default_priors, draw, log_prior
from hbdash.population.question import prepare
from hbdash.population.spec import PopulationSpec
from hbdash.run import run
from hbdash.scripts.population import script

ONE = {"n_pl": 1, "n_g": 0}
TWO = {"n_pl": 1, "n_g": 1}
ANALYTIC = {"estimator_type": "analytic", "time_scale": 30.0}
CONSTANT = {"estimator_type": "constant", "vt": 0.002, "time_scale": 30.0}
AIES = {"kind": "aies", "num_walkers": 16, "num_warmup": 20, "num_samples": 40, "thinning": 5}
NUTS = {"kind": "nuts", "num_warmup": 20, "num_samples": 8, "num_chains": 2, "max_tree_depth": 2}
EVENTS = {"source": "generated", "seed": 3, "error_size": 60, "pmean": ANALYTIC}
#: Every form of an entry: a constant, another's name, a bound that follows, bounds of a Gaussian.
ENTRIES = {
    "log_rate_.": {"dist": "Normal", "loc": 3, "scale": 1},
    "alpha_pl_0": -1.0,
    "beta_pl_0": {"dist": "TruncatedNormal", "loc": 0, "scale": 1, "low": -2},
    "mmin_pl_0": {"dist": "Uniform", "low": 1, "high": 20},
    "mmax_pl_0": {"dist": "Uniform", "low": "mmin_pl_0", "high": 100},
    "m1_loc_g_0": {"dist": "Uniform", "low": 10, "high": 50},
    "m2_loc_g_0": "m1_loc_g_0",
    "m._scale_g_0": {"dist": "HalfNormal", "scale": 20},
    "m1_low_g_0": 5.0,
    "m1_high_g_0": None,
    "m2_low_g_0": None,
    "m2_high_g_0": 60.0,
}


def ask(components=ONE, pmean=ANALYTIC, sampler=AIES, **fields):
    content = {"pmean": pmean, "sampler": sampler, "data": EVENTS | fields.pop("data", {})}
    return PopulationSpec.model_validate(components | content | fields)


def write(spec, folder):
    """Write a script with its events as the page hands them out."""
    catalogue = load_catalogue(spec.data)
    (folder / "events").mkdir()
    for name, content in write_event_files(catalogue).items():
        (folder / "events" / name).write_text(content)
    path = folder / "hbdash_population.py"
    path.write_text(script(spec, catalogue.source))
    return path


def agree(spec, found):
    """Assert that a script has our likelihood, its gradient and our posterior density."""
    question, possible = prepare(spec), 0
    target, given = question.target, question.given
    ours = jax.jit(jax.value_and_grad(lambda params: target.log_likelihood(params, given)))
    theirs = jax.jit(jax.value_and_grad(found["log_likelihood"]))
    model = jax.jit(lambda sampled: log_density(found["model"], (), {}, sampled)[0])
    drawn = draw(question.priors, jax.random.key(1), 40)
    for k in range(40):
        sampled = {name: values[k] for name, values in drawn.items()}
        params = complete(target.prior, sampled, given["constants"])
        (value, slopes), (written, written_slopes) = ours(params), theirs(params)
        if not np.isfinite(value):
            assert written == -np.inf
            continue
        assert float(written) == pytest.approx(float(value), rel=1e-8, abs=1e-8)
        for name, slope in slopes.items():
            size = max(1.0, abs(float(slope)))
            assert float(written_slopes[name]) == pytest.approx(float(slope), abs=1e-6 * size)
        if not possible:
            prior = float(log_prior(target.prior, given["priors"], params))
            assert float(model(sampled)) == pytest.approx(float(value) + prior, rel=1e-8, abs=1e-8)
        possible += 1
    assert possible >= 5


@pytest.mark.parametrize("pmean", [ANALYTIC, CONSTANT], ids=["analytic", "constant"])
@pytest.mark.parametrize("components", [ONE, TWO], ids=["one", "two"])
def test_the_script_has_the_likelihood_of_the_lab(components, pmean, tmp_path):
    spec = ask(components, pmean)
    agree(spec, runpy.run_path(str(write(spec, tmp_path))))


def test_every_form_of_a_prior_is_in_the_script(tmp_path):
    spec = ask(TWO, priors=ENTRIES, variance_cut=0.5)
    path = write(spec, tmp_path)
    agree(spec, runpy.run_path(str(path)))
    assert 'p["m2_loc_g_0"] = p["m1_loc_g_0"]' in path.read_text()


def test_rows_are_weighed_by_the_prior_under_which_they_were_drawn(tmp_path):
    rng = np.random.default_rng(0)
    files = {}
    for k in range(2):
        rows = [f"{m1} {m1 - 5} {rng.normal()}" for m1 in rng.uniform(30, 40, 50)]
        files[f"event_{k}.dat"] = "\n".join(["a b log_prior", *rows]).encode()
    data = {"source": "uploaded_events", "sha256": keep_events(files)}
    spec = PopulationSpec.model_validate(
        ONE | {"pmean": CONSTANT, "data": data | {"columns": ["a", "b", "log_prior"]}}
    )
    agree(spec, runpy.run_path(str(write(spec, tmp_path))))


def test_the_script_run_alone_finds_the_same_posterior(tmp_path):
    long = {"num_warmup": 800, "num_samples": 1200, "thinning": 5}
    spec = ask(sampler=AIES | long)
    path = write(spec, tmp_path)
    text = path.read_text()
    assert "hbdash" not in text
    draws = "mcmc.get_samples(group_by_chain=True)"
    path.write_text(f"{text}    np.savez('draws.npz', **{draws})\n")
    given = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-I", str(path)],
        env=given, cwd=tmp_path, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours, theirs = run(spec)["posterior"], np.load(tmp_path / "draws.npz")
    for name, entry in default_priors(ask().components).items():
        assert name in done.stdout
        if entry is not None:
            both = ours[name].values, theirs[name]
            errors = [mcse(one) for one in both]
            assert all(entry["low"] < one.mean() < entry["high"] for one in both)
            assert abs(both[0].mean() - both[1].mean()) < 5 * np.hypot(*errors), name


def test_the_script_says_how_it_samples():
    nuts = NUTS | {"num_chains": 1, "thinning": 2, "step_size": 0.1, "warmup_tree_depth": 3}
    text = script(ask(sampler=nuts | {"dense_mass": True, "seed": 5}), "x")
    kernel = """kernel = NUTS(
    model,
    target_accept_prob=0.8,
    max_tree_depth=(3, 2),
    dense_mass=True,
    step_size=0.1,
)
"""
    assert kernel in text and "    thinning=2,\n" in text and "key(5)" in text
    assert "values[0] for name, values" in text  # one chain has no axis of chains
    text = script(ask(sampler=AIES | {"randomize_split": True}), "x")
    moves = "moves={AIES.DEMove(): 0.75, AIES.StretchMove(): 0.25}, randomize_split=True)"
    assert f"kernel = AIES(model, {moves}\n" in text
    assert '    num_chains=16,\n    chain_method="vectorized",\n    thinning=5,\n' in text
    text = script(ask(sampler={"kind": "flowmc"}), "x")
    assert "AIES samples here the posterior that\nflowMC samples" in text
    assert "num_chains=14" in text
    text = script(ask(pmean=ANALYTIC | {"method": "monte_carlo"}), "x")
    assert "by quadrature, where the lab" in text.replace("\n", " ")


@pytest.mark.parametrize("components", [ONE, TWO, {"n_pl": 0, "n_g": 2}, {"n_pl": 6, "n_g": 0}])
def test_lines_are_short_and_nothing_is_left_over(components):
    text = script(ask(components, sampler={"kind": "aies"}), 'a "quoted" \\ source\nof two lines')
    compile(text, "script.py", "exec")
    assert max(map(len, text.splitlines())) <= 100 and shortened(text) == text
    assert ("def power_law(" in text) == bool(components["n_pl"])
    assert ("def normal(" in text) == bool(components["n_g"])


def test_what_a_script_cannot_hold_is_refused():
    network = {"estimator_type": "neural_vt", "filename": "vt.hdf5", "sha256": "0" * 64}
    with pytest.raises(ValueError, match="holds no network and no injections"):
        script(ask(pmean=network), "x")
