"""What a model is to the rest of the house: a frozen record of functions and names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hbdash.data import GroupData
from hbdash.priors import Prior


@dataclass(frozen=True)
class Model:
    """A model on the menu.

    Attributes
    ----------
    name, title : in specs, and on the screen.
    program : the NumPyro function ``(design, prior, centeredness)``.
    rowwise_program : the same model row by row, ``(data, prior, centeredness)``, for its diagram.
    design : data to the arrays that enter the program.
    families : for each site with a prior, the families offered.
    default_priors : priors of a fresh visit.
    effects : sites that can be centered, each with one value a group.
    equations : LaTeX lines.
    references : first publications.
    """

    name: str
    title: str
    program: Callable[[dict[str, Any], dict[str, Any], Any], None]
    rowwise_program: Callable[[GroupData, dict[str, Any], Any], None]
    design: Callable[[GroupData], dict[str, Any]]
    families: dict[str, tuple[str, ...]]
    default_priors: Callable[[], dict[str, Prior]]
    effects: tuple[str, ...]
    equations: tuple[str, ...]
    references: tuple[str, ...]
