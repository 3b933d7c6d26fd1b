"""The models in PyMC, for its own sampler and for nutpie: data are `pm.Data`, to be exchanged."""

from typing import Any

import numpy as np
import pymc as pm


def model(asked: dict[str, Any]) -> Any:
    """Write the model of a question."""
    group, centered = np.array(asked["group"]), np.array(asked["centered"])
    with pm.Model() as written:
        given = {name: pm.Data(name, value) for name, value in data(asked).items()}
        if asked["kind"] == "means":
            mu = pm.Normal("mu", 0.0, 5.0)
            tau = pm.HalfNormal("tau", 5.0)
            theta = _effects("theta", mu, tau, centered)
            # One row a group needs no index, and is faster without.
            mean = theta if np.array_equal(group, np.arange(len(centered))) else theta[group]
            pm.Normal("response", mean, given["sigma"], observed=given["y"])
        else:
            mu_intercept = pm.Normal("mu_intercept", 0.0, 5.0)
            mu_slope = pm.Normal("mu_slope", 0.0, 5.0)
            sigma_intercept = pm.HalfCauchy("sigma_intercept", 2.0)
            sigma_slope = pm.HalfCauchy("sigma_slope", 2.0)
            sigma_noise = pm.Exponential("sigma_noise", 1.0)
            intercept = _effects("intercept", mu_intercept, sigma_intercept, centered)
            slope = _effects("slope", mu_slope, sigma_slope, centered)
            mean = intercept[group] + slope[group] * given["x"]
            pm.Normal("response", mean, sigma_noise, observed=given["y"])
    return written


def data(asked: dict[str, Any]) -> dict[str, np.ndarray]:
    """Gather what may change without compiling."""
    return {name: np.array(asked[name], float) for name in ("y", "x", "sigma") if name in asked}


def _effects(name: str, mu: Any, tau: Any, centered: np.ndarray) -> Any:
    if centered.all():
        return pm.Normal(name, mu, tau, shape=len(centered))
    z = pm.Normal(f"z_{name}", 0.0, 1.0, shape=int((~centered).sum()))
    if not centered.any():
        return pm.Deterministic(name, mu + tau * z)
    own = pm.Normal(f"{name}_centered", mu, tau, shape=int(centered.sum()))
    order = np.argsort(np.argsort(~centered, kind="stable"))
    joined: Any = pm.math.concatenate([own, mu + tau * z])
    return pm.Deterministic(name, joined[order])
