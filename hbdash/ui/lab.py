"""What a lab is to the rooms that all labs share: a frozen record of its own parts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import xarray as xr

from hbdash.models.model import ExactAnswer, Grouped
from hbdash.priors import Prior
from hbdash.spec import Data
from hbdash.ui.draft import Asked, Draft
from hbdash.ui.run_panel import filling_funnel
from hbdash.ui.spelling import Field

Priors = dict[str, Prior]
#: Draws a tab by itself, from what was asked and the exact answer, where there is one.
Tab = Callable[[Asked, ExactAnswer | None], None]


@dataclass(frozen=True)
class Lab:
    """A lab: one model, its controls, its words in a link, and its tabs.

    Attributes
    ----------
    model : a key of `MODELS`.
    fresh : what a fresh visit asks.
    data : shows the controls of the data; returns the choice, and the data where they load.
    always : the sites that have a prior in every form of the model: they stand above the toggles.
    structure : shows the toggles that decide which other sites have a prior, given the priors and
        the data (or None); returns the priors to show.
    scale_priors : weakly informative priors, as JSON, for data and the sites of the priors given.
    fields : names in the link of its data and priors.
    sources : the sources of data that a link may name.
    ready_for_link : puts data that stand in a configuration itself into the store.
    tabs : in the order of the screen; a name alone stands for the figures on the menu with that
        tab, a function draws the tab by itself.
    filling : draws runs on their way.
    """

    model: str
    fresh: Draft
    data: Callable[[Any], tuple[Data, Grouped | None]]
    always: tuple[str, ...]
    structure: Callable[[Priors, Any], Priors]
    scale_priors: Callable[[Any, Priors], dict[str, Any]]
    fields: dict[str, Field]
    sources: tuple[str, ...]
    ready_for_link: Callable[[Any], Data]
    tabs: dict[str, Tab | None]
    filling: Callable[[dict[str, xr.DataTree]], go.Figure | None] = filling_funnel
