"""The arm of nutpie, on PyMC models: each is compiled once, other data are put into it."""

from typing import Any

import nutpie

from benchmarks.peers.protocol import SITES, Sampled, serve
from benchmarks.peers.pymc_models import data, model

_compiled: dict[str, Any] = {}


def sample(asked: dict[str, Any]) -> Sampled:
    """Sample with all cores, which is nutpie's default."""
    name = asked["parameterization"]
    if name in _compiled:
        _compiled[name] = _compiled[name].with_data(**data(asked))
    else:
        _compiled[name] = nutpie.compile_pymc_model(model(asked))
    run: Any = nutpie.sample
    found = run(
        _compiled[name],
        draws=asked["num_samples"],
        tune=asked["num_warmup"],
        chains=asked["num_chains"],
        seed=asked["seed"],
        target_accept=asked["target_accept_prob"],
        progress_bar=False,
    )
    draws = {site: found["posterior"][site].values for site in SITES[asked["kind"]]}
    return Sampled(draws, int(found["sample_stats"]["n_steps"].values.sum()))


if __name__ == "__main__":
    serve(sample)
