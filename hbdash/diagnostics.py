"""Whether to believe a run: a row of numbers for each, checks with a next action, one verdict.

Every diagnostic number comes from arviz-stats. Thresholds are the field's: E-BFMI below 0.3
(Betancourt 2016, arXiv:1604.00695), R-hat above 1.01 and fewer than 100 effective draws a chain
(Vehtari et al. 2021, doi:10.1214/20-BA1221).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_stats.base.array import array_stats

from hbdash.quantities import levels, variable

LOW_BFMI, HIGH_RHAT, LOW_ESS_PER_CHAIN, LARGE_ERROR = 0.3, 1.01, 100, 4.0
#: A share of divergences up to which a run is doubted rather than refused.
FEW_DIVERGENCES = 0.001
#: Effects beyond these are checked by the most and the least variable ones alone.
MOST_EFFECTS = 60


@dataclass(frozen=True)
class Check:
    """One thing that is wrong with a run, the number of its `Score` that shows it, what to do."""

    level: Literal["bad", "warn"]
    column: str
    finding: str
    action: str


@dataclass(frozen=True)
class Score:
    """A run in numbers; NaN where a number does not exist.

    `ess_bulk`, `ess_tail` and `r_hat` are the worst over the population's coordinates (mu, log tau
    and so on) and, for R-hat, the effects.
    Gradients per draw and ESS per 1,000 gradients count the draws after the warmup; seconds count
    both. `error` is the largest distance of a coordinate's posterior mean from its exact value, in
    Monte-Carlo standard errors.
    """

    label: str
    chains: int
    draws: int
    divergences: int
    bfmi: float
    r_hat: float
    ess_bulk: float
    ess_tail: float
    step_size: float
    gradients_per_draw: float
    ess_per_1000_gradients: float
    ess_per_second: float
    wall_seconds: float
    error: float
    saturated: float


def coordinates(dt: xr.DataTree) -> dict[str, np.ndarray]:
    """The population's coordinates, each of shape (chain, draw); scales as their logarithms.

    They are all that is sampled except effects with a population, latent cells, and weights that
    the likelihood does not use; entries of a vector are named such as "alpha[north]".
    """
    posterior, scales = dt["posterior"].to_dataset(), _scales(dt)
    found: dict[str, np.ndarray] = {}
    for name in map(str, posterior.data_vars):
        if name in _effects(dt):
            continue
        variable = posterior[name].transpose("chain", "draw", ...)
        for where, values in _entries(dt, variable):
            if name in scales:
                with np.errstate(divide="ignore"):
                    found[f"log_{name}{where}"] = np.log(values)
            else:
                found[f"{name}{where}"] = values
    return found


def _scales(dt: xr.DataTree) -> list[str]:
    return json.loads(dt.attrs.get("scales", '["tau", "sigma"]'))


def _effects(dt: xr.DataTree) -> set[str]:
    """Sites that vary within a population, under the names of the run or of a level."""
    return {one["effect"] for one in levels(dt).values()} | {"theta", "x_blank"}


def _entries(dt: xr.DataTree, draws: xr.DataArray) -> list[tuple[str, np.ndarray]]:
    """Take a site apart: what follows its name, and the draws, shape (chain, draw)."""
    if draws.ndim == 2:
        return [("", draws.values)]
    flat = draws.stack(entry=draws.dims[2:])
    used = np.ones(flat.sizes["entry"], bool)
    if draws.dims[2:] == ("group", "predictor"):
        used = variable(dt, "constant_data/mask").values.ravel().astype(bool)
    chosen = np.flatnonzero(used)
    values = flat.values[:, :, chosen]
    if len(chosen) > MOST_EFFECTS:
        extreme = _extremes(values)
        chosen, values = chosen[extreme], values[:, :, extreme]
    labels = [flat["entry"].values[k] for k in chosen]
    words = [", ".join(map(str, one)) if isinstance(one, tuple) else str(one) for one in labels]
    return [(f"[{word}]", values[:, :, k]) for k, word in enumerate(words)]


def _extremes(values: np.ndarray) -> np.ndarray:
    """The least and the most variable of many, as indices of the last axis."""
    order = np.argsort(values.std((0, 1)))
    return np.r_[order[: MOST_EFFECTS // 2], order[-MOST_EFFECTS // 2 :]]


def score(
    label: str,
    dt: xr.DataTree,
    exact: Mapping[str, float] | None = None,
    inexact: Mapping[str, float] | None = None,
) -> Score:
    """Measure a run.

    Parameters
    ----------
    label : its name in the table.
    dt : a run with at least one draw.
    exact : exact means by coordinate, where there are any.
    inexact : where they are those of another run, their own Monte-Carlo standard errors.
    """
    sites, stats = coordinates(dt), dt["sample_stats"].to_dataset()
    chains, draws = stats["lp"].shape
    enough = draws >= 4
    bulk = min(_ess(x, "bulk") for x in sites.values()) if enough else np.nan
    tail = min(_ess(x, "tail") for x in sites.values()) if enough else np.nan
    gradients = float(stats["n_steps"].sum())
    wall = float(dt.attrs["wall_seconds"])
    return Score(
        label=label,
        chains=chains,
        draws=chains * draws,
        divergences=int(stats["diverging"].sum()),
        bfmi=float(np.min(bfmi(dt))) if enough else np.nan,
        r_hat=_r_hat(dt, sites) if enough and chains > 1 else np.nan,
        ess_bulk=bulk,
        ess_tail=tail,
        step_size=float(stats["step_size"].mean()),
        gradients_per_draw=gradients / (chains * draws),
        ess_per_1000_gradients=1000 * bulk / gradients,
        ess_per_second=bulk / wall if wall > 0 else np.nan,
        wall_seconds=wall,
        error=_largest(errors(dt, exact, inexact)) if enough and exact is not None else np.nan,
        saturated=float(stats["reached_max_treedepth"].mean()),
    )


def moments(dt: xr.DataTree) -> dict[str, dict[str, float | list[float]]]:
    """Posterior mean, sd and 5, 50 and 95 % quantiles of each site; lists of K for the effects."""
    found: dict[str, dict[str, float | list[float]]] = {}
    for name, draws in dt["posterior"].data_vars.items():
        values = draws.values.reshape(-1, *draws.shape[2:])
        alone = len(values) < 2
        sd = np.full(values.shape[1:], np.nan) if alone else values.std(0, ddof=1)
        numbers = {"mean": values.mean(0), "sd": sd}
        numbers |= {str(q): np.quantile(values, q, axis=0) for q in (0.05, 0.5, 0.95)}
        found[str(name)] = {key: value.tolist() for key, value in numbers.items()}
    return found


def bfmi(dt: xr.DataTree) -> np.ndarray:
    """E-BFMI of each chain."""
    energy = variable(dt, "sample_stats/energy").values
    return np.atleast_1d(array_stats.bfmi(energy, chain_axis=0, draw_axis=1))


def errors(
    dt: xr.DataTree, exact: Mapping[str, float], inexact: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Distance of each population mean from its exact value, in MCSE, signed; see `score`."""
    return {
        name: float(draws.mean() - exact[name])
        / np.hypot(mcse(draws), (inexact or {}).get(name, 0))
        for name, draws in coordinates(dt).items()
        if name in exact
    }


def _largest(errors: dict[str, float]) -> float:
    return max(map(abs, errors.values()), default=np.nan)


def mcse(draws: np.ndarray) -> float:
    """Monte-Carlo standard error of the mean of draws, shape (chain, draw)."""
    return np.asarray(array_stats.mcse(draws, chain_axis=0, draw_axis=1, method="mean")).item()


def _ess(draws: np.ndarray, method: str) -> float:
    prob: Any = (0.05, 0.95) if method == "tail" else None
    return np.asarray(
        array_stats.ess(draws, chain_axis=0, draw_axis=1, method=method, prob=prob)
    ).item()


def _r_hat(dt: xr.DataTree, sites: dict[str, np.ndarray]) -> float:
    worst = [np.max(array_stats.rhat(x, chain_axis=0, draw_axis=1)) for x in sites.values()]
    for name in _effects(dt) & set(map(str, dt["posterior"].data_vars)):
        draws = variable(dt, f"posterior/{name}").transpose("chain", "draw", ...)
        entries = [values for _, values in _entries(dt, draws)]
        if entries:
            effects = np.stack(entries, -1)
            worst.append(np.max(array_stats.rhat(effects, chain_axis=0, draw_axis=1)))
    return float(np.max(worst))


def checks(score: Score) -> list[Check]:
    """List what is wrong with a run, the gravest first; empty when nothing is."""
    found = []
    if score.divergences:
        found.append(
            Check(
                "bad" if score.divergences > FEW_DIVERGENCES * score.draws else "warn",
                "divergences",
                f"{score.divergences:,} of {score.draws:,} draws diverged",
                "raise target accept, or move the centeredness the other way",
            )
        )
    if score.error > LARGE_ERROR:
        found.append(
            Check(
                "bad",
                "error",
                f"its means are {score.error:.1f} MCSE off",
                "do not use these draws",
            )
        )
    if score.bfmi < LOW_BFMI:
        found.append(
            Check(
                "bad",
                "bfmi",
                f"E-BFMI is {score.bfmi:.2f}, below {LOW_BFMI}",
                "reparameterize: the chain cannot follow the energy of the funnel",
            )
        )
    if score.r_hat > HIGH_RHAT:
        found.append(
            Check(
                "bad",
                "r_hat",
                f"R-hat is {score.r_hat:.3f}, above {HIGH_RHAT}",
                "warm up longer, or draw more",
            )
        )
    low = LOW_ESS_PER_CHAIN * score.chains
    column = "ess_bulk" if score.ess_bulk < score.ess_tail else "ess_tail"
    least = np.nan_to_num(min(score.ess_bulk, score.ess_tail))
    if least < low:
        found.append(
            Check(
                "warn",
                column,
                f"only {least:.0f} effective draws, below {low}",
                "continue for more",
            )
        )
    if score.saturated > 0.01:
        found.append(
            Check(
                "warn",
                "saturated",
                f"{score.saturated:.0%} of the trees reached the maximum depth",
                "reparameterize, or allow deeper trees",
            )
        )
    return sorted(found, key=lambda check: check.level)


def verdict(scores: list[Score]) -> tuple[Literal["good", "warn", "bad"], str]:
    """Judge the runs together, in a sentence or two that end in the next action."""
    findings = {s.label: checks(s) for s in scores}
    sound = [s for s in scores if not any(c.level == "bad" for c in findings[s.label])]
    if not sound:
        least = min(scores, key=lambda s: (len(findings[s.label]), s.divergences))
        first = findings[least.label][0]
        return "bad", (
            f"None of these runs can be trusted: under {least.label}, {first.finding}. "
            f"Next: {first.action}."
        )
    best = max(sound, key=lambda s: np.nan_to_num(s.ess_per_1000_gradients))
    others = [s for s in scores if s is not best]
    failed = [s for s in others if s not in sound]
    level: Literal["good", "warn"] = "warn" if failed or findings[best.label] else "good"
    doubt = _doubt(findings[best.label], alone=not others)
    if failed:
        why = "; ".join(f"{s.label}: {findings[s.label][0].finding}" for s in failed)
        return level, f"Use **{best.label}**. Not to be trusted: {why}. {doubt}"
    if others:
        least = min(others, key=lambda s: s.ess_per_1000_gradients)
        ratio = best.ess_per_1000_gradients / max(least.ess_per_1000_gradients, 1e-9)
        pace = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"
        doubted = [s.label for s in others if findings[s.label]]
        use = (
            f"All runs can be used, {', '.join(doubted)} with care"
            if doubted
            else "All runs are sound"
        )
        return level, (
            f"{use}. **{_capital(best.label)}** gives {pace} times as many "
            f"effective draws per gradient as {least.label}. {doubt}"
        )
    passes = "can be used" if findings[best.label] else "passes every check"
    return level, f"**{_capital(best.label)}** {passes}. {doubt}"


def _capital(label: str) -> str:
    """Begin a sentence with a label, which is otherwise as somebody wrote it."""
    return label[:1].upper() + label[1:]


def _doubt(findings: list[Check], *, alone: bool) -> str:
    if findings:
        return f"Still, {findings[0].finding}: {findings[0].action}."
    if alone:
        return "Next: change the data or the priors, and watch what the scoreboard says."
    return "Next: change the data or the priors, and watch which one wins."
