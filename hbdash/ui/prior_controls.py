"""Choosing the priors: a family and its numbers for each site, in NumPyro's names."""

import math
from typing import Any

import numpy as np
import streamlit as st
from pydantic import ValidationError

from hbdash.data import GroupData
from hbdash.models import MODELS
from hbdash.priors import LARGEST, SMALLEST, Prior, default, is_positive, parameter_names
from hbdash.spec import explain
from hbdash.ui.draft import Draft
from hbdash.ui.widgets import replace_draft, seeded

FAMILIES = MODELS["normal_means"].families


def show(priors: dict[str, Prior], data: GroupData | None) -> dict[str, Prior]:
    """Show the controls of the priors and return them; sigma has one where it is inferred."""
    for site, prior in priors.items():
        _kept()[site] = _kept()[site, prior.dist] = prior
    chosen = {site: _prior(site, priors[site], data) for site in ("mu", "tau")}
    rows = data is not None and len(data.values) > 0
    before = st.session_state.get("sigma_must", False)
    must = before if data is None else data.sigma is None
    if must != before:
        st.session_state[seeded("infer_sigma", must)] = must
    st.session_state["sigma_must"] = must
    if rows or "sigma" in priors and data is None:
        infer = st.toggle(
            "Infer sigma",
            key=seeded("infer_sigma", "sigma" in priors or must),
            disabled=must,
            help="Off: the standard deviation of a row is taken as known. On: it gets a prior.",
        )
        if infer or must:
            sigma = priors.get("sigma") or _kept().get("sigma") or default("HalfNormal")
            chosen["sigma"] = _prior("sigma", sigma, data)
    if data is not None:
        st.button(
            "Scale the priors to the data",
            on_click=_scale,
            args=(data, "sigma" in chosen),
            help="Weakly informative: mu around the mean of the groups, tau and sigma of the size "
            "of the spread that is seen.",
        )
    return chosen


def _prior(site: str, prior: Prior, data: GroupData | None) -> Prior:
    family = st.selectbox(f"{site} ~", FAMILIES[site], key=seeded(f"prior.{site}", prior.dist))
    start = _kept().get((site, family)) or default(family)
    names = parameter_names(family)
    values = {}
    for name, column in zip(names, st.columns(len(names)), strict=True):
        positive = is_positive(family, name)
        values[name] = column.number_input(
            name,
            SMALLEST if positive else -LARGEST,
            LARGEST,
            key=seeded(f"prior.{site}.{family}.{name}", start.parameters[name]),
            step=_step(start.parameters[name]),
            format="%g",
        )
    try:
        return Prior.model_validate({"dist": family} | values)
    except ValidationError as error:
        st.error(explain(error).removeprefix("spec: "))
        return prior


def _kept() -> dict[Any, Prior]:
    """The last prior of each site, and of each site and family, to come back to."""
    return st.session_state.setdefault("kept_priors", {})


def _step(value: float) -> float:
    """A tenth of the number's decade, so that one press is a small change."""
    return 10.0 ** (math.floor(math.log10(abs(value))) - 1) * 5 if value else 0.5


def _scale(data: GroupData, with_sigma: bool) -> None:
    spread = float(np.std(data.mean)) or float(np.mean(data.standard_error))
    numbers = {
        "mu": {"dist": "Normal", "loc": _round(data.mean.mean()), "scale": _round(2.5 * spread)},
        "tau": {"dist": "HalfNormal", "scale": _round(spread)},
    }
    if with_sigma:
        numbers["sigma"] = {"dist": "HalfNormal", "scale": _round(2 * data.pooled_sd)}
    draft: Draft = st.session_state["draft"]
    content = draft.model_dump(mode="json") | {"priors": numbers}
    replace_draft(Draft.model_validate(content))


def _round(value: float) -> float:
    return float(f"{float(np.clip(value, -LARGEST, LARGEST)):.2g}") or SMALLEST
