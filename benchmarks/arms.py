"""The arms of `benchmarks.sampling`: each a process of its own, asked one run at a time.

An arm reads questions as JSON lines and answers each with its wall seconds and its draws in
numbers. It prepares itself once (imports, compiling, one run that is not counted) and says so.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

NUM_CHAINS, NUM_WARMUP, NUM_SAMPLES, TARGET_ACCEPT_PROB = 4, 1000, 1000, 0.95
#: XLA's own threshold, which `hbdash` raises.
_OWN_LOOPS = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1024"
Draws = dict[str, np.ndarray]


def _hbdash(bits: int = 64) -> Callable[[dict[str, Any]], tuple[Draws, int]]:
    import jax

    from hbdash.parameterization import Centered, NonCentered
    from hbdash.run import run
    from hbdash.samplers.nuts import NUTS
    from hbdash.spec import RunSpec

    jax.config.update("jax_enable_x64", bits == 64)

    def sample(asked: dict[str, Any]) -> tuple[Draws, int]:
        values = asked["values"]
        data = {
            "source": "rows",
            "group": tuple(str(k) for k in range(len(values))),
            "value": tuple(values),
            "sigma": asked["sigma"],
        }
        sampler = NUTS(
            num_warmup=NUM_WARMUP,
            num_samples=NUM_SAMPLES,
            num_chains=NUM_CHAINS,
            target_accept_prob=TARGET_ACCEPT_PROB,
            seed=asked["seed"],
        )
        chosen = Centered() if asked["centered"] else NonCentered()
        spec = RunSpec.model_validate(
            {"data": data, "parameterization": chosen, "sampler": sampler}
        )
        dt = run(spec)
        draws = {name: np.asarray(dt["posterior"][name]) for name in ("mu", "tau")}
        assert draws["mu"].dtype == f"float{bits}", draws["mu"].dtype
        return draws, dt.attrs["gradients"]

    return sample


def _numpyro(chain_method: str) -> Callable[[dict[str, Any]], tuple[Draws, int]]:
    import jax
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS
    from numpyro.infer.reparam import LocScaleReparam

    def model(index: Any, groups: int, sigma: float, y: Any = None) -> None:
        mu = numpyro.sample("mu", dist.Normal(0.0, 5.0))
        tau = numpyro.sample("tau", dist.HalfNormal(5.0))
        with numpyro.plate("groups", groups):
            theta: Any = numpyro.sample("theta", dist.Normal(mu, tau))
        with numpyro.plate("rows", len(index)):
            numpyro.sample("y", dist.Normal(theta[index], sigma), obs=y)

    noncentered = numpyro.handlers.reparam(model, config={"theta": LocScaleReparam(0)})

    def sample(asked: dict[str, Any]) -> tuple[Draws, int]:
        kernel = NUTS(
            model if asked["centered"] else noncentered, target_accept_prob=TARGET_ACCEPT_PROB
        )
        mcmc = MCMC(
            kernel,
            num_warmup=NUM_WARMUP,
            num_samples=NUM_SAMPLES,
            num_chains=NUM_CHAINS,
            chain_method=chain_method,
            progress_bar=False,  # which is a little faster
        )
        index = np.arange(len(asked["values"]))
        values = np.array(asked["values"])
        key = jax.random.PRNGKey(asked["seed"])
        mcmc.run(key, index, len(values), asked["sigma"], values)
        found = mcmc.get_samples(group_by_chain=True)
        return {name: np.asarray(found[name]) for name in ("mu", "tau")}, 0

    return sample


def _nutpie() -> Callable[[dict[str, Any]], tuple[Draws, int]]:
    import nutpie

    run: Any = nutpie.sample
    compiled: dict[tuple, Any] = {}

    def sample(asked: dict[str, Any]) -> tuple[Draws, int]:
        question = tuple(asked["values"]), asked["sigma"], asked["centered"]
        if question not in compiled:
            compiled[question] = nutpie.compile_pymc_model(_pymc_model(*question))
        found = run(
            compiled[question],
            draws=NUM_SAMPLES,
            tune=NUM_WARMUP,
            chains=NUM_CHAINS,
            cores=2,
            seed=asked["seed"],
            target_accept=TARGET_ACCEPT_PROB,
            progress_bar=False,
        )
        draws = {name: found["posterior"][name].values for name in ("mu", "tau")}
        stats = found["sample_stats"], found["warmup_sample_stats"]
        return draws, int(sum(s["n_steps"].values.sum() for s in stats))

    return sample


def _pymc_model(values: tuple[float, ...], sigma: float, centered: bool) -> Any:
    import pymc as pm

    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 5.0)
        tau = pm.HalfNormal("tau", 5.0)
        if centered:
            theta = pm.Normal("theta", mu, tau, shape=len(values))
        else:
            standardized = pm.Normal("standardized", 0.0, 1.0, shape=len(values))
            theta = pm.Deterministic("theta", mu + tau * standardized)
        # One row a group needs no index, and is a tenth faster without.
        pm.Normal("y", theta, sigma, observed=np.array(values))
    return model


#: By name: what prepares the arm, and its environment.
ARMS: dict[str, tuple[Callable[[], Any], dict[str, str]]] = {
    "hbdash": (_hbdash, {}),
    "hbdash, 32 bits": (lambda: _hbdash(32), {}),
    "hbdash, XLA's loops": (_hbdash, {"XLA_FLAGS": _OWN_LOOPS}),
    "numpyro vectorized": (lambda: _numpyro("vectorized"), {}),
    "numpyro sequential": (lambda: _numpyro("sequential"), {}),
    "nutpie": (_nutpie, {}),
}


class Arm:
    """One arm's process; close it when done."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._store = tempfile.TemporaryDirectory()
        environment = {
            k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "HBDASH_STORE")
        }
        environment |= ARMS[name][1] | {"HBDASH_STORE": self._store.name}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.arms", name],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **question: Any) -> dict[str, float]:
        """Run once; return seconds, min-ESS, gradients, and the mean of log tau with its MCSE."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The arm {self.name!r} ended with {self._process.wait()}.")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._store.cleanup()


def _measure(sample: Callable[..., tuple[Draws, int]], asked: dict[str, Any]) -> dict[str, float]:
    from arviz_stats.base.array import array_stats

    ess: Any = array_stats.ess
    mcse: Any = array_stats.mcse
    began = time.perf_counter()
    draws, gradients = sample(asked)
    seconds = time.perf_counter() - began
    sites = {"mu": draws["mu"].astype(float), "log_tau": np.log(draws["tau"].astype(float))}
    return {
        "seconds": seconds,
        "gradients": gradients,
        "ess": min(float(ess(x, method="bulk", chain_axis=0, draw_axis=1)) for x in sites.values()),
        "log_tau": float(sites["log_tau"].mean()),
        "mcse": float(mcse(sites["log_tau"], method="mean", chain_axis=0, draw_axis=1)),
    }


def _serve(name: str) -> None:
    sample = ARMS[name][0]()
    for line in sys.stdin:
        print(json.dumps(_measure(sample, json.loads(line))), flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1])
