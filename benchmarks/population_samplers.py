"""Three samplers of one population: what each needs until its chains agree.

flowMC comes twice: as GWKokab's tutorial sets it, and as hbdash's quick preset does.

Each starts short and is given twice as much until R-hat over all chains, and between ensembles,
is at most 1.05, or until its time is up. Every attempt is a run of its own, compiling included in
its own column; the time that counts is the one of the attempt that succeeded.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from benchmarks.table import show
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.spec import PopulationSpec
from hbdash.population_score import PopulationScore, score
from hbdash.run import run
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC

ENOUGH = 1.05


def _aies(attempt: int) -> AIES:
    steps = 200 * 2**attempt
    return AIES(num_warmup=steps, num_samples=4 * steps)


def _flowmc(attempt: int) -> FlowMC:
    return FlowMC(n_training_loops=2 * 2**attempt, n_production_loops=5 * 2**attempt)


def _tutorial(attempt: int) -> FlowMC:
    return FlowMC(
        n_chains=100,
        n_local_steps=100,
        n_global_steps=100,
        n_training_loops=2**attempt,
        n_production_loops=2**attempt,
        n_epochs=4,
        n_max_examples=200_000,
        batch_size=10_000,
        history_window=2000,
        n_NFproposal_batch_size=50,
        local_thinning=4,
        global_thinning=4,
        local_sampler="hmc",
        step_size=0.01,
        n_leapfrog=5,
        rq_spline_hidden_units=(64, 64),
        rq_spline_n_bins=10,
        rq_spline_n_layers=8,
        learning_rate=1e-3,
    )


def _nuts(attempt: int) -> PopulationNUTS:
    steps = 250 * 2**attempt
    return PopulationNUTS(num_warmup=steps, num_samples=steps, num_chains=4, max_tree_depth=6)


PRESET, TUTORIAL = "flowMC, preset", "flowMC, tutorial"
SAMPLERS: dict[str, Callable[[int], Any]] = {
    "AIES": _aies,
    PRESET: _flowmc,
    TUTORIAL: _tutorial,
    "NUTS": _nuts,
}


def worst(found: PopulationScore) -> float:
    """Return the larger R-hat: over all chains, and between ensembles where there are some."""
    between = found.r_hat_ensembles
    return max(found.r_hat, between) if between == between else found.r_hat


def until_agreed(name: str, most_seconds: float) -> list[PopulationScore]:
    """Run a sampler longer and longer, until it has converged or run for so long."""
    found: list[PopulationScore] = []
    for attempt in range(12):
        dt = run(PopulationSpec(sampler=SAMPLERS[name](attempt)))
        found.append(score(name, dt))
        one = found[-1]
        print(f"{name}: {one.wall_seconds:.1f} s, R-hat {worst(one):.3f}", file=sys.stderr)
        if worst(one) <= ENOUGH or one.wall_seconds > most_seconds:
            break
    return found


def main() -> int:
    """Print the table; fail where AIES takes over a tenth of the time of the tutorial's flowMC."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most-seconds", type=float, default=300, help="of one run")
    parser.add_argument("--only", nargs="*", default=list(SAMPLERS), choices=list(SAMPLERS))
    given = parser.parse_args()
    os.environ.setdefault("HBDASH_STORE", tempfile.mkdtemp())
    last = {name: until_agreed(name, given.most_seconds)[-1] for name in given.only}
    show(
        f"The bundled catalogue until R-hat is at most {ENOUGH}",
        ["sampler", "R-hat", "converged", "wall, s", "ESS bulk", "ESS / s", "density calls"],
        [
            [
                name,
                f"{worst(one):.3f}",
                "yes" if worst(one) <= ENOUGH else "no",
                f"{one.wall_seconds:.1f}",
                f"{one.ess_bulk:.0f}",
                f"{one.ess_per_second:.2f}",
                f"{max(one.evaluations, one.gradients):,}",
            ]
            for name, one in last.items()
        ],
    )
    if "AIES" not in last:
        return 0
    print()
    ratios = {name: one.wall_seconds / last["AIES"].wall_seconds for name, one in last.items()}
    for name in ratios.keys() - {"AIES"}:
        limit = "" if worst(last[name]) <= ENOUGH else "more than "
        print(f"{name}: {limit}{ratios[name]:.1f} times the time of AIES.")
    return 0 if worst(last["AIES"]) <= ENOUGH and ratios.get(TUTORIAL, 10) >= 10 else 1


if __name__ == "__main__":
    sys.exit(main())
