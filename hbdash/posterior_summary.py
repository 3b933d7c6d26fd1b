"""The posterior in one table: a row a quantity, with its interval and the value it came from."""

from collections.abc import Iterator
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base.array import array_stats
from scipy.special import ndtri

from hbdash.quantities import variable

#: Columns of the table, in order.
COLUMNS = (
    "mean",
    "sd",
    "hdi_low",
    "hdi_high",
    "ess_bulk",
    "ess_tail",
    "r_hat",
    "mcse_mean",
    "truth",
    "covered",
    "prior_only",
)


#: Quantities diagnosed together: few enough to stay in the processor's cache.
AT_A_TIME = 50


class Block(NamedTuple):
    """Q quantities of one site, or derived from sites.

    Attributes
    ----------
    names : Q names. draws : shape (Q, chain, draw).
    truth : shape (Q,), NaN where unknown.
    prior_only : shape (Q,), bool: whether the likelihood does not use it.
    """

    names: list[str]
    draws: np.ndarray
    truth: np.ndarray
    prior_only: np.ndarray


def summarize(
    dt: xr.DataTree, prob: float = 0.9, which: Literal["population", "groups", "all"] = "all"
) -> pd.DataFrame:
    """Mean, sd, highest-density interval, diagnostics and generating value of every quantity.

    Quantities of the population come first, then those of the groups, such as "intercept[A]" or
    "w[A, speed]", then latent cells. Where a predictor counts from another origin than 0, rows
    "... at 0" give the height of the lines at 0. Units are those of the data.

    Parameters
    ----------
    dt : draws of any model.
    prob : probability of the interval, in (0, 1).
    which : quantities of the population, of the groups, or all.

    Returns
    -------
    Indexed by the quantity: mean, sd, hdi_low, hdi_high, ess_bulk, ess_tail, r_hat, mcse_mean,
    truth (NaN where unknown), covered (whether the interval holds the truth; NA where unknown) and
    prior_only (a weight that does not apply: its draws are those of its prior, and it has no
    truth). What the draws do not tell is NaN: diagnostics of fewer than eight draws a chain, R-hat
    of one chain.

    Raises
    ------
    ValueError
        When `prob` does not lie in (0, 1), or `which` is not on the list.

    Notes
    -----
    The interval is the narrowest that holds `prob` of the pooled draws. Diagnostics by arviz-stats
    after Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), doi:10.1214/20-BA1221.
    """
    if not 0 < prob < 1:
        raise ValueError(f"`prob` must lie in (0, 1), got {prob:g}: give 0.9 for 90 %.")
    if which not in ("population", "groups", "all"):
        raise ValueError(f'`which` must be "population", "groups" or "all", got "{which}".')
    blocks = _blocks(dt, which) if "posterior" in dt.children else ()
    tables = [_table(block, prob) for block in blocks]
    found = pd.concat(tables) if tables else _table(_block([], np.empty((0, 1, 0))), prob)
    return found.rename_axis("quantity")


def entries(values: xr.DataArray) -> list[str]:
    """Name the scalars of a site, such as "theta[school A]" or "w[A, speed]".

    Parameters
    ----------
    values : draws with dimensions chain, draw and then those of the site, which are taken in
        their order; a dimension without labels counts from 1.
    """
    dims = values.dims[2:]
    labels = [
        [str(label) for label in values[dim].values]
        if dim in values.coords
        else [str(i + 1) for i in range(values.sizes[dim])]
        for dim in dims
    ]
    if not dims:
        return [str(values.name)]
    return [f"{values.name}[{', '.join(label)}]" for label in product(*labels)]


def coverage(table: pd.DataFrame) -> tuple[int, int]:
    """Count the intervals of a table that hold their generating value, and those that have one."""
    covered = table["covered"].dropna().to_numpy(bool)
    return int(covered.sum()), len(covered)


def _blocks(dt: xr.DataTree, which: str) -> Iterator[Block]:
    posterior = dt["posterior"].to_dataset()
    names = [str(name) for name in posterior.data_vars]
    own = [name for name in names if {"group", "cell"} & set(posterior[name].dims)]
    own.sort(key=lambda name: name == "x_blank")
    # Means, their scales, then what belongs to the rows: stored variables have no order.
    shared = [name for name in names if name not in own]
    shared.sort(key=lambda name: (name[:3] != "mu_", f"mu_{name[6:]}" not in names))
    line = "slope" in posterior
    # Where nothing is counted from an origin, there is none.
    origin = np.asarray(dt["constant_data"].to_dataset().get("x_origin", 0.0))
    if which != "groups":
        for name in shared:
            yield _site(dt, name)
        if line and origin.any():
            parts = [_site(dt, "mu_intercept"), _site(dt, "mu_slope")]
            yield _at_zero(["mu_intercept at 0"], parts[0], parts[1:], origin)
    if which != "population":
        for name in own:
            yield _site(dt, name)
            if name == ("slope" if line else "w") and origin.any():
                yield _lines_at_zero(dt, "intercept" if line else "alpha", name, origin)


def _block(
    names: list[str],
    draws: np.ndarray,
    truth: np.ndarray | None = None,
    prior_only: np.ndarray | None = None,
) -> Block:
    unknown, used = np.full(len(names), np.nan), np.zeros(len(names), bool)
    return Block(
        names,
        draws,
        unknown if truth is None else truth,
        used if prior_only is None else prior_only,
    )


def _site(dt: xr.DataTree, site: str) -> Block:
    """Read one site with its names, truth and mask."""
    values = variable(dt, f"posterior/{site}").transpose("chain", "draw", ...)
    dims, names = values.dims[2:], entries(values)
    constant = dt["constant_data"].to_dataset()
    truth = prior_only = None
    if f"true_{site}" in constant:
        truth = constant[f"true_{site}"].transpose(*dims).values.astype(float).ravel()
    if dims == ("group", "predictor"):
        prior_only = ~constant["mask"].transpose(*dims).values.astype(bool).ravel()
        truth = None if truth is None else np.where(prior_only, np.nan, truth)
    draws = np.moveaxis(values.values.reshape(*values.shape[:2], len(names)), 2, 0)
    return _block(names, draws, truth, prior_only)


def _at_zero(names: list[str], height: Block, weights: list[Block], origin: np.ndarray) -> Block:
    """Move heights at the predictors' origin to 0, with one block of weights a predictor."""
    draws, truth = height.draws, height.truth
    for weight, at in zip(weights, origin, strict=True):
        counts = ~weight.prior_only
        draws = draws - np.where(counts[:, None, None], weight.draws, 0.0) * at
        truth = truth - np.where(counts, weight.truth, 0.0) * at
    return _block(names, draws, truth)


def _lines_at_zero(dt: xr.DataTree, height: str, weight: str, origin: np.ndarray) -> Block:
    heights, every = _site(dt, height), _site(dt, weight)
    number = len(every.names) // len(heights.names)
    columns = [
        Block(
            every.names[p::number],
            every.draws[p::number],
            every.truth[p::number],
            every.prior_only[p::number],
        )
        for p in range(number)
    ]
    names = [name.replace(height, f"{height} at 0", 1) for name in heights.names]
    return _at_zero(names, heights, columns, origin)


def _table(block: Block, prob: float) -> pd.DataFrame:
    draws = np.ascontiguousarray(block.draws, float)
    number = len(draws)
    found: dict[str, Any] = {name: np.full(number, np.nan) for name in COLUMNS[:8]}
    pooled = draws.reshape(number, draws.shape[1] * draws.shape[2])
    if pooled.size:
        found["mean"] = pooled.mean(1)
    if pooled.size and pooled.shape[1] > 1:
        found["sd"] = pooled.std(1, ddof=1)
        interval = np.asarray(array_stats.hdi(pooled, prob, axis=1))
        found["hdi_low"], found["hdi_high"] = interval[:, 0], interval[:, 1]
    found |= diagnose(draws)
    known = np.isfinite(block.truth) & np.isfinite(found["hdi_low"])
    inside = (found["hdi_low"] <= block.truth) & (block.truth <= found["hdi_high"])
    found["truth"] = block.truth
    found["covered"] = pd.array(np.where(known, inside, None), dtype="boolean")
    found["prior_only"] = block.prior_only
    return pd.DataFrame(found, index=pd.Index(block.names, dtype=object), columns=list(COLUMNS))


def diagnose(draws: np.ndarray) -> dict[str, np.ndarray]:
    """ESS, R-hat and MCSE of Q quantities at once.

    The numbers are those of arviz-stats; ranks are taken once for both bulk ESS and R-hat, which
    halves the time of 2,000 quantities.

    Parameters
    ----------
    draws : shape (Q, chain, draw).

    Returns
    -------
    ess_bulk, ess_tail, r_hat (NaN with one chain) and mcse_mean, each of shape (Q,). NaN for fewer
    than eight draws a chain, which are too few for split chains, and for a quantity with draws that
    are not finite.
    """
    number, chains, length = draws.shape
    found = {name: np.full(number, np.nan) for name in COLUMNS[4:8]}
    if length < 8:
        return found
    for first in range(0, number, AT_A_TIME):
        part = slice(first, first + AT_A_TIME)
        usable = np.asarray(np.isfinite(draws[part]).all((1, 2)))
        finite = np.where(usable[:, None, None], draws[part], 0.0)
        for name, values in _diagnose(finite).items():
            found[name][part] = np.where(usable, values, np.nan)
    return found


def _diagnose(draws: np.ndarray) -> dict[str, Any]:
    half, tail = draws.shape[2] // 2, (0.05, 0.95)
    split = np.concatenate([draws[:, :, :half], draws[:, :, -half:]], 1)
    scores = _normal_scores(split)
    with np.errstate(divide="ignore", invalid="ignore"):  # chains that stand still
        found: dict[str, Any] = {
            "ess_bulk": array_stats.ess(scores, method="identity"),
            "ess_tail": array_stats.ess(draws, method="tail", prob=tail),  # pyright: ignore
            "mcse_mean": array_stats.mcse(draws, method="mean"),
        }
        if draws.shape[1] > 1:
            folded = _normal_scores(np.abs(split - np.median(split, axis=(1, 2), keepdims=True)))
            both = [array_stats.rhat(ranked, method="identity") for ranked in (scores, folded)]
            found["r_hat"] = np.max(both, axis=0)
    return found


def _normal_scores(values: np.ndarray) -> np.ndarray:
    """Replace values (Q, chain, draw) by normal quantiles of their average ranks (Blom 1958)."""
    flat = values.reshape(len(values), -1)
    size = flat.shape[1]
    order = np.argsort(flat, 1)
    ranked = np.take_along_axis(flat, order, 1)
    # Equal values share the mean of the first and the last place of their run.
    place, edge = np.arange(size), np.ones((len(flat), 1), bool)
    starts = np.concatenate([edge, ranked[:, 1:] != ranked[:, :-1]], 1)
    ends = np.concatenate([starts[:, 1:], edge], 1)
    first = np.maximum.accumulate(np.where(starts, place, 0), 1)
    last = np.minimum.accumulate(np.where(ends, place, size)[:, ::-1], 1)[:, ::-1]
    by_sum = ndtri((0.5 * np.arange(2 * size - 1) + 1 - 0.375) / (size + 0.25))
    scores = np.empty_like(flat)
    np.put_along_axis(scores, order, by_sum[first + last], 1)
    return scores.reshape(values.shape)
