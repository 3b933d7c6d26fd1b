"""Columns of a file of simulated signals, HDF5 or text: how they were drawn and found."""

import h5py
import numpy as np

from hbdash.population.hdf5_reading import ContentError, is_hdf5, numbers, read_hdf5

#: Most signals of a file.
MOST_ROWS = 2_000_000
#: Names of the columns that are read, in their order of preference.
MASS_1, MASS_2 = ("mass1_source", "mass_1_source"), ("mass2_source", "mass_2_source")
DENSITY = ("sampling_pdf", "mass1_source_mass2_source_sampling_pdf", "pdraw")
LOG_DENSITY = ("lnpdraw_mass1_source_mass2_source", "ln_pdraw", "lnpdraw", "log_pdraw")
#: What a density over masses alone must not be spread over.
OTHERS = ("redshift", "luminosity_distance")
TOTAL = ("total_generated", "n_total")
#: Beginnings of the names of a false-alarm rate (per year), its inverse (years), and an SNR.
FAR, IFAR, SNR = "far", "ifar", ("snr", "optimal_snr_net")
Columns = dict[str, np.ndarray]


def read_columns(content: bytes, where: str) -> tuple[Columns, str | None]:
    """Read the columns that count, and the number of signals placed as the file writes it.

    Raises
    ------
    ValueError
        Where the file is neither, damaged, or a number in it is none. A false-alarm rate or SNR may
        be infinite or NaN; a NaN finds nothing.
    """
    if is_hdf5(content):
        return read_hdf5(content, where, lambda file: _from_hdf5(file, where))
    return _from_text(content.decode("utf-8-sig", "replace").splitlines(), where)


def says_found(name: str) -> bool:
    """Whether a column says if a signal was found, rather than how it was drawn."""
    return name.startswith((FAR, IFAR, *SNR))


def _is_wanted(name: str) -> bool:
    return name in (*MASS_1, *MASS_2, *DENSITY, *LOG_DENSITY, *OTHERS) or says_found(name)


def _from_hdf5(file: h5py.File, where: str) -> tuple[Columns, str | None]:
    # Found by its name alone, it might be a link out of the file.
    inside = isinstance(file.get("injections", getlink=True), h5py.HardLink)
    group, prefix = (file["injections"], "injections/") if inside else (file, "")
    if not isinstance(group, h5py.Group):
        raise ContentError(f"{where}: `injections` must be a group of datasets.")
    columns = {}
    for name in filter(_is_wanted, map(str, group)):
        values = numbers(file, prefix + name, where, most=MOST_ROWS, finite=not says_found(name))
        columns[name] = values.reshape(-1)
    for attributes in (group.attrs, file.attrs):
        for name in TOTAL:
            if name in attributes:
                return columns, str(attributes[name])
    return columns, None


def _from_text(lines: list[str], where: str) -> tuple[Columns, str | None]:
    total, header, rows = None, None, []
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        name, equals, value = bare.lstrip("# ").partition("=")
        if equals and name.strip() in TOTAL:
            total = value.strip()
        elif header is None and bare:
            header = bare.lstrip("# ").replace(",", " ").split()
        elif bare and not bare.startswith("#"):
            rows.append((number, bare.replace(",", " ").split()))
    if header is None or not rows:
        raise ContentError(f"{where} must have a line of column names, and then a line a signal.")
    if len(rows) > MOST_ROWS:
        raise ContentError(f"{where} must have at most {MOST_ROWS:,} rows, got {len(rows):,}.")
    for number, cells in rows:
        if len(cells) != len(header):
            raise ContentError(
                f"{where}, line {number} must have {len(header)} cells, one for each name in the "
                f"first line, got {len(cells)}."
            )
    wanted = [i for i, name in enumerate(header) if _is_wanted(name)]
    return {
        header[i]: np.array([_number(cells[i], where, n, header[i]) for n, cells in rows])
        for i in wanted
    }, total


def _number(cell: str, where: str, line: int, name: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        pass
    else:
        if np.isfinite(value) or says_found(name):
            return value
    raise ContentError(
        f'{where}, line {line}: `{name}` must be a finite number, got "{cell[:40]}".'
    )
