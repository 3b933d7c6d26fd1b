"""Comparing runs by leave-one-out cross-validation: which model would predict new rows best."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.loo.compare import compare as arviz_compare
from arviz_stats.loo.loo import loo as arviz_loo

from hbdash.loo import pointwise_log_likelihood

#: Columns of the table.
COLUMNS = ("rank", "elpd", "se", "p_loo", "elpd_diff", "dse", "weight", "n_bad")


def compare(runs: Mapping[str, xr.DataTree]) -> pd.DataFrame:
    """Rank runs by their expected log predictive density.

    Parameters
    ----------
    runs : label to draws of regression models, at least two, on the same rows.

    Returns
    -------
    A row for each run, the best first: rank from 0; elpd, the expected log pointwise predictive
    density in nats, with its standard error; p_loo, the effective number of parameters; elpd_diff,
    how much worse than the best, with the standard error dse of that difference; weight, by
    stacking of predictive distributions; n_bad, rows whose Pareto k is too large to be trusted.

    Raises
    ------
    ValueError
        When there are fewer than two runs, or `pointwise_log_likelihood` cannot be had of one.

    Notes
    -----
    By `arviz_stats.compare` (Vehtari, Gelman and Gabry 2017, doi:10.1007/s11222-016-9696-4; Yao,
    Vehtari, Simpson and Gelman 2018, doi:10.1214/17-BA1091). At most 1,000 draws of each run.
    """
    if len(runs) < 2:
        raise ValueError("Choose at least two runs to compare by LOO.")
    found: dict[str, Any] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of large Pareto k: the table counts them
        for label, dt in runs.items():
            density = pointwise_log_likelihood(dt)
            groups = {"posterior": _kept(density), "log_likelihood": density}
            found[label] = arviz_loo(xr.DataTree.from_dict(groups), pointwise=True)
        table: pd.DataFrame = arviz_compare(found)
    each = [found[label] for label in table.index]
    bad = [int((~(one.pareto_k.values <= one.good_k)).sum()) for one in each]
    table = table.rename(columns={"p": "p_loo"}).assign(n_bad=bad)
    return pd.DataFrame({name: table[name] for name in COLUMNS}).rename_axis("run")


def _kept(density: xr.Dataset) -> xr.Dataset:
    """The posterior of the draws that the density was computed for; its size counts alone."""
    return xr.Dataset(
        {"one": density["y"].isel(row=0, drop=True)}, {"chain": density.chain, "draw": density.draw}
    )
