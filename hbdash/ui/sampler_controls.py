"""The options of NUTS, and the budget they add up to."""

import streamlit as st
from pydantic import ValidationError

from hbdash.samplers.nuts import MOST_TRANSITIONS, NUTS
from hbdash.spec import explain
from hbdash.ui.draft import MOST_TRANSITIONS as MOST_TOGETHER
from hbdash.ui.plain import plain
from hbdash.ui.widgets import optional, valued


def show(sampler: NUTS, parameterizations: int) -> NUTS:
    """Show the options and return them; what does not fit the budget is said and not taken."""
    with st.expander("NUTS", expanded=False):
        left, right = st.columns(2)
        numbers = {
            "num_warmup": left.number_input(
                "Warmup",
                20,
                10_000,
                **valued("num_warmup", sampler.num_warmup),
                step=100,
                help="Transitions per chain that tune step size and metric, not kept as draws.",
            ),
            "num_samples": right.number_input(
                "Draws",
                1,
                50_000,
                **valued("num_samples", sampler.num_samples),
                step=100,
                help="Kept per chain.",
            ),
            "num_chains": left.number_input(
                "Chains", 1, 16, **valued("num_chains", sampler.num_chains)
            ),
            "max_tree_depth": right.number_input(
                "Tree depth",
                1,
                12,
                **valued("max_tree_depth", sampler.max_tree_depth),
                help="A draw costs at most 2 to this power gradients.",
            ),
            "target_accept_prob": st.slider(
                "Target accept",
                0.5,
                0.999,
                step=0.001,
                format="%.3f",
                **valued("target_accept_prob", sampler.target_accept_prob),
                help="Higher: smaller steps, fewer divergences, more gradients.",
            ),
            "dense_mass": st.toggle(
                "Dense metric",
                **valued("dense_mass", sampler.dense_mass),
                help="Learn the full covariance in the warmup; off: its diagonal.",
            ),
            "seed": left.number_input("Seed", 0, 2**32 - 1, **valued("seed", sampler.seed)),
            "max_divergences": right.number_input(
                "Stop after divergences",
                1,
                1_000_000,
                placeholder="never",
                **optional("max_divergences", sampler.max_divergences),
            ),
        }
        try:
            sampler = NUTS.model_validate(numbers)
        except ValidationError as error:
            st.error(plain(explain(error).removeprefix("spec: ")))
    together = parameterizations * sampler.transitions
    st.caption(
        f"Budget: {parameterizations} × {sampler.num_chains} chains × "
        f"({sampler.num_warmup:,} + {sampler.num_samples:,}) = {together:,} transitions; "
        f"at most {MOST_TRANSITIONS:,} a run and {MOST_TOGETHER:,} together."
    )
    return sampler
