"""The density of priors, and the way between parameters and NumPyro's unconstrained space."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from numpyro.distributions import constraints

from hbdash.population.prior_families import families
from hbdash.population.prior_shape import Priors, PriorShape, Site

#: Where a support has an end, nothing is lost beyond this: exp(-300) is nothing beside 1.
FARTHEST = 300.0
#: Batches of draws that are tried until enough of them are possible.
MOST_BATCHES = 100

Numbers = Mapping[str, Mapping[str, Any]]
Params = Mapping[str, Any]


def distribution(
    shape: PriorShape, name: str, numbers: Numbers, params: Params
) -> dist.Distribution:
    """Build the prior of a sampled parameter.

    Parameters
    ----------
    shape : which of its arguments follow other parameters.
    name : the parameter.
    numbers : the numbers of each family, by parameter and argument; may be traced.
    params : values of the parameters that it follows; may be traced.

    Returns
    -------
    A NumPyro distribution. Where the values that it follows allow none (a scale that is not
    positive, a low that is not below its high), it is one of allowed numbers; `log_prior` is
    -infinity there.
    """
    site = shape.site(name)
    return _built(site, numbers, params)[0]


def complete(shape: PriorShape, sampled: Params, constants: Params) -> dict[str, Any]:
    """Add constants and aliases to the sampled parameters; what is absent stays absent."""
    found = {name: sampled[name] for name in shape.sampled}
    found |= {name: constants[name] for name in shape.constants}
    return found | {name: found[other] for name, other in shape.aliases}


def constrain(
    shape: PriorShape, numbers: Numbers, z: Any, constants: Params
) -> tuple[dict[str, Any], Any]:
    """Turn a point of the unconstrained space into parameters.

    Parameters
    ----------
    z : shape (size,), in the order of ``shape.sampled``.

    Returns
    -------
    All parameters by name, and the log of the Jacobian of the way from z to them (Carpenter et al.
    2017, section 35), -infinity where the point is impossible. Both have finite derivatives.
    """
    params: dict[str, Any] = {}
    jacobian = jnp.zeros(())
    for number, site in enumerate(shape.sites):
        prior, allowed = _built(site, numbers, params)
        at = z[number]
        support = _support(prior)
        if support is not constraints.real:
            near = jnp.abs(at) <= FARTHEST
            allowed, at = allowed & near, jnp.where(near, at, 0.0)
        bijection = dist.biject_to(support)
        params[site.name] = bijection(at)
        change = bijection.log_abs_det_jacobian(at, params[site.name])
        jacobian = jacobian + jnp.where(allowed, change, -jnp.inf)
    return complete(shape, params, constants), jacobian


def unconstrain(shape: PriorShape, numbers: Numbers, params: Params) -> Any:
    """Turn parameters into the point of the unconstrained space, shape (size,).

    It is not finite where a parameter is not inside the support of its prior.
    """
    found = []
    for site in shape.sites:
        prior, allowed = _built(site, numbers, params)
        support, value = _support(prior), jnp.asarray(params[site.name], float)
        at = dist.biject_to(support).inv(value)
        found.append(jnp.where(allowed & support(value), at, jnp.nan))
    return jnp.stack(found) if found else jnp.zeros(0)


def log_prior(shape: PriorShape, numbers: Numbers, params: Params) -> Any:
    """Log density of the sampled parameters; -infinity outside their supports, and never NaN.

    Its derivatives are finite: where a density overflows, it counts as zero.
    """
    total = jnp.zeros(())
    for site in shape.sites:
        prior, allowed = _built(site, numbers, params)
        support, value = _support(prior), jnp.asarray(params[site.name], float)
        within = jnp.where(support(value), value, support.feasible_like(value))
        inside = allowed & support(value) & jnp.isfinite(prior.log_prob(within))
        inner = jnp.where(inside, value, support.feasible_like(value))
        total = total + jnp.where(inside, prior.log_prob(inner), -jnp.inf)
    return total


def draw(priors: Priors, key: jax.Array, n: int) -> dict[str, Any]:
    """Draw the sampled parameters from their priors.

    Draws whose conditional priors are impossible are drawn again, so that they follow `log_prior`.

    Parameters
    ----------
    key : a JAX key.
    n : how many.

    Returns
    -------
    Each sampled parameter by name, shape (n,).

    Raises
    ------
    ValueError
        Where nearly all draws are impossible.
    """
    batches: list[dict[str, Any]] = []
    count = 0
    for number in range(MOST_BATCHES):
        found, possible = _batch(priors.shape, priors.numbers, jax.random.fold_in(key, number), n)
        allowed = np.asarray(possible)
        batches.append({name: np.asarray(values)[allowed] for name, values in found.items()})
        count += int(allowed.sum())
        if count >= n:
            return {
                name: np.concatenate([batch[name] for batch in batches])[:n]
                for name in priors.shape.sampled
            }
    raise ValueError(
        f"Fewer than {n:,} of {MOST_BATCHES * n:,} draws from the priors are possible: "
        f"{' '.join(priors.warnings) or 'conditional priors exclude each other.'}"
    )


@partial(jax.jit, static_argnums=(0, 3))
def _batch(
    shape: PriorShape, numbers: Numbers, key: jax.Array, n: int
) -> tuple[dict[str, Any], Any]:
    found: dict[str, Any] = {}
    allowed = jnp.ones(n, bool)
    for number, site in enumerate(shape.sites):
        prior, possible = _built(site, numbers, found)
        size = () if prior.batch_shape else (n,)
        found[site.name] = prior.sample(jax.random.fold_in(key, number), size)
        allowed = allowed & possible
    return found, allowed


def _support(prior: dist.Distribution) -> Any:
    return prior.support  # never None in a built distribution


def _built(site: Site, numbers: Numbers, params: Params) -> tuple[dist.Distribution, Any]:
    """Build a site's distribution, and say whether its numbers are allowed."""
    family = families()[site.family]
    given = {
        name: jnp.asarray(numbers[site.name][name] if follows is None else params[follows], float)
        for name, follows in site.arguments
    }
    followed = [name for name, follows in site.arguments if follows is not None]
    if not followed:
        return family.build(given), jnp.asarray(True)
    allowed = jnp.asarray(True)
    for name in followed:
        allowed = allowed & jnp.isfinite(given[name]) & family.argument(name).holds(given[name])
    if {"low", "high"} <= set(given):
        allowed = allowed & (given["low"] < given["high"])
    example = family.example()
    safe = {name: jnp.where(allowed, value, example[name]) for name, value in given.items()}
    return family.build(safe), allowed
