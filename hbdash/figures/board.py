"""The numbers of the funnel overview: which groups, ranges, truth, contours, marked divergences."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from hbdash.figures import draws, raster, theme
from hbdash.figures.draws import Draws

MOST_GROUPS = 200
MOST_MARKED, MARKERS = 100, 2000

Exact = xr.Dataset | Mapping[str, xr.Dataset] | None
Line = tuple[np.ndarray, np.ndarray]


class Block(NamedTuple):
    """Panels that share an x-coordinate, one a group: all runs together, or one run alone.

    Attributes
    ----------
    runs : the draws to overlay, each of K groups.
    x_range : shape (K, 2).
    truth : shape (K,): generating values in the coordinate of the block, or None.
    contours : one line a group, broken by NaN; empty where the exact answer is not known.
    x_title : the coordinate in words.
    notes : K short notes on the coordinate of a group, or empty strings.
    """

    runs: list[Draws]
    x_range: np.ndarray
    truth: np.ndarray | None
    contours: list[Line]
    x_title: str
    notes: list[str]


class Board(NamedTuple):
    """All there is to draw.

    Attributes
    ----------
    runs : every run, also those without draws.
    blocks : one in theta, one a run in sampled coordinates.
    names, sizes : K labels and K words on how much data a group has.
    y_range : shape (2,), log tau; `truth` its generating value or None.
    marked : run number -> indices of the divergent draws that get a marker.
    outside, points : how many of how many points (draw, group) lie outside the ranges.
    groups : how many groups the data have; more than `names` where some are left out.
    y_title : of the vertical axis.
    """

    runs: list[Draws]
    blocks: list[Block]
    names: list[str]
    sizes: list[str]
    y_range: np.ndarray
    truth: float | None
    marked: dict[int, np.ndarray]
    outside: int
    points: int
    groups: int
    y_title: str


def board(
    runs: Mapping[str, xr.DataTree],
    coordinates: str,
    exact: Exact,
    *,
    masses: tuple[float, ...] = raster.MASSES,
    every: int = 1,
) -> Board | None:
    """Collect the numbers of the overview; None where no run has a draw.

    Parameters
    ----------
    exact : as in `funnel`.
    masses : of the exact regions to trace.
    every : take every so-many-th cell of the exact density, for small panels.
    """
    first = next(iter(runs.values()))
    chosen = _chosen(draws.array(first, "observed_data/standard_error"), _most(runs, coordinates))
    pools = draws.pooled(runs, coordinates, chosen)
    drawn = [pool for pool in pools if len(pool.log_tau)]
    if not drawn:
        return None
    truth = draws.truth(first, "log_tau")
    log_tau = np.concatenate([pool.log_tau for pool in drawn])
    y_range = draws.span(log_tau[:, None], truth if truth is None else np.atleast_1d(truth))[0]
    bad = np.concatenate([pool.log_tau[pool.diverging] for pool in drawn])
    y_range = draws.reach(y_range, bad)
    together = [drawn] if coordinates == "theta" else [[pool] for pool in drawn]
    blocks = [_block(first, shown, coordinates, exact, chosen, masses, every) for shown in together]
    panels = len(blocks) * len(chosen)
    each = max(MARKERS // (panels * (len(drawn) if coordinates == "theta" else 1)), 4)
    marked = {
        pool.number: draws.evenly(np.flatnonzero(pool.diverging), min(each, MOST_MARKED))
        for pool in drawn
    }
    outside = sum(_outside(pool, block.x_range, y_range) for block in blocks for pool in block.runs)
    names, sizes = draws.names(first), draws.sizes(first)
    return Board(
        pools,
        blocks,
        [draws.heading(names[k]) for k in chosen],
        [sizes[k] for k in chosen],
        y_range,
        None if truth is None else float(truth),
        marked,
        outside,
        sum(pool.theta.size for block in blocks for pool in block.runs),
        len(names),
        theme.label("log_tau", first.attrs),
    )


def _most(runs: Mapping[str, xr.DataTree], coordinates: str) -> int:
    return MOST_GROUPS if coordinates == "theta" else max(2 * MOST_GROUPS // len(runs), 1)


def _chosen(standard_error: np.ndarray, most: int) -> np.ndarray:
    """Pick groups spread evenly over the order of their standard errors, kept in data order."""
    most = min(most, MOST_GROUPS)
    return np.sort(draws.evenly(np.argsort(standard_error, kind="stable"), most))


def _outside(pool: Draws, x_range: np.ndarray, y_range: np.ndarray) -> int:
    across = (pool.theta < x_range[:, 0]) | (pool.theta > x_range[:, 1])
    along = (pool.log_tau < y_range[0]) | (pool.log_tau > y_range[1])
    return int((across | along[:, None]).sum())


def _block(
    dt: xr.DataTree,
    shown: list[Draws],
    coordinates: str,
    exact: Exact,
    chosen: np.ndarray,
    masses: tuple[float, ...],
    every: int,
) -> Block:
    truth = draws.truth(dt, "theta")
    truth = None if truth is None else truth[chosen]
    title, notes = theme.label("theta", dt.attrs), [""] * len(chosen)
    own = ", own ranges" if len(title) > 30 else ", each panel with its own range"
    title += own if len(chosen) > 1 else ""
    if coordinates == "sampled":
        c = shown[0].centeredness
        truth = sampled_truth(dt, truth, c)
        title, notes = _coordinate(c)
    x = np.concatenate([pool.theta for pool in shown])
    known = answer(exact, shown[0], coordinates)
    lines = [] if known is None else _contours(known, chosen, masses, every)
    x_range = draws.span(x, truth)
    for k, (across, _) in enumerate(lines):
        x_range[k] = draws.reach(x_range[k], across)
    return Block(shown, x_range, truth, lines, title, notes)


def sampled_truth(dt: xr.DataTree, theta: np.ndarray | None, c: np.ndarray) -> np.ndarray | None:
    """Move generating values, shape (K,), into the coordinate at centeredness `c`."""
    mu, tau = draws.truth(dt, "mu"), draws.truth(dt, "tau")
    if theta is None or mu is None or tau is None or tau <= 0:
        return None
    return (theta - mu) / tau ** (1 - c) + c * mu


def _coordinate(c: np.ndarray) -> tuple[str, list[str]]:
    """Name the coordinate of a block, and of each group where they differ."""
    if (c == c[0]).all():
        return f"sampled coordinate {draws.coordinate(c[0])}", [""] * len(c)
    title = "sampled coordinate: θ where c = 1, (θ − μ) / τ where c = 0"
    if not np.isin(c, (0, 1)).all():
        title += ", (θ − μ) / τ<sup>1−c</sup> + c μ between"
    return title, [f"c = {value:.2g}" for value in c]


def answer(exact: Exact, pool: Draws, coordinates: str) -> xr.Dataset | None:
    """Choose the exact densities that belong to a run's panels; None where there are none."""
    if isinstance(exact, xr.Dataset):
        known = exact if coordinates == "theta" or pool.number == 0 else None
    elif exact is None:
        known = None
    else:
        known = exact.get(pool.label)
    return known if known is not None and "theta_density" in known else None


def _contours(
    exact: xr.Dataset, chosen: np.ndarray, masses: tuple[float, ...], every: int
) -> list[Line]:
    density = exact["theta_density"].transpose("group", "log_tau_coarse", "cell").values
    cells = exact["theta_grid"].transpose("group", "cell").values
    log_tau = exact["log_tau_coarse"].values[::every]
    return [
        raster.contours(cells[k, ::every], log_tau, density[k, ::every, ::every], masses)
        for k in chosen
    ]


def legend(board: Board, dark: bool) -> list[tuple[str, dict]]:
    """List what the legend shows: words, and the trace that draws the key beside them."""
    keys = []
    for pool in board.runs:
        divergences = theme.count(int(pool.diverging.sum()), "divergence")
        words = f"{pool.label}: {divergences} of {theme.count(len(pool.log_tau), 'draw')}"
        marker = {"symbol": "square", "size": 12, "color": theme.colour(pool.number, dark=dark)}
        keys.append((words, {"mode": "markers", "marker": marker}))
    if any(len(indices) for indices in board.marked.values()):
        marker = theme.divergence(dark=dark)
        marker["line"] = {"color": theme.ink(dark), "width": 1}
        keys.append(("divergence", {"mode": "markers", "marker": marker}))
    if board.truth is not None or board.blocks[0].truth is not None:
        keys.append(("truth", {"mode": "lines", "line": theme.truth_line(dark)}))
    return keys


def note(board: Board) -> str:
    """Say what the picture leaves out, in one line; empty where it shows everything."""
    notes = []
    shown = len(board.names)
    if board.groups > shown:
        notes.append(
            f"{shown} of {board.groups:,} groups, spread evenly over their standard errors"
        )
    total = {pool.number: int(pool.diverging.sum()) for pool in board.runs}
    if any(len(indices) < total[number] for number, indices in board.marked.items()):
        most = max(len(indices) for indices in board.marked.values())
        notes.append(f"divergences marked: at most {most} a run in each panel")
    if board.outside:
        notes.append(
            f"{board.outside:,} of {theme.count(board.points, 'point')} outside the frames"
        )
    return " · ".join(notes)
