"""The regression lab's data: simulated lines, the rats, or one's own table."""

from typing import Any, cast

import streamlit as st

from hbdash.regression_data import RegressionData
from hbdash.regression_sources import (
    Rats,
    RegressionSource,
    SimulatedLines,
    Transform,
    load,
)
from hbdash.ui import data_sources, regression_upload_controls
from hbdash.ui.regression_upload_controls import TRANSFORMS
from hbdash.ui.widgets import by_group, listed, preset, valued

SOURCES = {"simulated_lines": "Simulate", "rats": "Rats", "uploaded_regression": "Upload"}


def show(data: RegressionSource) -> tuple[RegressionSource, RegressionData | None]:
    """Show the controls of the data; return the choice and, where they load, the rows."""
    return data_sources.choose(data, SOURCES, _show, load)


def _show(source: str, start: Any) -> RegressionSource | None:
    match source:
        case "rats":
            return _rats(start or Rats())
        case "uploaded_regression":
            return regression_upload_controls.show(start, several=False)
        case _:
            return _simulated(start or SimulatedLines())


def _rats(start: Rats) -> Rats:
    st.caption(
        "Weights of 30 young rats on five days, in grams: Gelfand, Hills, Racine-Poon and Smith "
        "(1990)."
    )
    return Rats(transform=_transform(start))


def _simulated(start: SimulatedLines) -> SimulatedLines:
    n = group_sizes(start.n, 100)
    numbers: dict[str, Any] = {}
    for pair in (
        ("mu_intercept", "mu_slope"),
        ("sigma_intercept", "sigma_slope"),
        ("sigma_noise", "predictor_sd"),
    ):
        for name, column in zip(pair, st.columns(2), strict=True):
            numbers[name] = column.number_input(
                LABELS[name],
                LOWEST[name],
                1e6,
                **valued(f"lines.{name}", getattr(start, name)),
                step=0.1,
                format="%g",
                help=HELP[name],
            )
    seed = st.number_input("Seed of the data", 0, 2**32 - 1, **valued("data_seed", start.seed))
    return SimulatedLines(n=n, seed=seed, transform=_transform(start), **numbers)


LABELS = {
    "mu_intercept": "Intercept",
    "mu_slope": "Slope",
    "sigma_intercept": "Intercept sd",
    "sigma_slope": "Slope sd",
    "sigma_noise": "Noise sd",
    "predictor_sd": "Predictor sd",
}
LOWEST = {
    "mu_intercept": -1e6,
    "mu_slope": -1e6,
    "sigma_intercept": 0.0,
    "sigma_slope": 0.0,
    "sigma_noise": 1e-3,
    "predictor_sd": 1e-3,
}
HELP = {
    "mu_intercept": "Population mean of the intercepts that generate the data.",
    "mu_slope": "Population mean of the slopes.",
    "sigma_intercept": "How much the groups' intercepts differ.",
    "sigma_slope": "How much the groups' slopes differ.",
    "sigma_noise": "Standard deviation of a row about its group's line.",
    "predictor_sd": "Spread of the predictor, which is Normal(0, sd).",
}


def group_sizes(n: tuple[int, ...], most: int) -> tuple[int, ...]:
    """Show how many groups there are and how many rows each has.

    Parameters
    ----------
    n : rows of each group of the draft.
    most : groups that the slider goes up to.
    """
    labels = {"equal": "Equal", "table": "Table"}
    kind = st.segmented_control(
        "Rows per group",
        list(labels),
        format_func=labels.__getitem__,
        **preset("sizes", "equal" if len(set(n)) == 1 else "table"),
        required=True,
        width="stretch",
    )
    most = max(most, len(n))
    groups = st.slider("Groups, K", 1, most, **valued("groups", len(n)))
    if kind == "equal":
        top = max(1000, n[0])
        rows = st.slider("Rows in each group, n", 1, top, **valued("rows", n[0]))
        return (rows,) * groups
    n = (n + n[-1:] * groups)[:groups]
    names = tuple(str(k) for k in range(groups))
    return tuple(map(int, by_group("rows", names, n, 1, min_value=1, max_value=100_000)))


def _transform(start: SimulatedLines | Rats) -> Transform:
    choice = st.selectbox(
        "Units of the model",
        list(TRANSFORMS),
        format_func=TRANSFORMS.__getitem__,
        **listed(f"{start.source}.transform", start.transform, TRANSFORMS),
        help="The priors and the sampler see the numbers in these units; it is undone in every "
        "number shown. Where the predictor is centred, an intercept is the height of the line at "
        "its mean.",
    )
    return cast(Transform, choice or "none")
