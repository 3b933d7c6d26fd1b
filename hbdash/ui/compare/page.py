"""The compare page from top to bottom: the library, the runs chosen, and what tells them apart."""

import streamlit as st

from hbdash import library, store
from hbdash.figures import theme
from hbdash.library import Card
from hbdash.ui.compare import selection, shelf, side_by_side
from hbdash.ui.compare.lab_links import lab_link
from hbdash.ui.frame import is_dark
from hbdash.ui.plain import plain
from hbdash.ui.widgets import enter, here

MODEL = "compare"


def show() -> None:
    """Show the page."""
    _follow_link()
    with st.spinner("Reading the stored runs", show_time=True):
        cards = library.cards()
    by_key = {card.key: card for card in cards}
    here()["chosen"] = [key for key in here()["chosen"] if key in by_key]
    if not cards:
        _publish()
        shelf.buttons([])
        st.info(
            "No run is stored yet. Runs of all labs appear here as soon as they are finished, and "
            "so do those of `python -m hbdash run` and `sweep` on the same store."
        )
        return
    passing = shelf.filtered(cards)
    if refused := here().get("refused"):
        lines = "\n".join(f"- {plain(message)}" for message in refused)
        st.warning(f"Not taken from the link:\n{lines}")
    if not passing:
        st.info("No stored run passes the filter in the sidebar.")
    else:
        here()["chosen"] = shelf.show(passing, here()["chosen"])
    _publish()
    loaded = {key: store.load(key) for key in here()["chosen"]}
    # What was found damaged is set aside, and will not be listed again.
    chosen = [by_key[key] for key, dt in loaded.items() if dt is not None]
    shelf.buttons(chosen)
    if chosen:
        _legend(chosen)
    draws = [dt for dt in loaded.values() if dt is not None]
    runs = dict(zip(selection.names(chosen), draws, strict=True))
    side_by_side.show(runs, chosen, passing)


def _follow_link() -> None:
    """Take the selection of the address bar where it is not the one this page wrote there."""
    entered, query = enter(MODEL), st.query_params.to_dict()
    mine = here()
    if "chosen" not in mine or (query and query != mine.get("published")):
        mine["chosen"], mine["refused"] = selection.from_query(query)
        mine["published"] = query
    elif entered:
        mine["published"] = query  # another page's address had no query: it is to be written


def _publish() -> None:
    query = selection.to_query(here()["chosen"])
    if query != here().get("published"):
        here()["published"] = query
        here()["refused"] = []
        st.query_params.from_dict(query)


def _legend(cards: list[Card]) -> None:
    """Name the runs in their colours, each a way to its lab."""
    with st.container(horizontal=True, gap="medium", key="chosen_runs"):
        for number, (card, name) in enumerate(zip(cards, selection.names(cards), strict=True)):
            try:
                page, query = lab_link(card.spec)
            except (ValueError, OSError) as error:
                st.caption(plain(f"{number + 1}: {error}"))
                continue
            dot = f':color[●]{{foreground="{theme.colour(number, dark=is_dark())}"}}'
            st.page_link(
                page,
                label=f"{dot} {plain(name)} ↗",
                query_params=query,
                width="content",
                help="Opens this run in its lab.",
            )
