"""NUTS in chunks: the same draws at every pace, and one program for every slider."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from hbdash import diagnostics
from hbdash.models import MODELS
from hbdash.priors import parameter_names
from hbdash.question import prepare
from hbdash.run import run
from hbdash.samplers import nuts, program
from hbdash.samplers.nuts import MOST_TRANSITIONS, NUTS, Chains, SamplingError
from hbdash.spec import RunSpec
from tests.questions import MU_TAU, ask, compilations, exact_means, same


def test_draws_are_the_same_at_every_pace(monkeypatch):
    spec = ask("weak", "noncentered", num_samples=60)
    runs, chunks = [], []
    for seconds in (1e-9, 0.002, 1e9):
        monkeypatch.setattr(nuts, "CHUNK_SECONDS", seconds)
        runs.append(run(spec, lambda progress: chunks.append(progress.chains.done)))
    for other in runs[1:]:
        same(runs[0], other)
    assert len(chunks) > 3000  # the first one went transition by transition


def test_a_chain_s_draws_do_not_depend_on_the_others():
    two, four = (run(ask("unbalanced", "mixed", num_chains=count)) for count in (2, 4))
    first = four.isel(chain=slice(0, 2))
    same(two, first)
    draws = four["posterior"]["mu"].values
    assert len({tuple(chain) for chain in draws.tolist()}) == 4


def test_draws_depend_on_the_seed_alone():
    one, again, other = (run(ask(seed=seed)) for seed in (3, 3, 4))
    same(one, again)
    assert not np.array_equal(one["posterior"]["mu"], other["posterior"]["mu"])


KINDS = ("centered", "noncentered", "mixed", "by_information", "partial")


def priors(rng: np.random.Generator, model: str) -> dict[str, dict[str, float | str]]:
    """Draw a family and its numbers for every site of a model that is shown at first."""
    found = {}
    for site in MODELS[model].default_priors():
        family = str(rng.choice(MODELS[model].families[site]))
        numbers = {name: float(rng.uniform(0.5, 5)) for name in parameter_names(family)}
        if family == "Uniform":
            numbers = {"low": float(rng.uniform(0, 1)), "high": float(rng.uniform(20, 50))}
        found[site] = {"dist": family} | numbers
    return found


def data(rng: np.random.Generator, model: str) -> dict[str, Any]:
    """Draw 1 to 60 groups, simulated or one's own, a row or many rows each."""
    groups, own = int(rng.integers(1, 61)), bool(rng.integers(2))
    counts = rng.integers(2, 200, groups).tolist()
    if model == "regression" and own:
        group = [f"g{k}" for k in range(groups) for _ in range(4)]
        x, noise = rng.normal(size=(2, len(group)))
        columns = {"response": (x + noise).tolist(), "predictors": {"x": x.tolist()}}
        return {"source": "regression_rows", "group": group} | columns
    if model == "regression":
        return {"source": "simulated_lines", "n": counts, "seed": int(rng.integers(2**32))}
    if own:
        return {
            "source": "estimates",
            "group": [f"g{k}" for k in range(groups)],
            "estimate": rng.normal(0, 10, groups).tolist(),
            "standard_error": rng.uniform(0.1, 30, groups).tolist(),
        }
    numbers = {"sigma": rng.uniform(0.1, 30), "mu": rng.uniform(-50, 50), "tau": rng.uniform(0, 20)}
    return {"source": "simulated", "n": counts, "seed": int(rng.integers(2**32))} | numbers


def moves(count: int) -> Iterator[RunSpec]:
    """Move every control of the funnel and the regression lab that is not a form of the model."""
    rng = np.random.default_rng(5)
    for number in range(count):
        model = ("normal_means", "regression")[number % 2]
        own = data(rng, model)
        groups = len(set(own["group"])) if "group" in own else len(own["n"])
        kind: dict[str, Any] = {"kind": str(rng.choice(KINDS))}
        if kind["kind"] == "partial":
            kind |= {"centeredness": rng.uniform(size=groups).round(3).tolist()}
        yield RunSpec.model_validate(
            {
                "model": model,
                "data": own,
                "priors": priors(rng, model),
                "parameterization": kind,
                "sampler": {
                    "num_warmup": int(rng.integers(100, 2001)) if number % 5 == 0 else 100,
                    "max_tree_depth": int(rng.integers(6, 13)) if number % 5 == 1 else 6,
                    "num_samples": int(rng.integers(1, 60)),
                    "num_chains": int(rng.integers(1, 5)),
                    "seed": int(rng.integers(2**32)),
                    "target_accept_prob": rng.uniform(0.5, 0.95),
                },
            }
        )


def test_six_programs_serve_all_moves_of_two_labs(monkeypatch):
    monkeypatch.setattr(program, "_programs", type(program._programs)())
    with compilations() as compiled:
        for spec in moves(210):
            dt = run(spec)
            assert dt["posterior"].sizes["draw"] == spec.sampler.num_samples
            assert dt["posterior"].sizes["group"] == len(spec.grouped().names)
    assert len(compiled) == 6


@pytest.mark.parametrize(
    ("change", "same_program"),
    [
        ({"data": {"source": "simulated", "n": [1] * 10}}, True),
        ({"data": {"source": "simulated", "n": [1] * 11}}, False),
        ({"priors": MU_TAU | {"tau": {"dist": "HalfCauchy", "scale": 5}}}, True),
        ({"priors": MU_TAU | {"sigma": {"dist": "HalfNormal", "scale": 5}}}, False),
        ({"sampler": {"num_warmup": 999}}, True),
        ({"sampler": {"max_tree_depth": 12}}, True),
        ({"sampler": {"dense_mass": True}}, False),
    ],
)
def test_only_a_form_or_another_size_has_a_program_of_its_own(change, same_program):
    shape = prepare(RunSpec.model_validate(change)).shape
    assert (shape == prepare(RunSpec()).shape) == same_program


def test_chains_of_a_gpu_advance_as_one_and_are_those_of_threads(monkeypatch):
    spec = ask("weak", "noncentered", num_samples=600)
    apart = run(spec)
    with monkeypatch.context() as patch:
        patch.setattr(program, "together", lambda num_chains: num_chains)
        assert not prepare(spec).compiled
        groups = []
        short = run(spec.with_draws(100), lambda progress: groups.append(progress.chains))
        as_one = run(spec, earlier=short)
        assert prepare(spec).compiled
    assert program.compiled(prepare(spec).shape, prepare(spec).given).together == 1
    assert {chain.done for chain in groups[-1].each} == {1100}
    # Rounding parts them in time, and the same random numbers keep them together at first.
    for name in ("energy", "n_steps", "step_size", "acceptance_rate"):
        one, other = (dt["warmup_sample_stats"][name].values[:, :20] for dt in (apart, as_one))
        np.testing.assert_allclose(one, other, rtol=1e-6, err_msg=name)
    assert as_one["posterior"].sizes == apart["posterior"].sizes
    assert as_one.attrs["key"] == apart.attrs["key"]
    found = diagnostics.errors(as_one, exact_means(spec))
    assert all(abs(error) < 4 for error in found.values()), found


def test_only_a_few_programs_are_kept(monkeypatch):
    monkeypatch.setattr(program, "_programs", type(program._programs)())
    monkeypatch.setattr(program, "_compile", lambda shape, *_: shape)
    question = prepare(RunSpec())
    shapes = [program.Shape("normal_means", (str(site),), (), False) for site in range(16)]
    for shape in shapes:
        program.compiled(shape, question.given)
        program.compiled(shapes[0], question.given)
    kept = [shape for shape in shapes if program.is_compiled(shape)]
    assert kept == [shapes[0], *shapes[-program.MOST_PROGRAMS + 1 :]]


def test_a_run_beyond_the_budget_is_refused():
    with pytest.raises(ValidationError, match="Ask for fewer draws or chains"):
        NUTS(num_chains=16, num_samples=50_000)
    fits = NUTS(num_chains=4, num_warmup=1000, num_samples=MOST_TRANSITIONS // 4 - 1000)
    assert fits.transitions == MOST_TRANSITIONS


def test_a_start_of_no_density_is_refused_in_words():
    spec = RunSpec.model_validate(
        {
            "data": {
                "source": "estimates",
                "group": [str(k) for k in range(9)],
                "estimate": [1e200] * 9,
                "standard_error": [1.0] * 9,
            },
            "sampler": {"num_samples": 10},
        }
    )
    with pytest.raises(SamplingError, match="Widen the priors, or check the scale of the data"):
        run(spec)


def test_divergences_stop_a_run_and_every_chain_ends_at_the_same_draw():
    seen: list[Chains] = []
    spec = ask("weak", "centered", num_samples=2500, max_divergences=10)
    dt = run(spec, lambda progress: seen.append(progress.chains))
    draws = dt["posterior"].sizes["draw"]
    assert 1 <= draws < 2500
    assert int(dt["sample_stats"]["diverging"].sum()) >= 10
    assert {chain.done for chain in seen[-1].each} == {1000 + draws}


def test_a_stop_waits_for_the_chunks_on_their_way():
    ahead, behind = nuts.Chain(None, done=290, until=315), nuts.Chain(None, done=300, until=300)
    chains = Chains(NUTS(num_chains=2), each=[ahead, behind])
    nuts._stop_when_asked(chains, lambda _: True)
    assert chains.last == 2000
    nuts._stop_when_asked(chains, lambda _: False)
    assert chains.last == 315
    behind.done, ahead.done = 315, 400
    nuts._stop_when_asked(chains, lambda _: False)
    assert chains.last == 315


def test_what_a_chunk_raises_ends_the_run():
    def fail(progress):
        raise KeyError("the page went away")

    with pytest.raises(KeyError, match="the page went away"):
        run(ask(), fail)


def test_progress_can_be_read_while_it_runs():
    done, phases = [], []

    def look(progress):
        done.append(progress.chains.done)
        phases.append(progress.phase)
        assert progress.chains.step_size > 0 and progress.chains.gradients >= done[-1]

    spec = ask(num_samples=200)
    run(spec, look)
    assert done == sorted(done) and done[-1] == spec.sampler.transitions
    assert phases[0] == "warming up" and phases[-1] == "sampling" and len(set(phases)) == 2
