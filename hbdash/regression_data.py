"""Rows of a response and its predictors, in groups, and what their normal likelihood needs."""

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

#: A direction whose share of the predictors' variation is below this counts as not varying.
NEGLIGIBLE = 1e-12
#: A spread below this share of the mean is rounding.
ROUNDING = 1e-13


class Statistics(NamedTuple):
    """Each group's sufficient statistics for a normal likelihood, in the units of the model.

    With a line a + x . b, a group's residual sum of squares is

        n (y_mean - a - x_mean . b)^2 + |root (b - fit)|^2 + ss.

    Attributes
    ----------
    n, y_mean, ss : shape (K,): complete rows, mean response, least residual sum of squares.
    x_mean, fit : shape (K, P): mean predictors; least-squares weights, of least norm where the
        rows leave some undetermined.
    root : shape (K, P, P): root' root are the centred sums of squares and products.
    """

    n: np.ndarray
    y_mean: np.ndarray
    x_mean: np.ndarray
    root: np.ndarray
    fit: np.ndarray
    ss: np.ndarray


class Fits(NamedTuple):
    """Least-squares lines of each group alone: what no pooling says, in the units of the model.

    Standard errors take the residual sd pooled over groups; they are infinite, and estimates NaN,
    where a group's rows do not determine a number.

    Attributes
    ----------
    intercept, intercept_error : shape (K,).
    weights, weight_errors : shape (K, P).
    sd : pooled residual standard deviation.
    """

    intercept: np.ndarray
    intercept_error: np.ndarray
    weights: np.ndarray
    weight_errors: np.ndarray
    sd: float


class Estimates(NamedTuple):
    """What each group says by itself about one number, each of shape (K,)."""

    n: np.ndarray
    mean: np.ndarray
    standard_error: np.ndarray


@dataclass(frozen=True)
class Units:
    """How the model sees the numbers: (value - origin) / unit.

    Attributes
    ----------
    x_origin, x_unit : shape (P,).
    y_origin, y_unit : numbers.
    """

    x_origin: np.ndarray
    x_unit: np.ndarray
    y_origin: float = 0.0
    y_unit: float = 1.0


@dataclass(frozen=True)
class RegressionData:
    """Rows of a response and P predictors in K groups, in the units they came in.

    Attributes
    ----------
    names : K labels.
    predictors : P names; `response` and `group` are the names of the other columns.
    index : shape (N,): the group (0 to K - 1) of each row.
    x : shape (N, P); NaN where a cell is blank. y : shape (N,).
    mask : shape (K, P), bool: whether a predictor applies to a group; its cells count only there.
    units : the units of the model.
    latent : whether blank cells where a predictor applies are latent values; else their rows are
        left out.
    truth : generating values by site, or empty.
    source : where the numbers come from, in words.
    """

    names: tuple[str, ...]
    predictors: tuple[str, ...]
    index: np.ndarray
    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray
    units: Units
    response: str = "y"
    group: str = "group"
    latent: bool = False
    truth: dict[str, np.ndarray] = field(default_factory=dict)
    source: str = ""

    @cached_property
    def blank(self) -> np.ndarray:
        """Cells that are blank though the predictor applies, shape (N, P), bool."""
        return np.isnan(self.x) & self.mask[self.index]

    @cached_property
    def complete(self) -> np.ndarray:
        """Rows without such a cell, shape (N,), bool."""
        return np.logical_not(self.blank.any(axis=1, keepdims=False))

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows as the model sees them: index (N,), x (N, P), y (N,).

        Predictors that do not apply are 0, in the units of the model; blank cells stay NaN, in
        rows that are there only where they are latent.
        """
        used = slice(None) if self.latent else self.complete
        index = self.index[used]
        x = (self.x[used] - self.units.x_origin) / self.units.x_unit
        y = (self.y[used] - self.units.y_origin) / self.units.y_unit
        return index, np.where(self.mask[index], x, 0.0), y

    @cached_property
    def n(self) -> np.ndarray:
        """Rows of each group that the model uses, shape (K,)."""
        return np.bincount(self.rows[0], minlength=len(self.names)).astype(float)

    @cached_property
    def column_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd of the cells of each predictor where it applies, model units, shape (P,)."""
        index, x, _ = self.rows
        x = np.where(self.mask[index], x, np.nan)
        known = ~np.isnan(x)
        count = np.maximum(known.sum(0), 1)
        mean = np.where(known, x, 0.0).sum(0) / count
        sd = np.sqrt((np.where(known, x - mean, 0.0) ** 2).sum(0) / count)
        return mean, np.where(sd > 0, sd, 1.0)

    @cached_property
    def statistics(self) -> Statistics:
        """Reduce the complete rows to each group's sufficient statistics."""
        index, x, y = self.rows
        if self.latent:
            kept = self.complete
            index, x, y = index[kept], x[kept], y[kept]
        groups, width = len(self.names), x.shape[1]

        def total(values: np.ndarray) -> np.ndarray:
            return np.bincount(index, values, groups)

        n = np.bincount(index, minlength=groups).astype(float)
        count = np.maximum(n, 1)
        # From an origin near the rows, so that a mean far from zero costs no digits.
        y_near, x_near = y.mean() if len(y) else 0.0, x.mean(0) if len(y) else np.zeros(width)
        y_mean = np.where(n > 0, y_near + total(y - y_near) / count, 0.0)
        x_mean = np.stack(
            [near + total(c - near) / count for near, c in zip(x_near, x.T, strict=True)], 1
        )
        x_mean[n == 0] = 0.0
        xc, yc = x - x_mean[index], y - y_mean[index]
        products = np.zeros((groups, width, width))
        for i in range(width):
            for j in range(i + 1):
                products[:, i, j] = products[:, j, i] = total(xc[:, i] * xc[:, j])
        # What rounding leaves of a predictor that is constant in a group is no variation.
        spread = np.sqrt(np.einsum("kpp->kp", products) / count[:, None])
        varies = spread > ROUNDING * np.abs(x_mean)
        products = np.where(varies[:, :, None] & varies[:, None], products, 0.0)
        size, values, vectors = _axes(products)
        inverse = np.where(values > 0, 1 / np.where(values > 0, values, 1.0), 0.0)
        root = np.sqrt(values)[:, :, None] * vectors.transpose(0, 2, 1) * size[:, None]
        fit = np.zeros((groups, width))
        # The second pass takes up what rounding left of the gradient after the first.
        for _ in range(2):
            residual = yc - np.einsum("np,np->n", xc, fit[index])
            slope = np.stack([total(column * residual) for column in xc.T], 1)
            step = np.einsum("kpi,ki,kqi,kq->kp", vectors, inverse, vectors, slope / size)
            fit = fit + step / size
        residual = yc - np.einsum("np,np->n", xc, fit[index])
        return Statistics(n, y_mean, x_mean, root, fit, total(residual**2))

    @cached_property
    def fits(self) -> Fits:
        """Fit each group alone by least squares."""
        s = self.statistics
        products = s.root.transpose(0, 2, 1) @ s.root
        size, values, vectors = _axes(products)
        kept = values > 0
        free = np.maximum(s.n - kept.sum(1) - 1, 0).sum()
        spread = self.rows[2].std() or 1.0
        sd = float(np.sqrt(s.ss.sum() / free)) if free > 0 and s.ss.sum() > 0 else float(spread)

        def error(direction: np.ndarray, extra: np.ndarray) -> np.ndarray:
            """Standard error along a direction (K, P), infinite off the rows' own space."""
            scaled = direction / size
            along = np.einsum("kpi,kp->ki", vectors, scaled)
            lost = np.where(kept, 0.0, along**2).sum(1) > 1e-9 * (scaled**2).sum(1)
            inverse = np.where(kept, along**2 / np.where(kept, values, 1.0), 0.0).sum(1)
            return np.where(lost, np.inf, sd * np.sqrt(extra + inverse))

        some = np.where(s.n > 0, 1 / np.maximum(s.n, 1), np.inf)
        intercept_error = error(s.x_mean, some)
        one = np.eye(s.fit.shape[1])
        errors = [error(np.broadcast_to(e, s.fit.shape), np.zeros_like(s.n)) for e in one]
        weight_errors = np.where(self.mask, np.stack(errors, 1), np.inf)
        intercept = s.y_mean - np.einsum("kp,kp->k", s.x_mean, s.fit)
        return Fits(
            np.where(np.isfinite(intercept_error), intercept, np.nan),
            intercept_error,
            np.where(np.isfinite(weight_errors), s.fit, np.nan),
            weight_errors,
            sd,
        )


def _axes(products: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Take centred sums of squares and products, shape (K, P, P), apart.

    Returns
    -------
    The size of each predictor, shape (K, P), and eigenvalues (K, P) and eigenvectors (K, P, P) of
    the products of predictors divided by their sizes, so that a predictor in small units is not
    taken for one that does not vary; eigenvalues that are negligible are 0.
    """
    squares = np.einsum("kpp->kp", products)
    size = np.sqrt(np.where(squares > 0, squares, 1.0))
    values, vectors = np.linalg.eigh(products / size[:, :, None] / size[:, None])
    return size, np.where(values > NEGLIGIBLE, values, 0.0), vectors


def units(x: np.ndarray, y: np.ndarray, how: str) -> Units:
    """Choose the units of the model.

    Parameters
    ----------
    x : shape (N, P), NaN where blank. y : shape (N,).
    how : "none"; "centre", predictors count from their means; or "standardize", predictors and
        response count from their means in standard deviations.
    """
    width = x.shape[1]
    if how == "none":
        return Units(np.zeros(width), np.ones(width))
    with warnings.catch_warnings():
        # A column without a number is refused, by name, where the table is checked.
        warnings.simplefilter("ignore", RuntimeWarning)
        mean, sd = np.nan_to_num(np.nanmean(x, 0)), np.nan_to_num(np.nanstd(x, 0))
    if how == "centre":
        return Units(mean, np.ones(width))
    y_sd = float(y.std())
    return Units(mean, np.where(sd > 0, sd, 1.0), float(y.mean()), y_sd if y_sd > 0 else 1.0)
