"""Priors in two parts: what a compiled program depends on, and the numbers that are its inputs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """A sampled parameter: its family, and for each argument the parameter that it follows.

    An argument that follows none, None here, is a number. Optional arguments that are not given
    are left out.
    """

    name: str
    family: str
    arguments: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class PriorShape:
    """What is static in priors; equal shapes share their compiled programs.

    Attributes
    ----------
    sites : the sampled parameters; each stands after those that it follows.
    aliases : pairs of a parameter and the sampled one that it is the same as.
    constants : parameters that are numbers.
    absent : bounds that are not there.
    """

    sites: tuple[Site, ...]
    aliases: tuple[tuple[str, str], ...] = ()
    constants: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def sampled(self) -> tuple[str, ...]:
        """Names of the sampled parameters, in the order of the unconstrained vector."""
        return tuple(site.name for site in self.sites)

    def site(self, name: str) -> Site:
        """Return a sampled parameter."""
        return next(site for site in self.sites if site.name == name)


@dataclass(frozen=True)
class Priors:
    """Priors of all parameters of a population.

    Attributes
    ----------
    shape : what is static.
    numbers : the numbers of each sampled parameter's family, by argument.
    constants : the values of parameters that are not sampled.
    warnings : what the priors allow although it is impossible, a sentence each.
    """

    shape: PriorShape
    numbers: dict[str, dict[str, float]]
    constants: dict[str, float]
    warnings: tuple[str, ...] = ()
