"""The arm of hbdash: the lab's own question, `hbdash.run.run`."""

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.peers.protocol import SITES, Sampled, serve
from hbdash.run import run
from hbdash.spec import RunSpec
from hbdash.tables.csv_table import read_csv
from hbdash.tables.regression_upload import guess_regression, save_regression, tidy_regression

#: Of a question what is a setting of the sampler.
SETTINGS = ("num_warmup", "num_samples", "num_chains", "target_accept_prob", "seed")


def sample(asked: dict[str, Any]) -> Sampled:
    """Ask for a run as the lab does."""
    spec = {
        "model": "normal_means" if asked["kind"] == "means" else "regression",
        "data": asked["source"] or _upload(asked),
        "parameterization": _parameterization(asked["centered"]),
        "sampler": {name: asked[name] for name in SETTINGS},
    }
    dt = run(RunSpec.model_validate(spec))
    draws = {site: np.asarray(dt["posterior"][site]) for site in SITES[asked["kind"]]}
    return Sampled(draws, dt.attrs["sampling_gradients"])


def _parameterization(centered: list[bool]) -> dict[str, Any]:
    if len(set(centered)) > 1:
        return {"kind": "mixed", "groups": np.flatnonzero(centered).tolist()}
    return {"kind": "centered" if centered[0] else "noncentered"}


def _upload(asked: dict[str, Any]) -> dict[str, Any]:
    """Hand the rows in as the CSV that somebody would upload."""
    columns = {name: asked[name] for name in ("group", "x", "y")}
    table = read_csv(pd.DataFrame(columns).to_csv(index=False).encode())
    clean = tidy_regression(table, guess_regression(table, several=False))
    return {"source": "uploaded_regression", "sha256": save_regression(clean)}


if __name__ == "__main__":
    serve(sample)
