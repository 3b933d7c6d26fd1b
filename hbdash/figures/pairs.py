"""The numbers behind the corner: ranges, intervals, and the regions that hold pairs of draws."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from hbdash import population_draws as read
from hbdash.figures import theme
from hbdash.population_draws import Run

#: Ends and middle of the intervals, as probabilities.
ENDS = (0.05, 0.5, 0.95)
#: Cells of a density, each way.
BINS = 40


class Column(NamedTuple):
    """What the corner needs to know of one parameter.

    Attributes
    ----------
    name, symbol, unit : in words. truth : NaN where unknown. ends : of its axis.
    draws : one array a run, shape (S,), NaN where not finite; empty where a run lacks it.
    """

    name: str
    symbol: str
    unit: str
    truth: float
    ends: tuple[float, float]
    draws: list[np.ndarray]


def column(shown: list[Run], name: str) -> Column:
    """Collect one parameter from all runs."""
    flat = [read.draws(run.dt, name).ravel() for run in shown]
    flat = [np.where(np.isfinite(values), values, np.nan) for values in flat]
    first = next(run.dt for run in shown if name in read.parameters(run.dt))
    symbol, unit = read.label(first, name)
    known = read.truth(first, name)
    return Column(name, symbol, unit, known, ends(flat, known), flat)


def ends(draws: list[np.ndarray], known: float = np.nan) -> tuple[float, float]:
    """Choose a range: all but the rarest draws of each run, and a truth that lies no farther away.

    Parameters
    ----------
    draws : one array a run; what is not finite is left out.
    known : a value to keep in sight if it is at most a range away.
    """
    finite = [values[np.isfinite(values)] for values in draws]
    finite = [values for values in finite if values.size]
    if not finite:
        return (float(known) - 0.5, float(known) + 0.5) if np.isfinite(known) else (0.0, 1.0)
    quantiles = np.array([np.quantile(values, (0.002, 0.998)) for values in finite])
    low, high = quantiles[:, 0].min(), quantiles[:, 1].max()
    if not high > low:
        pad = max(abs(low) * 0.05, 0.5)
        low, high = low - pad, high + pad
    else:
        # A range that ends where the draws do shows that a prior cuts them off there.
        width = high - low
        low = max(low - 0.1 * width, min(v.min() for v in finite) - 0.02 * width)
        high = min(high + 0.1 * width, max(v.max() for v in finite) + 0.02 * width)
    width = high - low
    if low - width < known < high + width:
        low, high = min(low, known - 0.05 * width), max(high, known + 0.05 * width)
    return float(low), float(high)


def intervals(draws: np.ndarray) -> np.ndarray:
    """The 5, 50 and 95 % quantiles of the finite draws, shape (3,); NaN where there are none."""
    finite = draws[np.isfinite(draws)]
    return np.quantile(finite, ENDS) if finite.size else np.full(3, np.nan)


def in_words(draws: np.ndarray) -> str:
    """Write median and distances to the 95 and 5 % quantiles, such as "4.54 +0.15 −0.14"."""
    low, middle, high = intervals(draws)
    if not np.isfinite(middle):
        return "no finite draws"
    half = (high - low) / 2
    digits = int(np.clip(1 - np.floor(np.log10(half)), 0, 6)) if half > 0 else 2
    # Adding 0 makes a -0 that rounding left a 0.
    text = f"{round(middle, digits) + 0.0:.{digits}f}"
    text += f" +{high - middle:.{digits}f} -{middle - low:.{digits}f}"
    return text.replace("-", theme.MINUS)


def ticks(limits: tuple[float, float], most: int) -> list[float]:
    """Choose at most so many round numbers that keep away from the ends of a range."""
    low, high = limits[0] + 0.1 * np.ptp(limits), limits[1] - 0.1 * np.ptp(limits)
    power = 10.0 ** np.floor(np.log10((high - low) / most))
    # One number alone does not show how wide a panel is: then in steps that are less round.
    for fewest, factors in ((2, (1, 2, 5, 10, 20, 50)), (2, (4, 3, 8, 6)), (1, (5, 10, 20, 50))):
        for step in (power * factor for factor in factors):
            found = np.arange(np.ceil(low / step), np.floor(high / step) + 1)
            if fewest == most == 2 and len(found) == 3:
                found = found[::2]  # such as -4 and 4, about a middle that needs no number
            if min(fewest, most) <= len(found) <= most:
                return [float(f"{value:.6g}") for value in found * step]
    return [float(f"{(low + high) / 2:.3g}")]


def regions(
    x: np.ndarray, y: np.ndarray, x_ends: tuple[float, float], y_ends: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find, on a grid, what share of the draws lies where they are denser than here.

    Parameters
    ----------
    x, y : shape (S,); pairs that are not finite or lie outside the ends are left out.

    Returns
    -------
    x, y : middles of the cells, shape (BINS,).
    mass : shape (BINS, BINS), rows of y, in [0, 1]: its contour at 0.9 holds 90 % of the draws.
    """
    edges = [np.linspace(*limits, BINS + 1) for limits in (x_ends, y_ends)]
    use = np.isfinite(x) & np.isfinite(y)
    cells = [
        np.floor((v[use] - e[0]) * (BINS / (e[-1] - e[0]))).astype(int)
        for v, e in zip((x, y), edges, strict=True)
    ]
    inside = (np.minimum(*cells) >= 0) & (np.maximum(*cells) < BINS)
    cells = [c[inside] for c in cells]
    counts = np.bincount(cells[1] * BINS + cells[0], minlength=BINS**2).reshape(BINS, BINS)
    # Scott's rule, in cells; "nearest" keeps a density up to the end where a prior cuts it off.
    scale = max(inside.sum(), 1) ** (-1 / 6)
    widths = [float(np.clip(scale * c.std(), 0.6, 3.0)) if c.size else 1.0 for c in cells]
    density = gaussian_filter(counts.astype(float), widths[::-1], mode="nearest").ravel()
    order = np.argsort(density)[::-1]
    mass = np.ones(BINS**2)
    if density.sum() > 0:
        mass[order] = np.cumsum(density[order]) / density.sum()
    middles = [0.5 * (e[1:] + e[:-1]) for e in edges]
    return middles[0], middles[1], mass.reshape(BINS, BINS)


def outline(
    x: np.ndarray, y: np.ndarray, mass: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Trace the region {mass < level} by marching squares, as closed lines broken by NaN.

    Parameters
    ----------
    x : shape (columns,), even steps; y : shape (rows,), even steps; mass : shape (rows, columns).
    level : the region ends half a step beyond the grid at the latest.
    """
    values = np.pad(mass, 1, constant_values=max(1.0, 2 * level)) - level
    x, y = (np.r_[v[0] - 0.5 * (v[1] - v[0]), v, v[-1] + 0.5 * (v[1] - v[0])] for v in (x, y))
    inside = values < 0
    # A crossing has the key (row, column, way): along its row (0) or its column (1) from there.
    points: dict[tuple[int, int, int], tuple[float, float]] = {}
    for r, c in np.argwhere(inside[:, 1:] != inside[:, :-1]).tolist():
        share = values[r, c] / (values[r, c] - values[r, c + 1])
        points[r, c, 0] = float(x[c] + share * (x[c + 1] - x[c])), float(y[r])
    for r, c in np.argwhere(inside[1:] != inside[:-1]).tolist():
        share = values[r, c] / (values[r, c] - values[r + 1, c])
        points[r, c, 1] = float(x[c]), float(y[r] + share * (y[r + 1] - y[r]))
    beside: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {key: [] for key in points}
    for r, c in {(r - a, c - b) for r, c, w in points for a, b in ((0, 0), (w == 0, w == 1))}:
        sides = ((r, c, 0), (r, c + 1, 1), (r + 1, c, 0), (r, c, 1))
        met = [side for side in sides if side in points]
        # In a saddle the crossings beside a corner inside the region belong together.
        if len(met) == 4 and inside[r, c]:
            met = [met[0], met[3], met[1], met[2]]
        for a, b in zip(met[::2], met[1::2], strict=True):
            beside[a].append(b)
            beside[b].append(a)
    return _joined(points, beside)


def _joined(points: dict, beside: dict) -> tuple[np.ndarray, np.ndarray]:
    """Walk from crossing to crossing until every loop is closed."""
    walked: list[tuple[float, float]] = []
    left = dict.fromkeys(points)
    while left:
        start = here = next(iter(left))
        while here is not None:
            del left[here]
            walked.append(points[here])
            here = next((key for key in beside[here] if key in left), None)
        walked += [points[start], (np.nan, np.nan)]
    both = np.array(walked[:-1], float).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def log_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Round numbers for a logarithmic axis, and how they are written: 0.03, 10, or a power."""
    decades = np.log10(high / low)
    mantissas = (1, 2, 5) if decades < 1.5 else (1, 3) if decades < 3 else (1,)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found = [float(f"{m}e{p}") for p in powers for m in mantissas]
    found = [value for value in found if low <= value <= high]
    return found, [_written(value) for value in found]


def _written(value: float) -> str:
    if 1e-3 <= value < 1e5:
        return f"{value:,.10g}"
    mantissa, power = f"{value:.0e}".split("e")
    times = "" if mantissa == "1" else f"{mantissa} × "
    return f"{times}10<sup>{int(power)}</sup>".replace("-", theme.MINUS)
