"""What a reader of a regression should know about its data before believing its numbers."""

import numpy as np

from hbdash.regression_data import RegressionData
from hbdash.tables.csv_table import cut, listed

#: Shares of a predictor's variance that the others leave unexplained.
COLLINEAR, ALMOST = 1e-10, 1e-4
#: In the units of the model; the default priors reach about as far.
FAR = 50.0


def notes(data: RegressionData) -> tuple[str, ...]:
    """Say what the rows that the model uses cannot tell by themselves.

    Groups without a row or with one, or with more coefficients than rows; groups to which no
    predictor applies; predictors that are constant within groups, or collinear (by the rank of the
    scaled design, centred over all rows, over each group pooled, and in each group); numbers far
    from where the default priors look. A million rows take about 0.1 seconds.
    """
    varies = _varies(data)
    said = _groups(data) + _constant(data, varies) + _collinear(data, varies) + _units(data)
    return tuple(said)


def blank_counts(data: RegressionData) -> list[tuple[str, str, int]]:
    """Count the blank cells where the predictor applies: predictor, group, cells; none left out."""
    groups = len(data.names)
    found = np.stack([np.bincount(data.index, column, groups) for column in data.blank.T], 1)
    return [
        (data.predictors[p], data.names[k], int(found[k, p])) for p, k in np.argwhere(found.T > 0)
    ]


def blanks_in_words(data: RegressionData) -> str:
    """Say in a sentence how many cells are blank where the predictor applies; "" if none is."""
    counts: dict[str, int] = {}
    for predictor, _, cells in blank_counts(data):
        counts[predictor] = counts.get(predictor, 0) + cells
    if not counts:
        return ""
    each = [f'{cells:,} of "{cut(predictor)}"' for predictor, cells in counts.items()]
    rows = int((~data.complete).sum())
    return (
        f"Blank though the predictor applies: {', '.join(each)}; "
        f"{rows:,} of {len(data.y):,} rows have such a cell."
    )


def _quoted(data: RegressionData, which: np.ndarray) -> str:
    return listed([data.names[k] for k in np.flatnonzero(which)])


def _groups(data: RegressionData) -> list[str]:
    said, n, width = [], data.n, data.mask.sum(1)
    if len(data.names) == 1:
        said.append("With one group, the spread between groups is informed by its prior alone.")
    elif (n <= 1).all():
        said.append(
            "No group has two rows, so noise and the spread between groups cannot be told apart: "
            "their priors decide."
        )
    if (none := n == 0).any():
        said.append(
            f"No complete row in {_quoted(data, none)}, so none is used: the population and the "
            "priors alone decide there."
        )
    if (one := (n == 1) & (width > 0)).any():
        said.append(
            f"One row in {_quoted(data, one)}: it cannot tell a slope from an intercept, so the "
            "slope there is informed by the population, or its prior, alone."
        )
    if (few := (n > 1) & (n <= width)).any():
        k = int(np.argmax(few))
        said.append(
            f"More coefficients than rows in {_quoted(data, few)} (first: {n[k]:g} rows for an "
            f"intercept and {width[k]} predictors): the rows leave some of them open, and the "
            "population or the priors decide."
        )
    if n.sum() <= len(data.predictors):
        said.append(
            f"More predictors than rows: {n.sum():g} rows in all for an intercept and "
            f"{len(data.predictors)} predictors, so the priors decide; leave predictors out."
        )
    if (bare := width == 0).any():
        said.append(
            f"No predictor applies to {_quoted(data, bare)}: modelled by its intercept alone."
        )
    return said


def _varies(data: RegressionData) -> np.ndarray:
    """Whether a predictor takes two values in a group, shape (K, P); exact, as sums are not."""
    index, x, _ = data.rows
    groups = len(data.names)
    varies = np.zeros(data.mask.shape, bool)
    for p in range(x.shape[1]):
        known = data.mask[index, p] & ~np.isnan(x[:, p])
        group, column = index[known], x[known, p]
        first = np.zeros(groups)
        first[group[::-1]] = column[::-1]
        varies[:, p] = np.bincount(group, column != first[group], groups) > 0
    return varies


def _constant(data: RegressionData, varies: np.ndarray) -> list[str]:
    said, several = [], data.n > 1
    for p, name in enumerate(data.predictors):
        asked = data.mask[:, p] & several
        constant = asked & ~varies[:, p]
        if not constant.any():
            continue
        title = f'"{cut(name)}"'
        if constant.sum() == asked.sum() > 1:
            said.append(
                f"{title} is constant within every group: it differs between groups only, so the "
                "population or the priors tell its slopes from the intercepts."
            )
        else:
            said.append(
                f"{title} is constant within {_quoted(data, constant)}: the rows there cannot tell "
                "its slope from the intercept; the population or the prior decides."
            )
    return said


def _collinear(data: RegressionData, varies: np.ndarray) -> list[str]:
    width = len(data.predictors)
    if width < 2:
        return []
    s = data.statistics
    by_group = s.root.transpose(0, 2, 1) @ s.root
    by_group = by_group * varies[:, :, None] * varies[:, None, :]
    within = by_group.sum(0)
    away = s.x_mean - s.n @ s.x_mean / max(s.n.sum(), 1)
    overall = within + np.einsum("k,kp,kq->pq", s.n, away, away)
    said, told = [], np.zeros(width, bool)
    for products, where, remedy in (
        (overall, "", "the rows inform only a combination of their weights: leave one out"),
        (
            within,
            " within every group",
            "only the differences between groups and the priors tell their slopes apart",
        ),
    ):
        correlations = _correlations(products)
        share = _unexplained(correlations[None], ALMOST)[0]
        for p in np.flatnonzero((share < ALMOST) & ~told):
            word = "collinear" if share[p] < COLLINEAR else "almost collinear"
            named = _together(data, correlations, share >= ALMOST, int(p))
            said.append(f"{named} are {word}{where}: {remedy}.")
        told |= share < ALMOST
    enough = s.n > data.mask.sum(1)
    correlations = _correlations(by_group)
    share = _unexplained(correlations, COLLINEAR)
    where_by_names: dict[str, list[str]] = {}
    for k, p in np.argwhere((share < COLLINEAR) & ~told & enough[:, None]):
        named = _together(data, correlations[k], share[k] >= COLLINEAR, int(p))
        where_by_names.setdefault(named, []).append(data.names[k])
    for named, groups in where_by_names.items():
        said.append(
            f"{named} are collinear within {listed(groups)}: the rows there inform only a "
            "combination of their weights; the population or the priors decide."
        )
    return said


def _correlations(products: np.ndarray) -> np.ndarray:
    """Scale sums of products (..., P, P) to correlations; a predictor without any stays alone."""
    sizes = np.sqrt(np.einsum("...pp->...p", products))
    sizes = np.where(sizes > 0, sizes, 1.0)
    scaled = products / sizes[..., :, None] / sizes[..., None, :]
    one = np.eye(products.shape[-1])
    return np.where(one > 0, one, scaled)


def _unexplained(correlations: np.ndarray, least: float) -> np.ndarray:
    """Share of each predictor's variance that those before it leave unexplained.

    Cholesky's decomposition, passing over predictors that leave less than `least`.

    Parameters
    ----------
    correlations : shape (K, P, P).

    Returns
    -------
    Shape (K, P).
    """
    width = correlations.shape[1]
    factor, share = np.zeros(correlations.shape), np.ones(correlations.shape[:2])
    for p in range(width):
        row = factor[:, p, :p]
        share[:, p] = correlations[:, p, p] - (row**2).sum(1)
        kept = share[:, p] >= least
        size = np.sqrt(np.where(kept, share[:, p], 1.0))
        rest = correlations[:, p + 1 :, p] - np.einsum("kqi,ki->kq", factor[:, p + 1 :, :p], row)
        factor[:, p + 1 :, p] = np.where(kept[:, None], rest / size[:, None], 0.0)
        factor[:, p, p] = np.where(kept, size, 0.0)
    return share


def _together(data: RegressionData, correlations: np.ndarray, kept: np.ndarray, p: int) -> str:
    """Name a predictor and those before it, of those `kept`, shape (P,), that explain it."""
    before = [q for q in range(p) if kept[q]]
    weights = np.linalg.lstsq(correlations[np.ix_(before, before)], correlations[before, p])[0]
    named = [q for q, weight in zip(before, weights, strict=True) if abs(weight) > 1e-3]
    return listed([data.predictors[q] for q in [*named, p]])


def _units(data: RegressionData) -> list[str]:
    said, y = [], data.rows[2]
    if len(y) and max(abs(y.mean()), y.std()) > FAR:
        said.append(
            f'"{cut(data.response)}" has mean {y.mean():.3g} and standard deviation {y.std():.3g} '
            "in the units of the model, beyond the default priors: standardize, or widen the "
            "priors."
        )
    mean, sd = data.column_moments
    for name, at, spread in zip(data.predictors, mean, sd, strict=True):
        if abs(at) > 5 * spread:
            said.append(
                f'"{cut(name)}" lies far from zero ({at:.4g}, sd {spread:.3g}), where intercepts '
                "are read off: centre or standardize it."
            )
    return said
