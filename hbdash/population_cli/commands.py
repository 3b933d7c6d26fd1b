"""The commands that sample a population, from their flags to their files and exit status."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xarray as xr

from hbdash import store
from hbdash.cli.status import (
    ABANDONED,
    DONE,
    FAILED,
    NOT_CONVERGED,
    NOT_UNDERSTOOD,
    complain,
)
from hbdash.cli.terminal import Abandoned, Watch, follow
from hbdash.jobs import answered
from hbdash.population.cost import estimate
from hbdash.population.priors import resolve
from hbdash.population.spec import PopulationSpec
from hbdash.population_cli.arguments import parse_run, run_parser
from hbdash.population_cli.drafts import draft, publish
from hbdash.population_cli.output_files import posterior, summary_of, write_run
from hbdash.population_cli.own_store import own_store
from hbdash.population_cli.question_files import COMMANDS, WORDS, Said, read_question
from hbdash.population_score import checks, score
from hbdash.run import run
from hbdash.samplers.nuts import SamplingError

#: Findings that say that the draws do not yet come from the posterior.
CONVERGENCE = (
    "r_hat", "r_hat_ensembles", "ess_bulk", "ess_tail", "chains", "saturated", "divergences",
    "global_acceptance",
)  # fmt: skip
#: Notes about the input, and warnings, that are printed.
MOST_NOTES = 10


def n_sage(given: list[str] | None = None) -> int:
    """Infer a population by NUTS: the command n_sage_n_pls_m_gs."""
    return sample(given, COMMANDS["nuts"], "nuts")


def f_sage(given: list[str] | None = None) -> int:
    """Infer a population by flowMC: the command f_sage_n_pls_m_gs."""
    return sample(given, COMMANDS["flowmc"], "flowmc")


def sample(given: list[str] | None, program: str, sampler: str | None) -> int:
    """Parse flags, sample, and write the files; return the exit status.

    Parameters
    ----------
    given : the flags; those of the process unless given.
    program : the name in usage and errors.
    sampler : "nuts", "flowmc" or "aies"; None for the one that the settings are of.
    """
    flags = parse_run(run_parser(program, sampler), given)
    try:
        with own_store(flags.no_store or flags.validate_only):
            return _read_and_sample(flags, program, sampler)
    except (Abandoned, KeyboardInterrupt):
        return complain(program, "abandoned; nothing was written.", ABANDONED)


def _read_and_sample(flags: argparse.Namespace, program: str, sampler: str | None) -> int:
    try:
        spec, said = read_question(flags, sampler)
    except (ValueError, LookupError, OSError) as error:
        return complain(program, error, NOT_UNDERSTOOD)
    _tell(said, flags.quiet)
    try:
        return _validate(spec, said, flags) if flags.validate_only else _answer(spec, said, flags)
    except (KeyError, IndexError):
        raise  # LookupErrors that no person gave cause to: their traceback is needed
    except (ValueError, LookupError, SamplingError, OSError, RuntimeError) as error:
        return complain(program, error, FAILED)


def _validate(spec: PopulationSpec, said: Said, flags: argparse.Namespace) -> int:
    """Go all the way to the first step of the sampler, and write nothing."""
    watch = Watch(flags.quiet)
    cost = follow(lambda on_chunk: estimate(spec), watch)
    if not flags.quiet:
        print(f"Valid: {_describe(spec, said)}. {WORDS[spec.sampler.kind]} would take {cost}.")
    return DONE


def _answer(spec: PopulationSpec, said: Said, flags: argparse.Namespace) -> int:
    watch, folder = Watch(flags.quiet), flags.output_dir
    if not flags.quiet:
        watch.say(f"{_describe(spec, said)}.")
    with draft(folder) as place:
        dt = answered(spec)
        if dt is None:
            dt = follow(lambda on_chunk: _sample(spec, on_chunk, watch), watch)
            if "posterior" not in dt.children:
                raise ValueError("stopped before the first draw: nothing was written.")
            _keep(dt, watch)
        elif not flags.quiet:
            watch.say("Answered before: the run is taken from the store.")
        write_run(dt, resolve(spec.priors, spec.components), place)
        names = publish(place, folder)
    if not flags.quiet:
        print(_table(dt))
        print(f"Written to {_shown(folder)}: {', '.join(names)}.")
    return _judge(dt, flags)


def _sample(spec: PopulationSpec, on_chunk: Callable[[Any], bool], watch: Watch) -> xr.DataTree:
    if not watch.quiet:
        watch.say(f"{WORDS[spec.sampler.kind]} will take {estimate(spec)}.")
    return run(spec, on_chunk, store.find(spec))


def _keep(dt: xr.DataTree, watch: Watch) -> None:
    if not store.save(dt):
        watch.say(f"warning: {store.trouble()}")


def _judge(dt: xr.DataTree, flags: argparse.Namespace) -> int:
    """Say what is wrong with a run; nothing where nothing is."""
    found = checks(score(WORDS[dt.attrs["sampler"]], dt))
    for check in found:
        print(f"warning: {check.finding}. Next: {check.action}.", file=sys.stderr)
    doubts = [c for c in found if c.column in CONVERGENCE and (c.level == "bad" or flags.strict)]
    if doubts:
        print("NOT CONVERGED: do not trust these draws yet.", file=sys.stderr)
    return NOT_CONVERGED if doubts and flags.strict else DONE


def _tell(said: Said, quiet: bool) -> None:
    for level, lines in (("note", [] if quiet else said.notes), ("warning", said.warnings)):
        for line in lines[:MOST_NOTES]:
            print(f"{level}: {line}", file=sys.stderr)
        if (more := len(lines) - MOST_NOTES) > 0:
            print(f"{level}: and {more:,} more of these.", file=sys.stderr)


def _describe(spec: PopulationSpec, said: Said) -> str:
    priors = resolve(spec.priors, spec.components)
    sampled, fixed = len(priors.shape.sampled), len(priors.constants)
    return (
        f"{said.counted}; {_counted(spec.n_pl, 'power law')} and {_counted(spec.n_g, 'Gaussian')} "
        f"with {_counted(sampled, 'sampled parameter')} and {_counted(fixed, 'constant')}"
    )


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _table(dt: xr.DataTree) -> str:
    """Tabulate the summary, a row a parameter."""
    found, (names, _) = summary_of(dt), posterior(dt)
    columns = ("mean", "sd", "5%", "95%", "ess_bulk", "ess_tail", "r_hat")
    width = max(map(len, names))
    lines = [" " * width + "".join(f"{column:>10}" for column in columns)]
    for name in names:
        cells = [
            f"{'-' if (value := found[column][name]) is None else format(value, '.4g'):>10}"
            for column in columns
        ]
        lines.append(f"{name:<{width}}" + "".join(cells))
    return "\n".join(lines)


def _shown(folder: Path) -> str:
    return "the working directory" if folder == Path() else str(folder)
