"""Parameterizations as numbers, against their closed forms and on the study's scenes."""

import numpy as np
import pytest

from hbdash.data import Example, Scene, from_estimates, load
from hbdash.parameterization import (
    LABELS,
    Learned,
    Mixed,
    Partial,
    by_information,
    centeredness,
    empirical_bayes_tau,
    label,
)
from hbdash.parameterization import PARAMETERIZATIONS as EVERY_KIND
from hbdash.question import prepare
from tests.questions import PARAMETERIZATIONS, ask

#: A kind for each effect is made of these.
MENU = {name: kind for name, kind in EVERY_KIND.items() if name != "per_effect"}
UNBALANCED = load(Scene(name="unbalanced"))


def groups(mean: list[float], standard_error: list[float]):
    names = tuple(str(k) for k in range(len(mean)))
    return from_estimates(names, np.array(mean), np.array(standard_error))


def test_the_menu_is_complete_and_labelled():
    assert set(EVERY_KIND) == set(LABELS) and set(MENU) == set(PARAMETERIZATIONS)
    assert all(kind().kind == name for name, kind in MENU.items())


@pytest.mark.parametrize("kind", [k for k in MENU if k != "learned"])
@pytest.mark.parametrize("data", [UNBALANCED, load(Example()), groups([3], [2])])
def test_every_closed_form_gives_one_number_a_group(kind, data):
    values = centeredness(MENU[kind](), data)
    assert values.shape == (len(data.names),) and values.dtype == float
    assert np.all((values >= 0) & (values <= 1))


def test_ends_and_thresholds():
    assert centeredness(MENU["centered"](), UNBALANCED).tolist() == [1] * 9
    assert centeredness(MENU["noncentered"](), UNBALANCED).tolist() == [0] * 9
    study = [0, 0, 1, 0, 0, 0, 1, 0, 0]
    assert centeredness(Mixed(), UNBALANCED).tolist() == study
    assert centeredness(Mixed(groups=(6, 2)), UNBALANCED).tolist() == study
    assert centeredness(Mixed(groups=()), UNBALANCED).tolist() == [0] * 9
    assert centeredness(Mixed(threshold=10), UNBALANCED).sum() == 5
    assert centeredness(Partial(centeredness=(0.3,)), UNBALANCED).tolist() == [0.3] * 9
    each = tuple(np.linspace(0, 1, 9).tolist())
    assert centeredness(Partial(centeredness=each), UNBALANCED).tolist() == list(each)


def test_groups_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="`groups` must name groups from 0 to 8, got 9"):
        centeredness(Mixed(groups=(1, 9)), UNBALANCED)
    with pytest.raises(ValueError, match=r"one value or one a group \(9\), got 8"):
        centeredness(Partial(centeredness=(0.5,) * 8), UNBALANCED)
    with pytest.raises(ValueError, match="not a closed form"):
        centeredness(Learned(), UNBALANCED)


def test_by_information_is_tau2_over_tau2_plus_s2():
    tau = empirical_bayes_tau(UNBALANCED.mean, UNBALANCED.standard_error**2)
    s2 = 100 / UNBALANCED.n
    np.testing.assert_allclose(by_information(UNBALANCED), tau**2 / (tau**2 + s2))
    order = np.argsort(UNBALANCED.n, kind="stable")
    assert np.all(np.diff(by_information(UNBALANCED)[order]) >= 0)


def test_the_empirical_bayes_tau_is_a_posterior_median():
    mean, s2 = UNBALANCED.mean, UNBALANCED.standard_error**2
    typical = np.exp(0.5 * np.log(s2).mean())
    tau = np.linspace(1e-4, 2000, 4_000_001)
    log_density = -np.log1p((tau / typical) ** 2)
    weight, first, second = 0.0, 0.0, 0.0
    for m, v in zip(mean, s2, strict=True):
        precision = 1 / (tau**2 + v)
        log_density += 0.5 * np.log(precision) - 0.5 * precision * m**2
        weight, first = weight + precision, first + precision * m
    log_density += second + 0.5 * first**2 / weight - 0.5 * np.log(weight)
    mass = np.cumsum(np.exp(log_density - log_density.max()))
    median = tau[np.searchsorted(mass, mass[-1] / 2)]
    assert empirical_bayes_tau(mean, s2) == pytest.approx(median, rel=0.02)


def test_tau_is_found_where_there_are_many_groups():
    rng = np.random.default_rng(0)
    s = rng.uniform(0.5, 2, 500)
    mean = rng.normal(3, 2.5, 500) + s * rng.standard_normal(500)
    assert empirical_bayes_tau(mean, s**2) == pytest.approx(2.5, rel=0.1)
    shifted = empirical_bayes_tau(mean + 1e5, s**2)
    assert shifted == pytest.approx(empirical_bayes_tau(mean, s**2), rel=1e-6)


def test_one_and_two_groups():
    assert by_information(groups([3], [2])).tolist() == [0.5]
    near, far = groups([1, 1.1], [2, 2]), groups([-300, 300], [2, 2])
    assert np.all(by_information(near) < 0.5) and np.all(by_information(far) > 0.99)
    assert np.all(np.isfinite(by_information(groups([1, 1], [2, 3]))))


def test_extremes_stay_between_0_and_1():
    for data in (groups([1e8, -1e8, 3], [1e-6, 1e6, 1]), groups([5, 5, 5], [1e-8, 1, 1e8])):
        values = by_information(data)
        assert np.all((values >= 0) & (values <= 1)), values


def test_labels():
    assert label(Mixed()) == "mixed (n ≥ 50)"
    assert label(Mixed(groups=(1,))) == "mixed (by hand)"
    assert label(Partial()) == "partial (0.5)"
    assert label(Partial(centeredness=(0.5, 0.1))) == "partial"
    assert label(MENU["noncentered"]()) == "non-centered"


def test_learned_finds_each_scene_s_own_parameterization():
    weak, strong, unbalanced = (
        prepare(ask(scene, "learned")).centeredness["theta"]
        for scene in ("weak", "strong", "unbalanced")
    )
    assert np.all(weak < 0.2), weak
    assert np.all(strong > 0.9), strong
    others = np.delete(unbalanced, [2, 6])
    assert np.all(unbalanced[[2, 6]] > 0.8) and np.all(others < 0.5), unbalanced
    assert np.argmin(unbalanced) == 4  # the group of a single row


def test_learning_depends_on_its_seed_alone():
    one, again = (prepare(ask("unbalanced", "learned")).centeredness["theta"] for _ in range(2))
    np.testing.assert_array_equal(one, again)
    spec = ask("unbalanced", "learned")
    other = spec.model_copy(update={"parameterization": Learned(seed=1)})
    values = prepare(other).centeredness["theta"]
    assert not np.array_equal(values, one)
    np.testing.assert_allclose(values, one, atol=0.1)
