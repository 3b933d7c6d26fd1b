"""A long run to compare with where there is no exact answer; it is not exact itself."""

from typing import NamedTuple

import numpy as np
import streamlit as st

from hbdash.diagnostics import coordinates, mcse
from hbdash.models import MODELS
from hbdash.parameterization import ByInformation
from hbdash.question import MOST_NUMBERS
from hbdash.samplers.nuts import NUTS
from hbdash.spec import RunSpec
from hbdash.ui.beside import beside
from hbdash.ui.draft import Draft
from hbdash.ui.widgets import own

NAME = "long reference run"
CHAINS, WARMUP, DRAWS = 4, 2000, 10_000


class Known(NamedTuple):
    """Means to hold a run against, and how far they are from exact.

    Attributes
    ----------
    means : by coordinate. mcse : their Monte-Carlo standard errors; none where they are exact.
    """

    means: dict[str, float]
    mcse: dict[str, float]


def show(draft: Draft) -> Known | None:
    """Offer the reference run, and return what it says once it is there."""
    if not st.toggle(
        "Compare with a long reference run",
        key=own("reference"),
        persist_state="session",
        help=f"{CHAINS} chains x {DRAWS:,} draws by information at target accept 0.99: not exact, "
        "but the error column then counts both runs' Monte-Carlo errors.",
    ):
        return None
    dt = beside(NAME, spec_of(draft))
    if dt is None or "posterior" not in dt.children:
        return None
    st.caption(f"Errors are distances from a {NAME}, which is **not exact**.")
    found = coordinates(dt)
    return Known(
        {name: float(draws.mean()) for name, draws in found.items()},
        {name: mcse(draws) for name, draws in found.items()},
    )


def spec_of(draft: Draft) -> RunSpec:
    """Ask the draft's question for a long run with small steps."""
    spec = next(iter(draft.specs().values()))
    size = MODELS[spec.model].size(spec.grouped(), spec.priors)
    draws = int(np.clip(MOST_NUMBERS // size // CHAINS, 100, DRAWS))
    sampler = NUTS(
        num_warmup=WARMUP,
        num_samples=draws,
        num_chains=CHAINS,
        target_accept_prob=0.99,
        seed=(draft.sampler.seed + 1) % 2**32,
    )
    return spec.model_copy(update={"parameterization": ByInformation(), "sampler": sampler})
