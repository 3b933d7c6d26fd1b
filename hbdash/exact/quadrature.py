"""Integrals of a positive density over one or two unbounded axes, to about ten digits.

Composite Gauss-Legendre on a tensor of panels: find the mode, walk outwards until nothing is
left, lay panels that widen away from the mode, and halve those that a polynomial does not follow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

POINTS = 16
#: Where a density has fallen this far below its peak (in nats), it ends.
DEPTH = 45.0
#: Axes are logarithms: below the first nothing is looked for, above the second squares overflow.
LOWEST, HIGHEST = -1e11, 300.0

_X, _W = legendre.leggauss(POINTS)
_TO_SERIES = legendre.legvander(_X, POINTS - 1) * _W[:, None] * (np.arange(POINTS) + 0.5)
#: A panel is halved where its last coefficients exceed the first of these, relative to its largest,
#: and that excess times the probability it holds exceeds the second.
_ROUGH, _ROUGH_SHARE, _ROUNDS, _MOST_PANELS = 1e-10, 1e-13, 10, 120

LogDensity = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Improper(ArithmeticError):
    """The density does not fall off at one of its open ends."""


@dataclass(frozen=True)
class Axis:
    """Gauss-Legendre panels between `edges`, shape (P + 1,); a single edge is one fixed point."""

    edges: np.ndarray

    @property
    def nodes(self) -> np.ndarray:
        """The 16 P nodes, ascending."""
        if len(self.edges) == 1:
            return self.edges
        half = np.diff(self.edges) / 2
        return ((self.edges[:-1] + half)[:, None] + half[:, None] * _X).ravel()

    @property
    def weights(self) -> np.ndarray:
        """The weight of each node in an integral."""
        if len(self.edges) == 1:
            return np.ones(1)
        return (np.diff(self.edges)[:, None] / 2 * _W).ravel()

    def series(self, values: np.ndarray) -> np.ndarray:
        """Legendre coefficients panel by panel, shape (..., P, 16), of values at the nodes."""
        return values.reshape(*values.shape[:-1], -1, POINTS) @ _TO_SERIES

    def interpolate(self, values: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Evaluate at `points` the function with these `values` at the nodes; 0 off the axis."""
        panel = np.searchsorted(self.edges, points, side="right") - 1
        panel = np.clip(panel, 0, len(self.edges) - 2)
        left, right = self.edges[panel], self.edges[panel + 1]
        local = (2 * points - left - right) / (right - left)
        found = legendre.legval(local, self.series(values)[panel].T, tensor=False)
        return np.where((points >= self.edges[0]) & (points <= self.edges[-1]), found, 0.0)

    def quantiles(self, density: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """Quantiles of the distribution whose density has these values at the nodes."""
        mass = (density * self.weights).reshape(-1, POINTS).sum(1)
        below = np.concatenate([[0.0], np.cumsum(mass)])
        target = np.asarray(probabilities) * below[-1]
        panel = np.clip(np.searchsorted(below, target, side="right") - 1, 0, len(mass) - 1)
        left, half = self.edges[panel], np.diff(self.edges)[panel] / 2
        inside = legendre.legint(self.series(density)[panel].T, lbnd=-1) * half
        low, high = -np.ones_like(target), np.ones_like(target)
        for _ in range(54):
            middle = (low + high) / 2
            under = legendre.legval(middle, inside, tensor=False) < target - below[panel]
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return left + half * (1 + (low + high) / 2)


#: The second axis of a one-dimensional integral.
FIXED = Axis(np.zeros(1))


@dataclass(frozen=True)
class Integral:
    """A density on its tensor of nodes.

    Attributes
    ----------
    axes : the two axes, with T and S nodes.
    log_density : shape (T, S), as given.
    log_total : log of the integral.
    captured : for each tilt, whether its integral exists and lies within the axes.
    """

    axes: tuple[Axis, Axis]
    log_density: np.ndarray
    log_total: float
    captured: tuple[bool, ...]

    @property
    def weights(self) -> np.ndarray:
        """The probability at each node, shape (T, S), adding up to 1."""
        cell = self.axes[0].weights[:, None] * self.axes[1].weights
        weights = np.exp(self.log_density - self.log_density.max()) * cell
        return weights / weights.sum()


def integrate(
    log_density: LogDensity,
    ends: Sequence[tuple[float, float]],
    starts: Sequence[np.ndarray],
    tilts: Sequence[LogDensity] = (),
) -> Integral:
    """Integrate the exponential of `log_density` over a rectangle, open ends included.

    Parameters
    ----------
    log_density : takes points of shapes (T, 1) and (1, S), returns shape (T, S); smooth between
        the ends, where it may jump.
    ends : for each axis the hard ends, -inf and inf where there are none; (0, 0) fixes the axis.
    starts : for each axis points to look for the mode at.
    tilts : log factors that will be multiplied in later (the moments of an exponential); where
        such an integral exists, the axes reach far enough for it.

    Raises
    ------
    Improper
        When the density does not fall off within the reach of floating point.
    """
    with np.errstate(over="ignore", divide="ignore", under="ignore"):
        ends = [(max(low, LOWEST), min(high, HIGHEST)) for low, high in ends]
        mode = _mode(log_density, ends, starts)
        widths = [_width(log_density, mode, ends, axis) for axis in (0, 1)]
        reach, captured = _reach(log_density, mode, widths, ends, tilts)
        axes = [_panels(m, w, *r) for m, w, r in zip(mode, widths, reach, strict=True)]
        for _ in range(_ROUNDS):
            values = log_density(axes[0].nodes[:, None], axes[1].nodes)
            finer = _halve_rough(
                axes, values, [t for t, c in zip(tilts, captured, strict=True) if c]
            )
            if finer is axes:
                break
            axes = finer
        else:
            values = log_density(axes[0].nodes[:, None], axes[1].nodes)
        peak = values.max()
        total = axes[0].weights @ np.exp(values - peak) @ axes[1].weights
    return Integral((axes[0], axes[1]), values, float(peak + np.log(total)), captured)


def _mode(log_density, ends, starts) -> list[float]:
    """Climb from the best starting point: a 9 x 9 stencil that moves, or shrinks around its best.

    It need not be exact, only within the peak.
    """
    points = [np.unique(np.clip(s, *e)) for s, e in zip(starts, ends, strict=True)]
    steps = [np.diff(p).max() if len(p) > 1 else 0.0 for p in points]
    best = [0.0, 0.0]
    for round_ in range(100):
        values = log_density(points[0][:, None], points[1])
        if round_ and values.max() - values.min() < 0.01:
            break
        place = np.unravel_index(values.argmax(), values.shape)
        best = [float(p[i]) for p, i in zip(points, place, strict=True)]
        for axis, (p, i) in enumerate(zip(points, place, strict=True)):
            inside = 0 < i < len(p) - 1 or best[axis] in ends[axis]
            steps[axis] *= 1 / 3 if inside and round_ else 1
        points = [
            np.unique(np.clip(b + s * np.linspace(-1, 1, 9), *e))
            for b, s, e in zip(best, steps, ends, strict=True)
        ]
    return best


def _slice(log_density, mode, axis, points) -> np.ndarray:
    if axis == 0:
        return log_density(points[:, None], np.array(mode[1:]))[:, 0]
    return log_density(np.array([[mode[0]]]), points)[0]


def _width(log_density, mode, ends, axis) -> float:
    """How far from the mode the density has lost half a nat, on the nearer side."""
    low, high = ends[axis]
    offsets = 2.0 ** np.arange(-40, 9)
    peak = _slice(log_density, mode, axis, np.array([mode[axis]]))[0]
    width = min(offsets[-1], max(high - low, 0.0)) or 1.0
    for side in (-1, 1):
        points = mode[axis] + side * offsets
        points = points[(points > low) & (points < high)]
        fallen = np.flatnonzero(peak - _slice(log_density, mode, axis, points) >= 0.5)
        width = min(width, offsets[fallen[0]] if len(fallen) else np.inf)
    return float(width)


def _reach(log_density, mode, widths, ends, tilts):
    """Walk away from the mode in steps of a quarter of the way, and see where the density ends."""
    lines = []
    for m, w, (low, high) in zip(mode, widths, ends, strict=True):
        away = w * 2.0 ** np.arange(-2, np.log2(-2 * LOWEST / w), 1 / 3)
        lines.append(np.unique(np.clip(np.concatenate([m - away, [m], m + away]), low, high)))
    first, second = lines[0][:, None], lines[1]
    base = log_density(first, second)
    reach, captured = [[np.inf, -np.inf] for _ in lines], []
    for number, tilt in enumerate([None, *tilts]):
        values = base if tilt is None else base + tilt(first, second)
        deep = values.max() - DEPTH
        profiles = values.max(1), values.max(0)
        inside = True
        for line, profile in zip(lines, profiles, strict=True):
            for end, cap in ((0, LOWEST), (-1, HIGHEST)):
                inside &= not (line[end] == cap and profile[end] > deep)
        if number == 0 and not inside:
            raise Improper
        captured.append(inside)
        for axis, (line, profile) in enumerate(zip(lines, profiles, strict=True)):
            if inside:
                high = np.flatnonzero(profile > deep)
                bottom, top = line[max(high[0] - 1, 0)], line[min(high[-1] + 1, len(line) - 1)]
                reach[axis] = [min(reach[axis][0], bottom), max(reach[axis][1], top)]
    return reach, tuple(captured[1:])


def _panels(mode: float, width: float, low: float, high: float) -> Axis:
    """Lay panels from the mode outwards, each twice as wide as the one before."""
    if low == high:
        return Axis(np.array([low]))
    away = 2.5 * width * (2.0 ** np.arange(1, 100) - 1)
    left, right = (mode - away)[mode - away > low], (mode + away)[mode + away < high]
    return Axis(np.unique(np.concatenate([[low, high, np.clip(mode, low, high)], left, right])))


def _halve_rough(axes: list[Axis], values: np.ndarray, tilts: Sequence[LogDensity]) -> list[Axis]:
    """Halve the panels on which the Legendre series has not died out; the same list if none.

    A panel may be the rougher the less it holds, of the density or of any tilt of it.
    """
    first, second = axes[0].nodes[:, None], axes[1].nodes
    cell = axes[0].weights[:, None] * axes[1].weights
    density, finer = np.exp(values - values.max()), list(axes)
    marginals = [_marginals(values, cell)] + [
        _marginals(values + tilt(first, second), cell) for tilt in tilts
    ]
    for here, other in ((0, 1), (1, 0)):
        if not 1 < len(axes[here].edges) < _MOST_PANELS:
            continue
        share = np.max([m[here].reshape(-1, POINTS).sum(1) for m in marginals], axis=0)
        series = np.abs(axes[here].series(density.T if here == 0 else density))
        size = np.tensordot(axes[other].weights, series, 1)
        tail = size[:, -2:].max(1) / (size.max(1) + 1e-300)
        rough = (tail > _ROUGH) & (tail * share > _ROUGH_SHARE)
        if rough.any():
            edges = axes[here].edges
            middle = (edges[:-1] + edges[1:])[rough] / 2
            finer[here] = Axis(np.unique(np.concatenate([edges, middle])))
    return axes if all(a is b for a, b in zip(axes, finer, strict=True)) else finer


def _marginals(values: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mass = np.exp(values - values.max()) * cell
    return mass.sum(1) / mass.sum(), mass.sum(0) / mass.sum()
