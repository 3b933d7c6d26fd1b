"""One's own table: the file, its columns, what was dropped, and a known sigma."""

import numpy as np
import pandas as pd
import streamlit as st

from hbdash.data import Data, Estimates, Rowwise, Uploaded, load
from hbdash.tables.upload import (
    Columns,
    Tidy,
    UploadError,
    guess,
    is_stored,
    read_csv,
    save_table,
    tidy,
)
from hbdash.ui.plain import plain
from hbdash.ui.widgets import listed, preset, valued

LAYOUTS = {"rows": "a measurement", "estimates": "a group"}
PREVIEW = 5


def show(start: Uploaded | None) -> Uploaded | None:
    """Show the upload; return the table in use, None while there is none."""
    file = st.file_uploader(
        "CSV file",
        type=["csv", "tsv", "txt"],
        key="upload",
        help="Rows of group and value, or one row a group with its estimate and standard error. "
        "Up to 1,000,000 rows.",
    )
    if file is None:
        if start is None or not is_stored(start.sha256):
            st.caption("Until a file is chosen, the results keep the data before.")
        else:
            st.caption(f"In use: the stored table {start.sha256[:8]}.")
        return start
    try:
        table = _read(file.file_id, file.getvalue())
        columns = _columns(table, guess(table))
        clean = _tidy(file.file_id, columns, table)
        _report(table, clean)
        sigma = _sigma(clean, start)
        return Uploaded(sha256=_save(file.file_id, columns, clean), sigma=sigma)
    except UploadError as error:
        st.error(plain(error))
    except OSError as error:
        st.error(
            f"The table could not be stored ({error.strerror or error}): free some space on the "
            "server's disk and upload it again. The results keep the data before."
        )
    return start


def in_store(data: Data) -> Data:
    """Keep data that stand in a configuration itself as an upload, so that a link can name them."""
    if not isinstance(data, Rowwise | Estimates):
        return data
    table = load(data)
    rows = isinstance(data, Rowwise)
    clean = Tidy(
        "rows" if rows else "estimates",
        table.names,
        table.index if rows else np.arange(len(table.names)),
        table.values if rows else table.mean,
        None if rows else table.sigma,
    )
    return Uploaded(sha256=save_table(clean), sigma=data.sigma if rows else None)


@st.cache_resource(max_entries=4, show_spinner="Reading the table")
def _read(file_id: str, _raw: bytes) -> pd.DataFrame:
    return read_csv(_raw)


@st.cache_resource(max_entries=4, show_spinner="Checking the rows")
def _tidy(file_id: str, columns: Columns, _table: pd.DataFrame) -> Tidy:
    return tidy(_table, columns)


@st.cache_resource(max_entries=4, show_spinner=False)
def _save(file_id: str, columns: Columns, _clean: Tidy) -> str:
    return save_table(_clean)


def _columns(table: pd.DataFrame, guessed: Columns) -> Columns:
    names = [str(name) for name in table.columns]
    layout = st.segmented_control(
        "A row is",
        list(LAYOUTS),
        format_func=LAYOUTS.__getitem__,
        **preset("layout", guessed.layout),
        required=True,
        width="stretch",
    )
    group = _pick("Group", names, guessed.group)
    if layout == "rows":
        return Columns("rows", group, value=_pick("Value", names, guessed.value))
    return Columns(
        "estimates",
        group,
        estimate=_pick("Estimate", names, guessed.estimate or guessed.value),
        standard_error=_pick("Standard error", names, guessed.standard_error),
    )


def _pick(label: str, names: list[str], guessed: str | None) -> str:
    first = guessed if guessed in names else names[-1]
    return st.selectbox(label, names, **listed(f"column.{label}", first, names))


def _report(table: pd.DataFrame, clean: Tidy) -> None:
    st.dataframe(table.head(PREVIEW), hide_index=True, height=36 * (PREVIEW + 1))
    used = f"{len(clean.values):,} of {len(table):,} rows in {len(clean.names):,} groups are used."
    st.caption(used)
    for dropped in clean.dropped:
        rows = ("row " if dropped.count == 1 else "rows ") + ", ".join(map(str, dropped.rows))
        more = ", …" if dropped.count > len(dropped.rows) else ""
        st.warning(f"{dropped.count:,} dropped: {plain(dropped.reason)} ({rows}{more})")
    for note in clean.notes:
        st.info(plain(note))


def _sigma(clean: Tidy, start: Uploaded | None) -> float | None:
    if clean.layout == "estimates":
        return None
    must = clean.sigma_must_be_known
    known = st.toggle(
        "sigma is known",
        **valued("sigma_known", must or (start is not None and start.sigma is not None)),
        help="The standard deviation of one row about its group. Off: it gets a prior.",
    )
    if not known and not must:
        return None
    first = start.sigma if start is not None and start.sigma else 1.0
    return st.number_input("sigma", 1e-8, 1e8, **valued("known_sigma", first), format="%g")
