"""Expected number: how many events the population predicts, against how many there are."""

import numpy as np
import plotly.graph_objects as go
import xarray as xr
from scipy.special import gammaln

from hbdash import population_draws as read
from hbdash.figures import theme
from hbdash.figures.panels import NO_DRAWS, float32, label_once, panels
from hbdash.population_draws import Run

#: Draws that enter the predictive distribution, evenly kept; bins of the posterior.
MOST_DRAWS, BINS = 2000, 50


def expected_observed(runs: dict[str, xr.DataTree], *, dark: bool = False) -> go.Figure:
    """Filled: the posterior of the expected number of detections μ. Lines: how many events another
    catalogue of the same length would hold (Poisson, averaged over the posterior), with the
    observed number between as the solid vertical line. It should lie well inside: a rate and a
    spectrum that predict another number than was seen contradict the data. The dashed line is the
    expected number of the population that generated the data, where that is known.

    Parameters
    ----------
    runs : label to draws of the population model; needs generated_quantities/expected_number.
    dark : whether the page behind is dark.
    """  # noqa: D205
    shown = read.with_draws(runs)
    if not shown:
        return theme.empty(NO_DRAWS, dark=dark)
    found = [(run, expected(run.dt)) for run in shown]
    found = [(run, mu) for run, mu in found if mu.size]
    if not found:
        return theme.empty("These runs do not record an expected number.", dark=dark)
    observed = next((n for run, _ in found if (n := events(run.dt)) is not None), None)
    notes = [_note(run, mu, observed, dark) for run, mu in found]
    fig = panels(["<br>".join(notes)], 1, dark=dark, height=300, top=72)
    low, high = _limits([mu for _, mu in found], observed)
    top = 0.0
    for run, mu in found:
        top = max(top, _posterior(fig, run, mu, (low, high), dark))
        top = max(top, _predictive(fig, run, mu, (low, high), dark))
    top *= 1.1
    alone = theme.colour(found[0][0].number, dark=dark) if len(found) == 1 else theme.muted(dark)
    line = {"color": alone, "width": 2}
    nothing = float32([np.nan])
    words = "number in another catalogue"
    fig.add_trace(go.Scatter(x=nothing, y=nothing, mode="lines", line=line, name=words))
    if observed is not None:
        line = {"color": theme.ink(dark), "width": 2.2}
        _vertical(fig, observed, top, line, f"observed: {observed:,} events")
    truth = read.values(found[0][0].dt, "constant_data/true_expected_number")
    if truth is not None and np.isfinite(truth):
        _vertical(fig, float(truth), top, theme.truth_line(dark), "truth")
    fig.update_xaxes(title_text="number of detections", range=[low, high], nticks=8)
    fig.update_yaxes(title_text="probability of each number", range=[0, top], nticks=5)
    return label_once(fig)


def expected(dt: xr.DataTree) -> np.ndarray:
    """Posterior of the expected number, finite and not negative, shape (S,)."""
    there = read.values(dt, "generated_quantities/expected_number", "chain", "draw")
    flat = np.empty(0) if there is None else there.ravel()
    return flat[np.isfinite(flat) & (flat >= 0)]


def events(dt: xr.DataTree) -> int | None:
    """How many events were observed, None where the run does not say."""
    rows = read.found(dt, "observed_data/rows")
    return None if rows is None else int(rows.size)


def predictive(mu: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Probability of each count under Poisson(mu), averaged over draws.

    Parameters
    ----------
    mu : shape (S,). counts : shape (C,), whole numbers.
    """
    kept = mu[np.linspace(0, len(mu) - 1, min(len(mu), MOST_DRAWS)).round().astype(int)]
    rate = np.maximum(kept, 1e-300)[:, None]
    return np.exp(counts * np.log(rate) - rate - gammaln(counts + 1.0)).mean(0)


def _limits(all_mu: list[np.ndarray], observed: int | None) -> tuple[float, float]:
    lows = [np.quantile(mu - 3.2 * np.sqrt(mu), 0.05) for mu in all_mu]
    highs = [np.quantile(mu + 3.2 * np.sqrt(mu) + 2, 0.95) for mu in all_mu]
    low, high = max(min(lows), 0.0), max(highs)
    if observed is not None:
        pad = 0.05 * (high - low)
        low, high = min(low, max(observed - pad, 0.0)), max(high, observed + pad)
    return float(np.floor(low)) - 0.5, float(np.ceil(high)) + 0.5


def _posterior(fig, run: Run, mu: np.ndarray, limits, dark: bool) -> float:
    edges = np.linspace(limits[0], limits[1], BINS + 1)
    height = np.histogram(mu, edges)[0] / (len(mu) * (edges[1] - edges[0]))
    colour = theme.colour(run.number, dark=dark)
    fig.add_trace(
        go.Scatter(
            x=float32(np.repeat(edges, 2)),
            y=float32(np.r_[0, np.repeat(height, 2), 0]),
            mode="lines",
            line={"color": theme.rgba(colour, 0.6), "width": 1},
            fill="tozeroy",
            fillcolor=theme.rgba(colour, 0.25),
            name=_name(run),
            hoverinfo="skip",
        ),
        1,
        1,
    )
    return float(height.max())


def _name(run: Run) -> str:
    return f"{theme.shorten(run.label, 26)}, {read.size(run.dt)}"


def _predictive(fig, run: Run, mu: np.ndarray, limits, dark: bool) -> float:
    counts = np.arange(max(np.ceil(limits[0]), 0), np.floor(limits[1]) + 1)
    # A wide range has more numbers than a line needs points.
    counts = counts[:: max(1, len(counts) // 400)]
    height = predictive(mu, counts)
    fig.add_trace(
        go.Scatter(
            x=float32(counts),
            y=float32(height),
            mode="lines",
            line={
                "color": theme.colour(run.number, dark=dark),
                "width": 2,
                "dash": theme.dash(run.number),
                "shape": "hvh",
            },
            legendgroup=_name(run),
            hovertemplate="%{x:,} events: %{y:.3f}<extra></extra>",
        ),
        1,
        1,
    )
    return float(height.max())


def _vertical(fig, x: float, top: float, line: dict, name: str) -> None:
    style = {"mode": "lines", "line": line, "name": name}
    hover = f"{name}: {x:,.4g}<extra></extra>"
    fig.add_trace(go.Scatter(x=float32([x, x]), y=float32([0, top]), hovertemplate=hover, **style))


def _note(run: Run, mu: np.ndarray, observed: int | None, dark: bool) -> str:
    """Write the interval of mu, its Monte Carlo error, and where the observed number lies."""
    low, middle, high = np.quantile(mu, (0.05, 0.5, 0.95))
    words = [f"μ = {middle:.1f} ({low:.1f} to {high:.1f})"]
    error = read.values(run.dt, "generated_quantities/expected_number_sd", "chain", "draw")
    finite = np.empty(0) if error is None else error[np.isfinite(error)]
    if finite.size and finite.mean() > 0:
        words.append(f"each ± {finite.mean():.2g}")
    if observed is not None:
        below = predictive(mu, np.arange(observed)).sum() if observed else 0.0
        words.append(f"P(N ≥ {observed}) = {1 - below:.2f}")
    colour = theme.colour(run.number, dark=dark)
    quiet = f'<span style="font-size:11px;color:{theme.muted(dark)}">{", ".join(words)}</span>'
    return f'<b style="color:{colour}">{theme.shorten(run.label, 12)}</b> {quiet}'
