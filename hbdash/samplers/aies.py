"""Affine-invariant ensemble sampling by NumPyro's moves: no gradients, several ensembles apart."""

from collections.abc import Callable
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from hbdash.samplers.aies_run import Ensembles, run
from hbdash.samplers.density import Target

#: Evaluations of the log density that one run may ask for, over all walkers.
MOST_EVALUATIONS = 20_000_000
#: Draws that one run may keep, over all walkers.
MOST_KEPT = 1_000_000


class Moves(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """How often each of NumPyro's moves is proposed, as weights.

    `de` is differential evolution (Nelson, Ford and Payne 2014), `stretch` the stretch move
    (Goodman and Weare 2010).
    """

    de: float = Field(default=0.75, ge=0, le=1000)
    stretch: float = Field(default=0.25, ge=0, le=1000)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.de + self.stretch <= 0:
            raise ValueError("One of the moves' weights must be above 0, got de 0 and stretch 0.")
        return self


class AIES(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """Options of the ensemble sampler; steps are per walker, and each step moves all walkers once.

    Walkers of an ensemble interact, so only independent ensembles can confirm each other.
    `num_walkers` is for each ensemble; None takes four more than twice the parameters. Few walkers
    of many steps agree sooner than many of few: R-hat compares walkers, and looks at each for long.
    """

    kind: Literal["aies"] = "aies"
    seed: int = Field(default=0, ge=0, lt=2**32)
    num_ensembles: int = Field(default=2, ge=2, le=16)
    num_walkers: int | None = Field(default=None, ge=4, le=1000)
    num_warmup: int = Field(default=1000, ge=1, le=100_000)
    num_samples: int = Field(default=8000, ge=1, le=200_000)
    thinning: int = Field(default=20, ge=1, le=1000)
    moves: Moves = Moves()
    randomize_split: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.num_walkers is not None and self.num_walkers % 2:
            raise ValueError(
                f"num_walkers must be even, since each half moves against the other, got "
                f"{self.num_walkers}. Ask for {self.num_walkers + 1}."
            )
        for name, steps in [("num_warmup", self.num_warmup), ("num_samples", self.num_samples)]:
            if steps % self.thinning:
                raise ValueError(
                    f"thinning must divide {name}, got {self.thinning} and {steps}. Ask for "
                    f"{name} {steps + -steps % self.thinning} or another thinning."
                )
        if self.num_walkers is None:
            return self
        walkers = self.walkers
        steps = self.num_warmup + self.num_samples
        if walkers * steps > MOST_EVALUATIONS:
            raise ValueError(
                f"num_ensembles x num_walkers x (num_warmup + num_samples) must be at most "
                f"{MOST_EVALUATIONS:,}, got {self.num_ensembles} x {self.num_walkers} x {steps:,} "
                f"= {walkers * steps:,}. Ask for fewer steps or walkers."
            )
        if walkers * steps // self.thinning > MOST_KEPT:
            raise ValueError(
                f"num_ensembles x num_walkers x (num_warmup + num_samples) / thinning, the steps "
                f"that are kept, must be at most {MOST_KEPT:,}, got "
                f"{walkers * steps // self.thinning:,}. Ask for more thinning or fewer steps."
            )
        return self

    @property
    def ensemble_size(self) -> int:
        """Walkers of one ensemble, of options that are `fitted`."""
        assert self.num_walkers is not None
        return self.num_walkers

    @property
    def walkers(self) -> int:
        """Walkers of all ensembles."""
        return self.num_ensembles * self.ensemble_size

    @property
    def transitions(self) -> int:
        """The run's budget: steps over all walkers, warmup included."""
        return self.walkers * (self.num_warmup + self.num_samples)

    def fitted(self, size: int) -> Self:
        """Return the same options with the number of walkers that suits so many parameters.

        Raises
        ------
        ValueError
            When that makes the run too long, or when more walkers are needed than asked for.
        """
        if self.num_walkers is None:
            content = self.model_dump() | {"num_walkers": 2 * size + 4}
            return type(self).model_validate(content)
        if self.num_walkers <= size:
            raise ValueError(
                f"num_walkers must exceed the {size} parameters, got {self.num_walkers}: fewer "
                f"cannot move in all directions. Ask for {2 * size + 4}, or leave it out."
            )
        return self

    def sample(
        self,
        target: Target,
        given: dict[str, Any],
        on_chunk: Callable[[Ensembles], bool] | None = None,
    ) -> Ensembles:
        """Run the ensembles side by side; equal seeds give equal draws on one machine.

        Parameters
        ----------
        target : hashable, with `size`, `potential(z, given)` and `sites(z, given)`.
        given : a tree of arrays with "starts" of shape (P, size), points of finite density.
        on_chunk : called several times a second; False stops the run where it is and keeps it.
            What it raises ends the run.

        Raises
        ------
        SamplingError
            When a walker has no starting point of finite density, or the starting points lie in a
            plane that the ensemble could never leave.
        """
        return run(self.fitted(target.size), target, given, on_chunk)
