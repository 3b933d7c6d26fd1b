"""NUTS with all the options of NumPyro's kernel that a file may set."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from hbdash.samplers.kernel import schedule
from hbdash.samplers.nuts import NUTS

#: Options of NumPyro's kernel that are taken when it is compiled, with NumPyro's own values.
KERNEL = {
    "step_size": 1.0,
    "adapt_step_size": True,
    "adapt_mass_matrix": True,
    "find_heuristic_step_size": False,
    "regularize_mass_matrix": True,
    "forward_mode_differentiation": False,
}


class PopulationNUTS(NUTS, frozen=True, extra="forbid", allow_inf_nan=False):
    """NUTS, with NumPyro's own defaults; see `numpyro.infer.NUTS` and `numpyro.infer.MCMC`.

    Attributes
    ----------
    max_tree_depth : doublings of a trajectory after the warmup; 2^depth - 1 gradients at most.
    warmup_tree_depth : the same in the warmup, where it differs.
    step_size : where the adaptation starts, or the step size where it is not adapted.
    thinning : every so many draws one is kept; `num_samples` counts them before.
    chain_method : the word of the file. One compiled chain runs in a thread of each processor,
        whichever it is; the draws are the same.
    """

    kind: Literal["nuts"] = "nuts"
    target_accept_prob: float = Field(default=0.8, ge=0.5, le=0.999)
    warmup_tree_depth: int | None = Field(default=None, ge=1, le=12)
    step_size: float = Field(default=1.0, gt=0, le=1e6)
    adapt_step_size: bool = True
    adapt_mass_matrix: bool = True
    find_heuristic_step_size: bool = False
    regularize_mass_matrix: bool = True
    forward_mode_differentiation: bool = False
    thinning: int = Field(default=1, ge=1, le=10_000)
    chain_method: Literal["parallel", "sequential", "vectorized"] = "parallel"

    @model_validator(mode="after")
    def _thinned(self) -> Self:
        if self.thinning > self.num_samples:
            raise ValueError(
                f"thinning must be at most num_samples, so that a draw is kept, got "
                f"{self.thinning:,} and {self.num_samples:,}."
            )
        return self

    @property
    def given(self) -> dict[str, Any]:
        """These options as inputs of a program, as `NUTS.given`."""
        plan = schedule(self.num_warmup, self.max_tree_depth, self.warmup_tree_depth)
        return super().given | {"schedule": plan}

    @property
    def kernel(self) -> tuple[tuple[str, Any], ...]:
        """Options of NumPyro's kernel that are fixed when it is compiled, as pairs.

        The form of the mass matrix is always among them, others where they differ from NumPyro's
        own values.
        """
        changed = {name: getattr(self, name) for name in KERNEL}
        different = {name: value for name, value in changed.items() if value != KERNEL[name]}
        return tuple(({"dense_mass": self.dense_mass} | different).items())

    @property
    def options(self) -> tuple[tuple[str, Any], ...]:
        """Options that NumPyro's kernel takes in a script: the depth of trees, and `kernel`."""
        depth, warmup = self.max_tree_depth, self.warmup_tree_depth
        both = depth if warmup in (None, depth) else (warmup, depth)
        return (("max_tree_depth", both), *self.kernel)
