"""Coverage: how often 90 % intervals of a population hold its truth.

Truths are drawn from the priors, and catalogues from the truths by the generator's consistent
mode, whose event posteriors are posteriors under the flat prior that the likelihood divides by.
Then the share of truths inside their intervals is binomial around 90 %. The priors are moderate, so
that catalogues have some ten to a hundred events. The intervals are those of AIES, which is given
twice as much until its ensembles agree.
"""

import argparse
import os
import sys
import tempfile
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binom

from benchmarks.table import show
from hbdash.population.catalogue_sources import GeneratedCatalogue
from hbdash.population.pmean import Analytic
from hbdash.population.question import prepare
from hbdash.population.run import PopulationProgress
from hbdash.population.spec import PopulationSpec
from hbdash.population_score import score
from hbdash.quantities import variable
from hbdash.samplers.aies import AIES

PRIORS: dict[str, dict[str, Any]] = {
    "log_rate_0": {"dist": "Uniform", "low": 2.5, "high": 4.5},
    "alpha_pl_0": {"dist": "Uniform", "low": -1.0, "high": 3.0},
    "beta_pl_0": {"dist": "Uniform", "low": -1.0, "high": 3.0},
    "mmin_pl_0": {"dist": "Uniform", "low": 5.0, "high": 12.0},
    "mmax_pl_0": {"dist": "Uniform", "low": 40.0, "high": 70.0},
}
DAYS, SAMPLES = 250.0, 400
PROBABILITY, LOWEST, HIGHEST = 0.90, 0.80, 0.98
ENOUGH = 1.05


class Covered(NamedTuple):
    """What one catalogue says: whether each truth is inside, events, and the run's R-hat."""

    inside: dict[str, bool]
    rank: dict[str, float]
    events: int
    r_hat: float


def one(number: int, *, samples: int = SAMPLES, steps: int = 500) -> Covered:
    """Draw a truth and its catalogue, sample, and look whether the intervals hold the truth."""
    rng = np.random.default_rng([number, 7])
    truth = {name: float(rng.uniform(p["low"], p["high"])) for name, p in PRIORS.items()}
    pmean = Analytic(time_scale=DAYS)
    data = GeneratedCatalogue(
        seed=number, truth=truth, error_size=samples, pmean=pmean, max_events=2000
    )
    for attempt in range(4):
        length = steps * 2**attempt
        sampler = AIES(seed=number, num_warmup=length, num_samples=4 * length)
        question = prepare(PopulationSpec(data=data, priors=PRIORS, pmean=pmean, sampler=sampler))
        ensembles = sampler.sample(question.target, question.started)
        dt = PopulationProgress(question, ensembles).draws()
        found = score("", dt)
        if max(found.r_hat, found.r_hat_ensembles) <= ENOUGH:
            break
    tail = (1 - PROBABILITY) / 2
    inside, rank = {}, {}
    for name, value in truth.items():
        draws = variable(dt, f"posterior/{name}").values.ravel()
        low, high = np.quantile(draws, (tail, 1 - tail))
        inside[name], rank[name] = bool(low <= value <= high), float((draws < value).mean())
    return Covered(inside, rank, dt["observed_data"].sizes["event"], found.r_hat)


def main() -> int:
    """Print the table; fail where a parameter's coverage lies outside 80 to 98 %."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalogues", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="number of the first catalogue")
    given = parser.parse_args()
    os.environ.setdefault("HBDASH_STORE", tempfile.mkdtemp())
    found = []
    for number in range(given.first, given.first + given.catalogues):
        found.append(one(number))
        print(
            f"{number}: {found[-1].events} events, R-hat {found[-1].r_hat:.3f}, inside "
            f"{sum(found[-1].inside.values())} of {len(PRIORS)}",
            file=sys.stderr,
        )
    shares = {name: float(np.mean([c.inside[name] for c in found])) for name in PRIORS}
    low, high = binom.interval(0.95, len(found), PROBABILITY)
    show(
        f"Truths inside their 90 % intervals, {len(found)} catalogues of "
        f"{min(c.events for c in found)} to {max(c.events for c in found)} events",
        ["parameter", "inside", "mean rank"],
        [
            [name, f"{share:.0%}", f"{np.mean([c.rank[name] for c in found]):.2f}"]
            for name, share in shares.items()
        ],
    )
    print(
        f"\nA sound model gives {low / len(found):.0%} to {high / len(found):.0%} in 95 of 100 "
        f"benchmarks; largest R-hat {max(c.r_hat for c in found):.3f}."
    )
    return 0 if all(LOWEST <= share <= HIGHEST for share in shares.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
