"""What each event says about a population: evidence, effective samples and their variance.

Event n has M_n samples theta_i drawn under a reference prior pi_n. Its evidence is the mean of
w_i = rho(theta_i) / pi_n(theta_i), rho the rate density of `hbdash.population.mass_models`: the
discrete method of population inference (Mandel, Farr and Gair 2019, doi:10.1093/mnras/stz896).
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from hbdash.population.event_arrays import layout, number_of_arrays
from hbdash.population.mass_models import finite, log_rate_density
from hbdash.population.parameters import Components
from hbdash.population.total_evidence import total_log_evidence, variance

__all__ = [
    "effective_samples",
    "layout",
    "log_evidences",
    "total_log_evidence",
    "variance",
]


def log_evidences(c: Components, params: Mapping[str, Any], design: Mapping[str, Any]) -> Array:
    """Log evidence of each event: -ln M_n + logsumexp_i(ln rho - log_prior).

    Parameters
    ----------
    c, params : components and their parameters by name.
    design : arrays of `layout`.

    Returns
    -------
    Shape (N,); -inf for an event without samples in the support. M_n counts those outside too.
    """
    return _log_sums(c, params, design)[0] - jnp.log(design["rows"])


def effective_samples(c: Components, params: Mapping[str, Any], design: Mapping[str, Any]) -> Array:
    """Effective number of samples of each event, (sum w)^2 / sum w^2 (Kish 1965).

    Parameters
    ----------
    c, params, design : as in `log_evidences`.

    Returns
    -------
    Shape (N,): 1 to M_n, or 0 for an event without samples in the support.
    """
    first, second = _log_sums(c, params, design)
    seen = first > -jnp.inf
    # -inf must not meet -inf, not even behind the mask.
    first, second = jnp.where(seen, first, 0.0), jnp.where(seen, second, 0.0)
    return jnp.where(seen, jnp.exp(2 * first - second), 0.0)


def _log_sums(
    c: Components, params: Mapping[str, Any], design: Mapping[str, Any]
) -> tuple[Array, Array]:
    """Logs of the sums of w and of w^2 in each event, shapes (N,)."""
    peaks, first, second, events = [], [], [], []
    for number in range(number_of_arrays(design)):
        width = design[f"m1_{number}"].shape[-1]
        names = (f"{name}_{number}" for name in ("m1", "m2", "log_prior"))
        m1, m2, log_prior = (design[name].reshape(-1, width) for name in names)
        density = log_rate_density(c, params, m1, m2)
        inside = (density > -jnp.inf) & (log_prior < jnp.inf)
        value = jnp.where(inside, density, 0.0) - jnp.where(inside, log_prior, 0.0)
        value = jnp.where(inside, value, -jnp.inf)
        peaks.append(jax.lax.stop_gradient(value.max(-1)))
        weight = jnp.exp(value - finite(peaks[-1])[:, None])
        first.append(weight.sum(-1))
        second.append((weight**2).sum(-1))
        events.append(design[f"event_{number}"].ravel())
    event, peak, count = jnp.concatenate(events), jnp.concatenate(peaks), len(design["rows"])
    highest = finite(jax.ops.segment_max(peak, event, count))
    relative = jnp.exp(peak - highest[event])

    def log_sum(parts: list[Array], power: int) -> Array:
        total = jax.ops.segment_sum(jnp.concatenate(parts) * relative**power, event, count)
        seen = total > 0
        return jnp.where(seen, jnp.log(jnp.where(seen, total, 1.0)) + power * highest, -jnp.inf)

    return log_sum(first, 1), log_sum(second, 2)
