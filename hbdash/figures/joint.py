"""Two quantities in large: points, divergences, exact contours, and both marginals."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from hbdash.figures import draws, raster, theme

MOST_POINTS = 4000
BINS = 48
#: Pixels: legend above, note below, the figure; and shares of it that the marginals take.
TOP, BOTTOM, HEIGHT = 44, 90, 634
ASIDE, GAP = 0.15, 0.015


class Cloud(NamedTuple):
    """Draws of one run; all arrays have shape (S,). `number` fixes the colour."""

    label: str
    number: int
    x: np.ndarray
    y: np.ndarray
    diverging: np.ndarray
    chain: np.ndarray
    draw: np.ndarray


class View(NamedTuple):
    """One pair of axes: the runs overlaid in it, its x-axis, truth and exact density.

    Attributes
    ----------
    clouds : at least one, each with at least one draw.
    x_title, heading : words below and above.
    x_truth : generating value, or None.
    exact : x of shape (columns,), y (rows,), density (rows, columns); or None.
    """

    clouds: list[Cloud]
    x_title: str
    heading: str
    x_truth: float | None
    exact: tuple[np.ndarray, np.ndarray, np.ndarray] | None


def joint(
    views: list[View],
    y_title: str,
    y_truth: float | None,
    *,
    corner: str = "",
    dark: bool = False,
) -> go.Figure:
    """Draw views side by side over one y-axis, marginals above each and to the right of all.

    `corner` is shown in the free corner, such as the name of a group. At most 4,000 points are
    drawn, spread evenly over the draws, and every divergence is kept; marginals count all draws.
    """
    clouds = {cloud.number: cloud for view in views for cloud in view.clouds}
    y_range = draws.span(
        np.concatenate([cloud.y for cloud in clouds.values()])[:, None], _at(y_truth)
    )[0]
    bad = np.concatenate([cloud.y[cloud.diverging] for cloud in clouds.values()])
    y_range = draws.reach(y_range, bad)
    each = MOST_POINTS // sum(len(view.clouds) for view in views)
    kept = {number: _kept(cloud.diverging, each) for number, cloud in clouds.items()}
    width = (1 - ASIDE - GAP * len(views)) / len(views)
    up = 1 - ASIDE - 0.02
    heading = 0.05 if len(views) > 1 else 0
    data, axes, annotations = [], {}, []
    for i, view in enumerate(views, 1):
        left = (i - 1) * (width + GAP)
        domain = [left, left + width]
        x_range = _x_range(view)
        axes |= _axes(i, domain, [0, up - heading], x_range, y_range, view.x_title)
        axes |= _above(i, domain, [up - heading + 0.02, 1 - heading])
        data += _points(view, i, kept, y_title, dark) + _lines(
            view, i, x_range, y_range, y_truth, dark
        )
        data += _marginals(view.clouds, "x", x_range, (f"x{i}", f"y{i + 100}"), dark)
        data += _exact_marginal(view, (f"x{i}", f"y{i + 100}"), dark)
        if heading:
            annotations.append(_heading(view, left, dark))
    axes |= _right([1 - ASIDE, 1], [0, up - heading])
    data += _marginals(list(clouds.values()), "y", y_range, ("x100", "y"), dark)
    data += _exact_side(views, ("x100", "y"), dark)
    data += _keys(views, y_truth, dark)
    axes["yaxis"]["title"] = {"text": y_title}
    annotations.append(_corner(corner))
    annotations.append(_note(clouds, kept, dark))
    fig = go.Figure({"data": data, "layout": {**axes, "annotations": annotations}})
    theme.layout(fig, dark=dark, height=HEIGHT)
    fig.update_layout(margin={"t": TOP, "b": BOTTOM}, legend={"y": 1.01}, bargap=0)
    return fig


def _at(value: float | None) -> np.ndarray | None:
    return None if value is None else np.array([value])


def _x_range(view: View) -> np.ndarray:
    x = np.concatenate([cloud.x for cloud in view.clouds])
    x_range = draws.span(x[:, None], _at(view.x_truth))[0]
    return x_range if view.exact is None else draws.reach(x_range, raster.contours(*view.exact)[0])


def _kept(diverging: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose the ordinary draws to show, and all divergent ones, within `most` where possible."""
    bad = np.flatnonzero(diverging)
    return draws.evenly(np.flatnonzero(~diverging), max(most - len(bad), 0)), bad


def _axes(i: int, x_domain, y_domain, x_range, y_range, x_title: str) -> dict:
    n = "" if i == 1 else i
    x = {
        "domain": x_domain,
        "anchor": f"y{n}",
        "range": [float(end) for end in x_range],
        "title": {"text": x_title},
        "nticks": 7,
    }
    y = {
        "domain": y_domain,
        "anchor": f"x{n}",
        "range": [float(end) for end in y_range],
        "showticklabels": i == 1,
    }
    if i > 1:
        y["matches"] = "y"
    return {f"xaxis{n}": x, f"yaxis{n}": y}


_BARE = {
    "showticklabels": False,
    "showgrid": False,
    "showline": False,
    "ticks": "",
    "rangemode": "tozero",
    "fixedrange": True,
}


def _above(i: int, x_domain, y_domain) -> dict:
    return {f"yaxis{i + 100}": {**_BARE, "domain": y_domain, "anchor": "x" if i == 1 else f"x{i}"}}


def _right(x_domain, y_domain) -> dict:
    return {"xaxis100": {**_BARE, "domain": x_domain, "anchor": "y"}}


def _points(view: View, i: int, kept, y_title: str, dark: bool) -> list[dict]:
    traces = []
    y_name = y_title.split(" (")[0]
    for cloud in view.clouds:
        ordinary, bad = kept[cloud.number]
        common = {
            "type": "scattergl",
            "mode": "markers",
            "xaxis": f"x{i}",
            "yaxis": f"y{i}",
            "legendgroup": f"run {cloud.number}",
        }
        traces.append(
            {
                **common,
                **_at_draws(cloud, ordinary, y_name),
                "name": cloud.label,
                "showlegend": False,
                "marker": {
                    "color": theme.colour(cloud.number, dark=dark),
                    "symbol": theme.symbol(cloud.number),
                    "size": 4.5,
                    "opacity": 0.42 if len(view.clouds) == 1 else 0.36,
                },
            }
        )
        if len(bad):
            traces.append(
                {
                    **common,
                    **_at_draws(cloud, bad, y_name),
                    "name": f"{cloud.label}: divergence",
                    "showlegend": False,
                    "marker": theme.divergence(cloud.number, dark=dark, size=8),
                }
            )
    # divergences of every run lie above the draws of all
    return sorted(traces, key=lambda trace: trace["marker"]["opacity"])


def _at_draws(cloud: Cloud, at: np.ndarray, y_name: str) -> dict:
    return {
        "x": cloud.x[at].astype(np.float32),
        "y": cloud.y[at].astype(np.float32),
        "customdata": np.stack([cloud.chain[at], cloud.draw[at]], axis=1).astype(np.int32),
        "hovertemplate": f"%{{x:.3g}}, {y_name} = %{{y:.2f}}<br>chain %{{customdata[0]}}, "
        "draw %{customdata[1]}",
    }


def _lines(view: View, i: int, x_range, y_range, y_truth: float | None, dark: bool) -> list[dict]:
    """Truth and exact contours, above the points."""
    quiet = {
        "type": "scatter",
        "mode": "lines",
        "xaxis": f"x{i}",
        "yaxis": f"y{i}",
        "showlegend": False,
        "hoverinfo": "skip",
    }
    traces = []
    x: list[float] = []
    y: list[float] = []
    if view.x_truth is not None:
        x, y = [view.x_truth, view.x_truth, np.nan], [*y_range, np.nan]
    if y_truth is not None:
        x, y = [*x, *x_range], [*y, y_truth, y_truth]
    if x:
        line = {"line": theme.truth_line(dark), "legendgroup": "truth"}
        traces.append({**quiet, **line, "x": np.array(x, np.float32), "y": np.array(y, np.float32)})
    if view.exact is not None:
        across, up = raster.contours(*view.exact)
        line = {"line": theme.exact_line(dark), "legendgroup": "exact", "name": "exact"}
        traces.append({**quiet, **line, "x": across, "y": up})
    return traces


def _marginals(clouds: list[Cloud], which: str, span: np.ndarray, axes, dark: bool) -> list[dict]:
    """Histograms of all draws, as steps: filled for the first run, outlines for all."""
    edges = np.linspace(span[0], span[1], BINS + 1)
    traces = []
    for cloud in clouds:
        values = cloud.x if which == "x" else cloud.y
        height = np.histogram(values, edges)[0] / (len(values) * (edges[1] - edges[0]))
        along = np.repeat(edges, 2)
        height = np.concatenate([[0], np.repeat(height, 2), [0]])
        hexcolour = theme.colour(cloud.number, dark=dark)
        across, up = (along, height) if which == "x" else (height, along)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": across.astype(np.float32),
                "y": up.astype(np.float32),
                "xaxis": axes[0],
                "yaxis": axes[1],
                "line": {"color": hexcolour, "width": 1.3, "dash": theme.dash(cloud.number)},
                "fill": "tozeroy" if which == "x" else "tozerox",
                "fillcolor": theme.rgba(hexcolour, 0.14),
                "legendgroup": f"run {cloud.number}",
                "showlegend": False,
                "hoverinfo": "skip",
                "name": f"{cloud.label}, marginal",
            }
        )
    return traces


def _exact_marginal(view: View, axes: tuple[str, str], dark: bool) -> list[dict]:
    if view.exact is None:
        return []
    x, y, density = view.exact
    weight = np.trapezoid(density, y, axis=0)
    return [_density_line(x, weight / np.trapezoid(weight, x), axes, dark)]


def _exact_side(views: list[View], axes: tuple[str, str], dark: bool) -> list[dict]:
    """Draw the marginal of y once: it is the same in every view."""
    known = [view.exact for view in views if view.exact is not None]
    if not known:
        return []
    x, y, density = known[0]
    weight = np.trapezoid(density, x, axis=1)
    return [_density_line(weight / np.trapezoid(weight, y), y, axes, dark)]


def _density_line(x: np.ndarray, y: np.ndarray, axes: tuple[str, str], dark: bool) -> dict:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x.astype(np.float32),
        "y": y.astype(np.float32),
        "xaxis": axes[0],
        "yaxis": axes[1],
        "line": theme.exact_line(dark),
        "legendgroup": "exact",
        "showlegend": False,
        "hoverinfo": "skip",
        "name": "exact marginal",
    }


def _keys(views: list[View], y_truth: float | None, dark: bool) -> list[dict]:
    """Name what is drawn; a run's key hides and shows all that belongs to the run."""
    keys = []
    for cloud in (cloud for view in views for cloud in view.clouds):
        colour = theme.colour(cloud.number, dark=dark)
        dot = {"symbol": theme.symbol(cloud.number), "size": 9, "color": colour}
        words = f"{cloud.label}: {theme.count(len(cloud.x), 'draw')}"
        group = f"run {cloud.number}"
        keys.append((words, group, {"mode": "markers", "marker": dot}))
        bad = int(cloud.diverging.sum())
        marker = theme.divergence(cloud.number, dark=dark, size=9)
        words = theme.count(bad, "divergence")
        keys.append((words, group, {"mode": "markers", "marker": marker}))
    if y_truth is not None or any(view.x_truth is not None for view in views):
        keys.append(("truth", "truth", {"mode": "lines", "line": theme.truth_line(dark)}))
    if any(view.exact is not None for view in views):
        line = {"mode": "lines", "line": theme.exact_line(dark)}
        keys.append(("exact: regions of 50, 90, 99%", "exact", line))
    quiet = {"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip"}
    return [{**quiet, "name": words, "legendgroup": group, **key} for words, group, key in keys]


def _heading(view: View, left: float, dark: bool) -> dict:
    return {
        "text": f"<b>{view.heading}</b>",
        "x": left,
        "y": 1,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "top",
        "font": {"size": 13, "color": theme.colour(view.clouds[0].number, dark=dark)},
    }


def _corner(words: str) -> dict:
    """Words in the free corner between the marginals."""
    return {
        "text": words,
        "x": 1,
        "y": 1,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "right",
        "yanchor": "top",
        "align": "right",
        "font": {"size": 13},
    }


def _note(clouds: dict[int, Cloud], kept, dark: bool) -> dict:
    total = sum(len(cloud.x) for cloud in clouds.values())
    shown = sum(len(ordinary) + len(bad) for ordinary, bad in kept.values())
    words = f"{shown:,} of {theme.count(total, 'draw')} as points, every divergence among them"
    return {
        "text": f"{words};<br>marginals of all draws",
        "align": "left",
        "x": 0,
        "y": 0,
        "yshift": -BOTTOM + 4,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "font": {"size": 11, "color": theme.muted(dark)},
    }
