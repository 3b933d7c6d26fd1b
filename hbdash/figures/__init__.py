"""The menu of figures: one file a figure, one line here; each is drawn from a `View`."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
import xarray as xr

from hbdash.figures.acceptance import acceptance
from hbdash.figures.adaptation import adaptation
from hbdash.figures.autocorrelation import autocorrelation
from hbdash.figures.bands import Kind, bands
from hbdash.figures.bands_beside import bands_beside
from hbdash.figures.bands_by_group import bands_by_group
from hbdash.figures.corner import corner
from hbdash.figures.differences import differences
from hbdash.figures.elpd import elpd
from hbdash.figures.energy import energy
from hbdash.figures.estimates import estimates
from hbdash.figures.event_masses import event_masses
from hbdash.figures.event_weights import event_weights
from hbdash.figures.evolution import evolution
from hbdash.figures.expected_observed import expected_observed
from hbdash.figures.forest import forest
from hbdash.figures.funnel import funnel
from hbdash.figures.funnel_detail import funnel_detail
from hbdash.figures.line_shrinkage import line_shrinkage
from hbdash.figures.loo_pit import loo_pit
from hbdash.figures.marginals import marginals
from hbdash.figures.mask import mask
from hbdash.figures.parameter_traces import parameter_traces
from hbdash.figures.pareto import pareto, points
from hbdash.figures.pareto_k import pareto_k
from hbdash.figures.pooling import pooling
from hbdash.figures.population import population, running_mean, scale
from hbdash.figures.predictive import predictive
from hbdash.figures.predictive_by_group import predictive_by_group
from hbdash.figures.ranks import ranks
from hbdash.figures.replicated_densities import replicated_densities
from hbdash.figures.replicated_statistics import replicated_statistics
from hbdash.figures.residuals import residuals
from hbdash.figures.reweighted_events import reweighted_events
from hbdash.figures.shrinkage import shrinkage
from hbdash.figures.spectrum import spectrum
from hbdash.figures.traces import traces
from hbdash.figures.weights import weights
from hbdash.figures.what_if import what_if
from hbdash.loo import Loo


@dataclass(frozen=True)
class View:
    """Everything a figure may be asked to show.

    Attributes
    ----------
    runs : label -> draws, on the same data.
    exact : the exact answer on grids, None where there is none; its `theta_density` is there only
        where contours were asked for.
    sampled : the same with densities in each run's own coordinates, by label.
    prior : tau's prior density on a grid.
    coordinates : "theta" or "sampled".
    group : the group shown in detail.
    first : the first group of the page of predictive violins.
    dark : whether the page behind is dark.
    kind : which bands of a regression are drawn.
    prob : probability of intervals and bands.
    x : value of the predictor that is asked about, or None.
    new_group : whether a group that was not seen stands beside the one that is shown.
    loo : leave-one-out cross-validation of the run, where it is there already.
    parameters : those of a population that are shown side by side, None for all.
    means : exact means by quantity, where there are any.
    elpd : comparison of the runs by leave-one-out cross-validation, where it is there already.
    """

    runs: dict[str, xr.DataTree]
    exact: xr.Dataset | None = None
    sampled: Mapping[str, xr.Dataset] | None = None
    prior: xr.Dataset | None = None
    coordinates: str = "theta"
    group: int = 0
    first: int = 0
    dark: bool = False
    kind: Kind = "both"
    prob: float = 0.9
    x: float | None = None
    new_group: bool = False
    loo: Loo | None = None
    parameters: tuple[str, ...] | None = None
    means: Mapping[str, float] | None = None
    elpd: pd.DataFrame | None = None

    @property
    def run(self) -> xr.DataTree:
        """The first run, for figures that show one."""
        return next(iter(self.runs.values()))

    @property
    def contours(self) -> xr.Dataset | Mapping[str, xr.Dataset] | None:
        """Exact densities of the effects in the coordinates shown, where they were asked for."""
        if self.coordinates == "sampled":
            return self.sampled
        asked = self.exact is not None and "theta_density" in self.exact
        return self.exact if asked else None


@dataclass(frozen=True)
class Figure:
    """One line of the menu: the tab it stands in, its title, its function and how to call it."""

    tab: str
    title: str
    function: Callable[..., go.Figure]
    draw: Callable[[View], go.Figure]

    @property
    def caption(self) -> str:
        """What a reader looks at: the function's docstring, up to its first section."""
        return caption(self.function)


def caption(function: Callable[..., go.Figure]) -> str:
    """Take the words of a figure function's docstring that stand under its picture."""
    words = re.split(r"\n\n(?:Parameters|Notes|Raises)\n", inspect.getdoc(function) or "")[0]
    return " ".join(words.split())


FIGURES: dict[str, Figure] = {
    "funnel": Figure(
        "Funnels",
        "Funnels of all groups",
        funnel,
        lambda v: funnel(v.runs, coordinates=v.coordinates, exact=v.contours, dark=v.dark),
    ),
    "funnel_detail": Figure(
        "One group",
        "One group in detail",
        funnel_detail,
        lambda v: funnel_detail(
            v.runs, v.group, coordinates=v.coordinates, exact=v.contours, dark=v.dark
        ),
    ),
    "population": Figure(
        "Population",
        "Population mean and scale",
        population,
        lambda v: population(v.runs, exact=v.exact, dark=v.dark),
    ),
    "scale": Figure(
        "Population",
        "The population scale, beside its prior",
        scale,
        lambda v: scale(v.runs, prior=v.prior, exact=v.exact, dark=v.dark),
    ),
    "running_mean": Figure(
        "Population",
        "Running mean of log tau",
        running_mean,
        lambda v: running_mean(v.runs, exact=v.exact, dark=v.dark),
    ),
    "traces": Figure(
        "Traces", "Traces", traces, lambda v: traces(v.runs, exact=v.exact, dark=v.dark)
    ),
    "ranks": Figure("Traces", "Ranks by chain", ranks, lambda v: ranks(v.runs, dark=v.dark)),
    "autocorrelation": Figure(
        "Traces", "Autocorrelation", autocorrelation, lambda v: autocorrelation(v.runs, dark=v.dark)
    ),
    "energy": Figure("Energy", "Energy", energy, lambda v: energy(v.runs, dark=v.dark)),
    "adaptation": Figure(
        "Energy", "Step size and tree depth", adaptation, lambda v: adaptation(v.runs, dark=v.dark)
    ),
    "shrinkage": Figure(
        "Shrinkage",
        "Shrinkage",
        shrinkage,
        lambda v: shrinkage(v.runs, exact=v.exact, dark=v.dark),
    ),
    "predictive": Figure(
        "Predictive",
        "Posterior predictive by group",
        predictive,
        lambda v: predictive(v.runs, groups=slice(v.first, v.first + 40), dark=v.dark),
    ),
    "bands": Figure(
        "Lines",
        "Posterior predictive check of one group",
        bands,
        lambda v: bands(
            v.run, v.group, kind=v.kind, new_group=v.new_group, prob=v.prob, x=v.x, dark=v.dark
        ),
    ),
    "what_if": Figure(
        "Lines",
        "What if the predictor were this?",
        what_if,
        lambda v: what_if(v.run, v.group, 0.0 if v.x is None else v.x, prob=v.prob, dark=v.dark),
    ),
    "bands_by_group": Figure(
        "Lines",
        "All groups",
        bands_by_group,
        lambda v: bands_by_group(
            v.run, groups=slice(v.first, v.first + 24), prob=v.prob, kind=v.kind, dark=v.dark
        ),
    ),
    "forest": Figure(
        "Groups",
        "Intercepts and slopes",
        forest,
        lambda v: forest(v.runs, prob=v.prob, dark=v.dark),
    ),
    "line_shrinkage": Figure(
        "Groups",
        "Shrinkage in two dimensions",
        line_shrinkage,
        lambda v: line_shrinkage(v.runs, dark=v.dark),
    ),
    "pooling": Figure(
        "Groups",
        "No, complete and partial pooling",
        pooling,
        lambda v: pooling(v.run, v.group, dark=v.dark),
    ),
    "predictive_by_group": Figure(
        "By group",
        "Predictive means and predictive distribution",
        predictive_by_group,
        lambda v: predictive_by_group(v.run, dark=v.dark),
    ),
    "residuals": Figure(
        "By group", "Residuals", residuals, lambda v: residuals(v.run, dark=v.dark)
    ),
    "weights": Figure(
        "Weights", "Weights by group", weights, lambda v: weights(v.runs, prob=v.prob, dark=v.dark)
    ),
    "mask": Figure("Weights", "Which predictor applies", mask, lambda v: mask(v.run, dark=v.dark)),
    "replicated_densities": Figure(
        "Checks",
        "Replicated data",
        replicated_densities,
        lambda v: replicated_densities(v.run, dark=v.dark),
    ),
    "replicated_statistics": Figure(
        "Checks",
        "Test statistics",
        replicated_statistics,
        lambda v: replicated_statistics(v.run, dark=v.dark),
    ),
    "loo_pit": Figure(
        "Checks",
        "LOO-PIT",
        loo_pit,
        lambda v: loo_pit(v.run, found=v.loo, dark=v.dark),
    ),
    "pareto_k": Figure(
        "Checks",
        "Pareto k of each row",
        pareto_k,
        lambda v: pareto_k(v.run, found=v.loo, dark=v.dark),
    ),
    "corner": Figure(
        "Corner",
        "Posterior of the population",
        corner,
        lambda v: corner(v.runs, parameters=v.parameters, dark=v.dark),
    ),
    "spectrum": Figure(
        "Spectrum", "Merger rates by mass", spectrum, lambda v: spectrum(v.runs, dark=v.dark)
    ),
    "event_masses": Figure(
        "Events", "Samples of all events", event_masses, lambda v: event_masses(v.run, dark=v.dark)
    ),
    "reweighted_events": Figure(
        "Events",
        "Events in the light of the population",
        reweighted_events,
        lambda v: reweighted_events(v.runs, dark=v.dark),
    ),
    "event_weights": Figure(
        "Events",
        "Effective samples and evidence of each event",
        event_weights,
        lambda v: event_weights(v.runs, dark=v.dark),
    ),
    "evolution": Figure(
        "Convergence",
        "R-hat and effective sample size as the run grows",
        evolution,
        lambda v: evolution(v.runs, dark=v.dark),
    ),
    "parameter_traces": Figure(
        "Convergence",
        "Traces of the parameters",
        parameter_traces,
        lambda v: parameter_traces(v.runs, dark=v.dark),
    ),
    "acceptance": Figure(
        "Convergence",
        "Acceptance, loss and tree depth",
        acceptance,
        lambda v: acceptance(v.runs, dark=v.dark),
    ),
    "expected_observed": Figure(
        "Expected number",
        "Expected and observed number",
        expected_observed,
        lambda v: expected_observed(v.runs, dark=v.dark),
    ),
    "marginals": Figure(
        "Compare",
        "Marginals",
        marginals,
        lambda v: marginals(v.runs, means=v.means, first=v.first, dark=v.dark),
    ),
    "estimates": Figure(
        "Compare",
        "Estimates",
        estimates,
        lambda v: estimates(v.runs, prob=v.prob, means=v.means, first=v.first, dark=v.dark),
    ),
    "differences": Figure(
        "Compare",
        "Differences of estimates",
        differences,
        lambda v: differences(v.runs, means=v.means, dark=v.dark),
    ),
    "pareto": Figure(
        "Compare",
        "Effective draws against divergences",
        pareto,
        lambda v: pareto(points(v.runs), dark=v.dark),
    ),
    "bands_beside": Figure(
        "Compare",
        "Predictive bands of one group",
        bands_beside,
        lambda v: bands_beside(v.runs, v.group, prob=v.prob, dark=v.dark),
    ),
    "elpd": Figure(
        "Compare",
        "Leave-one-out cross-validation",
        elpd,
        lambda v: elpd(v.runs, found=v.elpd, dark=v.dark),
    ),
}
#: Tabs whose figures draw one population of effects, under the names mu, tau and theta.
OF_A_LEVEL = ("Funnels", "One group", "Population", "Traces", "Shrinkage")
TABS = tuple(dict.fromkeys(figure.tab for figure in FIGURES.values()))
