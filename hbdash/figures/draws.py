"""The numbers behind the funnels: one run's draws pooled over chains, ranges, names, thinning."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr


class Draws(NamedTuple):
    """Pooled draws of one run, S of them, of K groups; draws that are not finite are left out.

    Attributes
    ----------
    label, number : the run's name and its place among the runs, which fixes colour and marker.
    mu, log_tau : shape (S,).
    theta : shape (S, K): theta itself, or the coordinate the sampler moved in.
    diverging : shape (S,), bool.
    chain, draw : shape (S,): where each draw comes from.
    centeredness : shape (K,), in [0, 1].
    """

    label: str
    number: int
    mu: np.ndarray
    log_tau: np.ndarray
    theta: np.ndarray
    diverging: np.ndarray
    chain: np.ndarray
    draw: np.ndarray
    centeredness: np.ndarray


def pooled(
    runs: Mapping[str, xr.DataTree],
    coordinates: str = "theta",
    groups: np.ndarray | None = None,
) -> list[Draws]:
    """Pool the draws of every run; a run without draws stays, with S = 0.

    Parameters
    ----------
    coordinates : "theta", or "sampled" for the coordinate under the run's parameterization.
    groups : indices of the groups to read, all when None.

    Raises
    ------
    ValueError
        When `coordinates` is neither word.
    """
    if coordinates not in ("theta", "sampled"):
        raise ValueError(f"`coordinates` must be 'theta' or 'sampled', got {coordinates!r}.")
    where = "posterior" if coordinates == "theta" else "unconstrained_posterior"
    return [
        _pool(label, number, dt, where, groups) for number, (label, dt) in enumerate(runs.items())
    ]


def array(dt: xr.DataTree, path: str, *dims: str) -> np.ndarray:
    """Read a variable such as "posterior/tau" as an array, its dimensions in the given order."""
    variable = dt[path]
    assert isinstance(variable, xr.DataArray)
    return (variable.transpose(*dims) if dims else variable).values


def _pool(label: str, number: int, dt: xr.DataTree, where: str, groups) -> Draws:
    tau = array(dt, "posterior/tau", "chain", "draw")
    theta = array(dt, f"{where}/theta", "chain", "draw", "group")
    centeredness = array(dt, "constant_data/centeredness")
    if groups is not None:
        theta, centeredness = theta[..., groups], centeredness[groups]
    theta = theta.reshape(tau.size, theta.shape[-1])
    chain, draw = (index.ravel() for index in np.indices(tau.shape))
    with np.errstate(divide="ignore", invalid="ignore"):
        log_tau = np.log(tau).ravel()
    mu = array(dt, "posterior/mu", "chain", "draw").ravel()
    diverging = array(dt, "sample_stats/diverging", "chain", "draw").ravel().astype(bool)
    at = np.isfinite(log_tau) & np.isfinite(mu) & np.isfinite(theta).all(axis=1)
    at = slice(None) if at.all() else at
    return Draws(
        label, number, mu[at], log_tau[at], theta[at], diverging[at], chain[at], draw[at],
        centeredness,
    )  # fmt: skip


def names(dt: xr.DataTree) -> list[str]:
    """Name every group, from the coordinate `group` where there is one."""
    if "group" in dt["posterior"].coords:
        return [str(name) for name in array(dt, "posterior/group")]
    return [str(k) for k in range(dt["posterior"].sizes["group"])]


def heading(name: str) -> str:
    """Name a group in a title: a bare number does not say what it counts."""
    return f"group {name}" if name.isdigit() else name


def sizes(dt: xr.DataTree) -> list[str]:
    """Say how much each group tells: "n = 10" where rows exist, else "s.e. 15"."""
    if "index" in dt["observed_data"]:
        return [f"n = {n:,.0f}" for n in array(dt, "observed_data/n")]
    return [f"s.e. {error:.3g}" for error in array(dt, "observed_data/standard_error")]


def truth(dt: xr.DataTree, name: str) -> np.ndarray | None:
    """Return generating value(s) of "mu", "tau", "theta", "log_tau" or "sigma"; None if unknown."""
    site = "true_tau" if name == "log_tau" else f"true_{name}"
    if site not in dt["constant_data"]:
        return None
    value = array(dt, f"constant_data/{site}").astype(float)
    if name != "log_tau":
        return value
    return np.log(value) if value > 0 else None


def span(values: np.ndarray, include: np.ndarray | None = None) -> np.ndarray:
    """Choose fixed axis ranges that leave out no more than a few outliers, shape (K, 2).

    Parameters
    ----------
    values : shape (S, K), S at least 1.
    include : shape (K,): a value to keep in sight if it is at most half a range away.
    """
    low, high = np.quantile(values, (0.002, 0.998), axis=0)
    width = high - low
    lowest, highest = values.min(0), values.max(0)
    low = np.maximum(low - 0.2 * width, lowest - 0.05 * width)
    high = np.minimum(high + 0.2 * width, highest + 0.05 * width)
    if include is not None:
        near = (include > low - 0.5 * width) & (include < high + 0.5 * width)
        low = np.where(near, np.minimum(low, include - 0.05 * width), low)
        high = np.where(near, np.maximum(high, include + 0.05 * width), high)
    least = 1e-6 * np.maximum(1, np.abs(low))
    narrow = high - low < least
    return np.stack([np.where(narrow, low - 0.5, low), np.where(narrow, high + 0.5, high)], axis=1)


def reach(span: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Widen a range, shape (2,), to keep values in sight that lie at most half of it away."""
    width = span[1] - span[0]
    near = values[(values > span[0] - 0.5 * width) & (values < span[1] + 0.5 * width)]
    if len(near) == 0:
        return span
    return np.array(
        [min(span[0], near.min() - 0.04 * width), max(span[1], near.max() + 0.04 * width)]
    )


def evenly(indices: np.ndarray, most: int) -> np.ndarray:
    """Thin indices to at most `most`, evenly spaced and always the same ones."""
    if len(indices) <= most:
        return indices
    return indices[np.linspace(0, len(indices) - 1, most).round().astype(int)]


def coordinate(centeredness: float, *, unit: bool = True) -> str:
    """Write the coordinate that the sampler moves in at one centeredness."""
    if centeredness == 1:
        return "θ (data units)" if unit else "θ"
    if centeredness == 0:
        return "(θ − μ) / τ (no unit)" if unit else "(θ − μ) / τ"
    c = f"{centeredness:.2g}"
    formula = f"(θ − μ) / τ<sup>1−c</sup> + c μ, c = {c}"
    return formula if unit else f"c = {c}"
