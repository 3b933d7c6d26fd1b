"""The By group tab: what the model predicts for each group, and what it leaves over."""

from hbdash.figures import View
from hbdash.models.model import ExactAnswer
from hbdash.ui import choices
from hbdash.ui.chart import keys
from hbdash.ui.draft import Asked
from hbdash.ui.figure_tab import draw
from hbdash.ui.frame import is_dark


def show(asked: Asked, exact: ExactAnswer | None) -> None:
    """Show predictive means and distributions beside the data, and residuals."""
    runs = choices.run(asked, "By group")
    view, identity = View(runs, dark=is_dark()), (keys(runs), is_dark())
    draw("predictive_by_group", view, identity)
    draw("residuals", view, identity)
