"""Parameters from which a population is generated: those of a first visit, and what must hold."""

import math

from hbdash.population.parameters import Components
from hbdash.tables.csv_table import listed

#: The first power law is the one of the document; further components lie beside it.
_LOG_RATE = 4.6
_SHAPES = {
    "alpha_pl": (-1.0, 1.0),
    "beta_pl": (0.0, 0.0),
    "mmin_pl": (10.0, 0.0),
    "mmax_pl": (50.0, 10.0),
    "m1_loc_g": (35.0, 10.0),
    "m1_scale_g": (3.0, 0.0),
    "m2_loc_g": (25.0, 8.0),
    "m2_scale_g": (3.0, 0.0),
}


def default_truth(components: Components) -> dict[str, float]:
    """Name parameters worth generating from: a rising power law from 10 to 50 solar masses.

    Returns
    -------
    Parameters by name, without the bounds of Gaussians. The rates add up to the same total for any
    number of components.
    """
    count = len(components.log_rates)
    truth = {name: round(_LOG_RATE - math.log(count), 6) for name in components.log_rates}
    for name in components.names:
        stem, _, number = name.rpartition("_")
        if stem in _SHAPES:
            first, step = _SHAPES[stem]
            truth[name] = first + step * int(number)
    return truth


def check_truth(given: dict[str, float], components: Components) -> dict[str, float]:
    """Return the parameters in the order of `components`, where they describe a population.

    Raises
    ------
    ValueError
        Where a parameter is missing, unknown, or out of its range; the message names it.
    """
    required = [name for name in components.names if name not in components.optional]
    if missing := [name for name in required if name not in given]:
        raise ValueError(f"`truth` must have all parameters, got none for {listed(missing)}.")
    if unknown := [name for name in given if name not in components.names]:
        raise ValueError(
            f"`truth` must have parameters of {components.n_pl} power laws and {components.n_g} "
            f"Gaussians, got {listed(unknown)}: choose of {', '.join(components.names)}."
        )
    for name, value in given.items():
        stem = name.rpartition("_")[0]
        low, high = _range(stem)
        if not low <= value <= high:
            raise ValueError(f"`{name}` must lie in [{low:g}, {high:g}], got {value:g}.")
    for i in range(components.n_pl):
        _ordered(given, f"mmin_pl_{i}", f"mmax_pl_{i}")
    for j in range(components.n_g):
        for m in ("m1", "m2"):
            _ordered(given, f"{m}_low_g_{j}", f"{m}_high_g_{j}")
    return {name: float(given[name]) for name in components.names if name in given}


def _range(stem: str) -> tuple[float, float]:
    if stem == "log_rate":
        return -30.0, 30.0
    if stem in ("alpha_pl", "beta_pl"):
        return -50.0, 50.0
    if stem.endswith(("_low_g", "_high_g", "_loc_g")):
        return -1e4, 1e4
    return 1e-3, 1e4


def _ordered(given: dict[str, float], low: str, high: str) -> None:
    if low in given and high in given and not given[low] < given[high]:
        raise ValueError(
            f"`{low}` must lie below `{high}`, got {given[low]:g} and {given[high]:g}."
        )
