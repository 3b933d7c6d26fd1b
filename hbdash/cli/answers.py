"""What commands say of a run: the same content as JSON and as text."""

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from hbdash import diagnostics, population_score
from hbdash.exact.marginal import NoExactAnswer
from hbdash.models import MODELS, ExactAnswer
from hbdash.population.spec import PopulationSpec
from hbdash.posterior_summary import summarize
from hbdash.spec import AnySpec, RunSpec, parse
from hbdash.words import data_words, model_words, sampler_words

#: Quantities that a text names; JSON and the CSV files have all.
MOST_LINES = 40


def exact(spec: AnySpec) -> ExactAnswer:
    """Integrate a spec's posterior without sampling.

    Raises
    ------
    NoExactAnswer
        When quadrature cannot give it.
    """
    if not isinstance(spec, RunSpec):
        raise NoExactAnswer("Populations have no exact answer: sample one with `run`.")
    return MODELS[spec.model].exact(spec.grouped(), spec.priors)


def answer(dt: xr.DataTree) -> dict[str, Any]:
    """Summarize a run for JSON.

    Returns
    -------
    dict
        "key"; "score", the diagnostics; "checks", what they found; "posterior", mean, sd and
        quantiles of the population and the groups, or what posterior_summary.json holds of a
        population of events; "exact", where there is an exact answer.
    """
    spec = parse(json.loads(dt.attrs["spec"]))
    if isinstance(spec, PopulationSpec):
        return _population(dt)
    try:
        found = exact(spec)
        means, summary = found.means, found.summary()
    except NoExactAnswer as error:
        means, summary = None, str(error)
    except LookupError as error:  # the run is here, the table that it came from no longer
        means, summary = None, str(error.args[0] if error.args else error)
    score = diagnostics.score(spec.parameterization.kind, dt, means)
    return {
        "key": dt.attrs["key"],
        "score": asdict(score),
        "checks": [asdict(check) for check in diagnostics.checks(score)],
        "posterior": diagnostics.moments(dt),
        "exact": summary,
    }


def _population(dt: xr.DataTree) -> dict[str, Any]:
    from hbdash.population_cli.output_files import summary_of  # noqa: PLC0415  (seconds to import)

    score = population_score.score(dt.attrs["sampler"], dt)
    return {
        "key": dt.attrs["key"],
        "score": asdict(score),
        "checks": [asdict(check) for check in population_score.checks(score)],
        "posterior": summary_of(dt),
        "exact": "Populations have no exact answer.",
    }


def said(dt: xr.DataTree, found: dict[str, Any]) -> str:
    """Write what `answer` found for people: what was asked, the checks, the posterior."""
    spec = parse(json.loads(dt.attrs["spec"]))
    score = found["score"]
    about = [model_words(spec), data_words(spec.data), sampler_words(spec.sampler)]
    numbers = f"R-hat {score['r_hat']:.3f}, ESS {score['ess_bulk']:,.0f}"
    if score["divergences"] == score["divergences"]:
        numbers += f", {score['divergences']:,.0f} divergences"
    if score.get("error", math.nan) == score.get("error", math.nan) and "error" in score:
        numbers += f", means at most {score['error']:.1f} MCSE from the exact ones"
    lines = [f"{found['key']}", ", ".join(about), f"{numbers}; {score['wall_seconds']:.2f} s."]
    lines += [f"{c['level']}: {c['finding']}: {c['action']}." for c in found["checks"]]
    table = summarize(dt)
    shown = table[["mean", "sd", "hdi_low", "hdi_high", "ess_bulk", "r_hat", "mcse_mean"]]
    lines += ["", written(pd.DataFrame(shown.head(MOST_LINES)))]
    if len(table) > MOST_LINES:
        lines.append(f"... and {len(table) - MOST_LINES:,} more: `export` writes all of them.")
    return "\n".join(lines)


def written(table: pd.DataFrame, *, index: bool = True) -> str:
    """Write a table for people, numbers in four digits."""
    short: Any = "{:.4g}".format
    return table.to_string(index=index, float_format=short)


def exact_said(found: dict[str, Any]) -> str:
    """Write exact moments and quantiles for people; what is not a number by itself is left out."""
    lines = []
    for name, numbers in found.items():
        if isinstance(numbers, dict) and isinstance(numbers.get("mean"), int | float):
            quantiles = numbers.get("quantiles", {})
            parts = [f"mean {numbers['mean']:.6g}", f"sd {numbers['sd']:.6g}"]
            parts += [f"{float(q):.0%} {value:.6g}" for q, value in quantiles.items()]
            lines.append(f"{name:<18} " + ", ".join(parts))
    return "\n".join(lines)


def finite(content: Any) -> Any:
    """Write what JSON cannot hold, NaN and infinities, as null."""
    if isinstance(content, dict):
        return {str(name): finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    if isinstance(content, np.generic):
        content = content.item()
    return None if isinstance(content, float) and not math.isfinite(content) else content
