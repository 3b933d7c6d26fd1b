"""The Priors tab: densities, lines, prior predictive, implied shrinkage."""

from collections.abc import Callable
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from hbdash import prior_draws
from hbdash.figures import caption, theme
from hbdash.figures.priors import prior_density, prior_lines, prior_predictive, prior_shrinkage
from hbdash.models import MODELS
from hbdash.models.model import ExactAnswer
from hbdash.regression_data import RegressionData
from hbdash.spec import RunSpec
from hbdash.ui.chart import chart
from hbdash.ui.draft import Asked
from hbdash.ui.frame import is_dark
from hbdash.ui.widgets import own


def show(asked: Asked, exact: ExactAnswer | None = None) -> None:
    """Show what the priors say before any data."""
    draft, dark = asked.draft, is_dark()
    spec = RunSpec(model=draft.model, data=draft.data, priors=draft.priors)
    data, priors = spec.grouped(), spec.priors
    identity = (spec.model_dump_json(), dark)

    def section(title: str, function: Callable[..., go.Figure], draw: Callable[[bool], go.Figure]):
        st.markdown(f"#### {title}")
        chart(
            function.__name__,
            (*identity, title),
            partial(draw, dark),
            caption(function),
            title=title,
            on_white=partial(draw, False),
        )

    units = prior_draws.units(data, priors)
    section(
        "Prior densities",
        prior_density,
        lambda dark: prior_density(prior_draws.densities(priors, units), dark=dark),
    )
    if isinstance(data, RegressionData):
        lines = prior_draws.lines
        section(
            "Prior lines", prior_lines, lambda dark: prior_lines(lines(priors, data), dark=dark)
        )
    section("Prior predictive", prior_predictive, lambda dark: _predictive(spec, data, dark))
    levels = {one.name: one.title for one in MODELS[spec.model].levels(data, priors)}
    if not levels:
        return
    chosen = next(iter(levels))
    title = "Shrinkage that the prior implies"
    if len(levels) > 1:
        chosen = st.selectbox(
            f"{title}, of", list(levels), format_func=levels.__getitem__, key=own("prior_level")
        )
        title = f"{title}: {levels[chosen]}"
    section(title, prior_shrinkage, lambda dark: _shrinkage(spec, data, chosen, dark))


def _predictive(spec: RunSpec, data: Any, dark: bool) -> go.Figure:
    outcomes = prior_draws.outcomes(spec.priors, data)
    if isinstance(data, RegressionData):
        used = data.y if data.latent else data.y[data.complete]
        return prior_predictive(outcomes, used, data.response, rows=True, dark=dark)
    return prior_predictive(outcomes, data.mean, dark=dark)


def _shrinkage(spec: RunSpec, data: Any, level: str, dark: bool) -> go.Figure:
    draws, labels = prior_draws.shrinkage(spec.model, spec.priors, data, level)
    if not labels:
        return theme.empty("No group has rows enough for an estimate of its own.", dark=dark)
    return prior_shrinkage(draws, labels, dark=dark)
