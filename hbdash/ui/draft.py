"""What the controls of a lab hold: one question asked under several parameterizations."""

from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any, Self

import xarray as xr
from pydantic import BaseModel, Field, model_validator

from hbdash.data import Scene
from hbdash.models import MODELS
from hbdash.parameterization import Centered, NonCentered, Parameterization, label
from hbdash.priors import Prior
from hbdash.samplers.nuts import NUTS
from hbdash.spec import Data, ModelName, RunSpec, check_effects, check_priors, check_source

#: Transitions that one press of a button may ask for, over all parameterizations and chains.
MOST_TRANSITIONS = 600_000
#: Draws a chain that going on adds.
MORE = 1000


class Draft(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A frozen draft: each change makes a new one."""

    model: ModelName = "normal_means"
    data: Data = Scene()
    priors: dict[str, Prior] = Field(default_factory=MODELS["normal_means"].default_priors)
    parameterizations: tuple[Parameterization, ...] = Field(
        default=(Centered(), NonCentered()), min_length=1, max_length=6
    )
    sampler: NUTS = NUTS()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_priors(self.model, self.priors)
        check_source(self.model, self.data)
        for chosen in self.parameterizations:
            check_effects(self.model, chosen)
        kinds = [chosen.kind for chosen in self.parameterizations]
        if len(set(kinds)) < len(kinds):
            raise ValueError(f"`parameterizations` must differ in kind, got {', '.join(kinds)}.")
        if self.transitions > MOST_TRANSITIONS:
            raise ValueError(
                f"All parameterizations together may ask for {MOST_TRANSITIONS:,} transitions, "
                f"got {self.transitions:,}. Ask for fewer draws, chains or parameterizations."
            )
        return self

    @property
    def transitions(self) -> int:
        """Budget of the whole draft: transitions over all parameterizations and chains."""
        return len(self.parameterizations) * self.sampler.transitions

    @property
    def run_by_itself(self) -> bool:
        """Its runs take about a second, so that they run whenever a control is released."""
        return True

    @property
    def more(self) -> str:
        """What going on adds, in words."""
        return f"{MORE:,} more draws"

    def longer(self, length: int) -> Self:
        """Return the same draft with `MORE` draws a chain beyond a length.

        Raises
        ------
        ValueError
            When that is more than a run may ask for.
        """
        sampler = self.sampler.model_dump() | {"num_samples": length + MORE}
        return type(self).model_validate(self.model_dump() | {"sampler": sampler})

    def specs(self) -> dict[str, RunSpec]:
        """The runs to ask for, by label, in the order of their colours."""
        # An effect with a prior of its own has no population, and so no parameterization.
        pooled = any(effect not in self.priors for effect in MODELS[self.model].effects)
        return {
            label(chosen) if pooled else "unpooled": RunSpec(
                model=self.model,
                data=self.data,
                priors=self.priors,
                parameterization=chosen,
                sampler=self.sampler,
            )
            for chosen in self.parameterizations
        }


@dataclass(frozen=True)
class Asked:
    """The draft that was asked, and what came of it.

    `runs` holds the finished runs by label, in the order of their colours; `current` says whether
    the controls still show the same draft.
    """

    draft: Any
    runs: dict[str, xr.DataTree] = attribute(default_factory=dict)
    active: bool = False
    current: bool = True
