"""The missing-predictors lab: weights under a mask."""

from typing import Any
from urllib.parse import quote, unquote

import streamlit as st

from hbdash.models import MODELS
from hbdash.models.missing_predictors import pooled_priors
from hbdash.parameterization import Centered
from hbdash.priors import Prior
from hbdash.regression_data import RegressionData
from hbdash.regression_sources import Manufacturing
from hbdash.samplers.nuts import NUTS
from hbdash.tables.regression_upload import in_store
from hbdash.ui import (
    by_group_tab,
    checks_tab,
    missing_data_controls,
    model_tab,
    new_rows_tab,
    prior_controls,
    prior_tab,
    summary_tab,
    weights_tab,
)
from hbdash.ui.draft import Draft
from hbdash.ui.figure_tab import show_if_pooled
from hbdash.ui.lab import Lab
from hbdash.ui.prior_controls import two_digits
from hbdash.ui.spelling import Field, counts, number, prior, real, reals, scalar, table, whole
from hbdash.ui.widgets import valued

MODEL = MODELS["missing_predictors"]
UNPOOLED, POOLED = MODEL.default_priors(), pooled_priors()


def structure(priors: dict[str, Prior], data: RegressionData | None) -> dict[str, Prior]:
    """Show whether the weights are pooled, which they are exactly when mu_w has a prior."""
    chosen = {site: priors[site] for site in ("alpha", "scale")}
    pooled = st.toggle(
        "Pool the weights",
        **valued("pooled", "mu_w" in priors),
        help="Off: every group's weights have a prior of their own, as in the original workflow. "
        "On: the weights of one predictor come from a population, w ~ Normal(mu_w, sigma_w).",
    )
    fresh = POOLED if pooled else {"w": UNPOOLED["w"]}
    return chosen | {
        site: priors.get(site) or prior_controls.kept(site, usual) for site, usual in fresh.items()
    }


def scale_priors(data: RegressionData, priors: dict[str, Prior]) -> dict[str, Any]:
    """Scale the priors to the rows, in the units of the model."""
    _, _, y = data.rows
    spread = float(y.std()) or 1.0
    steep = two_digits(2.5 * spread / float(min(data.column_moments[1])))
    height = abs(float(y.mean())) + 2.5 * spread
    found = {
        "alpha": {"dist": "Normal", "loc": 0.0, "scale": two_digits(height)},
        "scale": {"dist": "HalfNormal", "scale": two_digits(spread)},
        "w": {"dist": "Normal", "loc": 0.0, "scale": steep},
        "mu_w": {"dist": "Normal", "loc": 0.0, "scale": steep},
        "sigma_w": {"dist": "HalfNormal", "scale": two_digits(steep / 2)},
    }
    return {site: found[site] for site in priors}


def _write_ranges(ranges: list[dict[str, Any]]) -> str:
    return "~".join(
        f"{quote(one['name'], safe='')}:{number(one['low'])}:{number(one['high'])}"
        for one in ranges
    )


def _read_ranges(text: str) -> list[dict[str, Any]]:
    found = []
    for part in text.split("~"):
        name, *ends = part.split(":")
        if len(ends) != 2:
            raise ValueError("a predictor is spelt name:low:high")
        found.append({"name": unquote(name), "low": real(ends[0]), "high": real(ends[1])})
    return found


def _write_flag(value: bool) -> str:
    return "1" if value else "0"


def _read_flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("0 or 1 must stand here")
    return text == "1"


LAB = Lab(
    model="missing_predictors",
    fresh=Draft(
        model="missing_predictors",
        data=Manufacturing(),
        priors=UNPOOLED,
        parameterizations=(Centered(),),
        sampler=NUTS(target_accept_prob=0.9),
    ),
    data=missing_data_controls.show,
    always=("alpha", "scale"),
    structure=structure,
    scale_priors=scale_priors,
    fields={
        "n": counts("data.n", 50),
        "pr": Field(("data", "predictors"), _write_ranges, _read_ranges),
        "wt": table("data.weights", number, real),
        "mk": table("data.mask", _write_flag, _read_flag),
        "in": reals("data.intercept"),
        "sn": scalar("data.noise"),
        "bl": scalar("data.blanks"),
        "ms": scalar("data.missing", str),
        "ds": scalar("data.seed", whole),
        "tr": scalar("data.transform", str),
        "up": scalar("data.sha256", str),
        "pa": prior("alpha"),
        "pw": prior("w"),
        "pmw": prior("mu_w"),
        "psw": prior("sigma_w"),
        "ps": prior("scale"),
    },
    sources=("manufacturing", "uploaded_regression"),
    ready_for_link=in_store,
    tabs={
        "By group": by_group_tab.show,
        "Weights": weights_tab.show,
        "Summary": summary_tab.show,
        "New rows": new_rows_tab.show,
        "Checks": checks_tab.show,
        "Funnels": show_if_pooled("Funnels"),
        "One group": show_if_pooled("One group"),
        "Population": show_if_pooled("Population"),
        "Traces": None,
        "Energy": None,
        "Priors": prior_tab.show,
        "Model": model_tab.show,
    },
)
