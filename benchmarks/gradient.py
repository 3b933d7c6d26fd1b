"""What a million rows cost: a gradient, the exact answer, and reading them from a file."""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
from numpyro.infer.util import initialize_model

from benchmarks.table import show, spread
from hbdash.data import GroupData, from_rows
from hbdash.exact.normal_means import posterior, summary
from hbdash.models import MODELS
from hbdash.priors import Prior
from hbdash.samplers.nuts import NUTS, inputs, shape_of
from hbdash.samplers.program import model_arguments

MODEL = MODELS["normal_means"]
SCALE = Prior.model_validate({"dist": "HalfNormal", "scale": 5.0})
GROUPS, MANY_ROWS = 1000, 1_000_000


def grouped(rows: int, groups: int, seed: int, sigma_is_known: bool) -> GroupData:
    """Draw rows of mu 4.5, tau 3.5, sigma 2, every group at least once."""
    rng = np.random.default_rng(seed)
    index = np.concatenate([np.arange(groups), rng.integers(groups, size=rows - groups)])
    values = rng.normal(rng.normal(4.5, 3.5, groups)[index], 2.0)
    names = tuple(map(str, range(groups)))
    return from_rows(index, values, names, 2.0 if sigma_is_known else None)


def priors(sigma_is_known: bool) -> dict[str, Prior]:
    return MODEL.default_priors() | ({} if sigma_is_known else {"sigma": SCALE})


def sufficient(data: GroupData) -> Callable[[], Any]:
    """Value and gradient of the potential as hbdash samples it: a call, ready to be timed."""
    chosen = priors(data.sigma is not None)
    design = MODEL.design(data, {})
    families = {site: prior.dist for site, prior in chosen.items()}
    numbers = {site: prior.parameters for site, prior in chosen.items()}
    shape = shape_of(MODEL.name, families, design, NUTS())
    given = inputs(design, numbers, {"theta": np.zeros(len(data.names))}, 0.95)
    # On the device beforehand, as they are during a run.
    given = jax.device_put(given)
    return _call(lambda given: MODEL.program(*model_arguments(shape, given)), given)


def rowwise(data: GroupData) -> Callable[[], Any]:
    """The same through the row-by-row program."""
    from hbdash.priors import distribution

    prior = {
        site: distribution(prior.dist, prior.parameters)
        for site, prior in priors(data.sigma is not None).items()
    }
    arrays = jax.device_put({"values": data.values, "index": data.index})

    def model(arrays: dict[str, Any]) -> None:
        traced = GroupData(data.names, data.n, data.mean, data.ss, data.sigma, **arrays)
        MODEL.rowwise_program(traced, prior, {"theta": np.zeros(len(data.names))})

    return _call(model, arrays)


def _call(model: Callable[[Any], None], given: Any) -> Callable[[], Any]:
    found = initialize_model(jax.random.key(0), model, dynamic_args=True, model_args=(given,))
    value_and_gradient = jax.jit(lambda z, given: jax.value_and_grad(found.potential_fn(given))(z))
    z = found.param_info.z
    return lambda: jax.block_until_ready(value_and_gradient(z, given))


def interleave(
    calls: dict[str, tuple[Callable[[], Any], int]], repetitions: int
) -> dict[str, np.ndarray]:
    """Seconds a call, each repetition the mean over a batch of its own size, in turns."""
    seconds = {name: [] for name in calls}
    for call, _ in calls.values():
        call()
    for _ in range(repetitions):
        for name, (call, batch) in calls.items():
            began = time.perf_counter()
            for _ in range(batch):
                call()
            seconds[name].append((time.perf_counter() - began) / batch)
    return {name: np.array(values) for name, values in seconds.items()}


def gradients(repetitions: int) -> None:
    rows = []
    for known in (True, False):
        few, many = (grouped(size, GROUPS, 0, known) for size in (GROUPS, MANY_ROWS))
        calls = {
            "1,000 rows": (sufficient(few), 200),
            "1,000,000 rows": (sufficient(many), 200),
            "1,000,000 rows, one by one": (rowwise(many), 1),
        }
        seconds = interleave(calls, repetitions)
        first = seconds["1,000 rows"]
        rows += [
            [
                "known" if known else "unknown",
                name,
                spread(1e6 * taken),
                f"{np.median(taken / first):.4g}",
            ]
            for name, taken in seconds.items()
        ]
    show(
        f"Value and gradient, 1,000 groups, {repetitions} repetitions: median (lowest to highest)",
        ["sigma", "data", "microseconds", "times the first"],
        rows,
    )


def exact_answers(repetitions: int) -> None:
    """`exact.posterior` and `exact.summary`, other data each time."""
    rows = []
    for groups in (9, 100):
        for known in (True, False):
            taken = []
            for seed in range(-1, repetitions):
                data = grouped(10 * groups, groups, seed + 1, known)
                began = time.perf_counter()
                summary(posterior(data, priors(known)))
                taken.append(time.perf_counter() - began)
            name = "known" if known else "unknown"
            rows.append([str(groups), name, spread(1e3 * np.array(taken[1:]))])
    show(
        f"The exact answer with its summary, {repetitions} data sets: median (lowest to highest)",
        ["groups", "sigma", "milliseconds"],
        rows,
    )


def _csv() -> bytes:
    data = grouped(MANY_ROWS, GROUPS, 0, False)
    table = pd.DataFrame({"group": data.index, "value": data.values.round(6)})
    return table.to_csv(index=False).encode()


def _read() -> None:
    """Read a table from standard input, in a process of its own: its peak memory is its own."""
    from hbdash.tables.upload import guess, read_csv, tidy

    raw = sys.stdin.buffer.read()
    before = _peak()
    began = time.perf_counter()
    table = read_csv(raw)
    read = time.perf_counter() - began
    tidy(table, guess(table))
    taken = time.perf_counter() - began
    print(read, taken - read, before, _peak())


def _peak() -> float:
    """Peak resident memory of this process, in MiB; `getrusage` would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def upload(repetitions: int) -> None:
    raw, found = _csv(), []
    for _ in range(repetitions):
        command = [sys.executable, "-m", "benchmarks.gradient", "read"]
        done = subprocess.run(command, input=raw, stdout=subprocess.PIPE, check=True)
        found.append([float(number) for number in done.stdout.split()])
    read, tidied, before, after = np.array(found).T
    show(
        f"Upload of {MANY_ROWS:,} rows ({len(raw) / 1e6:.0f} MB of CSV), {repetitions} processes: "
        "median (lowest to highest)",
        ["read_csv, s", "tidy, s", "peak memory before, MiB", "after, MiB"],
        [[spread(read), spread(tidied), spread(before), spread(after)]],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ["gradient", "exact", "upload", "all"]
    parser.add_argument("part", nargs="?", choices=[*parts, "read"], default="all")
    parser.add_argument("--repetitions", type=int, default=40)
    given = parser.parse_args()
    if given.part == "read":
        _read()
    if given.part in ("gradient", "all"):
        gradients(given.repetitions)
    if given.part in ("exact", "all"):
        exact_answers(given.repetitions)
    if given.part in ("upload", "all"):
        upload(max(3, given.repetitions // 10))
