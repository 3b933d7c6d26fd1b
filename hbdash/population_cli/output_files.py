"""A run as the files that GWKokab writes: tables of draws, a summary, constants and columns."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.base.array import array_stats

from hbdash import store
from hbdash.population.priors import Priors
from hbdash.population_score import between_ensembles
from hbdash.posterior_summary import diagnose

#: The folder of the tables, by sampler.
FOLDERS = {
    "nuts": "numpyro_inference",
    "flowmc": "flowMC_inference",
    "aies": "aies_inference",
}
#: The summary's interval, as in ArviZ's tables, and its quantiles.
HDI, QUANTILES = 0.94, (0.05, 0.5, 0.95)


def write_run(dt: xr.DataTree, priors: Priors, folder: Path) -> None:
    """Write all files of a run into a folder.

    Parameters
    ----------
    dt : the run.
    priors : what its spec's priors resolve to; they say what is constant.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    sampler = dt.attrs["sampler"]
    names, draws = posterior(dt)
    constants, columns = fixed(priors, names)
    write_json(folder / "constants.json", constants)
    write_json(folder / "nf_samples_mapping.json", columns)
    tables = folder / FOLDERS[sampler]
    tables.mkdir()
    write_table(tables / "samples.dat", names, draws.reshape(-1, len(names)))
    write_json(tables / "posterior_summary.json", summary_of(dt))
    for chain, tag in enumerate(_tags(len(draws), sampler)):
        name = "prod_chains" if sampler == "flowmc" else "chain"
        write_table(tables / f"{name}_{tag}.dat", names, draws[chain])
    if sampler == "flowmc":
        _write_flow(dt, names, tables)
    (folder / "result.nc").write_bytes(store.netcdf(dt))


def posterior(dt: xr.DataTree) -> tuple[list[str], np.ndarray]:
    """Read the names of the sampled parameters, sorted, and the draws, (chain, draw, name)."""
    found = dt["posterior"].to_dataset()
    names = sorted(str(name) for name in found.data_vars)
    columns = [found[name].transpose("chain", "draw").values for name in names]
    return names, np.stack(columns, -1)


def fixed(priors: Priors, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, int]]:
    """Tell parameters that are not sampled from those that have a column.

    Parameters
    ----------
    names : of the columns, in order.

    Returns
    -------
    Constants by name, null where a bound is absent; and the column of each sampled parameter, which
    is that of the other one where two share a variable.
    """
    constants: dict[str, Any] = dict(priors.constants)
    columns = {name: column for column, name in enumerate(names)}
    columns |= {name: columns[other] for name, other in priors.shape.aliases}
    constants |= dict.fromkeys(priors.shape.absent)
    return dict(sorted(constants.items())), columns


def summary_of(dt: xr.DataTree) -> dict[str, dict[str, float | None]]:
    """Summarize the draws of a run; see `summary`.

    Walkers of an ensemble move each other: of AIES, r_hat_ensembles takes each ensemble as one
    chain.
    """
    names, draws = posterior(dt)
    found = summary(names, draws)
    apart = between_ensembles(dt, np.ascontiguousarray(np.moveaxis(draws, 2, 0)))
    if len(apart):
        found["r_hat_ensembles"] = _row(names, diagnose(apart)["r_hat"])
    return found


def summary(names: Sequence[str], draws: np.ndarray) -> dict[str, dict[str, float | None]]:
    """Summarize draws of all chains: statistic, then parameter, then number; null where unknown.

    Parameters
    ----------
    names, draws : parameters, and their draws of shape (chain, draw, name).

    Returns
    -------
    mean, sd, 94 % highest-density interval, quantiles, mcse_mean, ess_bulk, ess_tail and r_hat:
    rank-normalized, of all chains together (Vehtari et al. 2021, doi:10.1214/20-BA1221).
    """
    pooled = draws.reshape(-1, len(names))
    interval = np.asarray(array_stats.hdi(pooled, HDI, axis=0)).reshape(len(names), 2)
    found: dict[str, Any] = {
        "mean": pooled.mean(0),
        "sd": pooled.std(0, ddof=1) if len(pooled) > 1 else np.full(len(names), np.nan),
        "hdi_3%": interval[:, 0],
        "hdi_97%": interval[:, 1],
    }
    for quantile, values in zip(QUANTILES, np.quantile(pooled, QUANTILES, axis=0), strict=True):
        found[f"{100 * quantile:g}%"] = values
    found |= diagnose(np.ascontiguousarray(np.moveaxis(draws, 2, 0)))
    return {statistic: _row(names, values) for statistic, values in found.items()}


def _row(names: Sequence[str], values: np.ndarray) -> dict[str, float | None]:
    return {
        name: float(value) if math.isfinite(value) else None
        for name, value in zip(names, values, strict=True)
    }


def write_table(path: Path, names: Sequence[str], table: np.ndarray) -> None:
    """Write rows of numbers that NumPy and pandas read back to the last digit."""
    np.savetxt(path, table, header=" ".join(names))


def write_json(path: Path, content: Any) -> None:
    """Write JSON that every reader takes: no NaN, no infinities."""
    path.write_text(json.dumps(content, indent=4, allow_nan=False) + "\n", encoding="utf-8")


def _write_flow(dt: xr.DataTree, names: Sequence[str], tables: Path) -> None:
    """Write what flowMC records besides its draws; NaN where the other kernel stepped."""
    training = dt["training"].to_dataset()
    stats = dt["sample_stats"].to_dataset()
    phases = ("train", "prod")
    for variable, stem in (
        ("lp", "log_prob"),
        ("local_acceptance", "local_accs"),
        ("global_acceptance", "global_accs"),
    ):
        both = [group[variable].transpose("chain", "draw").values for group in (training, stats)]
        for chain, tag in enumerate(_tags(len(both[1]), "flowmc")):
            write_table(tables / f"{stem}_{tag}.dat", phases, _beside([x[chain] for x in both]))
        if variable != "lp":
            means = [_mean(values) for values in both]
            write_table(tables / f"{stem}.dat", phases, _beside(means))
    write_table(tables / "loss.dat", ["loss"], training["loss"].values.reshape(-1, 1))
    if "flow" in dt.children:
        flow = dt["flow"].to_dataset()
        drawn = np.stack([flow[name].values for name in names], -1)
        write_table(tables / "nf_samples.dat", names, drawn)


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the chains that have a value, shape (draw,); NaN where none has."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(0)
    return np.where(known.any(0), total / np.maximum(known.sum(0), 1), np.nan)


def _beside(columns: list[np.ndarray]) -> np.ndarray:
    """Put columns side by side, the shorter ones filled with NaN."""
    table = np.full((max(map(len, columns)), len(columns)), np.nan)
    for number, column in enumerate(columns):
        table[: len(column), number] = column
    return table


def _tags(chains: int, sampler: str) -> list[str]:
    width = len(str(chains - 1)) if sampler == "flowmc" else 0
    return [str(chain).zfill(width) for chain in range(chains)]
