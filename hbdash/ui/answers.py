"""Exact answers and prior densities for what a draft asks, computed once and shared."""

import numpy as np
import streamlit as st
import xarray as xr

from hbdash.exact import ExactPosterior, NoExactAnswer, grids, posterior
from hbdash.prior_draws import scale_density
from hbdash.quantities import variable
from hbdash.spec import RunSpec
from hbdash.ui.draft import Draft


def _question(draft: Draft) -> str:
    """What the exact answer depends on: model, data and priors."""
    spec = next(iter(draft.specs().values()))
    return RunSpec(data=spec.data, priors=spec.priors).model_dump_json()


@st.cache_resource(max_entries=32, show_spinner=False)
def _posterior(question: str) -> ExactPosterior | str:
    spec = RunSpec.model_validate_json(question)
    try:
        return posterior(spec.grouped(), spec.priors)
    except NoExactAnswer as error:
        return str(error)


@st.cache_resource(max_entries=32, show_spinner=False)
def _grids(question: str, centeredness: tuple[float, ...] | None, effects: bool) -> xr.Dataset:
    post = _posterior(question)
    assert not isinstance(post, str)
    values = None if centeredness is None else np.array(centeredness)
    return grids(post, values, effects=effects)


def exact(draft: Draft) -> tuple[xr.Dataset | None, str | None]:
    """The exact answer on grids; or None, and why there is none."""
    question = _question(draft)
    post = _posterior(question)
    return (None, post) if isinstance(post, str) else (_grids(question, None, False), None)


def effect_grids(draft: Draft) -> xr.Dataset:
    """The exact answer with the joint density of each theta_k and log tau."""
    return _grids(_question(draft), None, True)


def sampled_grids(draft: Draft, dt: xr.DataTree) -> xr.Dataset:
    """The same in the coordinates in which a run was sampled."""
    values = tuple(variable(dt, "constant_data/centeredness").values.tolist())
    return _grids(_question(draft), values, True)


def tau_prior(draft: Draft, runs: dict[str, xr.DataTree]) -> xr.Dataset:
    """Prior density of tau over the range that the runs reach."""
    highest = max(float(variable(dt, "posterior/tau").quantile(0.999)) for dt in runs.values())
    return scale_density(draft.priors["tau"], 1.2 * highest)
