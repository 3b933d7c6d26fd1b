"""The population lab as a record: its name, its tabs, and the figure of runs on their way."""

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go
import xarray as xr

from hbdash.figures.corner import corner
from hbdash.population_draws import parameters
from hbdash.ui.draft import Asked
from hbdash.ui.frame import is_dark
from hbdash.ui.population import (
    convergence_tab,
    corner_tab,
    events_tab,
    expected_tab,
    model_tab,
    prior_tab,
    spectrum_tab,
    summary_tab,
)
from hbdash.ui.widgets import here

#: Draws a tab from what was asked, of which there may be no run yet.
Tab = Callable[[Asked], None]
#: Parameters of the figure that fills up: it is drawn anew twice a second.
MOST_FILLING = 5


@dataclass(frozen=True)
class PopulationLab:
    """What the rooms that all labs share need to know, and the tabs in the order of the screen."""

    model: str
    filling: Callable[[dict[str, xr.DataTree]], go.Figure | None]
    tabs: dict[str, Tab]


def filling_corner(runs: dict[str, xr.DataTree]) -> go.Figure | None:
    """Draw the corner of the draws so far; before there are any, the events."""
    if not runs:
        return events_tab.waiting(here()["draft"])
    names = parameters(next(iter(runs.values())))[:MOST_FILLING]
    return corner(runs, parameters=tuple(names), dark=is_dark()) if names else None


LAB = PopulationLab(
    model="population",
    filling=filling_corner,
    tabs={
        "Corner": corner_tab.show,
        "Spectrum": spectrum_tab.show,
        "Events": events_tab.show,
        "Expected number": expected_tab.show,
        "Convergence": convergence_tab.show,
        "Summary": summary_tab.show,
        "Priors": prior_tab.show,
        "Model": model_tab.show,
    },
)
