"""The flags of the population commands, with the spellings of older releases as aliases.

The names are those of GWKokab's `n_sage_n_pls_m_gs`, `f_sage_n_pls_m_gs` and `genie_n_pls_m_gs`.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from hbdash.population.parameters import Components

#: The column that holds the natural logarithm of the reference prior of each row.
LOG_PRIOR = "log_prior"
#: Seeds lie below this.
SEEDS = 2**32
STATUS = (
    "exit status: 0 done, 1 could not be done, 2 not understood (a flag, a file, a key or a row), "
    "3 with --strict where the run has not converged, 130 abandoned from the keyboard. "
    "Ctrl-C once stops and keeps what has been drawn; twice abandons it."
)


def run_parser(program: str, sampler: str | None) -> argparse.ArgumentParser:
    """Make the parser of a command that samples.

    Parameters
    ----------
    program : the name in usage and errors.
    sampler : "nuts", "flowmc" or "aies", which has settings of its own unless a file gives others;
        None for the sampler that the file is of.
    """
    words = {"nuts": "NUTS", "flowmc": "flowMC", "aies": "AIES"}
    parser = _parser(program, f"Infer a population by {words.get(sampler or '', 'any sampler')}.")
    parser.add_argument("--seed", type=_seed, default=37, help="of the random numbers (37)")
    parser.add_argument("--n-pl", type=_count, default=0, help="power laws (0)")
    parser.add_argument("--n-g", type=_count, default=0, help="Gaussians (0)")
    events = parser.add_argument_group("events")
    events.add_argument(
        "--posterior-regex",
        nargs="+",
        required=True,
        metavar="GLOB",
        help="the files of posterior samples, one an event: a glob in quotes, or the files",
    )
    events.add_argument(
        "--posterior-columns",
        nargs="+",
        required=True,
        metavar="COLUMN",
        help=f"primary mass, secondary mass, and {LOG_PRIOR} where the files have it",
    )
    events.add_argument(
        "--drop-invalid",
        action="store_true",
        help="drop and count rows that are not finite, or have a mass of 0 or less",
    )
    files = parser.add_argument_group("configuration")
    files.add_argument(
        "--pmean-cfg", "--pmean-json", type=Path, default=Path("pmean.json"), metavar="FILE",
        help="the expected number of detections (pmean.json)",
    )  # fmt: skip
    files.add_argument(
        "--prior-cfg", "--prior-json", type=Path, default=Path("prior.json"), metavar="FILE",
        help="the priors (prior.json)",
    )  # fmt: skip
    files.add_argument(
        "--sampler-cfg", "--sampler-config", type=Path, required=sampler != "aies", metavar="FILE",
        help="the settings of the sampler",
    )  # fmt: skip
    sums = parser.add_argument_group("likelihood")
    sums.add_argument(
        "--n-buckets", type=_positive_count, metavar="N",
        help="pad the events into N arrays; unless given, they stay one array without padding, "
        "and the value is the same",
    )  # fmt: skip
    sums.add_argument(
        "--threshold", type=_percentage, metavar="PERCENT",
        help="without --n-buckets: as many arrays as each gain this much padding at least",
    )  # fmt: skip
    sums.add_argument(
        "--variance-cut-threshold", type=_positive, metavar="V",
        help="penalize a likelihood whose Monte-Carlo variance exceeds V",
    )  # fmt: skip
    _add_output(parser)
    ways = parser.add_argument_group("ways to run")
    ways.add_argument(
        "--validate-only", action="store_true", help="check everything; sample and write nothing"
    )
    ways.add_argument(
        "--strict", action="store_true", help="exit with status 3 where it has not converged"
    )
    ways.add_argument("--no-store", action="store_true", help="keep nothing in the store of runs")
    return parser


def parse_run(parser: argparse.ArgumentParser, given: list[str] | None) -> argparse.Namespace:
    """Parse the flags of a command that samples, and check those that go together."""
    flags = parser.parse_args(given)
    try:
        Components(flags.n_pl, flags.n_g)
    except ValueError as error:
        why = "no components: " if flags.n_pl + flags.n_g == 0 else ""
        parser.error(f"argument --n-pl, --n-g: {why}{error}")
    columns = flags.posterior_columns
    if len(set(columns)) < len(columns):
        parser.error(f"argument --posterior-columns: each once, got {' '.join(columns)}")
    masses = [column for column in columns if column != LOG_PRIOR]
    if len(masses) != 2 or columns[:2] != masses:
        parser.error(
            "argument --posterior-columns: must be primary mass, secondary mass and, where the "
            f"files have it, {LOG_PRIOR} as the last; got {' '.join(columns)}"
        )
    return flags


def mock_parser(program: str) -> argparse.ArgumentParser:
    """Make the parser of the command that generates mock events."""
    parser = _parser(program, "Generate mock events and their posterior samples.")
    parser.add_argument("--seed", type=_seed, default=37, help="of the random numbers (37)")
    parser.add_argument(
        "--error-size", type=_positive_count, default=2000, help="samples of an event (2000)"
    )
    parser.add_argument(
        "--num-realizations", type=_positive_count, default=5, help="catalogues to make (5)"
    )
    parser.add_argument(
        "--model-json", "--model-cfg", type=Path, required=True, metavar="FILE",
        help="N_pl, N_g and the true parameters",
    )  # fmt: skip
    parser.add_argument(
        "--pmean-json", "--pmean-cfg", type=Path, default=Path("pmean.json"), metavar="FILE",
        help="the expected number of detections (pmean.json)",
    )  # fmt: skip
    parser.add_argument(
        "--err-json", "--err-cfg", type=Path, required=True, metavar="FILE",
        help="scale_Mc and scale_eta of the measurement errors",
    )  # fmt: skip
    _add_output(parser)
    return parser


def _parser(program: str, does: str) -> argparse.ArgumentParser:
    # An abbreviation would be ambiguous between a flag and its alias.
    return argparse.ArgumentParser(program, description=does, epilog=STATUS, allow_abbrev=False)


def _add_output(parser: argparse.ArgumentParser) -> None:
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output-dir", type=Path, default=Path(), metavar="FOLDER",
        help="where the files go (the working directory)",
    )  # fmt: skip
    output.add_argument("--quiet", action="store_true", help="say only what went wrong")


def _number(kind: type, fits: Callable[[float], bool], must: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not fits(value):
            raise argparse.ArgumentTypeError(f"must be {must}, got {text!r}")
        return value

    return read


_seed = _number(int, lambda n: 0 <= n < SEEDS, f"a whole number from 0 to {SEEDS - 1}")
_count = _number(int, lambda n: n >= 0, "a whole number, 0 or more")
_positive_count = _number(int, lambda n: n >= 1, "a whole number, 1 or more")
_positive = _number(float, lambda x: 0 < x < math.inf, "a number greater than 0")
_percentage = _number(float, lambda x: 0 < x < 100, "between 0 and 100")
