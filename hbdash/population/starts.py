"""Points to start from: draws of the prior at which the likelihood is not zero.

Hard edges of the mass range make much of the prior impossible, so starts are searched for.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hbdash.population import events
from hbdash.population.catalogue import Catalogue
from hbdash.population.priors import Priors, complete, draw, unconstrain
from hbdash.population.target import Target
from hbdash.samplers.nuts import SamplingError

#: Prior draws tried at a time, and at most; points that are kept at least.
BATCH, MOST_TRIED, ENOUGH = 512, 20_480, 256
#: Share of the points found that may be started from: those of the highest density.
BEST = 0.25
#: Numbers that one step of the search holds in memory.
MOST_AT_ONCE = 4_000_000
#: Events that a message names.
MOST_NAMED = 8


def search(
    target: Target, given: dict[str, Any], priors: Priors, catalogue: Catalogue, count: int
) -> np.ndarray:
    """Find starting points of finite density.

    Parameters
    ----------
    target, given : the posterior and its numbers.
    priors : what the points are drawn from.
    catalogue : names the events where there are no such points.
    count : points that the sampler needs.

    Returns
    -------
    shape (at least `count`, size): the densest quarter of the prior draws that are possible.

    Raises
    ------
    SamplingError
        Where no prior draw is possible; the message names events and the masses they need.
    """
    enough, found, values, tried = max(ENOUGH, int(count / BEST)), [], [], 0
    at_once = max(1, MOST_AT_ONCE // max(1, len(catalogue.m1)))
    while tried < MOST_TRIED and sum(map(len, found)) < enough:
        drawn = draw(priors, jax.random.key(tried), BATCH)
        z = np.asarray(_unconstrained(target, given, drawn))
        potential = np.asarray(_potentials(target, min(at_once, BATCH), z, given))
        possible = np.isfinite(potential) & np.isfinite(z).all(1)
        found.append(z[possible])
        values.append(potential[possible])
        tried += BATCH
    points, potential = np.concatenate(found), np.concatenate(values)
    if not len(points):
        raise SamplingError(explain_none(target, priors, catalogue, given, tried))
    best = np.argsort(potential)[: max(count, int(BEST * len(points)))]
    return _enough(target, given, points[best], count)


def _enough(target: Target, given: dict[str, Any], points: np.ndarray, count: int) -> np.ndarray:
    """Where too few points are possible, add possible ones around them."""
    rng, spread = np.random.default_rng(0), 0.1
    while len(points) < count:
        near = points[rng.integers(len(points), size=BATCH)]
        near = near + spread * rng.normal(size=near.shape)
        potential = np.asarray(_potentials(target, 16, near, given))
        points = np.concatenate([points, near[np.isfinite(potential)]])
        spread = max(spread / 2, 1e-6)
    return points


@partial(jax.jit, static_argnums=0)
def _unconstrained(target: Target, given: dict[str, Any], drawn: dict[str, Any]) -> Any:
    def one(sampled: dict[str, Any]) -> Any:
        params = complete(target.prior, sampled, given["constants"])
        return unconstrain(target.prior, given["priors"], params)

    return jax.vmap(one)(drawn)


@partial(jax.jit, static_argnums=(0, 1))
def _potentials(target: Target, at_once: int, z: Any, given: dict[str, Any]) -> Any:
    return jax.lax.map(lambda one: target.potential(one, given), z, batch_size=at_once)


@partial(jax.jit, static_argnums=(0,))
def _possible(target: Target, given: dict[str, Any], drawn: dict[str, Any]) -> Any:
    def one(sampled: dict[str, Any]) -> Any:
        params = complete(target.prior, sampled, given["constants"])
        return events.log_evidences(target.components, params, given["events"]) > -jnp.inf

    return jax.lax.map(one, drawn)


def possible_share(
    target: Target, given: dict[str, Any], priors: Priors, count: int = BATCH
) -> np.ndarray:
    """Share of prior draws under which each event is possible, shape (events,)."""
    drawn = draw(priors, jax.random.key(0), count)
    return np.asarray(_possible(target, given, drawn)).mean(0)


def explain_none(
    target: Target, priors: Priors, catalogue: Catalogue, given: dict[str, Any], tried: int
) -> str:
    """Say which events no prior draw allows, and which masses they would need."""
    share = possible_share(target, given, priors)
    never = np.flatnonzero(share == 0)
    named = never if len(never) else np.argsort(share)[:3]
    rows = [_range(catalogue, int(n)) for n in named[:MOST_NAMED]]
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    drawn = {name: np.asarray(v) for name, v in draw(priors, jax.random.key(0), BATCH).items()}
    reach = [
        f"{name} from {drawn[name].min():.4g} to {drawn[name].max():.4g}"
        for name in drawn
        if name.startswith(("mmin", "mmax")) or "_low_g_" in name or "_high_g_" in name
    ]
    reach += [
        f"{name} = {value:.4g}"
        for name, value in priors.constants.items()
        if name.startswith(("mmin", "mmax"))
    ]
    which = (
        "No posterior sample of these events lies in the mass range under any of them"
        if len(never)
        else "Each event is possible by itself, but no draw allows all; the rarest are"
    )
    return (
        f"None of {tried:,} draws of the priors has a finite likelihood. {which}: "
        f"{'; '.join(rows)}{more}. The priors give {', '.join(reach) or 'other bounds'}. Widen "
        "them so that m_min lies below an event's m2 and m_max above its m1, or leave the events "
        "out."
    )


def _range(catalogue: Catalogue, n: int) -> str:
    rows = slice(catalogue.offsets[n], catalogue.offsets[n + 1])
    m1, m2 = catalogue.m1[rows], catalogue.m2[rows]
    return (
        f"{catalogue.names[n]} (m1 {m1.min():.4g} to {m1.max():.4g}, m2 {m2.min():.4g} to "
        f"{m2.max():.4g} M☉)"
    )
