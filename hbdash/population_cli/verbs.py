"""The verbs of `python -m hbdash population`: the commands by the name of what they do."""

import argparse
from collections.abc import Callable

PROGRAM = "python -m hbdash population"
#: What each verb does.
VERBS = {
    "run": "sample with the sampler whose settings --sampler-cfg holds",
    "validate": "check flags and files as `run` reads them; write nothing",
    "nuts": "sample with NUTS, as n_sage_n_pls_m_gs",
    "flowmc": "sample with flowMC, as f_sage_n_pls_m_gs",
    "aies": "sample with AIES, NumPyro's ensemble sampler; --sampler-cfg may be left out",
    "mock": "generate events, as genie_n_pls_m_gs",
}


def population(given: list[str]) -> int:
    """Run one verb on its flags; return its exit status."""
    lines = "\n".join(f"  {verb:<9} {does}" for verb, does in VERBS.items())
    parser = argparse.ArgumentParser(
        PROGRAM,
        description=f"Infer a population of events known through posterior samples.\n\n{lines}",
        epilog=f"`{PROGRAM} VERB --help` lists the flags of a verb.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=VERBS, metavar="VERB", help=", ".join(VERBS))
    parser.add_argument("flags", nargs=argparse.REMAINDER, help="of the verb")
    asked = parser.parse_args(given)
    return _command(asked.verb)(asked.flags, f"{PROGRAM} {asked.verb}")


def _command(verb: str) -> Callable[[list[str], str], int]:
    if verb == "mock":
        from hbdash.population_cli.mock_command import genie  # noqa: PLC0415

        return genie
    from hbdash.population_cli.commands import sample  # noqa: PLC0415

    if verb == "validate":
        return lambda flags, program: sample([*flags, "--validate-only"], program, None)
    return lambda flags, program: sample(flags, program, None if verb == "run" else verb)
