import subprocess
import sys
import threading
import time

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from hbdash.samplers import flowmc_program
from hbdash.samplers.flowmc import FlowMC
from hbdash.samplers.flowmc_progress import FlowProgress
from hbdash.samplers.nuts import SamplingError
from tests.targets import COVARIANCE, MEAN, SD, Edges, Gaussian, edges_given, gaussian_given

#: A flow so small that it is compiled and trained in seconds; one program serves most tests.
TINY = FlowMC(
    n_chains=20, n_local_steps=20, n_global_steps=20, n_training_loops=4, n_production_loops=2,
    local_thinning=1, global_thinning=1, local_sampler="hmc",
    n_epochs=5, n_max_examples=1000, batch_size=250, rq_spline_hidden_units=(16, 16),
    rq_spline_n_layers=2, rq_spline_n_bins=4, learning_rate=5e-3, step_size=0.3,
    condition_matrix=tuple(SD**2), flow_samples=300, seed=1,
)  # fmt: skip
#: The tutorial's options, in flowMC's present names.
TUTORIAL = {
    "chain_batch_size": 0, "n_chains": 100, "batch_size": 10_000, "n_epochs": 4,
    "n_max_examples": 200_000, "history_window": 2000, "n_NFproposal_batch_size": 50,
    "n_global_steps": 100, "n_local_steps": 100, "n_production_loops": 10,
    "n_training_loops": 10, "global_thinning": 4, "local_thinning": 4, "local_sampler": "hmc",
    "step_size": 0.01, "condition_matrix": 1.0, "n_leapfrog": 5,
    "rq_spline_hidden_units": [64, 64], "rq_spline_n_bins": 10, "rq_spline_n_layers": 8,
    "rq_spline_range": [-10.0, 10.0], "learning_rate": 0.001, "verbose": False,
    "flow_samples": 10_000,
}  # fmt: skip


def again(**changes):
    return TINY.model_copy(update=changes)


@pytest.fixture(scope="module")
def long_run():
    return again(n_production_loops=40).sample(Gaussian(), gaussian_given())


@pytest.fixture(scope="module")
def short_run():
    return TINY.sample(Gaussian(), gaussian_given())


def test_a_gaussian_has_the_right_moments(long_run):
    posterior = long_run.groups()["posterior"]
    assert dict(posterior.sizes) == {"chain": 20, "draw": 1600}
    for i in range(5):
        x = (posterior[f"x_{i}"].values - MEAN[i]) / SD[i]
        for moment, true in ((x, 0.0), (x**2, 1.0)):
            chains = moment.mean(axis=1)
            error = chains.std(ddof=1) / np.sqrt(len(chains))
            assert error < 0.1
            assert abs(chains.mean() - true) < 4 * error
    x = np.stack([posterior[f"x_{i}"].values.ravel() for i in range(5)])
    expected = COVARIANCE / np.outer(SD, SD)
    np.testing.assert_allclose(np.corrcoef(x), expected, atol=0.05)


def test_what_a_run_records(short_run):
    groups = short_run.groups()
    assert set(groups) == {"posterior", "sample_stats", "training", "flow"}
    assert set(groups["sample_stats"]) == {"lp", "local_acceptance", "global_acceptance"}
    assert dict(groups["sample_stats"].sizes) == {"chain": 20, "draw": 80}
    assert dict(groups["training"].sizes) == {"chain": 20, "draw": 160, "epoch": 20}
    for group in ("sample_stats", "training"):
        local, other = (groups[group][f"{k}_acceptance"].values for k in ("local", "global"))
        assert np.array_equal(np.isnan(local), ~np.isnan(other))
        assert np.array_equal(np.isnan(local)[0], np.arange(local.shape[1]) // 20 % 2 == 1)
        for rates in (local, other):
            assert set(np.unique(rates[np.isfinite(rates)])) == {0.0, 1.0}
    assert np.nanmean(groups["sample_stats"]["local_acceptance"]) > 0.7
    assert np.nanmean(groups["sample_stats"]["global_acceptance"]) > 0.05


def test_lp_is_the_log_density_of_the_draws(short_run):
    groups, target, given = short_run.groups(), Gaussian(), gaussian_given()
    z = np.stack([groups["posterior"][f"x_{i}"].values for i in range(5)], axis=-1)[:, ::9]
    lp = -np.asarray(jax.vmap(jax.vmap(lambda z: target.potential(z, given)))(z))
    np.testing.assert_allclose(groups["sample_stats"]["lp"].values[:, ::9], lp, rtol=1e-9)


def test_the_flow_learns_and_its_draws_are_apart(short_run):
    groups = short_run.groups()
    loss = groups["training"]["loss"].values
    assert loss[-5:].mean() < loss[:5].mean()
    flow = groups["flow"]
    assert dict(flow.sizes) == {"sample": 300}
    x = np.stack([(flow[f"x_{i}"].values - MEAN[i]) / SD[i] for i in range(5)])
    assert np.all(np.abs(x.mean(axis=1)) < 0.5) and np.all(np.abs(x.std(axis=1) - 1) < 0.5)


def test_what_a_run_costs(short_run):
    local, globally, loops = 20 * 20, 20 * 20, 6
    assert short_run.gradients == loops * local * 7
    assert short_run.evaluations == loops * (20 + local + 20 + globally)
    assert short_run.fraction == 1 and short_run.finished_config == TINY
    assert short_run.describe().startswith("production loop 2 of 2 · local acceptance 0.")
    assert short_run.describe().endswith("1,600 draws")


def test_the_same_seed_gives_the_same_draws_and_compiles_nothing(short_run):
    second = TINY.sample(Gaussian(), gaussian_given())
    for name, group in short_run.groups().items():
        assert group.identical(second.groups()[name]), name
    assert second.compile_seconds < 1
    moved = gaussian_given(mean=MEAN + 100 * SD)
    moved["starts"] = moved["starts"] + 100 * SD
    shifted = again(seed=2).sample(Gaussian(), moved)
    assert shifted.compile_seconds < 1
    x = shifted.groups()["posterior"]["x_2"].values
    assert abs(x.mean() - MEAN[2] - 100 * SD[2]) < SD[2]
    assert not np.allclose(x[0] - 100 * SD[2], short_run.groups()["posterior"]["x_2"].values[0])


def test_draws_do_not_depend_on_how_often_it_is_asked(short_run):
    seen = []

    def watch(run):
        for group in run.groups().values():
            assert group.sizes
        seen.append((run.fraction, run.phase, run.has_draws, run.describe()))
        return True

    watched = TINY.sample(Gaussian(), gaussian_given(), watch)
    assert watched.groups()["posterior"].identical(short_run.groups()["posterior"])
    fractions = [fraction for fraction, *_ in seen]
    assert len(seen) >= 16 and fractions == sorted(fractions) and fractions[-1] == 1
    phases = [phase for _, phase, _, _ in seen]
    assert set(phases) == {"training", "production"} and phases == sorted(phases, reverse=True)
    assert all(draws == (phase == "production") for _, phase, draws, _ in seen)
    assert "training loop 2 of 4 · local acceptance" in " ".join(line for *_, line in seen)


def test_stopping_in_training_skips_the_rest_and_makes_one_production_loop():
    stopped = TINY.sample(
        Gaussian(), gaussian_given(), lambda run: len(run.training) < 3 or run.in_production
    )
    done = again(n_training_loops=2, n_production_loops=1)
    assert stopped.finished_config == done
    assert stopped.fraction == 1 and stopped.groups()["posterior"].sizes["draw"] == 40
    whole = done.sample(Gaussian(), gaussian_given())
    for name, group in whole.groups().items():
        assert group.identical(stopped.groups()[name]), name


def test_stopping_in_production_keeps_the_loops_that_were_made():
    config = again(n_production_loops=50)
    stopped = config.sample(Gaussian(), gaussian_given(), lambda run: run.production_loops < 1)
    done = stopped.finished_config
    assert done == again(n_production_loops=2)
    whole = done.sample(Gaussian(), gaussian_given())
    assert whole.groups()["posterior"].identical(stopped.groups()["posterior"])


def test_cancelling_ends_the_run_and_frees_its_program():
    def cancel(run):
        if run.phases == 2:
            raise InterruptedError("cancelled")
        return True

    before = threading.active_count()
    with pytest.raises(InterruptedError):
        TINY.sample(Gaussian(), gaussian_given(), cancel)
    assert threading.active_count() <= before + 1
    afterwards = TINY.sample(Gaussian(), gaussian_given())
    assert afterwards.compile_seconds < 1


def test_cancelling_does_not_wait_for_the_local_steps(monkeypatch):
    monkeypatch.setattr("hbdash.samplers.flowmc_run.ASK_SECONDS", 0.01)
    config = again(n_local_steps=10_000, local_thinning=100, n_training_loops=1)
    fractions, left = [], []

    def cancel(run):
        fractions.append(run.fraction)
        if 0 < run.fraction < 1 / 7:
            left.append(time.monotonic())
            raise InterruptedError("cancelled")
        return True

    with pytest.raises(InterruptedError):
        config.sample(Gaussian(), gaussian_given(), cancel)
    assert fractions[-1] < 1 / 7  # in the middle of the first phase
    while not any(key[1].n_local_steps == 10_000 for key in flowmc_program._programs):
        time.sleep(0.01)  # the thread that was left gives the program back
    assert time.monotonic() - left[0] < 5


@pytest.mark.parametrize(("sampler", "step_size", "gradients"), [("mala", 0.5, 2), ("grw", 0.8, 0)])
def test_the_other_local_samplers_respect_hard_edges(sampler, step_size, gradients):
    config = TINY.model_copy(
        update={
            "local_sampler": sampler, "step_size": step_size, "condition_matrix": 1.0,
            "n_production_loops": 40, "flow_samples": 0, "chain_batch_size": 10,
            "rq_spline_range": (-8.0, 8.0), "adapt_step_size": True,
        }
    )  # fmt: skip
    run = config.sample(Edges(), edges_given())
    assert run.gradients == gradients * 20 * 20 * 44
    groups = run.groups()
    assert "flow" not in groups
    exact = {"uniform": 0.5, "half": np.sqrt(2 / np.pi)}
    for name, true in exact.items():
        chains = groups["posterior"][name].values.mean(axis=1)
        error = chains.std(ddof=1) / np.sqrt(20)
        assert error < 0.05 and abs(chains.mean() - true) < 4 * error
    assert groups["posterior"]["uniform"].min() > 0 and groups["posterior"]["uniform"].max() < 1
    assert np.isfinite(groups["sample_stats"]["lp"].values).all()


def test_thinning_averages_acceptance_and_early_stopping_ends_the_training():
    config = again(
        local_thinning=4, global_thinning=2, early_stopping=True, n_training_loops=30,
        local_sampler="grw", step_size=0.05,
    )  # fmt: skip
    run = config.sample(Gaussian(), gaussian_given())
    groups = run.groups()
    assert groups["posterior"].sizes["draw"] == 2 * (5 + 10)
    rates = groups["sample_stats"]["local_acceptance"].values
    assert set(np.unique(rates[np.isfinite(rates)] * 4)) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert 4 <= run.training_loops < 30 and run.finished_config == config
    assert groups["training"].sizes["draw"] == run.training_loops * 15
    assert groups["training"].sizes["epoch"] == run.training_loops * 5


def test_a_long_training_is_thinned_for_the_page():
    run = FlowProgress(again(n_chains=2))
    rows = {name: np.zeros((2, 500)) for name in ("lp", "local_acceptance", "global_acceptance")}
    run.training.extend([rows] * 9)
    assert run.groups()["training"].sizes["draw"] == 1500
    empty = FlowProgress(TINY)
    assert empty.groups() == {} and empty.fraction == 0 and not empty.has_draws
    assert empty.describe() == "training loop 1 of 4" and empty.finished_config == TINY


def test_chains_must_start_where_the_density_is_finite():
    bad = edges_given()
    bad["starts"][:, 0] += 5.0
    with pytest.raises(SamplingError, match="finite, but 20 of 20 do not"):
        again(local_sampler="grw", condition_matrix=1.0).sample(Edges(), bad)
    with pytest.raises(ValueError, match="one number for each of the 5 parameters, .* got 2"):
        again(condition_matrix=(1.0, 2.0)).sample(Gaussian(), gaussian_given())


def test_the_tutorials_options_are_accepted():
    config = FlowMC.model_validate(TUTORIAL)
    assert config.transitions == 400_000 and config.stored == 50 and config.num_samples == 10
    assert FlowMC.model_validate_json(config.model_dump_json()) == config
    assert hash(config) == hash(config.model_copy())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"local_thinning": 3}, "local_thinning must divide n_local_steps, got 3 and 200. .* 201"),
        ({"global_thinning": 150}, "global_thinning must divide n_global_steps, got 150 and"),
        ({"rq_spline_range": (1, 10)}, r"must enclose 0, .* got \(1, 10\)"),
        ({"condition_matrix": ()}, "a number for each parameter, got none"),
        ({"condition_matrix": -1}, "greater than 0"),
        ({"condition_matrix": (1.0, 0.0)}, "greater than 0"),
        ({"step_size": 0}, "greater than 0"),
        ({"step_size": float("nan")}, "finite number"),
        ({"local_sampler": "nuts"}, "'hmc', 'mala' or 'grw'"),
        ({"rq_spline_hidden_units": ()}, "at least 1 item"),
        ({"rq_spline_hidden_units": (0,)}, "greater than or equal to 1"),
        ({"n_chains": 1000, "n_local_steps": 10_000}, "must be at most 20,000,000, got"),
        (
            {"n_chains": 500, "n_local_steps": 1000, "local_thinning": 1},
            "draws kept, .* at most 2,000,000, got",
        ),
        ({"hmc_step_size": 0.1}, "Extra inputs"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        FlowMC(**options)


def test_the_options_do_not_load_flowmc():
    code = "import sys, hbdash.samplers.flowmc as f; f.FlowMC(); assert 'flowMC' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
