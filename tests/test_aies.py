import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer import AIES as KERNEL
from pydantic import ValidationError

from hbdash.samplers.aies import AIES, Moves
from hbdash.samplers.aies_program import Shape, State, transition
from hbdash.samplers.aies_run import Ensembles
from hbdash.samplers.nuts import SamplingError
from tests.targets import MEAN, SD, Edges, Gaussian, edges_given, gaussian_given

#: One shape for all runs of the Gaussian: it is compiled once.
QUICK = AIES(num_walkers=20, num_warmup=200, num_samples=200, thinning=10, seed=3)


def standard_errors(values, ensemble):
    """Means by ensemble in numbers of their own Monte-Carlo error, from batches of 50 draws."""
    batches = np.stack([values[ensemble == e].mean(axis=0) for e in np.unique(ensemble)])
    batches = batches.reshape(len(batches), -1, 50).mean(axis=2)
    return batches.mean(axis=1), batches.std(axis=1, ddof=1) / np.sqrt(batches.shape[1])


@pytest.fixture(scope="module")
def gaussian_run():
    config = AIES(num_walkers=20, num_warmup=1000, num_samples=10_000, thinning=10, seed=1)
    return config.sample(Gaussian(), gaussian_given())


def test_a_correlated_gaussian_has_the_right_moments_in_each_ensemble(gaussian_run):
    posterior = gaussian_run.groups()["posterior"]
    assert dict(posterior.sizes) == {"chain": 40, "draw": 1000}
    ensemble = posterior.ensemble.values
    for i in range(5):
        x = posterior[f"x_{i}"].values
        for moment, true in (((x - MEAN[i]) / SD[i], 0.0), (((x - MEAN[i]) / SD[i]) ** 2, 1.0)):
            means, errors = standard_errors(moment, ensemble)
            assert np.all(errors < 0.1)
            assert np.all(np.abs(means - true) < 4 * errors)
    x0, x4 = (posterior[f"x_{i}"].values.ravel() for i in (0, 4))
    assert np.corrcoef(x0, x4)[0, 1] == pytest.approx(0.9, abs=0.03)


def test_the_ensembles_agree_and_are_apart(gaussian_run):
    x = gaussian_run.groups()["posterior"]["x_1"].values.reshape(2, 20, 1000).mean(axis=1)
    within, between = x.var(axis=1, ddof=1).mean(), x.mean(axis=1).var(ddof=1)
    assert np.sqrt((999 / 1000 * within + between) / within) < 1.02
    assert not np.array_equal(x[0], x[1])


def test_what_a_run_records(gaussian_run):
    groups = gaussian_run.groups()
    assert set(groups) == {"posterior", "sample_stats", "warmup_sample_stats"}
    assert set(groups["sample_stats"]) == {"lp", "acceptance_rate"}
    assert dict(groups["warmup_sample_stats"].sizes) == {"chain": 40, "draw": 100}
    z = np.stack([groups["posterior"][f"x_{i}"].values for i in range(5)], axis=-1)
    given, target = gaussian_given(), Gaussian()
    lp = -np.asarray(jax.vmap(lambda z: target.potential(z, given))(z[::7, -1]))
    np.testing.assert_allclose(groups["sample_stats"]["lp"].values[::7, -1], lp, rtol=1e-10)
    rate = groups["sample_stats"]["acceptance_rate"].values
    assert np.all((rate >= 0) & (rate <= 1)) and 0.2 < rate.mean() < 0.7
    assert np.array_equal(rate[:20], np.broadcast_to(rate[0], (20, 1000)))
    assert not np.array_equal(rate[0], rate[20])
    assert gaussian_run.evaluations == 40 * 11_001 and gaussian_run.gradients == 0
    assert gaussian_run.fraction == 1 and gaussian_run.wall_seconds > 0
    assert gaussian_run.finished_config == gaussian_run.config
    assert gaussian_run.describe().startswith("step 10,000 of 10,000 · acceptance 0.")


@pytest.mark.parametrize("randomize", [False, True])
def test_hard_edges_keep_their_density(randomize):
    config = AIES(
        num_walkers=20, num_warmup=500, num_samples=10_000, seed=5, randomize_split=randomize
    )
    posterior = config.sample(Edges(), edges_given()).groups()["posterior"]
    exact = {"uniform": 0.5, "half": np.sqrt(2 / np.pi)}
    for name, true in exact.items():
        means, errors = standard_errors(posterior[name].values, posterior.ensemble.values)
        assert np.all(np.abs(means - true) < 4 * errors) and np.all(errors < 0.03)
    variance, errors = standard_errors(
        (posterior["uniform"].values - 0.5) ** 2, posterior.ensemble.values
    )
    assert np.all(np.abs(variance - 1 / 12) < 4 * errors)
    assert posterior["uniform"].min() > 0 and posterior["uniform"].max() < 1
    assert posterior["rate"].min() > 1  # a site, not the point: exp of a positive number


@pytest.mark.parametrize("weights", [(0.5, 0.5), (1.0, 0.0), (0.0, 1.0)])
def test_a_step_is_numpyros_own(weights):
    given, target = gaussian_given(), Gaussian()
    z, key = given["starts"][:20], jax.random.key(7)
    moves = {KERNEL.DEMove(): weights[0], KERNEL.StretchMove(): weights[1]}
    kernel = KERNEL(potential_fn=lambda z: target.potential(z, given), moves=moves)
    theirs = kernel.init(jax.random.split(key, 20), 0, init_params=jnp.asarray(z))

    def density(points):
        return -jax.vmap(lambda z: target.potential(z, given))(points)

    inner = jax.random.key_data(theirs.inner_state.rng_key)
    ours = State(jnp.asarray(z), density(z), inner)
    shape = Shape(target, 20, *weights, randomize_split=False)
    step = jax.jit(lambda state: transition(shape, density, state)[0])
    sample = jax.jit(lambda state: kernel.sample(state, (), {}))
    for _ in range(30):
        ours, theirs = step(ours), sample(theirs)
    np.testing.assert_allclose(ours.z, theirs.z, rtol=1e-9)
    np.testing.assert_allclose(ours.lp, density(ours.z), rtol=1e-9)
    assert np.mean(ours.z != z) > 0.9


def test_walkers_keep_their_place_when_the_halves_are_drawn_anew():
    given, target = gaussian_given(), Gaussian()
    shape = Shape(target, 20, 0.5, 0.5, randomize_split=True)

    def density(points):
        return -jax.vmap(lambda z: target.potential(z, given))(points)

    z = jnp.asarray(given["starts"][:20])
    before = State(z, density(z), jax.random.key_data(jax.random.key(0)))
    after, moved = transition(shape, density, before)
    still = np.all(after.z == before.z, axis=1)
    assert still.mean() == pytest.approx(1 - float(moved)) and 0 < still.sum() < 20


def test_the_same_seed_gives_the_same_draws_however_often_it_is_asked(monkeypatch):
    first = QUICK.sample(Gaussian(), gaussian_given()).groups()["posterior"]
    monkeypatch.setattr("hbdash.samplers.aies_run.ROUND_SECONDS", 1e-9)  # a row a round
    rounds = []
    again = QUICK.sample(Gaussian(), gaussian_given(), lambda run: rounds.append(1) or True)
    assert len(rounds) > 40
    assert first.identical(again.groups()["posterior"])
    other = QUICK.model_copy(update={"seed": 4}).sample(Gaussian(), gaussian_given())
    assert not first.identical(other.groups()["posterior"])


def test_numbers_of_the_inputs_are_not_compiled_in():
    moved = gaussian_given(mean=MEAN + 100 * SD)
    moved["starts"] = moved["starts"] + 100 * SD
    before = QUICK.sample(Gaussian(), gaussian_given())
    after = QUICK.sample(Gaussian(), moved)
    assert after.compile_seconds < 0.5 * max(before.compile_seconds, 0.5)
    shifted = after.groups()["posterior"]["x_2"].values - 100 * SD[2]
    assert abs(shifted.mean() - MEAN[2]) < SD[2]


def test_stopping_keeps_the_run_of_fewer_samples(monkeypatch):
    monkeypatch.setattr("hbdash.samplers.aies_run.ROUND_SECONDS", 1e-9)
    seen = []

    def enough(run):
        seen.append((run.phase, run.fraction, run.has_draws))
        return run.steps < 230

    stopped = QUICK.sample(Gaussian(), gaussian_given(), enough)
    assert stopped.finished_config == QUICK.model_copy(update={"num_samples": 30})
    assert stopped.fraction == 1 and stopped.has_draws
    whole = stopped.finished_config.sample(Gaussian(), gaussian_given())
    assert whole.groups()["posterior"].identical(stopped.groups()["posterior"])
    phases = [phase for phase, _, _ in seen if phase != "compiling"]
    assert phases[0] == "warming up" and phases[-1] == "sampling"
    fractions = [fraction for _, fraction, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] < 1


def test_stopping_in_the_warmup_keeps_no_draws():
    stopped = QUICK.sample(Gaussian(), gaussian_given(), lambda run: False)
    assert not stopped.has_draws and set(stopped.groups()) == {"warmup_sample_stats"}
    assert stopped.finished_config == QUICK


def test_cancelling_ends_the_run_at_once():
    asked = []

    def cancel(run):
        asked.append(run.steps)
        if run.steps:
            raise InterruptedError("cancelled")
        return True

    with pytest.raises(InterruptedError):
        QUICK.sample(Gaussian(), gaussian_given(), cancel)
    assert max(asked) < 400 and threading.active_count() < 20


def test_an_unfinished_run_is_readable():
    def read(run):
        assert "describe" and isinstance(run.describe(), str)
        for data in run.groups().values():
            assert data.sizes["chain"] == 40
        return True

    QUICK.sample(Gaussian(), gaussian_given(), read)
    empty = Ensembles(QUICK)
    assert empty.groups() == {} and empty.describe() == "" and empty.evaluations == 0


def test_starting_points_must_be_possible_and_apart():
    bad = edges_given()
    bad["starts"][:, 0] += np.where(np.arange(200) % 2, 5.0, 0.0)
    with pytest.raises(SamplingError, match=r"Every walker must start .* only \d+ of 20 do"):
        QUICK.sample(Edges(), bad)
    flat = gaussian_given()
    flat["starts"][:, 2] = 0.0
    with pytest.raises(SamplingError, match="apart in all 5 directions"):
        QUICK.sample(Gaussian(), flat)
    few = gaussian_given(points=4)
    with pytest.raises(SamplingError, match="picked from 4 starting points"):
        QUICK.sample(Gaussian(), few)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_walkers": 31}, "must be even, .* got 31. Ask for 32"),
        ({"num_walkers": 2}, "greater than or equal to 4"),
        ({"num_ensembles": 1}, "greater than or equal to 2"),
        (
            {"num_samples": 1001, "thinning": 10},
            "thinning must divide num_samples, got 10 and 1001. .* 1010",
        ),
        ({"num_warmup": 5, "thinning": 10}, "thinning must divide num_warmup, got 10 and 5"),
        ({"num_walkers": 1000, "num_samples": 100_000}, "at most 20,000,000, got 2 x 1000 x"),
        (
            {"num_walkers": 200, "num_samples": 2000, "thinning": 1},
            "at most 1,000,000, got 1,200,000",
        ),
        ({"moves": {"de": 0, "stretch": 0}}, "must be above 0"),
        ({"moves": {"walk": 1}}, "Extra inputs"),
        ({"walkers": 30}, "Extra inputs"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        AIES(**options)


def test_options_survive_json_and_can_be_keys():
    config = AIES(moves=Moves(de=2, stretch=1))
    assert AIES.model_validate_json(config.model_dump_json()) == config
    assert hash(config) == hash(config.model_copy())
