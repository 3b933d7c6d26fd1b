"""The New rows tab: a table to type in or a file, what is wrong with it, and its predictions."""

import numpy as np
import pandas as pd
import streamlit as st
import xarray as xr

from hbdash.models.model import ExactAnswer
from hbdash.new_rows import Checked, Problem, check_rows, predict_rows, read_rows, template
from hbdash.tables.csv_table import UploadError
from hbdash.tables.csv_text import to_csv
from hbdash.ui import choices
from hbdash.ui.draft import Asked
from hbdash.ui.plain import plain
from hbdash.ui.widgets import here, own

SOURCES = {"typed": "Type them", "file": "From a CSV file"}
#: Groups that the first example shows; more may be typed.
MOST_STARTED = 20
#: Messages that a box lists; the rest are counted.
MOST_LISTED = 8
#: Predictions that stand on the screen; the download has all.
MOST_SHOWN = 1000
#: How the predicted numbers are called on the screen, and what they are.
WORDS = {
    "mean": ("mean", "Expected response at these predictors."),
    "low_mean": ("mean, low", "Lower end of the interval of the mean: it leaves out the noise."),
    "high_mean": ("mean, high", "Its upper end."),
    "low_new": ("new, low", "Lower end of the interval of one new observation, noise included."),
    "high_new": ("new, high", "Its upper end."),
    "sd_new": ("new, sd", "Standard deviation of one new observation."),
}


def show(asked: Asked, exact: ExactAnswer | None) -> None:
    """Show the rows, what is wrong with them, and what is predicted of those that are right."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        ((label, dt),) = choices.run(asked, "New rows").items()
        prob = choices.probability("New rows")
        source = st.segmented_control(
            "Rows",
            list(SOURCES),
            format_func=SOURCES.__getitem__,
            default="typed",
            required=True,
            key=own("new_rows_source"),
            persist_state="session",
            label_visibility="collapsed",
        )
    table = _typed(dt) if source == "typed" else _from_file(dt)
    if table is None:
        return
    found = check_rows(table, dt)
    _say(st.error, found.problems)
    _say(st.warning, found.warnings)
    if "posterior" not in dt.children or not dt["posterior"].sizes.get("draw", 0):
        st.info("This run has no draws to predict with: let it run longer.")
        return
    _results(label, dt, prob, table, found)


def _typed(dt: xr.DataTree) -> pd.DataFrame:
    """Show the table to type in; what was typed stays, until the columns are others."""
    fresh = template(dt).head(MOST_STARTED)
    group, *predictors = map(str, fresh)
    names = [str(name) for name in dt["observed_data"].coords["group"].values]
    columns = repr((group, predictors, names))
    kept = here().setdefault("new_rows", {}).setdefault(columns, {"edition": 0})
    key = own(f"new_rows_{hash(columns)}_{kept['edition']}")
    if key not in st.session_state:
        # First seen, or the page was away and the editor lost its edits: start from what was typed.
        untouched = "now" not in kept or kept["now"].equals(kept["first"])
        if untouched:
            kept["first"] = fresh
        kept["start"] = fresh if untouched else kept["now"]
        kept["edition"] += 1
        key = own(f"new_rows_{hash(columns)}_{kept['edition']}")
    edited = st.data_editor(
        kept["start"],
        num_rows="dynamic",
        hide_index=False,
        width="stretch",
        column_config={
            "_index": st.column_config.NumberColumn("row", width=50),
            group: st.column_config.SelectboxColumn(group, options=names),
            **{name: st.column_config.NumberColumn(name, format="%.6g") for name in predictors},
        },
        key=key,
    )
    kept["now"] = edited.set_axis(pd.RangeIndex(1, len(edited) + 1))
    st.caption(
        "Add a row at the bottom of the table; select rows at its left to delete them. Leave a "
        "cell blank where a predictor does not apply to the group."
    )
    return edited


def _from_file(dt: xr.DataTree) -> pd.DataFrame | None:
    """Show the upload; return its rows, those of the last file where no other was chosen."""
    left, right = st.columns([3, 1], vertical_alignment="center")
    columns = ", ".join(f'"{plain(str(name))}"' for name in template(dt))
    file = left.file_uploader(
        f"A CSV file with the columns {columns}",
        type=["csv", "tsv", "txt"],
        key=own("new_rows_file"),
        help="Cells may be blank where a predictor does not apply. Other columns are not used.",
    )
    right.download_button(
        "Download an example",
        lambda: to_csv(template(dt)),
        "new_rows.csv",
        "text/csv",
        on_click="ignore",
    )
    if file is not None:
        here()["new_rows_file"] = file.name, file.getvalue()
    if "new_rows_file" not in here():
        return None
    name, raw = here()["new_rows_file"]
    if file is None:
        left.caption(f"In use: {plain(name)}, chosen before.")
    try:
        table = read_rows(raw, dt)
    except UploadError as error:
        st.error(plain(str(error)))
        return None
    for note in table.attrs["notes"]:
        st.info(plain(note))
    return table


def _say(box, problems: list[Problem]) -> None:
    """List what is wrong or worth knowing, one line a cell."""
    if not problems:
        return
    lines = [f"- {plain(problem.message)}" for problem in problems[:MOST_LISTED]]
    if len(problems) > MOST_LISTED:
        lines.append(f"- … and {len(problems) - MOST_LISTED:,} more.")
    box("\n".join(lines))


def _results(label: str, dt: xr.DataTree, prob: float, table: pd.DataFrame, found: Checked) -> None:
    """Show the predictions of the rows that can be predicted, and offer them as a file."""
    numbers = _predicted(
        dt.attrs["key"], prob, found.groups.tobytes(), found.x.tobytes(), found, dt
    )
    usable = numbers["mean"].notna().to_numpy()
    if not usable.any():
        return
    shown, config = _arranged(dt, prob, table, found, numbers)
    shown = shown[usable]
    response = plain(str(dt.attrs.get("response", "response")))
    st.markdown(f"#### Predicted {response}")
    row, group, *others = shown.columns
    predictors = [name for name in others if name not in config]
    st.dataframe(
        shown.head(MOST_SHOWN),
        hide_index=True,
        column_config=config,
        column_order=[row, group, *config, *predictors],  # those in sight are what was asked for
        width="stretch",
    )
    total = len(shown) + len({problem.row for problem in found.problems})
    cut = f" The first {MOST_SHOWN:,} are shown." if len(shown) > MOST_SHOWN else ""
    st.caption(
        f"{len(shown):,} of {total:,} rows are predicted, by {plain(label)}.{cut} The "
        f"interval of the mean says how well the line is known; the wider one holds a new "
        f"observation with probability {prob:.0%}. Both are central, in units of the data."
    )
    st.download_button(
        "Download the predictions",
        lambda: to_csv(pd.DataFrame(shown)),
        "predictions.csv",
        "text/csv",
        on_click="ignore",
    )


@st.cache_resource(max_entries=16, show_spinner="Predicting")
def _predicted(
    key: str, prob: float, groups: bytes, x: bytes, _found: Checked, _dt: xr.DataTree
) -> pd.DataFrame:
    return predict_rows(_dt, _found.groups, _found.x, prob)


def _arranged(
    dt: xr.DataTree, prob: float, table: pd.DataFrame, found: Checked, numbers: pd.DataFrame
) -> tuple[pd.DataFrame, dict]:
    """Put rows and predictions side by side; no two columns have the same name."""
    group, *predictors = map(str, template(dt))
    columns: dict[str, np.ndarray] = {"row": table.index.to_numpy()}
    columns[_free(group, columns)] = table[group].to_numpy()
    for name, column in zip(predictors, found.x.T, strict=True):
        columns[_free(name, columns)] = column
    config = {}
    for name, (title, words) in WORDS.items():
        title = title if name in ("mean", "sd_new") else f"{title} {prob:.0%}"
        title = _free(title, columns)
        columns[title] = numbers[name].to_numpy()
        config[title] = st.column_config.NumberColumn(title, format="%.5g", help=words)
    return pd.DataFrame(columns), config


def _free(name: str, taken: dict) -> str:
    while name in taken:
        name += "*"
    return name
