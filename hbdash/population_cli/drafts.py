"""Files that appear together, whole, or not at all: written beside their place, then renamed."""

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Names of the files in the folders that commands write; those of an earlier run are replaced.
OURS = re.compile(
    r"((nf_)?samples|loss|local_accs|global_accs|(raw_)?injections"
    r"|(chain|prod_chains|log_prob|local_accs|global_accs|event)_\d+)\.dat|posterior_summary\.json"
)


@contextmanager
def draft(folder: Path) -> Iterator[Path]:
    """Give a folder to write into; it is gone afterwards, and so is what was made for it.

    It lies inside `folder`, so that renaming its content into place needs no copy; `folder` itself
    is made where it is missing, and removed again where nothing was published.

    Raises
    ------
    OSError
        When nothing can be written there.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    place = folder / f".draft-{uuid.uuid4().hex}"
    try:
        place.mkdir(parents=True)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        for path in made:
            with suppress(OSError):  # it holds what was published, or was never made
                path.rmdir()


def publish(place: Path, folder: Path) -> list[str]:
    """Move all that was written into a draft to its place, and return its names.

    A folder of an earlier run gives way as a whole, so that no chain of it stays among the new
    ones; files in it that no command writes are kept.
    """
    names = sorted(path.name for path in place.iterdir())
    for name in names:
        target = folder / name
        if not target.is_dir():
            (place / name).replace(target)
            continue
        earlier = folder / f".earlier-{uuid.uuid4().hex}"
        target.rename(earlier)
        (place / name).rename(target)
        _return_others(earlier, target)
        shutil.rmtree(earlier, ignore_errors=True)
    return names


def _return_others(earlier: Path, target: Path) -> None:
    """Move files that are not ours back to where they were."""
    for path in sorted(earlier.rglob("*")):
        place = target / path.relative_to(earlier)
        if not path.is_dir() and not OURS.fullmatch(path.name) and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            path.rename(place)
