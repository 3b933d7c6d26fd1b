"""What a model is to the rest of the house: a frozen record of functions and names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import xarray as xr

from hbdash.parameterization import Information
from hbdash.priors import Prior

Priors = dict[str, Prior]


class Grouped(Protocol):
    """What all data have: K group names, generating values by site, and where they come from."""

    @property
    def names(self) -> tuple[str, ...]:
        """One label a group."""
        ...

    @property
    def truth(self) -> dict[str, np.ndarray]:
        """Generating values by site, or nothing."""
        ...

    @property
    def source(self) -> str:
        """Where the numbers come from, in words."""
        ...


class Level(NamedTuple):
    """One population of effects, theta_k ~ Normal(mu, tau), under the names of its model.

    Attributes
    ----------
    name : of the level, one a model and its data.
    effect, location, scale : the sites that are theta, mu and tau here.
    noise : the site of the noise, None where it is known.
    member : the predictor whose column of the sites is meant; None where they have no columns.
    title : in words, for a choice on the screen.
    """

    name: str
    effect: str
    location: str
    scale: str
    noise: str | None = None
    member: str | None = None
    title: str = ""


class ExactAnswer(Protocol):
    """A posterior known without sampling."""

    @property
    def means(self) -> dict[str, float]:
        """Exact means by coordinate: locations by name, scales as ``log_<site>``."""
        ...

    def level(
        self, name: str, centeredness: np.ndarray | None = None, effects: bool = False
    ) -> xr.Dataset:
        """Densities on grids of one level, as `hbdash.exact.normal_means.grids` names them."""
        ...

    def summary(self) -> dict[str, Any]:
        """Moments and quantiles, for JSON."""
        ...


class Observed(NamedTuple):
    """What a run carries along of its data, by the names of its DataTree.

    Attributes
    ----------
    observed, constant : variables as (dims, values).
    coords : labels of group, predictor and so on.
    attrs : words for the axes, such as the names of columns.
    rows : how many rows there are, of which a picture may show fewer.
    """

    observed: dict[str, Any]
    constant: dict[str, Any]
    coords: dict[str, Any]
    attrs: dict[str, str]
    rows: int


@dataclass(frozen=True)
class Model:
    """A model on the menu.

    Attributes
    ----------
    name, title : in specs, and on the screen.
    sources : the specs of data that it takes, the default first.
    load : such a spec to data.
    fit : (data, priors) to the data as the model sees them, or a ValueError that says what does
        not fit.
    structures : the sets of sites that may have priors; each is a form of the model.
    families : for each site with a prior, the families offered.
    default_priors : priors of a fresh visit.
    program : the NumPyro function ``(design, prior, centeredness)``; the centeredness holds an
        array for each effect.
    rowwise_program : the same model row by row, ``(data, prior, centeredness)``, for its diagram.
    design : (data, priors) to the arrays that enter the program.
    design_dims : dimensions of those arrays, each filled up with zeros to a few sizes.
    effects : sites that can be centered.
    levels : (data, priors) to the populations of those effects, none where nothing is pooled.
    information : (data, level name) to what each group says by itself about its effect.
    dims : dimensions of the sites that have any besides chain and draw. A coordinate that stands
        for a site is named after it, as "theta_decentered" after "theta".
    units : data to (origin, unit) by site: what is stored is origin + unit * what is sampled.
    size : (data, priors) to the numbers that one draw holds.
    observed : what a run carries along of its data.
    exact : (data, priors) to the exact answer, or NoExactAnswer.
    equations : priors to LaTeX lines.
    references : first publications.
    """

    name: str
    title: str
    sources: tuple[type, ...]
    load: Callable[[Any], Any]
    fit: Callable[[Any, Priors], Any]
    structures: tuple[frozenset[str], ...]
    families: dict[str, tuple[str, ...]]
    default_priors: Callable[[], Priors]
    program: Callable[[dict[str, Any], dict[str, Any], Any], None]
    rowwise_program: Callable[[Any, dict[str, Any], Any], None]
    design: Callable[[Any, Priors], dict[str, Any]]
    design_dims: dict[str, tuple[str, ...]]
    effects: tuple[str, ...]
    levels: Callable[[Any, Priors], tuple[Level, ...]]
    information: Callable[[Any, str], Information]
    dims: dict[str, tuple[str, ...]]
    units: Callable[[Any], dict[str, tuple[Any, Any]]]
    size: Callable[[Any, Priors], int]
    observed: Callable[[Any], Observed]
    exact: Callable[[Any, Priors], ExactAnswer]
    equations: Callable[[Priors], tuple[str, ...]]
    references: tuple[str, ...]
