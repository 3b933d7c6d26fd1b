"""The funnel lab: normal means."""

from typing import Any

import numpy as np
import streamlit as st

from hbdash.data import GroupData
from hbdash.priors import Prior, default
from hbdash.ui import data_controls, model_tab, prior_controls, prior_tab, upload_controls
from hbdash.ui.draft import Draft
from hbdash.ui.lab import Lab
from hbdash.ui.prior_controls import two_digits
from hbdash.ui.spelling import counts, prior, scalar, whole
from hbdash.ui.widgets import here, seeded, valued


def structure(priors: dict[str, Prior], data: GroupData | None) -> dict[str, Prior]:
    """Show whether sigma is inferred; it must be where rows come without it."""
    chosen = {site: priors[site] for site in ("mu", "tau")}
    before = here().get("sigma_must", False)
    must = before if data is None else data.sigma is None
    if must != before:
        st.session_state[seeded("infer_sigma", must)] = must
    here()["sigma_must"] = must
    rows = data is not None and len(data.values) > 0
    if rows or "sigma" in priors and data is None:
        infer = st.toggle(
            "Infer sigma",
            **valued("infer_sigma", "sigma" in priors or must),
            disabled=must,
            help="Off: the standard deviation of a row is taken as known. On: it gets a prior.",
        )
        if infer or must:
            chosen["sigma"] = priors.get("sigma") or prior_controls.kept(
                "sigma", default("HalfNormal")
            )
    return chosen


def scale_priors(data: GroupData, priors: dict[str, Prior]) -> dict[str, Any]:
    """Put mu around the mean of the groups; tau and sigma get the size of the spread seen."""
    spread = float(np.std(data.mean)) or float(np.mean(data.standard_error))
    loc, scale = two_digits(data.mean.mean()), two_digits(2.5 * spread)
    numbers: dict[str, Any] = {
        "mu": {"dist": "Normal", "loc": loc, "scale": scale},
        "tau": {"dist": "HalfNormal", "scale": two_digits(spread)},
    }
    if "sigma" in priors:
        numbers["sigma"] = {"dist": "HalfNormal", "scale": two_digits(2 * data.pooled_sd)}
    return numbers


LAB = Lab(
    model="normal_means",
    fresh=Draft(),
    data=data_controls.show,
    always=("mu", "tau"),
    structure=structure,
    scale_priors=scale_priors,
    fields={
        "dn": scalar("data.name", str),
        "n": counts("data.n", 200),
        "s": scalar("data.sigma"),
        "m": scalar("data.mu"),
        "t": scalar("data.tau"),
        "ds": scalar("data.seed", whole),
        "up": scalar("data.sha256", str),
        "pm": prior("mu"),
        "pt": prior("tau"),
        "ps": prior("sigma"),
    },
    sources=("simulated", "scene", "example", "uploaded"),
    ready_for_link=upload_controls.in_store,
    tabs={
        "Funnels": None,
        "One group": None,
        "Population": None,
        "Traces": None,
        "Energy": None,
        "Shrinkage": None,
        "Predictive": None,
        "Priors": prior_tab.show,
        "Model": model_tab.show,
    },
)
