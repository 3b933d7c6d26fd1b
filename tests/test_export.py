"""The script of a run is a program of its own, of the same model."""

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpyro.infer.util import log_density

from hbdash.export import script
from hbdash.models import MODELS
from hbdash.question import prepare
from hbdash.samplers.program import model_arguments
from hbdash.spec import RunSpec
from tests.questions import MU_TAU, PARAMETERIZATIONS, SIGMA, ask

ROWS = {"source": "simulated", "n": [1, 4, 60, 2, 9], "sigma": 1.5, "mu": 1e4, "seed": 3}
ODD = {
    "mu": {"dist": "StudentT", "df": 3.25, "loc": 9999.123456789, "scale": 1 / 3},
    "tau": {"dist": "LogNormal", "loc": -0.123456789, "scale": 1.23456789},
}


def namespace(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "taken_away"}
    exec(compile(text, "script.py", "exec"), names)  # noqa: S102
    return names


def agree(spec: RunSpec, text: str) -> dict[str, Any]:
    """Assert that a script's log density is ours, up to a constant."""
    names, question = namespace(text), prepare(spec)
    arguments = model_arguments(question.shape, question.given)
    rng, differences = np.random.default_rng(0), []
    for _ in range(4):
        mu, tau = question.data.mean.mean() + rng.normal(), np.exp(rng.normal())
        theta, c = question.data.mean + rng.normal(), question.centeredness
        sampled = (theta - mu) / tau ** (1 - c) + c * mu
        point = {"mu": mu, "tau": tau, "theta_decentered": sampled}
        if "sigma" in spec.priors:
            point["sigma"] = np.exp(rng.normal())
        ours = log_density(MODELS[spec.model].program, arguments, {}, point)[0]
        theirs = log_density(names["model"], (), {}, point)[0]
        differences.append((float(ours - theirs), abs(float(ours))))
    differences, sizes = np.array(differences).T
    assert np.ptp(differences) < 1e-9 * max(1.0, sizes.max())
    return names


@pytest.mark.parametrize("kind", PARAMETERIZATIONS)
@pytest.mark.parametrize("scene", ["weak", "unbalanced"])
def test_the_script_of_a_scene_is_the_model(scene, kind):
    spec = ask(scene, kind)
    learned = prepare(spec).centeredness if kind == "learned" else None
    names = agree(spec, script(spec, learned))
    np.testing.assert_array_equal(names["centeredness"], prepare(spec).centeredness)


@pytest.mark.parametrize("kind", ["centered", "noncentered", "by_information"])
@pytest.mark.parametrize(
    "content",
    [
        {"data": {"source": "example"}},
        {"data": ROWS},
        {"data": ROWS, "priors": MU_TAU | SIGMA},
        {"data": ROWS, "priors": ODD},
        {"data": ROWS, "priors": ODD | {"sigma": {"dist": "Uniform", "low": 0.1, "high": 20.7}}},
        {"data": ROWS | {"n": [3]}},
    ],
    ids=["eight schools", "rows", "sigma unknown", "odd priors", "odd sigma", "one group"],
)
def test_the_script_of_other_data_and_priors_is_the_model(content, kind):
    spec = RunSpec.model_validate(content | {"parameterization": {"kind": kind}})
    agree(spec, script(spec))


def test_numbers_read_back_exactly():
    spec = ask("unbalanced", "partial")
    names, data = namespace(script(spec)), spec.grouped()
    for name in ("n", "mean", "ss", "sigma"):
        np.testing.assert_array_equal(names[name], getattr(data, name))
    assert max(map(len, script(spec).splitlines())) <= 120


def test_a_learned_centeredness_stands_in_until_it_is_known():
    spec = ask("weak", "learned")
    before, after = script(spec), script(spec, np.linspace(0, 1, 9))
    assert "0.5 stands in" in before and "0.5 stands in" not in after
    np.testing.assert_array_equal(namespace(before)["centeredness"], np.full(9, 0.5))
    np.testing.assert_array_equal(namespace(after)["centeredness"], np.linspace(0, 1, 9))


def test_options_of_the_sampler_are_in_the_script():
    spec = ask(
        "weak", "mixed", num_warmup=321, num_samples=123, num_chains=3, seed=99,
        target_accept_prob=0.876, max_tree_depth=8, dense_mass=True,
    )  # fmt: skip
    text = script(spec)
    for line in (
        "num_warmup=321", "num_samples=123", "num_chains=3", "target_accept_prob=0.876",
        "max_tree_depth=8", "dense_mass=True", "jax.random.key(99)",
    ):  # fmt: skip
        assert line in text
    assert "hbdash" not in text
    mcmc = namespace(text)["mcmc"]
    assert (mcmc.num_warmup, mcmc.num_samples, mcmc.num_chains) == (321, 123, 3)


def test_a_script_run_alone_finds_the_same_posterior(tmp_path):
    spec = ask("weak", "noncentered", num_samples=2500, num_chains=4)
    text = script(spec).replace("num_samples=2500", "num_samples=2000")
    text = text.replace("num_warmup=1000", "num_warmup=500").replace("chains=4", "chains=1")
    text = re.sub(r" +mcmc\.print_summary\(\)", "", text) + (
        "    import numpy\n"
        "    numpy.save('tau.npy', mcmc.get_samples(group_by_chain=True)['tau'])\n"
    )
    (tmp_path / "script.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "script.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    from arviz_stats.base import array_stats

    from hbdash.run import run

    ours = np.log(run(spec)["posterior"]["tau"].values)
    theirs = np.log(np.load(tmp_path / "tau.npy"))
    assert theirs.shape == (1, 2000)
    mcse = [
        float(array_stats.mcse(draws, chain_axis=0, draw_axis=1, method="mean"))
        for draws in (ours, theirs)
    ]
    assert abs(ours.mean() - theirs.mean()) < 4 * np.hypot(*mcse)
