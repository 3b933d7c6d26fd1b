"""Labs of two more models, as small as a lab can be, for tests of the rooms that labs share."""

from typing import Any

import streamlit as st

from hbdash import regression_sources
from hbdash.models import MODELS
from hbdash.parameterization import Centered
from hbdash.priors import Prior, default
from hbdash.regression_sources import Manufacturing, SimulatedLines
from hbdash.samplers.nuts import NUTS
from hbdash.ui import funnel_lab, model_tab, prior_controls
from hbdash.ui.draft import Draft
from hbdash.ui.lab import Lab
from hbdash.ui.spelling import counts, flag, prior, reals, scalar, table, whole
from hbdash.ui.widgets import seeded

Priors = dict[str, Prior]
SHORT = NUTS(num_warmup=50, num_samples=50, num_chains=2)


def data(chosen: Any) -> tuple[Any, Any]:
    return chosen, regression_sources.load(chosen)


def pooling(priors: Priors, _data: Any) -> Priors:
    chosen = {site: priors[site] for site in ("alpha", "scale")}
    if st.toggle("Pool the weights", key=seeded("pool", "w" not in priors)):
        for site, family in (("mu_w", "Normal"), ("sigma_w", "HalfNormal")):
            chosen[site] = priors.get(site) or prior_controls.kept(site, default(family))
    else:
        chosen["w"] = priors.get("w") or prior_controls.kept("w", default("Normal"))
    return chosen


FIGURES = {"Funnels": None, "Population": None, "Traces": None, "Energy": None}
LINES = Lab(
    model="regression",
    fresh=Draft(
        model="regression",
        data=SimulatedLines(n=(9,) * 5),
        priors=MODELS["regression"].default_priors(),
        sampler=SHORT,
    ),
    data=data,
    always=tuple(MODELS["regression"].default_priors()),
    structure=lambda priors, _: priors,
    scale_priors=lambda _data, priors: {
        site: default("Normal" if site.startswith("mu") else "HalfNormal") for site in priors
    },
    fields={
        "n": counts("data.n", 1000),
        "ds": scalar("data.seed", whole),
        "tr": scalar("data.transform", str),
        "up": scalar("data.sha256", str),
        "pn": prior("nu"),
    },
    sources=("simulated_lines", "rats", "uploaded_regression"),
    ready_for_link=lambda data: data,
    tabs=FIGURES | {"One group": None, "Shrinkage": None, "Model": model_tab.show},
)
MASKED = Lab(
    model="missing_predictors",
    fresh=Draft(
        model="missing_predictors",
        data=Manufacturing(n=(20, 20)),
        priors=MODELS["missing_predictors"].default_priors(),
        parameterizations=(Centered(),),
        sampler=SHORT,
    ),
    data=data,
    always=("alpha", "scale"),
    structure=pooling,
    scale_priors=lambda _data, priors: priors,
    fields={
        "n": counts("data.n", 50),
        "i": reals("data.intercept"),
        "wt": table("data.weights", lambda value: f"{value:g}", float),
        "mk": table("data.mask", lambda value: str(int(value)), flag),
        "ds": scalar("data.seed", whole),
        "pa": prior("alpha"),
        "psc": prior("scale"),
        "pw": prior("w"),
        "pmw": prior("mu_w"),
        "psw": prior("sigma_w"),
    },
    sources=("manufacturing", "uploaded_regression"),
    ready_for_link=lambda data: data,
    tabs={"Energy": None, "Model": model_tab.show},
)
LABS = {lab.model: lab for lab in (funnel_lab.LAB, LINES, MASKED)}
