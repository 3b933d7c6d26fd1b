"""The command line: ``python -m hbdash run SPEC.json | exact SPEC.json | schema | population``.

Standard output is JSON; messages go to standard error. The exit status is 0 when the question was
answered, 1 when it could not be, and 2 when it was not understood.
"""

import argparse
import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import TypeAdapter, ValidationError

from hbdash import diagnostics, population_score, store
from hbdash.exact.marginal import NoExactAnswer
from hbdash.jobs import answered
from hbdash.models import MODELS, ExactAnswer
from hbdash.population.spec import PopulationSpec
from hbdash.run import run
from hbdash.samplers.nuts import SamplingError
from hbdash.spec import AnySpec, RunSpec, explain, parse

ANSWERED, FAILED, NOT_UNDERSTOOD = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    parser = argparse.ArgumentParser("hbdash", description="Hierarchical models, asked as JSON.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, does in (("run", "sample, and print the summary"), ("exact", "print exact answers")):
        command = verbs.add_parser(verb, help=does)
        command.add_argument("spec", help="a JSON file, or - for standard input")
    verbs.choices["run"].add_argument("--output", type=Path, help="also write the draws as NetCDF")
    verbs.add_parser("schema", help="print the JSON schema of all specs")
    verbs.add_parser("population", help="infer a population of events", add_help=False)
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["population"]:
        from hbdash.population_cli.verbs import population  # noqa: PLC0415

        return population(words[1:])
    given = parser.parse_args(words)
    if given.verb == "schema":
        return _print(TypeAdapter(AnySpec).json_schema())
    try:
        spec = read_spec(given.spec)
    except (OSError, ValueError) as error:
        return _complain(error, NOT_UNDERSTOOD)
    try:
        if given.verb == "exact":
            if isinstance(spec, PopulationSpec):
                raise NoExactAnswer("Populations have no exact answer: sample one with `run`.")
            return _print(exact(spec).summary())
        return _print(answer(spec, given.output))
    except (ValueError, LookupError, SamplingError, OSError) as error:
        return _complain(error, FAILED)


def read_spec(path: str) -> AnySpec:
    """Read a spec from a file or, for ``-``, from standard input.

    Raises
    ------
    OSError
        When the file cannot be read.
    ValueError
        When it is not JSON, or not a spec; the message names the field.
    """
    raw = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    try:
        content = json.loads(raw)
        if isinstance(content, dict) and "parameterizations" in content:
            raise ValueError(
                "This is a lab's configuration with `parameterizations`: a spec has one "
                "`parameterization`."
            )
        return parse(content)
    except RecursionError:
        raise ValueError(f"{path} is no spec: it is nested too deeply.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"{path} is not JSON: {error.msg} in {where}.") from None
    except ValidationError as error:
        raise ValueError(explain(error)) from None


def answer(spec: AnySpec, output: Path | None = None) -> dict[str, Any]:
    """Answer a spec from the store or by sampling, and summarize it for JSON.

    Returns
    -------
    dict
        "key"; "score", the diagnostics; "checks", what they found; "posterior", mean, sd and
        quantiles of the population and the groups, or what posterior_summary.json holds of a
        population of events; "exact", where there is an exact answer.
    """
    dt = answered(spec)
    if dt is None:
        dt = run(spec, earlier=store.find(spec))
        store.save(dt)
    if output is not None:
        output.write_bytes(store.netcdf(dt))
    if isinstance(spec, PopulationSpec):
        return _population(dt)
    try:
        found = exact(spec)
        means, summary = found.means, found.summary()
    except NoExactAnswer as error:
        means, summary = None, str(error)
    score = diagnostics.score(spec.parameterization.kind, dt, means)
    return {
        "key": dt.attrs["key"],
        "score": asdict(score),
        "checks": [asdict(check) for check in diagnostics.checks(score)],
        "posterior": diagnostics.moments(dt),
        "exact": summary,
    }


def _population(dt: xr.DataTree) -> dict[str, Any]:
    from hbdash.population_cli.output_files import summary_of  # noqa: PLC0415

    score = population_score.score(dt.attrs["sampler"], dt)
    return {
        "key": dt.attrs["key"],
        "score": asdict(score),
        "checks": [asdict(check) for check in population_score.checks(score)],
        "posterior": summary_of(dt),
        "exact": "Populations have no exact answer.",
    }


def exact(spec: RunSpec) -> ExactAnswer:
    """Integrate a spec's posterior without sampling.

    Raises
    ------
    NoExactAnswer
        When quadrature cannot give it.
    """
    return MODELS[spec.model].exact(spec.grouped(), spec.priors)


def _print(content: Any) -> int:
    json.dump(_finite(content), sys.stdout, indent=1, allow_nan=False)
    print()
    return ANSWERED


def _finite(content: Any) -> Any:
    """Write what JSON cannot hold, NaN and infinities, as null."""
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _complain(error: Exception, status: int) -> int:
    print(f"hbdash: {error.args[0] if isinstance(error, LookupError) else error}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
