"""The posterior of a population as one function of a vector, for every sampler alike.

The vector holds the sampled parameters in NumPyro's unconstrained space; all numbers of data and
priors are arguments, so that equal targets share their compiled programs.
"""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from hbdash.population import events
from hbdash.population.expected import PmeanShape, expected_number
from hbdash.population.parameters import Components
from hbdash.population.priors import PriorShape, constrain, log_prior
from hbdash.samplers.program import Density

#: How steeply the log likelihood falls where its variance exceeds the cut.
CUT_STEEPNESS = 100.0


@dataclass(frozen=True)
class Target:
    """What the compiled program of a population depends on.

    Attributes
    ----------
    components : numbers of power laws and Gaussians.
    prior : names, families and bonds of the priors, without their numbers.
    pmean : how the expected number is found, without its numbers.
    shapes : names and shapes of the arrays of events.
    variance_cut : whether the variance of the log likelihood is limited.
    """

    components: Components
    prior: PriorShape
    pmean: PmeanShape
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    variance_cut: bool = False

    @property
    def size(self) -> int:
        """Number of sampled parameters."""
        return len(self.prior.sampled)

    def parameters(self, z: Any, given: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Return all parameters by name, and the log Jacobian of the way there."""
        return constrain(self.prior, given["priors"], z, given["constants"])

    def sites(self, z: Any, given: dict[str, Any]) -> dict[str, Any]:
        """Return the sampled parameters by name."""
        params, _ = self.parameters(z, given)
        return {name: params[name] for name in self.prior.sampled}

    def potential(self, z: Any, given: dict[str, Any]) -> Any:
        """Minus the log posterior density at z, shape (size,); infinite where it is impossible."""
        params, jacobian = self.parameters(z, given)
        prior = log_prior(self.prior, given["priors"], params)
        total = prior + jacobian + self.log_likelihood(params, given)
        return jnp.where(jnp.isfinite(total), -total, jnp.inf)

    def log_likelihood(self, params: dict[str, Any], given: dict[str, Any]) -> Any:
        """Log likelihood of the inhomogeneous Poisson process (Mandel, Farr and Gair 2019)."""
        found = events.total_log_evidence(self.components, params, given["events"])
        count = given["exposure"]["events"]
        expected, spread = expected_number(self.pmean, self.components, params, given["pmean"])
        total = found + count * given["exposure"]["log_time"] - expected
        if self.variance_cut:
            variance = events.variance(self.components, params, given["events"]) + spread
            above = jnp.maximum(variance - given["exposure"]["variance_cut"], 0.0)
            total -= CUT_STEEPNESS * above**2
        return total

    def generated(self, z: Any, given: dict[str, Any]) -> dict[str, Any]:
        """Return what a draw says besides its parameters: expected number, its sd, log likelihood.

        The log likelihood is taken from the density of the draw, at no cost of the events:
        `given["lp"]` must hold it.
        """
        params, jacobian = self.parameters(z, given)
        expected, spread = expected_number(self.pmean, self.components, params, given["pmean"])
        prior = log_prior(self.prior, given["priors"], params)
        return {
            "expected_number": expected,
            "expected_number_sd": jnp.sqrt(spread),
            "log_likelihood": given["lp"] - prior - jacobian,
        }


@dataclass(frozen=True)
class NUTSProgram:
    """The target as a program of NUTS; see `hbdash.samplers.program.Compiles`."""

    target: Target
    options: tuple[tuple[str, Any], ...]

    @property
    def kernel(self) -> dict[str, Any]:
        """Options of NumPyro's kernel that are fixed when it is compiled."""
        return dict(self.options)

    def density(self, given: dict[str, Any]) -> Density:
        """See `Density`."""
        target = self.target

        def potential(z: Any, given: dict[str, Any] = given) -> Any:
            return target.potential(z, given)

        def sites(z: Any, given: dict[str, Any] = given) -> Any:
            return target.sites(z, given)

        return Density(potential, sites, jnp.ones(target.size, bool))

    def start(self, rng: np.random.Generator, size: int, given: dict[str, Any]) -> np.ndarray:
        """Pick one of the points that were searched for."""
        return given["starts"][rng.integers(len(given["starts"]))]

    def trim(self, sites: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """Keep all: nothing fills up a size."""
        return sites
