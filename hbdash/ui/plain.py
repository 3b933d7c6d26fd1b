"""Text of others on the page: shown as it is written, never as Markdown, a link or a picture."""

import re

#: Signs that mean something in Markdown, and those that a backslash takes the meaning from.
_SIGNS = re.compile(r"([\\`*_\[\]$<>~#:|!{}])")
#: Where Streamlit makes links, pictures of shortcodes and addresses of bare text.
_JOINTS = re.compile(r"(?<=:)(?=[\w/])|(?<=/)(?=/)|(?<=@)|(?<=www)(?=\.)", re.IGNORECASE)
#: Takes no room, and keeps apart what it stands between.
_JOINER = "\N{WORD JOINER}"


def plain(said: object) -> str:
    """Write what a file, a link or an error says so that a page shows it letter for letter.

    Parameters
    ----------
    said : text, or an error, whose message it is.
    """
    words = said.args[0] if isinstance(said, LookupError) and said.args else said
    return _SIGNS.sub(r"\\\1", _JOINTS.sub(_JOINER, str(words)))
