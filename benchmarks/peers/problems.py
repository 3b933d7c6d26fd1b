"""The problems: rows as plain columns for every arm, exact answers, and new data like them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hbdash.data import Example, Scene
from hbdash.data import load as load_groups
from hbdash.models import MODELS
from hbdash.regression_sources import SimulatedLines
from hbdash.regression_sources import load as load_lines
from hbdash.spec import RunSpec

#: The populations of each kind as `hbdash` names their means: what is judged of a run.
COORDINATES = {
    "means": ("mu", "log_tau"),
    "lines": (
        "mu_intercept",
        "mu_slope",
        "log_sigma_intercept",
        "log_sigma_slope",
        "log_sigma_noise",
    ),
}
LENGTH = {"num_warmup": 1000, "num_samples": 1000, "num_chains": 4, "target_accept_prob": 0.95}


@dataclass(frozen=True)
class Problem:
    """Rows in K groups and a model for them.

    Attributes
    ----------
    name : on the table.
    kind : "means", y_i ~ Normal(theta_g(i), sigma_i), or "lines", varying intercepts and slopes.
    columns : "group" (0 to K - 1) and "y", N numbers each; with means "sigma", one number or N;
        with lines "x".
    centered : for each parameterization whether a group is centered, K each.
    source : what the data are in a spec of `hbdash`; None where they are to be uploaded.
    """

    name: str
    kind: str
    columns: dict[str, Any]
    centered: dict[str, tuple[bool, ...]]
    source: dict[str, Any] | None = None

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return max(self.columns["group"]) + 1

    def question(self, parameterization: str, seed: int, **length: Any) -> dict[str, Any]:
        """Spell out all that an arm needs to know, for JSON."""
        about = {"kind": self.kind, "groups": self.groups, "source": self.source, "seed": seed}
        chosen = {"parameterization": parameterization, "centered": self.centered[parameterization]}
        return about | chosen | self.columns | LENGTH | length

    def changed(self, seed: int) -> "Problem":
        """New data of the same shape: the response moved by a quarter of its noise."""
        y = np.array(self.columns["y"])
        spread = self.columns["sigma"] if self.kind == "means" else y.std()
        y = y + np.random.default_rng(seed).normal(0.0, np.array(spread) / 4, y.shape)
        columns = self.columns | {"y": y.tolist()}
        return replace(self, columns=columns, source=_source(self.kind, columns))

    def exact(self) -> dict[str, float]:
        """Exact means of the coordinates, by quadrature."""
        model = MODELS["normal_means" if self.kind == "means" else "regression"]
        spec = RunSpec.model_validate(
            {"model": model.name, "data": self.source or _line_rows(self.columns)}
        )
        means = model.exact(spec.grouped(), spec.priors).means
        return {name: means[name] for name in COORDINATES[self.kind]}


def problems(radon: Path | None = None) -> dict[str, Problem]:
    """List all problems by name; radon with its table, a CSV of county, floor and log_radon."""
    found = [_eight_schools(), *map(_scene, ("weak", "strong", "unbalanced")), _regression()]
    if radon is not None:
        found.append(_radon(radon))
    return {problem.name: problem for problem in found}


def _source(kind: str, columns: dict[str, Any]) -> dict[str, Any] | None:
    """Put changed data into a spec of `hbdash`."""
    if kind == "lines":
        return None
    group, y, sigma = list(map(str, columns["group"])), columns["y"], columns["sigma"]
    if isinstance(sigma, list):
        return {"source": "estimates", "group": group, "estimate": y, "standard_error": sigma}
    return {"source": "rows", "group": group, "value": y, "sigma": sigma}


def _line_rows(columns: dict[str, Any]) -> dict[str, Any]:
    return {
        "source": "regression_rows",
        "group": list(map(str, columns["group"])),
        "response": columns["y"],
        "predictors": {"x": columns["x"]},
    }


def _both(groups: int) -> dict[str, tuple[bool, ...]]:
    return {"centered": (True,) * groups, "noncentered": (False,) * groups}


def _eight_schools() -> Problem:
    data = load_groups(Example())
    assert data.sigma is not None
    columns = {"group": list(range(8)), "y": data.mean.tolist(), "sigma": data.sigma.tolist()}
    return Problem("eight schools", "means", columns, _both(8), {"source": "example"})


def _scene(name: str) -> Problem:
    data = load_groups(Scene(name=name))  # pyright: ignore[reportArgumentType]
    assert data.sigma is not None
    columns = {"group": data.index.tolist(), "y": data.values.tolist()}
    columns["sigma"] = float(data.sigma[0])
    # Mixed by the number of rows, as in the study, where it differs; else every other group.
    many = data.n >= 50
    mixed = many if many.any() else np.arange(len(data.n)) % 2 == 0
    centered = _both(len(data.n)) | {"mixed": tuple(mixed.tolist())}
    return Problem(name, "means", columns, centered, {"source": "scene", "name": name})


def _regression() -> Problem:
    data = load_lines(SimulatedLines())
    index, x, y = data.rows
    columns = {"group": index.tolist(), "x": x[:, 0].tolist(), "y": y.tolist()}
    source = {"source": "simulated_lines"}
    return Problem("regression 8 x 40", "lines", columns, _both(len(data.names)), source)


def _radon(path: Path) -> Problem:
    table = pd.read_csv(path)
    if missing := {"county", "floor", "log_radon"} - set(table.columns):
        raise ValueError(
            f"{path.name} must have the columns county, floor and log_radon; it lacks "
            f"{', '.join(sorted(missing))}."
        )
    index, names = pd.factorize(table["county"])
    columns = {
        "group": index.tolist(),
        "x": table["floor"].astype(float).tolist(),
        "y": table["log_radon"].tolist(),
    }
    return Problem("radon", "lines", columns, _both(len(names)))
