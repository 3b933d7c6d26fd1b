"""What the priors say before the data: densities, outcomes, and how strongly groups are pooled."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.panels import (
    NO_DRAWS,
    add_note,
    float32,
    label_once,
    label_rows,
    panels,
    place,
    span,
)

BINS = 90
SYMBOLS = {"mu": "μ", "tau": "τ", "sigma": "σ"}


def prior_density(grids: xr.Dataset, *, dark: bool = False) -> go.Figure:
    """Density of each prior. Where a curve is high is where the model looks first; where it is
    almost zero, only very clear data will lead it.

    Parameters
    ----------
    grids : one variable a site, such as mu (mu_x), in 1 / data units.

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
    symbols = [SYMBOLS.get(site, site) for site in sites]
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
            title_text=theme.LABELS.get(site, f"{site} (data units)"),
            range=list(span(x)),
            nticks=6,
            row=at[0],
            col=at[1],
        )
        fig.update_yaxes(
            title_text=f"p({symbols[number]}) (1/data unit)",
            range=[0, 1.06 * span(finite, 0.0)[1]],
            nticks=4,
            row=at[0],
            col=at[1],
        )
    return label_once(fig)


def prior_predictive(
    draws: np.ndarray, observed: np.ndarray | None, unit: str = "", *, dark: bool = False
) -> go.Figure:
    """Outcomes that the priors alone expect, before any data (bars), and the group means that
    were seen (ticks below). A good prior makes what was seen plausible, and the absurd rare. The
    picture holds the central 98% of the outcomes; the title says what lies outside.

    Parameters
    ----------
    draws : prior predictive outcomes, any shape, in the outcome's units.
    observed : shape (group,): the group means, or None.
    unit : name of the outcome's unit.
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
    width = edges[1] - edges[0]
    height = np.histogram(outcomes, edges)[0] / (outcomes.size * width)
    top = float(height.max()) or 1.0
    of = f" {unit}" if unit else ""
    note = (
        f"Central 90%: {_number(five)} to {_number(ninety_five)}{of}.<br>{outside:.1%} of "
        f"{theme.count(outcomes.size, 'draw')} lie outside the picture."
    )
    fig = panels([f'<span style="font-size:12px">{note}</span>'], 1, dark=dark, height=260, top=62)
    inside = (edges[:-1] + width / 2 >= five) & (edges[:-1] + width / 2 <= ninety_five)
    for mask, alpha, name in ((inside, 0.75, "central 90%"), (~inside, 0.3, "tails")):
        fig.add_trace(
            go.Bar(
                x=float32((edges[:-1] + width / 2)[mask]),
                y=float32(height[mask]),
                width=float(width),
                marker={"color": theme.rgba(theme.colour(0, dark=dark), alpha), "line_width": 0},
                name=name,
                hovertemplate="%{x:.3g}: %{y:.3g}<extra></extra>",
            )
        )
    if seen.size:
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
    fig.update_xaxes(title_text=f"outcome ({unit or 'data units'})", range=[low, high], nticks=9)
    fig.update_yaxes(
        title_text=f"density (1/{unit or 'data unit'})",
        range=[-0.11 * top if seen.size else 0, 1.06 * top],
        nticks=5,
        rangemode="normal",
    )
    fig.update_layout(bargap=0, barmode="overlay")
    return label_once(fig)


def prior_shrinkage(
    shrinkage: np.ndarray, labels: Sequence[str], *, dark: bool = False
) -> go.Figure:
    """How strongly the priors pool before the data: the share 1 − λ of the way from a group's own
    mean to the common mean. 0 is no pooling, 1 complete pooling. A prior that piles up at one end
    has decided; groups with few rows lie further right than groups with many.

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


def _number(value: float) -> str:
    """Three significant digits, with a true minus sign."""
    return f"{value:,.3g}".replace("-", theme.MINUS)
