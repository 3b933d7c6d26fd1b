"""Rank plots: whether the chains of a run agree on the whole distribution, not only its mean."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.base.dataarray import dataarray_stats

from hbdash.figures import theme
from hbdash.figures.panels import (
    NO_DRAWS,
    add_note,
    float32,
    heading,
    label_columns,
    label_once,
    label_rows,
    panels,
    place,
    sizes,
)
from hbdash.quantities import followed, r_hat, variable, with_draws

QUANTITIES = {"mu": "μ", "log_tau": "log τ"}
MOST_BINS, LEAST_BINS = 20, 4
CUT = 4.0  # a bar is cut at this multiple of the level, so that the others stay readable


def ranks(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """Ranks of each chain's draws among all draws of its run. If the chains agree, every chain
    holds every rank equally often and the bars are level (thin line), within the grey band in 95%
    of the bins where draws are independent. Bars that slope, or pile up at one end, show a chain
    that sits elsewhere; dips in one chain show places that it misses. Bars are cut at four times
    the level.

    Parameters
    ----------
    runs : label to draws; at least two chains to compare.

    Notes
    -----
    Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), Bayesian Analysis 16, 667-718,
    doi:10.1214/20-BA1221. The band is pointwise: 1.96 standard deviations of the hypergeometric
    count of a bin.
    """  # noqa: D205
    shown = with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    shown = [run for run in shown if _can_rank(variable(run[2], "sample_stats/lp"))]
    if not shown:
        return theme.empty(
            "Ranks compare chains: this needs at least two chains of four draws.", dark=dark
        )
    rows = followed([dt for _, _, dt in shown])
    counts = [[bin_counts(one.of(dt)) for _, _, dt in shown] for one in rows]
    tallest = max(float((c / c.mean()).max()) for row in counts for c in row)
    most = max(c.shape[0] for c in counts[0])
    # An empty line below the sizes, where R-hat stands to the right.
    notes = [f"{sizes(variable(dt, 'sample_stats/lp'))}, &nbsp;" for _, _, dt in shown]
    titles = [heading(i, run, n, dark=dark) for n, (i, run, _) in zip(notes, shown, strict=True)]
    fig = panels(titles, len(rows), dark=dark, height=max(46 * most, 120), gap=16)
    for row, one in enumerate(rows):
        for column, (_, _, dt) in enumerate(shown):
            at = place(column, row, len(shown), len(rows))
            _panel(fig, at, counts[row][column], 0.88 / float(np.clip(tallest, 1.6, CUT)), dark)
            value = float(r_hat(one.of(dt)))
            if not np.isnan(value):
                add_note(
                    fig,
                    at,
                    f"R-hat {value:.2f}",
                    x=1,
                    y=1,
                    anchor=("right", "bottom"),
                    font_size=11,
                )
            fig.update_yaxes(
                range=[most, -0.08],
                tickvals=[chain + 0.5 for chain in range(most)],
                ticktext=[f"chain {chain + 1}" for chain in range(most)],
                showgrid=False,
                row=at[0],
                col=at[1],
            )
            fig.update_xaxes(
                range=[0, 1], tickvals=[0, 0.5, 1], showgrid=False, row=at[0], col=at[1]
            )
        symbol = QUANTITIES.get(one.name, theme.broken(one.name, 20))
        words = f"draws of {symbol}" + ("<br>" if "<br>" in symbol else " ") + "per bin"
        label_rows(fig, row, words, len(shown), len(rows))
    label_columns(fig, "rank ÷ number of draws", len(shown), len(rows))
    fig.update_layout(bargap=0.08, barmode="overlay")
    return label_once(fig)


def bin_counts(draws: xr.DataArray) -> np.ndarray:
    """Count each chain's ranks among all draws, in equal bins of ranks.

    Parameters
    ----------
    draws : shape (chain, draw).

    Returns
    -------
    Integers of shape (chain, bins): at most 20 bins, fewer where there are few draws.
    """
    chains, number = draws.shape
    bins = int(np.clip(number // 10, LEAST_BINS, MOST_BINS))
    rank = np.asarray(dataarray_stats.compute_ranks(draws, dim=["chain", "draw"])) - 1
    of_bin = np.minimum(rank * bins // draws.size, bins - 1).astype(int)
    return np.stack([np.bincount(of_bin[chain], minlength=bins) for chain in range(chains)])


def band(chains: int, draws: int, bins: int) -> tuple[float, float]:
    """Bounds of one bin's count in 95% of cases, for independent draws (hypergeometric)."""
    share, total = 1 / bins, chains * draws
    spread = 1.96 * np.sqrt(draws * share * (1 - share) * (total - draws) / (total - 1))
    return max(draws * share - spread, 0.0), draws * share + spread


def _can_rank(draws: xr.DataArray) -> bool:
    return draws.sizes["chain"] > 1 and draws.sizes["draw"] >= LEAST_BINS


def _panel(fig, at, counts: np.ndarray, height: float, dark: bool) -> None:
    """Draw one row of bars a chain, from its own base upwards; a level bar is `height` high."""
    chains, bins = counts.shape
    number = int(counts[0].sum())
    level, (low, high) = number / bins, band(chains, number, bins)
    feet = np.arange(1, chains + 1) - 0.04
    nothing = np.full(chains, np.nan)
    left, right = np.zeros(chains), np.ones(chains)
    upper, lower = feet - height * high / level, feet - height * low / level
    fig.add_trace(
        go.Scatter(
            x=float32(np.stack([left, right, right, left, left, nothing], 1).ravel()),
            y=float32(np.stack([lower, lower, upper, upper, lower, nothing], 1).ravel()),
            fill="toself",
            mode="lines",
            line_width=0,
            fillcolor=theme.rgba(theme.muted(dark), 0.28),
            hoverinfo="skip",
            name="95% of bins, if chains agree",
        ),
        *at,
    )
    for chain in range(chains):
        fig.add_trace(
            go.Bar(
                x=float32((np.arange(bins) + 0.5) / bins),
                y=float32(-height * np.minimum(counts[chain] / level, CUT)),
                base=feet[chain],
                customdata=counts[chain].astype(np.int32),
                marker={"color": theme.rgba(theme.colour(chain, dark=dark), 0.75), "line_width": 0},
                name=f"chain {chain + 1}",
                hovertemplate="%{customdata} draws" + f", level {level:g}",
            ),
            *at,
        )
    fig.add_trace(
        go.Scatter(
            x=float32(np.stack([left, right, nothing], 1).ravel()),
            y=float32(np.stack([feet - height, feet - height, nothing], 1).ravel()),
            mode="lines",
            line=theme.exact_line(dark),
            hoverinfo="skip",
            name="level: the chains agree",
        ),
        *at,
    )
