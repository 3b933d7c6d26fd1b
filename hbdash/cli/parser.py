"""The flags of the command line."""

import argparse
from pathlib import Path

from hbdash.export import ARTIFACTS

SPEC = "a JSON file with a spec, or - for standard input"
RUN = "the key of a stored run, its beginning, or a JSON file with its spec"
DESCRIPTION = """\
Hierarchical models, asked as JSON, on the store that the app shows: what is run here is there at
once, and the other way round. HBDASH_STORE names the store, HBDASH_SCHEDULER a Dask cluster."""
EPILOG = """\
exit status: 0 done; 1 it could not be done; 2 not understood; 3 with --strict, when a check found
the draws bad; 130 abandoned with Ctrl-C pressed twice (once stops and keeps what is drawn)."""


def parser() -> argparse.ArgumentParser:
    """Describe all verbs but `population`, which has its own."""
    top = argparse.ArgumentParser(
        "python -m hbdash",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    json_ = argparse.ArgumentParser(add_help=False)
    json_.add_argument("--json", action="store_true", help="print JSON instead of text")

    def verb(name: str, help_: str, *, json: bool = True) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=help_, description=help_, parents=[json_] * json)

    one = verb("run", "sample a spec, or answer it from the store, and print the summary")
    one.add_argument("spec", help=SPEC)
    one.add_argument("--output", type=Path, help="also write the draws as NetCDF")
    one.add_argument("--label", help="what the app shall call the run")
    one.add_argument("--pin", action="store_true", help="keep it, however full the store is")
    one.add_argument("--quiet", action="store_true", help="show no progress")
    one.add_argument("--strict", action="store_true", help="exit status 3 where a check is bad")
    one = verb("list", "list the stored runs, the latest first")
    one.add_argument("words", nargs="*", help="only runs in which each of these words occurs")
    one = verb("show", "print what is known of a stored run")
    one.add_argument("run", help=RUN)
    one = verb("export", "write a stored run to files", json=False)
    one.add_argument("run", help=RUN)
    one.add_argument(
        "what", nargs="*", help=f"which: {', '.join(ARTIFACTS)}, report; the zip unless told"
    )
    one.add_argument("--to", type=Path, default=Path(), metavar="FOLDER", help="where, unless here")
    one = verb("compare", "put stored runs of one model and one data set side by side")
    one.add_argument("runs", nargs="+", help=RUN)
    one.add_argument("--loo", action="store_true", help="also by leave-one-out cross-validation")
    one = verb("sweep", "run many specs: a base, varied over a grid")
    one.add_argument("base", help=SPEC)
    one.add_argument("grid", help='a JSON file such as {"data.sigma": [1, 10]}, or a list of them')
    one.add_argument("--csv", type=Path, help="also write the table")
    one.add_argument("--quiet", action="store_true", help="show no progress")
    one = verb("exact", "print the exact answer of a spec, by quadrature")
    one.add_argument("spec", help=SPEC)
    verb("schema", "print the JSON schema of all specs", json=False)
    verb("doctor", "check the installation, the store and the compilation cache")
    verbs.add_parser("population", help="infer a population of events", add_help=False)
    return top
