"""ln VT of a pmean as a function of masses in NumPy: for mock catalogues, tables and pictures."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from hbdash.population import sensitivity
from hbdash.population.injections import InjectionSet, read_injections
from hbdash.population.kept_files import kept_file
from hbdash.population.network import Network, read_network
from hbdash.population.pmean import Constant, Injections, NeuralVT, Pmean

#: Largest |ln VT| that a network may give within the masses of the table.
MOST_LOG_VT = 100.0
LogVT = Callable[[np.ndarray, np.ndarray], np.ndarray]


def log_vt_of(pmean: Pmean) -> LogVT:
    """Return ln VT, in Gpc^3 yr per day, as a function of m1 and m2 in solar masses.

    The function takes arrays of one shape, or of shapes that broadcast; it is -inf where a mass is
    not positive.

    Raises
    ------
    LookupError
        Where the network is not in this machine's store.
    ValueError
        For injections, which say nothing about single masses; or where the network is not one.
    """
    if isinstance(pmean, Injections):
        raise ValueError(
            "VT at single masses must come from estimator_type neural_vt, analytic or constant, "
            "got injection: signals say how many events to expect of a whole population. Choose "
            "another sensitivity."
        )
    if isinstance(pmean, NeuralVT):
        return _where_positive(network(pmean).log_vt)
    if isinstance(pmean, Constant):
        return _where_positive(lambda m1, _: np.full(m1.shape, np.log(pmean.vt)))
    return _where_positive(lambda m1, m2: sensitivity.analytic(np.log(m1), np.log(m2), np))


def heat_map(pmean: Pmean, m1_grid: np.ndarray, m2_grid: np.ndarray) -> np.ndarray:
    """Return ln VT on a grid, shape (m2, m1).

    Of injections it is the estimate in the cell around each point, relative to the volume and time
    in which they were placed; -inf in cells without a found signal.
    """
    if isinstance(pmean, Injections):
        return injections(pmean).log_vt(_edges(m1_grid), _edges(m2_grid))
    return log_vt_of(pmean)(np.asarray(m1_grid)[None, :], np.asarray(m2_grid)[:, None])


def network(pmean: NeuralVT) -> Network:
    """Read a network from the store, once a process."""
    return _network(_sha256(pmean), pmean.filename)


def table(pmean: NeuralVT) -> np.ndarray:
    """Tabulate a network, once a process; see `sensitivity.make_table`.

    Raises
    ------
    ValueError
        Where |ln VT| exceeds 100 within the table, as no survey's does.
    """
    return _table(_sha256(pmean), pmean.filename)


def injections(pmean: Injections) -> InjectionSet:
    """Read the found signals from the store, once a process."""
    return _injections(_sha256(pmean), pmean.filename, pmean.far_cut, pmean.snr_cut)


@lru_cache(maxsize=4)
def _network(sha256: str, filename: str) -> Network:
    return read_network(kept_file(sha256), filename)


@lru_cache(maxsize=4)
def _table(sha256: str, filename: str) -> np.ndarray:
    found = sensitivity.make_table(_network(sha256, filename).log_vt)
    if not (largest := np.abs(found).max()) <= MOST_LOG_VT:
        low, high = sensitivity.TABLE_RANGE
        raise ValueError(
            f"{filename}: |ln VT| must be at most {MOST_LOG_VT:g} from {low:g} to {high:g} solar "
            f"masses, got {largest:g}: is its output ln VT in Gpc^3 yr per day?"
        )
    found.flags.writeable = False
    return found


@lru_cache(maxsize=2)
def _injections(sha256: str, filename: str, far_cut: float, snr_cut: float) -> InjectionSet:
    return read_injections(kept_file(sha256), filename, far_cut, snr_cut)


def _sha256(pmean: NeuralVT | Injections) -> str:
    if pmean.sha256 is None:
        raise LookupError(f'Upload "{pmean.filename}", which {pmean.estimator_type} reads.')
    return pmean.sha256


def _where_positive(log_vt: LogVT) -> LogVT:
    def function(m1: np.ndarray, m2: np.ndarray) -> np.ndarray:
        m1, m2 = np.broadcast_arrays(np.asarray(m1, float), np.asarray(m2, float))
        inside = (m1 > 0) & (m2 > 0)
        found = np.full(m1.shape, -np.inf)
        found[inside] = log_vt(m1[inside], m2[inside])
        return found

    return function


def _edges(grid: np.ndarray) -> np.ndarray:
    """Bounds of the cells around the points of a grid."""
    grid = np.asarray(grid, float)
    middles = (grid[1:] + grid[:-1]) / 2
    return np.concatenate([[2 * grid[0] - middles[0]], middles, [2 * grid[-1] - middles[-1]]])
