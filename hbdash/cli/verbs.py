"""The verbs of the command line, each from its flags to what it prints and its exit status."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

import pandas as pd
import xarray as xr
from pydantic import TypeAdapter, ValidationError

from hbdash import cluster, library, store
from hbdash.cli import answers, read
from hbdash.cli.status import DONE, FAILED, NOT_CONVERGED
from hbdash.cli.terminal import Watch, follow
from hbdash.estimates import differences
from hbdash.export import ARTIFACTS
from hbdash.jobs import answered
from hbdash.loo_comparison import compare as compare_loo
from hbdash.notes import Note
from hbdash.run import run as run_here
from hbdash.spec import AnySpec, explain
from hbdash.sweeps import sweep as sweep_specs

Flags = argparse.Namespace


def run(flags: Flags) -> int:
    """Answer a spec from the store or by sampling."""
    spec = read.spec_file(flags.spec)
    note = _note(flags.label, flags.pin)
    dt = answered(spec)
    if dt is None:
        watch = Watch(flags.quiet)
        dt = follow(lambda on_chunk: _sampled(spec, on_chunk), watch)
        if "posterior" not in dt.children:
            raise ValueError("The run was stopped before its first draw; nothing is kept.")
        if not store.save(dt):
            print(f"hbdash: {store.trouble()}", file=sys.stderr)
    if note is not None:
        library.write_note(dt.attrs["key"], note)
    if flags.output is not None:
        flags.output.write_bytes(store.netcdf(dt))
    found = answers.answer(dt)
    _print(found, answers.said(dt, found), flags.json)
    bad = any(check["level"] == "bad" for check in found["checks"])
    return NOT_CONVERGED if flags.strict and bad else DONE


def _sampled(spec: AnySpec, on_chunk: Any) -> xr.DataTree:
    sample = run_here if cluster.address() is None else cluster.run
    return sample(spec, on_chunk, store.find(spec))


def _note(label: str | None, pin: bool) -> Note | None:
    try:
        return Note(label=label or "", pinned=pin) if label or pin else None
    except ValidationError as error:
        raise read.NotUnderstood(explain(error)) from None


def list_(flags: Flags) -> int:
    """List the stored runs."""
    cards = [card for card in library.cards() if card.says(" ".join(flags.words))]
    rows = [
        {
            "key": card.key,
            "label": card.note.label,
            "pinned": card.note.pinned,
            "model": card.model,
            "data": card.data,
            "parameterization": card.parameterization,
            "sampler": card.sampler,
            "made": card.made.isoformat(),
            "bytes": card.size,
        }
        | asdict(card.numbers)
        for card in cards
    ]
    lines = [
        f"{card.key[:12]}  {card.made:%Y-%m-%d %H:%M}  {'*' if card.note.pinned else ' '} "
        f"{card.model}, {card.data}, {card.parameterization}, {card.sampler}"
        + (f'  "{card.note.label}"' if card.note.label else "")
        for card in cards
    ]
    _print(rows, "\n".join(lines) or "No stored run.", flags.json)
    return DONE


def show(flags: Flags) -> int:
    """Print what is known of a stored run."""
    dt = read.stored(flags.run)
    found = answers.answer(dt) | {"spec": json.loads(dt.attrs["spec"])}
    found |= {name: dt.attrs[name] for name in ("versions", "platform") if name in dt.attrs}
    _print(found, answers.said(dt, found), flags.json)
    return DONE


def export(flags: Flags) -> int:
    """Write a stored run to files, named after its key."""
    dt = read.stored(flags.run)
    what = list(dict.fromkeys(flags.what or ["zip"]))
    known = [*ARTIFACTS, "report"]
    for name in what:
        if name not in known:
            raise read.NotUnderstood(f"What is exported is {', '.join(known)}; got {name!r}.")
    flags.to.mkdir(parents=True, exist_ok=True)
    for name in what:
        if name == "report":
            file, content = "report.html", _report(dt)
        else:
            file, content = ARTIFACTS[name].file, ARTIFACTS[name].make(dt)
        path = flags.to / f"{dt.attrs['key'][:12]}_{file}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        print(path)
    return DONE


def _report(dt: xr.DataTree) -> str:
    from hbdash.report import report  # noqa: PLC0415  (imports all figures)

    return report({_card(dt).name: dt})


def exact(flags: Flags) -> int:
    """Print the exact answer of a spec."""
    found = answers.exact(read.spec_file(flags.spec)).summary()
    _print(found, answers.exact_said(found), flags.json)
    return DONE


def compare(flags: Flags) -> int:
    """Put stored runs side by side."""
    trees = [read.stored(given) for given in flags.runs]
    if len({dt.attrs["key"] for dt in trees}) < 2:
        raise read.NotUnderstood("Give at least two different runs to compare.")
    cards = [_card(dt) for dt in trees]
    for card in cards:
        if not library.same_data(card.spec, cards[0].spec):
            raise ValueError(
                f"{card.key} is of {card.model} on {card.data}, {cards[0].key} of "
                f"{cards[0].model} on {cards[0].data}: runs of one model and one data set compare."
            )
    runs = {card.key[:12]: dt for card, dt in zip(cards, trees, strict=True)}
    scores = [answers.answer(dt)["score"] for dt in trees]
    table = pd.DataFrame(scores, index=pd.Index(list(runs))).drop(columns=["label"])
    names = pd.Series([card.name for card in cards], index=table.index, name="run")
    table.insert(0, "run", names)
    apart = differences(runs)
    found: dict[str, Any] = {
        "scores": [{"key": dt.attrs["key"]} | s for dt, s in zip(trees, scores, strict=True)],
        "differences_in_mcse": apart.to_dict("index"),
    }
    text = [answers.written(table.T)]
    text += ["", f"Means minus those of {next(iter(runs))}, in MCSE:", apart.round(2).to_string()]
    if flags.loo:
        loo = compare_loo(runs)
        found["loo"] = loo.reset_index().to_dict("records")
        text += ["", "Leave-one-out cross-validation, nats:", loo.round(2).to_string()]
    _print(found, "\n".join(text), flags.json)
    return DONE


def _card(dt: xr.DataTree) -> library.Card:
    card = library.find(dt.attrs["key"])
    if card is None:
        raise LookupError(f"{dt.attrs['key']} is not on the disk: its store cannot be read.")
    return card


def sweep(flags: Flags) -> int:
    """Run many specs."""
    base, grid = read.json_file(flags.base), read.json_file(flags.grid)
    if not isinstance(base, dict) or not isinstance(grid, dict | list):
        raise read.NotUnderstood(
            "A sweep takes a base, a JSON object, and a grid, an object of lists or a list of "
            "objects."
        )
    if flags.quiet:
        table = sweep_specs(base, grid)
    else:
        table = sweep_specs(base, grid, _count)
    if flags.csv is not None:
        table.to_csv(flags.csv, index=False)
    _print(table.to_dict("records"), answers.written(table, index=False), flags.json)
    return FAILED if all(isinstance(why, str) for why in table["failed"]) else DONE


def _count(done: int, total: int) -> None:
    end = "\n" if done == total or not sys.stderr.isatty() else ""
    print(f"\r{done:,} of {total:,} runs", end=end, file=sys.stderr, flush=True)


def schema(_: Flags) -> int:
    """Print the JSON schema of all specs."""
    return _print(TypeAdapter(AnySpec).json_schema(), "", True)


def doctor(flags: Flags) -> int:
    """Check the installation, the store and the compilation cache."""
    from hbdash.cli.doctor import examine  # noqa: PLC0415

    findings = examine()
    text = "\n".join(f"{'ok  ' if one.good else 'BAD '} {one.what}: {one.said}" for one in findings)
    _print([asdict(one) for one in findings], text, flags.json)
    return DONE if all(one.good for one in findings) else FAILED


def _print(content: Any, text: str, as_json: bool) -> int:
    if as_json:
        json.dump(answers.finite(content), sys.stdout, indent=1, allow_nan=False)
        print()
    else:
        print(text)
    return DONE


#: The menu; `population` has verbs of its own.
VERBS = {
    "run": run,
    "list": list_,
    "show": show,
    "export": export,
    "compare": compare,
    "sweep": sweep,
    "exact": exact,
    "schema": schema,
    "doctor": doctor,
}
