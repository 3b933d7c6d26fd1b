"""Leave-one-out cross-validation of the rows: how well each would be predicted from the others."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from arviz_stats.loo.loo import loo as arviz_loo
from arviz_stats.loo.loo_pit import loo_pit as arviz_loo_pit
from scipy.special import gammaln

from hbdash.predict import Lines, lines, observations
from hbdash.quantities import variable
from hbdash.replicated import Rows, complete_rows, has_draws, heights

#: Draws of all chains together that the log likelihood of every row is computed for.
MOST_DRAWS = 1000
#: Below this the tail of the importance weights is a handful of draws.
FEWEST_DRAWS = 100
#: Begins the warning that `Loo.warning` says in other words.
_SAID_OTHERWISE = "Estimated shape parameter of Pareto distribution"


class Loo(NamedTuple):
    """What leaving out one row at a time says.

    Attributes
    ----------
    elpd_loo, se : expected log predictive density of the N rows, in nats, and its standard error.
    p_loo : effective number of parameters.
    elpd : shape (N,): the rows' own parts of `elpd_loo`.
    pareto_k : shape (N,): shape of the tail of each row's importance weights.
    pit : shape (N,): probability of less than what was observed, given all other rows.
    good_k : above it a row's part is not reliable. n_bad : rows above it.
    warning : what is wrong and what to do, in words; "" when nothing is.
    rows : the rows.
    draws : number of draws used.
    """

    elpd_loo: float
    se: float
    p_loo: float
    elpd: np.ndarray
    pareto_k: np.ndarray
    pit: np.ndarray
    good_k: float
    n_bad: int
    warning: str
    rows: Rows
    draws: int


def pointwise_log_likelihood(dt: xr.DataTree) -> xr.Dataset:
    """Log density of every complete row under every kept draw, in the units of the data.

    Parameters
    ----------
    dt : draws of either regression model.

    Returns
    -------
    `y` (chain, draw, row), in nats: normal, or Student's t where the posterior has nu. At most
    1,000 draws of all chains together, evenly kept; `row` counts the kept rows from 0, without
    those that are blank where a predictor applies.

    Raises
    ------
    ValueError
        When the run does not keep all its rows, none is complete, or there are too few draws.
    """
    kept, rows, found, means = _prepare(dt)
    return xr.Dataset({"y": _array(_log_density(found, rows.y, means), kept, rows)})


def loo(dt: xr.DataTree) -> Loo:
    """Leave out one row at a time, by Pareto-smoothed importance sampling.

    Parameters
    ----------
    dt : draws of either regression model.

    Raises
    ------
    ValueError
        As in `pointwise_log_likelihood`.

    Notes
    -----
    Vehtari, Gelman and Gabry (2017), doi:10.1007/s11222-016-9696-4; Vehtari, Simpson, Gelman, Yao
    and Gabry (2024), arXiv:1507.02646. Computed by `arviz_stats.loo` and `arviz_stats.loo_pit`,
    whose warnings become words. About 0.4 ms a row.
    """
    kept, rows, found, means = _prepare(dt)
    data = xr.DataTree.from_dict(
        {
            "posterior": kept,
            "log_likelihood": xr.Dataset(
                {"y": _array(_log_density(found, rows.y, means), kept, rows)}
            ),
            "posterior_predictive": xr.Dataset(
                {"y": _array(observations(found, means), kept, rows)}
            ),
            "observed_data": xr.Dataset({"y": ("row", rows.y)}, {"row": rows.row}),
        }
    )
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        result: Any = arviz_loo(data, pointwise=True)
        weights, k = (xr.Dataset({"y": v}) for v in (result.log_weights, result.pareto_k))
        pit = arviz_loo_pit(data, log_weights=weights, pareto_k=k)["y"].values
    pareto_k, good = result.pareto_k.values, float(result.good_k)
    bad = ~(pareto_k <= good)
    said = [str(w.message) for w in caught if _SAID_OTHERWISE not in str(w.message)]
    return Loo(
        float(result.elpd),
        float(result.se),
        float(result.p),
        result.elpd_i.values,
        pareto_k,
        pit,
        good,
        int(bad.sum()),
        _words(pareto_k, good, rows, dt, list(dict.fromkeys(said))),
        rows,
        len(found.noise),
    )


def loo_pit(dt: xr.DataTree) -> np.ndarray:
    """Probability of less than each observed response given all other rows, shape (row,).

    Uniform in [0, 1] when the model describes the rows. By `arviz_stats.loo_pit`.
    """
    return loo(dt).pit


def _prepare(dt: xr.DataTree) -> tuple[xr.Dataset, Rows, Lines, np.ndarray]:
    """Return the thinned posterior, the rows, and the lines of each draw with their heights."""
    posterior = dt["posterior"].to_dataset() if has_draws(dt) else xr.Dataset()
    chains, draws = posterior.sizes.get("chain", 0), posterior.sizes.get("draw", 0)
    if chains * draws < FEWEST_DRAWS:
        raise ValueError(
            f"Leaving rows out needs at least {FEWEST_DRAWS} draws in all chains together, got "
            f"{chains * draws}: continue the run for more."
        )
    present = variable(dt, "observed_data/y").sizes["row"]
    total = int(dt["observed_data"].attrs.get("rows", present))
    if total > present:
        raise ValueError(
            f"Leaving rows out needs every row, got {present:,} of {total:,}, because a run keeps "
            f"at most {present:,}: take a sample of the rows as data, or compare replicated data "
            "with the observed ones."
        )
    rows = complete_rows(dt)
    if not len(rows.y):
        raise ValueError(
            "Leaving rows out needs a row without blank cells, got none: fill in cells where a "
            "predictor applies."
        )
    each = np.linspace(0, draws - 1, min(draws, max(1, MOST_DRAWS // chains))).round().astype(int)
    kept = posterior.isel(draw=each)
    thinned = xr.DataTree.from_dict(
        {"posterior": kept, "constant_data": dt["constant_data"].to_dataset()}
    )
    found = lines(thinned, chains * len(each))
    return kept, rows, found, heights(found, rows)


def _log_density(found: Lines, y: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Log density of rows (N,) around their heights (S, N), in nats."""
    scale = found.noise[:, None]
    z = (y - means) / scale
    if found.nu is None:
        return -0.5 * z**2 - np.log(scale) - 0.5 * np.log(2 * np.pi)
    nu = found.nu[:, None]
    peak = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi) - np.log(scale)
    return peak - (nu + 1) / 2 * np.log1p(z**2 / nu)


def _array(values: np.ndarray, kept: xr.Dataset, rows: Rows) -> xr.DataArray:
    """Give pooled values (S, N) back their chains."""
    chains, draws = kept.sizes["chain"], kept.sizes["draw"]
    return xr.DataArray(
        values.reshape(chains, draws, -1),
        {"chain": kept["chain"], "draw": kept["draw"], "row": rows.row},
        ("chain", "draw", "row"),
    )


def _words(pareto_k: np.ndarray, good: float, rows: Rows, dt: xr.DataTree, said: list[str]) -> str:
    found = []
    bad = np.flatnonzero(~(pareto_k <= good))
    if len(bad):
        names = variable(dt, "constant_data/mask").coords["group"].values
        worst = bad[np.argsort(-np.nan_to_num(pareto_k[bad], nan=np.inf))][:3]
        where = "; ".join(f"row {rows.row[i] + 1} in {names[rows.group[i]]}" for i in worst)
        one = len(bad) == 1
        could_be_robust = "slope" in dt["posterior"] and "nu" not in dt["posterior"]
        found.append(
            f"{len(bad):,} of {len(rows.y):,} rows {'has' if one else 'have'} a Pareto k above "
            f"{good:.2f} ({'' if one else 'the worst: '}{where}). Without such a row the posterior "
            "would be another one, so its part of the sum, and its PIT, are not reliable. Look at "
            + ("that row" if one else "those rows")
            + (", or try the Student-t likelihood." if could_be_robust else ".")
        )
    if rows.incomplete:
        found.append(
            f"Rows with blank cells where a predictor applies are left out: {rows.incomplete:,}."
        )
    return " ".join(found + said)
