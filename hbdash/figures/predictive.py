"""Posterior predictive: whether data like these would come out of the fitted model."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.energy import density
from hbdash.figures.panels import NO_DRAWS, float32, label_once, sizes, span
from hbdash.quantities import variable, with_draws

MOST_GROUPS = 40
MOST_ROWS, FIGURE_ROWS = 200, 4000  # dots of one group, and of all groups together
MOST_DRAWS = 4000
HALF_WIDTH = 0.44  # of a violin, in groups
GOLDEN = 0.6180339887498949  # steps of the golden ratio spread dots evenly without randomness


def predictive(
    runs: dict[str, xr.DataTree],
    *,
    groups: slice = slice(0, MOST_GROUPS),
    dark: bool = False,
    seed: int = 0,
) -> go.Figure:
    """New data as the fitted model would produce them (violins: the first parameterization to the
    left, the second to the right) and the data that were seen (dots; for estimates, a dot and its
    standard error). The two halves should mirror each other: they answer the same question. Dots
    far outside a violin are data that the model does not expect.

    Parameters
    ----------
    runs : label to draws; the first two with draws are shown. Needs posterior/theta, and sigma
        from posterior/sigma or from observed_data/standard_error and n.
    groups : which groups; at most 40 of them are shown.
    seed : seed of the predictive draws, y_rep[k] ~ Normal(theta[k], sigma[k]) in data units.
    """  # noqa: D205, D401
    shown = with_draws(runs)[:2]
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    names = [str(name) for name in shown[0][2]["posterior"].coords["group"].values]
    chosen = list(range(len(names)))[groups][:MOST_GROUPS]
    if not chosen:
        return theme.empty("No groups chosen.", dark=dark)
    fig = theme.layout(go.Figure(), dark=dark, height=470)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": 54, "b": 60},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    tails = []
    for side, (i, label, dt) in enumerate(shown):
        draws = replicate(dt, chosen, seed + i)
        curves = [_curve(draws[:, k]) for k in range(len(chosen))]
        tails += [np.quantile(draws, [0.002, 0.998], axis=0).ravel()]
        name = f"{theme.shorten(label, 26)}, {sizes(variable(dt, 'posterior/mu'))}"
        both = len(shown) == 1
        _violins(fig, curves, -1 if side == 0 else 1, both, i, name, dark)
    seen = _data(fig, shown[0][2], chosen, dark)
    low, high = span(*tails, seen)
    pad = 0.03 * (high - low)
    _axes(fig, [names[k] for k in chosen], len(names))
    fig.update_yaxes(title_text="y (data units)", range=[low - pad, high + pad])
    return label_once(fig)


def replicate(dt: xr.DataTree, chosen: list[int], seed: int) -> np.ndarray:
    """Draw new data from the posterior, one a kept draw and group.

    Returns
    -------
    Shape (draws, groups), in data units; at most 4,000 draws, evenly kept.
    """
    theta = variable(dt, "posterior/theta").transpose("chain", "draw", "group")
    theta = theta.values.reshape(-1, theta.sizes["group"])[:, chosen]
    kept = np.linspace(0, len(theta) - 1, min(len(theta), MOST_DRAWS)).astype(int)
    if "sigma" in dt["posterior"]:
        sigma = (
            variable(dt, "posterior/sigma").transpose("chain", "draw").values.ravel()[kept, None]
        )
    else:
        n = variable(dt, "observed_data/n").values[chosen]
        sigma = variable(dt, "observed_data/standard_error").values[chosen] * np.sqrt(n)
    return np.random.default_rng(seed).normal(theta[kept], sigma)


def _curve(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Density of one group between its 0.2% and 99.8% quantiles, scaled to a height of 1."""
    x, y = density(draws)
    if not len(x):
        return x, y
    low, high = np.quantile(draws, [0.002, 0.998])
    inside = (x >= low) & (x <= high)
    return x[inside], y[inside] / y.max()


def _violins(fig, curves, side: int, both: bool, i: int, name: str, dark: bool) -> None:
    colour = theme.colour(i, dark=dark)
    xs, ys = [], []
    for k, (at, height) in enumerate(curves):
        if not len(at):
            continue
        half = side * HALF_WIDTH * height
        back = k - half[::-1] if both else np.full(len(at), float(k))
        xs += [k + half, back, k + half[:1], [np.nan]]
        ys += [at, at[::-1], at[:1], [np.nan]]
    if not xs:
        return
    fig.add_trace(
        go.Scatter(
            x=float32(np.concatenate(xs)),
            y=float32(np.concatenate(ys)),
            mode="lines",
            fill="toself",
            fillcolor=theme.rgba(colour, 0.4),
            line={"color": colour, "width": 1 if len(curves) <= 20 else 0.6},
            hoverinfo="skip",
            name=name,
        )
    )


def _data(fig, dt: xr.DataTree, chosen: list[int], dark: bool) -> np.ndarray:
    """Draw the data and return every value drawn, to set the range."""
    observed = dt["observed_data"].to_dataset()
    if "values" not in observed or not observed["values"].size:
        return _estimates(fig, dt, chosen, dark)
    values, index = observed["values"].values, observed["index"].values
    most = max(1, min(MOST_ROWS, FIGURE_ROWS // len(chosen)))
    rows = [_spread(np.sort(values[index == k]), most) for k in chosen]
    x = [k + 0.3 * _jitter(len(row)) for k, row in enumerate(rows)]
    cut = any((index == k).sum() > most for k in chosen)
    y = np.concatenate(rows)
    fig.add_trace(
        go.Scatter(
            x=float32(np.concatenate(x)),
            y=float32(y),
            mode="markers",
            marker={
                "color": theme.ink(dark),
                "size": 4 if len(y) < 800 else 3,
                "opacity": 0.55,
                "line_width": 0,
            },
            name=f"data ({most} quantiles where a group has more)" if cut else "data",
            hovertemplate="%{y:.4g}<extra></extra>",
        )
    )
    return y


def _estimates(fig, dt: xr.DataTree, chosen: list[int], dark: bool) -> np.ndarray:
    mean = variable(dt, "observed_data/mean").values[chosen]
    error = variable(dt, "observed_data/standard_error").values[chosen]
    fig.add_trace(
        go.Scatter(
            x=np.arange(len(chosen), dtype=np.int32),
            y=float32(mean),
            error_y={
                "array": float32(error),
                "color": theme.ink(dark),
                "thickness": 1.4,
                "width": 3,
            },
            mode="markers",
            marker={"color": theme.ink(dark), "size": 7},
            name="estimate ± standard error",
            hovertemplate="%{y:.4g}<extra></extra>",
        )
    )
    return np.concatenate([mean - error, mean + error])


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Keep at most `most` of the sorted rows, evenly by rank, the extremes included."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int)]


def _jitter(number: int) -> np.ndarray:
    """Offsets in (-0.5, 0.5), the same every time; a single row stays in the middle."""
    return (0.5 + GOLDEN * np.arange(number)) % 1 - 0.5


def _axes(fig, names: list[str], total: int) -> None:
    title = "group" if len(names) == total else f"group ({len(names)} of {total} shown)"
    long = len(names) * (max(map(len, names)) + 2) > 84
    fig.update_xaxes(
        title_text=title,
        range=[-0.6, len(names) - 0.4],
        tickvals=list(range(len(names))),
        ticktext=[theme.shorten(name, 16) for name in names],
        tickangle=-40 if long else 0,
        showgrid=False,
    )
