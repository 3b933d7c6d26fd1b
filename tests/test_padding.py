"""Filling up a size changes nothing: not the density, not the draws, not what is stored."""

from typing import Any

import jax
import numpy as np
import pytest

from hbdash import diagnostics, store
from hbdash.models import padding
from hbdash.models.padding import GROUPS, pad, padded, sizes
from hbdash.question import prepare
from hbdash.run import run
from hbdash.spec import RunSpec
from tests.questions import ask, exact_means

LINES = RunSpec.model_validate(
    {"model": "regression", "data": {"source": "simulated_lines", "n": [12] * 7, "seed": 3}}
)
POOLED = RunSpec.model_validate(
    {
        "model": "missing_predictors",
        "data": {"source": "manufacturing", "n": [30, 25], "blanks": 0.2, "missing": "latent"},
        "priors": {
            "alpha": {"dist": "Normal", "loc": 0, "scale": 5},
            "mu_w": {"dist": "Normal", "loc": 0, "scale": 5},
            "sigma_w": {"dist": "HalfNormal", "scale": 2.5},
            "scale": {"dist": "HalfNormal", "scale": 5},
        },
        "parameterization": {"kind": "noncentered"},
    }
)


@pytest.fixture
def exact_sizes(monkeypatch):
    """Compile programs of the very size of a question."""

    def use() -> None:
        monkeypatch.setattr(padding, "padded", lambda count, sizes=(): max(1, count))

    return use


def test_sizes_are_few_and_close():
    found = {padded(n, GROUPS) for n in range(1, 2001)}
    assert {padded(n, GROUPS) for n in range(1, 61)} == {10, 30, 64} and len(found) < 30
    assert all(n <= padded(n, GROUPS) <= max(n + 33, 1.25 * n + 1) for n in range(1, 2001))


def test_filling_has_no_weight():
    design, dims = (
        {"n": np.ones(3), "x": np.ones((3, 2))},
        {"n": ("group",), "x": ("group", "predictor")},
    )
    real = sizes(design, dims)
    assert [len(some) for some in real.values()] == [10, 3]
    filled = pad(design["x"], dims["x"], real)
    assert filled.shape == (10, 3) and filled.sum() == 6


@pytest.mark.parametrize("spec", [ask("unbalanced", "mixed"), LINES, POOLED])
def test_the_density_and_its_slope_are_those_of_the_exact_size(spec, exact_sizes):
    rng = np.random.default_rng(0)

    def at(point: np.ndarray | None) -> tuple[Any, ...]:
        question = prepare(spec)

        @jax.jit
        def found(z: Any, given: Any) -> Any:
            density = question.shape.density(given)
            sites = jax.vmap(density.sites)(z[None])
            return jax.value_and_grad(density.potential)(z), sites

        some = jax.jit(lambda given: question.shape.density(given).moving)
        moving = np.asarray(some(question.given))
        z = np.zeros(len(moving))
        z[moving] = rng.normal(size=moving.sum()) if point is None else point
        (value, slope), sites = found(z, question.given)
        return moving, z[moving], float(value), slope, question.shape.trim(sites, question.given)

    moving, point, value, slope, found = at(None)
    assert (~moving).any() and not np.asarray(slope)[~moving].any()
    exact_sizes()
    all_moving, _, expected, exact_slope, sites = at(point)
    assert all_moving.all() and value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(np.asarray(slope)[moving], exact_slope, rtol=1e-9, atol=1e-12)
    for site in ("theta", "intercept", "slope", "w", "x_blank", "alpha"):
        assert (site in found) == (site in sites)
        if site in found:
            np.testing.assert_allclose(found[site], sites[site], rtol=1e-12)


def test_draws_are_those_of_the_exact_size(exact_sizes):
    spec = ask("strong", "centered", num_samples=400)
    filled = run(spec)
    exact_sizes()
    alone = run(spec)
    for name in ("n_steps", "step_size", "energy"):
        one, other = (dt["warmup_sample_stats"][name].values[:, :20] for dt in (filled, alone))
        np.testing.assert_allclose(one, other, rtol=1e-6, err_msg=name)
    assert filled.attrs["gradients"] == pytest.approx(alone.attrs["gradients"], rel=0.05)
    for dt in (filled, alone):
        found = diagnostics.errors(dt, exact_means(spec))
        assert all(abs(error) < 4 for error in found.values()), found


@pytest.mark.parametrize("spec", [ask("weak", "noncentered"), LINES, POOLED])
def test_nothing_of_the_filling_is_stored(spec, exact_sizes):
    sampler = spec.sampler.model_copy(update={"num_warmup": 100, "num_samples": 20})
    spec = spec.model_copy(update={"sampler": sampler})
    filled = run(spec)
    exact_sizes()
    alone = run(spec)
    assert store.netcdf(filled) and set(filled.children) == set(alone.children)
    for name in filled.children:
        assert filled[name].sizes == alone[name].sizes, name


def test_a_dense_metric_leaves_the_filling_alone():
    spec = ask("unbalanced", "noncentered", num_samples=1000, dense_mass=True)
    dt = run(spec)
    found = diagnostics.errors(dt, exact_means(spec))
    assert all(abs(error) < 4 for error in found.values()), found
