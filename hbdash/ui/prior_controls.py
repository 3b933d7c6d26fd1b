"""Choosing the priors: a family and its numbers for each site, in NumPyro's names."""

import math
from typing import Any

import numpy as np
import streamlit as st
from pydantic import ValidationError

from hbdash.models import MODELS
from hbdash.priors import LARGEST, SMALLEST, Prior, default, is_positive, parameter_names
from hbdash.spec import explain
from hbdash.ui.draft import Draft
from hbdash.ui.lab import Lab
from hbdash.ui.plain import plain
from hbdash.ui.widgets import here, listed, replace_draft, valued


def show(lab: Lab, priors: dict[str, Prior], data: Any) -> dict[str, Prior]:
    """Show the controls of the priors and return them; `data` is None where they do not load."""
    for site, prior in priors.items():
        _kept()[site] = _kept()[site, prior.dist] = prior
    above, toggles = st.container(), st.container()
    with toggles:
        wanted = lab.structure(priors, data)
    chosen = {}
    for site, prior in wanted.items():
        with above if site in lab.always else st.container():
            chosen[site] = _prior(lab, site, prior)
    if data is not None:
        st.button(
            "Scale the priors to the data",
            on_click=_scale,
            args=(lab, data, chosen),
            help="Weakly informative: locations around what the data show, scales of the size of "
            "the spread that is seen.",
        )
    return chosen


def kept(site: str, otherwise: Prior) -> Prior:
    """Return the last prior that a site had in this session."""
    return _kept().get(site, otherwise)


def two_digits(value: float) -> float:
    """Round a number for a prior, within what a prior takes."""
    return float(f"{float(np.clip(value, -LARGEST, LARGEST)):.2g}") or SMALLEST


def _prior(lab: Lab, site: str, prior: Prior) -> Prior:
    families = MODELS[lab.model].families[site]
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    family = left.selectbox(f"{site} ~", families, **listed(f"prior.{site}", prior.dist, families))
    start = prior if prior.dist == family else _kept().get((site, family)) or default(family)
    names = parameter_names(family)
    values = {}
    columns = [right] if len(names) == 1 else st.columns(len(names))
    for name, column in zip(names, columns, strict=True):
        positive = is_positive(family, name)
        values[name] = column.number_input(
            name,
            SMALLEST if positive else -LARGEST,
            LARGEST,
            **valued(f"prior.{site}.{family}.{name}", start.parameters[name]),
            step=_step(start.parameters[name]),
            format="%g",
        )
    try:
        return Prior.model_validate({"dist": family} | values)
    except ValidationError as error:
        st.error(plain(explain(error).removeprefix("spec: ")))
        return prior


def _kept() -> dict[Any, Prior]:
    """The last prior of each site, and of each site and family, to come back to."""
    return here().setdefault("kept_priors", {})


def _step(value: float) -> float:
    """A tenth of the number's decade, so that one press is a small change."""
    return 10.0 ** (math.floor(math.log10(abs(value))) - 1) * 5 if value else 0.5


def _scale(lab: Lab, data: Any, priors: dict[str, Prior]) -> None:
    content = here()["draft"].model_dump(mode="json") | {"priors": lab.scale_priors(data, priors)}
    replace_draft(Draft.model_validate(content))
