"""The missing-predictors lab's data: the manufacturing workflow, or one's own table."""

from typing import Any

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from hbdash.regression_data import RegressionData
from hbdash.regression_sources import (
    MOST_PREDICTORS,
    Manufacturing,
    RegressionSource,
    load,
)
from hbdash.spec import explain
from hbdash.ui import data_sources, regression_upload_controls
from hbdash.ui.plain import plain
from hbdash.ui.regression_upload_controls import missing_controls, show_notes
from hbdash.ui.tables import edited
from hbdash.ui.widgets import by_group, valued

SOURCES = {"manufacturing": "Manufacturing", "uploaded_regression": "Upload"}
MOST_GROUPS = 12
INTERCEPT = "intercept"


def show(data: RegressionSource) -> tuple[RegressionSource, RegressionData | None]:
    """Show the controls of the data; return the choice and, where they load, the rows."""
    return data_sources.choose(data, SOURCES, _show, load)


def _show(source: str, start: Any) -> RegressionSource | None:
    if source == "uploaded_regression":
        return regression_upload_controls.show(start, several=True)
    return _manufacturing(start or Manufacturing())


def _manufacturing(start: Manufacturing) -> Manufacturing:
    """Show every setting of the simulation; what does not fit is said and not taken."""
    most = max(MOST_GROUPS, len(start.n))
    groups = st.slider("Product groups", 1, most, **valued("groups", len(start.n)))
    names = tuple(f"Product_Group_{k + 1}" for k in range(groups))
    n = by_group("rows", names, (start.n + start.n[-1:] * groups)[:groups], 1, **ROWS)
    left, right = st.columns(2)
    noise = left.number_input(
        "Noise sd", 1e-3, 1e6, **valued("noise", start.noise), step=0.1, format="%g"
    )
    seed = right.number_input("Seed", 0, 2**32 - 1, **valued("data_seed", start.seed))
    with st.popover("Predictors and true weights", width="stretch"):
        ranges = _ranges(start)
        table = _weights(start, names, [str(one["name"]) for one in ranges])
    blanks = st.slider(
        "Blank cells where a predictor applies",
        0.0,
        0.5,
        step=0.01,
        **valued("blanks", start.blanks),
        format="percent",
        help="This share of the cells is blanked at random: not the same as a predictor that does "
        "not apply.",
    )
    given = start.model_dump() | {
        "n": tuple(map(int, n)),
        "predictors": tuple(ranges),
        "intercept": tuple(table[INTERCEPT].tolist()),
        "weights": tuple(tuple(row) for row in table.drop(columns=INTERCEPT).to_numpy().tolist()),
        "mask": _resized(start.mask, groups, len(ranges)),
        "noise": noise,
        "blanks": blanks,
        "seed": seed,
    }
    try:
        chosen = Manufacturing.model_validate(given)
        chosen = missing_controls(load(_loadable(chosen)), chosen)
    except ValidationError as error:
        st.error(plain(explain(error)))
        return start
    except ValueError as error:
        st.error(plain(error))
        return start
    show_notes(chosen)
    return chosen


def _loadable(spec: Manufacturing) -> Manufacturing:
    """Let every predictor apply where a mask that came with a link cannot carry a regression."""
    try:
        load(spec)
        return spec
    except ValueError:
        everywhere = tuple(tuple(True for _ in row) for row in spec.mask)
        return spec.model_copy(update={"mask": everywhere})


def _ranges(start: Manufacturing) -> list[dict[str, Any]]:
    """Show the predictors, drawn uniformly from their ranges; rows can be added and removed."""
    st.caption("Each predictor is drawn uniformly from its range. Add or remove rows.")
    table = edited(
        "ranges",
        pd.DataFrame([one.model_dump() for one in start.predictors]),
        num_rows="dynamic",
        hide_index=True,
    )
    full = table.dropna(how="any")
    if full.empty or len(full) > MOST_PREDICTORS:
        st.caption(f"1 to {MOST_PREDICTORS} complete rows are needed; those before are used.")
        return [one.model_dump() for one in start.predictors]
    return [
        {"name": str(row["name"]).strip(), "low": row["low"], "high": row["high"]}
        for row in full.to_dict("records")
    ]


def _weights(start: Manufacturing, names: tuple[str, ...], columns: list[str]) -> pd.DataFrame:
    """Show each group's intercept and weights; a weight that does not apply is not used."""
    st.caption("True intercept and weights by group. Where the mask is off, a weight is not used.")
    before = {one.name: p for p, one in enumerate(start.predictors)}
    groups = range(len(names))

    def weight(k: int, name: str) -> float:
        known = name in before and k < len(start.n)
        return start.weights[k][before[name]] if known else 1.0

    held = {INTERCEPT: [start.intercept[k] if k < len(start.n) else 0.0 for k in groups]}
    held |= {name: [weight(k, name) for k in groups] for name in dict.fromkeys(columns)}
    table = edited(
        f"weights_{len(names)}_{'_'.join(columns)}",
        pd.DataFrame(held, index=pd.Index(names, name="group")),
        disabled=["group"],
    )
    numbers = {name: pd.to_numeric(column, errors="coerce") for name, column in table.items()}
    return pd.DataFrame(numbers).fillna(0.0)


def _resized(
    mask: tuple[tuple[bool, ...], ...], groups: int, width: int
) -> tuple[tuple[bool, ...], ...]:
    """Keep the mask where groups and predictors were there before; new ones apply."""
    return tuple(
        tuple(mask[k][p] if k < len(mask) and p < len(mask[0]) else True for p in range(width))
        for k in range(groups)
    )


ROWS: dict[str, Any] = {"min_value": 1, "max_value": 100_000}
