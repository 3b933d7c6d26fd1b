"""Configurations of another lab: refused, with the name of the lab that takes them."""

from typing import Any

from hbdash.ui.frame import PAGES

#: The labs by model; the page of normal means has another name than its model.
LABS = {"normal_means": PAGES["funnel"]} | {
    model: PAGES[model] for model in ("regression", "missing_predictors", "population")
}


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
