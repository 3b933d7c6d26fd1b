"""Which runs are compared: at most six keys, in the order of their colours, and in the link."""

from collections.abc import Mapping, Sequence

from hbdash import library
from hbdash.library import Card
from hbdash.ui.spelling import short

MOST = 6
VERSION = "1"
#: Characters of a link that are read.
LONGEST = 2000
#: Characters of priors in a name.
LONGEST_PRIORS = 50


def to_query(keys: Sequence[str]) -> dict[str, str]:
    """Write the selection as a query."""
    return {"v": VERSION} | ({"runs": "_".join(keys)} if keys else {})


def from_query(query: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Read a link, which is anybody's text.

    Returns
    -------
    Keys of stored runs, and a message for everything that was refused.
    """
    refused = []
    if query.get("v", VERSION) != VERSION:
        refused.append(f"v={short(query['v'])}: this app reads links of version {VERSION}.")
    for name in query:
        if name not in ("v", "runs"):
            refused.append(f"{short(name)}: a link to a comparison has no such field.")
    text = query.get("runs", "")
    if len(text) > LONGEST:
        return [], [f"The link is longer than {LONGEST:,} characters and was not read."]
    given = list(dict.fromkeys(filter(None, text.split("_"))))
    keys = [key for key in given if library.find(key) is not None]
    for key in given:
        if key not in keys:
            refused.append(
                f"runs={short(key)}: no such run is stored here. It may have been deleted, or made "
                "on another server: open its lab's link to make it again."
            )
    if len(keys) > MOST:
        refused.append(f"runs: at most {MOST} can be compared; the first {MOST} are.")
    return keys[:MOST], refused


def names(cards: Sequence[Card]) -> list[str]:
    """Name runs by label or parameterization, and by what else tells them apart."""
    found = [card.name for card in cards]
    details = (
        [card.parameterization for card in cards],
        [_model(card) for card in cards],
        [_form(card) for card in cards],
        [card.data for card in cards],
        [card.sampler for card in cards],
        _priors(cards),
        [f"seed {card.spec.sampler.seed}" for card in cards],
        [f"run {number + 1}" for number in range(len(cards))],
    )
    for detail in details:
        twins = [k for k, name in enumerate(found) if found.count(name) > 1]
        if len({detail[k] for k in twins}) > 1:
            found = [_joined(n, detail[k]) if k in twins else n for k, n in enumerate(found)]
    return found


def _joined(name: str, detail: str) -> str:
    return name + (f" {detail}" if detail.startswith("+") else f" · {detail}" if detail else "")


def _form(card: Card) -> str:
    """What the model has beyond the usual, such as "+ nu"."""
    return card.model[card.model.find(" + ") + 1 :] if " + " in card.model else ""


def _model(card: Card) -> str:
    """The model without what its form adds."""
    return card.model.partition(" + ")[0]


def _priors(cards: Sequence[Card]) -> list[str]:
    """The priors in which the runs differ."""
    every = [{site: str(prior) for site, prior in card.spec.priors.items()} for card in cards]
    sites = {site for one in every for site in one if len({o.get(site) for o in every}) > 1}
    said = [", ".join(f"{site} ~ {one[site]}" for site in one if site in sites) for one in every]
    return [text if len(text) <= LONGEST_PRIORS else text[:LONGEST_PRIORS] + "…" for text in said]


def apart(cards: Sequence[Card]) -> str | None:
    """Say why runs cannot stand on shared axes; None where they can."""
    first = cards[0]
    for card, name in zip(cards, names(cards), strict=True):
        if card.spec.model != first.spec.model:
            return (
                f"{name} is of {card.model}, and {names(cards)[0]} of {first.model}: their "
                "parameters have no common axis. Choose runs of one model."
            )
        if not library.same_data(card.spec, first.spec):
            return (
                f"{name} is about other data ({card.data}) than {names(cards)[0]} ({first.data}), "
                "so their estimates are not of the same quantities. Choose runs on one data set."
            )
    return None
