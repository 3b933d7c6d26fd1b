"""FlowMC: local steps, and global proposals by a normalizing flow that learns from the chains."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from hbdash.samplers.density import Target
from hbdash.samplers.flowmc_progress import FlowProgress

#: Steps that one run may ask for, over all chains and loops, training included.
MOST_STEPS = 20_000_000
#: Draws that one run may keep, over all chains and loops, training included.
MOST_KEPT = 2_000_000
#: Weights of the flow's networks, over all layers and hidden units.
MOST_HIDDEN = 512

PositiveFloat = Annotated[float, Field(gt=0, le=1e6)]
Units = Annotated[int, Field(ge=1, le=MOST_HIDDEN)]


class FlowMC(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Options of flowMC (Gabrie, Rotskoff, Vanden-Eijnden 2022; Wong et al. 2023), in its names.

    Each loop makes `n_local_steps` of the local sampler and `n_global_steps` proposals of the
    flow; a training loop trains the flow in between. The defaults are a quick preset for five to
    seven parameters, about a minute's work on two processors, not a thorough run. Their local
    sampler is the random walk: the gradient of a population's density does not show the hard edges
    of its masses, and one in ten steps of HMC was accepted where half of the random walk's were.

    `step_size` and `condition_matrix` are in the unconstrained space; `condition_matrix` is the
    inverse mass of HMC, about the posterior variance, one number or one for each parameter.
    `adapt_step_size` fits both to the chains in training, as flowMC does by default. `verbose`
    sends flowMC's messages to the program's log. `flow_samples` draws of the trained flow are
    kept apart from the posterior.
    """

    kind: Literal["flowmc"] = "flowmc"
    seed: int = Field(default=0, ge=0, lt=2**32)
    n_chains: int = Field(default=20, ge=2, le=1000)
    n_local_steps: int = Field(default=200, ge=1, le=10_000)
    n_global_steps: int = Field(default=200, ge=1, le=10_000)
    n_training_loops: int = Field(default=8, ge=1, le=1000)
    n_production_loops: int = Field(default=20, ge=1, le=1000)
    n_epochs: int = Field(default=4, ge=1, le=10_000)
    n_max_examples: int = Field(default=5000, ge=2, le=1_000_000)
    batch_size: int = Field(default=1000, ge=2, le=1_000_000)
    history_window: int = Field(default=100, ge=1, le=1_000_000)
    n_NFproposal_batch_size: int = Field(default=100, ge=1, le=1_000_000)
    chain_batch_size: int = Field(default=0, ge=0, le=1000)
    local_thinning: int = Field(default=20, ge=1, le=10_000)
    global_thinning: int = Field(default=10, ge=1, le=10_000)
    local_sampler: Literal["hmc", "mala", "grw"] = "grw"
    step_size: PositiveFloat = 0.05
    condition_matrix: PositiveFloat | tuple[PositiveFloat, ...] = 1.0
    n_leapfrog: int = Field(default=5, ge=1, le=200)
    adapt_step_size: bool = False
    rq_spline_hidden_units: tuple[Units, ...] = Field(default=(32, 32), min_length=1, max_length=8)
    rq_spline_n_bins: int = Field(default=8, ge=2, le=64)
    rq_spline_n_layers: int = Field(default=4, ge=1, le=32)
    rq_spline_range: tuple[float, float] = (-10.0, 10.0)
    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    early_stopping: bool = False
    verbose: bool = False
    flow_samples: int = Field(default=1000, ge=0, le=100_000)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for phase in ("local", "global"):
            steps = getattr(self, f"n_{phase}_steps")
            thinning = getattr(self, f"{phase}_thinning")
            if steps % thinning:
                raise ValueError(
                    f"{phase}_thinning must divide n_{phase}_steps, got {thinning} and {steps}. "
                    f"Ask for n_{phase}_steps {steps + -steps % thinning} or another thinning."
                )
        if self.condition_matrix == ():
            raise ValueError("condition_matrix must hold a number for each parameter, got none.")
        low, high = self.rq_spline_range
        if not low < 0 < high:
            raise ValueError(
                f"rq_spline_range must enclose 0, where the flow's whitened draws lie, got "
                f"({low:g}, {high:g}). Ask for (-10, 10)."
            )
        if self.transitions > MOST_STEPS:
            raise ValueError(
                f"n_chains x (n_local_steps + n_global_steps) x (n_training_loops + "
                f"n_production_loops) must be at most {MOST_STEPS:,}, got {self.transitions:,}. "
                f"Ask for fewer steps, loops or chains."
            )
        kept = self.n_chains * self.stored * (self.n_training_loops + self.n_production_loops)
        if kept > MOST_KEPT:
            raise ValueError(
                f"The draws kept, n_chains x (n_local_steps / local_thinning + n_global_steps / "
                f"global_thinning) x loops, must be at most {MOST_KEPT:,}, got {kept:,}. Ask for "
                f"more thinning, or fewer steps, loops or chains."
            )
        return self

    @property
    def transitions(self) -> int:
        """Steps over all chains and loops, training included."""
        loops = self.n_training_loops + self.n_production_loops
        return self.n_chains * (self.n_local_steps + self.n_global_steps) * loops

    @property
    def stored(self) -> int:
        """Draws that a loop keeps of each chain."""
        local = self.n_local_steps // self.local_thinning
        return local + self.n_global_steps // self.global_thinning

    @property
    def num_samples(self) -> int:
        """What a longer run has more of: the production loops."""
        return self.n_production_loops

    def sample(
        self,
        target: Target,
        given: dict[str, Any],
        on_chunk: Callable[[FlowProgress], bool] | None = None,
    ) -> FlowProgress:
        """Train and sample; equal seeds give equal draws on one machine.

        Parameters
        ----------
        target : hashable, with `size`, `potential(z, given)` and `sites(z, given)`.
        given : a tree of arrays with "starts" of shape (P, size), points of finite density.
        on_chunk : called several times a second and after each phase of a loop; False stops the
            run and keeps it: its loop is finished, and where that was one of training, one of
            production follows. What it raises ends the run.

        Raises
        ------
        ValueError
            When `condition_matrix` holds another number of values than the target has parameters.
        SamplingError
            When a chain has no starting point of finite density.
        """
        # Loaded where it is needed: flowMC and what it builds on take seconds to import.
        from hbdash.samplers.flowmc_run import run

        return run(self, target, given, on_chunk)
