"""What a script says of each model: its data as arrays, and its NumPyro function."""

from collections.abc import Callable
from typing import Any

import numpy as np

from hbdash.models.model import Priors
from hbdash.scripts import missing_predictors, normal_means, regression
from hbdash.scripts.code import Code

#: By model: (data, priors, centeredness by effect) to its part of a script.
SCRIPTS: dict[str, Callable[[Any, Priors, dict[str, np.ndarray]], Code]] = {
    "normal_means": normal_means.code,
    "regression": regression.code,
    "missing_predictors": missing_predictors.code,
}

__all__ = ["SCRIPTS", "Code"]
