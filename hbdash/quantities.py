"""The quantities of a run, read from its DataTree by name."""

import numpy as np
import xarray as xr
from arviz_stats.sampling_diagnostics import ess, rhat


def variable(dt: xr.DataTree, path: str) -> xr.DataArray:
    """Return one variable of a run, such as "sample_stats/energy", or say that it is missing."""
    group, name = path.split("/")
    if group not in dt.children or name not in dt[group].data_vars:
        raise ValueError(
            f"This figure needs {path}, which this run does not record. "
            "Run it again with NUTS, which records every variable that the figures use."
        )
    return dt[group].to_dataset()[name]


def quantity(dt: xr.DataTree, name: str) -> xr.DataArray:
    """Return the draws of "mu", "log_tau" or "sigma", shape (chain, draw)."""
    if name != "log_tau":
        return variable(dt, f"posterior/{name}").transpose("chain", "draw")
    tau = variable(dt, "posterior/tau").transpose("chain", "draw")
    return tau.copy(data=np.log(np.maximum(tau.values, np.finfo(float).tiny)))


def with_draws(runs: dict[str, xr.DataTree]) -> list[tuple[int, str, xr.DataTree]]:
    """Return number (the run's colour), label and draws of each run that has draws."""
    return [
        (i, label, dt)
        for i, (label, dt) in enumerate(runs.items())
        if "posterior" in dt.children and variable(dt, "posterior/mu").size
    ]


def worst_group(runs: list[xr.DataTree]) -> tuple[int, str]:
    """Return the group whose theta has the largest R-hat of any run, and why it was chosen.

    Where R-hat does not exist (one chain, for instance) the lowest bulk ESS decides.
    """
    theta = [variable(dt, "posterior/theta") for dt in runs]
    worst = np.max([r_hat(draws) for draws in theta], axis=0)
    if not np.isnan(worst).all():
        return int(np.argmax(np.nan_to_num(worst, nan=0.0, posinf=np.inf))), "worst R-hat"
    if min(draws.sizes["draw"] for draws in theta) < 4:
        return 0, "data units"
    lowest = np.min([ess(draws).values for draws in theta], axis=0)
    return int(np.argmin(np.nan_to_num(lowest, nan=0.0))), "lowest ESS"


def r_hat(draws: xr.DataArray) -> np.ndarray:
    """R-hat of draws (chain, draw, ...); NaN with one chain, under four draws, or if all are equal.

    It is infinite where every chain stands still in a place of its own.
    """
    if draws.sizes["chain"] < 2 or draws.sizes["draw"] < 4:
        return np.full(
            [n for dim, n in draws.sizes.items() if dim not in ("chain", "draw")], np.nan
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        return rhat(draws).values
