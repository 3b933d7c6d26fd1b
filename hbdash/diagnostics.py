"""Whether to believe a run: a row of numbers for each, checks with a next action, one verdict.

Every diagnostic number comes from arviz-stats. Thresholds are the field's: E-BFMI below 0.3
(Betancourt 2016, arXiv:1604.00695), R-hat above 1.01 and fewer than 100 effective draws a chain
(Vehtari et al. 2021, doi:10.1214/20-BA1221).
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from arviz_stats.base.array import array_stats

from hbdash.quantities import variable

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

    `ess_bulk`, `ess_tail` and `r_hat` are the worst over mu, log tau and, for R-hat, the effects.
    Gradients per draw and ESS per 1,000 gradients count the draws after the warmup; seconds count
    both. `error` is the largest distance of a posterior mean of mu and log tau from its exact
    value, in Monte-Carlo standard errors.
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


def population(dt: xr.DataTree) -> dict[str, np.ndarray]:
    """The population's coordinates, mu, log tau and log sigma, each of shape (chain, draw)."""
    scales = [site for site in ("tau", "sigma") if site in dt["posterior"]]
    logs = {f"log_{s}": np.log(variable(dt, f"posterior/{s}").values) for s in scales}
    return {"mu": variable(dt, "posterior/mu").values} | logs


def score(label: str, dt: xr.DataTree, exact: xr.Dataset | None = None) -> Score:
    """Measure a run.

    Parameters
    ----------
    label : its name in the table.
    dt : a run with at least one draw.
    exact : exact means as attributes (mu_mean, log_tau_mean ...), where there are any.
    """
    sites, stats = population(dt), dt["sample_stats"].to_dataset()
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
        error=_largest(errors(dt, exact)) if enough and exact is not None else np.nan,
        saturated=float(stats["reached_max_treedepth"].mean()),
    )


def moments(dt: xr.DataTree) -> dict[str, dict[str, float | list[float]]]:
    """Posterior mean, sd and 5, 50 and 95 % quantiles of each site; lists of K for the effects."""
    found: dict[str, dict[str, float | list[float]]] = {}
    for name, draws in dt["posterior"].data_vars.items():
        values = draws.values.reshape(-1, *draws.shape[2:])
        numbers = {"mean": values.mean(0), "sd": values.std(0, ddof=1)}
        numbers |= {str(q): np.quantile(values, q, axis=0) for q in (0.05, 0.5, 0.95)}
        found[str(name)] = {key: value.tolist() for key, value in numbers.items()}
    return found


def bfmi(dt: xr.DataTree) -> np.ndarray:
    """E-BFMI of each chain."""
    energy = variable(dt, "sample_stats/energy").values
    return np.atleast_1d(array_stats.bfmi(energy, chain_axis=0, draw_axis=1))


def errors(dt: xr.DataTree, exact: xr.Dataset) -> dict[str, float]:
    """Distance of each population mean from its exact value, in MCSE, signed."""
    found = {}
    for name, draws in population(dt).items():
        if f"{name}_mean" in exact.attrs:
            found[name] = float(draws.mean() - exact.attrs[f"{name}_mean"]) / _mcse(draws)
    return found


def _largest(errors: dict[str, float]) -> float:
    return max(map(abs, errors.values()), default=np.nan)


def _mcse(draws: np.ndarray) -> float:
    return np.asarray(array_stats.mcse(draws, chain_axis=0, draw_axis=1, method="mean")).item()


def _ess(draws: np.ndarray, method: str) -> float:
    prob: Any = (0.05, 0.95) if method == "tail" else None
    return np.asarray(
        array_stats.ess(draws, chain_axis=0, draw_axis=1, method=method, prob=prob)
    ).item()


def _r_hat(dt: xr.DataTree, sites: dict[str, np.ndarray]) -> float:
    effects = variable(dt, "posterior/theta").values
    if effects.shape[2] > MOST_EFFECTS:
        order = np.argsort(effects.std((0, 1)))
        chosen = np.r_[order[: MOST_EFFECTS // 2], order[-MOST_EFFECTS // 2 :]]
        effects = effects[:, :, chosen]
    by_effect = array_stats.rhat(effects, chain_axis=0, draw_axis=1)
    by_site = [array_stats.rhat(x, chain_axis=0, draw_axis=1) for x in sites.values()]
    return float(np.max([*by_site, np.max(by_effect)]))


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
                f"its means are {score.error:.1f} MCSE from the exact ones",
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
    doubt = _doubt(findings[best.label])
    if failed:
        why = "; ".join(f"{s.label}: {findings[s.label][0].finding}" for s in failed)
        return level, f"Use **{best.label}**. Not to be trusted: {why}. {doubt}"
    if others:
        least = min(others, key=lambda s: s.ess_per_1000_gradients)
        ratio = best.ess_per_1000_gradients / max(least.ess_per_1000_gradients, 1e-9)
        pace = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"
        return level, (
            f"All runs are sound. **{best.label.capitalize()}** gives {pace} times as many "
            f"effective draws per gradient as {least.label}. {doubt}"
        )
    return level, f"**{best.label.capitalize()}** passes every check that forbids its use. {doubt}"


def _doubt(findings: list[Check]) -> str:
    if findings:
        return f"Still, {findings[0].finding}: {findings[0].action}."
    return "Next: move sigma or the rows per group, and watch which one wins."
