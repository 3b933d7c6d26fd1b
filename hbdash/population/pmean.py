"""How many events a population lets expect: the content of a pmean.json.

`neural_vt` and `injection` are GWKokab's; `analytic` and `constant` are extensions of hbdash.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from hbdash.data import Strict
from hbdash.population import strict_json
from hbdash.population.hdf5_reading import check_size
from hbdash.population.injections import read_injections
from hbdash.population.kept_files import keep_file, kept_file
from hbdash.population.network import read_network

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Filename = Annotated[str, Field(min_length=1, max_length=1000)]
Time = Annotated[float, Field(gt=0, le=1e9)]
Cut = Annotated[float, Field(gt=0, le=1e9)]
Samples = Annotated[int, Field(gt=0, le=100_000)]
Batch = Annotated[int, Field(gt=0, le=1_000_000)]
Method = Literal["quadrature", "monte_carlo"]


class NeuralVT(Strict, frozen=True, strict=True):
    """A network that gives ln VT, in Gpc^3 yr per day, of the two source-frame masses.

    Attributes
    ----------
    filename : of the network, HDF5.
    sha256 : of its content, in the store; None until the file is there.
    time_scale : days of observation.
    num_samples : draws per component of the method `monte_carlo`.
    batch_size : draws that are evaluated at once; None is all.
    method : by quadrature, with ln VT from a table made once of the network; or as GWKokab does it,
        by draws with a fixed key.
    """

    estimator_type: Literal["neural_vt"] = "neural_vt"
    filename: Filename
    sha256: Sha256 | None = None
    time_scale: Time = 1.0
    num_samples: Samples = 1000
    batch_size: Batch | None = None
    method: Method = "quadrature"


class Injections(Strict, frozen=True, strict=True):
    """Simulated signals that were searched for; see `hbdash.population.injections`.

    Attributes
    ----------
    filename : of the signals, HDF5 or text.
    sha256 : of its content, in the store; None until the file is there.
    batch_size : signals that are weighed at once; None is all.
    far_cut, snr_cut : found are signals of a lower false-alarm rate (per year) or a higher
        signal-to-noise ratio.
    time_scale : comoving volume times time in which the signals were placed, in Gpc^3 yr.
    """

    estimator_type: Literal["injection"] = "injection"
    filename: Filename
    sha256: Sha256 | None = None
    batch_size: Batch | None = None
    far_cut: Cut = 1.0
    snr_cut: Cut = 10.0
    time_scale: Time = 1.0


class Constant(Strict, frozen=True, strict=True):
    """The same VT for all masses: vt in Gpc^3 yr per day, time_scale in days."""

    estimator_type: Literal["constant"] = "constant"
    vt: Annotated[float, Field(gt=0, le=1e9)]
    time_scale: Time = 1.0


class Analytic(Strict, frozen=True, strict=True):
    """VT by a polynomial of chirp mass and symmetric mass ratio; time_scale in days.

    `num_samples`, `batch_size` and `method` are those of `NeuralVT`.
    """

    estimator_type: Literal["analytic"] = "analytic"
    time_scale: Time = 1.0
    num_samples: Samples = 1000
    batch_size: Batch | None = None
    method: Method = "quadrature"


Pmean = Annotated[
    NeuralVT | Injections | Constant | Analytic, Field(discriminator="estimator_type")
]
TYPES: dict[str, type[BaseModel]] = {
    "neural_vt": NeuralVT,
    "injection": Injections,
    "constant": Constant,
    "analytic": Analytic,
}
REFUSED = {
    "custom": "it runs a Python file, which is never done with a file that is given",
    "neural_pdet": "its network gives the probability of detection at a redshift, and this "
    "population has masses alone",
}


def read_pmean(
    text: str | bytes,
    where: str,
    folder: Path | None = None,
    uploads: Mapping[str, bytes] | None = None,
) -> Pmean:
    """Read a pmean.json, and check and keep the file it names.

    Parameters
    ----------
    text : of the file.
    where : its name, for messages.
    folder : on the command line, that from which the file it names is looked for.
    uploads : in the browser, files uploaded next to it, by name.

    Raises
    ------
    ValueError
        Where the text is not JSON, a key is unknown, missing or out of bounds, or the file named is
        not in the folder, is not what it must be, or has another hash than is given.
    LookupError
        Where the file named has yet to be uploaded.
    """
    found = _validated(strict_json.parse_object(text, where), where)
    if not isinstance(found, NeuralVT | Injections):
        return found
    content = _content(found, where, folder, uploads or {})
    check_content(found, content)
    sha256 = keep_file(content)
    if found.sha256 not in (None, sha256):
        raise ValueError(
            f"{where}: `sha256` must be that of {found.filename}, {sha256[:8]}…, got "
            f"{found.sha256[:8]}…. Give the file that was meant, or leave the key out."
        )
    return found.model_copy(update={"sha256": sha256})


def check_content(pmean: Pmean, content: bytes) -> None:
    """Refuse a file that is not what it must be.

    Raises
    ------
    ValueError
        Naming the file; see `read_network` and `read_injections`.
    """
    if isinstance(pmean, NeuralVT):
        read_network(content, pmean.filename)
    elif isinstance(pmean, Injections):
        read_injections(content, pmean.filename, pmean.far_cut, pmean.snr_cut)


def needed_file(pmean: Pmean) -> str | None:
    """Name the file that must be uploaded before this can be used, or None."""
    if isinstance(pmean, NeuralVT | Injections) and pmean.sha256 is None:
        return pmean.filename
    return None


def _content(
    found: NeuralVT | Injections, where: str, folder: Path | None, uploads: Mapping[str, bytes]
) -> bytes:
    name = Path(found.filename).name
    if name in uploads:
        return uploads[name]
    if folder is None:
        if found.sha256 is not None:
            return kept_file(found.sha256)
        raise LookupError(f'{where}: `filename` is "{name}": upload that file next to it.')
    path = folder / found.filename
    try:
        check_size(path.stat().st_size, found.filename)
        return path.read_bytes()
    except OSError as error:
        raise ValueError(
            f'{where}: `filename` must be a file, found from the folder {folder}; "'
            f'{found.filename[:200]}" cannot be read: {error.strerror or error}.'
        ) from None


def _validated(content: dict[str, Any], where: str) -> Pmean:
    name = content.get("estimator_type")
    if name is None:
        raise ValueError(f"{where} must have a key `estimator_type`: one of {', '.join(TYPES)}.")
    if isinstance(name, str) and name in REFUSED:
        raise ValueError(
            f"{where}: `estimator_type` {name} is refused: {REFUSED[name]}. Use one of "
            f"{', '.join(TYPES)}."
        )
    if not isinstance(name, str) or name not in TYPES:
        raise ValueError(
            f"{where}: `estimator_type` must be one of {', '.join(TYPES)}, got "
            f"{strict_json.kind(name)}.{_meant(name, TYPES)}"
        )
    try:
        return TYPES[name].model_validate(content)  # type: ignore[return-value]
    except ValidationError as error:
        raise ValueError(_words(error.errors()[0], name, where)) from None


def _words(error: Any, name: str, where: str) -> str:
    """Say what is wrong with one key."""
    key, fields = str(error["loc"][0]), TYPES[name].model_fields
    if error["type"] == "missing":
        return f"{where}: {name} must have a key `{key}`."
    if error["type"] == "extra_forbidden":
        return (
            f"{where}: {name} has no key `{key}`; it takes {', '.join(fields)}."
            f"{_meant(key, fields)}"
        )
    must = error["msg"].removeprefix("Input should be ")
    return f"{where}: `{key}` must be {must}, got {strict_json.kind(error['input'])}."


def _meant(given: object, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(str(given), known, n=1)
    return f" Did you mean {near[0]}?" if near else ""
