"""The frame around every page: set-up, navigation, and what a server and a session own."""

import gc
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from hbdash import precedence
from hbdash.budgets import Budget

if TYPE_CHECKING:
    from hbdash.jobs import Jobs

ROOT = Path(__file__).parents[2]
#: The pages by file, in the order of the menu; the first opens without an address.
PAGES = {
    "funnel": "Funnel lab",
    "regression": "Regression lab",
    "missing_predictors": "Missing predictors",
    "population": "Population lab",
    "compare": "Compare",
}
#: The pages that have another name than the model of their lab.
OTHER_NAMES = {"normal_means": "funnel"}
#: Pixels: three words side by side, and still half of a narrow window for the picture.
SIDEBAR = 324
#: Seconds a closed tab keeps its runs: a reload or a lost connection comes back within them.
GRACE = 60


@dataclass(frozen=True)
class Session:
    """A browser tab, by a name of its own, and what it may ask for in a while."""

    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    budget: Budget = field(default_factory=Budget, compare=False)

    def wanter(self, purpose: str) -> str:
        """Name a lab in this tab, or a purpose in it, where the queue asks who wants a run."""
        return f"{self.id}/{purpose}"


@st.cache_resource(show_spinner=False)
def jobs() -> "Jobs":
    """The queue, shared by all sessions of this server."""
    from hbdash.jobs import Jobs  # the page's heading is drawn before JAX is loaded

    return Jobs()


@st.cache_resource(show_spinner=False)
def _settle() -> None:
    """Leave what the libraries made at import out of garbage collection.

    Going through half a million objects that never die takes 150 ms each time, with Python's lock
    held.
    """
    gc.collect()
    gc.freeze()


def heading(title: str, question: str) -> None:
    """Open a page: its name, and the question it answers."""
    st.markdown(f"## {title} &nbsp; :small[:gray[{question}]]")


def _release(session: Session) -> None:
    timer = threading.Timer(GRACE, jobs().leave, (session.wanter(""),))
    timer.daemon = True
    timer.start()


@st.cache_resource(scope="session", on_release=_release, show_spinner=False)
def session() -> Session:
    """This tab; what it wanted is dropped a while after it closes."""
    return Session()


def main() -> None:
    """Lay the frame and run the page inside it."""
    st.set_page_config(page_title="hbdash", layout="wide", initial_sidebar_state=SIDEBAR)
    page = st.navigation(
        [
            st.Page(f"pages/{name}.py", title=title, url_path=name, default=name == "funnel")
            for name, title in PAGES.items()
            if (ROOT / "pages" / f"{name}.py").exists()
        ],
        position="top",
    )
    if st.session_state.get("_page") != page.url_path:
        st.session_state["_page"] = page.url_path
        st.session_state.pop("_lab", None)  # to be entered, though it were the same as before
    st.session_state["_framed"] = True
    try:
        with precedence.page(asked_for=not st.session_state.pop("_follows", False)):
            page.run()
        _settle()
    finally:
        st.session_state["_framed"] = False


def follow() -> None:
    """Make the page again by itself, because something is there: what people ask for goes first."""
    st.session_state["_follows"] = True
    st.rerun()


def require_frame() -> None:
    """Come back through the frame where a page was started without it.

    On a fresh server a first visit to a page's own address runs its file alone.
    """
    if not st.session_state.get("_framed"):
        main()
        st.stop()


def page_of(model: str) -> str:
    """Return the page of a model's lab, a key of `PAGES`."""
    return OTHER_NAMES.get(model, model)


def is_dark() -> bool:
    """Whether the reader sees the dark theme."""
    return st.context.theme.type == "dark"
