"""Expected log predictive density of runs: how well each would predict new rows."""

import textwrap

import pandas as pd
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import theme
from hbdash.figures.panels import float32, label_once
from hbdash.loo_comparison import compare


def elpd(
    runs: dict[str, xr.DataTree], *, found: pd.DataFrame | None = None, dark: bool = False
) -> go.Figure:
    """Expected log predictive density of new rows under every run, by leave-one-out
    cross-validation, the best on top: point and one standard error. The open triangle is how far a
    run is behind the best, with the standard error of that difference, which is the smaller one,
    because the same rows are hard for all: judge by it. Below 4 nats a difference says nothing.

    Parameters
    ----------
    runs : label to draws of regression models, on the same rows.
    found : what `hbdash.loo_comparison.compare` returns for them, where it is there already.
    dark : whether the page behind is dark.

    Notes
    -----
    Vehtari, Gelman and Gabry (2017), doi:10.1007/s11222-016-9696-4; Sivula, Magnusson, Matamoros
    and Vehtari (2020), arXiv:2008.10296.
    """  # noqa: D205
    try:
        table = compare(runs) if found is None else found
    except ValueError as cannot:
        return theme.empty("<br>".join(textwrap.wrap(str(cannot), 62)), dark=dark)
    labels = list(runs)
    fig = theme.layout(go.Figure(), dark=dark, height=56 * len(table) + 150)
    fig.update_layout(
        margin={"l": 24, "r": 24, "t": 70, "b": 56},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    best = float(table["elpd"].to_numpy(float).max())
    fig.add_vline(x=best, line=theme.exact_line(dark) | {"dash": "dot"})
    for row, (label, series) in enumerate(table.iterrows()):
        one = series.astype(float).to_dict()
        number = labels.index(str(label))
        colour = theme.colour(number, dark=dark)
        _interval(fig, row, one["elpd"], one["se"], colour, theme.symbol(number), "elpd ± SE", dark)
        if row:
            behind = best - abs(one["elpd_diff"])
            _interval(
                fig, row + 0.26, behind, one["dse"], theme.muted(dark), "triangle-up-open",
                "behind the best ± SE of the difference", dark,
            )  # fmt: skip
    rows = len(table)
    fig.update_xaxes(title_text="elpd (nats), from at most 1,000 draws")
    fig.update_yaxes(
        range=[rows - 0.4, -0.5],
        tickvals=list(range(rows)),
        ticktext=[theme.broken(str(label), 26) for label in table.index],
        showgrid=False,
    )
    return label_once(fig)


def _interval(fig, row: float, center: float, se: float, colour, symbol, name: str, dark) -> None:
    fig.add_trace(
        go.Scatter(
            x=float32([center]),
            y=float32([row]),
            error_x={"type": "data", "array": [float(se)], "color": colour, "thickness": 1.6},
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 10},
            name=name,
            hovertemplate=f"{name}: %{{x:.2f}} ± {se:.2f} nats<extra></extra>",
        )
    )
