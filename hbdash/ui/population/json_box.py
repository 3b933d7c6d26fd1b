"""A part of the draft as the JSON file that other programs read and write: out, in, by hand."""

import hashlib
from collections.abc import Callable

import streamlit as st
from pydantic import ValidationError
from streamlit.runtime.uploaded_file_manager import UploadedFile

from hbdash.spec import explain
from hbdash.ui.plain import plain
from hbdash.ui.population.draft import PopulationDraft
from hbdash.ui.widgets import here, own, replace_draft

#: Characters that such a file may have.
MOST_CHARACTERS = 200_000
#: The text of a file and its name, to the draft with it and what there is to note.
Reader = Callable[[PopulationDraft, str, str], tuple[PopulationDraft, list[str]]]


def show(filename: str, text: str, read: Reader, help_: str = "") -> None:
    """Offer a file for download, for upload, and for editing; say what came of it.

    Parameters
    ----------
    filename : what the file is called.
    text : its content as the controls stand.
    read : makes a new draft of the old one and of such a file, or raises `ValueError`.
    help_ : what the file may hold.
    """
    # The text follows the controls, under a name of its own each time; what was refused stays, to
    # be mended. As a default it is there whenever the popover is opened: what is only put into the
    # session's state is lost where a rerun comes first.
    box = own(f"json.{filename}.{hashlib.sha256(text.encode()).hexdigest()[:16]}")
    with st.popover(filename, width="stretch"):
        st.download_button(
            "Download", text, filename, "application/json", on_click="ignore", width="stretch"
        )
        upload = own(f"upload.{filename}")
        st.file_uploader(
            "Upload", type=["json"], key=upload, on_change=_from_file, args=(filename, upload, read)
        )
        st.text_area("Edit and apply", text, height=220, key=box, help=help_ or None)
        st.button(
            "Apply",
            key=own(f"apply.{filename}"),
            on_click=_from_box,
            args=(filename, box, read),
        )
        trouble = here().pop(f"json_trouble.{filename}", None)
        if trouble:
            st.error(plain(trouble))
    if trouble:
        st.error(plain(trouble))  # here as well: where the popover is open, it lies over this
    elif noted := here().get(f"json_notes.{filename}"):
        since, notes = noted
        # Shown as long as the controls hold what the file said.
        here()[f"json_notes.{filename}"] = since or text, notes
        for note in notes if since in (None, text) else ():
            st.info(plain(note))


def _from_file(filename: str, key: str, read: Reader) -> None:
    given: UploadedFile | None = st.session_state[key]
    if given is None:
        return
    try:
        text = given.getvalue().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        here()[f"json_trouble.{filename}"] = (
            f"{given.name} must be text in UTF-8, but its byte {error.start + 1} is not. The "
            "configuration is unchanged."
        )
        return
    apply(filename, text, given.name, read)


def _from_box(filename: str, key: str, read: Reader) -> None:
    apply(filename, st.session_state[key], filename, read)


def apply(filename: str, text: str, where: str, read: Reader) -> None:
    """Take such a file into the draft; what is wrong is kept to be said, and nothing is lost."""
    try:
        if len(text) > MOST_CHARACTERS:
            raise ValueError(
                f"{where} must have at most {MOST_CHARACTERS:,} characters, got {len(text):,}."
            )
        draft, notes = read(here()["draft"], text, where)
    except ValidationError as error:
        here()[f"json_trouble.{filename}"] = f"{explain(error)}\n\nThe controls are unchanged."
    except RecursionError:
        here()[f"json_trouble.{filename}"] = f"{where} is nested too deeply to be a configuration."
    except (ValueError, LookupError, OSError) as error:
        said = str(error.args[0] if isinstance(error, LookupError) and error.args else error)
        here()[f"json_trouble.{filename}"] = f"{said}\n\nThe controls are unchanged."
    else:
        replace_draft(draft)
        here()[f"json_notes.{filename}"] = None, notes
