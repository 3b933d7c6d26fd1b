"""Taking a run away: one menu of artifacts, each made from the draws and what they carry."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import xarray as xr

from hbdash import store
from hbdash.export.manifest import manifest_json
from hbdash.export.notebook import notebook
from hbdash.export.program import of_run, script, shortened
from hbdash.export.tables import draws_csv, summary_csv
from hbdash.models import MODELS
from hbdash.population.catalogue import load_catalogue
from hbdash.population.equations import equations
from hbdash.population.event_output import write_event_files, zip_bytes
from hbdash.population.spec import PopulationSpec
from hbdash.scripts.code import as_script
from hbdash.spec import AnySpec, parse

__all__ = ["ARTIFACTS", "Artifact", "refused", "script", "shortened"]


@dataclass(frozen=True)
class Artifact:
    """One line of the menu.

    Attributes
    ----------
    title : in a word or two, for a button.
    file : its name. mime : its type.
    help : what it is, in a sentence.
    make : a run to the content of the file; raises `ValueError` or `LookupError`, with words for
        the person who asked, where this run has none.
    """

    title: str
    file: str
    mime: str
    help: str
    make: Callable[[xr.DataTree], bytes | str]


def _spec(dt: xr.DataTree) -> AnySpec:
    return parse(json.loads(dt.attrs["spec"]))


def _spec_json(dt: xr.DataTree) -> str:
    return _spec(dt).model_dump_json(indent=2) + "\n"


def _script(dt: xr.DataTree) -> str:
    return as_script(of_run(dt))


def _notebook(dt: xr.DataTree) -> str:
    spec = _spec(dt)
    if isinstance(spec, PopulationSpec):
        return notebook(of_run(dt), equations(spec.components))
    return notebook(of_run(dt), MODELS[spec.model].equations(spec.priors))


def _zip(dt: xr.DataTree) -> bytes:
    files, reasons = {}, []
    for name, artifact in ARTIFACTS.items():
        if name != "zip":
            try:
                files[artifact.file] = artifact.make(dt)
            except (ValueError, LookupError) as error:
                reasons.append(f"{artifact.file}: {_said(error)}\n")
    spec = _spec(dt)
    if isinstance(spec, PopulationSpec):
        try:
            events = write_event_files(load_catalogue(spec.data))
            files |= {f"events/{name}": content for name, content in events.items()}
        except (ValueError, LookupError) as error:
            reasons.append(f"events: {_said(error)}\n")
    return zip_bytes(files | ({"left_out.txt": "".join(reasons)} if reasons else {}))


def _said(error: Exception) -> str:
    return str(error.args[0] if isinstance(error, LookupError) and error.args else error)


def refused(dt: xr.DataTree) -> dict[str, str]:
    """Say why a run has no program, by artifact; empty where it has one."""
    try:
        of_run(dt)
    except (ValueError, LookupError) as error:
        return dict.fromkeys(("script", "notebook"), _said(error))
    return {}


#: The menu, in the order of the screen.
ARTIFACTS: dict[str, Artifact] = {
    "netcdf": Artifact(
        "NetCDF",
        "result.nc",
        "application/x-netcdf",
        "Everything that the run records, in ArviZ's groups and names: xarray.open_datatree reads "
        "it in a notebook.",
        store.netcdf,
    ),
    "draws": Artifact(
        "Draws (CSV)",
        "draws.csv",
        "text/csv",
        "The posterior draws: chain, draw, and a column for each scalar, such as theta[school A].",
        draws_csv,
    ),
    "summary": Artifact(
        "Summary (CSV)",
        "summary.csv",
        "text/csv",
        "Mean, sd, 90 % interval, ESS, R-hat and MCSE of every quantity, beside the value that "
        "generated the data where it is known.",
        summary_csv,
    ),
    "spec": Artifact(
        "Spec (JSON)",
        "spec.json",
        "application/json",
        "The question: the lab's configuration and the command line read it.",
        _spec_json,
    ),
    "script": Artifact(
        "Script",
        "run.py",
        "text/x-python",
        "A program of NumPyro alone that samples this posterior; that of a population reads its "
        "events from the folder events/, which is in the zip.",
        _script,
    ),
    "notebook": Artifact(
        "Notebook",
        "run.ipynb",
        "application/x-ipynb+json",
        "The same program as a Jupyter notebook, with the model's equations.",
        _notebook,
    ),
    "manifest": Artifact(
        "Manifest (JSON)",
        "manifest.json",
        "application/json",
        "Where the run comes from: versions, platform, seed, key, spec, hash of the data, seconds.",
        manifest_json,
    ),
    "zip": Artifact(
        "All of it (zip)",
        "run.zip",
        "application/zip",
        "All of these files in one.",
        _zip,
    ),
}
