"""The script of a run is a program of its own, of the same model."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from arviz_stats.base import array_stats
from numpyro.infer.util import log_density

from hbdash.export import script, shortened
from hbdash.export.notebook import notebook
from hbdash.export.program import program
from hbdash.models import MODELS
from hbdash.priors import LOCATION, distribution
from hbdash.question import Question, prepare
from hbdash.run import run
from hbdash.scripts import SCRIPTS
from hbdash.scripts.code import MOST_ROWS
from hbdash.spec import RunSpec
from tests.questions import MU_TAU, PARAMETERIZATIONS, SIGMA, arguments, ask

ROWS = {"source": "simulated", "n": [1, 4, 60, 2, 9], "sigma": 1.5, "mu": 1e4, "seed": 3}
ODD = {
    "mu": {"dist": "StudentT", "df": 3.25, "loc": 9999.123456789, "scale": 1 / 3},
    "tau": {"dist": "LogNormal", "loc": -0.123456789, "scale": 1.23456789},
}
WIDE = {"dist": "Normal", "loc": 0.1, "scale": 5}
HALF = {"dist": "HalfNormal", "scale": 2.5}
LINES = {
    "mu_intercept": WIDE,
    "mu_slope": {"dist": "StudentT", "df": 3.5, "loc": 0, "scale": 1 / 3},
    "sigma_intercept": {"dist": "HalfCauchy", "scale": 2},
    "sigma_slope": {"dist": "Exponential", "rate": 0.7},
    "sigma_noise": HALF,
}
STUDENT = LINES | {"nu": {"dist": "Gamma", "concentration": 2, "rate": 0.1}}
UNPOOLED = {"alpha": WIDE, "w": WIDE, "scale": HALF}
POOLED = {"alpha": WIDE, "mu_w": WIDE, "sigma_w": HALF, "scale": HALF}
FEW = {"source": "simulated_lines", "n": [3, 1, 9, 2], "seed": 1}
MANY = {"source": "simulated_lines", "n": [1500, 1, 2, 700], "seed": 2}
BLANK = {"source": "manufacturing", "n": [30, 25], "blanks": 0.2}
MANY_BLANK = {"source": "manufacturing", "n": [1500, 1000], "blanks": 0.004}
TABLE = {
    "source": "regression_rows",
    "group": ["a", "a", "b\nimport os", "b\nimport os", 'c"""', "a", 'c"""'],
    "response": [101.5, 99.0, 120.25, 130.5, 90.0, 104.0, 88.0],
    "predictors": {
        'x"""\nraise ValueError': [1003.0, 1001.0, 1010.0, None, 1000.0, 1004.5, 1001.0],
        "other\\": [5.0, 4.0, 3.0, 2.0, None, 5.5, None],
    },
}
ONE = TABLE | {"predictors": {"x": (1.0, 2.0, None, None, 4.0, 0.5, 7.0)}}
BY_EFFECT = {
    "kind": "per_effect",
    "effects": {"intercept": {"kind": "noncentered"}, "slope": {"kind": "by_information"}},
}
REGRESSIONS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "rows": ("regression", FEW, LINES),
    "standardized": ("regression", FEW | {"transform": "standardize"}, LINES),
    "centred": ("regression", {"source": "rats", "transform": "centre"}, LINES),
    "statistics": ("regression", MANY | {"transform": "standardize"}, LINES),
    "Student's t": ("regression", FEW, STUDENT),
    "Student's t, many rows": ("regression", MANY | {"transform": "centre"}, STUDENT),
    "a group without the predictor": ("regression", ONE, LINES),
    "a group masked by hand": ("regression", ONE | {"mask": [[1], [0], [0]]}, STUDENT),
    "unpooled": ("missing_predictors", BLANK, UNPOOLED),
    "pooled": ("missing_predictors", BLANK, POOLED),
    "latent": ("missing_predictors", BLANK | {"missing": "latent"}, UNPOOLED),
    "latent, pooled": ("missing_predictors", BLANK | {"missing": "latent"}, POOLED),
    "many rows": ("missing_predictors", MANY_BLANK, UNPOOLED),
    "many rows, latent, pooled": ("missing_predictors", MANY_BLANK | {"missing": "latent"}, POOLED),
    "hostile names": ("missing_predictors", TABLE | {"transform": "standardize"}, POOLED),
    "hostile names, latent": (
        "missing_predictors",
        TABLE | {"transform": "standardize", "missing": "latent"},
        UNPOOLED,
    ),
    "masked by hand": (
        "missing_predictors",
        TABLE | {"mask": [[1, 1], [1, 0], [1, 0]], "missing": "latent"},
        POOLED,
    ),
    "one predictor": ("missing_predictors", ONE, POOLED),
}


REDUCED = ("statistics", "many rows", "many rows, latent, pooled")


def namespace(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "taken_away"}
    exec(compile(text, "script.py", "exec"), names)  # noqa: S102
    return names


def agree(spec: RunSpec, text: str, sites: Any) -> dict[str, Any]:
    """Assert that a script's log density is ours, up to a constant.

    `sites` draws the sites of either program from a question and a generator.
    """
    names, question = namespace(text), prepare(spec)
    rng, differences = np.random.default_rng(0), []
    ours, theirs = (
        jax.jit(lambda point, model=model, given=given: log_density(model, given, {}, point)[0])
        for model, given in (
            (MODELS[spec.model].program, arguments(question)),
            (names["model"], ()),
        )
    )
    for _ in range(4):
        mine, other = sites(question, rng)
        one, two = float(ours(mine)), float(theirs(other))
        differences.append((one - two, abs(one)))
    difference, sizes = np.array(differences).T
    assert np.isfinite(difference).all() and np.ptp(sizes) > 1e-3
    assert np.ptp(difference) < 1e-9 * max(1.0, sizes.max())
    return names


def means(question: Question, rng: np.random.Generator) -> tuple[dict, dict]:
    """Draw sites of the normal means near their groups."""
    mean, c = question.data.mean, question.centeredness["theta"]
    mu, tau = mean.mean() + rng.normal(), np.exp(rng.normal())
    sampled = (mean + rng.normal() - mu) / tau ** (1 - c) + c * mu
    point = {"mu": mu, "tau": tau, "theta_decentered": sampled}
    if "sigma" in question.spec.priors:
        point["sigma"] = np.exp(rng.normal())
    return point, point


def regression(question: Question, rng: np.random.Generator) -> tuple[dict, dict]:
    """Draw sites of a regression; latent cells are z here, and x_blank in a script."""
    data, spec = question.data, question.spec
    groups, width = data.mask.shape
    shapes = {"alpha": groups, "w": (groups, width), "mu_w": width, "sigma_w": width}
    point = {
        site: rng.normal(size=shapes.get(site)) if LOCATION[0] in families else
        np.exp(0.5 * rng.normal(size=shapes.get(site)))
        for site, families in MODELS[spec.model].families.items()
        if site in spec.priors
    }  # fmt: skip
    for effect, c in question.centeredness.items():
        point[f"{effect}_decentered"] = rng.normal(size=c.shape)
    theirs = dict(point)
    if data.latent and data.blank.any():
        mean, sd = data.column_moments
        column = np.nonzero(data.blank)[1]
        z = rng.normal(size=len(column))
        theirs["x_blank"] = mean[column] + sd[column] * z
        point["x_blank_z"] = z
    return point, theirs


def test_every_model_has_a_script():
    assert set(SCRIPTS) == set(MODELS)


@pytest.mark.parametrize("kind", PARAMETERIZATIONS)
@pytest.mark.parametrize("scene", ["weak", "unbalanced"])
def test_the_script_of_a_scene_is_the_model(scene, kind):
    spec = ask(scene, kind)
    settled = prepare(spec).centeredness
    names = agree(spec, script(spec, settled if kind == "learned" else None), means)
    np.testing.assert_array_equal(names["centeredness"], settled["theta"])


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
    agree(spec, script(spec), means)


@pytest.mark.parametrize("case", REGRESSIONS)
def test_the_script_of_a_regression_is_the_model(case):
    model, data, priors = REGRESSIONS[case]
    partial = {"kind": "partial", "centeredness": [0.3]}
    spec = RunSpec.model_validate(
        {"model": model, "data": data, "priors": priors, "parameterization": partial}
    )
    text = script(spec)
    names = agree(spec, text, regression)
    assert ("fit" in names) == (case in REDUCED)
    assert ("LocScaleReparam" in names) == bool(prepare(spec).centeredness)
    assert "os" not in names


def test_a_parameterization_by_effect_is_in_the_script():
    spec = RunSpec.model_validate(
        {"model": "regression", "data": FEW, "priors": LINES, "parameterization": BY_EFFECT}
    )
    names, settled = agree(spec, script(spec), regression), prepare(spec).centeredness
    assert set(names["centeredness"]) == {"intercept", "slope"}
    for effect, values in settled.items():
        np.testing.assert_array_equal(names["centeredness"][effect], values)
    assert not settled["intercept"].any() and settled["slope"].any()


def test_numbers_read_back_exactly():
    spec = ask("unbalanced", "partial")
    names, data = namespace(script(spec)), spec.grouped()
    for name in ("n", "mean", "ss", "sigma"):
        np.testing.assert_array_equal(names[name], getattr(data, name))
    assert max(map(len, script(spec).splitlines())) <= 100


def test_rows_read_back_exactly_in_the_units_of_the_model():
    content = {"model": "missing_predictors", "data": TABLE | {"transform": "standardize"}}
    spec = RunSpec.model_validate(content)
    names, (index, x, y) = namespace(script(spec)), spec.grouped().rows
    for name, values in (("group", index), ("x", x), ("y", y)):
        np.testing.assert_allclose(names[name], values, rtol=1e-14, atol=0)
    assert names["groups"] == [" ".join(name.split()) for name in TABLE["group"][1:5:2]] + ['c"""']
    assert names["predictors"] == [" ".join(name.split()) for name in TABLE["predictors"]]
    rats = RunSpec.model_validate({"model": "regression", "data": {"source": "rats"}})
    text = script(rats)
    assert "x = (x - 22.0) / 9.8994949" in text and "becomes weight per unit" in text
    np.testing.assert_allclose(namespace(text)["x"], rats.grouped().rows[1][:, 0], rtol=1e-14)
    assert max(map(len, text.splitlines())) <= 100


def test_many_rows_are_their_statistics():
    few, many = (
        script(RunSpec.model_validate({"model": "regression", "data": data}))
        for data in (
            {"source": "simulated_lines", "n": [MOST_ROWS]},
            {"source": "simulated_lines", "n": [MOST_ROWS + 1]},
        )
    )
    assert "obs=y" in few and "obs=y" not in many and "2,001 complete rows" in many
    assert len(many) < len(few) / 10
    # Of many groups with a row or two, the rows are fewer numbers than the statistics.
    count, numbers = MOST_ROWS + 1, [float(i * i % 101) for i in range(MOST_ROWS + 1)]
    small = {
        "source": "regression_rows",
        "group": [str(i % 1500) for i in range(count)],
        "response": numbers,
        "predictors": {"x": numbers[::-1]},
    }
    assert "obs=y" in script(RunSpec.model_validate({"model": "regression", "data": small}))


def test_a_learned_centeredness_stands_in_until_it_is_known():
    spec = ask("weak", "learned")
    before, after = script(spec), script(spec, {"theta": np.linspace(0, 1, 9)})
    assert "stands in before" in before and "stands in" not in after and "learned" in after
    closed = prepare(ask("weak", "by_information")).centeredness["theta"]
    np.testing.assert_array_equal(namespace(before)["centeredness"], closed)
    np.testing.assert_array_equal(namespace(after)["centeredness"], np.linspace(0, 1, 9))


def test_what_was_found_counts_for_learned_effects_alone():
    by_effect = {"intercept": {"kind": "learned"}, "slope": {"kind": "centered"}}
    content = {"model": "regression", "data": FEW, "priors": LINES}
    spec = RunSpec.model_validate(
        content | {"parameterization": {"kind": "per_effect", "effects": by_effect}}
    )
    found = {"intercept": np.array([0.1, 0.2, 0.3, 0.4]), "slope": np.zeros(4)}
    names = namespace(script(spec, found))
    np.testing.assert_array_equal(names["centeredness"]["intercept"], found["intercept"])
    np.testing.assert_array_equal(names["centeredness"]["slope"], np.ones(4))


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


def cells(spec: RunSpec) -> str:
    """The code of a notebook, one cell after the other."""
    book = json.loads(notebook(program(spec), MODELS[spec.model].equations(spec.priors)))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    return "\n\n".join("".join(cell["source"]) for cell in code) + "\n"


def alone(text: str, sites: list[str], folder: Path) -> dict[str, np.ndarray]:
    """Run a program without our package at hand, shortened; return its draws of some sites."""
    text = re.sub(r"num_warmup=\d+", "num_warmup=500", text)
    text = re.sub(r"num_samples=\d+", "num_samples=1000", text).replace("chains=4", "chains=1")
    text = re.sub(r" *mcmc\.print_summary\(\)\n", "", text)
    text += (
        "import sys, numpy\n"
        "assert 'hbdash' not in sys.modules\n"
        "found = mcmc.get_samples(group_by_chain=True)\n"
        f"numpy.savez('found.npz', **{{name: found[name] for name in {sites}}})\n"
    )
    (folder / "script.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error::SyntaxWarning", "script.py"],
        cwd=folder, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / "found.npz"))


def assert_same_means(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Compare means of draws, shape (chain, draw, ...), within their Monte-Carlo errors."""
    error = np.hypot(*(
        array_stats.mcse(draws, chain_axis=0, draw_axis=1, method="mean")
        for draws in (ours, theirs)
    ))  # fmt: skip
    apart = np.abs(ours.mean((0, 1)) - theirs.mean((0, 1))) / error
    assert np.max(apart) < 4.5, apart


@pytest.mark.parametrize("written", [script, cells], ids=["script", "notebook"])
def test_a_program_run_alone_finds_the_same_posterior(written, tmp_path):
    spec = ask("weak", "noncentered", num_samples=2500, num_chains=4)
    theirs = alone(written(spec), ["tau"], tmp_path)["tau"]
    assert theirs.shape == (1, 1000)
    assert_same_means(np.log(run(spec)["posterior"]["tau"].values), np.log(theirs))


@pytest.mark.parametrize(
    ("case", "kind", "sites"),
    [
        ("centred", "noncentered", ["mu_intercept", "mu_slope", "sigma_noise", "slope"]),
        ("latent, pooled", "by_information", ["alpha", "w", "mu_w", "scale"]),
    ],
)
def test_a_regression_run_alone_finds_the_same_posterior(case, kind, sites, tmp_path):
    model, data, priors = REGRESSIONS[case]
    spec = RunSpec.model_validate(
        {
            "model": model,
            "data": data,
            "priors": priors,
            "parameterization": {"kind": kind},
            "sampler": {"num_warmup": 500, "num_samples": 1000, "num_chains": 4},
        }
    )
    theirs, ours = alone(script(spec), sites, tmp_path), run(spec)["posterior"].to_dataset()
    for site in sites:
        draws = ours[site].transpose("chain", "draw", ...).values
        assert theirs[site].shape == (1, 1000, *draws.shape[2:])
        if site == "w":  # weights that the likelihood uses
            mask = spec.grouped().mask
            draws, theirs[site] = draws[:, :, mask], theirs[site][:, :, mask]
        assert_same_means(draws, theirs[site])


def test_priors_are_written_as_their_distributions():
    spec = RunSpec.model_validate({"model": "regression", "data": FEW, "priors": STUDENT})
    import numpyro.distributions as dist

    for site, given in spec.priors.items():
        line = re.search(rf'"{site}", (dist\..*)\)\n', script(spec))
        assert line
        written = eval(line[1], {"dist": dist})  # noqa: S307
        ours: Any = distribution(given.dist, given.parameters)
        assert written.log_prob(0.7) == ours.log_prob(0.7)


def test_a_long_script_is_cut_for_the_screen():
    content = {"model": "missing_predictors", "data": MANY_BLANK | {"n": [900, 900]}}
    text = script(RunSpec.model_validate(content))
    cut = shortened(text)
    assert len(cut) < len(text) / 5
    assert re.search(r"\n    \.\.\.,  # 1,\d\d\d more lines: the download has them\n", cut)
    assert cut.partition("\ndef model")[2] == text.partition("\ndef model")[2]
    with pytest.raises(TypeError, match="Ellipsis"):
        namespace(cut)
    short = script(ask("weak"))
    assert shortened(short) == short
