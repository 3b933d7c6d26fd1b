"""The menu of models: one file a model, one line here."""

from hbdash.models.model import Model
from hbdash.models.normal_means import NORMAL_MEANS

MODELS: dict[str, Model] = {"normal_means": NORMAL_MEANS}

__all__ = ["MODELS", "Model"]
