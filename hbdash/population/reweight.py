"""Each event's own posterior under the population: its samples, weighted by what was learned."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from hbdash.population.batches import batches
from hbdash.population.derived import all_parameters, chosen, parameters
from hbdash.population.mass_models import log_rate_density
from hbdash.population.parameters import Components
from hbdash.population.question import PopulationQuestion

#: Draws of the population that the weights are averaged over, those of a program, and the samples
#: that stand for an event.
DRAWS, AT_ONCE, RESAMPLED = 100, 20, 200
#: Samples over all events that are drawn.
MOST_RESAMPLED = 40_000


def reweighted(question: PopulationQuestion, posterior: xr.Dataset) -> xr.Dataset:
    """Resample each event's samples by the population; dims (event, resample).

    The weight of a sample is rho / pi over the event's evidence, averaged over draws of the
    population, which is the event's posterior in the hierarchical model (Galaudage, Talbot and
    Thrane 2020, doi:10.1103/PhysRevD.102.083026). ``weights_n_eff`` counts what the weights leave.
    """
    catalogue = question.catalogue
    sampled = parameters(posterior, chosen(posterior, DRAWS))
    rows = {
        "m1": catalogue.m1,
        "m2": catalogue.m2,
        "log_prior": catalogue.log_prior,
        "event": np.repeat(np.arange(len(catalogue.names)), np.diff(catalogue.offsets)),
    }
    number = len(catalogue.names)
    params = all_parameters(question.target, sampled, question.given)
    weights = np.zeros(len(catalogue.m1))
    for batch, count in batches(params, AT_ONCE):
        counted = np.arange(AT_ONCE) < count
        weights += np.asarray(_weights(question.target.components, number, batch, counted, rows))
    each = max(1, min(RESAMPLED, MOST_RESAMPLED // number))
    rng, kept, n_eff = np.random.default_rng(0), np.zeros((number, each), int), np.zeros(number)
    for n in range(number):
        first, last = catalogue.offsets[n], catalogue.offsets[n + 1]
        w = weights[first:last]
        total = w.sum()
        n_eff[n] = total**2 / (w**2).sum() if total > 0 else 0.0
        share = np.cumsum(w) / total if total > 0 else np.linspace(0, 1, len(w) + 1)[1:]
        at = (np.arange(each) + rng.random()) / each  # systematic resampling
        kept[n] = first + np.minimum(np.searchsorted(share, at), len(w) - 1)
    return xr.Dataset(
        {
            "m1": (("event", "resample"), catalogue.m1[kept]),
            "m2": (("event", "resample"), catalogue.m2[kept]),
            "weights_n_eff": ("event", n_eff),
        },
        {"event": list(catalogue.names)},
    )


@partial(jax.jit, static_argnums=(0, 1))
def _weights(components: Components, number: int, params: Any, counted: Any, rows: Any) -> Any:
    """Add up the weights of a batch of draws, of those that are counted."""

    def add(total: Any, draw: Any) -> Any:
        params, counts = draw
        density = log_rate_density(components, params, rows["m1"], rows["m2"])
        density = density - rows["log_prior"]
        highest = jax.ops.segment_max(density, rows["event"], number)
        highest = jnp.where(jnp.isfinite(highest), highest, 0.0)
        w = jnp.exp(density - highest[rows["event"]])
        evidence = jax.ops.segment_sum(w, rows["event"], number)
        w = w / jnp.maximum(evidence, 1e-300)[rows["event"]]
        return total + jnp.where(counts, w, 0.0), None

    return jax.lax.scan(add, jnp.zeros(len(rows["m1"])), (params, counted))[0]
