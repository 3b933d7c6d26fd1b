"""Taking a run away: the stand-alone NumPyro script of exactly one configuration."""

import numpy as np

from hbdash.parameterization import Learned, centeredness, label
from hbdash.priors import Prior
from hbdash.spec import RunSpec

_SCRIPT = '''\
"""Normal means, {label}: {about}. Runs with numpyro alone."""

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS
from numpyro.infer.reparam import LocScaleReparam

jax.config.update("jax_enable_x64", True)

# Rows, mean and sum of squares about the mean of each group are sufficient for a normal likelihood.
n = jnp.array({n})
mean = jnp.array({mean})
ss = jnp.array({ss})
{known}# 1 centered, 0 non-centered, for each group{learned}.
centeredness = jnp.array({centeredness})


def model():
    mu = numpyro.sample("mu", dist.{mu})
    tau = numpyro.sample("tau", dist.{tau})
{sigma}    with numpyro.plate("groups", len(n)):
        with numpyro.handlers.reparam(config={{"theta": LocScaleReparam(centeredness)}}):
            theta = numpyro.sample("theta", dist.Normal(mu + 0 * mean, tau + 0 * mean))
        numpyro.sample("mean", dist.Normal(theta, sigma / jnp.sqrt(n)), obs=mean)
        within = -(n - 1) * jnp.log(sigma) - 0.5 * ss / sigma**2
        numpyro.factor("within", within)


kernel = NUTS(
    model,
    target_accept_prob={target_accept_prob},
    max_tree_depth={max_tree_depth},
    dense_mass={dense_mass},
)
mcmc = MCMC(
    kernel,
    num_warmup={num_warmup},
    num_samples={num_samples},
    num_chains={num_chains},
    chain_method="sequential",
    progress_bar=False,
)
if __name__ == "__main__":
    mcmc.run(jax.random.key({seed}))
    mcmc.print_summary()
'''


def script(spec: RunSpec, learned: np.ndarray | None = None) -> str:
    """Write the NumPyro program of a spec, with its data in it.

    Parameters
    ----------
    spec : the configuration.
    learned : the centeredness that a finished run found, shape (K,); used for `Learned` alone.

    Notes
    -----
    The script samples the same posterior; its draws differ, because `MCMC` spends random numbers
    in another order.
    """
    data = spec.grouped()
    match spec.parameterization:
        case Learned() if learned is None:
            values = np.full(len(data.n), 0.5)
            remark = " (learned by variational inference in the run; 0.5 stands in before it)"
        case Learned():
            values, remark = np.asarray(learned), " (learned by variational inference)"
        case _:
            values, remark = centeredness(spec.parameterization, data), ""
    unknown = "sigma" in spec.priors
    sampler = spec.sampler.model_dump(exclude={"max_divergences"})
    return _SCRIPT.format(
        label=label(spec.parameterization),
        about=data.source or "own data",
        n=_numbers(data.n),
        mean=_numbers(data.mean),
        ss=_numbers(data.ss),
        known="" if unknown else f"sigma = jnp.array({_numbers(data.sigma)})\n",
        learned=remark,
        centeredness=_numbers(values),
        mu=_code(spec.priors["mu"]),
        tau=_code(spec.priors["tau"]),
        sigma=f'    sigma = numpyro.sample("sigma", dist.{_code(spec.priors["sigma"])})\n'
        if unknown
        else "",
        **sampler,
    )


def _code(prior: Prior) -> str:
    """Write a prior so that its numbers read back exactly."""
    return f"{prior.dist}({', '.join(f'{name}={v!r}' for name, v in prior.parameters.items())})"


def _numbers(values: np.ndarray | None) -> str:
    """Write numbers so that they read back exactly, in lines of a readable length."""
    words = [repr(float(value)) for value in np.asarray(values)]
    lines, line = [], "["
    for word in words:
        if len(line) + len(word) > 90:
            lines.append(line.rstrip())
            line = "    "
        line += f"{word}, "
    return "\n".join([*lines, line.removesuffix(", ") + "]"])
