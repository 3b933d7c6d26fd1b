"""What it costs that one program serves many questions: against programs of the very size.

Arms take turns in one process, on the same questions: the programs as shipped, programs of the
exact number of groups, and programs whose buffers end at the default depth of trees. CPU time, so
that what else the machine does counts little.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.table import show, spread
from hbdash.models import padding
from hbdash.run import run
from hbdash.samplers import kernel, program
from hbdash.spec import RunSpec

SIZES = (1, 5, 9, 10, 15, 22, 30, 40, 50, 60)
KINDS = ("noncentered", "by_information")


@contextmanager
def exact_sizes() -> Iterator[None]:
    """Compile programs of the exact number of groups."""
    shipped = padding.padded
    padding.padded = lambda count, sizes=(): max(1, count)
    try:
        yield
    finally:
        padding.padded = shipped


@contextmanager
def depth_of_ten() -> Iterator[None]:
    """Compile programs for trees of at most ten doublings, which the questions ask for."""
    shipped, kept = kernel.MOST_TREE_DEPTH, dict(program._programs)
    kernel.MOST_TREE_DEPTH = 10
    program._programs.clear()
    program._programs.update(_SHALLOW)
    try:
        yield
    finally:
        _SHALLOW.update(program._programs)
        kernel.MOST_TREE_DEPTH = shipped
        program._programs.clear()
        program._programs.update(kept)


_SHALLOW: dict[Any, Any] = {}


@contextmanager
def shipped() -> Iterator[None]:
    """Compile what everybody gets."""
    yield


ARMS: dict[str, Callable[[], Any]] = {
    "shipped": shipped,
    "exact size": exact_sizes,
    "depth 10": depth_of_ten,
}


def question(model: str, groups: int, kind: str, seed: int) -> RunSpec:
    """Ask for a run of a lab's simulated data."""
    few = {"source": "simulated", "n": [1] * groups, "sigma": 5.0, "mu": 4.5, "tau": 3.5}
    rows = {"source": "simulated_lines", "n": [20] * groups}
    return RunSpec.model_validate(
        {
            "model": model,
            "data": (few if model == "normal_means" else rows) | {"seed": seed},
            "parameterization": {"kind": kind},
            "sampler": {"num_samples": 500, "num_warmup": 500, "seed": seed},
        }
    )


def seconds_a_gradient(spec: RunSpec) -> float:
    """CPU seconds of a run over its gradients."""
    began = time.process_time()
    dt = run(spec)
    return (time.process_time() - began) / dt.attrs["gradients"]


def main(repetitions: int) -> None:
    """Measure both labs."""
    program.MOST_PROGRAMS = 100
    for model in ("normal_means", "regression"):
        rows, ratios = [], []
        for groups in SIZES:
            found: dict[str, list[float]] = {arm: [] for arm in ARMS}
            for repetition in range(-1, repetitions):
                for kind in KINDS:
                    spec = question(model, groups, kind, repetition + 1)
                    for arm, use in ARMS.items():
                        with use():
                            took = seconds_a_gradient(spec)
                        if repetition >= 0:
                            found[arm].append(1e6 * took)
            own = np.array(found["exact size"])
            share = {arm: np.median(np.array(found[arm]) / own) for arm in ("shipped", "depth 10")}
            ratios.append(share["shipped"])
            size = padding.padded(groups, padding.GROUPS)
            rows.append(
                [str(groups), str(size), *(spread(values) for values in found.values())]
                + [f"{share['shipped']:.2f}", f"{share['depth 10']:.2f}"]
            )
        show(
            f"{model}: CPU microseconds a gradient; mean of shipped / exact {np.mean(ratios):.3f}",
            ["groups", "program", *ARMS, "shipped / exact", "depth 10 / exact"],
            rows,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    main(parser.parse_args().repetitions)
