"""The plate diagram of a configuration, as DOT for a browser to draw."""

import numpyro

from hbdash.models import MODELS
from hbdash.parameterization import Centered, of_effect
from hbdash.priors import distribution
from hbdash.question import settle
from hbdash.spec import RunSpec


def diagram(spec: RunSpec, *, dark: bool = False) -> str:
    """Draw the model as `numpyro.render_model` sees it: plates, latent and observed sites.

    Parameters
    ----------
    spec : the configuration; unless every effect is centered, the sampled coordinates, such as
        ``theta_decentered``, are nodes of their own.
    dark : whether the page behind is dark.

    Returns
    -------
    DOT source.
    """
    data, model = spec.grouped(), MODELS[spec.model]
    prior = {s: distribution(p.dist, p.parameters) for s, p in spec.priors.items()}
    values = settle(spec, data, model.levels(data, spec.priors))
    centered = all(isinstance(of_effect(spec.parameterization, e), Centered) for e in values)
    graph = numpyro.render_model(
        model.rowwise_program, model_args=(data, prior, None if centered else values)
    )
    ink, seen, latent = (
        ("#E3E9EF", "#4A5663", "#171E27") if dark else ("#1B2733", "#D5DBE1", "#FFFFFF")
    )
    # Attributes given before the statements are the defaults of all that follow.
    defaults = (
        f'graph [bgcolor=transparent color="{ink}" fontcolor="{ink}" fontname="sans-serif"]\n'
        f'node [color="{ink}" fontcolor="{ink}" fontname="sans-serif"]\nedge [color="{ink}"]\n'
    )
    source = graph.source.replace("fillcolor=white", f'fillcolor="{latent}"')
    source = source.replace("fillcolor=grey", f'fillcolor="{seen}"')
    opening = source.index("{") + 1
    return f"{source[:opening]}\n{defaults}{source[opening:]}"
