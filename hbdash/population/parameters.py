"""The parameters of a population of n_pl power laws and n_g Gaussians in (m1, m2), by name."""

from dataclasses import dataclass

#: Most components together.
MOST_COMPONENTS = 6
#: Parameters of one component, without its number: symbol, unit, and what it is.
POWER_LAW = {
    "alpha_pl": ("α", "", "slope of the primary mass: p(m1) ∝ m1^-α, falling where α > 0"),
    "beta_pl": ("β", "", "slope of the mass ratio: p(q | m1) ∝ q^β"),
    "mmin_pl": ("m_min", "M☉", "smallest mass of either component"),
    "mmax_pl": ("m_max", "M☉", "largest primary mass"),
}
GAUSSIAN = {
    f"m{i}_{part}_g": (f"m{i} {part}", "M☉", f"{words} of m{i} in a Gaussian component")
    for i in (1, 2)
    for part, words in {
        "loc": "mean (before truncation)",
        "scale": "standard deviation (before truncation)",
        "low": "lower bound",
        "high": "upper bound",
    }.items()
}
LOG_RATE = ("ln R", "R in Gpc⁻³ yr⁻¹", "natural logarithm of the merger-rate density")


@dataclass(frozen=True)
class Components:
    """How many components a population has.

    The first n_pl rates are those of the power laws, the next n_g those of the Gaussians.

    Raises
    ------
    ValueError
        Where a count is negative, or they do not add up to 1 to 6.
    """

    n_pl: int = 1
    n_g: int = 0

    def __post_init__(self) -> None:
        """Refuse impossible counts."""
        for name, count in (("n_pl", self.n_pl), ("n_g", self.n_g)):
            if count < 0:
                raise ValueError(f"`{name}` must not be negative, got {count}.")
        if not 1 <= self.n_pl + self.n_g <= MOST_COMPONENTS:
            raise ValueError(
                f"n_pl + n_g must be 1 to {MOST_COMPONENTS} components, got {self.n_pl} power laws "
                f"and {self.n_g} Gaussians."
            )

    @property
    def log_rates(self) -> tuple[str, ...]:
        """Names of the log rates, power laws first."""
        return tuple(f"log_rate_{k}" for k in range(self.n_pl + self.n_g))

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters: the log rates, then each power law's, then each Gaussian's."""
        power_laws = [f"{name}_{i}" for i in range(self.n_pl) for name in POWER_LAW]
        gaussians = [f"{name}_{j}" for j in range(self.n_g) for name in GAUSSIAN]
        return (*self.log_rates, *power_laws, *gaussians)

    @property
    def optional(self) -> tuple[str, ...]:
        """Bounds of Gaussians, which may be absent: then they do not truncate."""
        return tuple(n for n in self.names if "_low_g_" in n or "_high_g_" in n)


def describe(name: str) -> tuple[str, str, str]:
    """Return symbol with its number, unit, and meaning of a parameter."""
    stem, _, number = name.rpartition("_")
    known = {"log_rate": LOG_RATE} | POWER_LAW | GAUSSIAN
    symbol, unit, meaning = known[stem]
    return f"{symbol} {number}", unit, meaning


def label(name: str) -> str:
    """Name a parameter on an axis, with its unit."""
    symbol, unit, _ = describe(name)
    return f"{symbol} ({unit})" if unit else symbol
