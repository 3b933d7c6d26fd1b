"""What the priors say before any run: draws of them, and under which the events are possible."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from hbdash.population import events
from hbdash.population.carried import attributes
from hbdash.population.expected import expected_number
from hbdash.population.expected import prepare as prepare_expected
from hbdash.population.parameters import Components
from hbdash.population.pmean import Pmean
from hbdash.population.priors import complete, draw, resolve
from hbdash.population.question import prepare
from hbdash.population.spec import PopulationSpec
from hbdash.population.target import Target

#: Draws of the priors that are looked at.
MOST_DRAWS, FEWEST_DRAWS = 4000, 500
#: Draws times samples of the events that are gone through.
MOST_WORK = 40_000_000
#: Quantiles between which nearly all draws lie.
REACH = 0.01, 0.99


class PriorCheck(NamedTuple):
    """Draws of the priors, and what the events say of them.

    Attributes
    ----------
    prior : the draws, arranged as a run of one chain.
    possible : those under which every event has a sample inside the population; None where there
        are fewer than two.
    share : of all draws, those that are possible.
    by_event : shape (events,): the share under which each event is possible by itself.
    names : of the events.
    """

    prior: xr.DataTree
    possible: xr.DataTree | None
    share: float
    by_event: np.ndarray
    names: tuple[str, ...]


def check_priors(spec: PopulationSpec) -> PriorCheck:
    """Draw from the priors, and tell draws of finite likelihood from others.

    Of long catalogues there are fewer draws: each goes through all samples.

    Raises
    ------
    ValueError, LookupError
        As preparing the run.
    """
    question = prepare(spec)
    count = int(np.clip(MOST_WORK // len(question.catalogue.m1), FEWEST_DRAWS, MOST_DRAWS))
    drawn = {
        name: np.asarray(values)
        for name, values in draw(question.priors, jax.random.key(0), count).items()
        if name in question.target.prior.sampled
    }
    inside = np.asarray(_inside(question.target, question.given, drawn))
    possible = np.asarray(inside.all(1))

    def tree(rows: np.ndarray) -> xr.DataTree:
        variables = {
            name: (("chain", "draw"), drawn[name][None, rows])
            for name in question.target.prior.sampled
        }
        found = xr.DataTree.from_dict({"posterior": xr.Dataset(variables)})
        found.attrs = attributes(question) | {"key": f"prior-{spec.stem}-{rows.sum()}"}
        return found

    return PriorCheck(
        tree(np.ones(count, bool)),
        tree(possible) if possible.sum() > 1 else None,
        float(possible.mean()),
        inside.mean(0),
        question.catalogue.names,
    )


@partial(jax.jit, static_argnums=0)
def _inside(target: Target, given: dict[str, Any], drawn: dict[str, Any]) -> Any:
    def one(sampled: dict[str, Any]) -> Any:
        params = complete(target.prior, sampled, given["constants"])
        return events.log_evidences(target.components, params, given["events"]) > -jnp.inf

    return jax.lax.map(one, drawn)


def reach(spec: PopulationSpec) -> dict[str, tuple[float, float]]:
    """Between which values nearly all draws of each sampled parameter's prior lie.

    Raises
    ------
    ValueError
        Where the priors do not fit the components.
    """
    priors = resolve(spec.priors, spec.components)
    drawn = draw(priors, jax.random.key(0), FEWEST_DRAWS)
    ends = {name: np.quantile(np.asarray(drawn[name]), REACH) for name in priors.shape.sampled}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def whole(spec: PopulationSpec, sampled: dict[str, float]) -> dict[str, float]:
    """Add constants, and parameters that are the same as another, to those that are sampled."""
    priors = resolve(spec.priors, spec.components)
    found = complete(priors.shape, sampled, priors.constants)
    return {name: float(value) for name, value in found.items()}


def expected_at(
    pmean: Pmean, components: Components, params: dict[str, float]
) -> tuple[float, float]:
    """Return the expected number of one population, and the standard error of its estimate.

    Raises
    ------
    ValueError, LookupError
        Where the file that the pmean names is not in the store, or not what it must be.
    """
    shape, design = prepare_expected(pmean, components)
    number, variance = expected_number(shape, components, params, design)
    return float(number), float(np.sqrt(variance))
