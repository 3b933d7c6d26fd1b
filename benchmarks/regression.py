"""The regression lab's times: against `numpyro.infer.MCMC`, against rows, and with a million rows.

Arms of a comparison take turns within a repetition, so that what else the machine does touches all
alike. What must not share a process (NumPyro's 32 bits, hbdash's 64; peak memory) has one of its
own, so hbdash is imported inside functions alone.
"""

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import show, spread

SITES = ("mu_intercept", "mu_slope", "sigma_intercept", "sigma_slope", "sigma_noise")
LENGTH: dict[str, Any] = {"num_chains": 4, "num_warmup": 1000, "num_samples": 1000}
#: Row by row, a full run of 50,000 rows takes minutes.
SHORT: dict[str, Any] = {"num_chains": 4, "num_warmup": 200, "num_samples": 200}
TARGET_ACCEPT_PROB = 0.9
Sample = dict[str, np.ndarray]


@contextmanager
def process() -> Iterator[Callable[..., Any]]:
    """Start a fresh process with a store of its own; yield a function that calls one there."""
    with tempfile.TemporaryDirectory() as folder:
        context = get_context("spawn")
        with ProcessPoolExecutor(1, context, _use_store, (folder,)) as pool:
            yield lambda function, *given: pool.submit(function, *given).result()


def _use_store(folder: str) -> None:
    os.environ["HBDASH_STORE"] = folder


def lines(seed: int, groups: int = 8, rows: int = 40) -> dict[str, Any]:
    """Name new data of the workflow's settings."""
    return {"source": "simulated_lines", "n": (rows,) * groups, "seed": seed}


def sampler(length: dict[str, int], seed: int) -> dict[str, Any]:
    return length | {"target_accept_prob": TARGET_ACCEPT_PROB, "seed": seed}


def rows_of(data: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spell the same data out: group, x and y of each row."""
    from hbdash.regression_sources import SimulatedLines, load

    found = load(SimulatedLines.model_validate(data))
    return found.index, found.x[:, 0], found.y


def sample_hbdash(data: dict[str, Any], seed: int) -> tuple[float, Sample]:
    """Run the lab's own question: seconds from spec to DataTree, and draws."""
    from hbdash.run import run
    from hbdash.spec import RunSpec

    asked = {"model": "regression", "data": data, "parameterization": {"kind": "centered"}}
    began = time.perf_counter()
    dt = run(RunSpec.model_validate(asked | {"sampler": sampler(LENGTH, seed)}))
    seconds = time.perf_counter() - began
    return seconds, {site: np.asarray(dt["posterior"][site]) for site in SITES}


def sample_numpyro(
    method: str, index: np.ndarray, x: np.ndarray, y: np.ndarray, seed: int
) -> tuple[float, Sample]:
    """Run the workflow's own model as it does: a new kernel and `MCMC` each time, in 32 bits."""
    import jax
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS

    def model(x: Any, group_idx: Any, n_groups: int, y: Any = None) -> None:
        mu_intercept = numpyro.sample("mu_intercept", dist.Normal(0.0, 5.0))
        mu_slope = numpyro.sample("mu_slope", dist.Normal(0.0, 5.0))
        sigma_intercept = numpyro.sample("sigma_intercept", dist.HalfCauchy(2.0))
        sigma_slope = numpyro.sample("sigma_slope", dist.HalfCauchy(2.0))
        with numpyro.plate("groups", n_groups):
            intercept: Any = numpyro.sample("intercept", dist.Normal(mu_intercept, sigma_intercept))
            slope: Any = numpyro.sample("slope", dist.Normal(mu_slope, sigma_slope))
        sigma_noise = numpyro.sample("sigma_noise", dist.Exponential(1.0))
        with numpyro.plate("observations", x.shape[0]):
            mean = intercept[group_idx] + slope[group_idx] * x
            numpyro.sample("obs", dist.Normal(mean, sigma_noise), obs=y)

    given = {"group_idx": jnp.array(index), "x": jnp.array(x), "y": jnp.array(y)}
    assert given["x"].dtype == "float32", given["x"].dtype
    began = time.perf_counter()
    # The progress bar is off, which is a little faster.
    mcmc = MCMC(
        NUTS(model, target_accept_prob=TARGET_ACCEPT_PROB),
        chain_method=method,
        progress_bar=False,
        **LENGTH,
    )
    mcmc.run(jax.random.PRNGKey(seed), n_groups=int(index.max()) + 1, **given)
    found = mcmc.get_samples(group_by_chain=True)
    draws = {site: np.asarray(found[site], float) for site in SITES}
    return time.perf_counter() - began, draws


def _ess(draws: Sample) -> float:
    from arviz_stats.base.array import array_stats

    ess: Any = array_stats.ess
    stacked = np.stack([draws[site] for site in SITES])
    return float(np.min(ess(stacked, method="bulk", chain_axis=1, draw_axis=2)))


def against_mcmc(repetitions: int) -> None:
    """Warm runs of 8 groups x 40 rows, new data each: hbdash and the workflow, in turns."""
    names = ["hbdash", "numpyro sequential", "numpyro vectorized"]
    seconds, ess = defaultdict(list), defaultdict(list)
    with process() as own, process() as theirs:
        own(sample_hbdash, lines(0), 0)  # compiles, and is not counted
        for repetition in range(repetitions):
            seed = 1000 + repetition
            data = own(rows_of, lines(seed))
            # Whoever goes first finds the processor coolest: take turns.
            for name in np.roll(names, repetition):
                if name == "hbdash":
                    taken, draws = own(sample_hbdash, lines(seed), seed)
                else:
                    taken, draws = theirs(sample_numpyro, name.split()[1], *data, seed)
                seconds[name].append(taken)
                ess[name].append(_ess(draws))
    first = np.array(seconds["hbdash"])
    show(
        "Regression, 8 groups x 40 rows, 4 x (1,000 + 1,000), new data each run, "
        f"{repetitions} repetitions: median (lowest to highest)",
        ["arm", "seconds a run", "times hbdash's", "lowest bulk ESS"],
        [
            [name, spread(seconds[name]), spread(seconds[name] / first), spread(ess[name])]
            for name in names
        ],
    )


def add_rowwise_model() -> str:
    """Put the regression with its likelihood row by row on the menu; return its name there.

    Everything else is the lab's own program: priors, coordinates, kernel, chunks, threads.
    """
    from dataclasses import replace
    from types import SimpleNamespace

    import jax.numpy as jnp

    from hbdash.models import MODELS
    from hbdash.models.regression import REGRESSION

    def design(data: Any, priors: Any) -> dict[str, np.ndarray]:
        index, x, y = data.rows
        return {"index": index, "x": x, "y": y, "groups": np.zeros(len(data.names))}

    def program(design: dict[str, Any], prior: Any, centeredness: Any) -> None:
        # Inputs of a program are 64-bit numbers; the cast costs nothing beside the look-up.
        rows = jnp.asarray(design["index"], int), design["x"], design["y"]
        traced: Any = SimpleNamespace(rows=rows, names=range(len(design["groups"])))
        REGRESSION.rowwise_program(traced, prior, centeredness)

    name = "regression row by row"
    MODELS[name] = replace(REGRESSION, name=name, design=design, program=program)
    return name


def compare_rows(repetitions: int, groups: int = 500, rows: int = 100) -> list[dict[str, float]]:
    """Run both programs on the same data with the same seed; the first answers compile."""
    from arviz_stats.base.array import array_stats

    from hbdash.run import run
    from hbdash.spec import RunSpec

    mcse: Any = array_stats.mcse
    models, found = ["regression", add_rowwise_model()], []
    for repetition in range(-1, repetitions):
        dts: dict[str, Any] = {}
        answer: dict[str, float] = {}
        seed = 1000 + repetition
        # The first run only compiles, so it may be short; its warmup is part of the program.
        length = SHORT | ({"num_samples": 1, "num_chains": 1} if repetition < 0 else {})
        for model in map(str, np.roll(models, repetition)):
            asked: dict[str, Any] = {"model": model, "data": lines(seed, groups, rows)}
            asked["sampler"] = sampler(length, seed)
            began = time.perf_counter()
            dts[model] = dt = run(RunSpec.model_validate(asked))
            answer[f"{model} s"] = time.perf_counter() - began
            answer[f"{model} gradients"] = dt.attrs["gradients"]
        if repetition < 0:
            continue
        one, other = (dts[model] for model in models)
        apart = []
        for site in SITES:
            a, b = one["posterior"][site].values, other["posterior"][site].values
            errors = [float(mcse(v, method="mean", chain_axis=0, draw_axis=1)) for v in (a, b)]
            apart.append(abs(a.mean() - b.mean()) / np.linalg.norm(errors))
        energies = [dt["warmup_sample_stats"]["energy"].values for dt in (one, other)]
        # Rounding differs, and NUTS is chaotic: the runs part after some transitions.
        same = np.isclose(energies[0], energies[1], rtol=1e-6)
        answer |= {"apart": max(apart), "same": float(np.argmin(same, 1).min())}
        found.append(answer)
    return found


def against_rows(repetitions: int) -> None:
    """Sufficient statistics against rows, the program otherwise the same."""
    with process() as own:
        found = own(compare_rows, repetitions)

    def of(name: str) -> np.ndarray:
        return np.array([answer[name] for answer in found])

    names = ["regression", "regression row by row"]
    first = of(f"{names[0]} s")
    rows = []
    for name in names:
        seconds, gradients = of(f"{name} s"), of(f"{name} gradients")
        each = spread(1e6 * seconds / gradients)
        rows.append([name, spread(seconds), spread(seconds / first), spread(gradients, 4), each])
    show(
        "500 groups x 100 rows, 4 x (200 + 200), same data and seeds, "
        f"{repetitions} repetitions: median (lowest to highest)",
        ["likelihood", "seconds a run", "times the first", "gradients", "us / gradient"],
        rows,
    )
    print(
        f"The same to 6 digits for {spread(of('same'))} transitions of every chain; posterior "
        f"means of the population at most {spread(of('apart'), 2)} MCSE apart"
    )


def write_csv(path: str, groups: int = 1000, rows: int = 1000) -> None:
    """Write lines of the workflow's settings as a CSV of group, x and y."""
    import pandas as pd

    rng = np.random.default_rng(0)
    index = np.repeat(np.arange(groups), rows)
    x = 2 * rng.normal(size=len(index))
    intercept, slope = rng.normal(1.0, 0.8, groups), rng.normal(0.6, 0.5, groups)
    y = rng.normal(intercept[index] + slope[index] * x, 0.7)
    table = pd.DataFrame({"group": index, "x": x.round(5), "y": y.round(5)})
    table.to_csv(path, index=False)


def ask_million(path: str) -> list[tuple[str, float, float]]:
    """From a CSV to a DataTree: seconds of each step, and the process's peak memory after it."""
    steps: list[tuple[str, float, float]] = []
    began = time.perf_counter()

    def done(step: str) -> None:
        nonlocal began
        steps.append((step, time.perf_counter() - began, _peak()))
        began = time.perf_counter()

    from hbdash.question import prepare
    from hbdash.run import run
    from hbdash.samplers.program import compiled
    from hbdash.spec import RunSpec
    from hbdash.tables.csv_table import read_csv
    from hbdash.tables.regression_upload import guess_regression, save_regression, tidy_regression

    done("imports")
    raw = Path(path).read_bytes()
    done("the raw file")
    table = read_csv(raw)
    done("read_csv")
    columns = guess_regression(table, several=False)
    clean = tidy_regression(table, columns)
    done("guess_regression, tidy_regression")
    data = {"source": "uploaded_regression", "sha256": save_regression(clean)}
    done("save_regression")
    asked: dict[str, Any] = {"model": "regression", "data": data}
    asked |= {"parameterization": {"kind": "by_information"}, "sampler": sampler(LENGTH, 0)}
    question = prepare(RunSpec.model_validate(asked))
    done("prepare: load, check, statistics")
    compiled(question.shape, question.given)
    done("compile")
    dt = run(question.spec, question=question)
    done(f"run: {dt.attrs['gradients']:,} gradients, the DataTree")
    return steps


def _peak() -> float:
    """Peak resident memory of this process, in MiB; `getrusage` would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def million(repetitions: int) -> None:
    """A million rows in 1,000 groups, each repetition in a new process with an empty store."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "lines.csv")
        write_csv(path)
        size = Path(path).stat().st_size / 1e6
        for _ in range(repetitions):
            with process() as own:
                found.append(own(ask_million, path))
    rows = [
        [step[0][0], spread([s[1] for s in step]), spread([s[2] for s in step])]
        for step in zip(*found, strict=True)
    ]
    total = [sum(step[1] for step in steps[1:]) for steps in found]
    peaks = [steps[-1][2] for steps in found]
    show(
        f"1,000,000 rows in 1,000 groups ({size:.0f} MB of CSV), 4 x (1,000 + 1,000), "
        f"{repetitions} processes: median (lowest to highest)",
        ["step", "seconds", "peak memory after, MiB"],
        [*rows, ["all but imports", spread(total), spread(peaks)]],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parts = {"mcmc": against_mcmc, "rows": against_rows, "million": million}
    parser.add_argument("part", nargs="?", choices=[*parts, "all"], default="all")
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    for part, measure in parts.items():
        if given.part in (part, "all"):
            measure(given.repetitions)
