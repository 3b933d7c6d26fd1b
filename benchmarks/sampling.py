"""Sampling side by side: hbdash against `numpyro.infer.MCMC`, nutpie, and its own settings.

Each arm is a process of its own (see `benchmarks.arms`); repetitions are interleaved, so that what
else the machine does touches all arms alike. Runs are 4 chains x (1,000 + 1,000), one after
another; compiling hbdash's and nutpie's programs is not counted, MCMC's belongs to each run.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.arms import Arm
from benchmarks.table import geometric_mean, show, spread
from hbdash.data import Rowwise, Scene, load
from hbdash.exact.normal_means import posterior, summary
from hbdash.spec import RunSpec

SCENES = ("weak", "strong")
CASES = [(scene, centered) for scene in SCENES for centered in (True, False)]
#: case -> arm -> one answer a repetition
Answers = dict[tuple[str, bool], dict[str, list[dict[str, float]]]]


def title(case: tuple[str, bool]) -> str:
    scene, centered = case
    return f"{scene}, {'centered' if centered else 'non-centered'}"


def scene_question(scene: str) -> dict[str, Any]:
    data = load(Scene(name=scene))  # pyright: ignore[reportArgumentType]
    assert data.sigma is not None
    return {"values": data.values.tolist(), "sigma": float(data.sigma[0])}


def new_question(scene: str, seed: int) -> dict[str, Any]:
    """Draw new data as the scene's were drawn."""
    sigma = scene_question(scene)["sigma"]
    rng = np.random.default_rng(seed)
    return {"values": rng.normal(rng.normal(4.5, 3.5, 9), sigma).tolist(), "sigma": sigma}


@contextmanager
def arms(names: Sequence[str]) -> Iterator[dict[str, Arm]]:
    running = {name: Arm(name) for name in names}
    try:
        yield running
    finally:
        for arm in running.values():
            arm.close()


def interleave(names: Sequence[str], repetitions: int, new_data: bool) -> Answers:
    """Ask every arm every case, once a repetition; the first answers compile, and are dropped."""
    answers: Answers = {case: defaultdict(list) for case in CASES}
    with arms(names) as running:
        for repetition in range(-1, repetitions):
            for scene, centered in CASES:
                seed = repetition + 1000
                data = new_question(scene, seed) if new_data else scene_question(scene)
                exact_mean = _exact_mean(data)
                # Whoever goes first finds the processor coolest: take turns.
                order = [names[(i + repetition) % len(names)] for i in range(len(names))]
                for name in order:
                    if repetition < 0 and name.startswith("numpyro"):
                        continue
                    answer = running[name].ask(**data, centered=centered, seed=seed)
                    answer["error"] = abs(answer["log_tau"] - exact_mean) / answer["mcse"]
                    if repetition >= 0:
                        answers[scene, centered][name].append(answer)
    return answers


def _exact_mean(data: dict[str, Any]) -> float:
    groups = tuple(map(str, range(len(data["values"]))))
    spec = RunSpec(data=Rowwise(group=groups, value=tuple(data["values"]), sigma=data["sigma"]))
    return summary(posterior(spec.grouped(), spec.priors))["log_tau"]["mean"]


def of(answers: list[dict[str, float]], name: str) -> np.ndarray:
    return np.array([answer[name] for answer in answers])


def against_mcmc(repetitions: int) -> None:
    """Warm runs on new data: seconds, and how many times fewer than `numpyro.infer.MCMC`."""
    names = ["hbdash", "numpyro vectorized", "numpyro sequential"]
    rows = []
    for case, by_arm in interleave(names, repetitions, new_data=True).items():
        own = of(by_arm["hbdash"], "seconds")
        for name in names:
            seconds = of(by_arm[name], "seconds")
            ratio = "" if name == "hbdash" else spread(seconds / own)
            error = spread(of(by_arm[name], "error"), 2)
            rows.append([title(case), name, spread(seconds), ratio, error])
    show(
        f"New data each run, {repetitions} repetitions: median (lowest to highest)",
        ["case", "arm", "seconds a run", "times hbdash's", "error, MCSE"],
        rows,
    )


def against_nutpie(repetitions: int) -> None:
    """The scenes with other seeds: min-ESS of (mu, log tau) per second, and hbdash's settings."""
    names = ["hbdash", "nutpie", "hbdash, 32 bits", "hbdash, XLA's loops"]
    answers = interleave(names, repetitions, new_data=False)
    rows, ratios = [], defaultdict(list)
    for case, by_arm in answers.items():
        rate = {n: of(by_arm[n], "ess") / of(by_arm[n], "seconds") for n in names}
        for name in names:
            seconds, gradients = of(by_arm[name], "seconds"), of(by_arm[name], "gradients")
            ratio = np.median(rate["hbdash"]) / np.median(rate[name])
            ratios[name].append(ratio)
            rows.append(
                [
                    title(case),
                    name,
                    spread(seconds),
                    f"{1e6 * np.median(seconds / gradients):.3g}",
                    spread(of(by_arm[name], "ess")),
                    spread(rate[name]),
                    "" if name == "hbdash" else f"{ratio:.2f}",
                    spread(of(by_arm[name], "error"), 2),
                ]
            )
    columns = ["case", "arm", "seconds a run", "us / gradient", "min ESS", "ESS / s"]
    show(
        f"The scenes, {repetitions} seeds: median (lowest to highest)",
        [*columns, "hbdash is x times", "error, MCSE"],
        rows,
    )
    show(
        "hbdash's min-ESS per second over another's, geometric mean of the four medians' ratios",
        ["arm", "times"],
        [[name, f"{geometric_mean(ratios[name]):.2f}"] for name in names[1:]],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("part", nargs="?", choices=["mcmc", "nutpie", "all"], default="all")
    parser.add_argument("--repetitions", type=int, default=9)
    given = parser.parse_args()
    if given.part in ("mcmc", "all"):
        against_mcmc(max(3, given.repetitions // 3))
    if given.part in ("nutpie", "all"):
        against_nutpie(given.repetitions)
