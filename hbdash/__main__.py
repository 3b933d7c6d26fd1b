"""The command line: ``python -m hbdash run | list | show | export | compare | sweep | ...``.

Standard output is text or, with --json, JSON; messages go to standard error. The exit status is 0
when it was done, 1 when it could not be, 2 when it was not understood, 3 when a run is bad and
--strict was given, 130 when it was abandoned.
"""

import sys

from hbdash.cli.status import ABANDONED, FAILED, NOT_UNDERSTOOD, complain

PROGRAM = "hbdash"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["population"]:
        from hbdash.population_cli.verbs import population  # noqa: PLC0415

        return population(words[1:])
    from hbdash.cli.parser import parser  # noqa: PLC0415  (seconds to import)

    flags = parser().parse_args(words)
    from hbdash.cli.read import NotUnderstood  # noqa: PLC0415
    from hbdash.cli.terminal import Abandoned  # noqa: PLC0415
    from hbdash.cli.verbs import VERBS  # noqa: PLC0415
    from hbdash.samplers.nuts import SamplingError  # noqa: PLC0415

    try:
        return VERBS[flags.verb](flags)
    except NotUnderstood as error:
        return complain(PROGRAM, error, NOT_UNDERSTOOD)
    except (KeyError, IndexError):
        raise  # LookupErrors that no person gave cause to: their traceback is needed
    except (Abandoned, KeyboardInterrupt):
        return complain(PROGRAM, "abandoned; nothing was written.", ABANDONED)
    except BrokenPipeError:
        return FAILED  # whoever read the output has seen enough
    except (ValueError, LookupError, SamplingError, OSError) as error:
        return complain(PROGRAM, error, FAILED)


if __name__ == "__main__":
    sys.exit(main())
