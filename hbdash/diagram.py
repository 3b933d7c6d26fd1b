"""The plate diagram of a configuration, as DOT for a browser to draw."""

import numpy as np
import numpyro

from hbdash.models import MODELS
from hbdash.parameterization import Centered
from hbdash.priors import distribution
from hbdash.spec import RunSpec


def diagram(spec: RunSpec, *, dark: bool = False) -> str:
    """Draw the model as `numpyro.render_model` sees it: plates, latent and observed sites.

    Parameters
    ----------
    spec : the configuration; under any but the centered parameterization the sampled coordinate
        ``theta_decentered`` is a node of its own.
    dark : whether the page behind is dark.

    Returns
    -------
    DOT source.
    """
    data = spec.grouped()
    prior = {s: distribution(p.dist, p.parameters) for s, p in spec.priors.items()}
    centered = isinstance(spec.parameterization, Centered)
    graph = numpyro.render_model(
        MODELS[spec.model].rowwise_program,
        model_args=(data, prior, None if centered else np.full(len(data.names), 0.5)),
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
