"""Choosing the events: the bundled catalogue, a generated one, or one's own files."""

from collections import Counter
from typing import Any

import pandas as pd
import streamlit as st

from hbdash.population.catalogue import Catalogue, load_catalogue
from hbdash.population.catalogue_sources import BundledCatalogue, CatalogueSource
from hbdash.population.event_output import event_table, write_event_files, zip_bytes
from hbdash.population.pmean import Pmean
from hbdash.ui import data_sources
from hbdash.ui.plain import plain
from hbdash.ui.population import mock_controls, upload_controls

SOURCES = {"bundled": "Bundled", "generated": "Generate", "uploaded_events": "Upload"}


def show(data: CatalogueSource, pmean: Pmean) -> tuple[CatalogueSource, Catalogue | None]:
    """Show the controls of the data; return the choice and, where they load, the events.

    Parameters
    ----------
    data : those of the draft.
    pmean : how the model finds the expected number: mock events can be detected alike.
    """

    def chosen(source: str, start: Any) -> CatalogueSource | None:
        match source:
            case "generated":
                return mock_controls.show(start, pmean)
            case "uploaded_events":
                return upload_controls.show(start)
            case _:
                st.caption(BUNDLED)
                return BundledCatalogue()

    spec, catalogue = data_sources.choose(data, SOURCES, chosen, load_catalogue)
    if catalogue is not None:
        _about(spec, catalogue)
    return spec, catalogue


BUNDLED = "Mock events, made with known parameters: small, so that every sampler is quick on them."


def _about(spec: CatalogueSource, catalogue: Catalogue) -> None:
    """Say how much there is, what looks wrong, and hand out the events."""
    sizes = catalogue.sizes
    rows = f"{sizes.min():,}" if sizes.min() == sizes.max() else f"{sizes.min():,}–{sizes.max():,}"
    st.caption(f"**{len(sizes):,} events**, {sizes.sum():,} posterior samples ({rows} each).")
    for note in catalogue.notes:
        if not note.event and note.level == "warn":
            st.warning(plain(note.text))
    counted = Counter(n.about for n in catalogue.notes if n.event and n.level == "warn")
    if counted:
        said = ", ".join(f"{about} in {count:,}" for about, count in counted.items())
        st.warning(f"Of {len(sizes):,} events: {said}. The Events tab says more.")
    if spec.source != "uploaded_events":
        st.download_button(
            "Download as event files (zip)",
            lambda: zip_bytes(write_event_files(catalogue)),
            "events.zip",
            "application/zip",
            on_click="ignore",
            width="stretch",
        )


def table(spec: CatalogueSource, catalogue: Catalogue, height: int) -> None:
    """Show every event: its rows, quantiles of its masses, what was dropped and why."""
    found = _table(spec.model_dump_json(), catalogue)
    words = [name for name in ("dropped", "notes") if not found[name].str.strip().any()]
    config = {
        name: st.column_config.NumberColumn(name, format="%.1f", help="In solar masses.")
        for name in found.columns
        if name.startswith(("m1 ", "m2 "))
    }
    st.dataframe(found.drop(columns=words), hide_index=True, height=height, column_config=config)
    for note in catalogue.notes:
        if not note.event and note.level == "info":
            st.caption(plain(note.text))


@st.cache_resource(max_entries=8, show_spinner=False)
def _table(data: str, _catalogue: Catalogue) -> pd.DataFrame:
    return event_table(_catalogue)
