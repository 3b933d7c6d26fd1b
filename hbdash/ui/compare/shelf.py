"""The table of all stored runs: filter, choose, label, pin, delete and bring back."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from hbdash import library, store
from hbdash.library import Card
from hbdash.notes import LONGEST, Note
from hbdash.ui.compare.selection import MOST
from hbdash.ui.plain import plain
from hbdash.ui.widgets import here, own

#: Rows of the table: beyond them one filters.
MOST_ROWS = 500
#: Columns: title, number format ("" for words), what it says.
COLUMNS: dict[str, tuple[str, str, str]] = {
    "model": ("Model", "", ""),
    "data": ("Data", "", "Source, and what differs from a fresh visit."),
    "parameterization": ("Parameterization", "", "Of a population of events: its components."),
    "divergences": ("Div.", "%d", "Draws whose trajectory left the energy surface."),
    "bfmi": ("E-BFMI", "%.2f", "The lowest over chains; below 0.3 is poor."),
    "r_hat": ("R-hat", "%.3f", "The highest; above 1.01 is bad."),
    "ess_bulk": ("ESS", "%d", "Bulk ESS, the lowest over the population quantities."),
    "ess_per_1000_gradients": ("ESS / 1k", "%.2f", "ESS per 1,000 gradients after the warmup."),
    "wall_seconds": ("Wall, s", "%.2f", "Warmup and draws; compiling not included."),
    "sampler": ("Sampler", "", "Chains or walkers × (warmup + draws)."),
}
#: Pixels of the columns of words.
WIDTHS = {"model": 128, "data": 128, "parameterization": 112, "sampler": 260}
EDITED = ("compare", "pinned", "label")


def filtered(cards: Sequence[Card]) -> list[Card]:
    """Show the filters in the sidebar; return the cards that pass."""
    with st.sidebar:
        st.markdown("### Stored runs")
        text = st.text_input(
            "Search",
            key=own("search"),
            persist_state="session",
            max_chars=200,
            placeholder="label, data, sampler …",
            help="Runs in which each of these words occurs.",
        )
        passing = [card for card in cards if card.says(text)]
        for name, title in (("model", "Model"), ("data", "Data"), ("parameterization", "Form")):
            menu = sorted({getattr(card, name) for card in cards})
            key = own(name)
            kept = [one for one in st.session_state.get(key, []) if one in menu]
            if kept != st.session_state.get(key, []):
                st.session_state[key] = kept  # what is no longer stored is no choice
            chosen = st.multiselect(
                {"Form": "Parameterization"}.get(title, title),
                menu,
                key=key,
                persist_state="session",
                placeholder="all",
            )
            if chosen:
                passing = [card for card in passing if getattr(card, name) in chosen]
        with st.container(horizontal=True):
            if st.toggle("Pinned", key=own("pinned"), persist_state="session"):
                passing = [card for card in passing if card.note.pinned]
            if st.toggle("No divergences", key=own("sound"), persist_state="session"):
                passing = [card for card in passing if not card.numbers.divergences > 0]
        used = sum(card.size for card in cards) / 1e6
        st.caption(
            f"{len(passing):,} of {len(cards):,} runs; {used:,.1f} of {store.cap() / 1e6:,.0f} MB. "
            "The least recently used give way; pinned ones stay."
        )
    return passing


def show(cards: Sequence[Card], chosen: list[str]) -> list[str]:
    """Show the table, do what was edited in it, and return the keys to compare, in order."""
    shown = list(cards[:MOST_ROWS])
    if len(cards) > MOST_ROWS:
        st.caption(f"The latest {MOST_ROWS} of {len(cards):,} runs: filter to see others.")
    kept = _start(shown, chosen)
    edited = st.data_editor(
        kept["table"],
        hide_index=True,
        width="stretch",
        height=min(36 * (len(shown) + 1) + 2, 400),
        column_config=_config(),
        disabled=[name for name in kept["table"] if name not in EDITED],
        key=kept["key"],
    )
    noted = _note(shown, edited)
    ticked = [card.key for card, on in zip(shown, edited["compare"], strict=True) if on]
    hidden = [key for key in chosen if key not in {card.key for card in shown}]
    now = [key for key in chosen if key in ticked or key in hidden]
    now += [key for key in ticked if key not in now]
    if len(now) > MOST:
        st.warning(f"At most {MOST} runs can be compared: the first {MOST} chosen are.")
        now = now[:MOST]
    kept["chosen"] = now
    kept["marks"] = tuple((card.key, _noted(card, row)) for card, row in _rows(shown, edited))
    if noted:
        here()["chosen"] = now
        st.rerun()  # the cards that the page was begun with have the labels before
    return now


def _start(shown: Sequence[Card], chosen: list[str]) -> dict[str, Any]:
    """Return what the editor starts from: it keeps its edits while it is given the same table.

    A new one is made where the runs, their notes or the choice are no longer those of the last
    edit, and where the editor was away, its edits with it.
    """
    marks = tuple((card.key, card.note) for card in shown)
    kept = here().get("shelf", {"turn": 0, "key": ""})
    same = kept.get("marks") == marks and kept.get("chosen") == chosen
    if not same or kept["key"] not in st.session_state:
        turn = kept["turn"] + 1
        table = _table(shown, chosen)
        kept = {"turn": turn, "key": own(f"shelf_{turn}"), "table": table}
        kept |= {"marks": marks, "chosen": list(chosen)}
        here()["shelf"] = kept
    return kept


def _table(cards: Sequence[Card], chosen: Sequence[str]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for card in cards:
        numbers = {name: getattr(card.numbers, name, None) for name in COLUMNS}
        words = {n: getattr(card, n) for n in ("model", "data", "parameterization", "sampler")}
        marks = {
            "compare": card.key in chosen,
            "pinned": card.note.pinned,
            "label": card.note.label,
            "made": card.made,
        }
        rows.append(marks | numbers | words)
    return pd.DataFrame(rows, columns=pd.Index([*EDITED, *COLUMNS, "made"]))


def _config() -> dict[str, Any]:
    config: dict[str, Any] = {
        "compare": st.column_config.CheckboxColumn(
            "Show", help=f"Compare this run: two to {MOST}.", width=74, pinned=True
        ),
        "pinned": st.column_config.CheckboxColumn(
            "Pin", help="Keep it, however full the store is.", width=66, pinned=True
        ),
        "label": st.column_config.TextColumn(
            "Label", help="Double-click to name it.", max_chars=LONGEST, width=120, pinned=True
        ),
        "made": st.column_config.DatetimeColumn("Made", format="distance", width=104),
    }
    for name, (title, form, words) in COLUMNS.items():
        config[name] = (
            st.column_config.NumberColumn(title, format=form, help=words, width=76)
            if form
            else st.column_config.TextColumn(title, help=words or None, width=WIDTHS[name])
        )
    return config


def _rows(cards: Sequence[Card], edited: pd.DataFrame) -> list[tuple[Card, Any]]:
    return list(zip(cards, edited.itertuples(index=False), strict=True))


def _noted(card: Card, row: Any) -> Note:
    label = row.label.strip()[:LONGEST] if isinstance(row.label, str) else ""
    return Note(label=label, pinned=bool(row.pinned))


def _note(cards: Sequence[Card], edited: pd.DataFrame) -> bool:
    """Write the labels and pins that were edited; say whether any was."""
    written = False
    for card, row in _rows(cards, edited):
        note = _noted(card, row)
        if note == card.note:
            continue
        try:
            library.write_note(card.key, note)
            written = True
        except (ValueError, LookupError, OSError) as error:
            st.warning(plain(error))
    return written


def buttons(cards: Sequence[Card]) -> None:
    """Offer to delete the runs that are shown side by side, and to bring back what was deleted."""
    loose = [card.key for card in cards if not card.note.pinned]
    deleted: list[str] = here().get("deleted", [])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if cards:
            st.button("Show none", key="show_none", on_click=_choose, args=([],))
            st.button(
                f"Delete {len(loose)}",
                key="delete_runs",
                disabled=not loose,
                on_click=_delete,
                args=(loose,),
                help="Deletes the runs that are shown; pinned ones stay. It can be undone.",
            )
        if deleted:
            st.caption(f"{len(deleted)} deleted.", width="content")
            st.button(
                "Undo",
                key="undo_delete",
                on_click=_restore,
                args=(deleted,),
                help="Within the hour.",
            )


def _choose(keys: list[str]) -> None:
    here()["chosen"] = keys


def _delete(keys: list[str]) -> None:
    gone = []
    for key in keys:
        try:
            store.delete(key)
            gone.append(key)
        except (LookupError, OSError) as error:
            st.toast(plain(f"Not deleted: {error}"))
    here()["deleted"] = gone
    here()["chosen"] = [key for key in here()["chosen"] if key not in gone]


def _restore(keys: list[str]) -> None:
    back = [key for key in keys if store.restore(key)]
    if len(back) < len(keys):
        st.toast(f"{len(keys) - len(back)} could not be brought back.")
    here()["deleted"] = []
    here()["chosen"] = [*here()["chosen"], *back][:MOST]
