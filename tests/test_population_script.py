"""The script of a population: a program of its own, with the likelihood of the lab."""

import json
import os
import runpy
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer.util import log_density

from hbdash.export import shortened
from hbdash.population.catalogue import load_catalogue
from hbdash.population.event_output import write_event_files
from hbdash.population.kept_events import keep_events
from hbdash.population.pmean import Constant, NeuralVT
from hbdash.population.priors import complete, default_priors, draw, log_prior
from hbdash.population.question import prepare
from hbdash.population.spec import PopulationSpec
from hbdash.scripts.population import script

ONE = {"n_pl": 1, "n_g": 0}
TWO = {"n_pl": 1, "n_g": 1}
ANALYTIC = {"estimator_type": "analytic", "time_scale": 30.0}
CONSTANT = {"estimator_type": "constant", "vt": 0.002, "time_scale": 30.0}
AIES = {"kind": "aies", "num_walkers": 16, "num_warmup": 20, "num_samples": 40, "thinning": 20}
NUTS = {"kind": "nuts", "num_warmup": 5, "num_samples": 6, "num_chains": 2, "max_tree_depth": 2}
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


def points(question, count):
    """Draw populations from the priors, as sampled and as all parameters."""
    drawn = draw(question.priors, jax.random.key(1), count)
    for k in range(count):
        sampled = {name: values[k] for name, values in drawn.items()}
        yield sampled, complete(question.target.prior, sampled, question.priors.constants)


def agree(spec, found):
    """Assert that a script has our likelihood, prior and expected number; return how often."""
    question, possible = prepare(spec), 0
    target, given = question.target, question.given
    ours = jax.jit(lambda params: target.log_likelihood(params, given))
    theirs = jax.jit(found["log_likelihood"])
    for sampled, params in points(question, 25):
        value = float(ours(params))
        if not np.isfinite(value):
            assert float(theirs(params)) == -np.inf
            continue
        possible += 1
        assert float(theirs(params)) == pytest.approx(value, rel=1e-8, abs=1e-8)
        prior = float(log_prior(target.prior, given["priors"], params))
        density, _ = log_density(found["model"], (), {}, sampled)
        assert float(density) == pytest.approx(value + prior, rel=1e-8, abs=1e-8)
        slopes = jax.grad(lambda params: found["log_likelihood"](params))(params)
        expected = jax.grad(lambda params: target.log_likelihood(params, given))(params)
        for name in params:
            np.testing.assert_allclose(slopes[name], expected[name], rtol=1e-5, atol=1e-6)
    return possible


@pytest.mark.parametrize("pmean", [ANALYTIC, CONSTANT], ids=["analytic", "constant"])
@pytest.mark.parametrize("components", [ONE, TWO], ids=["one", "two"])
def test_the_script_has_the_likelihood_of_the_lab(components, pmean, tmp_path):
    spec = ask(components, pmean)
    assert agree(spec, runpy.run_path(str(write(spec, tmp_path)))) >= 5


def test_every_form_of_a_prior_is_in_the_script(tmp_path):
    spec = ask(TWO, priors=ENTRIES, variance_cut=0.5)
    path = write(spec, tmp_path)
    assert agree(spec, runpy.run_path(str(path))) >= 5
    assert 'p["m2_loc_g_0"] = p["m1_loc_g_0"]' in path.read_text()


