"""What a value and gradient of the population likelihood costs, against a sum of exponentials.

The floor is plain JAX: value and gradient of sum_n log sum_i exp(a ln m1 + b ln q) over the same
samples in the same order, a flat array with segment sums, differentiated by JAX.
"""

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import hbdash  # noqa: F401  (64 bits)
from benchmarks.gradient import interleave
from benchmarks.table import show, spread
from hbdash.population import events
from hbdash.population.buckets import bucket_table
from hbdash.population.catalogue import Catalogue
from hbdash.population.expected import expected_number, prepare
from hbdash.population.parameters import Components
from hbdash.population.pmean import Analytic

EVENTS, SAMPLES, MOST = 92, 138_000, 2_000
#: Gradients in a row within one program, as samplers take them.
STEPS = 10
ONE, TWO_AND_ONE = Components(1, 0), Components(2, 1)
LAW = {"alpha_pl": 1.3, "beta_pl": 0.5, "mmin_pl": 8.0, "mmax_pl": 60.0}
NORMAL = {"m1_loc_g": 35.0, "m1_scale_g": 4.0, "m2_loc_g": 30.0, "m2_scale_g": 5.0}


def catalogue(seed: int = 0) -> Catalogue:
    """Draw 138,000 samples in 92 events of 5 to 2,000, a sixth of the events full."""
    rng = np.random.default_rng(seed)
    sizes = np.append(np.full(15, MOST), rng.integers(5, 1_950, EVENTS - 15))
    while (missing := SAMPLES - sizes.sum()) != 0:
        step = np.sign(missing) * (np.arange(EVENTS) >= 15) * (rng.random(EVENTS) < 0.5)
        step[np.cumsum(np.abs(step)) > abs(missing)] = 0
        sizes = np.clip(sizes + step, 5, MOST)
    m1 = np.exp(np.repeat(rng.normal(3.4, 0.3, EVENTS), sizes) + rng.normal(0, 0.1, SAMPLES))
    m2 = m1 * rng.uniform(0.4, 1, SAMPLES)
    names = tuple(f"event_{n}" for n in range(EVENTS))
    return Catalogue(names, m1, m2, np.zeros(SAMPLES), np.append(0, np.cumsum(sizes)))


def parameters(c: Components) -> dict[str, Any]:
    found = {name: 3.0 for name in c.log_rates}
    found |= {f"{name}_{i}": value for i in range(c.n_pl) for name, value in LAW.items()}
    found |= {f"{name}_{j}": value for j in range(c.n_g) for name, value in NORMAL.items()}
    return {name: jnp.asarray(value) for name, value in found.items()}


def floor(count: int) -> Callable[[Any, Any], Any]:
    def total(slopes: Any, given: Any) -> Any:
        weights = jnp.exp(slopes[0] * given["log_m1"] + slopes[1] * given["log_q"])
        return jnp.log(jax.ops.segment_sum(weights, given["event"], count)).sum()

    return jax.value_and_grad(total)


def bare(slopes: Any, given: Any) -> Any:
    return jnp.exp(slopes[0] * given["log_m1"] + slopes[1] * given["log_q"]).sum()


def likelihood(
    c: Components, *, only_events: bool = False
) -> tuple[Callable[[Any, Any], Any], Any]:
    """Value and gradient, and the arrays of the expected number."""
    shape, arrays = prepare(Analytic(time_scale=248.0), c)

    def total(params: Any, given: Any) -> Any:
        found = events.total_log_evidence(c, params, given["events"])
        if only_events:
            return found
        return found - expected_number(shape, c, params, given["expected"])[0]

    return jax.value_and_grad(total), arrays


def together(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """`STEPS` calls in one loop, each at another point."""

    def loop(point: Any, given: Any) -> Any:
        def step(_: Any, total: Any) -> Any:
            moved = jax.tree.map(lambda x: x + 1e-30 * total, point)
            return total + sum(jnp.sum(x) for x in jax.tree.leaves(function(moved, given)))

        return jax.lax.fori_loop(0, STEPS, step, jnp.zeros(()))

    return loop


def _call(function: Callable[[Any, Any], Any], *given: Any) -> Callable[[], Any]:
    program, given = jax.jit(function), jax.device_put(given)
    return lambda: jax.block_until_ready(program(*given))


def _table(title: str, seconds: dict[str, np.ndarray], slots: dict[str, int], per: int) -> None:
    first = next(iter(seconds.values()))
    rows = [
        [
            name,
            f"{slots.get(name, SAMPLES):,}",
            spread(1e3 * taken / per),
            f"{np.median(taken / first):.3g}",
            f"{taken.min() / first.min():.3g}",
        ]
        for name, taken in seconds.items()
    ]
    columns = ["", "slots", "milliseconds", "times the floor, median", "of the fastest"]
    show(title, columns, rows)


def main(repetitions: int) -> None:
    data = catalogue()
    log_m1 = np.log(data.m1)
    samples = {"log_m1": log_m1, "log_q": np.log(data.m2) - log_m1, "event": data.event_index}
    slopes = np.array([-2.3, 0.5])
    calls: dict[str, Callable[[], Any]] = {
        "floor: sum of exponentials, value and gradient": _call(floor(EVENTS), slopes, samples)
    }
    slots: dict[str, int] = {}
    looped = {"floor": _call(together(floor(EVENTS)), slopes, samples)}
    for c, words in ((ONE, "power law"), (TWO_AND_ONE, "two power laws, a Gaussian")):
        function, expected = likelihood(c)
        for n_buckets in (None, 1, 0, 10) if c is ONE else (None,):
            given = {"events": events.layout(data, n_buckets), "expected": expected}
            table = bucket_table(data.sizes, n_buckets)
            form = "flat" if n_buckets is None else f"{len(table.rows)} buckets"
            name = f"likelihood: {words}, {form}"
            calls[name] = _call(function, parameters(c), given)
            slots[name] = sum(row.slots for row in table.rows)
            if n_buckets is None:
                looped[f"likelihood: {words}"] = _call(together(function), parameters(c), given)
                slots[f"likelihood: {words}"] = slots[name]
    flat = {"events": events.layout(data)}
    function, _ = likelihood(ONE, only_events=True)
    calls["of it the events alone, flat"] = _call(function, parameters(ONE), flat)
    calls["sum of exponentials, value alone"] = _call(bare, slopes, samples)
    size = f"{EVENTS} events, {SAMPLES:,} samples, {repetitions} repetitions"
    seconds = interleave({name: (call, 3) for name, call in calls.items()}, repetitions)
    _table(f"One value and gradient, {size}: median (lowest to highest)", seconds, slots, 1)
    seconds = interleave({name: (call, 1) for name, call in looped.items()}, repetitions)
    title = f"The same, {STEPS} in a row in one program, each: median (lowest to highest)"
    _table(title, seconds, slots, STEPS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=40)
    main(parser.parse_args().repetitions)
