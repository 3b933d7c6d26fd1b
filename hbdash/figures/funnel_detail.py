"""One group's funnel in large."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures import draws, theme
from hbdash.figures.board import Exact, answer, sampled_truth
from hbdash.figures.draws import Draws
from hbdash.figures.joint import Cloud, View, joint


def funnel_detail(
    runs: Mapping[str, xr.DataTree],
    group: int | str,
    *,
    coordinates: str = "theta",
    exact: Exact = None,
    dark: bool = False,
) -> go.Figure:
    """One group in large: its effect θ against the log of the population scale τ, draw by draw.
    Yellow diamonds are divergences, all of them; ordinary draws are thinned. The histograms above
    and to the right count every draw: where they leave the thin exact line, the run is biased. In
    sampled coordinates every run has its own panel, in the coordinate in which NUTS moves.

    Parameters
    ----------
    runs : label -> draws, one to six runs on the same data, in the order of their colours.
    group : index (0 to K - 1) or name of the group.
    coordinates, exact, dark : as in `funnel`.

    Raises
    ------
    LookupError
        When the data have no such group.
    ValueError
        When `coordinates` is neither word.
    """  # noqa: D205
    if not runs:
        return theme.empty("No run to show yet.", dark=dark)
    first = next(iter(runs.values()))
    k = _index(draws.names(first), group)
    pools = draws.pooled(runs, coordinates, np.array([k]))
    drawn = [pool for pool in pools if len(pool.log_tau)]
    if not drawn:
        return theme.empty("No draws yet.", dark=dark)
    name, size = draws.names(first)[k], draws.sizes(first)[k]
    together = [drawn] if coordinates == "theta" else [[pool] for pool in drawn]
    views = [_view(first, shown, coordinates, exact, k) for shown in together]
    truth = draws.truth(first, "log_tau")
    y_truth = None if truth is None else float(truth)
    corner = f"<b>{theme.shorten(draws.heading(name), 18)}</b><br>{size}"
    return joint(views, theme.label("log_tau", first.attrs), y_truth, corner=corner, dark=dark)


def _index(names: list[str], group: int | str) -> int:
    if isinstance(group, str) and group in names:
        return names.index(group)
    if not isinstance(group, str) and 0 <= group < len(names):
        return int(group)
    raise LookupError(
        f"`group` must be a name or an index from 0 to {len(names) - 1}, got {group!r}."
    )


def _view(dt: xr.DataTree, shown: list[Draws], coordinates: str, exact: Exact, k: int):
    clouds = [
        Cloud(
            pool.label,
            pool.number,
            pool.theta[:, 0],
            pool.log_tau,
            pool.diverging,
            pool.chain,
            pool.draw,
        )
        for pool in shown
    ]
    truth = draws.truth(dt, "theta")
    truth = None if truth is None else truth[[k]]
    title = theme.label("theta", dt.attrs)
    if coordinates == "sampled":
        truth = sampled_truth(dt, truth, shown[0].centeredness)
        title = draws.coordinate(float(shown[0].centeredness[0]))
    known = answer(exact, shown[0], coordinates)
    density = None
    if known is not None:
        cells = known["theta_grid"].transpose("group", "cell").values[k]
        grid = known["theta_density"].transpose("group", "log_tau_coarse", "cell").values[k]
        density = cells, known["log_tau_coarse"].values, grid
    x_truth = None if truth is None else float(truth[0])
    return View(clouds, title, shown[0].label, x_truth, density)
