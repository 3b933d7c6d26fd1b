"""FlowMC's parts for one target, kept together so that a second run compiles nothing.

FlowMC compiles by the identity of its steppers, its optimizer and the log density. A run borrows
these and gets buffers, a flow and random numbers of its own.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flowMC.resource.kernel.NF_proposal import NFProposal
from flowMC.resource.model.nf_model.rqSpline import MaskedCouplingRQSpline
from flowMC.resource.optimizer import Optimizer
from flowMC.resource_strategy_bundle.RQSpline_GRW import RQSpline_GRW_Bundle
from flowMC.resource_strategy_bundle.RQSpline_HMC import RQSpline_HMC_Bundle
from flowMC.resource_strategy_bundle.RQSpline_MALA import RQSpline_MALA_Bundle
from jax.experimental import io_callback

from hbdash.samplers.density import Target, log_density, sizes

if TYPE_CHECKING:
    from hbdash.samplers.flowmc import FlowMC

#: Programs kept at a time.
MOST_PROGRAMS = 4
#: Options that are inputs of the compiled parts, or only count them.
INPUTS = {
    "seed": 0, "step_size": 1.0, "condition_matrix": 1.0, "n_training_loops": 1,
    "n_production_loops": 1, "flow_samples": 0,
}  # fmt: skip
BUNDLES = {
    "hmc": RQSpline_HMC_Bundle, "mala": RQSpline_MALA_Bundle, "grw": RQSpline_GRW_Bundle,
}  # fmt: skip


class Switch:
    """Counts local steps while they are made, and ends them when it is turned off."""

    def __init__(self) -> None:
        self.on, self.steps = True, 0

    def step(self) -> bool:
        """Count a step; say whether to make it."""
        self.steps += 1
        return self.on


@dataclass
class Program:
    """The parts of flowMC that a run borrows, with their state as it was before any run."""

    key: Any
    log_density: Any
    sites: Any
    switch: Switch = field(default_factory=Switch)
    strategies: dict[str, Any] = field(default_factory=dict)
    fresh: dict[str, dict[str, Any]] = field(default_factory=dict)
    optim: Any = None

    def bundle(self, config: "FlowMC", target: Target, rng_key: Any) -> Any:
        """Make the resources of a run, and the order of its strategies."""
        bundle = _bundle(config, target, rng_key, self.log_density)
        if self.strategies:
            bundle.strategies = self.strategies
            for name, state in self.fresh.items():
                vars(self.strategies[name]).update(state)
            bundle.resources["optimizer"].optim = self.optim
        else:
            stepper = bundle.strategies["local_stepper"]
            stepper.body = _watched(stepper.body, self.switch)
            self.strategies = bundle.strategies
            self.fresh = {name: dict(vars(each)) for name, each in self.strategies.items()}
            self.optim = bundle.resources["optimizer"].optim
        self.switch.on, self.switch.steps = True, 0
        return bundle


_programs: OrderedDict[Any, Program] = OrderedDict()
_lending = threading.Lock()


def borrow(config: "FlowMC", target: Target, given: dict[str, Any]) -> Program:
    """Take the program of a target, a new one where there is none or another run has it."""
    key = target, config.model_copy(update=INPUTS), sizes(given)
    with _lending:
        program = _programs.pop(key, None)
    if program is not None:
        return program
    density = log_density(target, given)
    sites = jax.vmap(target.sites, in_axes=(0, None))
    return Program(key, lambda z, data: density(z, data["given"]), jax.jit(sites))


def give_back(program: Program) -> None:
    """Keep a program for the next run like this one."""
    with _lending:
        _programs[program.key] = program
        while len(_programs) > MOST_PROGRAMS:
            _programs.popitem(last=False)


@eqx.filter_jit
def flow_draws(model: Any, rng_key: Any, count: int) -> Any:
    """Draw from a flow, shape (count, size)."""
    return model.sample(rng_key, count)


def _bundle(config: "FlowMC", target: Target, rng_key: Any, log_density: Any) -> Any:
    # A step size that is an array is an input; a number would be compiled in at each change.
    step_size = jnp.asarray(config.step_size, float)
    if config.local_sampler == "hmc":
        matrix = jnp.asarray(config.condition_matrix, float)
        own: dict[str, Any] = {
            "hmc_step_size": step_size,
            "hmc_n_leapfrog": config.n_leapfrog,
            "condition_matrix": jnp.broadcast_to(matrix, (target.size,)),
        }
    else:
        own = {f"{config.local_sampler}_step_size": jnp.broadcast_to(step_size, (target.size,))}
    bundle = BUNDLES[config.local_sampler](
        rng_key=rng_key,
        n_chains=config.n_chains,
        n_dims=target.size,
        logpdf=log_density,
        n_local_steps=config.n_local_steps,
        n_global_steps=config.n_global_steps,
        n_training_loops=config.n_training_loops,
        n_production_loops=config.n_production_loops,
        n_epochs=config.n_epochs,
        adapt_step_size=config.adapt_step_size,
        adapt_step_size_per_dim=config.adapt_step_size,
        rq_spline_hidden_units=list(config.rq_spline_hidden_units),
        rq_spline_n_bins=config.rq_spline_n_bins,
        rq_spline_n_layers=config.rq_spline_n_layers,
        n_NFproposal_batch_size=config.n_NFproposal_batch_size,
        learning_rate=config.learning_rate,
        batch_size=config.batch_size,
        n_max_examples=config.n_max_examples,
        history_window=config.history_window,
        chain_batch_size=config.chain_batch_size,
        local_thinning=config.local_thinning,
        global_thinning=config.global_thinning,
        early_stopping=config.early_stopping,
        **own,
    )
    if config.rq_spline_range != (-10.0, 10.0):  # the bundle has no option for it
        model = MaskedCouplingRQSpline(
            target.size,
            config.rq_spline_n_layers,
            list(config.rq_spline_hidden_units),
            config.rq_spline_n_bins,
            rng_key,
            spline_range=config.rq_spline_range,
        )
        bundle.resources |= {
            "model": model,
            "global_sampler": NFProposal(
                model, n_NFproposal_batch_size=config.n_NFproposal_batch_size
            ),
            "optimizer": Optimizer(model=model, learning_rate=config.learning_rate),
        }
    for name in ("model", "global_sampler"):
        bundle.resources[name] = _typed(bundle.resources[name])
    optimizer = bundle.resources["optimizer"]
    optimizer.optim_state = _typed(optimizer.optim_state)
    return bundle


def _typed(tree: Any) -> Any:
    """Fix the types of arrays made from plain numbers, for which XLA would compile twice."""
    return jax.tree.map(lambda x: jnp.asarray(x, x.dtype) if eqx.is_array(x) else x, tree)


def _watched(body: Any, switch: Switch) -> Any:
    """Make each local step count itself, and be left out once the switch is off."""
    answer = jax.ShapeDtypeStruct((), jnp.bool_)

    def step(kernel: Any, carry: Any, aux: None) -> Any:
        key, position, log_prob, logpdf, data = carry

        def go() -> Any:
            (key, position, log_prob, _, _), (_, _, accepted) = body(kernel, carry, aux)
            return key, position, log_prob, accepted

        def stay() -> Any:
            return key, position, log_prob, jnp.asarray(False)

        on = io_callback(switch.step, answer)
        key, position, log_prob, accepted = jax.lax.cond(on, go, stay)
        return (key, position, log_prob, logpdf, data), (position, log_prob, accepted)

    return step
