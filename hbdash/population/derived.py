"""What follows from the draws of a population: expected numbers, weights of events, spectra."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from hbdash.population import events
from hbdash.population.batches import by_batches
from hbdash.population.parameters import Components
from hbdash.population.priors import complete, unconstrain
from hbdash.population.question import PopulationQuestion
from hbdash.population.target import Target

#: Draws over all chains whose expected number is computed, and whose events are looked at.
MOST_GENERATED, MOST_LOOKED_AT = 4_000, 100
#: Rows times draws that are held at a time, and draws without the rows.
MOST_AT_ONCE, AT_ONCE = 4_000_000, 64


def chosen(posterior: xr.Dataset, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose at most `most` draws, evenly over chains and draws: indices of chain and draw."""
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    total = chains * draws
    # A step that shares no factor with the number of chains visits all of them.
    flat = np.linspace(0, total - 1, min(most, total)).round().astype(int)
    return flat % chains, flat // chains


def parameters(posterior: xr.Dataset, at: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """Take the sampled parameters at some draws, each of shape (sample,)."""
    return {
        str(name): values.transpose("chain", "draw").values[at]
        for name, values in posterior.data_vars.items()
    }


def generated(question: PopulationQuestion, draws: dict[str, xr.Dataset]) -> xr.Dataset:
    """Expected number, its standard error, log likelihood and its variance; dims (chain, draw).

    Long runs are thinned along draw to about 4,000 draws over all chains. The variance of the
    Monte-Carlo sums, which goes through all samples of the events, is there for about a hundred of
    them, and NaN for the others.
    """
    posterior, stats = draws["posterior"], draws["sample_stats"]
    chains = posterior.sizes["chain"]
    every = max(1, -(-posterior.sizes["draw"] * chains // MOST_GENERATED))
    thin = posterior.isel(draw=slice(None, None, every))
    shape = (chains, thin.sizes["draw"])
    flat = {str(name): thin[name].transpose("chain", "draw").values.ravel() for name in thin}
    lp = stats["lp"].isel(draw=slice(None, None, every)).transpose("chain", "draw").values.ravel()
    given = jax.device_put({k: v for k, v in question.given.items() if k != "events"})
    found = by_batches(partial(_generated, question.target, given), (flat, lp), AT_ONCE)
    values = {name: value.reshape(shape) for name, value in found.items()}
    variance = np.full(shape, np.nan)
    at = chosen(thin, MOST_LOOKED_AT)
    looked = _of_events(question, parameters(thin, at))
    variance[at] = looked["variance"] + values["expected_number_sd"][at] ** 2
    values["variance"] = variance
    return xr.Dataset(
        {name: (("chain", "draw"), value) for name, value in values.items()},
        {"chain": thin["chain"].values, "draw": thin["draw"].values},
    )


def event_diagnostics(question: PopulationQuestion, posterior: xr.Dataset) -> xr.Dataset:
    """N_eff and log evidence of each event at about a hundred draws, and N_eff at their mean.

    N_eff = (sum w)^2 / sum w^2 (Farr 2019, doi:10.3847/2515-5172/ab1d5f) counts the samples of an
    event that the population leaves; dims (sample, event).
    """
    sampled = parameters(posterior, chosen(posterior, MOST_LOOKED_AT))
    # Their mean goes last.
    found = _of_events(question, {k: np.append(v, v.mean()) for k, v in sampled.items()})
    return xr.Dataset(
        {
            "n_eff": (("sample", "event"), found["n_eff"][:-1]),
            "log_evidence": (("sample", "event"), found["log_evidence"][:-1]),
            "n_eff_at_mean": ("event", found["n_eff"][-1]),
        },
        {"event": list(question.catalogue.names)},
    )


def all_parameters(target: Target, sampled: Any, given: Any) -> Any:
    """Add constants and aliases to the sampled parameters, shape (draw,) each."""
    (number,) = {len(values) for values in sampled.values()}
    constants = {name: np.full(number, value) for name, value in given["constants"].items()}
    return complete(target.prior, sampled, constants)


def _of_events(question: PopulationQuestion, sampled: dict[str, np.ndarray]) -> Any:
    """N_eff, log evidence and variance of the events at some draws."""
    at_once = max(1, MOST_AT_ONCE // max(1, len(question.catalogue.m1)))
    arrays = jax.device_put(question.given["events"])
    return by_batches(
        lambda params: _events(question.target.components, params, arrays),
        all_parameters(question.target, sampled, question.given),
        min(at_once, MOST_LOOKED_AT),
    )


@partial(jax.jit, static_argnums=0)
def _generated(target: Target, given: Any, draws: Any) -> Any:
    def one(draw: Any) -> Any:
        sampled, lp = draw
        params = complete(target.prior, sampled, given["constants"])
        z = unconstrain(target.prior, given["priors"], params)
        return target.generated(z, given | {"lp": lp})

    return jax.vmap(one)(draws)


@partial(jax.jit, static_argnums=0)
def _events(components: Components, params: Any, arrays: Any) -> Any:
    def one(params: Any) -> Any:
        n_eff = events.effective_samples(components, params, arrays)
        return {
            "n_eff": jnp.where(jnp.isfinite(n_eff), n_eff, 0.0),
            "log_evidence": events.log_evidences(components, params, arrays),
            "variance": events.variance(components, params, arrays),
        }

    return jax.vmap(one)(params)
