"""The Groups tab: every group's estimate, its shrinkage, and the three kinds of pooling."""

import streamlit as st

from hbdash.figures import View
from hbdash.models.model import ExactAnswer
from hbdash.ui import choices
from hbdash.ui.chart import keys
from hbdash.ui.draft import Asked
from hbdash.ui.figure_tab import draw
from hbdash.ui.frame import is_dark


def show(asked: Asked, exact: ExactAnswer | None) -> None:
    """Show what the groups' lines are, and what they would be without each other."""
    prob = choices.probability("Groups")
    runs, dark = asked.runs, is_dark()
    view = View(runs, prob=prob, dark=dark)
    draw("forest", view, (keys(runs), prob, dark))
    draw("line_shrinkage", view, (keys(runs), dark))
    st.markdown("#### No, complete and partial pooling")
    with st.container(horizontal=True, gap="medium"):
        one = choices.run(asked, "Groups")
        group = choices.group(asked, "Groups")
    view = View(one, group=group, dark=dark)
    draw("pooling", view, (keys(one), group, dark), heading=False)
