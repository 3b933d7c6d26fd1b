"""The regression lab: varying intercepts and slopes."""

from typing import Any

import numpy as np
import streamlit as st

from hbdash.models import MODELS
from hbdash.parameterization import Centered, NonCentered
from hbdash.priors import Prior
from hbdash.regression_data import RegressionData
from hbdash.regression_sources import SimulatedLines
from hbdash.samplers.nuts import NUTS
from hbdash.tables.regression_upload import in_store
from hbdash.ui import (
    checks_tab,
    groups_tab,
    lines_tab,
    model_tab,
    prior_controls,
    prior_tab,
    regression_data_controls,
    summary_tab,
)
from hbdash.ui.draft import Draft
from hbdash.ui.lab import Lab
from hbdash.ui.prior_controls import two_digits
from hbdash.ui.spelling import Field, counts, prior, scalar, whole
from hbdash.ui.widgets import valued

MODEL = MODELS["regression"]
ALWAYS = tuple(MODEL.default_priors())
#: Weakly informative for degrees of freedom: Juárez and Steel (2010), doi:10.1198/jbes.2009.07145.
NU = Prior.model_validate({"dist": "Gamma", "concentration": 2, "rate": 0.1})


def structure(priors: dict[str, Prior], data: RegressionData | None) -> dict[str, Prior]:
    """Show whether the likelihood is Student's t, which it is exactly when nu has a prior."""
    chosen = {site: priors[site] for site in ALWAYS}
    if st.toggle(
        "Student-t likelihood",
        **valued("student", "nu" in priors),
        help="Off: normal noise. On: Student's t with nu degrees of freedom, which lets single "
        "rows lie far from their line; it is evaluated row by row, so many rows take longer.",
    ):
        chosen["nu"] = priors.get("nu") or prior_controls.kept("nu", NU)
    return chosen


def scale_priors(data: RegressionData, priors: dict[str, Prior]) -> dict[str, Any]:
    """Scale the priors to the rows, in the units of the model."""
    _, x, y = data.rows
    height, spread = float(y.mean()), float(y.std()) or 1.0
    steep = spread / (float(x.std()) or 1.0)
    return {
        "mu_intercept": {
            "dist": "Normal",
            "loc": two_digits(height) if abs(height) > 0.01 * spread else 0.0,
            "scale": two_digits(2.5 * max(spread, float(np.abs(x).max()) * steep)),
        },
        "mu_slope": {"dist": "Normal", "loc": 0.0, "scale": two_digits(2.5 * steep)},
        "sigma_intercept": {"dist": "HalfNormal", "scale": two_digits(spread)},
        "sigma_slope": {"dist": "HalfNormal", "scale": two_digits(steep)},
        "sigma_noise": {"dist": "Exponential", "rate": two_digits(1 / spread)},
    } | ({"nu": priors["nu"].model_dump()} if "nu" in priors else {})


def _sites() -> dict[str, Field]:
    short = {site: f"p{site.replace('sigma_', 's').replace('mu_', 'm')}" for site in MODEL.families}
    return {name: prior(site) for site, name in short.items()}


LAB = Lab(
    model="regression",
    fresh=Draft(
        model="regression",
        data=SimulatedLines(),
        priors=MODEL.default_priors(),
        parameterizations=(Centered(), NonCentered()),
        sampler=NUTS(target_accept_prob=0.9),
    ),
    data=regression_data_controls.show,
    always=ALWAYS,
    structure=structure,
    scale_priors=scale_priors,
    fields={
        "n": counts("data.n", 1000),
        "mi": scalar("data.mu_intercept"),
        "ms": scalar("data.mu_slope"),
        "si": scalar("data.sigma_intercept"),
        "ss": scalar("data.sigma_slope"),
        "sn": scalar("data.sigma_noise"),
        "px": scalar("data.predictor_sd"),
        "ds": scalar("data.seed", whole),
        "tr": scalar("data.transform", str),
        "up": scalar("data.sha256", str),
    }
    | _sites(),
    sources=("simulated_lines", "rats", "uploaded_regression"),
    ready_for_link=in_store,
    tabs={
        "Lines": lines_tab.show,
        "Groups": groups_tab.show,
        "Summary": summary_tab.show,
        "Checks": checks_tab.show,
        "Funnels": None,
        "One group": None,
        "Population": None,
        "Traces": None,
        "Energy": None,
        "Priors": prior_tab.show,
        "Model": model_tab.show,
    },
)
