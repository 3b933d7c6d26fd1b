"""Names in figures are text: Plotly reads some HTML, of which only what figures write is left."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go

#: What figures write themselves; anything else that begins like HTML is somebody's name.
_OURS = r"/?(?:b|i|sub|sup|extra)>|br ?/?>|/span>|(?:b|span) style=(?:\"[^\"<>]*\"|'[^'<>]*')>"
_OTHERS = re.compile(f"<(?!{_OURS})")


def without_markup(figure: go.Figure) -> go.Figure:
    """Make everything that is no markup of a figure's own show as it is written.

    A link, which Plotly would make of ``<a href=...>``, is text, too.

    Parameters
    ----------
    figure : any; where nothing has to change, it is returned itself.
    """
    content = figure.to_plotly_json()
    if any(_OTHERS.search(text) for text in _texts(content)):
        return go.Figure(_written(content))
    return figure


def _texts(content: Any) -> Iterator[str]:
    """Go through all text of a figure that holds a "<"; arrays of numbers have none."""
    if isinstance(content, str):
        if "<" in content:
            yield content
    elif isinstance(content, dict):
        for part in content.values():
            yield from _texts(part)
    elif _is_list(content):
        for part in content:
            yield from _texts(part)


def _written(content: Any) -> Any:
    if isinstance(content, str):
        return _OTHERS.sub("&lt;", content)
    if isinstance(content, dict):
        return {name: _written(part) for name, part in content.items()}
    if _is_list(content):
        return [_written(part) for part in content]
    return content


def _is_list(content: Any) -> bool:
    return isinstance(content, list | tuple) or (
        isinstance(content, np.ndarray) and content.dtype.kind in "OU"
    )
