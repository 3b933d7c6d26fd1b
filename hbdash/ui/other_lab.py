"""Configurations of another lab: refused, with the name of the lab that takes them."""

from typing import Any

from hbdash.models import MODELS
from hbdash.ui.frame import PAGES, page_of

#: The labs by model.
LABS = {model: PAGES[page_of(model)] for model in (*MODELS, "population")}


def refuse(given: dict[str, Any], model: str) -> None:
    """Refuse a configuration, or the spec of a run, that names another lab's model.

    Raises
    ------
    ValueError
        With the names of both labs.
    """
    other = given.get("model", model)
    if other != model and other in list(LABS):  # a list, too, may stand there, and has no hash
        raise ValueError(
            f"This configures {LABS[other]!r}, but this is {LABS[model]!r}: apply it in the other "
            "one."
        )
