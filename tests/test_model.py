"""The log density: sufficient statistics against rows, one centeredness against another."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam
from numpyro.infer.util import log_density

from hbdash.data import Example, GroupData, Scene, Simulated, load, unknown_sigma
from hbdash.diagram import diagram
from hbdash.models import MODELS
from hbdash.models.reparam import LogScaleReparam
from hbdash.priors import Prior, distribution
from hbdash.spec import RunSpec
from tests.questions import MU_TAU, SIGMA

MODEL = MODELS["normal_means"]
DATA = {
    "weak": load(Scene(name="weak")),
    "unbalanced": load(Scene(name="unbalanced")),
    "far": load(Simulated(n=(1, 7, 200), mu=1e4, sigma=0.5, tau=2)),
    "eight schools": load(Example()),
}
DATA |= {f"{name}, sigma unknown": unknown_sigma(DATA[name]) for name in ("unbalanced", "far")}


def laws(data: GroupData) -> dict[str, Any]:
    content = MU_TAU | (SIGMA if data.sigma is None else {})
    priors = {site: Prior.model_validate(prior) for site, prior in content.items()}
    return {site: distribution(p.dist, p.parameters) for site, p in priors.items()}


def points(data: GroupData, count: int = 5):
    """Draw sampled coordinates at which densities are compared, near the data and far away."""
    rng = np.random.default_rng(3)
    for _ in range(count):
        tau = np.exp(rng.normal(0, 2))
        mu = data.mean.mean() + rng.normal(0, 3)
        point = {"mu": mu, "tau": tau, "theta": mu + tau * rng.standard_normal(len(data.n))}
        yield point | ({"sigma": np.exp(rng.normal())} if data.sigma is None else {})


def sampled(point: dict[str, Any], c: np.ndarray) -> dict[str, Any]:
    """Put a point into the coordinates of a centeredness."""
    mu, tau, theta = point["mu"], point["tau"], point["theta"]
    others = {name: value for name, value in point.items() if name != "theta"}
    return others | {"theta_decentered": (theta - mu) / tau ** (1 - c) + c * mu}


def log_p(data: GroupData, point: dict[str, Any], c: np.ndarray) -> float:
    arguments = MODEL.design(data, {}), laws(data), {"theta": c}
    return float(log_density(MODEL.program, arguments, {}, sampled(point, c))[0])


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize("c", [0.0, 0.3, 1.0])
def test_sufficient_statistics_give_the_density_of_the_rows(data, c):
    c = np.full(len(data.n), c)
    for point in points(data, 3):
        reference = log_density(
            MODEL.rowwise_program, (data, laws(data), {"theta": c}), {}, sampled(point, c)
        )[0]
        np.testing.assert_allclose(log_p(data, point, c), reference, rtol=1e-10)


def test_the_density_of_the_rows_by_hand():
    from scipy import stats

    data = DATA["unbalanced"]
    for point in points(data):
        by_hand = (
            stats.norm(0, 5).logpdf(point["mu"])
            + stats.halfnorm(scale=5).logpdf(point["tau"])
            + stats.norm(point["mu"], point["tau"]).logpdf(point["theta"]).sum()
            + stats.norm(point["theta"][data.index], 10).logpdf(data.values).sum()
        )
        np.testing.assert_allclose(log_p(data, point, np.ones(9)), by_hand, rtol=1e-10)


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
def test_the_density_is_the_same_at_every_centeredness_up_to_the_jacobian(data):
    rng = np.random.default_rng(1)
    one = np.ones(len(data.n))
    mixed = (np.arange(len(one)) % 2).astype(float)
    for point in points(data, 3):
        centered = log_p(data, point, one)
        for c in (0 * one, 0.5 * one, mixed, rng.uniform(size=len(one))):
            jacobian = np.sum(1 - c) * np.log(point["tau"])
            np.testing.assert_allclose(log_p(data, point, c), centered + jacobian, rtol=1e-10)


def test_our_reparameterization_is_numpyro_s():
    c = np.linspace(0, 1, 5)

    def model(reparam):
        with numpyro.plate("groups", 5), numpyro.handlers.reparam(config={"theta": reparam(c)}):
            # NumPyro's own strips a plate's expansion from scalars.
            numpyro.sample("theta", dist.Normal(3.5 * jnp.ones(5), 0.02 * jnp.ones(5)))

    point = {"theta_decentered": np.linspace(-2.0, 2.0, 5) + 3.5 * c}
    ours, theirs = (
        log_density(model, (r,), {}, point)[0] for r in (LogScaleReparam, LocScaleReparam)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("reparam", [LogScaleReparam, LocScaleReparam])
def test_effects_come_back_from_the_sampled_coordinate(reparam):
    c = np.array([0.0, 0.25, 1.0])
    point = {"mu": 1.5, "tau": 0.2, "theta": np.array([1.0, 1.4, 2.0])}

    def model():
        with numpyro.plate("groups", 3), numpyro.handlers.reparam(config={"theta": reparam(c)}):
            numpyro.sample("theta", dist.Normal(1.5 * jnp.ones(3), 0.2 * jnp.ones(3)))

    fixed = numpyro.handlers.substitute(model, sampled(point, c))
    trace = numpyro.handlers.trace(numpyro.handlers.seed(fixed, 0)).get_trace()
    np.testing.assert_allclose(trace["theta"]["value"], point["theta"], rtol=1e-12)
    assert trace["theta"]["type"] == "deterministic"


def test_observed_effects_are_refused():
    def model():
        with numpyro.handlers.reparam(config={"x": LogScaleReparam(np.ones(()))}):
            numpyro.sample("x", dist.Normal(0.0, 1.0), obs=jnp.array(1.0))

    with pytest.raises(ValueError, match="'x' is observed"):
        numpyro.handlers.trace(model).get_trace()


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize("c", [0.0, 0.5, 1.0])
def test_gradients_are_finite_down_the_neck_of_the_funnel(data, c):
    c = np.full(len(data.n), c)

    def potential(log_tau, rest):
        point = rest | {"tau": jnp.exp(log_tau)}
        arguments = MODEL.design(data, {}), laws(data), {"theta": c}
        return log_density(MODEL.program, arguments, {}, point)[0]

    rest = sampled(next(points(data, 1)), c)
    del rest["tau"]
    gradient = jax.jit(jax.grad(potential, argnums=(0, 1)))
    for log_tau in (-20.0, -5.0, 0.0, 5.0):
        leaves = jax.tree.leaves(gradient(log_tau, rest))
        assert all(np.all(np.isfinite(leaf)) for leaf in leaves), log_tau


def test_the_program_draws_from_its_priors():
    data = unknown_sigma(DATA["unbalanced"])
    blind = {name: jnp.asarray(value) for name, value in MODEL.design(data, {}).items()}

    def draw(key, c):
        seeded = numpyro.handlers.seed(MODEL.program, key)
        trace = numpyro.handlers.trace(seeded).get_trace(blind, laws(data), {"theta": c})
        return {site: trace[site]["value"] for site in ("mu", "tau", "sigma", "theta")}

    for c in (np.zeros(9), np.full(9, 0.4), np.ones(9)):
        found = jax.vmap(draw, (0, None))(jax.random.split(jax.random.key(0), 20_000), c)
        assert float(found["mu"].std()) == pytest.approx(5, rel=0.03)
        assert float((found["tau"] ** 2).mean()) == pytest.approx(25, rel=0.05)
        assert float((found["sigma"] ** 2).mean()) == pytest.approx(100, rel=0.05)
        standard = (found["theta"] - found["mu"][:, None]) / found["tau"][:, None]
        assert float(standard.mean()) == pytest.approx(0, abs=0.01)
        assert float(standard.std()) == pytest.approx(1, abs=0.01)


def test_every_model_on_the_menu_is_described():
    for name, model in MODELS.items():
        assert model.name == name and model.title and model.references
        priors = model.default_priors()
        assert model.equations(priors) and set(priors) in model.structures
        assert all(prior.dist in model.families[site] for site, prior in priors.items())
        assert set(priors) <= set(model.families)


@pytest.mark.parametrize("dark", [False, True])
def test_the_diagram_shows_what_is_sampled(dark):
    centered = diagram(RunSpec(), dark=dark)
    other = RunSpec.model_validate(
        {"parameterization": {"kind": "mixed"}, "priors": MU_TAU | SIGMA}
    )
    mixed = diagram(other, dark=dark)
    assert centered.startswith("digraph") and "theta" in centered
    assert "theta_decentered" not in centered and "theta_decentered" in mixed
    assert "sigma" in mixed and "sigma" not in centered
    assert "theta" in diagram(RunSpec.model_validate({"data": {"source": "example"}}))
