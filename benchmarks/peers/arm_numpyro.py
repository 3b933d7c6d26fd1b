"""The arm of NumPyro as its scripts use it: a new kernel and `MCMC` for each run, in 32 bits."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS
from numpyro.infer.reparam import LocScaleReparam

from benchmarks.peers.protocol import SITES, Sampled, serve


def means(group: Any, groups: int, sigma: Any, y: Any = None) -> None:
    """Normal means, row by row."""
    mu = numpyro.sample("mu", dist.Normal(0.0, 5.0))
    tau = numpyro.sample("tau", dist.HalfNormal(5.0))
    with numpyro.plate("groups", groups):
        theta: Any = numpyro.sample("theta", dist.Normal(mu, tau))
    with numpyro.plate("rows", len(group)):
        numpyro.sample("y", dist.Normal(theta[group], sigma), obs=y)


def lines(group: Any, groups: int, x: Any, y: Any = None) -> None:
    """Varying intercepts and slopes, row by row."""
    mu_intercept = numpyro.sample("mu_intercept", dist.Normal(0.0, 5.0))
    mu_slope = numpyro.sample("mu_slope", dist.Normal(0.0, 5.0))
    sigma_intercept = numpyro.sample("sigma_intercept", dist.HalfCauchy(2.0))
    sigma_slope = numpyro.sample("sigma_slope", dist.HalfCauchy(2.0))
    sigma_noise = numpyro.sample("sigma_noise", dist.Exponential(1.0))
    with numpyro.plate("groups", groups):
        intercept: Any = numpyro.sample("intercept", dist.Normal(mu_intercept, sigma_intercept))
        slope: Any = numpyro.sample("slope", dist.Normal(mu_slope, sigma_slope))
    with numpyro.plate("rows", len(group)):
        numpyro.sample("y", dist.Normal(intercept[group] + slope[group] * x, sigma_noise), obs=y)


#: Model, its effects, and what goes in beside group, groups and y.
MODELS: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "means": (means, ("theta",), "sigma"),
    "lines": (lines, ("intercept", "slope"), "x"),
}


def sample(asked: dict[str, Any]) -> Sampled:
    """Run as a script does; chains vectorized, the faster way on two cores."""
    model, effects, also = MODELS[asked["kind"]]
    centered = np.array(asked["centered"], float)
    if not centered.all():
        how = LocScaleReparam(centered if centered.any() else 0)
        model = numpyro.handlers.reparam(model, config={effect: how for effect in effects})
    mcmc = MCMC(
        NUTS(model, target_accept_prob=asked["target_accept_prob"]),
        num_warmup=asked["num_warmup"],
        num_samples=asked["num_samples"],
        num_chains=asked["num_chains"],
        chain_method="vectorized",
        progress_bar=False,  # which is a little faster
    )
    given = {name: jnp.array(asked[name]) for name in ("group", "y", also)}
    key = jax.random.PRNGKey(asked["seed"])
    mcmc.run(key, groups=asked["groups"], extra_fields=("num_steps",), **given)
    found = mcmc.get_samples(group_by_chain=True)
    draws = {site: np.asarray(found[site]) for site in SITES[asked["kind"]]}
    return Sampled(draws, int(mcmc.get_extra_fields()["num_steps"].sum()))


if __name__ == "__main__":
    serve(sample)
