"""What a draft is expected to cost, timed beside the page: compiling takes seconds.

One thread times what was asked for last. A page asks again as long as it waits, so that nothing is
lost where another session asks in between.
"""

import atexit
import threading
from collections import OrderedDict

from hbdash.population.catalogue import load_catalogue
from hbdash.population.cost import Estimate, estimate
from hbdash.population.spec import PopulationSpec
from hbdash.samplers.aies import AIES
from hbdash.samplers.nuts import SamplingError

#: Estimates that are kept.
MOST_KEPT = 200
#: Seconds of one evaluation for each sample of the events and each component, as a first guess.
PER_SAMPLE = 10e-9
#: Seconds that the end of the process waits for a timing: inside XLA a thread must not be ended.
PATIENCE = 30

_change = threading.Condition()
_wanted: list[PopulationSpec] = []
_found: OrderedDict[str, Estimate | None] = OrderedDict()
_worker: threading.Thread | None = None
_closed = False


def timed(specs: dict[str, PopulationSpec]) -> dict[str, Estimate | None] | None:
    """Return what each run is expected to cost; None while that is being timed.

    Where nothing can be said of a run, since its data do not load, its estimate is None.
    """
    global _worker
    names = {label: spec.model_dump_json() for label, spec in specs.items()}
    with _change:
        if all(name in _found for name in names.values()):
            return {label: _found[name] for label, name in names.items()}
        _wanted[:] = [specs[label] for label, name in names.items() if name not in _found]
        if _worker is None or not _worker.is_alive():
            _worker = threading.Thread(target=_work, daemon=True, name="hbdash costs")
            _worker.start()
        _change.notify()
    return None


def guessed(spec: PopulationSpec) -> float | None:
    """Guess the seconds of a run of AIES without timing it; None for other samplers.

    Raises
    ------
    ValueError, LookupError
        Where the data do not load.
    """
    sampler = spec.sampler
    if not isinstance(sampler, AIES):
        return None
    samples = len(load_catalogue(spec.data).m1)
    steps = sampler.num_warmup + sampler.num_samples
    evaluations = sampler.walkers * steps
    return evaluations * samples * (spec.n_pl + spec.n_g) * PER_SAMPLE


def _work() -> None:
    while True:
        with _change:
            while not _wanted and not _closed:
                _change.wait()
            if _closed:
                return
            spec = _wanted.pop()
        try:
            found = estimate(spec)
        except (ValueError, LookupError, SamplingError):
            found = None  # what is wrong is said in the main area, where the results would be
        with _change:
            _found[spec.model_dump_json()] = found
            while len(_found) > MOST_KEPT:
                _found.popitem(last=False)


@atexit.register
def _close() -> None:
    global _closed
    with _change:
        _closed = True
        _change.notify()
    if _worker is not None:
        _worker.join(PATIENCE)
