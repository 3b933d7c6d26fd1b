"""Compiling ahead: the programs that the next moves of a control may need, while nothing runs."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from hbdash.models import MODELS
from hbdash.models.padding import next_to
from hbdash.parameterization import Centered
from hbdash.priors import default
from hbdash.question import Question, prepare
from hbdash.samplers.nuts import shape_of
from hbdash.samplers.program import Shape, compiled, is_compiled
from hbdash.spec import RunSpec

log = logging.getLogger(__name__)
#: Seconds between looks at whether something runs, and how far behind runs the thread stands.
LOOK, NICENESS = 0.5, 10


class Neighbour(NamedTuple):
    """A program next to that of a question: its shape, inputs of that shape, and what it is for."""

    shape: Shape
    given: dict[str, Any]
    purpose: str


def neighbours(spec: RunSpec) -> Iterator[Neighbour]:
    """Name the programs one move away: more or fewer groups, and the model's other forms."""
    model, plain = MODELS[spec.model], spec.model_copy(update={"parameterization": Centered()})
    here = prepare(plain)
    assert isinstance(here, Question)
    for size in next_to(len(here.given["real"]["group"])):
        yield _resized(here, size)
    for sites in model.structures:
        if sites == set(spec.priors):
            continue
        fresh = model.default_priors()
        priors = {
            site: spec.priors.get(site, fresh.get(site, default(families[0])))
            for site, families in model.families.items()
            if site in sites
        }
        try:
            other = prepare(plain.model_copy(update={"priors": priors}))
        except ValueError:  # these data have no such form
            continue
        assert isinstance(other, Question)
        given = other.given | spec.sampler.given
        yield Neighbour(other.shape, given, f"priors on {', '.join(priors)}")


def _resized(question: Question, size: int) -> Neighbour:
    """Take a question's program for another number of groups; only the sizes of inputs count."""
    model, given = MODELS[question.spec.model], question.given

    def sized(array: np.ndarray, dims: tuple[str, ...]) -> np.ndarray:
        lengths = (size if d == "group" else n for d, n in zip(dims, array.shape, strict=True))
        return np.zeros(tuple(lengths), array.dtype)

    other = given | question.spec.sampler.given
    for name, dims in (("design", model.design_dims), ("centeredness", model.dims)):
        other[name] = {key: sized(array, dims[key]) for key, array in given[name].items()}
    other["real"] = given["real"] | {"group": np.zeros(size, bool)}
    shape = shape_of(question.spec.model, other, question.spec.sampler)
    return Neighbour(shape, other, f"up to {size:,} groups")


class Ahead:
    """A thread that compiles while nothing else runs; `HBDASH_AHEAD=0` keeps it from beginning.

    Parameters
    ----------
    idle : whether no run is waiting or on its way.

    Attributes
    ----------
    purpose : what is being compiled, in words; empty where nothing is.
    """

    purpose = ""

    def __init__(self, idle: Callable[[], bool]) -> None:
        self._idle = idle
        self._wanted: list[RunSpec] = []
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._looking = False

    @property
    def busy(self) -> bool:
        """Whether there is, or may be, something to compile."""
        return bool(self._wanted) or self._looking

    def want(self, specs: Sequence[RunSpec]) -> None:
        """Compile what is next to these, instead of what was wanted before."""
        if os.environ.get("HBDASH_AHEAD") == "0":
            return
        with self._change:
            self._wanted = list(specs)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, daemon=True, name="hbdash ahead")
                self._thread.start()
            self._change.notify_all()

    def close(self, patience: float) -> None:
        """End after the program that is being compiled."""
        with self._change:
            self._closed, self._wanted = True, []
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(patience)

    def _work(self) -> None:
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        except (AttributeError, OSError):  # not every system ranks threads
            pass
        while not self._closed:
            with self._change:
                while not self._wanted and not self._closed:
                    self._change.wait()
                self._looking = bool(self._wanted)
                spec = self._wanted.pop(0) if self._wanted else None
            try:
                if spec is not None:
                    self._compile(spec)
            except Exception:  # a run that needs the program meets the same, and tells its page
                log.exception("Compiling ahead failed")
            finally:
                self._looking = False

    def _compile(self, spec: RunSpec) -> None:
        for shape, given, purpose in neighbours(spec):
            if is_compiled(shape, spec.sampler.num_chains):
                continue
            with self._change:
                while not self._idle() and not self._closed:
                    self._change.wait(LOOK)
                if self._closed or self._wanted:  # somebody has gone on to something else
                    return
                self.purpose = purpose
            try:
                compiled(shape, given, spec.sampler.num_chains)
            finally:
                self.purpose = ""
