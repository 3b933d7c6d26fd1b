"""Many specs at once: `sweep` varies a base, and makes one row of numbers of each run."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from copy import deepcopy
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import pandas as pd
import xarray as xr
from pydantic import ValidationError

from hbdash import cluster, diagnostics, population_score, store
from hbdash.exact.marginal import NoExactAnswer
from hbdash.jobs import answered
from hbdash.models import MODELS
from hbdash.population.spec import PopulationSpec
from hbdash.question import check
from hbdash.run import run
from hbdash.samplers.nuts import SamplingError
from hbdash.spec import AnySpec, RunSpec, explain, parse

#: Specs of one sweep.
MOST_SPECS = 10_000
#: A grid of values by path, of which every combination is asked; or the combinations themselves.
Grid = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]


def sweep(
    base: AnySpec | Mapping[str, Any],
    grid: Grid,
    on_done: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Answer many specs, and put what they say of themselves side by side.

    All are read and checked before anything runs. Answers come from the store where it has them;
    the others are sampled, by all workers of the cluster where there is one (`hbdash.cluster`), and
    kept. Specs that differ in numbers alone (data, priors, centeredness, seed) share one compiled
    program.

    Parameters
    ----------
    base : a spec, or its JSON; what is absent has the defaults of a fresh visit.
    grid : values by dotted path, such as ``{"data.sigma": [1, 10], "sampler.seed": [0, 1]}``, for
        the product of all; or a list of such paths with one value each.
    on_done : called with the number of specs that are done, and of all, as each gets done.

    Returns
    -------
    One row for each spec, in the order of the grid: the values that vary; "key", its run in the
    store; the numbers of `hbdash.diagnostics.score` or `hbdash.population_score.score`; "failed",
    why there are none, and None where there are.

    Raises
    ------
    ValueError, LookupError
        Where a spec is none, or cannot run; the message names the path and the value.
    """
    varied = _combinations(grid)
    specs = [_spec(base, values) for values in varied]
    # The same question twice is one run; only when it stops by itself is no part of its key.
    questions = [(spec.key, spec.max_divergences) for spec in specs]
    times, done = Counter(questions), 0
    found: dict[Any, dict[str, Any]] = {}
    for question, numbers in _answers(dict(zip(questions, specs, strict=True))):
        found[question] = numbers
        done += times[question]
        if on_done is not None:
            on_done(done, len(specs))
    rows = [found[question] for question in questions]
    # A score names its sampler, which may also be what varies.
    return pd.DataFrame(
        [
            {**values, **{name: value for name, value in numbers.items() if name not in values}}
            for values, numbers in zip(varied, rows, strict=True)
        ]
    )


def _combinations(grid: Grid) -> list[dict[str, Any]]:
    if isinstance(grid, Mapping):
        for path, values in grid.items():
            if isinstance(values, str | Mapping) or not isinstance(values, Sequence) or not values:
                raise ValueError(
                    f"`grid` must have a list of values for {path}, got {values!r}. Write [...] "
                    "around it."
                )
        count = 1
        for values in grid.values():
            count *= len(values)
        _check_count(count)
        return [
            dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
        ]
    _check_count(len(grid))
    return [dict(values) for values in grid]


def _check_count(count: int) -> None:
    if not 1 <= count <= MOST_SPECS:
        raise ValueError(f"A sweep must have 1 to {MOST_SPECS:,} specs, got {count:,}.")


def _spec(base: AnySpec | Mapping[str, Any], values: Mapping[str, Any]) -> AnySpec:
    said = ", ".join(f"{path} = {value!r}" for path, value in values.items()) or "the base"
    try:
        content = _content(base, values)
        for path, value in values.items():
            _place(content, path, value)
        spec = parse(content)
        check(spec)
        return spec
    except ValidationError as error:
        raise ValueError(f"With {said}: {explain(error)}") from None
    except ValueError as error:
        raise ValueError(f"With {said}: {error}") from None
    except LookupError as error:
        raise LookupError(f"With {said}: {error.args[0] if error.args else error}") from None


def _content(base: AnySpec | Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The base as JSON, with the defaults of what the paths lead into."""
    if not isinstance(base, Mapping):
        return base.model_dump(mode="json")
    content = deepcopy(dict(base))
    absent = {path.partition(".")[0] for path in values if "." in path} - set(content)
    if absent:
        filled = parse(content).model_dump(mode="json")
        content |= {name: filled[name] for name in absent if name in filled}
    return content


def _place(content: Any, path: str, value: Any, before: str = "") -> None:
    """Put a value where a path leads."""
    names: list[str] = []
    if isinstance(content, dict):
        # The names of priors of a population may hold dots of their own.
        names = [name for name in content if path == name or path.startswith(f"{name}.")]
    name = max(names, key=len, default=path.partition(".")[0])
    rest, here = path[len(name) + 1 :], f"{before}{name}"
    if isinstance(content, list):
        if not (name.isdecimal() and int(name) < len(content)):
            raise ValueError(
                f"`grid` must lead to a place in a list of {len(content)}, counted from 0, got "
                f"{here}."
            )
        place: Any = int(name)
    elif isinstance(content, dict):
        place = name
    else:
        raise ValueError(
            f"`grid` must lead to a field, got {before}{path}: {before.rstrip('.')} is "
            f"{content!r}, which has none."
        )
    if not rest:
        content[place] = value
        return
    if isinstance(content, dict) and content.get(place) is None:
        content[place] = {}
    _place(content[place], rest, value, f"{here}.")


def _answers(specs: dict[Any, AnySpec]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Answer each, on all workers of the cluster at once, or here one after another."""
    exact = lru_cache(maxsize=64)(_exact)
    count = cluster.size() if cluster.address() is not None else 0
    if not count:
        for name, spec in specs.items():
            yield name, _row(spec, exact, None)
        return
    left = threading.Event()
    # One more waits at each worker, so that it need not wait for this process.
    pool = ThreadPoolExecutor(2 * count, "hbdash sweep")
    try:
        asked = {pool.submit(_row, spec, exact, left): name for name, spec in specs.items()}
        for future in as_completed(asked):
            yield asked[future], future.result()
    finally:
        left.set()
        pool.shutdown(cancel_futures=True)


class _Left(Exception):
    """The sweep has been abandoned."""


def _row(
    spec: AnySpec, exact: Callable[[str], dict[str, float] | None], left: threading.Event | None
) -> dict[str, Any]:
    def go_on(_: Any) -> bool:
        if left is not None and left.is_set():
            raise _Left
        return True

    try:
        dt = answered(spec)
        if dt is None:
            earlier = store.find(spec)
            if left is None:
                dt = run(spec, earlier=earlier)
            else:
                dt = cluster.run(spec, go_on, earlier)
            if "posterior" not in dt.children:
                raise SamplingError("The run ended before its first draw.")
            store.put(dt)
        return {"key": dt.attrs["key"], **_numbers(spec, dt, exact), "failed": None}
    except _Left:
        raise
    except (ValueError, LookupError, SamplingError) as error:
        return {"key": spec.key, "failed": str(error.args[0] if error.args else error)}
    except Exception as error:  # one run that fails inside a library does not end the others
        return {"key": spec.key, "failed": f"{type(error).__name__}: {error}"}


def _numbers(
    spec: AnySpec, dt: xr.DataTree, exact: Callable[[str], dict[str, float] | None]
) -> dict[str, Any]:
    if isinstance(spec, PopulationSpec):
        found = asdict(population_score.score("", dt))
    else:
        question = RunSpec(model=spec.model, data=spec.data, priors=spec.priors)
        found = asdict(diagnostics.score("", dt, exact(question.model_dump_json())))
    del found["label"]
    return found


def _exact(question: str) -> dict[str, float] | None:
    """Exact means of a model, its data and priors; None where quadrature cannot give them."""
    spec = RunSpec.model_validate_json(question)
    try:
        return MODELS[spec.model].exact(spec.grouped(), spec.priors).means
    except NoExactAnswer:
        return None
