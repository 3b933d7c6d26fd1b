"""Predictive means and the full predictive distribution against the data, group by group."""

from math import ceil

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from plotly.subplots import make_subplots
from scipy.special import ndtr, stdtr

from hbdash.figures import theme
from hbdash.figures.draws import evenly
from hbdash.figures.draws import heading as group_heading
from hbdash.figures.panels import NO_DRAWS, WIDTH, add_note, float32, label_once, sizes, span
from hbdash.figures.residuals import Fitted, fitted
from hbdash.predict import Lines, lines, mean_response
from hbdash.quantities import variable

MOST_GROUPS = 12
#: Rows and draws whose normal densities are averaged, and points of the curve.
ROWS, DRAWS, POINTS = 200, 40, 160


def predictive_by_group(dt: xr.DataTree, *, dark: bool = False) -> go.Figure:
    """Three distributions of one group's response. Grey bars: what was observed. Outlined bars:
    the posterior predictive mean of every row, which is often drawn alone; means have no noise in
    them, so they are narrower than the data, however good the model is. Blue curve: the full
    posterior predictive, means and noise together, which is what the bars should be held against.
    Where the curve misses them, the model does not produce data like these.

    Parameters
    ----------
    dt : draws of either regression model.
    dark : whether the page behind is dark.

    Notes
    -----
    The curve is p(y_rep | x, y) for the observed predictors, averaged over up to 200 rows of a
    group and 40 draws, and over a window one bar wide, as the bars themselves are. Gelman, Meng
    and Stern (1996), Statistica Sinica 6, 733-760.
    """  # noqa: D205
    if "posterior" not in dt.children or not dt["posterior"].sizes.get("draw", 0):
        return theme.empty(NO_DRAWS, dark=dark)
    rows, found = fitted(dt), lines(dt, DRAWS)
    names = [str(name) for name in variable(dt, "constant_data/mask").coords["group"].values]
    chosen = [k for k in range(len(names)) if (rows.group == k).any()][:MOST_GROUPS]
    if not chosen:
        return theme.empty("No rows without blank cells to compare with.", dark=dark)
    fig, columns = _canvas(len(chosen), dark)
    noise = noise_sd(found)
    seen = np.isin(rows.group, chosen)
    low, high = span(rows.y[seen], rows.mean[seen] - 3 * noise, rows.mean[seen] + 3 * noise)
    for place, k in enumerate(chosen):
        at = place // columns + 1, place % columns + 1
        mine = rows.group == k
        y, mean = rows.y[mine], rows.mean[mine]
        edges = bins(np.concatenate([y, mean]))
        observed, means = (np.histogram(v, edges, density=True)[0] for v in (y, mean))
        grid = np.linspace(low, high, POINTS)
        curve = predictive_density(found, rows, k, grid, edges[1] - edges[0])
        _observed(fig, at, edges, observed, dark)
        _means(fig, at, edges, means, dark)
        _curve(fig, at, grid, curve, dark)
        top = max(observed.max(), curve.max(), min(means.max(), 2 * observed.max()))
        fig.update_yaxes(range=[0, 1.06 * top], row=at[0], col=at[1])
        _title(fig, at, names[k], y, mean, noise, columns > 2, dark)
    _label(fig, dt, rows, len(chosen), len(names), columns, (low, high), dark)
    return label_once(fig)


def noise_sd(found: Lines) -> float:
    """Standard deviation of the noise of one observation, by draws; NaN where it is infinite."""
    if found.nu is None:
        return float(np.sqrt(np.mean(found.noise**2)))
    finite = found.nu > 2
    if not finite.all():
        return np.nan
    return float(np.sqrt(np.mean(found.noise**2 * found.nu / (found.nu - 2))))


def bins(values: np.ndarray) -> np.ndarray:
    """Edges of 4 to 40 bins of equal width that cover all values, by Freedman and Diaconis."""
    low, high = span(values)
    width = 2 * np.subtract(*np.quantile(values, [0.75, 0.25])) / len(values) ** (1 / 3)
    least = 8 if len(values) >= 40 else 4
    number = least if not width > 0 else int(np.clip(ceil((high - low) / width), least, 40))
    return np.linspace(low, high, number + 1)


def predictive_density(
    found: Lines, rows: Fitted, group: int, grid: np.ndarray, window: float
) -> np.ndarray:
    """Posterior predictive density of one group's rows, averaged over a window about each value.

    Parameters
    ----------
    grid : values of the response. window : width, in the same units.

    Returns
    -------
    Shape of `grid`, 1 / data units: the probability of the window over its width. It averages over
    draws and over rows, which are thinned evenly by their means.
    """
    mine = np.flatnonzero(rows.group == group)
    kept = evenly(mine[np.argsort(rows.mean[mine], kind="stable")], ROWS)
    height = mean_response(found, np.full(len(kept), group), rows.x[kept])
    scale, total = found.noise[:, None], np.empty(len(grid))
    for i, value in enumerate(grid):
        low, high = ((value + side * window / 2 - height) / scale for side in (-1, 1))
        if found.nu is None:
            total[i] = np.mean(ndtr(high) - ndtr(low))
        else:
            total[i] = np.mean(stdtr(found.nu[:, None], high) - stdtr(found.nu[:, None], low))
    return total / window


def _canvas(groups: int, dark: bool) -> tuple[go.Figure, int]:
    columns = min(groups, 3) if groups != 4 else 2
    blocks = ceil(groups / columns)
    tall = 300 if blocks == 1 else 190 if blocks == 2 else 150
    between, top, below = 76, 88, 52
    inner = blocks * tall + (blocks - 1) * between
    specs = [
        [{} if b * columns + c < groups else None for c in range(columns)] for b in range(blocks)
    ]
    fig = make_subplots(
        blocks,
        columns,
        specs=specs,
        horizontal_spacing=44 / WIDTH,
        vertical_spacing=between / inner if blocks > 1 else 0,
    )
    theme.layout(fig, dark=dark, height=inner + top + below)
    fig.update_layout(
        margin={"l": 64, "r": 16, "t": top, "b": below},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    return fig, columns


def _steps(edges: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outline of a histogram, from zero to zero."""
    return float32(np.repeat(edges, 2)), float32(np.r_[0, np.repeat(height, 2), 0])


def _observed(fig, at, edges: np.ndarray, height: np.ndarray, dark: bool) -> None:
    x, y = _steps(edges, height)
    fig.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            fill="tozeroy",
            fillcolor=theme.rgba(theme.muted(dark), 0.32),
            line={"color": theme.rgba(theme.muted(dark), 0.6), "width": 0.8},
            hoverinfo="skip",
            name="observed",
        ),
        *at,
    )


def _means(fig, at, edges: np.ndarray, height: np.ndarray, dark: bool) -> None:
    x, y = _steps(edges, height)
    fig.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": theme.colour(theme.VERMILION, dark=dark), "width": 2},
            hoverinfo="skip",
            name="predictive means alone (no noise)",
        ),
        *at,
    )


def _curve(fig, at, grid: np.ndarray, density: np.ndarray, dark: bool) -> None:
    fig.add_trace(
        go.Scatter(
            x=float32(grid),
            y=float32(density),
            mode="lines",
            line={"color": theme.colour(theme.BLUE, dark=dark), "width": 3},
            hovertemplate="%{x:.4g}: density %{y:.3g}<extra></extra>",
            name="full posterior predictive",
        ),
        *at,
    )


def _title(
    fig, at, name: str, y: np.ndarray, mean: np.ndarray, noise: float, narrow: bool, dark: bool
) -> None:
    """Name a group; its three standard deviations show what means leave out."""
    full = np.sqrt(mean.var() + noise**2)
    colours = (
        theme.muted(dark),
        theme.colour(theme.VERMILION, dark=dark),
        theme.colour(theme.BLUE, dark=dark),
    )
    words = ("", "", "") if narrow else ("observed ", "means ", "full ")
    ends = (" · ", " · ", "") if narrow else ("<br>", " · ", "")
    numbers = [
        f'<b style="color:{colour}">{word}{value:.3g}</b>{end}'
        for word, value, colour, end in zip(
            words, (y.std(), mean.std(), full), colours, ends, strict=True
        )
    ]
    title = (
        f"<b>{theme.shorten(group_heading(name), 16)}</b><br>"
        f'<span style="font-size:11px;color:{theme.muted(dark)}">n = {len(y):,}'
        f"{'<br>' if narrow else ', '}</span>"
        f'<span style="font-size:11px">sd {"".join(numbers)}</span>'
    )
    add_note(fig, at, title, x=0, y=1, anchor=("left", "bottom"))


def _label(
    fig,
    dt: xr.DataTree,
    rows: Fitted,
    shown: int,
    total: int,
    columns: int,
    across: tuple[float, float],
    dark: bool,
) -> None:
    response = theme.shorten(str(dt.attrs.get("response", "y")), 40)
    fig.update_xaxes(range=list(across), nticks=6)
    fig.update_yaxes(nticks=4)
    for place in range(shown):
        at = place // columns + 1, place % columns + 1
        lowest = place + columns >= shown
        fig.update_xaxes(
            title_text=response if lowest else None, showticklabels=lowest, row=at[0], col=at[1]
        )
    unit = f" (1 / {theme.shorten(response, 18)})" if shown <= columns else ""
    fig.update_yaxes(title_text=f"density{unit}", col=1)
    site = "scale" if "scale" in dt["posterior"] else "sigma_noise"
    notes = [sizes(variable(dt, f"posterior/{site}"))]
    if shown < total:
        notes.append(f"{shown} of {total:,} groups")
    if rows.incomplete:
        notes.append(f"{theme.count(rows.incomplete, 'row')} with blank cells left out")
    quiet = {"size": 11, "color": theme.muted(dark)}
    text = ", ".join(notes)
    add_note(fig, (1, columns), text, x=1, y=1, anchor=("right", "bottom"), yshift=48, font=quiet)
