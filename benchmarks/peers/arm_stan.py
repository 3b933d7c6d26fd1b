"""The arm of PyStan: a program a parameterization, kept by PyStan once g++ has compiled it."""

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import stan

from benchmarks.peers.protocol import SITES, Sampled, serve

PROGRAMS = Path(__file__).parent / "stan"


def sample(asked: dict[str, Any]) -> Sampled:
    """Build the program with the data, and sample; PyStan runs a process a chain."""
    name = f"{asked['kind']}_{asked['parameterization']}"
    program = (PROGRAMS / f"{name}.stan").read_text()
    began = time.monotonic()
    posterior = stan.build(program, data=_data(asked), random_seed=asked["seed"])
    spared = _spared(name, time.monotonic() - began)
    fit = posterior.sample(
        num_chains=asked["num_chains"],
        num_warmup=asked["num_warmup"],
        num_samples=asked["num_samples"],
        delta=asked["target_accept_prob"],
    )
    shape = asked["num_samples"], asked["num_chains"]
    draws = {site: fit[site].reshape(shape).T for site in SITES[asked["kind"]]}
    return Sampled(draws, int(fit["n_leapfrog__"].sum()), spared)


def _data(asked: dict[str, Any]) -> dict[str, Any]:
    rows = {"N": len(asked["y"]), "K": asked["groups"], "y": asked["y"]}
    rows["g"] = (np.array(asked["group"]) + 1).tolist()
    if asked["kind"] == "lines":
        return rows | {"x": asked["x"]}
    rows["sigma"] = np.broadcast_to(asked["sigma"], len(asked["y"])).tolist()
    if asked["parameterization"] != "mixed":
        return rows
    centered = np.array(asked["centered"])
    chosen = {"C": int(centered.sum()), "centered": (np.flatnonzero(centered) + 1).tolist()}
    return rows | chosen | {"noncentered": (np.flatnonzero(~centered) + 1).tolist()}


def _spared(name: str, seconds: float) -> float:
    """Remember how long a program's first build took; return it to all who find it built."""
    path = Path(os.environ["XDG_CACHE_HOME"]) / "build_seconds.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    if name in known:
        return known[name]
    path.write_text(json.dumps(known | {name: seconds}))
    return 0.0


if __name__ == "__main__":
    serve(sample)
