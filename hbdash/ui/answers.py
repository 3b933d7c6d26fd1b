"""Exact answers and prior densities for what a draft asks, computed once and shared."""

from typing import Any

import numpy as np
import streamlit as st
import xarray as xr

from hbdash.exact.marginal import NoExactAnswer
from hbdash.models import MODELS
from hbdash.models.model import ExactAnswer
from hbdash.prior_draws import scale_density
from hbdash.quantities import levels, variable
from hbdash.spec import RunSpec
from hbdash.ui.draft import Draft


def exact(draft: Draft) -> tuple[ExactAnswer | None, str | None]:
    """The exact answer; or None, and why there is none."""
    answer = _answer(_question(draft))
    return (None, answer) if isinstance(answer, str) else (answer, None)


def level(draft: Draft, name: str, *, effects: bool = False) -> xr.Dataset:
    """The exact answer of one level on grids, with its effects where they are asked for."""
    return _grids(_question(draft), name, None, effects)


def sampled_level(draft: Draft, name: str, shown: xr.DataTree) -> xr.Dataset:
    """The same in the coordinates in which a run was sampled, shown as that level."""
    values = tuple(variable(shown, "constant_data/centeredness").values.tolist())
    return _grids(_question(draft), name, values, True)


def scale_prior(draft: Draft, name: str, runs: dict[str, xr.DataTree]) -> xr.Dataset:
    """Prior density of a level's scale over the range that the runs, shown as it, reach."""
    highest = max(float(variable(dt, "posterior/tau").quantile(0.999)) for dt in runs.values())
    about = levels(next(iter(runs.values())))[name]
    unit = _unit(draft, about["scale"], about["member"])
    found = scale_density(draft.priors[about["scale"]], 1.2 * highest / unit)
    return found.assign_coords(tau_grid=found["tau_grid"] * unit) / unit


def _question(draft: Draft) -> str:
    """What the exact answer depends on: model, data and priors."""
    return RunSpec(model=draft.model, data=draft.data, priors=draft.priors).model_dump_json()


@st.cache_resource(max_entries=32, show_spinner=False)
def _answer(question: str) -> ExactAnswer | str:
    spec = RunSpec.model_validate_json(question)
    try:
        return MODELS[spec.model].exact(spec.grouped(), spec.priors)
    except NoExactAnswer as error:
        return str(error)


@st.cache_resource(max_entries=64, show_spinner=False)
def _grids(
    question: str, name: str, centeredness: tuple[float, ...] | None, effects: bool
) -> xr.Dataset:
    answer = _answer(question)
    assert not isinstance(answer, str)
    values = None if centeredness is None else np.array(centeredness)
    return answer.level(name, values, effects=effects)


def _unit(draft: Draft, site: str, member: str | None) -> float:
    """Size, in the data's own unit, of what a prior of the site counts in."""
    model = MODELS[draft.model]
    data: Any = model.load(draft.data)
    _, unit = model.units(data).get(site, (0.0, 1.0))
    if member is None or np.ndim(unit) == 0:
        return float(unit)
    return float(np.ravel(unit)[data.predictors.index(member)])
