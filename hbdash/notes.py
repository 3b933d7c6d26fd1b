"""What people write on a stored run: a label, and a pin that keeps it; ``note.json`` beside it."""

import json
import os
import uuid
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

#: Characters of a label.
LONGEST = 80
FILE = "note.json"


class Note(BaseModel, frozen=True):
    """A label, which is anybody's text, and whether the run is kept whatever the cap says."""

    label: str = Field(default="", max_length=LONGEST)
    pinned: bool = False


def read(folder: Path) -> Note:
    """Read the note of a run; an empty one where there is none, or none that can be read."""
    try:
        return Note.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return Note()


def write(folder: Path, note: Note) -> None:
    """Write the note of a run, whole or not at all.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    replace(folder / FILE, json.dumps(note.model_dump(), ensure_ascii=False))


def replace(path: Path, text: str) -> None:
    """Put a text in the place of a file: those who read meanwhile see the old or the new one.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    draft = path.with_name(f".{uuid.uuid4().hex}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
