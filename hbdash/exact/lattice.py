"""Integrals of a smooth positive density over one to three log scales, on a lattice.

The trapezoidal rule on whole lines converges exponentially for analytic functions (Trefethen and
Weideman, 2014, SIAM Review 56, 385-458). The lattice grows from the mode through all that matters,
however crooked, and an axis is halved until every other node gives the same answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import log_expit, sici

from hbdash.exact.quadrature import Improper

#: Where a density has fallen this far below its peak (in nats), it ends.
DEPTH = 22.0
#: Leaving out every other node along an axis may change log total, means and sds (in sds) by this;
#: what all nodes give is then off by about its square.
TOLERANCE = 3e-5
#: First steps: in conditional sds at the mode, and at most this on the log scale.
_STEP, _WIDEST, _ROUNDS = 1.2, 1.0, 12
#: Steps widen where they are this far from the mode, so that long tails end.
_BEND = 6.0
#: A tail that reaches below the first never ends; squares overflow above the second.
_LOWEST, _HIGHEST = -1e10, 300.0
#: No mode is looked for beyond e^100.
_FARTHEST = 100.0
_MOST_INDEX = 1 << 20

LogDensity = Callable[[np.ndarray], np.ndarray]


class TooManyNodes(ArithmeticError):
    """The density needs more nodes than allowed."""


@dataclass(frozen=True)
class Line:
    """One axis: integers, as t = step * i, bent to the log scale between two hard ends.

    z = centre + 6 sinh(t / 6) is unbounded; a log scale u with e^u between e^low and e^high is
    low + log(1 + e^(z - low)) - log(1 + e^(z - high)), which is z away from the ends.
    """

    low: float
    high: float
    centre: float
    step: float

    def at(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log scales at t, and log du/dt."""
        z = self.centre + _BEND * np.sinh(t / _BEND)
        u, slope = bounded(z, self.low, self.high)
        return u, slope + np.log(np.cosh(t / _BEND))

    def inverse(self, u: np.ndarray) -> np.ndarray:
        """Return t of log scales between the ends."""
        low = np.log(-np.expm1(self.low - u)) if np.isfinite(self.low) else 0.0
        high = np.log(-np.expm1(u - self.high)) if np.isfinite(self.high) else 0.0
        return _BEND * np.arcsinh((u + low - high - self.centre) / _BEND)


def bounded(z: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Squeeze real numbers between two ends; also the log of the derivative."""
    u, slope = z, np.zeros_like(z)
    if np.isfinite(low):
        u, slope = low + np.logaddexp(0, z - low), log_expit(z - low)
    if np.isfinite(high):
        u, slope = u - np.logaddexp(0, z - high), slope + log_expit(high - z)
    if np.isfinite(low) and np.isfinite(high):
        slope = slope + np.log(-np.expm1(low - high))
    return u, slope


@dataclass(frozen=True)
class Lattice:
    """A density on its N nodes in D dimensions.

    Attributes
    ----------
    lines : the D axes.
    index : shape (N, D): integers, the place of each node along each axis.
    points : shape (N, D): the log scales.
    log_mass : shape (N,): log density times the volume of a node.
    """

    lines: tuple[Line, ...]
    index: np.ndarray
    points: np.ndarray
    log_mass: np.ndarray

    @cached_property
    def log_total(self) -> float:
        """Log of the integral."""
        peak = self.log_mass.max()
        return float(peak + np.log(np.exp(self.log_mass - peak).sum()))

    @cached_property
    def weights(self) -> np.ndarray:
        """The probability at each node, shape (N,), adding up to 1."""
        weights = np.exp(self.log_mass - self.log_mass.max())
        return weights / weights.sum()

    @cached_property
    def coarse(self) -> "Lattice":
        """Every other node along each axis: what converged to `TOLERANCE`."""
        even = (self.index % 2 == 0).all(1)
        lines = tuple(Line(x.low, x.high, x.centre, 2 * x.step) for x in self.lines)
        mass = self.log_mass[even] + len(lines) * np.log(2)
        return Lattice(lines, self.index[even] // 2, self.points[even], mass)

    def lighter(self, without: float) -> "Lattice":
        """Leave out the lightest nodes, of this probability together."""
        order = np.argsort(self.weights)
        kept = np.sort(order[np.cumsum(self.weights[order]) > without])
        return Lattice(self.lines, self.index[kept], self.points[kept], self.log_mass[kept])

    def marginal(self, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Places t along an axis, and the probability at each."""
        first = self.index[:, axis].min()
        mass = np.bincount(self.index[:, axis] - first, self.weights)
        return self.lines[axis].step * (first + np.arange(len(mass))), mass

    def density(self, axis: int, u: np.ndarray) -> np.ndarray:
        """Marginal density of a log scale at `u`, by sinc interpolation."""
        line = self.lines[axis]
        t, mass = self.marginal(axis)
        inside = (u > line.low) & (u < line.high)
        place = line.inverse(np.where(inside, u, line.at(t[len(t) // 2])[0]))
        found = np.sinc((place[:, None] - t) / line.step) @ mass / line.step
        return np.where(inside, np.maximum(found, 0.0) * np.exp(-line.at(place)[1]), 0.0)

    def quantiles(self, axis: int, probabilities: np.ndarray) -> np.ndarray:
        """Quantiles of a log scale: the integral of the sinc interpolation, inverted."""
        line = self.lines[axis]
        t, mass = self.marginal(axis)
        low = np.full(len(probabilities), t[0] - line.step)
        high = np.full(len(probabilities), t[-1] + line.step)
        for _ in range(50):
            middle = (low + high) / 2
            below = (0.5 + sici(np.pi * (middle[:, None] - t) / line.step)[0] / np.pi) @ mass
            low = np.where(below < probabilities, middle, low)
            high = np.where(below < probabilities, high, middle)
        return line.at((low + high) / 2)[0]


def integrate(
    log_density: LogDensity,
    ends: Sequence[tuple[float, float]],
    starts: np.ndarray,
    tilts: np.ndarray | None = None,
    most: int = 1_000_000,
) -> Lattice:
    """Lay a lattice through all that matters of a density over D log scales.

    Parameters
    ----------
    log_density : takes points of shape (N, D), returns shape (N,); smooth between the ends.
    ends : for each axis the hard ends, -inf and inf where there are none.
    starts : shape (M, D): points to look for modes from.
    tilts : shape (J, D): the lattice also reaches as far as exp(u @ tilt) times the density needs;
        these integrals must exist.
    most : nodes at most.

    Raises
    ------
    Improper
        When the density does not fall off.
    TooManyNodes
        When `most` nodes do not do.
    """
    width = len(ends)
    tilts = np.zeros((0, width)) if tilts is None else tilts
    tilts = np.concatenate([np.zeros((1, width)), tilts])

    def unbounded(z: np.ndarray) -> np.ndarray:
        moved = [bounded(c, *e) for c, e in zip(z.T, ends, strict=True)]
        values = log_density(np.stack([u for u, _ in moved], 1))
        return values + sum(slope for _, slope in moved)

    with np.errstate(over="ignore", divide="ignore", under="ignore", invalid="ignore"):
        modes, heights, widths = climb(unbounded, starts)
        rivals = heights > heights.max() - DEPTH / 2
        best = modes[heights.argmax()]
        if not (np.abs(best) < _FARTHEST).all():
            raise Improper
        steps = np.minimum(_STEP * widths[rivals].min(0), _WIDEST)
        lines = tuple(Line(*e, *c) for e, *c in zip(ends, best, steps, strict=True))
        away = _BEND * np.arcsinh((modes[rivals] - best) / _BEND) / steps
        seeds = np.unique(np.rint(away).astype(np.int64), axis=0)
        nodes = _grow(log_density, lines, seeds, tilts, most)
        for _ in range(_ROUNDS):
            rough = np.array([_error(nodes, axis) > TOLERANCE for axis in range(width)])
            if not rough.any():
                return nodes
            nodes = _halve(log_density, nodes, rough, tilts, most)
    raise TooManyNodes


def climb(
    function: LogDensity, points: np.ndarray, rounds: int = 80
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Newton's steps upwards from several points at once, derivatives by differences.

    Returns
    -------
    Points (M, D), their values (M,), and the conditional sds there (M, D), -H_ii^(-1/2).
    """
    many, width = points.shape
    one = np.eye(width)
    pairs = [(i, j) for i in range(width) for j in range(i)]
    stencil = np.stack(
        [np.zeros(width), *one, *-one] + [s * (one[i] + one[j]) for i, j in pairs for s in (1, -1)]
    )
    reach, sd = np.full((many, width), 0.1), np.ones((many, width))
    value = function(points)
    for _ in range(rounds):
        around = points[:, None] + reach[:, None] * stencil
        f = function(around.reshape(-1, width)).reshape(many, -1)
        plus, minus = f[:, 1 : width + 1], f[:, width + 1 : 2 * width + 1]
        gradient = (plus - minus) / 2
        hessian = np.einsum("mi,ij->mij", plus + minus - 2 * f[:, :1], one)
        for at, (i, j) in enumerate(pairs):
            both = f[:, 2 * width + 1 + 2 * at] + f[:, 2 * width + 2 + 2 * at]
            cross = (both - plus[:, i] - minus[:, i] - plus[:, j] - minus[:, j]) / 2 + f[:, 0]
            hessian[:, i, j] = hessian[:, j, i] = cross
        hessian[~np.isfinite(hessian)] = 0.0
        values, vectors = np.linalg.eigh(hessian)
        uphill = np.einsum("mij,mi->mj", vectors, np.nan_to_num(gradient))
        step = np.einsum("mij,mj->mi", vectors, uphill / np.maximum(np.abs(values), 1e-4)) * reach
        step /= np.maximum(np.abs(step).max(1) / 3, 1)[:, None]
        shares = np.array([1, 0.5, 0.2, 0.05, 0.01])
        ahead = points[:, None] + step[:, None] * shares[:, None]
        candidates = np.concatenate([around, ahead], 1)
        g = function(ahead.reshape(-1, width)).reshape(many, -1)
        heights = np.concatenate([f, g], 1)
        heights = np.where(np.isfinite(heights), heights, -np.inf)
        chosen = heights.argmax(1)
        points = candidates[np.arange(many), chosen]
        gained, value = heights.max(1) - value, heights.max(1)
        bend = -np.einsum("mii->mi", hessian) / reach**2
        sd = np.where(bend > 0, 1 / np.sqrt(np.maximum(bend, 1e-300)), 10.0)
        wanted = 0.2 * np.minimum(sd, 1.0)
        settled = np.abs(np.log(wanted / reach)).max() < 0.1
        reach = np.clip(wanted, reach / 100, reach * 4)
        if settled and (gained < 1e-3).all():
            break
    return points, value, sd


def _measure(log_density, lines, index) -> tuple[np.ndarray, np.ndarray]:
    """Points and log masses of nodes."""
    placed = [line.at(line.step * i) for line, i in zip(lines, index.T, strict=True)]
    points = np.stack([u for u, _ in placed], 1)
    volume = sum(slope + np.log(line.step) for line, (_, slope) in zip(lines, placed, strict=True))
    return points, log_density(points) + volume


def _grow(log_density, lines, index, tilts, most) -> Lattice:
    """Take in neighbours of what matters until all neighbours do not."""
    width = len(lines)
    near = np.concatenate([np.eye(width, dtype=np.int64), -np.eye(width, dtype=np.int64)])
    power = _MOST_INDEX ** np.arange(width, dtype=np.int64)
    seen = np.zeros(0, np.int64)
    peak, layers, total = np.full(len(tilts), -np.inf), [], 0
    while len(index):
        points, mass = _measure(log_density, lines, index)
        height = mass[:, None] + points @ tilts.T
        peak = np.maximum(peak, np.max(height, 0, initial=-np.inf))
        matters = (height > peak - DEPTH).any(1)
        if ((points[matters] < _LOWEST) | (points[matters] > _HIGHEST)).any():
            raise Improper
        total += len(index)
        if total > most:
            raise TooManyNodes
        layers.append((index[matters], points[matters], mass[matters]))
        keys = index @ power
        seen = np.union1d(seen, keys)
        around = (index[matters][:, None] + near).reshape(-1, width)
        keys, first = np.unique(around @ power, return_index=True)
        index = around[first[~np.isin(keys, seen, assume_unique=True)]]
    index, points, mass = (np.concatenate(parts) for parts in zip(*layers, strict=True))
    return _cut(lines, index, points, mass, tilts)


def _cut(lines, index, points, mass, tilts) -> Lattice:
    height = mass[:, None] + points @ tilts.T
    matters = (height > height.max(0) - DEPTH).any(1)
    return Lattice(lines, index[matters], points[matters], mass[matters])


def _halve(log_density, nodes: Lattice, rough: np.ndarray, tilts, most: int) -> Lattice:
    """Halve the steps along the rough axes, and fill in the nodes between."""
    lines = tuple(
        Line(x.low, x.high, x.centre, x.step / 2) if halve else x
        for x, halve in zip(nodes.lines, rough, strict=True)
    )
    index = nodes.index * np.where(rough, 2, 1)
    power = _MOST_INDEX ** np.arange(len(lines), dtype=np.int64)
    old = every = np.sort(index @ power)
    for one in power[rough]:
        # Both sides are in order already, so the sort is a merge.
        after = every + one
        before = _without(every - one, after)
        every = np.sort(np.concatenate([every, after, before]), kind="stable")
    if len(every) > most:
        raise TooManyNodes
    added = _decoded(_without(every, old), len(lines))
    points, mass = _measure(log_density, lines, added)
    halved = nodes.log_mass - rough.sum() * np.log(2)
    return _cut(
        lines,
        np.concatenate([index, added]),
        np.concatenate([nodes.points, points]),
        np.concatenate([halved, mass]),
        tilts,
    )


def _without(keys: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Drop the keys that are among others; both in order."""
    place = np.minimum(np.searchsorted(others, keys), len(others) - 1)
    return keys[others[place] != keys]


def _decoded(keys: np.ndarray, width: int) -> np.ndarray:
    """Undo index @ power, for places between -2^19 and 2^19."""
    found = []
    for _ in range(width):
        place = (keys + _MOST_INDEX // 2) % _MOST_INDEX - _MOST_INDEX // 2
        keys = (keys - place) // _MOST_INDEX
        found.append(place)
    return np.stack(found, 1)


def _error(nodes: Lattice, axis: int) -> float:
    """How far the even and the odd nodes along an axis disagree."""
    found = []
    for odd in (0, 1):
        half = nodes.index[:, axis] % 2 == odd
        weights, points = nodes.weights[half], nodes.points[half]
        total = weights.sum()
        if total == 0:
            return np.inf
        mean = weights @ points / total
        sd = np.sqrt(weights @ (points - mean) ** 2 / total)
        found.append((total, mean, sd))
    (a, mean, sd), (b, other, spread) = found
    size = np.maximum(sd + spread, 1e-300) / 2
    return float(
        max(abs(a - b), (np.abs(mean - other) / size).max(), (np.abs(sd - spread) / size).max()) / 2
    )
