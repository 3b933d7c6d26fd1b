"""A population run in numbers: over all chains, with the thresholds that the field uses."""

import time
from dataclasses import fields, replace

import numpy as np
import pytest
from arviz_stats.base.array import array_stats

from hbdash.population_draws import event_names, label, parameters, size, truth, with_draws
from hbdash.population_score import (
    PopulationScore,
    between_ensembles,
    checks,
    score,
    stacked,
    verdict,
)
from tests.fake_population import TRUTH, fake_population, stem


@pytest.fixture(scope="module")
def nuts():
    return score("NUTS", fake_population())


@pytest.fixture(scope="module")
def aies():
    return score("AIES", fake_population("aies"))


@pytest.fixture(scope="module")
def flowmc():
    return score("flowMC", fake_population("flowmc"))


def arviz(dt, method):
    found = []
    for name in parameters(dt):
        x = dt[f"posterior/{name}"].values
        options = {"prob": (0.05, 0.95)} if method == "tail" else {}
        if method == "rhat":
            found.append(array_stats.rhat(x, chain_axis=0, draw_axis=1))
        else:
            found.append(array_stats.ess(x, chain_axis=0, draw_axis=1, method=method, **options))
    return np.array(found)


@pytest.mark.parametrize("sampler", ["nuts", "aies", "flowmc"])
def test_numbers_are_the_worst_of_all_parameters_over_all_chains(sampler):
    dt = fake_population(sampler, draws=120, apart=0.3)
    found = score("run", dt)
    assert found.r_hat == pytest.approx(arviz(dt, "rhat").max(), rel=1e-9)
    assert found.ess_bulk == pytest.approx(arviz(dt, "bulk").min(), rel=1e-9)
    assert found.ess_tail == pytest.approx(arviz(dt, "tail").min(), rel=1e-9)
    assert found.chains == dt["posterior"].sizes["chain"]
    assert found.draws == found.chains * 120
    assert found.ess_per_second == pytest.approx(found.ess_bulk / 20)
    assert found.evaluations == dt.attrs["evaluations"] and found.label == "run"


def test_one_chain_apart_from_the_others_is_seen(nuts):
    dt = fake_population()
    assert nuts.r_hat < 1.01
    dt["posterior"]["beta_pl_0"][2] += 5.0
    assert score("x", dt).r_hat > 1.3


def test_an_ensemble_becomes_one_chain_in_the_order_of_time():
    dt = fake_population("aies", chains=6, draws=50, ensembles=2, apart=0.5)
    sites = stacked(dt)
    chains = between_ensembles(dt, sites)
    assert chains.shape == (5, 2, 150)
    alpha = dt["posterior/alpha_pl_0"].values
    np.testing.assert_array_equal(chains[1, 0, :4], [*alpha[:3, 0], alpha[0, 1]])
    np.testing.assert_array_equal(chains[1, 1], alpha[3:].T.ravel())
    both = [array_stats.rhat(one, chain_axis=0, draw_axis=1) for one in chains]
    assert score("x", dt).r_hat_ensembles == pytest.approx(np.max(both), rel=1e-9)
    uneven = dt.copy()
    uneven["posterior"] = (
        uneven["posterior"].to_dataset().assign_coords(ensemble=("chain", [0, 0, 0, 0, 1, 1]))
    )
    assert between_ensembles(uneven, sites).shape == (5, 2, 100)


def test_ensembles_that_disagree_are_seen_although_walkers_wander(aies):
    assert aies.r_hat_ensembles < 1.01
    apart = score("x", fake_population("aies", apart=2.0))
    assert apart.r_hat_ensembles > 1.2
    assert np.isnan(score("x", fake_population("aies", ensembles=1)).r_hat_ensembles)
    assert np.isnan(score("x", fake_population("flowmc")).r_hat_ensembles)


def test_each_sampler_has_its_own_numbers(nuts, aies, flowmc):
    dt = fake_population()
    assert nuts.acceptance == pytest.approx(float(dt["sample_stats/acceptance_rate"].mean()))
    assert nuts.divergences == 0 and nuts.saturated == 0
    assert np.isnan([nuts.local_acceptance, nuts.global_acceptance]).all()
    assert np.isnan([aies.divergences, aies.saturated, aies.global_acceptance]).all()
    assert aies.acceptance == pytest.approx(0.35, abs=0.02)
    stats = fake_population("flowmc")["sample_stats"]
    assert flowmc.local_acceptance == float(np.nanmean(stats["local_acceptance"]))
    assert flowmc.global_acceptance == float(np.nanmean(stats["global_acceptance"]))
    assert np.isnan(flowmc.acceptance)


def test_acceptance_leaves_out_what_is_not_finite():
    dt = fake_population("flowmc", draws=10)
    stats = dt["sample_stats"]
    stats["local_acceptance"][:] = -np.inf
    stats["local_acceptance"][:, 3] = 0.25
    assert score("x", dt).local_acceptance == 0.25


def test_the_event_of_the_fewest_effective_samples_is_named():
    dt = fake_population()
    n_eff = dt["event_diagnostics"]["n_eff"]
    n_eff[:, 17] = np.linspace(2, 10, n_eff.sizes["sample"])
    found = score("x", dt)
    assert found.least_event == "event_17" and found.least_n_eff == pytest.approx(6)
    n_eff[:, 4] = np.nan
    found = score("x", dt)
    assert found.least_event == "event_4" and found.least_n_eff == 0


def test_the_mean_stands_in_where_draws_of_the_weights_are_missing():
    dt = fake_population()
    dt["event_diagnostics"] = dt["event_diagnostics"].to_dataset()[["n_eff_at_mean"]]
    found = score("x", dt)
    assert found.least_n_eff == float(dt["event_diagnostics/n_eff_at_mean"].min())
    assert np.isnan(score("x", fake_population(absent=["event_diagnostics"])).least_n_eff)


@pytest.mark.parametrize(
    "absent", ["sample_stats", "generated_quantities", "event_diagnostics", "observed_data"]
)
def test_what_is_missing_is_nan_and_no_finding(absent):
    found = score("x", fake_population(absent=[absent], draws=400))
    assert not checks(found)


def test_draws_that_are_not_finite_or_never_move_have_not_converged():
    dt = fake_population(draws=50)
    dt["posterior"]["alpha_pl_0"][1, 3] = np.nan
    found = score("x", dt)
    assert found.r_hat == np.inf and found.ess_bulk == 0
    assert "infinite" in checks(found)[0].finding
    still = fake_population(draws=50)
    still["posterior"]["mmin_pl_0"][:] = 9.0
    assert score("x", still).r_hat == np.inf


@pytest.mark.parametrize("options", [{"draws": 0}, {"draws": 1}, {"draws": 7}, {"chains": 1}])
def test_few_draws_have_no_r_hat_and_are_refused(options):
    found = score("x", fake_population(**{"draws": 20} | options))
    assert np.isnan(found.r_hat)
    words = [check.finding for check in checks(found)]
    assert any("effective draws" in word for word in words)
    assert ("one chain" in str(words)) == (options == {"chains": 1})
    assert verdict([found])[0] == "bad"


def test_sixty_chains_of_a_thousand_draws_take_under_a_second():
    dt = fake_population("aies", chains=60, draws=1000)
    start = time.process_time()
    assert score("x", dt).draws == 60_000
    assert time.process_time() - start < 1


def sound(sampler="nuts", **numbers) -> PopulationScore:
    nothing = {f.name: np.nan for f in fields(PopulationScore)}
    good = {
        "label": sampler, "sampler": sampler, "chains": 4, "draws": 4000, "r_hat": 1.002,
        "ess_bulk": 900.0, "ess_tail": 950.0, "least_n_eff": 60.0, "least_event": "event_3",
        "variance": 0.4, "wall_seconds": 10.0, "ess_per_second": 90.0,
    }  # fmt: skip
    return PopulationScore(**nothing | good | numbers)


@pytest.mark.parametrize(
    ("column", "fine", "wrong", "level", "words"),
    [
        ("r_hat", 1.01, 1.011, "bad", "R-hat is 1.011, above 1.01, so it has not converged"),
        ("r_hat", 1.01, 1.11, "bad", "intervals mean nothing"),
        ("r_hat_ensembles", 1.01, 1.02, "bad", "R-hat between ensembles is 1.020"),
        ("ess_bulk", 400, 399, "bad", "only 399 effective draws"),
        ("ess_tail", 400, 12, "bad", "only 12 effective draws"),
        ("saturated", 0.1, 0.11, "bad", "11% of the trees reached the maximum depth"),
        ("global_acceptance", 0.05, 0.049, "bad", "4.9% of the flow's proposals"),
        ("local_acceptance", 0.1, 0.09, "warn", "9% of the local steps are accepted, below 10%"),
        ("local_acceptance", 0.95, 0.96, "warn", "96% of the local steps are accepted, above 95%"),
        ("least_n_eff", 10, 9.9, "bad", "event_3 has 9.9 effective samples, below 10"),
        ("variance", 1.0, 1.2, "warn", "Monte Carlo variance is 1.20, above 1"),
        ("divergences", 0, 4, "warn", "4 of 4,000 draws diverged"),
        ("divergences", 0, 5, "bad", "5 of 4,000 draws diverged"),
        ("chains", 2, 1, "warn", "one chain cannot show"),
    ],
)
def test_thresholds(column, fine, wrong, level, words):
    assert not checks(sound(**{column: fine}))
    found = checks(sound(**{column: wrong}))
    assert [check.column for check in found] == [column]
    assert found[0].level == level and words in found[0].finding and found[0].action


def test_each_finding_has_the_next_action_of_its_sampler():
    assert "AIES or flowMC" in checks(sound(saturated=0.5))[0].action
    assert checks(sound(saturated=0.5))[0].action.startswith("hard mass edges")
    actions = {s: checks(sound(s, r_hat=1.5, r_hat_ensembles=1.0))[0].action
               for s in ("nuts", "aies", "flowmc")}  # fmt: skip
    assert len(set(actions.values())) == 3 and "train" in actions["flowmc"]
    assert "event_3" in checks(sound(least_n_eff=1.0))[0].action


def test_one_ensemble_is_no_independent_check():
    found = checks(sound("aies", chains=30))
    assert [(c.column, c.level) for c in found] == [("r_hat_ensembles", "warn")]
    assert "two or more ensembles" in found[0].action


def test_the_gravest_comes_first():
    found = checks(sound(variance=3.0, local_acceptance=0.01, saturated=0.9, r_hat=2.0))
    assert [check.level for check in found] == ["bad", "bad", "warn", "warn"]
    assert found[0].column == "r_hat"


def test_verdicts():
    good = sound(label="AIES", sampler="aies", r_hat_ensembles=1.001)
    slow = replace(good, label="flowMC", ess_per_second=9.0)
    failed = replace(good, label="NUTS", r_hat=3.0)
    doubted = replace(good, label="AIES", variance=2.0)
    level, words = verdict([good])
    assert level == "good" and words.startswith("**AIES** passes every check.")
    level, words = verdict([slow, good])
    assert level == "good" and "**AIES** gives 10 times as many effective draws per second" in words
    level, words = verdict([failed, good])
    assert level == "warn" and words.startswith("Use **AIES**. Not to be trusted: NUTS: R-hat is")
    level, words = verdict([failed])
    assert level == "bad" and words.startswith("**NUTS** cannot be trusted") and "Next: " in words
    level, words = verdict([failed, replace(failed, label="other", r_hat=1.05)])
    assert level == "bad" and "The nearest is other" in words
    level, words = verdict([doubted])
    assert level == "warn" and "can be used. Still, the log likelihood's" in words
    with pytest.raises(ValueError, match="at least one run, got none"):
        verdict([])


def test_healthy_runs_pass_and_stuck_nuts_does_not(nuts, aies, flowmc):
    assert verdict([nuts, aies, flowmc])[0] == "good"
    stuck = score("NUTS", fake_population(apart=3.0))
    columns = [check.column for check in checks(stuck)]
    assert columns[0] == "r_hat" and "saturated" in columns
    assert verdict([stuck, aies])[0] == "warn"


# What is read by name


def test_parameters_keep_the_order_of_the_model_and_their_truths():
    dt = fake_population(n_g=1)
    shuffled = dt["posterior"].to_dataset()[sorted(dt["posterior"].data_vars)]
    dt["posterior"] = shuffled
    names = parameters(dt)
    assert names[:3] == ["log_rate_0", "log_rate_1", "alpha_pl_0"] and len(names) == 10
    assert [truth(dt, n) for n in names] == [TRUTH[stem(n)][0] for n in names]
    assert np.isnan(truth(fake_population(truth=False), "alpha_pl_0"))
    dt.attrs = {}
    assert set(parameters(dt)) == set(names) and label(dt, "alpha_pl_0") == ("alpha_pl_0", "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_rate_0", ("ln R<sub>0</sub>", "R in Gpc⁻³ yr⁻¹")),
        ("alpha_pl_0", ("α<sub>0</sub>", "")),
        ("mmin_pl_0", ("m<sub>min, 0</sub>", "M☉")),
    ],
)
def test_labels_have_a_symbol_and_a_unit(name, expected):
    assert label(fake_population(draws=1), name) == expected


def test_sizes_in_words():
    assert size(fake_population()) == "4 × 500 draws"
    assert size(fake_population(chains=1, draws=1)) == "1 draw"
    assert size(fake_population("aies")) == "2 × 30 walkers × 400 draws"


def test_runs_without_draws_are_left_out_but_keep_their_number():
    runs = {"none": fake_population(draws=0), "some": fake_population(draws=3)}
    assert [(run.number, run.label) for run in with_draws(runs)] == [(1, "some")]


def test_events_have_names_wherever_they_stand():
    assert event_names(fake_population(events=3), 3) == ["event_0", "event_1", "event_2"]
    bare = fake_population(absent=["observed_data", "event_diagnostics"], events=3)
    assert event_names(bare, 3)[2] == "event_2"
    assert event_names(bare, 2) == ["event 1", "event 2"]
