"""Choosing how many components the population has; what their parameters mean."""

import streamlit as st

from hbdash.population.equations import equations
from hbdash.population.parameters import MOST_COMPONENTS, Components
from hbdash.ui.plain import plain
from hbdash.ui.widgets import valued


def show(components: Components) -> Components:
    """Show the numbers of power laws and Gaussians; what does not fit is said and not taken."""
    left, right = st.columns(2)
    n_pl = left.number_input(
        "Power laws",
        0,
        MOST_COMPONENTS,
        **valued("n_pl", components.n_pl),
        help="Each has a rate, slopes α of m1 and β of q = m2/m1, and one m_min and m_max.",
    )
    n_g = right.number_input(
        "Gaussians",
        0,
        MOST_COMPONENTS,
        **valued("n_g", components.n_g),
        help="Each has a rate, and means, sds and optional bounds of m1 and of m2.",
    )
    try:
        components = Components(n_pl, n_g)
    except ValueError as error:
        st.error(f"{plain(error)} The model stays as it was.")
    with st.popover("What the parameters mean", width="stretch"):
        st.latex(equations(components)[0])
        st.markdown(
            "- **α > 0 falls**: the primary mass goes as m1 to the power −α; q goes as q to the "
            "power +β.\n"
            "- m_min bounds both masses, m_max the primary; outside, the density is exactly 0.\n"
            "- Masses are of the source frame, in M☉. R is a comoving merger-rate density in "
            "Gpc⁻³ yr⁻¹, and log_rate is its natural logarithm.\n"
            "- A Gaussian component draws m1 and m2 independently: it does **not** impose "
            "m2 ≤ m1, and puts some mass where m2 > m1."
        )
    return components
