"""Files that flags name: configurations as bytes, and events by a glob."""

import glob
from pathlib import Path

from hbdash.population.event_files import natural

#: Bytes beyond which no configuration file is read: more than the parser takes.
MOST_BYTES = 5_000_000


def read_config(path: Path) -> bytes:
    """Read a configuration file, or as much of it as no reader takes.

    Raises
    ------
    ValueError
        When it cannot be read; the message names it.
    """
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}.") from None


def event_files(patterns: list[str]) -> dict[str, bytes]:
    """Read the files that globs name, event_2 before event_10, each once.

    Returns
    -------
    Their content by the name of the file; by its path, where two files have the same name.

    Raises
    ------
    ValueError
        When a pattern matches nothing, or a file cannot be read; the message names it.
    """
    names: dict[str, None] = {}
    for pattern in patterns:
        found = glob.glob(str(Path(pattern).expanduser()), recursive=True)
        files = [name for name in found if not Path(name).is_dir()]
        if not files:
            raise ValueError(
                f"--posterior-regex: no file matches {pattern!r} in {Path.cwd()} (it is a glob, "
                "such as 'posteriors/event_*.dat')."
            )
        names |= dict.fromkeys(natural(files))
    paths = [Path(name) for name in names]
    short = len({path.name for path in paths}) == len(paths)
    content = {}
    for path in paths:
        try:
            content[path.name if short else str(path)] = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror or error}.") from None
    return content
