"""The arm of PyMC with its own NUTS: each model is written once, other data are put into it."""

from typing import Any

import pymc as pm

from benchmarks.peers.protocol import SITES, Sampled, serve
from benchmarks.peers.pymc_models import data, model

_models: dict[str, Any] = {}


def sample(asked: dict[str, Any]) -> Sampled:
    """Sample as `pm.sample` does by default, a process a core."""
    name = asked["parameterization"]
    if name in _models:
        pm.set_data(data(asked), model=_models[name])
    else:
        _models[name] = model(asked)
    found = pm.sample(
        draws=asked["num_samples"],
        tune=asked["num_warmup"],
        chains=asked["num_chains"],
        target_accept=asked["target_accept_prob"],
        random_seed=asked["seed"],
        model=_models[name],
        nuts_sampler="pymc",
        progressbar=False,
        compute_convergence_checks=False,
    )
    draws = {site: found["posterior"][site].values for site in SITES[asked["kind"]]}
    return Sampled(draws, int(found["sample_stats"]["n_steps"].values.sum()))


if __name__ == "__main__":
    serve(sample)
