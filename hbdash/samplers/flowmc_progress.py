"""What a run of flowMC has done: loops, acceptance, loss and draws, readable at any time."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from hbdash.samplers.flowmc import FlowMC

#: Columns of the training that `groups` keeps.
MOST_TRAINING = 2000
#: Phases of a loop that take time.
TRAINING, PRODUCTION = 3, 2


@dataclass
class FlowProgress:
    """A run on its way; phases are appended whole, so that other threads can read.

    A phase is a dict of `lp`, `local_acceptance` and `global_acceptance`, each (chain, column),
    and after the training of `sites`, each such an array. The acceptances are NaN where the other
    kernel stepped.
    """

    config: "FlowMC"
    compile_seconds: float = 0.0
    wall_seconds: float = 0.0
    compiling: bool = False
    training: list[dict[str, Any]] = field(default_factory=list)
    production: list[dict[str, Any]] = field(default_factory=list)
    loss: np.ndarray = field(default_factory=lambda: np.empty(0))
    flow: dict[str, np.ndarray] = field(default_factory=dict)
    training_loops: int = 0
    production_loops: int = 0
    in_production: bool = False
    phases: int = 0
    within: float = 0.0
    stopping: bool = False
    finished: bool = False
    evaluations: int = 0
    gradients: int = 0

    @property
    def phase(self) -> str:
        """Where the run is: "compiling", "training" or "production"."""
        if self.compiling:
            return "compiling"
        return "production" if self.in_production else "training"

    @property
    def fraction(self) -> float:
        """Share of the phases of all loops done, 0 to 1; 1 when a run is over that was stopped."""
        config = self.config
        total = TRAINING * config.n_training_loops + PRODUCTION * config.n_production_loops
        skipped = 0
        if self.in_production:  # the training ended, early or not
            skipped = TRAINING * (config.n_training_loops - self.training_loops)
        return 1.0 if self.finished else min(1.0, (skipped + self.phases + self.within) / total)

    @property
    def has_draws(self) -> bool:
        """Whether draws of the production are there."""
        return bool(self.production)

    @property
    def finished_config(self) -> "FlowMC":
        """The options of what was done: those of fewer loops when the run was stopped."""
        if not (self.stopping and self.production_loops):
            return self.config
        loops = {"n_production_loops": self.production_loops}
        if self.training_loops < self.config.n_training_loops:
            loops["n_training_loops"] = self.training_loops
        return self.config.model_copy(update=loops)

    def describe(self) -> str:
        """Say in a line what has been done: loop, acceptances, loss and draws."""
        config = self.config
        if self.in_production:
            loop, of = self.production_loops, config.n_production_loops
        else:
            loop, of = self.training_loops, config.n_training_loops
        name = "production" if self.in_production else "training"
        said = [f"{name} loop {min(loop + 1, of):,} of {of:,}"]
        for kernel in ("local", "global"):
            rate = self.acceptance(kernel)
            said += [f"{kernel} acceptance {rate:.2f}"] if np.isfinite(rate) else []
        said += [f"loss {self.loss[-1]:.2f}"] if self.loss.size else []
        draws = sum(rows["lp"].size for rows in list(self.production))
        said += [f"{draws:,} draws"] if draws else []
        said += ["stopping after this loop"] if self.stopping and not self.finished else []
        return " · ".join(said)

    def acceptance(self, kernel: str) -> float:
        """Mean acceptance of the last phase of the "local" or the "global" kernel, else NaN."""
        for rows in [*list(self.training), *list(self.production)][::-1]:
            rates = rows[f"{kernel}_acceptance"]
            if np.isfinite(rates).any():
                return float(np.nanmean(rates))
        return float("nan")

    def groups(self) -> dict[str, xr.Dataset]:
        """Arrange what was drawn so far as ArviZ groups.

        `posterior` and `sample_stats` (chain, draw) are the chains of the production alone.
        `training` holds lp and acceptances (chain, draw) at most `MOST_TRAINING` columns long, and
        the `loss` (epoch,). `flow` holds draws (sample,) of the trained flow, which are not draws
        of the posterior.
        """
        found: dict[str, xr.Dataset] = {}
        training, production = list(self.training), list(self.production)
        if production:
            found["posterior"] = _dataset(
                {name: _joined([rows["sites"][name] for rows in production])
                 for name in production[0]["sites"]}
            )  # fmt: skip
            found["sample_stats"] = _statistics(production)
        if training:
            columns = _statistics(training)
            step = -(-columns.sizes["draw"] // MOST_TRAINING)
            found["training"] = columns.isel(draw=slice(None, None, step)).assign(
                loss=("epoch", np.asarray(self.loss))
            )
        if self.flow:
            found["flow"] = xr.Dataset(
                {name: ("sample", values) for name, values in self.flow.items()}
            )
        return found


def _statistics(phases: list[dict[str, Any]]) -> xr.Dataset:
    names = ("lp", "local_acceptance", "global_acceptance")
    return _dataset({name: _joined([rows[name] for rows in phases]) for name in names})


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts, axis=1)


def _dataset(arrays: dict[str, np.ndarray]) -> xr.Dataset:
    chains, draws = next(iter(arrays.values())).shape
    return xr.Dataset(
        {name: (("chain", "draw"), values) for name, values in arrays.items()},
        {"chain": np.arange(chains), "draw": np.arange(draws)},
    )
