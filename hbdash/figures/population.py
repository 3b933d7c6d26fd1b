"""Parameters of the population: μ and log τ together, τ against its prior, bias over time."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from arviz_stats.base.array import array_stats

from hbdash.figures import draws, theme
from hbdash.figures.joint import Cloud, View, joint

MOST_POINTS = 1000
MOST_BAND = 200


def population(
    runs: Mapping[str, xr.DataTree], *, exact: xr.Dataset | None = None, dark: bool = False
) -> go.Figure:
    """Each point is a draw: population mean μ across, the log of the population scale τ upwards.
    Yellow diamonds are divergences, all of them; ordinary draws are thinned, but the histograms
    count every one. A run that stops above the lower end of the thin exact lines has missed small
    τ: it will call the groups more different than the data do.

    Parameters
    ----------
    runs : label -> draws, one to six runs on the same data, in the order of their colours.
    exact : the exact posterior on grids, or None.
    dark : whether the page behind is dark.
    """  # noqa: D205
    first, pools = _drawn(runs)
    if first is None:
        return _nothing(runs, dark)
    clouds = [
        Cloud(pool.label, pool.number, pool.mu, pool.log_tau, pool.diverging, pool.chain, pool.draw)
        for pool in pools
    ]
    density = None
    if exact is not None:
        grid = exact["mu_log_tau_density"].transpose("log_tau_coarse", "mu_coarse").values
        density = exact["mu_coarse"].values, exact["log_tau_coarse"].values, grid
    view = View(clouds, theme.label("mu", first.attrs), "", _true(first, "mu"), density)
    return joint([view], theme.label("log_tau", first.attrs), _true(first, "log_tau"), dark=dark)


def scale(
    runs: Mapping[str, xr.DataTree],
    *,
    prior: xr.Dataset | None = None,
    exact: xr.Dataset | None = None,
    dark: bool = False,
) -> go.Figure:
    """Posterior density of the population scale τ, by run, from all draws; its prior in grey.
    A run that lies below the thin exact line near τ = 0 has not entered the neck of the funnel.
    Where posterior and prior look alike, the data say little about τ and the prior decides.

    Parameters
    ----------
    runs : label -> draws, one to six runs on the same data, in the order of their colours.
    prior : `tau_prior_density` over the coordinate `tau_grid`, or None.
    exact : the exact posterior on grids, or None.
    dark : whether the page behind is dark.
    """  # noqa: D205
    first, pools = _drawn(runs)
    if first is None:
        return _nothing(runs, dark)
    top = max(float(np.quantile(np.exp(pool.log_tau), 0.995)) for pool in pools) * 1.08
    fig = go.Figure()
    if prior is not None:
        x, y = prior["tau_grid"].values, prior["tau_prior_density"].values
        grey = theme.muted(dark)
        x, y = _within(x, y, top)
        fig.add_scatter(
            x=x, y=y, name="prior", mode="lines", fill="tozeroy", hoverinfo="skip",
            fillcolor=theme.rgba(grey, 0.14), line={"color": grey, "width": 1, "dash": "dot"},
        )  # fmt: skip
    highest = 0.0
    for pool in pools:
        x, y = _density(np.exp(pool.log_tau), top)
        highest = max(highest, float(y.max(initial=0)))
        hexcolour = theme.colour(pool.number, dark=dark)
        fig.add_scatter(
            x=x, y=y, mode="lines", name=f"{pool.label}: {theme.count(len(pool.log_tau), 'draw')}",
            line={"color": hexcolour, "width": 2.2, "dash": theme.dash(pool.number)},
            fill="tozeroy", fillcolor=theme.rgba(hexcolour, 0.08),
            hovertemplate="τ = %{x:.3g}, density %{y:.3g}",
        )  # fmt: skip
    if exact is not None:
        x, y = _within(exact["tau_grid"].values, exact["tau_density"].values, top)
        highest = max(highest, float(y.max(initial=0)))
        fig.add_scatter(
            x=x, y=y, mode="lines", name="exact", line=theme.exact_line(dark), hoverinfo="skip"
        )
    true = _true(first, "tau")
    if true is not None and true <= top:
        fig.add_scatter(
            x=[true, true], y=[0, 1.08 * highest], mode="lines", name="truth",
            line=theme.truth_line(dark), hovertemplate=f"true τ = {true:.3g}<extra></extra>",
        )  # fmt: skip
    theme.layout(fig, dark=dark, height=420)
    fig.update_xaxes(title_text=theme.label("tau", first.attrs), range=[0, top])
    fig.update_yaxes(title_text="density (1 / data units)", range=[0, 1.08 * highest])
    return fig


def running_mean(
    runs: Mapping[str, xr.DataTree], *, exact: xr.Dataset | None = None, dark: bool = False
) -> go.Figure:
    """Mean of log τ over the draws so far: a chain is a thin line, all chains together a thick one.
    The band around the exact mean (where it is not known, around the run's own last) is two Monte
    Carlo standard errors (MCSE) wide on either side. A thick line that settles outside its band is
    biased, however calm it looks; R-hat does not see this.

    Parameters
    ----------
    runs : label -> draws, one to six runs on the same data, in the order of their colours.
    exact : the exact posterior, read for `log_tau_mean`, or None.
    dark : whether the page behind is dark.

    Notes
    -----
    Effective sample size (mean) and MCSE by arviz_stats; the band shrinks as 1 / sqrt(draws).
    Lines are thinned to 1,000 points, bands to 200.
    """  # noqa: D205
    first, pools = _drawn(runs)
    if first is None:
        return _nothing(runs, dark)
    target = None if exact is None else float(exact.attrs["log_tau_mean"])
    if target is not None and not np.isfinite(target):
        target = None
    bands, thin, thick, seen = [], [], [], []
    for pool in pools:
        values = _matrix(pool)
        means, mcse = _means(values), _mcse(values)
        # a chain cut short leaves the pool where it ends
        pooled = _means(np.nanmean(values, axis=0, keepdims=True))[0]
        steps = np.arange(1, means.shape[1] + 1)
        settled = means[:, means.shape[1] // 20 :]
        seen.append(settled[np.isfinite(settled)])
        hexcolour = theme.colour(pool.number, dark=dark)
        group = {"legendgroup": f"run {pool.number}"}
        if np.isfinite(mcse):
            middle = pooled[-1] if target is None else target
            bands.append(_band(steps, middle, mcse, hexcolour, group))
        shown = draws.evenly(np.arange(len(steps)), MOST_POINTS)
        for chain, line in enumerate(means):
            thin.append(
                {
                    **_line(steps, line, shown),
                    **group,
                    "line": {"color": theme.rgba(hexcolour, 0.5), "width": 0.9},
                    "name": f"{pool.label}, chain {chain}",
                    "showlegend": False,
                }
            )
        thick.append(
            {
                **_line(steps, pooled, shown),
                **group,
                "line": {"color": hexcolour, "width": 3, "dash": theme.dash(pool.number)},
                "name": _verdict(pool, pooled[-1], target, mcse),
            }
        )
    most = max(float(trace["x"][-1]) for trace in thick)
    data = bands + thin + thick
    if target is not None:
        seen.append(np.array([target]))
        data.append(_level([1, most], target, "exact", theme.exact_line(dark)))
    fig = theme.layout(go.Figure({"data": data}), dark=dark, height=420)
    low, high = draws.span(np.concatenate(seen)[:, None])[0]
    fig.update_xaxes(title_text="draws per chain (after warmup)", range=[1, max(most, 2)])
    title = f"mean of {theme.label('log_tau', first.attrs)}".replace(", τ", ",<br>τ")
    fig.update_yaxes(title_text=title, range=[low, high])
    return fig


def _drawn(runs: Mapping[str, xr.DataTree]) -> tuple[xr.DataTree | None, list[draws.Draws]]:
    if not runs:
        return None, []
    # θ is not looked at here: read one group only
    pools = [pool for pool in draws.pooled(runs, groups=np.array([0])) if len(pool.log_tau)]
    return (next(iter(runs.values())) if pools else None), pools


def _nothing(runs: Mapping[str, xr.DataTree], dark: bool) -> go.Figure:
    return theme.empty("No draws yet." if runs else "No run to show yet.", dark=dark)


def _true(dt: xr.DataTree, name: str) -> float | None:
    value = draws.truth(dt, name)
    return None if value is None else float(value)


def _within(x: np.ndarray, y: np.ndarray, top: float) -> tuple[np.ndarray, np.ndarray]:
    inside = x < top
    if not inside.all():
        end = np.interp(top, x, y)
        x, y = np.append(x[inside], top), np.append(y[inside], end)
        inside = np.ones(len(x), bool)
    return x[inside].astype(np.float32), y[inside].astype(np.float32)


def _density(tau: np.ndarray, top: float) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the density of tau >= 0, reflected at zero; draws too few or too alike: none."""
    if len(tau) < 10 or np.ptp(tau) == 0:
        return np.empty(0, np.float32), np.empty(0, np.float32)
    estimate = array_stats.kde(tau)
    x, y = np.asarray(estimate[0]), np.asarray(estimate[1])
    # the estimate ends at the smallest draw: show the edge where it is not practically zero
    edge = (x[0], 0.0) if x[0] > 0.01 * top else (0.0, y[0])
    return _within(np.insert(x, 0, edge[0]), np.insert(y, 0, edge[1]), top)


def _matrix(pool: draws.Draws) -> np.ndarray:
    """Return log tau by chain, shape (chain, draw); NaN where a draw was not finite."""
    matrix = np.full((pool.chain.max() + 1, pool.draw.max() + 1), np.nan)
    matrix[pool.chain, pool.draw] = pool.log_tau
    return matrix


def _means(values: np.ndarray) -> np.ndarray:
    """Mean of the draws so far, shape (chain, draw); NaN before the first."""
    known = np.isfinite(values)
    number = np.cumsum(known, axis=1)
    total = np.cumsum(np.where(known, values, 0), axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _mcse(values: np.ndarray) -> float:
    """Monte Carlo standard error of the mean of all draws; NaN where it cannot be told."""
    if values.shape[1] < 4 or not np.isfinite(values).all() or np.ptp(values) == 0:
        return float("nan")
    mcse = array_stats.mcse(values, chain_axis=0, draw_axis=1, method="mean")
    return float(np.asarray(mcse))


def _verdict(pool: draws.Draws, last: float, target: float | None, mcse: float) -> str:
    words = f"{pool.label}: {theme.count(len(pool.log_tau), 'draw')}"
    if not np.isfinite(mcse):
        return words
    if target is None:
        return f"{words}, MCSE {mcse:.2g}"
    return f"{words}, ends {abs(last - target) / mcse:.1f} MCSE from exact"


def _line(steps: np.ndarray, line: np.ndarray, shown: np.ndarray) -> dict:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": steps[shown].astype(np.float32),
        "y": line[shown].astype(np.float32),
        "hovertemplate": "%{x} draws: %{y:.3f}",
    }


def _band(steps: np.ndarray, middle: float, mcse: float, hexcolour: str, group: dict) -> dict:
    shown = draws.evenly(np.arange(len(steps)), MOST_BAND)
    x = steps[shown].astype(float)
    half = 2 * mcse * np.sqrt(steps[-1] / x)
    return {
        **group,
        "type": "scatter",
        "mode": "lines",
        "x": np.concatenate([x, x[::-1]]).astype(np.float32),
        "y": np.concatenate([middle + half, middle - half[::-1]]).astype(np.float32),
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": theme.rgba(hexcolour, 0.13),
        "showlegend": False,
        "hoverinfo": "skip",
        "name": "2 MCSE",
    }


def _level(x: list[float], y: float, name: str, line: dict) -> dict:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": [y, y],
        "name": name,
        "line": line,
        "hovertemplate": f"{name}: {y:.3f}<extra></extra>",
    }
