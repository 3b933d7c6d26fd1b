"""Estimates: a forest of every quantity, one interval a run."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.base.array import array_stats

from hbdash.estimates import Quantity, shared
from hbdash.figures import theme
from hbdash.figures.bands import percent
from hbdash.figures.panels import NO_DRAWS, float32, label_once, span

THICK = 0.5  # probability of the thick interval
MOST = 40  # quantities at a time


def estimates(
    runs: dict[str, xr.DataTree],
    *,
    prob: float = 0.9,
    means: Mapping[str, float] | None = None,
    first: int = 0,
    dark: bool = False,
) -> go.Figure:
    """Posterior mean (point), 50% interval (thick) and wide interval (thin), both of highest
    density, of every quantity under every run. Groups stand on a panel of their own, because their
    unit is that of the data. Scales stand as their logarithms; dashed marks are generating values,
    thin solid ones exact means.

    Parameters
    ----------
    runs : label to draws, of one model and one data set.
    prob : probability of the wide intervals, in (0, 1).
    means : exact means by quantity, where there are any.
    first : the first quantity of the groups shown, of which there are 40 at a time.
    dark : whether the page behind is dark.

    Raises
    ------
    ValueError
        When `prob` is out of its range.
    """  # noqa: D205
    if not 0 < prob < 1:
        raise ValueError(f"`prob` must lie between 0 and 1, got {prob:g}.")
    every = shared(runs)
    halves = [
        {name: each for name, each in every.items() if not each[0].of_group},
        dict([item for item in every.items() if item[1][0].of_group][first : first + MOST]),
    ]
    halves = [half for half in halves if half]
    if not halves:
        return theme.empty(NO_DRAWS, dark=dark)
    step = 9 * len(runs) + 12
    gap, top, bottom = 74, 84, 52
    heights = [step * len(half) for half in halves]
    inner = sum(heights) + gap * (len(halves) - 1)
    fig = theme.layout(go.Figure(), dark=dark, height=inner + top + bottom)
    fig.update_layout(
        margin={"l": 24, "r": 16, "t": top, "b": bottom},
        legend={"yref": "container", "y": 1, "yanchor": "top"},
    )
    above = inner
    for number, (half, height) in enumerate(zip(halves, heights, strict=True)):
        domain = [max(above - height, 0) / inner, above / inner]
        _panel(fig, number, domain, half, list(runs), prob, means or {}, dark)
        above -= height + gap
    return label_once(fig)


def _panel(
    fig: go.Figure,
    number: int,
    domain: list[float],
    half: dict[str, list[Quantity]],
    labels: list[str],
    prob: float,
    means: Mapping[str, float],
    dark: bool,
) -> None:
    x, y = (f"{axis}{number + 1 if number else ''}" for axis in "xy")
    rows, each = len(half), len(labels)
    ends: list[float] = []
    for k, label in enumerate(labels):
        colour = theme.colour(k, dark=dark)
        lines = {THICK: ([], []), prob: ([], [])}
        middle, places, hover = [], [], []
        for row, (name, of) in enumerate(half.items()):
            draws = of[k].draws.ravel()
            place = row + (k - (each - 1) / 2) * 0.7 / each
            for wide, (across, up) in lines.items():
                low, high = _interval(draws, wide)
                across += [low, high, np.nan]
                up += [place, place, np.nan]
            ends += lines[prob][0][-3:-1]
            middle.append(draws.mean())
            places.append(place)
            hover.append(
                f"{theme.shorten(name, 40)}: mean {draws.mean():.4g}, {percent(prob)} "
                f"{lines[prob][0][-3]:.4g} to {lines[prob][0][-2]:.4g}"
            )
        size = theme.count(half[next(iter(half))][k].draws.size, "draw")
        name = f"{theme.shorten(label, 34)}, {size}"
        for wide, (across, up) in lines.items():
            fig.add_trace(
                go.Scatter(
                    x=float32(across), y=float32(up), mode="lines", xaxis=x, yaxis=y, name=name,
                    line={"color": colour, "width": 4.5 if wide == THICK else 1.4},
                    hoverinfo="skip", showlegend=False,
                )
            )  # fmt: skip
        fig.add_trace(
            go.Scatter(
                x=float32(middle), y=float32(places), mode="markers", xaxis=x, yaxis=y, name=name,
                marker={
                    "color": theme.surface(dark), "size": 6, "symbol": theme.symbol(k),
                    "line": {"color": colour, "width": 1.6},
                },
                text=hover, hovertemplate="%{text}<extra></extra>",
            )
        )  # fmt: skip
    for words, line, value_of in (
        ("truth", theme.truth_line(dark), lambda name: half[name][0].truth),
        ("exact mean", theme.exact_line(dark), lambda name: means.get(name, np.nan)),
    ):
        known = [(row, value_of(name)) for row, name in enumerate(half)]
        known = [(row, value) for row, value in known if np.isfinite(value)]
        ends += [value for _, value in known]
        if known:
            across = [v for _, value in known for v in (value, value, np.nan)]
            up = [v for row, _ in known for v in (row - 0.42, row + 0.42, np.nan)]
            fig.add_trace(
                go.Scatter(
                    x=float32(across), y=float32(up), mode="lines", xaxis=x, yaxis=y,
                    name=words, line=line, hoverinfo="skip",
                )
            )  # fmt: skip
    low, high = span(np.array(ends))
    pad = 0.03 * (high - low)
    grouped = next(iter(half.values()))[0].of_group
    unit = "groups, in data units" if grouped else "population; logarithms of scales"
    title = f"{unit}: mean, {percent(THICK)} and {percent(prob)} HDI"
    axis = {"range": [low - pad, high + pad], "anchor": y, "nticks": 9}
    fig.update_layout(
        {
            f"xaxis{x[1:]}": axis | {"title_text": title},
            f"yaxis{y[1:]}": {
                "anchor": x, "domain": domain, "range": [rows - 0.5, -0.5],
                "tickvals": list(range(rows)), "showgrid": False,
                "ticktext": [theme.shorten(name, 22) for name in half],
            },
        }
    )  # fmt: skip


def _interval(draws: np.ndarray, prob: float) -> tuple[float, float]:
    """Narrowest interval that holds `prob` of the draws; a point where there is one draw."""
    ends = np.asarray(array_stats.hdi(draws, prob)) if len(draws) > 1 else draws[[0, 0]]
    return float(ends[0]), float(ends[1])
