"""Whole runs: the study's assertions, exact means within 4 MCSE, stopping and going on."""

import json
from functools import cache

import numpy as np
import pytest
import xarray as xr

from hbdash import diagnostics, store
from hbdash.draws import append
from hbdash.question import MOST_NUMBERS, prepare, prepare_data
from hbdash.run import Progress, run
from hbdash.spec import RunSpec
from tests.questions import MU_TAU, PARAMETERIZATIONS, SIGMA, arguments, ask, exact_means, same


@cache
def study(scene: str, kind: str) -> xr.DataTree:
    """4 x 2,500 draws, as the study's assertions want them."""
    return run(ask(scene, kind, num_samples=2500))


@cache
def numbers(scene: str, kind: str) -> diagnostics.Score:
    return diagnostics.score(kind, study(scene, kind))


def test_weak_centered_has_the_funnel_s_marks_and_noncentered_none():
    centered, noncentered = numbers("weak", "centered"), numbers("weak", "noncentered")
    assert centered.divergences > 0 and centered.bfmi < 0.35
    assert noncentered.divergences == 0 and noncentered.bfmi > 0.8


def test_strong_centered_takes_longer_steps_for_fewer_gradients():
    centered, noncentered = numbers("strong", "centered"), numbers("strong", "noncentered")
    assert centered.step_size / noncentered.step_size > 10
    assert noncentered.gradients_per_draw / centered.gradients_per_draw > 5


def test_unbalanced_mixed_is_best():
    kinds = ("mixed", "centered", "noncentered")
    step_size = [numbers("unbalanced", kind).step_size for kind in kinds]
    assert step_size == sorted(step_size, reverse=True)
    bfmi = [diagnostics.bfmi(study("unbalanced", kind)).mean() for kind in kinds]
    assert bfmi[0] > max(bfmi[1:]) + 0.1


# Partial centeredness of a half keeps the funnel in the weak scene: it is biased there, by design.
SOUND = [
    *(("weak", kind) for kind in ("noncentered", "mixed", "by_information", "learned")),
    *(("strong", kind) for kind in ("centered", "noncentered", "by_information", "learned")),
    *(("unbalanced", kind) for kind in PARAMETERIZATIONS),
]


@pytest.mark.parametrize(("scene", "kind"), SOUND)
def test_population_means_are_within_4_mcse_of_the_exact_ones(scene, kind):
    dt = study(scene, kind)
    found = diagnostics.errors(dt, exact_means(ask(scene, kind)))
    assert set(found) == {"mu", "log_tau"}
    assert all(abs(error) < 4 for error in found.values()), found


@pytest.mark.parametrize("scene", ["weak", "strong", "unbalanced"])
def test_effects_are_near_their_exact_means(scene):
    from arviz_stats.base import array_stats

    from hbdash.exact import normal_means as exact

    spec = ask(scene, "by_information")
    post = exact.posterior(prepare_data(spec), spec.priors)
    mean, sd, _ = exact.effect_moments(post)
    theta = study(scene, "by_information")["posterior"]["theta"].values
    mcse = array_stats.mcse(theta, chain_axis=0, draw_axis=1, method="mean")
    assert np.all(np.abs(theta.mean((0, 1)) - mean) < 4.5 * mcse)
    np.testing.assert_allclose(theta.std((0, 1)), sd, rtol=0.1)


@pytest.mark.parametrize("kind", ["noncentered", "by_information"])
def test_an_unknown_sigma_is_within_4_mcse_of_the_exact_one(kind):
    from arviz_stats.base import array_stats

    from hbdash.exact import normal_means as exact

    spec = RunSpec.model_validate(
        {
            "data": {"source": "simulated", "n": [3, 8, 2, 40, 1, 5, 9, 4, 6], "sigma": 2.0},
            "priors": MU_TAU | SIGMA,
            "parameterization": {"kind": kind},
            "sampler": {"num_samples": 2500},
        }
    )
    dt = run(spec)
    found = exact.summary(exact.posterior(prepare_data(spec), spec.priors))
    draws = diagnostics.coordinates(dt) | {"sigma": dt["posterior"]["sigma"].values}
    for site in ("mu", "log_tau", "sigma"):
        mcse = array_stats.mcse(draws[site], chain_axis=0, draw_axis=1, method="mean")
        assert abs(draws[site].mean() - found[site]["mean"]) < 4 * mcse, site


@pytest.mark.parametrize("kind", PARAMETERIZATIONS)
def test_the_tree_holds_what_figures_expect(kind):
    dt = run(ask("unbalanced", kind))
    posterior, stats = dt["posterior"], dt["sample_stats"]
    assert set(posterior.data_vars) == {"mu", "tau", "theta"}
    assert posterior["theta"].dims == ("chain", "draw", "group")
    assert posterior["theta"].dtype == np.float64 and np.all(posterior["tau"] > 0)
    assert posterior["group"].values.tolist() == [str(k) for k in range(9)]
    names = {
        "diverging", "energy", "lp", "step_size", "n_steps", "tree_depth",
        "acceptance_rate", "reached_max_treedepth",
    }  # fmt: skip
    assert set(stats.data_vars) == names == set(dt["warmup_sample_stats"].data_vars)
    assert stats["diverging"].dtype == bool and stats["reached_max_treedepth"].dtype == bool
    assert stats.sizes == {"chain": 4, "draw": 100}
    assert dt["warmup_sample_stats"].sizes == {"chain": 4, "draw": 1000}
    assert set(dt["observed_data"].data_vars) == {
        "n", "mean", "ss", "standard_error", "values", "index",
    }  # fmt: skip
    assert {"true_mu", "true_tau", "true_sigma", "true_theta"} < set(dt["constant_data"].data_vars)
    spec = RunSpec.model_validate_json(dt.attrs["spec"])
    assert dt.attrs["key"] == spec.key == ask("unbalanced", kind).key
    assert json.loads(dt.attrs["spec"])["sampler"]["num_samples"] == 100
    assert dt.attrs["wall_seconds"] > 0 and "numpyro" in dt.attrs["versions"]


@pytest.mark.parametrize("kind", PARAMETERIZATIONS)
def test_sampled_coordinates_follow_the_formula(kind):
    dt = run(ask("unbalanced", kind))
    c = dt["constant_data"]["centeredness_theta"]
    mu, tau, theta = (dt["posterior"][site] for site in ("mu", "tau", "theta"))
    expected = (theta - mu) / tau ** (1 - c) + c * mu
    sampled = dt["unconstrained_posterior"]["theta"]
    np.testing.assert_allclose(sampled, expected.transpose(*sampled.dims), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(c, prepare(ask("unbalanced", kind)).centeredness["theta"])


@pytest.mark.parametrize("scene", ["weak", "strong"])
def test_statistics_of_a_transition_agree_with_each_other(scene):
    stats = study(scene, "noncentered")["sample_stats"]
    n_steps, depth = stats["n_steps"].values, stats["tree_depth"].values
    assert n_steps.min() >= 1 and n_steps.dtype.kind == "i"
    assert np.all(2 ** (depth - 1) <= n_steps) and np.all(n_steps < 2**depth)
    assert np.all(stats["acceptance_rate"].values <= 1 + 1e-12)
    assert np.all(np.isfinite(stats["lp"])) and np.all(stats["energy"] > -stats["lp"])
    assert np.all(stats["step_size"].values == stats["step_size"].values[:, :1])
    gradients = study(scene, "noncentered").attrs
    warmup = study(scene, "noncentered")["warmup_sample_stats"]["n_steps"].values
    assert gradients["sampling_gradients"] == n_steps.sum()
    assert gradients["gradients"] == n_steps.sum() + warmup.sum()
    assert np.mean(stats["acceptance_rate"]) == pytest.approx(0.95, abs=0.03)


def test_trees_that_reach_the_maximum_depth_are_marked():
    spec = ask("strong", "noncentered", num_warmup=100, max_tree_depth=3)
    stats = run(spec)["sample_stats"]
    reached = stats["reached_max_treedepth"].values
    assert reached.any()
    assert stats["n_steps"].values.max() == 7 and stats["tree_depth"].values.max() == 3
    np.testing.assert_array_equal(reached, stats["n_steps"].values == 7)


def test_the_log_density_is_that_of_the_model():
    from numpyro.infer.util import log_density

    from hbdash.models import MODELS

    question = prepare(ask("unbalanced", "mixed"))
    dt = run(question.spec, question=question)
    for chain, draw in ((0, 0), (1, 50), (3, 99)):
        at = {"chain": chain, "draw": draw}
        tau = float(dt["posterior"]["tau"].isel(at))
        point = {
            "mu": float(dt["posterior"]["mu"].isel(at)),
            "tau": tau,
            "theta_decentered": dt["unconstrained_posterior"]["theta"].isel(at).values,
        }
        expected = log_density(MODELS["normal_means"].program, arguments(question), {}, point)[0]
        lp = float(dt["sample_stats"]["lp"].isel(at))
        assert lp == pytest.approx(float(expected) + np.log(tau), rel=1e-9)


def test_going_on_gives_the_draws_of_one_long_run():
    whole = run(ask("unbalanced", "mixed", num_samples=300))
    part = run(ask("unbalanced", "mixed", num_samples=7))
    for length in (8, 120, 300):
        part = run(ask("unbalanced", "mixed", num_samples=length), earlier=part)
        assert part["posterior"].sizes["draw"] == length
    same(whole, part)
    assert part.attrs["key"] == whole.attrs["key"] and part.attrs["spec"] == whole.attrs["spec"]
    for count in ("gradients", "sampling_gradients"):
        assert part.attrs[count] == whole.attrs[count]


def test_going_on_from_the_disk_gives_the_draws_of_one_long_run():
    whole = run(ask("weak", "noncentered", num_samples=300))
    assert store.save(run(ask("weak", "noncentered", num_samples=110)))
    store.forget()
    stored = store.find(ask("weak", "noncentered", num_samples=300))
    assert stored is not None and stored["posterior"].sizes["draw"] == 110
    same(whole, run(ask("weak", "noncentered", num_samples=300), earlier=stored))


def test_going_on_from_a_whole_run_adds_nothing():
    whole = run(ask(num_samples=50))
    same(whole, run(ask(num_samples=50), earlier=whole))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("after", [4333, 5000, 5500, 6000])
def test_a_stopped_run_is_a_shorter_run_and_can_go_on(seed, after):
    spec = ask("weak", "noncentered", num_samples=1000, seed=seed)
    states: list[Progress] = []

    def stop(progress: Progress) -> bool:
        states.append(progress)
        return progress.chains.done < after

    stopped = run(spec, stop)
    draws = stopped["posterior"].sizes["draw"]
    assert 1 <= draws < 1000
    assert all(
        group.sizes["draw"] == draws
        for group in (stopped["sample_stats"], stopped["unconstrained_posterior"])
    )
    assert {chain.done for chain in states[-1].chains.each} == {1000 + draws}
    assert stopped.attrs["key"] == f"{spec.stem}-{draws}"
    same(stopped, run(spec.with_draws(draws)))
    same(run(spec, earlier=stopped), run(spec))


@pytest.mark.parametrize("after", [1, 1500, 3900])
def test_a_run_stopped_in_its_warmup_has_no_posterior(after):
    dt = run(ask(num_samples=400), lambda progress: progress.chains.done < after)
    if "posterior" in dt.children:  # the other chains were through before the last one caught up
        assert after == 3900 and dt["warmup_sample_stats"].sizes["draw"] == 1000
        return
    assert "sample_stats" not in dt.children and "unconstrained_posterior" not in dt.children
    assert 1 <= dt["warmup_sample_stats"].sizes["draw"] <= 1000
    assert {"observed_data", "constant_data"} < set(dt.children)


def test_draws_can_be_looked_at_while_a_run_is_on_its_way():
    lengths = []

    def look(progress: Progress) -> None:
        dt = progress.draws()
        if "posterior" in dt.children:
            lengths.append(dt["posterior"].sizes["draw"])
            assert dt["posterior"].sizes == {"chain": 4, "draw": lengths[-1], "group": 9}
            assert dt.attrs["key"].endswith(f"-{lengths[-1]}")

    run(ask(num_samples=120), look)
    assert lengths == sorted(lengths) and lengths[-1] == 120


def test_appended_draws_are_numbered_through():
    one, whole = run(ask(num_samples=30)), run(ask(num_samples=50))
    later = run(ask(num_samples=50), earlier=one)
    assert later["posterior"]["draw"].values.tolist() == list(range(50))
    assert append.__doc__ and whole["posterior"].sizes == later["posterior"].sizes


@pytest.mark.parametrize("groups", [1, 2, 200])
@pytest.mark.parametrize("kind", ["noncentered", "by_information"])
def test_few_and_many_groups_run(groups, kind):
    spec = RunSpec.model_validate(
        {
            "data": {"source": "simulated", "n": [3] * groups, "sigma": 2.0},
            "parameterization": {"kind": kind},
            "sampler": {"num_warmup": 150, "num_samples": 60, "num_chains": 2},
        }
    )
    dt = run(spec)
    assert dt["posterior"]["theta"].shape == (2, 60, groups)
    assert np.all(np.isfinite(dt["posterior"]["theta"]))
    if groups == 200:
        truth = dt["constant_data"]["true_theta"]
        assert np.corrcoef(dt["posterior"]["theta"].mean(("chain", "draw")), truth)[0, 1] > 0.9


def test_eight_schools_runs_and_is_exact():
    spec = RunSpec.model_validate(
        {
            "data": {"source": "example"},
            "parameterization": {"kind": "noncentered"},
            "sampler": {"num_samples": 2000},
        }
    )
    dt = run(spec)
    assert "values" not in dt["observed_data"] and "true_mu" not in dt["constant_data"]
    found = diagnostics.errors(dt, exact_means(spec))
    assert all(abs(error) < 4 for error in found.values()), found


def test_runs_that_do_not_fit_are_refused_before_they_start():
    many = {"source": "estimates", "group": [str(k) for k in range(2000)]}
    many |= {"estimate": [0.0] * 2000, "standard_error": [1.0] * 2000}
    spec = RunSpec.model_validate({"data": many, "sampler": {"num_samples": 5000}})
    with pytest.raises(ValueError, match="Ask for at most") as error:
        prepare_data(spec)
    most = int(str(error.value).split("at most ")[1].split()[0].replace(",", ""))
    assert most * 4 * 4010 <= MOST_NUMBERS < (most + 1) * 4 * 4010
    prepare_data(spec.with_draws(most - 1000))
    dense = RunSpec.model_validate(
        {"data": many, "sampler": {"num_samples": 100, "num_warmup": 100, "dense_mass": True}}
    )
    with pytest.raises(ValueError, match="at most 1,010 numbers, got 4,010"):
        prepare_data(dense)
    wrong = RunSpec.model_validate({"parameterization": {"kind": "mixed", "groups": [9]}})
    with pytest.raises(ValueError, match="`groups`"):
        prepare_data(wrong)


def test_a_dense_metric_gives_the_same_posterior():
    spec = ask("unbalanced", "centered", num_samples=1000, dense_mass=True)
    found = diagnostics.errors(run(spec), exact_means(spec))
    assert all(abs(error) < 4 for error in found.values()), found
