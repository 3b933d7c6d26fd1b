"""The report of runs: everything that a page shows of them, in one file that needs no network."""

import json
import re
from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr
from latex2mathml.converter import convert

from hbdash.export.manifest import data_hash
from hbdash.figures import FIGURES, OF_A_LEVEL, View
from hbdash.models import MODELS
from hbdash.parameterization import label as parameterization_label
from hbdash.population.equations import REFERENCES, equations
from hbdash.population.priors import describe_prior
from hbdash.population.spec import PopulationSpec
from hbdash.posterior_summary import summarize
from hbdash.quantities import level, levels
from hbdash.spec import AnySpec, parse
from hbdash.versions import HBDASH
from hbdash.web_page import Picture, drawing, page, text
from hbdash.words import data_words, model_words, sampler_words

#: The figures that every report of a model has, by their names on the menu.
MAIN: dict[str, tuple[str, ...]] = {
    "normal_means": ("funnel", "population", "traces", "shrinkage", "predictive"),
    "regression": ("bands_by_group", "forest", "line_shrinkage", "traces", "energy"),
    "missing_predictors": ("weights", "mask", "predictive_by_group", "energy"),
    "population": ("corner", "spectrum", "expected_observed", "evolution"),
}
MATHML = "http://www.w3.org/1998/Math/MathML"
#: Quantities that are summarized one by one, and rows of the table that are shown.
MOST_SUMMARIZED, MOST_ROWS = 5000, 100
#: Columns of the summary, in words.
SUMMARY = {
    "mean": "Mean",
    "sd": "sd",
    "hdi_low": "HPDI low",
    "hdi_high": "HPDI high",
    "truth": "Truth",
    "ess_bulk": "ESS bulk",
    "ess_tail": "ESS tail",
    "r_hat": "R-hat",
    "mcse_mean": "MCSE",
}


def report(
    runs: Mapping[str, xr.DataTree],
    *,
    title: str = "Report",
    verdict: tuple[str, str] | None = None,
    scoreboard: pd.DataFrame | None = None,
    shown: Sequence[Picture] = (),
    query: str = "",
) -> str:
    """Write a report as one HTML file.

    Parameters
    ----------
    runs : label to draws, at least one.
    title : above it all.
    verdict : "good", "warn" or "bad", and the sentence that says it, in Markdown: bold words, and
        backslashes before signs that mean themselves.
    scoreboard : a row for each run, its cells as words.
    shown : the figures on the screen, which come before those that every report has.
    query : of the link that shows the same page.
    """
    specs = {name: parse(json.loads(dt.attrs["spec"])) for name, dt in runs.items()}
    taken = {picture.name for picture in shown}
    models = {spec.model for spec in specs.values()}
    pictures = list(shown)
    if len(models) == 1 and len({data_hash(dt) for dt in runs.values()}) == 1:
        names = [name for name in MAIN[models.pop()] if name not in taken]
        pictures += drawn(names, runs)
    sections = [
        f"<h1>{text(title)}</h1>\n<p class='small'>Written by hbdash {HBDASH}.</p>",
        _judgement(verdict, scoreboard),
        "<h2>What was asked</h2>",
        *_questions(runs, specs),
        "<h2>Figures</h2>" if pictures else "",
        *map(drawing, pictures),
        "<h2>Summary</h2>",
        *(_summary(name, dt) for name, dt in runs.items()),
        "<h2>Where it comes from</h2>",
        _provenance(runs, specs),
        f"<p>The page that shows this: <code>?{text(query)}</code></p>" if query else "",
    ]
    return page(title, "\n".join(filter(None, sections)))


def drawn(names: Sequence[str], runs: Mapping[str, xr.DataTree]) -> list[Picture]:
    """Draw figures of the menu of runs of one model on the same data.

    Those that show a population of effects show the first, and are left out where there is none.
    """
    pooled = next(iter(levels(next(iter(runs.values())))), None)
    pictures = []
    for name in names:
        figure, view = FIGURES[name], View(dict(runs))
        if figure.tab in OF_A_LEVEL:
            if pooled is None:
                continue
            view = View({label: level(dt, pooled) for label, dt in runs.items()})
        pictures.append(Picture(name, figure.title, figure.draw(view), figure.caption))
    return pictures


def _judgement(verdict: tuple[str, str] | None, scoreboard: pd.DataFrame | None) -> str:
    said = ""
    if verdict is not None:
        sentence = re.sub(r"(?<!\\)\*\*(.+?)(?<!\\)\*\*", r"<b>\1</b>", text(verdict[1]))
        # A backslash tells Markdown to leave the sign behind it alone.
        sentence = re.sub(r"\\([^A-Za-z0-9\s])", r"\1", sentence)
        said = f"<p class='verdict {text(verdict[0])}'>{sentence}</p>\n"
    return said + ("" if scoreboard is None else _table(scoreboard))


def _questions(runs: Mapping[str, xr.DataTree], specs: Mapping[str, AnySpec]) -> list[str]:
    """Say model, data and priors, once for all runs that share them, and what each run is."""
    alike: dict[str, list[str]] = {}
    for name, spec in specs.items():
        own = spec.model_dump_json(exclude={"sampler", "parameterization"})
        alike.setdefault(own, []).append(name)
    return [_question(specs[names[0]], names, runs, specs) for names in alike.values()]


def _question(
    spec: AnySpec,
    names: Sequence[str],
    runs: Mapping[str, xr.DataTree],
    specs: Mapping[str, AnySpec],
) -> str:
    if isinstance(spec, PopulationSpec):
        lines, references = equations(spec.components), REFERENCES
        priors = {site: describe_prior(entry) for site, entry in spec.priors.items()}
    else:
        model = MODELS[spec.model]
        lines, references = model.equations(spec.priors), model.references
        priors = {site: str(prior) for site, prior in spec.priors.items()}
    first = runs[names[0]]
    source = str(first.attrs.get("source", "")) or data_words(spec.data)
    asked = pd.DataFrame(
        {
            "Parameterization": [_parameterization(specs[name]) for name in names],
            "Sampler": [sampler_words(specs[name].sampler) for name in names],
            "Seed": [str(specs[name].sampler.seed) for name in names],
            "Key": [str(runs[name].attrs["key"]) for name in names],
        },
        index=pd.Index(names),
    )
    written = pd.DataFrame({"Prior": list(priors.values())}, index=pd.Index(list(priors)))
    return "\n".join(
        [
            f"<h3>{text(model_words(spec))}</h3>",
            *map(equation, lines),
            f"<p>Data: {text(source)}; {_counted(first)}.</p>",
            _table(written, "words"),
            _table(asked, "words"),
            f"<p class='small'>First published: {text('; '.join(references))}.</p>",
        ]
    )


def equation(line: str) -> str:
    """Write a line of LaTeX as MathML, which a page of HTML knows without the address of it."""
    return convert(line, display="block").replace(f' xmlns="{MATHML}"', "")


def _parameterization(spec: AnySpec) -> str:
    return "" if isinstance(spec, PopulationSpec) else parameterization_label(spec.parameterization)


def _counted(dt: xr.DataTree) -> str:
    """Count groups or events, and name the first of them."""
    observed = dt["observed_data"].to_dataset()
    dim = "event" if "event" in observed.coords else "group"
    names = [str(name) for name in observed.coords[dim].values]
    more = ", …" if len(names) > 12 else ""
    return f"{len(names):,} {dim}s: {text(', '.join(names[:12]))}{more}"


def _summary(name: str, dt: xr.DataTree) -> str:
    entries = sum(draws[0, 0].size for draws in dt["posterior"].data_vars.values())
    every = entries <= MOST_SUMMARIZED
    table = summarize(dt, 0.9, "all" if every else "population")
    head = table.head(MOST_ROWS)
    columns = {title: list(map(_number, head[name])) for name, title in SUMMARY.items()}
    known = {title: cells for title, cells in columns.items() if any(cells)}
    shown = pd.DataFrame(known, index=head.index)
    left = (len(table) if every else entries) - len(shown)
    note = f" {left:,} more quantities are in summary.csv." if left > 0 else ""
    words = f"{text(name)}: 90 % highest posterior density intervals, in the units of the data."
    return f"<h3>{text(name)}</h3>\n{_table(shown)}\n<p class='small'>{words}{note}</p>"


def _number(value: float) -> str:
    return "" if value != value else f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def _provenance(runs: Mapping[str, xr.DataTree], specs: Mapping[str, AnySpec]) -> str:
    rows = {
        name: {
            "Key": str(dt.attrs["key"]),
            "Seed": str(specs[name].sampler.seed),
            "Wall, s": f"{float(dt.attrs['wall_seconds']):.2f}",
            "Data, SHA-256": data_hash(dt),
            "Versions": str(dt.attrs.get("versions", "not recorded")),
            "Platform": str(dt.attrs.get("platform", "not recorded")),
        }
        for name, dt in runs.items()
    }
    asked = (
        f"<h3>{text(name)}</h3>\n<pre>{text(spec.model_dump_json(indent=1))}</pre>"
        for name, spec in specs.items()
    )
    return "\n".join([_table(pd.DataFrame(rows), "words"), *asked])


def _table(table: pd.DataFrame, kind: str = "numbers") -> str:
    """Write a table, its index first; numbers stand to the right."""
    head = "".join(f"<th>{text(name)}</th>" for name in ("", *table.columns))
    rows = "".join(
        f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in (name, *cells))}</tr>\n"
        for name, *cells in table.itertuples()
    )
    return (
        f"<div class='wide {kind}'><table><thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody></table></div>"
    )
