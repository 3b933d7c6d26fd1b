"""The Weights tab: the mask, and each predictor's weight in each group."""

import streamlit as st
import xarray as xr

from hbdash.figures import View
from hbdash.models import MODELS
from hbdash.models.model import ExactAnswer
from hbdash.parameterization import Centered
from hbdash.ui import choices
from hbdash.ui.beside import beside
from hbdash.ui.chart import keys
from hbdash.ui.draft import Asked
from hbdash.ui.figure_tab import draw
from hbdash.ui.frame import is_dark
from hbdash.ui.widgets import own


def show(asked: Asked, exact: ExactAnswer | None) -> None:
    """Show which predictor applies where, and how much it weighs."""
    if "w" in asked.draft.priors:
        st.info(
            "The weights are **unpooled**: each group's has a prior of its own, as in the original "
            "workflow. Pool the weights in the sidebar to let groups learn from each other."
        )
    else:
        st.info(
            "The weights are **pooled**: those of one predictor come from a population, so groups "
            "with few rows learn from the others."
        )
    prob = choices.probability("Weights")
    runs = asked.runs | _unpooled(asked)
    draw("weights", View(runs, prob=prob, dark=is_dark()), (keys(runs), prob, is_dark()))
    draw("mask", View(asked.runs, dark=is_dark()), (keys(asked.runs), is_dark()))


def _unpooled(asked: Asked) -> dict[str, xr.DataTree]:
    """Ask for the run without pooling where the others pool, so that the difference is seen."""
    if "w" in asked.draft.priors or not st.toggle(
        "Beside the unpooled weights", value=True, key=own("unpooled"), persist_state="session"
    ):
        return {}
    fresh = MODELS[asked.draft.model].default_priors()
    spec = next(iter(asked.draft.specs().values()))
    priors = {site: spec.priors.get(site, fresh[site]) for site in fresh}
    dt = beside(
        "unpooled run", spec.model_copy(update={"priors": priors, "parameterization": Centered()})
    )
    return {} if dt is None else {"unpooled": dt}
