"""The catalogue that comes with hbdash: `SETTINGS` generates it, two tables hold it."""

from importlib import resources

import numpy as np
import pandas as pd

from hbdash.population.catalogue import Catalogue, joined
from hbdash.population.catalogue_sources import GeneratedCatalogue
from hbdash.population.pmean import Analytic

#: Digits to which the tables are rounded.
DIGITS = 5
#: The population of GWKokab's tutorial, observed for 90 days instead of 248. Of the first seeds the
#: one whose events all have an N_eff above 30 at the truth, with about as many as are expected,
#: and whose posterior lies near the truth: a picture to start from, not a test of recovery.
SETTINGS = GeneratedCatalogue(
    seed=58,
    n_pl=1,
    n_g=0,
    error_size=200,
    scale_Mc=0.5,
    scale_eta=0.5,
    pmean=Analytic(time_scale=90.0),
    consistent=True,
)


def bundled() -> Catalogue:
    """Read the bundled catalogue: samples consistent with the likelihood, so it finds the truth."""
    samples, masses = _read("population_samples.csv"), _read("population_masses.csv")
    names = tuple(masses["event"].astype(str))
    table = samples[["mass_1_source", "mass_2_source"]].to_numpy(float)
    ends = np.cumsum(samples.groupby("event", sort=False).size().to_numpy())
    return joined(
        names,
        np.split(table, ends[:-1]),
        source=f"Bundled: {len(names)} events generated with a known population, seed "
        f"{SETTINGS.seed}; samples consistent with the likelihood",
        truth=dict(SETTINGS.truth),
        true_masses=masses[["mass_1_source", "mass_2_source"]].to_numpy(float),
    )


def tables(catalogue: Catalogue) -> dict[str, str]:
    """Write a catalogue as the two tables; the content of each file by name."""
    columns = ["mass_1_source", "mass_2_source"]
    samples = pd.DataFrame({"event": np.asarray(catalogue.names, object)[catalogue.event_index]})
    samples[columns] = np.stack([catalogue.m1, catalogue.m2], 1)
    masses = pd.DataFrame({"event": catalogue.names})
    masses[columns] = catalogue.true_masses
    written = {"population_samples.csv": samples, "population_masses.csv": masses}
    form = f"%.{DIGITS}g"
    return {
        name: table.to_csv(index=False, float_format=form, lineterminator="\n")
        for name, table in written.items()
    }


def _read(name: str) -> pd.DataFrame:
    with resources.files("hbdash.datasets").joinpath(name).open(encoding="utf-8") as file:
        return pd.read_csv(file)
