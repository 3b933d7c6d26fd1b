"""The numbers are arviz-stats' own, the thresholds the field's, and the verdict says what to do."""

from functools import cache

import arviz_stats as az
import numpy as np
import pytest
import xarray as xr

from hbdash import diagnostics
from hbdash.diagnostics import FEW_DIVERGENCES, Score, checks, verdict
from hbdash.run import run
from tests.questions import ask, exact_means


@cache
def draws(scene: str = "weak", kind: str = "centered", **sampler) -> xr.DataTree:
    return run(ask(scene, kind, num_samples=500))


def logged(dt: xr.DataTree) -> xr.DataTree:
    posterior = dt["posterior"].to_dataset()
    return xr.DataTree.from_dict(
        {
            "posterior": posterior.assign(log_tau=np.log(posterior["tau"])),
            "sample_stats": dt["sample_stats"].to_dataset(),
        }
    )


@pytest.mark.parametrize("kind", ["centered", "noncentered"])
def test_scores_are_those_of_arviz_stats(kind):
    dt = draws("weak", kind)
    score, tree = diagnostics.score(kind, dt), logged(dt)
    sites = ["mu", "log_tau"]

    def worst(function, var_names, best, **options):
        found = function(tree, var_names=var_names, **options)
        return best(float(found[name]) for name in var_names)

    assert score.ess_bulk == pytest.approx(worst(az.ess, sites, min, method="bulk"))
    tail = worst(az.ess, sites, min, method="tail", prob=(0.05, 0.95))  # Vehtari et al. 2021
    assert score.ess_tail == pytest.approx(tail)
    r_hat = az.rhat(tree, var_names=[*sites, "theta"])
    expected = max(float(np.max(r_hat[name])) for name in (*sites, "theta"))
    assert score.r_hat == pytest.approx(expected)
    energies = np.ravel(az.bfmi(tree)["energy"])
    np.testing.assert_allclose(diagnostics.bfmi(dt), energies)
    assert score.bfmi == pytest.approx(energies.min())
    assert (score.chains, score.draws) == (4, 2000)
    stats = dt["sample_stats"]
    assert score.divergences == int(stats["diverging"].sum())
    assert score.gradients_per_draw == pytest.approx(float(stats["n_steps"].mean()))
    per_1000 = 1000 * score.ess_bulk / float(stats["n_steps"].sum())
    assert score.ess_per_1000_gradients == pytest.approx(per_1000)
    assert score.ess_per_second == pytest.approx(score.ess_bulk / dt.attrs["wall_seconds"])
    assert np.isnan(score.error) and score.saturated == 0


def test_errors_are_in_mcse_of_arviz_stats():
    dt = draws("weak", "noncentered")
    exact, tree = exact_means(ask()), logged(dt)
    mcse = az.mcse(tree, var_names=["mu", "log_tau"], method="mean")
    found = diagnostics.errors(dt, exact)
    for name in ("mu", "log_tau"):
        distance = float(tree["posterior"][name].mean()) - exact[name]
        assert found[name] == pytest.approx(distance / float(mcse[name]))
    score = diagnostics.score("x", dt, exact)
    assert score.error == pytest.approx(max(abs(error) for error in found.values()))
    assert diagnostics.errors(dt, xr.Dataset()) == {}
    assert np.isnan(diagnostics.score("x", dt, xr.Dataset()).error)


def test_one_chain_and_few_draws_have_the_numbers_that_exist():
    dt = draws()
    one = diagnostics.score("one", dt.isel(chain=slice(0, 1)))
    assert one.chains == 1 and np.isnan(one.r_hat) and one.ess_bulk > 0 and one.bfmi > 0
    few = diagnostics.score("few", dt.isel(draw=slice(0, 3)))
    assert few.draws == 12 and np.isnan([few.r_hat, few.ess_bulk, few.bfmi]).all()
    assert [check.finding for check in checks(few) if "effective" in check.finding]
    assert verdict([few])[0] != "good"


def test_r_hat_of_many_effects_looks_at_the_least_and_most_variable():
    rng = np.random.default_rng(0)
    theta = rng.normal(0, 1 + np.arange(100), (4, 200, 100))
    theta[:, :, -1] += 300 * np.arange(4)[:, None]
    draws = {"mu": rng.normal(size=(4, 200)), "tau": np.exp(rng.normal(size=(4, 200)))}
    posterior = {name: (("chain", "draw"), value) for name, value in draws.items()}
    posterior["theta"] = (("chain", "draw", "group"), theta)
    stats = {
        name: (("chain", "draw"), np.ones((4, 200), int))
        for name in ("lp", "n_steps", "step_size", "diverging", "reached_max_treedepth")
    } | {"energy": (("chain", "draw"), rng.normal(size=(4, 200)))}
    dt = xr.DataTree.from_dict(
        {"posterior": xr.Dataset(posterior), "sample_stats": xr.Dataset(stats)}
    )
    dt.attrs["wall_seconds"] = 1.0
    worst = float(np.max(az.rhat(dt, var_names=["theta"])["theta"]))
    assert diagnostics.score("many", dt).r_hat == pytest.approx(worst) and worst > 1.1


GOOD = Score(
    label="non-centered", chains=4, draws=4000, divergences=0, bfmi=0.9, r_hat=1.002,
    ess_bulk=1800.0, ess_tail=1500.0, step_size=0.2, gradients_per_draw=15.0,
    ess_per_1000_gradients=30.0, ess_per_second=900.0, wall_seconds=2.0, error=1.1, saturated=0.0,
)  # fmt: skip


def scored(**changes) -> Score:
    return Score(**(GOOD.__dict__ | changes))


def findings(**changes) -> list[tuple[str, str]]:
    return [(check.level, check.finding) for check in checks(scored(**changes))]


def test_nothing_is_wrong_with_a_good_run():
    assert checks(GOOD) == []
    assert checks(scored(error=np.nan, r_hat=np.nan)) == []


@pytest.mark.parametrize(
    ("field", "fine", "wrong", "level", "words"),
    [
        ("bfmi", 0.3, 0.299, "bad", "E-BFMI is 0.30, below 0.3"),
        ("r_hat", 1.01, 1.011, "bad", "R-hat is 1.011, above 1.01"),
        ("error", 4.0, 4.1, "bad", "4.1 MCSE off"),
        ("ess_bulk", 400, 399.0, "warn", "only 399 effective draws, below 400"),
        ("ess_tail", 400, 12.3, "warn", "only 12 effective draws, below 400"),
        ("saturated", 0.01, 0.02, "warn", "2% of the trees"),
        ("divergences", 0, 4, "warn", "4 of 4,000 draws diverged"),
        ("divergences", 0, 5, "bad", "5 of 4,000 draws diverged"),
    ],
)
def test_thresholds(field, fine, wrong, level, words):
    assert findings(**{field: fine}) == []
    ((found, finding),) = findings(**{field: wrong})
    assert found == level and words in finding
    assert all(check.action for check in checks(scored(**{field: wrong})))


def test_the_gravest_comes_first():
    levels = [level for level, _ in findings(ess_bulk=3.0, saturated=1.0, bfmi=0.1, divergences=9)]
    assert levels == ["bad", "bad", "warn", "warn"]
    assert FEW_DIVERGENCES * GOOD.draws == 4


def judged(*scores: Score) -> tuple[str, str]:
    """Judge without the marks of the text."""
    level, text = verdict(list(scores))
    return level, text.replace("*", "")


CENTERED = scored(
    label="centered", divergences=200, bfmi=0.2, ess_bulk=200.0, ess_per_1000_gradients=2.0
)


def test_verdict_of_a_single_sound_run():
    level, text = judged(GOOD)
    assert level == "good"
    assert text.startswith("Non-centered ") and "Next: " in text


def test_verdict_of_a_single_doubtful_run():
    level, text = judged(scored(ess_tail=20.0))
    assert level == "warn" and text.startswith("Non-centered")
    assert "only 20 effective draws, below 400" in text and text.endswith("continue for more.")


def test_verdict_of_a_single_bad_run():
    level, text = judged(CENTERED)
    assert level == "bad"
    assert "under centered, 200 of 4,000 draws diverged. Next: " in text
    assert checks(CENTERED)[0].action in text


def test_verdict_when_all_are_sound():
    other = scored(label="mixed", ess_per_1000_gradients=9.0)
    level, text = judged(other, GOOD)
    assert level == "good"
    assert "All runs are sound. Non-centered gives 3.3 times as many" in text
    assert "as mixed. Next: " in text
    many = scored(label="x", ess_per_1000_gradients=1.0)
    assert "gives 30 times" in judged(GOOD, other, many)[1]


def test_verdict_when_the_best_is_doubtful():
    best = scored(label="best", ess_per_1000_gradients=99.0, divergences=1)
    level, text = judged(best, GOOD)
    assert level == "warn" and "Best gives" in text
    assert "1 of 4,000 draws diverged" in text and checks(best)[0].action in text


def test_verdict_when_one_is_bad():
    level, text = judged(CENTERED, GOOD)
    assert level == "warn"
    assert text.startswith("Use non-centered. Not to be trusted")
    assert "centered: 200 of 4,000 draws diverged" in text and "Next: " in text


def test_verdict_when_all_are_bad():
    level, text = judged(CENTERED, scored(label="mixed", divergences=50))
    assert level == "bad"
    assert text.startswith("None of these runs can be trusted: under mixed, 50 of 4,000 draws")
    assert text.count("Next: ") == 1


def test_verdicts_of_the_study():
    scores = [
        diagnostics.score(kind, draws("weak", kind), exact_means(ask()))
        for kind in ("centered", "noncentered")
    ]
    level, text = judged(*scores)
    assert level == "warn" and text.startswith("Use noncentered.")
