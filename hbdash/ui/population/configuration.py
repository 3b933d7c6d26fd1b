"""The whole configuration as JSON, out and in."""

from hbdash.population import strict_json
from hbdash.population.spec import PopulationSpec
from hbdash.ui.other_lab import refuse
from hbdash.ui.population import json_box
from hbdash.ui.population.draft import PopulationDraft
from hbdash.ui.population.records import indented

HELP = (
    'All controls, or only those that are to change, such as {"n_g": 1}. The spec of a single '
    "run, as it stands in its download, is read as well."
)


def show(draft: PopulationDraft) -> None:
    """Offer the configuration for download, upload and editing."""
    json_box.show("population.json", indented(draft.model_dump(mode="json")), _read, HELP)


def _read(draft: PopulationDraft, text: str, where: str) -> tuple[PopulationDraft, list[str]]:
    given = strict_json.parse_object(text, where)
    refuse(given, "population")
    if "sampler" in given and "samplers" not in given:
        given = PopulationSpec.model_validate(given).model_dump()
        given["samplers"] = [given.pop("sampler")]
        return PopulationDraft.model_validate(given), []
    content = draft.model_dump()
    if {"n_pl", "n_g"} & set(given) and "priors" not in given:
        content.pop("priors")  # those of a fresh visit, for these components
    return PopulationDraft.model_validate(content | given), []
