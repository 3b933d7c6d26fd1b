"""The quantities of a run, read from its DataTree by name."""

import json
from typing import Any, NamedTuple

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


def levels(dt: xr.DataTree) -> dict[str, dict[str, Any]]:
    """Return the populations of effects in a run by name, with the sites that each is made of."""
    return json.loads(dt.attrs.get("levels", "{}"))


def level(dt: xr.DataTree, name: str) -> xr.DataTree:
    """Show one population of effects under the names mu, tau, theta, and sigma for the noise.

    Groups to which the level's predictor does not apply are left out. What is asked of the groups
    by themselves is called mean and standard_error; the centeredness has no suffix.
    """
    about = levels(dt)[name]
    effect = about["effect"]
    names = {effect: "theta", about["location"]: "mu", about["scale"]: "tau"}
    names |= {about["noise"]: "sigma"} if about["noise"] else {}
    names |= {f"true_{site}": f"true_{role}" for site, role in names.items()}
    names |= {
        f"centeredness_{effect}": "centeredness",
        f"estimate_{effect}": "mean",
        f"standard_error_{effect}": "standard_error",
    }
    applies: Any = slice(None)
    member = about["member"]
    if "mask" in dt["constant_data"]:
        mask = variable(dt, "constant_data/mask")
        column = mask.sel(predictor=member) if member else mask.any("predictor")
        if about["masked"]:
            applies = np.flatnonzero(column.values)

    def canonical(group: xr.Dataset) -> xr.Dataset:
        if member and "predictor" in group.dims:
            group = group.sel(predictor=member, drop=True)
        if "group" in group.dims:
            group = group.isel(group=applies)
        return group.rename({old: new for old, new in names.items() if old in group})

    groups = {str(key): canonical(child.to_dataset()) for key, child in dt.children.items()}
    shown = xr.DataTree.from_dict(groups)
    unit = str(dt.attrs.get("response", ""))
    if unit and (member or effect == "slope"):
        unit += f" per {member or dt['constant_data'].coords['predictor'].values[0]}"
    sites = {role: site for site, role in names.items() if not role.startswith("true_")}
    sites = {role: sites[role] for role in ("theta", "mu", "tau", "sigma") if role in sites}
    if member:
        sites = {r: f"{s}[{member}]" if r != "sigma" else s for r, s in sites.items()}
    shown.attrs = dt.attrs | {"level": name, "unit": unit, "sites": json.dumps(sites)}
    return shown


class Followed(NamedTuple):
    """A number that figures follow from draw to draw.

    Attributes
    ----------
    name : such as "mu", "log_tau" or "w[north, speed]".
    site : its variable in the posterior. at : its place there, () for a scalar.
    log : whether the logarithm is followed.
    """

    name: str
    site: str
    at: tuple[int, ...] = ()
    log: bool = False

    def of(self, dt: xr.DataTree) -> xr.DataArray:
        """Return its draws, shape (chain, draw)."""
        draws = variable(dt, f"posterior/{self.site}").transpose("chain", "draw", ...)
        draws = draws.isel(dict(zip(draws.dims[2:], self.at, strict=True)))
        values = np.maximum(draws.values, np.finfo(float).tiny) if self.log else None
        return draws if values is None else draws.copy(data=np.log(values))

    def truth(self, dt: xr.DataTree) -> float:
        """Return its generating value, NaN where that is not known."""
        known = dt["constant_data"].to_dataset() if "constant_data" in dt.children else {}
        if f"true_{self.site}" not in known:
            return np.nan
        value = float(known[f"true_{self.site}"].values[self.at])
        return value if not self.log else np.log(value) if value > 0 else np.nan


def followed(runs: list[xr.DataTree]) -> list[Followed]:
    """Choose what traces and the like follow: mu, log tau and log sigma of a population.

    Where effects have no population, it is the scale, and of every other site the entry whose
    R-hat is the largest in any run; weights that do not apply are left out.
    """
    if all("tau" in dt["posterior"] for dt in runs):
        return [Followed("mu", "mu"), Followed("log_tau", "tau", log=True)]
    found = [Followed("log_scale", "scale", log=True)]
    for site in ("alpha", "w"):
        draws = [variable(dt, f"posterior/{site}").transpose("chain", "draw", ...) for dt in runs]
        worst = np.nan_to_num(np.max([r_hat(d) for d in draws], axis=0), nan=0.0)
        if worst.ndim == 2:
            worst = np.where(variable(runs[0], "constant_data/mask").values, worst, -1.0)
        at = tuple(int(k) for k in np.unravel_index(np.argmax(worst), worst.shape))
        coords = [draws[0][dim].values for dim in draws[0].dims[2:]]
        labels = [str(names[k]) for names, k in zip(coords, at, strict=True)]
        found.append(Followed(f"{site}[{', '.join(labels)}]", site, at))
    return found


def with_draws(runs: dict[str, xr.DataTree]) -> list[tuple[int, str, xr.DataTree]]:
    """Return number (the run's colour), label and draws of each run that has draws."""
    return [
        (i, label, dt)
        for i, (label, dt) in enumerate(runs.items())
        if "posterior" in dt.children and variable(dt, "sample_stats/lp").size
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
