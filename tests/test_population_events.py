"""The likelihood of events: against plain formulas, in every layout, differentiated every way."""

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

from hbdash.population import events
from hbdash.population.buckets import bucket_table, flat_shape, natural_breaks
from hbdash.population.catalogue import Catalogue
from hbdash.population.mass_models import log_rate_density
from hbdash.population.parameters import Components

ONE = Components(1, 0)
SIZES = np.array([1, 70, 3, 33, 200, 64, 150, 70, 12, 199])


def catalogue(sizes=SIZES, with_prior=False, seed=0):
    rng, rows = np.random.default_rng(seed), int(sum(sizes))
    m1 = np.exp(rng.normal(3.3, 0.35, rows))
    # A few have m2 above m1.
    m2 = m1 * rng.uniform(0.25, 1.02, rows)
    log_prior = rng.normal(0, 2, rows) if with_prior else np.zeros(rows)
    names = tuple(f"event_{n}" for n in range(len(sizes)))
    return Catalogue(names, m1, m2, log_prior, np.append(0, np.cumsum(sizes)))


def parameters(c, alpha=1.5, beta=0.5, mmin=5.0, mmax=90.0):
    found = {name: 1.0 - 0.7 * k for k, name in enumerate(c.log_rates)}
    for i in range(c.n_pl):
        found |= {
            f"alpha_pl_{i}": alpha + 1.7 * i, f"beta_pl_{i}": beta - 3 * i,
            f"mmin_pl_{i}": mmin + i, f"mmax_pl_{i}": mmax - 9 * i,
        }  # fmt: skip
    for j in range(c.n_g):
        found |= {
            f"m1_loc_g_{j}": 32.0 + j, f"m1_scale_g_{j}": 4.0, f"m1_low_g_{j}": 3.0,
            f"m2_loc_g_{j}": 25.0, f"m2_scale_g_{j}": 5.0 + j, f"m2_high_g_{j}": 70.0,
        }  # fmt: skip
    return {name: np.float64(value) for name, value in found.items()}


def plain(c, params, data):
    """Logarithms of all weights, of each event."""
    weights = np.asarray(density(c, params, data.m1, data.m2)) - data.log_prior
    return np.split(weights, data.offsets[1:-1])


def compiled(function):
    return jax.jit(function, static_argnums=0)


density = compiled(log_rate_density)
total = compiled(events.total_log_evidence)


@compiled
def answers(c, params, design):
    """All at once."""
    both = {"total": events.total_log_evidence, "variance": events.variance}
    fast = {
        name: jax.value_and_grad(function, 1)(c, params, design) for name, function in both.items()
    }
    return {
        "total": fast["total"][0],
        "gradient": fast["total"][1],
        "variance": fast["variance"][0],
        "variance_gradient": fast["variance"][1],
        "evidences": events.log_evidences(c, params, design),
        "effective": events.effective_samples(c, params, design),
    }


@compiled
def by_autodiff(c, params, design):
    """The gradients of total and variance by differentiating the plain formulas."""

    def total(p):
        return events.log_evidences(c, p, design).sum()

    def variance(p):
        return (1 / events.effective_samples(c, p, design)).sum()

    return jax.grad(total)(params), jax.grad(variance)(params)


def assert_same(found, expected, rtol=1e-9):
    scale = max(1.0, max(abs(float(value)) for value in expected.values()))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=rtol, atol=1e-11 * scale, err_msg=name)


@pytest.mark.parametrize("with_prior", [False, True])
@pytest.mark.parametrize("c", [Components(*n) for n in ((1, 0), (3, 0), (0, 1), (2, 1))], ids=str)
def test_the_fast_total_is_the_plain_formula(c, with_prior):
    data, params = catalogue(with_prior=with_prior), parameters(c)
    design = events.layout(data)
    found = answers(c, params, design)
    gradient, variance_gradient = by_autodiff(c, params, design)
    weights = plain(c, params, data)
    expected = [logsumexp(w) - np.log(len(w)) for w in weights]
    np.testing.assert_allclose(found["evidences"], expected, rtol=1e-12)
    assert float(found["total"]) == pytest.approx(np.sum(expected), rel=1e-12)
    assert_same(found["gradient"], gradient)

    effective = [np.exp(w - w.max()).sum() ** 2 / np.exp(2 * (w - w.max())).sum() for w in weights]
    np.testing.assert_allclose(found["effective"], effective, rtol=1e-11)
    variance = np.sum(1 / np.array(effective) - 1 / SIZES)
    assert float(found["variance"]) == pytest.approx(variance, rel=1e-10)
    assert_same(found["variance_gradient"], variance_gradient, rtol=1e-8)


EXTREMES = [
    {"alpha": alpha, "beta": beta}
    for alpha in (-5.0, 1.0, 12.0)
    for beta in (-8.0, -1.0, -1 + 1e-9, 8.0)
] + [
    {"alpha": -300.0}, {"alpha": 300.0}, {"beta": 400.0}, {"beta": -400.0}, {"beta": -0.99},
    {"mmin": 1e-3}, {"mmin": 1e-12}, {"mmax": 1e9},
]  # fmt: skip


@pytest.mark.parametrize("extreme", EXTREMES, ids=str)
def test_extreme_power_laws_neither_overflow_nor_lose_digits(extreme):
    data = catalogue()
    design, params = events.layout(data), parameters(ONE, **extreme)
    expected = sum(logsumexp(w) - np.log(len(w)) for w in plain(ONE, params, data))
    assert np.isfinite(expected)
    found = answers(ONE, params, design)
    assert float(found["total"]) == pytest.approx(expected, rel=1e-11)
    assert_same(found["gradient"], by_autodiff(ONE, params, design)[0], rtol=2e-9)


@pytest.mark.parametrize("scale", [1e-3, 1e-2, 1e4])
@pytest.mark.parametrize("loc", [-900.0, 31.0, 5000.0])
def test_gaussians_far_from_all_samples_do_not_vanish(loc, scale):
    c, data = Components(0, 1), catalogue()
    params = parameters(c) | {"m1_loc_g_0": np.float64(loc), "m1_scale_g_0": np.float64(scale)}
    design = events.layout(data)
    expected = sum(logsumexp(w) - np.log(len(w)) for w in plain(c, params, data))
    found = answers(c, params, design)
    assert float(found["total"]) == pytest.approx(expected, rel=1e-11)
    assert_same(found["gradient"], by_autodiff(c, params, design)[0])


def test_log_priors_of_any_size_are_taken_out_exactly():
    data = catalogue()
    moved = Catalogue(
        data.names, data.m1, data.m2, np.repeat(800.0 * np.arange(-5, 5), SIZES), data.offsets
    )
    params = parameters(ONE)
    found = [float(answers(ONE, params, events.layout(d))["total"]) for d in (data, moved)]
    shift = 800.0 * np.arange(-5, 5).sum()
    assert found[1] == pytest.approx(found[0] - shift, rel=1e-12)


@pytest.mark.parametrize("distance", [1e-1, 1e-3, 1e-6, 1e-9, 1e-12, 4e-16])
@pytest.mark.parametrize("beta", [-1.0, 0.5])
def test_samples_just_above_the_smallest_mass(distance, beta):
    m1 = np.array([5 * (1 + distance), 20.0])
    data = Catalogue(("a",), m1, np.array([5.0, 10.0]), np.zeros(2), np.array([0, 2]))
    design, params = events.layout(data), parameters(ONE, beta=beta)
    expected = logsumexp(plain(ONE, params, data)[0]) - np.log(2)
    # A difference of logarithms knows the distance to about 1e-15.
    rough = 1e-11 + 1e-15 / distance
    found = answers(ONE, params, design)
    assert float(found["total"]) == pytest.approx(expected, rel=min(rough, 1.0))
    assert np.isfinite([float(value) for value in found["gradient"].values()]).all()
    if distance > 1e-9:
        gradient, _ = by_autodiff(ONE, params, design)
        assert_same(found["gradient"], gradient, rtol=10 * rough)


def test_equal_masses_have_support_above_the_smallest_only():
    m = np.array([5.0, np.nextafter(5.0, 6), 80.0, np.nextafter(90.0, 100)])
    data = Catalogue(("a",), m, m.copy(), np.zeros(4), np.array([0, 4]))
    alone = [
        Catalogue(("a",), m[i : i + 1], m[i : i + 1], np.zeros(1), np.array([0, 1]))
        for i in range(4)
    ]
    params = parameters(ONE)
    inside = [float(total(ONE, params, events.layout(one))) > -np.inf for one in alone]
    assert inside == [False, True, True, False]
    assert np.isfinite(total(ONE, params, events.layout(data)))


@pytest.mark.parametrize(
    "params",
    [
        parameters(ONE, mmin=30.0), parameters(ONE, mmax=20.0), parameters(ONE, mmin=95.0),
        parameters(ONE, mmin=-1.0), parameters(ONE, alpha=np.nan), parameters(ONE, beta=np.inf),
        parameters(ONE) | {"log_rate_0": np.float64(-np.inf)},
    ],
)  # fmt: skip
def test_an_event_without_support_is_impossible_and_leaves_gradients_finite(params):
    data = catalogue()
    design = events.layout(data)
    found = answers(ONE, params, design)
    inside = np.isfinite([w.max() for w in plain(ONE, params, data)])
    assert (np.isfinite(found["evidences"]) == inside).all() and not inside.all()
    assert found["total"] == -np.inf
    for slope in (
        found["gradient"],
        found["variance_gradient"],
        by_autodiff(ONE, params, design)[0],
    ):
        assert np.isfinite([float(value) for value in slope.values()]).all()
    effective = np.asarray(found["effective"])
    assert ((effective > 0) == inside).all()
    worst = 1 / np.where(inside, effective, 1.0) - 1 / SIZES
    assert float(found["variance"]) == pytest.approx(worst.sum(), rel=1e-10)


def test_one_component_without_support_leaves_the_other():
    c, design = Components(2, 1), events.layout(catalogue())
    params = parameters(c) | {f"mmin_pl_{i}": np.float64(200.0) for i in (0, 1)}
    alone = {name: value for name, value in params.items() if "_pl_" not in name}
    alone["log_rate_0"] = alone.pop("log_rate_2")
    alone = {name: value for name, value in alone.items() if name != "log_rate_1"}
    expected = answers(Components(0, 1), alone, design)["total"]
    found = answers(c, params, design)
    assert float(found["total"]) == pytest.approx(float(expected), rel=1e-14)
    slope = found["gradient"]
    assert slope["log_rate_0"] == slope["alpha_pl_0"] == 0
    assert float(slope["log_rate_2"]) == pytest.approx(len(SIZES), rel=1e-13)


def test_derivatives_forward_and_of_many_populations_together():
    c, design = Components(2, 1), events.layout(catalogue())
    params = parameters(c)
    alone = answers(c, params, design)
    slope = alone["gradient"]
    direction = {name: np.float64(0.1 * k) for k, name in enumerate(params)}
    value, forward = jax.jit(lambda p, d: jax.jvp(lambda q: total(c, q, design), (p,), (d,)))(
        params, direction
    )
    expected = sum(float(slope[name] * direction[name]) for name in params)
    assert float(forward) == pytest.approx(expected, rel=1e-12)
    assert float(value) == pytest.approx(float(alone["total"]), rel=1e-14)

    many = {name: value + np.array([0.0, 0.1]) for name, value in params.items()}
    many["alpha_pl_0"] = params["alpha_pl_0"]  # shared by both
    axes = {name: 0 if np.ndim(value) else None for name, value in many.items()}
    function = jax.value_and_grad(lambda p: total(c, p, design))
    values, slopes = jax.jit(jax.vmap(function, (axes,)))(many)
    for k in (0, 1):
        one = {name: value[k] if np.ndim(value) else value for name, value in many.items()}
        alone = answers(c, one, design)
        assert float(values[k]) == pytest.approx(float(alone["total"]), rel=1e-14)
        assert_same({n: value[k] for n, value in slopes.items()}, alone["gradient"], rtol=1e-12)


def test_many_populations_take_little_memory():
    data = catalogue(np.full(20, 1000))
    design, params = events.layout(data), parameters(ONE)
    many = {name: np.full(64, value) for name, value in params.items()}
    together = jax.jit(jax.vmap(lambda p, d: total(ONE, p, d), (0, None)))
    memory = together.lower(many, design).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 10 * data.m1.nbytes


@pytest.mark.parametrize(("c", "n_buckets"), [(ONE, 4), (Components(2, 1), 2)], ids=str)
def test_the_number_of_buckets_changes_nothing(c, n_buckets):
    data, params = catalogue(with_prior=True), parameters(c)
    flat, padded = (answers(c, params, events.layout(data, n)) for n in (None, n_buckets))
    for name in ("total", "variance", "evidences", "effective"):
        np.testing.assert_allclose(padded[name], flat[name], rtol=1e-12, err_msg=name)
    assert_same(padded["gradient"], flat["gradient"], rtol=1e-11)
    assert_same(padded["variance_gradient"], flat["variance_gradient"], rtol=1e-10)


def test_automatic_buckets_are_those_of_their_number():
    data = catalogue()
    number = len(bucket_table(SIZES, 0).rows)
    for automatic in (0, "auto"):
        found, expected = events.layout(data, automatic), events.layout(data, number)
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_buckets_are_as_wide_as_their_longest_event_and_hold_every_sample_once():
    data = catalogue()
    design = events.layout(data, 3)
    table = bucket_table(SIZES, 3)
    assert [design[f"m1_{b}"].shape for b in range(3)] == [(1, 4, 33), (1, 3, 70), (1, 3, 200)]
    assert [(row.events, row.longest, row.slots) for row in table.rows] == [
        (4, 33, 132), (3, 70, 210), (3, 200, 600),
    ]  # fmt: skip
    assert table.rows[0].padding == pytest.approx(1 - 49 / 132)
    held = [design[f"m1_{b}"][np.isfinite(design[f"log_prior_{b}"])] for b in range(3)]
    np.testing.assert_array_equal(np.sort(np.concatenate(held)), np.sort(data.m1))
    assert sorted(np.concatenate([design[f"event_{b}"].ravel() for b in range(3)])) == list(
        range(10)
    )


@pytest.mark.parametrize("n_classes", [1, 2, 3, 4, 7])
def test_natural_breaks_have_the_least_squares_of_all(n_classes):
    sizes = np.random.default_rng(n_classes).integers(5, 60, 14)
    values = np.unique(sizes)

    def loss(classes):
        return sum(((s := sizes[classes == k]) - s.mean()).__pow__(2).sum() for k in set(classes))

    best = min(
        loss(np.searchsorted(values[list(cuts)], sizes, side="right"))
        for cuts in combinations(range(1, len(values)), n_classes - 1)
    )
    found = natural_breaks(sizes, n_classes)
    assert set(found) == set(range(n_classes))
    assert loss(found) == pytest.approx(best)
    assert (np.diff(found[np.argsort(sizes)]) >= 0).all()


def test_natural_breaks_of_a_known_set():
    sizes = [4, 5, 9, 10, 4, 5, 60, 61]
    assert natural_breaks(sizes, 3).tolist() == [0, 0, 1, 1, 0, 0, 2, 2]
    with pytest.raises(ValueError, match="1 to the 6 distinct sizes, got 7"):
        natural_breaks(sizes, 7)


def test_more_buckets_than_sizes_are_reduced_with_a_warning():
    table = bucket_table([7] * 8, 10)
    assert len(table.rows) == 1 and table.rows[0].padding == 0
    assert table.warning == (
        "n_buckets is 10, but all events have the same number of samples: 1 bucket is used."
    )
    assert bucket_table([7, 8, 9], 4).warning == (
        "n_buckets is 4, but the events have only 3 different numbers of samples, so many are used."
    )
    assert bucket_table([7, 8, 9], 3).warning == ""


def test_the_automatic_number_stops_where_one_more_saves_too_little():
    slots = [sum(row.slots for row in bucket_table(SIZES, n).rows) for n in range(1, 10)]
    for threshold in (0.0, 1.0, 3.0, 20.0, 100.0):
        gains = [1 - after / before for before, after in zip(slots, slots[1:], strict=False)]
        small = [n for n, gain in enumerate(gains, 1) if gain < threshold / 100]
        expected = small[0] if small else len(slots)
        assert len(bucket_table(SIZES, "auto", threshold).rows) == expected
        assert len(bucket_table(SIZES, 0, threshold).rows) == expected


def test_the_flat_array_pads_little():
    (row,) = bucket_table(SIZES).rows
    assert (row.events, row.longest) == (10, 200)
    assert row.slots == events.layout(catalogue())["m1_0"].size
    assert row.padding == pytest.approx(1 - SIZES.sum() / row.slots)
    assert row.padding <= 0.1
    assert flat_shape([1, 1, 1]) == (1, 4, 1)
    assert flat_shape([2000] * 5) == (1, 160, 64)
    assert flat_shape([2000] * 92) == (23, 128, 64)


@pytest.mark.parametrize("n_buckets", [-1, 2.5, True, "many"])
def test_impossible_numbers_of_buckets_are_refused(n_buckets):
    with pytest.raises(ValueError, match=f"`n_buckets` must be a whole number.*{n_buckets!r}"):
        bucket_table(SIZES, n_buckets)


def test_an_impossible_threshold_is_refused():
    with pytest.raises(ValueError, match="percentage from 0 to 100, got -1"):
        bucket_table(SIZES, 0, -1)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [("m1", 0.0, "positive and finite, got 0.0"), ("m2", np.nan, "positive and finite, got nan"),
     ("log_prior", -np.inf, "finite, got -inf")],
)  # fmt: skip
def test_impossible_samples_are_named(column, value, words):
    data = catalogue()
    columns = {name: getattr(data, name).copy() for name in ("m1", "m2", "log_prior")}
    columns[column][73] = value
    with pytest.raises(ValueError, match=f"`{column}` must be {words} in sample 2 of event_2"):
        events.layout(Catalogue(data.names, offsets=data.offsets, **columns))


def test_values_and_gradients_are_float64():
    found = answers(ONE, parameters(ONE), events.layout(catalogue()))
    assert all(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(found))
