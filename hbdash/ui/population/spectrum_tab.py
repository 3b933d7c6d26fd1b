"""The Spectrum tab: rate densities of m1 and of q, and the detections that they imply."""

from hbdash.ui.draft import Asked
from hbdash.ui.population import figures, needs_run


def show(asked: Asked) -> None:
    """Show the posterior of the spectrum."""
    if not needs_run.told(asked):
        figures.show("Spectrum", asked.runs)
