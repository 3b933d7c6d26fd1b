"""Densities as pictures: counts of all draws, PNG layers, exact highest-density contours."""

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from hbdash.figures import theme

MASSES = (0.5, 0.9, 0.99)
#: Opacity of the rarest and the densest cell, and how soon counts saturate.
CONTRAST = 3.0
FAINTEST, STRONGEST = 0.06, 0.92


def counts(
    x: np.ndarray, y: np.ndarray, x_range: np.ndarray, y_range: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Count draws in the cells of K panels at once.

    Parameters
    ----------
    x : shape (S, K), one column a panel; y : shape (S,), shared by the panels.
    x_range : shape (K, 2); y_range : shape (2,).
    shape : rows (of y) and columns (of x) of a panel.

    Returns
    -------
    counts : shape (K, rows, columns), row 0 at the bottom. Draws outside the ranges are left out.
    """
    rows, columns = shape
    panels = x.shape[1]
    width = x_range[:, 1] - x_range[:, 0]
    column = np.floor((x - x_range[:, 0]) * (columns / width)).astype(np.int32)
    row = np.floor((y - y_range[0]) * (rows / (y_range[1] - y_range[0]))).astype(np.int32)
    inside = (column >= 0) & (column < columns) & ((row >= 0) & (row < rows))[:, None]
    flat = (np.arange(panels, dtype=np.int32) * rows + row[:, None]) * columns + column
    total = np.bincount(flat[inside], minlength=panels * rows * columns)
    return total.reshape(panels, rows, columns)


def _soften(layer: np.ndarray) -> np.ndarray:
    """Spread every count over its 24 neighbours by the weights 1 4 6 4 1, keeping the total."""
    for axis in (-2, -1, -2, -1):
        layer = np.moveaxis(layer, axis, -1)
        soft = 0.5 * layer
        soft[..., 1:] += 0.25 * layer[..., :-1]
        soft[..., :-1] += 0.25 * layer[..., 1:]
        soft[..., 0] += 0.25 * layer[..., 0]
        soft[..., -1] += 0.25 * layer[..., -1]
        layer = np.moveaxis(soft, -1, axis)
    return layer


def paint(layers: Sequence[np.ndarray], colours: Sequence[str]) -> np.ndarray:
    """Colour counts by log-scaled opacity and lay the runs over each other.

    Where runs overlap, colours mix by opacity and no run hides another.

    Parameters
    ----------
    layers : one array of counts a run, each of shape (K, rows, columns).
    colours : one "#rrggbb" a run.

    Returns
    -------
    pixels : shape (K, rows, columns, 4), uint8 RGBA, row 0 at the top.
    """
    strongest = STRONGEST / len(layers) ** 0.5
    clear = np.ones(layers[0].shape, np.float32)
    mixed = np.zeros((*layers[0].shape, 3), np.float32)
    total = np.zeros(layers[0].shape, np.float32)
    for layer, hexcolour in zip(layers, colours, strict=True):
        ink = _soften(layer.astype(np.float32))
        most = np.maximum(ink.max(axis=(-2, -1), keepdims=True), 1)
        strength = np.log1p(CONTRAST * ink) / np.log1p(CONTRAST * most)
        alpha = np.where(ink > 0, FAINTEST + (strongest - FAINTEST) * strength, 0)
        clear *= 1 - alpha
        total += alpha
        mixed += alpha[..., None] * np.array(theme.rgb(hexcolour), np.float32)
    pixels = np.empty((*layers[0].shape, 4), np.uint8)
    pixels[..., :3] = np.rint(mixed / np.maximum(total, 1e-6)[..., None])
    # 32 steps of opacity look the same and halve the PNG
    pixels[..., 3] = np.rint((1 - clear) * 31) * (255 / 31)
    return pixels[..., ::-1, :, :]


def tile(pixels: np.ndarray, columns: int, gap: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Lay K panels of pixels out in rows of `columns`, with clear gaps (right, below) in pixels."""
    panels, height, width, _ = pixels.shape
    rows = -(-panels // columns)
    board = np.zeros((rows * columns, height + gap[1], width + gap[0], 4), np.uint8)
    board[:panels, :height, :width] = pixels
    board = board.reshape(rows, columns, *board.shape[1:]).swapaxes(1, 2)
    return board.reshape(rows * (height + gap[1]), columns * (width + gap[0]), 4)


def png(pixels: np.ndarray) -> str:
    """Write RGBA pixels of shape (rows, columns, 4), top row first, as a data URI."""
    buffer = BytesIO()
    # Half the time of the usual level 6, for a tenth more bytes.
    Image.fromarray(np.ascontiguousarray(pixels), "RGBA").save(buffer, "PNG", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def levels(
    x: np.ndarray, y: np.ndarray, density: np.ndarray, masses: Sequence[float] = MASSES
) -> np.ndarray:
    """Find the densities whose super-level sets hold the given masses (highest-density regions).

    Parameters
    ----------
    x : shape (columns,); y : shape (rows,); density : shape (rows, columns), any scale.
    masses : probabilities in (0, 1).
    """
    mass = (density * np.gradient(y)[:, None] * np.gradient(x)).ravel()
    order = np.argsort(density.ravel())[::-1]
    held = np.cumsum(mass[order])
    if not held[-1] > 0:
        return np.full(len(masses), np.nan)
    return np.interp(masses, held / held[-1], density.ravel()[order])


def contour(
    x: np.ndarray, y: np.ndarray, density: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Trace the outline of {density > level}, closed; empty where the level is never passed.

    Every row of a funnel's region is an interval, so its outline is the outermost crossings of the
    rows, interpolated between cells, up the right side and down the left.
    """
    above = density > level
    rows = np.flatnonzero(above.any(axis=1))
    if len(rows) == 0:
        return np.empty(0), np.empty(0)
    left = _crossing(x, density[rows], above[rows], level)
    right = _crossing(x[::-1], density[rows, ::-1], above[rows, ::-1], level)
    bottom = _tip(x, y, density, level, rows[0], -1)
    top = _tip(x, y, density, level, rows[-1], 1)
    outline_x = [bottom[0], *right, top[0], *left[::-1], bottom[0]]
    outline_y = [bottom[1], *y[rows], top[1], *y[rows][::-1], bottom[1]]
    return np.array(outline_x), np.array(outline_y)


def _crossing(x, density, above, level):
    """Where each row first rises above the level, shape (rows,)."""
    first = above.argmax(axis=1)
    before = np.maximum(first - 1, 0)
    rows = np.arange(len(density))
    low, high = density[rows, before], density[rows, first]
    share = _share(low, high, level)
    return x[before] + share * (x[first] - x[before])


def _share(low, high, level):
    """How far from `low` to `high` the level lies, in log density: exact for Gaussian flanks."""
    low, high = np.maximum(low, 1e-4 * level), np.maximum(high, 1e-4 * level)
    rise = np.log(high / low)
    return np.clip(np.where(rise > 0, np.log(level / low) / np.where(rise > 0, rise, 1), 1), 0, 1)


def _tip(x, y, density, level, row, step):
    """Where the ridge of the density falls below the level beyond its last row."""
    peak = density[row].argmax()
    beyond = row + step
    if not 0 <= beyond < len(y):
        return x[peak], y[row]
    inside, outside = density[row, peak], density[beyond].max()
    share = 1 - _share(outside, inside, level)
    return x[peak], y[row] + share * (y[beyond] - y[row])


def contours(
    x: np.ndarray, y: np.ndarray, density: np.ndarray, masses: Sequence[float] = MASSES
) -> tuple[np.ndarray, np.ndarray]:
    """Trace the highest-density regions of the given masses as one line, broken by NaN."""
    pieces = [contour(x, y, density, level) for level in levels(x, y, density, masses)]
    pieces = [piece for piece in pieces if len(piece[0])]
    if not pieces:
        return np.empty(0, np.float32), np.empty(0, np.float32)
    lines = [np.concatenate([np.append(piece[i], np.nan) for piece in pieces])[:-1] for i in (0, 1)]
    return lines[0].astype(np.float32), lines[1].astype(np.float32)
