"""Whether to believe a run of the population model: numbers, checks with a next action, a verdict.

Every diagnostic number comes from arviz-stats. Thresholds: R-hat above 1.01 and fewer than 400
effective draws (Vehtari et al. 2021, doi:10.1214/20-BA1221), fewer than 10 effective samples of an
event (after Farr 2019, doi:10.3847/2515-5172/ab1d5f), a variance of the log likelihood's Monte
Carlo sums above 1 (Talbot and Golomb 2023, doi:10.1093/mnras/stad2968).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr

from hbdash.diagnostics import FEW_DIVERGENCES, Check
from hbdash.population_draws import draws, ensembles, event_names, parameters, values
from hbdash.posterior_summary import diagnose

HIGH_R_HAT, VERY_HIGH_R_HAT, LOW_ESS = 1.01, 1.1, 400
#: Share of trees at the maximum depth beyond which NUTS is cut short too often.
MANY_SATURATED = 0.1
LOW_GLOBAL, LOCAL_RANGE = 0.05, (0.1, 0.95)
LOW_N_EFF, LARGE_VARIANCE = 10, 1.0

#: What to do about chains that disagree, by sampler.
DISAGREE = {
    "nuts": "NUTS cannot see the hard edges of the masses: compare with AIES or flowMC",
    "aies": "warm up longer, or draw more steps",
    "flowmc": "train for more loops, or draw more production loops",
}


@dataclass(frozen=True)
class PopulationScore:
    """A run of the population model in numbers; NaN where a number does not exist.

    Attributes
    ----------
    label, sampler : its name in the table; "nuts", "aies" or "flowmc".
    chains : chains, or walkers of all ensembles. draws : draws of all of them.
    r_hat : rank-normalised split R-hat over all chains, the worst of all parameters.
    r_hat_ensembles : the same, with the walkers of an ensemble as one chain; AIES only.
    ess_bulk, ess_tail : the lowest of all parameters.
    divergences, saturated : divergent draws, and the share of trees at the maximum depth; NUTS.
    acceptance : mean acceptance of NUTS, or the share of the walkers of AIES that moved.
    local_acceptance, global_acceptance : of flowMC's two kernels in production.
    least_n_eff, least_event : median over draws of an event's effective samples (sum w)^2 /
        sum w^2, the lowest of all events, and the event's name.
    variance : mean over draws of the variance of the log likelihood's Monte Carlo sums.
    wall_seconds : with the warmup or training. ess_per_second : `ess_bulk` in one of them.
    evaluations, gradients : of the log density.
    """

    label: str
    sampler: str
    chains: int
    draws: int
    r_hat: float
    r_hat_ensembles: float
    ess_bulk: float
    ess_tail: float
    divergences: float
    saturated: float
    acceptance: float
    local_acceptance: float
    global_acceptance: float
    least_n_eff: float
    least_event: str
    variance: float
    wall_seconds: float
    ess_per_second: float
    evaluations: float
    gradients: float


def score(label: str, dt: xr.DataTree) -> PopulationScore:
    """Measure a run.

    Parameters
    ----------
    label : its name in the table.
    dt : a run of the population model; parts that are missing give NaN.

    Notes
    -----
    Draws that are not finite, or a parameter that never moves, count as R-hat infinity and no
    effective draws. Diagnostics need eight draws a chain, and R-hat two chains.
    """
    sites = stacked(dt)
    chains, length = sites.shape[1:]
    r_hat, bulk, tail = _worst(sites)
    least, event = _least_event(dt)
    wall = float(dt.attrs.get("wall_seconds", np.nan))
    divergences = values(dt, "sample_stats/diverging", "chain", "draw")
    return PopulationScore(
        label=label,
        sampler=str(dt.attrs.get("sampler", "")),
        chains=chains,
        draws=chains * length,
        r_hat=r_hat,
        r_hat_ensembles=_worst(between_ensembles(dt, sites))[0],
        ess_bulk=bulk,
        ess_tail=tail,
        divergences=np.nan if divergences is None else float(divergences.sum()),
        saturated=_mean(dt, "sample_stats/reached_max_treedepth"),
        acceptance=_mean(dt, "sample_stats/acceptance_rate"),
        local_acceptance=_mean(dt, "sample_stats/local_acceptance"),
        global_acceptance=_mean(dt, "sample_stats/global_acceptance"),
        least_n_eff=least,
        least_event=event,
        variance=_mean(dt, "generated_quantities/variance"),
        wall_seconds=wall,
        ess_per_second=bulk / wall if wall > 0 else np.nan,
        evaluations=float(dt.attrs.get("evaluations", np.nan)),
        gradients=float(dt.attrs.get("gradients", np.nan)),
    )


def stacked(dt: xr.DataTree) -> np.ndarray:
    """Draws of all parameters, shape (parameter, chain, draw)."""
    found = [draws(dt, name) for name in parameters(dt)]
    return np.stack(found) if found else np.empty((0, 0, 0))


def between_ensembles(dt: xr.DataTree, sites: np.ndarray) -> np.ndarray:
    """Make each ensemble of AIES one chain, step by step, so that halves of it are halves of time.

    Parameters
    ----------
    sites : shape (parameter, walker, draw).

    Returns
    -------
    Shape (parameter, ensemble, walkers x draws), with as many walkers of each ensemble as the
    smallest has; no parameters where there are fewer than two ensembles.
    """
    of = ensembles(dt)
    teams = [] if of is None else [np.flatnonzero(of == e) for e in np.unique(of)]
    if len(teams) < 2:
        return sites[:0]
    least = min(map(len, teams))
    chains = [sites[:, team[:least]].transpose(0, 2, 1) for team in teams]
    return np.stack([chain.reshape(len(sites), -1) for chain in chains], 1)


def _worst(sites: np.ndarray) -> tuple[float, float, float]:
    """R-hat, bulk ESS and tail ESS of the worst parameter."""
    if not sites.size:
        return np.nan, np.nan, np.nan
    stuck = ~np.isfinite(sites).all((1, 2)) | (np.ptp(np.nan_to_num(sites), axis=(1, 2)) == 0)
    found = diagnose(sites)
    several = sites.shape[1] > 1 and sites.shape[2] >= 8
    r_hat = np.where(stuck & several, np.inf, found["r_hat"])
    bulk, tail = (np.where(stuck, 0.0, found[name]) for name in ("ess_bulk", "ess_tail"))
    return float(r_hat.max()), float(bulk.min()), float(tail.min())


def _mean(dt: xr.DataTree, path: str) -> float:
    """Mean of what is finite: a kernel that did not step leaves a gap."""
    there = values(dt, path, "chain", "draw")
    finite = np.empty(0) if there is None else there[np.isfinite(there)]
    return float(finite.mean()) if finite.size else np.nan


def _least_event(dt: xr.DataTree) -> tuple[float, str]:
    n_eff = values(dt, "event_diagnostics/n_eff", "sample", "event")
    if n_eff is None:
        n_eff = values(dt, "event_diagnostics/n_eff_at_mean", "event")
    if n_eff is None:
        return np.nan, ""
    # An event without a sample inside the population has no effective one.
    middle = np.median(np.nan_to_num(np.atleast_2d(n_eff), nan=0.0), axis=0)
    least = int(middle.argmin())
    return float(middle[least]), event_names(dt, len(middle))[least]


def checks(score: PopulationScore) -> list[Check]:
    """List what is wrong with a run, the gravest first; empty when nothing is."""
    found = [*_mixing(score), *_moves(score), *_likelihood(score)]
    return sorted(found, key=lambda check: check.level)


def _mixing(score: PopulationScore) -> Iterator[Check]:
    todo = DISAGREE.get(score.sampler, "draw more")
    for column, words in (("r_hat", "R-hat"), ("r_hat_ensembles", "R-hat between ensembles")):
        value = getattr(score, column)
        if value > VERY_HIGH_R_HAT:
            yield Check(
                "bad",
                column,
                f"{words} is {number(value)}, so its chains disagree on where the posterior is and "
                "its intervals mean nothing",
                todo,
            )
        elif value > HIGH_R_HAT:
            finding = f"{words} is {value:.3f}, above {HIGH_R_HAT}, so it has not converged"
            yield Check("bad", column, finding, todo)
    column = "ess_bulk" if score.ess_bulk < score.ess_tail else "ess_tail"
    least = np.nan_to_num(min(score.ess_bulk, score.ess_tail))
    if least < LOW_ESS:
        finding = f"only {least:.0f} effective draws of its worst parameter, below {LOW_ESS}"
        yield Check("bad", column, finding, "draw more")
    if score.chains < 2:
        finding = "one chain cannot show whether it has converged"
        yield Check("warn", "chains", finding, "run four or more chains")
    elif score.sampler == "aies" and np.isnan(score.r_hat_ensembles):
        finding = "the walkers of one ensemble move each other, so they are no independent check"
        yield Check("warn", "r_hat_ensembles", finding, "run two or more ensembles")


def _moves(score: PopulationScore) -> Iterator[Check]:
    if score.saturated > MANY_SATURATED:
        yield Check(
            "bad",
            "saturated",
            f"{score.saturated:.0%} of the trees reached the maximum depth",
            "hard mass edges: use AIES or flowMC, or allow deeper trees",
        )
    if score.divergences > 0:
        yield Check(
            "bad" if score.divergences > FEW_DIVERGENCES * score.draws else "warn",
            "divergences",
            f"{score.divergences:,.0f} of {score.draws:,} draws diverged",
            "raise target accept, or use AIES",
        )
    if score.global_acceptance < LOW_GLOBAL:
        yield Check(
            "bad",
            "global_acceptance",
            f"{score.global_acceptance:.1%} of the flow's proposals are accepted, below "
            f"{LOW_GLOBAL:.0%}",
            "the flow has not learned the posterior: train for more loops or epochs",
        )
    low, high = LOCAL_RANGE
    if score.local_acceptance < low or score.local_acceptance > high:
        small = score.local_acceptance < low
        yield Check(
            "warn",
            "local_acceptance",
            f"{score.local_acceptance:.0%} of the local steps are accepted, "
            + (f"below {low:.0%}" if small else f"above {high:.0%}"),
            "choose a smaller step size" if small else "choose a larger step size",
        )


def _likelihood(score: PopulationScore) -> Iterator[Check]:
    if score.least_n_eff < LOW_N_EFF:
        yield Check(
            "bad",
            "least_n_eff",
            f"{score.least_event} has {score.least_n_eff:.1f} effective samples, below {LOW_N_EFF}",
            f"draw more posterior samples of {score.least_event}, or see what it does to the "
            "answer to leave it out",
        )
    if score.variance > LARGE_VARIANCE:
        yield Check(
            "warn",
            "variance",
            f"the log likelihood's Monte Carlo variance is {number(score.variance)}, above "
            f"{LARGE_VARIANCE:g}",
            "use more posterior samples an event",
        )


def number(value: float) -> str:
    """Write a diagnostic, whatever its size, such as "1.35", "1,200" or "infinite"."""
    if not np.isfinite(value):
        return "infinite"
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def verdict(scores: list[PopulationScore]) -> tuple[Literal["good", "warn", "bad"], str]:
    """Judge the runs together, in a sentence or two that end in the next action.

    Raises
    ------
    ValueError
        Where there is no run to judge.
    """
    if not scores:
        raise ValueError("A verdict needs at least one run, got none: sample first.")
    findings = {id(s): checks(s) for s in scores}
    sound = [s for s in scores if not any(c.level == "bad" for c in findings[id(s)])]
    if not sound:
        return "bad", _refusal(scores, findings)
    best = max(sound, key=lambda s: np.nan_to_num(s.ess_per_second))
    failed = [s for s in scores if s not in sound]
    doubts = findings[id(best)]
    level: Literal["good", "warn"] = "warn" if failed or doubts else "good"
    next_step = "Next: compare it with another sampler."
    if len(scores) > 1:
        next_step = "Next: see in the corner whether they agree."
    if doubts:
        next_step = f"Still, {doubts[0].finding}. Next: {doubts[0].action}."
    if failed:
        why = "; ".join(f"{s.label}: {findings[id(s)][0].finding}" for s in failed)
        if not doubts:
            next_step = f"Next: {findings[id(failed[0])][0].action}."
        return level, f"Use **{best.label}**. Not to be trusted: {why}. {next_step}"
    if len(scores) == 1:
        passes = "can be used" if doubts else "passes every check"
        return level, f"**{best.label}** {passes}. {next_step}"
    return level, f"{_all_sound(scores, findings)} {_pace(best, scores)}{next_step}"


def _refusal(scores: list[PopulationScore], findings: dict[int, list[Check]]) -> str:
    least = min(scores, key=lambda s: (len(findings[id(s)]), np.nan_to_num(s.r_hat, nan=np.inf)))
    first = findings[id(least)][0]
    if len(scores) == 1:
        return f"**{least.label}** cannot be trusted: {first.finding}. Next: {first.action}."
    return (
        f"None of these runs can be trusted. The nearest is {least.label}: {first.finding}. "
        f"Next: {first.action}."
    )


def _all_sound(scores: list[PopulationScore], findings: dict[int, list[Any]]) -> str:
    doubted = [s.label for s in scores if findings[id(s)]]
    if not doubted:
        return "All runs are sound."
    return f"All runs can be used, {', '.join(doubted)} with care."


def _pace(best: PopulationScore, scores: list[PopulationScore]) -> str:
    least = min(scores, key=lambda s: np.nan_to_num(s.ess_per_second))
    if least is best or not least.ess_per_second > 0:
        return ""
    ratio = best.ess_per_second / least.ess_per_second
    words = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"
    return (
        f"**{best.label}** gives {words} times as many effective draws per second as "
        f"{least.label}. "
    )
