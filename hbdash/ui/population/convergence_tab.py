"""The Convergence tab: whether the draws can be believed, and since when."""

from hbdash.ui.draft import Asked
from hbdash.ui.population import figures, needs_run


def show(asked: Asked) -> None:
    """Show traces, R-hat and ESS as the runs grow, and what their samplers say of themselves."""
    if not needs_run.told(asked):
        figures.show("Convergence", asked.runs)
