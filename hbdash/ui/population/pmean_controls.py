"""Choosing how the expected number of detections is found, as in a pmean.json."""

from typing import Any

import streamlit as st
from pydantic import BaseModel

from hbdash.population.kept_files import keep_file, kept_file
from hbdash.population.pmean import (
    Analytic,
    Constant,
    Injections,
    NeuralVT,
    Pmean,
    check_content,
    needed_file,
    read_pmean,
)
from hbdash.ui.plain import plain
from hbdash.ui.population import json_box
from hbdash.ui.population.draft import PopulationDraft
from hbdash.ui.population.forms import Words, form
from hbdash.ui.population.records import indented
from hbdash.ui.widgets import here, listed, own

FILENAME = "pmean.json"
KINDS: dict[str, tuple[str, type[BaseModel]]] = {
    "analytic": ("a polynomial", Analytic),
    "neural_vt": ("a network: neural_vt", NeuralVT),
    "injection": ("found injections", Injections),
    "constant": ("a constant", Constant),
}
HELP = """\
Where the sensitive volume times time, VT, comes from:
- **a polynomial** of chirp mass and mass ratio, as of early Advanced LIGO (an extension of \
hbdash, `analytic` in the file).
- **a network**: GWKokab's neural_vt, an HDF5 file.
- **found injections**: simulated signals that were searched for, HDF5 or text.
- **a constant**: the same for all masses (an extension of hbdash)."""
DAYS = Words("Days observed", "time_scale: VT is that of one day.")
INTEGRAL = {
    "time_scale": DAYS,
    "method": Words(
        "Integral",
        "quadrature: deterministic, without error. monte_carlo: num_samples draws with a fixed "
        "key, as GWKokab does it; its standard error stands in the Expected number tab.",
    ),
}
DRAWS = {
    "num_samples": Words("Draws", "For each component.", 500),
    "batch_size": Words("At a time", "Draws evaluated at once: memory against time."),
}
WORDS: dict[str, dict[str, Words]] = {
    "analytic": INTEGRAL,
    "neural_vt": INTEGRAL,
    "injection": {
        "time_scale": Words("Volume × time", "Gpc³ yr in which the signals were placed."),
        "batch_size": Words("At a time", "Signals weighed at once."),
        "far_cut": Words("FAR below", "Per year: such signals were found."),
        "snr_cut": Words("or SNR above", "Such signals were found, too."),
    },
    "constant": {
        "vt": Words("VT a day", "In Gpc³ yr per day."),
        "time_scale": DAYS,
    },
}
FILES = {
    "neural_vt": ("Network", ["hdf5", "h5", "hdf"]),
    "injection": ("Injections", ["hdf5", "h5", "hdf", "dat", "txt", "csv"]),
}
#: Gpc^3 yr per day of the analytic VT at 30 and 30 solar masses.
CONSTANT_VT = 0.005


def show(pmean: Pmean) -> Pmean:
    """Show the choice and its numbers; what does not fit is said and not taken."""
    kept: dict[str, Any] = here().setdefault("kept_pmeans", {})
    kept[pmean.estimator_type] = pmean
    kind = st.selectbox(
        "Sensitive volume × time from",
        list(KINDS),
        format_func=lambda name: KINDS[name][0],
        **listed("pmean", pmean.estimator_type, KINDS),
        help=HELP,
    )
    start = kept.get(kind) or _first(str(kind), pmean)
    if kind in FILES:
        start = _file(str(kind), start, pmean)
    found = pmean
    if start is not None:
        found = form(start, WORDS[str(kind)], f"pmean.{kind}")
        if getattr(found, "method", "") == "monte_carlo":
            found = form(found, DRAWS, f"pmean.{kind}")
    json_box.show(FILENAME, indented(found.model_dump(mode="json")), _read, HELP)
    _waiting()
    return found


def _first(kind: str, pmean: Pmean) -> Any:
    """What a kind begins with, where it needs no file."""
    days = pmean.time_scale if not isinstance(pmean, Injections) else 90.0
    if kind == "analytic":
        return Analytic(time_scale=days)
    return Constant(vt=CONSTANT_VT, time_scale=days) if kind == "constant" else None


def _file(kind: str, start: Any, pmean: Pmean) -> Any:
    """Show the upload of the file that a kind needs; None while there is none."""
    label, types = FILES[kind]
    file = st.file_uploader(label, type=types, key=own(f"pmean.{kind}"))
    if file is not None:
        try:
            begin = start or KINDS[kind][1].model_validate(
                {"filename": file.name, "time_scale": _days(kind, pmean)}
            )
            return _kept(kind, file.file_id, file, begin)
        except (ValueError, OSError) as error:
            st.error(f"{plain(error)} The expected number stays as it was.")
            return start
    if start is None:
        st.caption("Until a file is chosen, the expected number stays as it was.")
    else:
        st.caption(f"In use: {plain(start.filename)} ({str(start.sha256)[:8]}).")
    return start


def _days(kind: str, pmean: Pmean) -> float:
    return 1.0 if "injection" in (kind, pmean.estimator_type) else pmean.time_scale


def _kept(kind: str, file_id: str, file: Any, start: Any) -> Any:
    """Check and keep a file, and name it in the record."""
    sha256 = _checked(kind, file_id, file, start)
    here().setdefault("pmean_files", {})[file.name] = sha256
    return start.model_copy(update={"filename": file.name, "sha256": sha256})


@st.cache_resource(max_entries=8, show_spinner="Reading the file")
def _checked(kind: str, file_id: str, _file: Any, _start: Any) -> str:
    content = _file.getvalue()
    check_content(_start.model_copy(update={"filename": _file.name}), content)
    return keep_file(content)


def _read(draft: PopulationDraft, text: str, where: str) -> tuple[PopulationDraft, list[str]]:
    uploads = {name: kept_file(sha) for name, sha in here().get("pmean_files", {}).items()}
    try:
        pmean = read_pmean(text, where, uploads=uploads)
    except LookupError:
        here()["pmean_waiting"] = text, where
        raise
    here().pop("pmean_waiting", None)
    if name := needed_file(pmean):
        raise ValueError(f'{where}: `filename` is "{name}": upload that file next to it.')
    return PopulationDraft.model_validate(draft.model_dump() | {"pmean": pmean}), []


def _waiting() -> None:
    """Ask for the file that an uploaded pmean.json names."""
    if "pmean_waiting" in here():
        key = own("pmean.waiting")
        st.file_uploader("The file that it names", key=key, on_change=_arrived, args=(key,))


def _arrived(key: str) -> None:
    file = st.session_state[key]
    if file is None:
        return
    here().setdefault("pmean_files", {})[file.name] = keep_file(file.getvalue())
    text, where = here()["pmean_waiting"]
    json_box.apply(FILENAME, text, where, _read)
