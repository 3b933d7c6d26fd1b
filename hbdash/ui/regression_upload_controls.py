"""One's own regression table: the file, its columns, its units, and which predictor applies."""

from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
import pandas as pd
import streamlit as st

from hbdash.regression_data import RegressionData
from hbdash.regression_sources import (
    MOST_PREDICTORS,
    Manufacturing,
    Mask,
    RegressionSource,
    Transform,
    UploadedRegression,
    check,
    infer_mask,
    load,
)
from hbdash.tables.csv_table import cells, holds_numbers, read_csv
from hbdash.tables.kept_tables import is_stored
from hbdash.tables.regression_upload import (
    RegressionColumns,
    TidyRegression,
    UploadError,
    blanks_in_words,
    guess_regression,
    notes,
    save_regression,
    tidy_regression,
)
from hbdash.ui.plain import plain
from hbdash.ui.widgets import PREFIX, here, listed, preset, seeded

PREVIEW = 5
TRANSFORMS: dict[Transform, str] = {
    "none": "as it is",
    "centre": "centre the predictors",
    "standardize": "standardize",
}
#: The data whose predictors may not apply to a group.
Masked = TypeVar("Masked", UploadedRegression, Manufacturing)


def show(start: UploadedRegression | None, *, several: bool) -> UploadedRegression | None:
    """Show the upload; return the table in use, None while there is none.

    Parameters
    ----------
    start : the table of the draft.
    several : whether the model takes several predictors, of which some may not apply to a group;
        then the grid of where they apply is shown as well.
    """
    lab = "several" if several else "one"
    file = st.file_uploader(
        "CSV file",
        type=["csv", "tsv", "txt"],
        key=f"regression_upload.{lab}",
        help="One row an observation: a response, a group, and "
        + ("any number of predictors" if several else "a predictor")
        + ". Up to 1,000,000 rows.",
    )
    try:
        if file is not None:
            sha256 = _from_file(file.file_id, file.getvalue(), several)
        elif start is not None and is_stored(start.sha256):
            st.caption(f"In use: the stored table {start.sha256[:8]}.")
            sha256 = start.sha256
        else:
            st.caption("Until a file is chosen, the results keep the data before.")
            return start
        kept = start if start is not None and start.sha256 == sha256 else None
        chosen = UploadedRegression(
            sha256=sha256,
            transform=_transform(start, lab),
            mask=kept.mask if kept is not None and several else None,
            missing=start.missing if start is not None and several else "drop",
        )
        if several:
            chosen = missing_controls(load(_bare(sha256)), chosen)
        elif said := _blank_cells(_bare(sha256))[0]:
            st.warning(f"{plain(said)} These rows are left out.")
        show_notes(chosen)
        return chosen
    except (ValueError, LookupError) as error:
        st.error(f"{plain(error)} The results keep the data before.")
    except OSError as error:
        st.error(
            f"The table could not be stored ({error.strerror or error}): free some space on the "
            "server's disk and upload it again. The results keep the data before."
        )
    return start


def show_notes(spec: RegressionSource) -> None:
    """Say what the rows of any source cannot tell by themselves; nothing where they do not load."""
    try:
        found = _notes(spec)
    except (ValueError, LookupError):
        return
    for note in found:
        st.info(plain(note))


def missing_controls(data: RegressionData, spec: Masked) -> Masked:
    """Show which predictor applies to which group, and what becomes of blank cells.

    Parameters
    ----------
    data : what `spec` loads; of an upload, any `RegressionData` of the same table.
    spec : the data of the draft.

    Returns
    -------
    The spec with what was chosen, or, where that cannot carry a regression, as it was, beside a
    message.
    """
    shape = len(data.names), len(data.predictors)
    if isinstance(spec, UploadedRegression):
        inferred = infer_mask(data.x, data.index, shape[0])
        fits = spec.mask is not None and [len(row) for row in spec.mask] == [shape[1]] * shape[0]
        start = np.array(spec.mask, bool) if fits else inferred
        mask = _grid(data, start, spec.sha256)
        written = None if (mask == inferred).all() else _tuples(mask)
    else:
        written = _tuples(_grid(data, np.array(spec.mask, bool), None))
    try:
        updated = spec.model_copy(update={"mask": written})
        updated = updated.model_copy(update={"missing": _blanks(updated)})
        load(updated)
        return updated
    except ValueError as error:
        st.error(f"{plain(error)} The results keep what was chosen before.")
    return spec


def _tuples(mask: np.ndarray) -> Mask:
    return tuple(tuple(row) for row in mask.tolist())


def _grid(data: RegressionData, start: np.ndarray, sha256: str | None) -> np.ndarray:
    """Show the mask as checkboxes; return it, shape (K, P), bool."""
    with st.popover("Which predictor applies", width="stretch"):
        mask = _checkboxes(data, start, sha256)
    # Under the grid, where what was just ticked counts already.
    st.caption(f"{int(mask.sum()):,} of {mask.size:,} weights apply.")
    return mask


def _checkboxes(data: RegressionData, start: np.ndarray, sha256: str | None) -> np.ndarray:
    st.caption(
        "Tick where a predictor applies; elsewhere it has no weight. "
        + (
            "Cells where it does not apply are blank."
            if sha256 is None
            else "Inferred: it applies to a group unless every cell there is blank."
        )
    )
    # The editor keeps its edits as long as it is given the table and the key that it started with.
    place = "applies.simulated" if sha256 is None else "applies.uploaded"
    about = sha256, data.names, data.predictors
    before = st.session_state.get(PREFIX + place)
    if before is None or before[0] != about or before[2] not in st.session_state:
        number = st.session_state["grids"] = st.session_state.get("grids", 0) + 1
        st.session_state[PREFIX + place] = about, _tuples(start), f"applies.{number}"
    _, ticked, key = st.session_state[seeded(place, None)]
    edited = st.data_editor(
        pd.DataFrame(ticked, index=pd.Index(data.names), columns=pd.Index(data.predictors)),
        height=min(36 * (len(data.names) + 1), 320),
        disabled=["_index"],
        column_config={
            name: st.column_config.CheckboxColumn(required=True) for name in data.predictors
        },
        key=key,
    )
    return edited.to_numpy(bool)


def _blanks(spec: UploadedRegression | Manufacturing) -> str:
    """Count the blank cells where a predictor applies, and ask what becomes of them."""
    said, dropped, rows = _blank_cells(spec.model_copy(update={"missing": "latent"}))
    if not said:
        st.caption("No cell is blank where its predictor applies.")
        return "drop"
    st.caption(plain(said))
    labels = {
        "drop": f"drop these rows ({dropped:,} of {rows:,})",
        "latent": "model them as latent values",
    }
    choice = st.radio(
        "Blank cells",
        list(labels),
        format_func=labels.__getitem__,
        **listed(f"blank_cells.{spec.source}", spec.missing, labels),
        help="A latent value is inferred with the rest, under a Normal prior with the mean and "
        "standard deviation of its column. A blank is never taken for zero.",
    )
    return choice or "drop"


@lru_cache(maxsize=32)
def _blank_cells(spec: UploadedRegression | Manufacturing) -> tuple[str, int, int]:
    """Say how many cells are blank where they apply, how many rows have one, of how many."""
    if isinstance(spec, UploadedRegression) and spec.mask is not None:
        data = replace(load(_bare(spec.sha256)), mask=np.array(spec.mask, bool))
        check(data)
    else:
        data = load(spec)
    return blanks_in_words(data), int((~data.complete).sum()), len(data.y)


def _bare(sha256: str) -> UploadedRegression:
    """The table as it is: its mask inferred, every row there."""
    return UploadedRegression(sha256=sha256, missing="latent")


def _from_file(file_id: str, raw: bytes, several: bool) -> str:
    """Read the file, let its columns be picked, and keep it; return its hash."""
    table = _read(file_id, raw)
    columns = _columns(table, _guess(file_id, several, table), several)
    clean = _tidy(file_id, columns, table)
    _report(table, clean)
    return _save(file_id, columns, clean)


@st.cache_resource(max_entries=4, show_spinner="Reading the table")
def _read(file_id: str, _raw: bytes) -> pd.DataFrame:
    return read_csv(_raw)


@st.cache_resource(max_entries=16, show_spinner=False)
def _guess(file_id: str, several: bool, _table: pd.DataFrame) -> RegressionColumns:
    return guess_regression(_table, several=several)


@st.cache_resource(max_entries=4, show_spinner="Checking the rows")
def _tidy(file_id: str, columns: RegressionColumns, _table: pd.DataFrame) -> TidyRegression:
    return tidy_regression(_table, columns)


@st.cache_resource(max_entries=4, show_spinner=False)
def _save(file_id: str, columns: RegressionColumns, _clean: TidyRegression) -> str:
    return save_regression(_clean)


@lru_cache(maxsize=32)
def _notes(spec: RegressionSource) -> tuple[str, ...]:
    return notes(load(spec))


def _columns(table: pd.DataFrame, guessed: RegressionColumns, several: bool) -> RegressionColumns:
    names = [str(name) for name in table.columns]
    lab = "several" if several else "one"
    response = _pick("Response", lab, names, guessed.response)
    group = _pick("Group", lab, names, guessed.group)
    separator = table.attrs.get("separator", ",")
    head = table.head(1000)
    left = [name for name in names if name not in (response, group)]
    left = [name for name in left if holds_numbers(cells(head, name), separator)] or left
    if not left:
        raise UploadError("A regression needs a predictor beside the response and the group.")
    first = [name for name in guessed.predictors if name in left] or left[:1]
    if not several:
        return RegressionColumns(response, group, (_pick("Predictor", lab, left, first[0]),))
    if here().get("columns") != names:  # those of the table before are no choice for this one
        here()["columns"], st.session_state[seeded("regression.predictors", first)] = names, first
    shown = preset("regression.predictors", first, left)
    chosen = st.multiselect("Predictors", left, max_selections=MOST_PREDICTORS, **shown)
    return RegressionColumns(response, group, tuple(name for name in left if name in chosen))


def _pick(label: str, lab: str, names: list[str], guessed: str) -> str:
    first = guessed if guessed in names else names[0]
    return st.selectbox(label, names, **listed(f"regression.{lab}.{label}", first, names))


def _report(table: pd.DataFrame, clean: TidyRegression) -> None:
    st.dataframe(table.head(PREVIEW), hide_index=True, height=36 * (PREVIEW + 1))
    st.caption(
        f"{len(clean.y):,} of {len(table):,} rows in {len(clean.names):,} groups can be used."
    )
    for dropped in clean.dropped:
        rows = ("row " if dropped.count == 1 else "rows ") + ", ".join(map(str, dropped.rows))
        more = ", …" if dropped.count > len(dropped.rows) else ""
        st.warning(f"{dropped.count:,} dropped: {plain(dropped.reason)} ({rows}{more})")
    for note in clean.notes:
        st.info(plain(note))


def _transform(start: UploadedRegression | None, lab: str) -> Transform:
    choice = st.selectbox(
        "Units of the model",
        list(TRANSFORMS),
        format_func=TRANSFORMS.__getitem__,
        **listed(f"regression.{lab}.transform", start.transform if start else "none", TRANSFORMS),
        help="The priors and the sampler see the numbers in these units: as they are; predictors "
        "counted from their mean; or, standardized, predictors and response counted from their "
        "means in standard deviations. It is undone in every number shown: slopes and lines are in "
        "the file's own units, and an intercept is the height of the line at zero, or, where "
        "predictors are centred or standardized, at their mean.",
    )
    return choice or "none"
