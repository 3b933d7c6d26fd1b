"""The menu of models: one file a model, one line here."""

from hbdash.models.missing_predictors import MISSING_PREDICTORS
from hbdash.models.model import ExactAnswer, Level, Model
from hbdash.models.normal_means import NORMAL_MEANS
from hbdash.models.regression import REGRESSION

MODELS: dict[str, Model] = {
    model.name: model for model in (NORMAL_MEANS, REGRESSION, MISSING_PREDICTORS)
}

__all__ = ["MODELS", "ExactAnswer", "Level", "Model"]
