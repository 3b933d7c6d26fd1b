"""Draws and summary of a run as CSV tables."""

import numpy as np
import pandas as pd
import xarray as xr

from hbdash.posterior_summary import entries, summarize


def draws_table(dt: xr.DataTree) -> pd.DataFrame:
    """Arrange the posterior draws, a row for each, in the units of the data.

    Parameters
    ----------
    dt : a run.

    Returns
    -------
    Columns chain, draw, and one for each scalar, such as "tau" or "theta[school A]".
    """
    posterior = dt["posterior"].to_dataset()
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    columns = {
        "chain": np.repeat(posterior["chain"].values, draws),
        "draw": np.tile(posterior["draw"].values, chains),
    }
    parts = [pd.DataFrame(columns)]
    for site in posterior.data_vars:
        values = posterior[site].transpose("chain", "draw", ...)
        parts.append(
            pd.DataFrame(values.values.reshape(chains * draws, -1), columns=entries(values))
        )
    return pd.concat(parts, axis=1)


def draws_csv(dt: xr.DataTree) -> str:
    """Write the draws with all digits."""
    return draws_table(dt).to_csv(index=False)


def summary_csv(dt: xr.DataTree) -> str:
    """Write the summary of every quantity, with 90 % intervals."""
    return summarize(dt).to_csv()
