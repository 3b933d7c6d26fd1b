"""The Summary tab: the posterior in numbers, and the draws to take away."""

from dataclasses import replace

import numpy as np
import streamlit as st
import xarray as xr

from hbdash.population_draws import draws, parameters
from hbdash.ui import summary_tab
from hbdash.ui.draft import Asked
from hbdash.ui.population import needs_run


def show(asked: Asked) -> None:
    """Show the table, beside the values that generated the data, and offer the draws."""
    if needs_run.told(asked):
        return
    shown = {label: _as_of_groups(dt) for label, dt in asked.runs.items()}
    summary_tab.show(replace(asked, runs=shown), None)
    st.caption(
        "Masses are in M☉; exp(log_rate) is a merger rate in Gpc⁻³ yr⁻¹ and log_rate its natural "
        "logarithm; slopes have no unit."
    )
    st.markdown("#### The draws")
    st.caption(
        "All chains one after another, with GWKokab's header and order. Other forms are under "
        "**Take away**."
    )
    with st.container(horizontal=True):
        for label, dt in asked.runs.items():
            st.download_button(
                f"{label}: samples.dat",
                lambda dt=dt: samples(dt),
                f"{dt.attrs['sampler']}_samples.dat",
                "text/plain",
                key=f"samples.{label}",
                on_click="ignore",
            )


def samples(dt: xr.DataTree) -> str:
    """Write the draws of all chains as GWKokab does, a row each, with columns sorted by name."""
    names = sorted(parameters(dt))
    rows = np.stack([draws(dt, name).ravel() for name in names], 1)
    line = " ".join(["%.18e"] * len(names))
    body = "\n".join(line % tuple(row) for row in rows.tolist())
    return f"# {' '.join(names)}\n{body}\n"


def _as_of_groups(dt: xr.DataTree) -> xr.DataTree:
    """Arrange a run as the summary of the other labs reads it: populations have no predictor."""
    posterior = dt["posterior"].to_dataset()[parameters(dt)]
    constant = dt["constant_data"].to_dataset() if "constant_data" in dt.children else xr.Dataset()
    rates = [str(name) for name in posterior if str(name).startswith("log_rate_")]
    # In Gpc^-3 yr^-1, as people quote them.
    posterior = posterior.assign({_rate(name): np.exp(posterior[name]) for name in rates})
    known = [name for name in rates if f"true_{name}" in constant]
    constant = constant.assign({f"true_{_rate(n)}": np.exp(constant[f"true_{n}"]) for n in known})
    shown = xr.DataTree.from_dict(
        {"posterior": posterior, "constant_data": constant.assign(x_origin=0.0)}
    )
    shown.attrs = dt.attrs
    return shown


def _rate(name: str) -> str:
    return f"exp({name})"
