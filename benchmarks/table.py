"""Plain text tables of repeated measurements."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def spread(values: ArrayLike, digits: int = 3) -> str:
    """Write the median and the range: ``0.25 (0.21 to 0.40)``."""
    low, middle, high = (
        f"{q:.{digits}g}" for q in np.quantile(np.asarray(values, float), (0, 0.5, 1))
    )
    return f"{middle} ({low} to {high})"


def geometric_mean(values: ArrayLike) -> float:
    """Mean on the log scale, for ratios."""
    return float(np.exp(np.mean(np.log(values))))


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a titled table with aligned columns."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    print(f"\n{title}")
    for row in (columns, ["-" * width for width in widths], *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip(), flush=True)
