"""What the priors say before the data: densities, outcomes, and how strongly groups are pooled."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.panels import (
    NO_DRAWS,
    add_note,
    float32,
    label_columns,
    label_once,
    label_rows,
    panels,
    place,
    span,
)

BINS = 90
SYMBOLS = {"mu": "μ", "tau": "τ", "sigma": "σ", "nu": "ν", "alpha": "α"}
MOST_DOTS = 3000  # of all panels together
INSIDE = 0.1, 0.9  # quantiles of the prior lines that a picture holds


def prior_density(grids: xr.Dataset, *, dark: bool = False) -> go.Figure:
    """Density of each prior. Where a curve is high is where the model looks first; where it is
    almost zero, only very clear data will lead it.

    Parameters
    ----------
    grids : one variable a site, such as mu (mu_x), in 1 / data units; or in those of the
        variable's attribute "unit", in words, "" for a number without unit.

    Raises
    ------
    ValueError
        When a variable lacks its coordinate.
    """  # noqa: D205
    sites = [str(name) for name in grids.data_vars]
    if not sites:
        return theme.empty("No priors to show.", dark=dark)
    for site in sites:
        if f"{site}_x" not in grids.coords:
            raise ValueError(
                f"`grids` must hold a coordinate `{site}_x` for its variable `{site}`, "
                f"got {', '.join(map(str, grids.coords)) or 'none'}."
            )
    symbols = [_symbol(site) for site in sites]
    fig = panels(["" for _ in sites], 1, dark=dark, height=170, top=20, between=96)
    for number, site in enumerate(sites):
        at = place(number, 0, len(sites), 1)
        x, y = grids[f"{site}_x"].values, grids[site].values
        finite = y[np.isfinite(y)]
        fig.add_trace(
            go.Scatter(
                x=float32(x),
                y=float32(y),
                mode="lines",
                fill="tozeroy",
                fillcolor=theme.rgba(theme.colour(0, dark=dark), 0.3),
                line={"color": theme.colour(0, dark=dark), "width": 1.8},
                hovertemplate=f"{symbols[number]} = %{{x:.3g}}: %{{y:.3g}}<extra></extra>",
            ),
            *at,
        )
        fig.update_xaxes(
            title_text=_with_unit(symbols[number], grids[site].attrs.get("unit", "data units")),
            range=list(span(x)),
            nticks=6,
            row=at[0],
            col=at[1],
        )
        words = f"p({symbols[number]}) (1/data unit)"
        if "unit" in grids[site].attrs:
            words = "density (1/unit)" if at[1] == 1 else None
        fig.update_yaxes(
            title_text=words,
            range=[0, 1.06 * span(finite, 0.0)[1]],
            nticks=4,
            row=at[0],
            col=at[1],
        )
    return label_once(fig)


def prior_lines(lines: Mapping[str, xr.Dataset], *, dark: bool = False) -> go.Figure:
    """Lines that the priors alone expect for groups not yet seen, one a prior draw, and the rows
    that were seen (dots). A good prior has lines of every plausible height and slope, and few that
    leave the data far behind. With several predictors, the others stand at their means.

    Parameters
    ----------
    lines : for each predictor `height` (line, end) over the coordinate `x` (end), and the rows
        `seen_x`, `seen_y` (row), all in the units of the data; its attributes name the `predictor`
        and the `response`, and count the `rows` there are.

    Raises
    ------
    ValueError
        When a dataset lacks one of these.
    """  # noqa: D205
    for name, one in lines.items():
        missing = {"height", "x", "seen_x", "seen_y"} - set(map(str, one.variables))
        if missing:
            raise ValueError(
                f"`lines` must hold {', '.join(sorted(missing))} for {name}, got "
                f"{', '.join(map(str, one.variables)) or 'nothing'}."
            )
    if not lines or not all(one["height"].size for one in lines.values()):
        return theme.empty(NO_DRAWS, dark=dark)
    number, each = len(lines), MOST_DOTS // len(lines)
    seen = [one["seen_y"].values for one in lines.values()]
    bulk = [np.quantile(one["height"].values, INSIDE, axis=0) for one in lines.values()]
    low, high = span(*seen, *bulk)
    pad = 0.04 * (high - low)
    fig = panels(
        [
            _lines_title(one, low - pad, high + pad, each, number == 1, dark)
            for one in lines.values()
        ],
        1,
        dark=dark,
        height=380 if number == 1 else 240,
        top=62,
        between=24,
    )
    for panel, one in enumerate(lines.values()):
        at = place(panel, 0, number, 1)
        height, x = one["height"].values, one["x"].values
        gap = np.full((len(height), 1), np.nan)
        fig.add_trace(
            go.Scatter(
                x=float32(np.hstack([np.broadcast_to(x, height.shape), gap]).ravel()),
                y=float32(np.hstack([height, gap]).ravel()),
                mode="lines",
                line={"color": theme.rgba(theme.colour(0, dark=dark), 0.45), "width": 1.3},
                name="lines of the prior",
                hoverinfo="skip",
            ),
            *at,
        )
        kept = _thinned(one.sizes["row"], each)
        fig.add_trace(
            go.Scatter(
                x=float32(one["seen_x"].values[kept]),
                y=float32(one["seen_y"].values[kept]),
                mode="markers",
                marker={
                    "color": theme.ink(dark),
                    "size": 5.5 if number == 1 and len(kept) <= 300 else 3.5,
                    "opacity": 0.75 if len(kept) <= 300 else 0.45,
                    "line_width": 0,
                },
                name="rows seen",
                hovertemplate="%{x:.4g}, %{y:.4g}<extra></extra>",
            ),
            *at,
        )
        left, right = span(x)
        edge = 0.02 * (right - left)
        title = theme.shorten(str(one.attrs.get("predictor", "x")), 40 if number == 1 else 24)
        fig.update_xaxes(
            title_text=title, range=[left - edge, right + edge], nticks=7, row=at[0], col=at[1]
        )
    response = str(next(iter(lines.values())).attrs.get("response", "y"))
    label_rows(fig, 0, theme.shorten(response, 40 if number == 1 else 24), number, 1)
    fig.update_yaxes(range=[low - pad, high + pad])
    return label_once(fig)


def _lines_title(
    one: xr.Dataset, low: float, high: float, most: int, alone: bool, dark: bool
) -> str:
    """Say how many lines and rows a panel shows, and how many of the lines leave it."""
    height = one["height"].values
    away = int(((height < low) | (height > high)).any(axis=1).sum())
    total, drawn = int(one.attrs.get("rows", one.sizes["row"])), min(most, one.sizes["row"])
    rows = theme.count(total, "row") if drawn == total else f"{drawn:,} of {total:,} rows"
    lines = theme.count(away, "line") + (" leaves" if away == 1 else " leave")
    draws = theme.count(len(height), "prior draw")
    # Panels side by side are narrow on a narrow page.
    note = f"{draws}, {rows}<br>{lines} the picture" if alone else f"{draws}<br>{rows}<br>{lines}"
    return f'<span style="font-size:11px;color:{theme.muted(dark)}">{note}</span>'


def _thinned(total: int, most: int) -> np.ndarray:
    return np.linspace(0, total - 1, min(total, most)).round().astype(int)


def prior_predictive(
    draws: np.ndarray,
    observed: np.ndarray | None,
    unit: str = "",
    *,
    rows: bool = False,
    dark: bool = False,
) -> go.Figure:
    """Outcomes that the priors alone expect, before any data (bars), and below them what was seen:
    group means as ticks, or rows as bars of their own. A good prior makes what was seen plausible,
    and the absurd rare. The picture holds the central 98% of the outcomes; the title says what
    lies outside.

    Parameters
    ----------
    draws : prior predictive outcomes, any shape, in the outcome's units.
    observed : shape (group,): the group means, or None; or shape (row,), any number of rows.
    unit : name of the outcome's unit.
    rows : whether `observed` are rows, drawn as bars.
    """  # noqa: D205
    outcomes = np.ravel(draws).astype(float)
    outcomes = outcomes[np.isfinite(outcomes)]
    if not outcomes.size:
        return theme.empty(NO_DRAWS, dark=dark)
    seen = np.empty(0) if observed is None else np.ravel(np.asarray(observed, float))
    five, ninety_five = np.quantile(outcomes, [0.05, 0.95])
    low, high = span(np.quantile(outcomes, [0.01, 0.99]), seen)
    outside = float(np.mean((outcomes < low) | (outcomes > high)))
    edges = np.linspace(low, high, BINS + 1)
    width, middles = edges[1] - edges[0], edges[:-1] + (edges[1] - edges[0]) / 2
    height = np.histogram(outcomes, edges)[0] / (outcomes.size * width)
    top = float(height.max()) or 1.0
    of = f" {unit}" if unit and not rows else ""
    note = (
        f"Central 90%: {_number(five)} to {_number(ninety_five)}{of}.<br>{outside:.1%} of "
        f"{theme.count(outcomes.size, 'draw')} lie outside the picture."
    )
    below = rows and bool(seen.size)
    fig = panels(
        [f'<span style="font-size:12px">{note}</span>'],
        2 if below else 1,
        dark=dark,
        height=190 if below else 260,
        top=62,
    )
    inside = (middles >= five) & (middles <= ninety_five)
    for mask, alpha, name in ((inside, 0.75, "central 90%"), (~inside, 0.3, "tails")):
        shade = theme.rgba(theme.colour(0, dark=dark), alpha)
        fig.add_trace(_bars(middles[mask], height[mask], width, shade, name), 1, 1)
    if below:
        share = np.histogram(seen, edges)[0] / (seen.size * width)
        shade = theme.rgba(theme.ink(dark), 0.6)
        name = f"{theme.count(seen.size, 'row')} seen"
        fig.add_trace(_bars(middles, share, width, shade, name), 2, 1)
        fig.update_yaxes(range=[0, 1.06 * float(share.max())], nticks=4, row=2, col=1)
    elif seen.size:
        fig.add_trace(
            go.Scatter(
                x=float32(seen),
                y=np.full(len(seen), -0.055 * top, np.float32),
                mode="markers",
                marker={
                    "symbol": "line-ns-open",
                    "size": 13,
                    "color": theme.ink(dark),
                    "line_width": 1.5,
                },
                name="observed group means",
                hovertemplate="%{x:.4g}<extra></extra>",
            )
        )
    fig.update_xaxes(range=[low, high], nticks=9)
    words = theme.shorten(unit, 40) if rows else f"outcome ({unit or 'data units'})"
    label_columns(fig, words, 1, 2 if below else 1)
    fig.update_yaxes(
        title_text="density" if rows else f"density (1/{unit or 'data unit'})",
        tickformat=".2~g",
        rangemode="normal",
    )
    lowest = -0.11 * top if seen.size and not below else 0
    fig.update_yaxes(range=[lowest, 1.06 * top], nticks=5, row=1, col=1)
    fig.update_layout(bargap=0, barmode="overlay")
    return label_once(fig)


def _bars(x: np.ndarray, y: np.ndarray, width: float, shade: str, name: str) -> go.Bar:
    return go.Bar(
        x=float32(x),
        y=float32(y),
        width=float(width),
        marker={"color": shade, "line_width": 0},
        name=name,
        hovertemplate="%{x:.3g}: %{y:.3g}<extra></extra>",
    )


def prior_shrinkage(
    shrinkage: np.ndarray, labels: Sequence[str], *, dark: bool = False
) -> go.Figure:
    """How strongly the priors pool before the data: the share 1 − λ of the way from a group's own
    estimate to the common mean. 0 is no pooling, 1 complete pooling. A prior that piles up at one
    end has decided; groups with few rows lie further right than groups with many.

    Parameters
    ----------
    shrinkage : shape (draws, groups): 1 - lambda_k = s_k^2 / (s_k^2 + tau^2), in [0, 1], for
        representative groups with standard error s_k and tau drawn from its prior.
    labels : one a group.

    Raises
    ------
    ValueError
        When there is not one label a group.

    Notes
    -----
    Gelman and Pardoe (2006), Technometrics 48, 241-251, on pooling factors.
    """  # noqa: D205
    values = np.asarray(shrinkage, float)
    if values.ndim != 2 or values.shape[1] != len(labels):
        raise ValueError(
            "`shrinkage` must have shape (draws, groups) with one label a group, got shape "
            f"{values.shape} and {len(labels)} labels."
        )
    if not values.size:
        return theme.empty(NO_DRAWS, dark=dark)
    edges = np.linspace(0, 1, 26)
    shares = [np.histogram(column, edges)[0] / len(values) for column in values.T]
    top = max(float(share.max()) for share in shares)
    titles = [
        f"<b>{theme.shorten(str(label), 26)}</b><br>"
        f'<span style="font-size:11px;color:{theme.muted(dark)}">'
        f"median {np.median(column):.2f}<br>{theme.count(len(values), 'draw')}</span>"
        for label, column in zip(labels, values.T, strict=True)
    ]
    fig = panels(titles, 1, dark=dark, height=180, top=52)
    for number, share in enumerate(shares):
        at = place(number, 0, len(shares), 1)
        fig.add_trace(
            go.Bar(
                x=float32(edges[:-1] + 0.02),
                y=float32(share),
                width=0.036,
                marker={"color": theme.colour(0, dark=dark), "line_width": 0},
                hovertemplate="%{x:.2f}: %{y:.1%}<extra></extra>",
            ),
            *at,
        )
        for x, text, side in (
            (0.01, "no<br>pooling", "left"),
            (0.99, "complete<br>pooling", "right"),
        ):
            add_note(fig, at, text, x=x, y=1, anchor=(side, "top"), font_size=11)
        fig.update_xaxes(
            title_text="shrinkage 1 − λ",
            range=[0, 1],
            tickvals=[0, 0.5, 1],
            tickformat="~g",
            row=at[0],
            col=at[1],
        )
        fig.update_yaxes(range=[0, 1.25 * top], tickformat=".0%", nticks=5, row=at[0], col=at[1])
    label_rows(fig, 0, "share of prior draws", len(shares), 1)
    return label_once(fig)


def _symbol(site: str) -> str:
    """Write a site with its Greek letter, such as "μ slope" for mu_slope."""
    first, _, rest = site.partition("_")
    return f"{SYMBOLS.get(first, first)} {rest}".rstrip()


def _with_unit(symbol: str, unit: str) -> str:
    if not unit:
        return symbol
    # Three panels stand side by side on a narrow page too.
    return f"{symbol}{' ' if len(symbol + unit) < 14 else '<br>'}({theme.shorten(unit, 16)})"


def _number(value: float) -> str:
    """Three significant digits or whole numbers, with a true minus sign."""
    words = f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"
    return words.replace("-", theme.MINUS)
