"""Figures of the menu on the population page: a tab's figures, each with its caption."""

from typing import Any

import xarray as xr

from hbdash.figures import FIGURES, View
from hbdash.ui import figure_tab
from hbdash.ui.chart import keys
from hbdash.ui.frame import is_dark


def show(tab: str, runs: dict[str, xr.DataTree], **view: Any) -> None:
    """Show all figures that the menu has for a tab.

    Parameters
    ----------
    tab : its name on the menu.
    runs : label to draws.
    view : other attributes of `View` that the figures follow.
    """
    several = [name for name, figure in FIGURES.items() if figure.tab == tab]
    for name in several:
        draw(name, runs, heading=len(several) > 1, **view)


def draw(name: str, runs: dict[str, xr.DataTree], *, heading: bool = True, **view: Any) -> None:
    """Show one figure; for the arguments see `show`."""
    dark = is_dark()
    identity = keys(runs), tuple(sorted(view.items())), dark
    figure_tab.draw(name, View(runs, dark=dark, **view), identity, heading=heading)
