"""Generated catalogues: draws against exact distribution functions, and posteriors that are."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.stats import kstest, norm, truncnorm

from hbdash.population.catalogue import load_catalogue
from hbdash.population.catalogue_sources import GeneratedCatalogue
from hbdash.population.mock import mock_catalogue
from hbdash.population.mock_consistent import from_masses, posterior, to_masses
from hbdash.population.mock_errors import draw_event, snr, width_mc
from hbdash.population.parameters import Components
from hbdash.population.pmean import Analytic, Constant, Injections
from hbdash.population.population_draws import accept, draw_masses, normal_draw, power_draw
from hbdash.population.truths import default_truth


def log_vt(m1, m2):
    mc, eta = (m1 * m2) ** 0.6 / (m1 + m2) ** 0.2, m1 * m2 / (m1 + m2) ** 2
    x = np.log(mc)
    return -12.669 + 2.561 * x - 0.097 * x**2 + 1.142 * np.log(4 * eta)


def power_law(truth, m1, m2):
    """p(m1, m2) of the first power law, up to a constant in none of its arguments."""
    a, b, low, high = (truth[f"{n}_pl_0"] for n in ("alpha", "beta", "mmin", "mmax"))
    inside = (m2 >= low) & (m2 <= m1) & (m1 <= high) & (m1 > low)
    safe = np.where(inside, m1, (low + high) / 2)
    ratio = np.where(b == -1, np.log(safe / low), (1 - (low / safe) ** (b + 1)) / (b + 1 or 1))
    return inside * safe ** (-a - 1) * (np.where(inside, m2, safe) / safe) ** b / ratio


def exact_cdf(exponent, low, high):
    e = exponent + 1
    if abs(e) < 1e-9:
        return lambda x: np.log(x / low) / np.log(high / low)
    return lambda x: (x**e - low**e) / (high**e - low**e)


@pytest.mark.parametrize("exponent", [-6.0, -1.0, -1.0 + 1e-12, 0.0, 1.0, 5.0])
def test_power_law_draws_follow_the_exact_distribution_function(exponent):
    u = np.random.default_rng(1).random(20_000)
    drawn = power_draw(u, exponent, 10.0, 50.0)
    assert kstest(drawn, exact_cdf(exponent, 10.0, 50.0)).pvalue > 1e-3
    # Not only alike in distribution: the quantile of u is where the distribution function is u.
    assert np.allclose(exact_cdf(exponent, 10.0, 50.0)(drawn), u, atol=1e-9)


def test_power_law_draws_are_continuous_through_the_logarithm_and_survive_steep_slopes():
    u = np.linspace(0, 1, 101)
    near, at = power_draw(u, -1 + 1e-9, 2.0, 80.0), power_draw(u, -1.0, 2.0, 80.0)
    assert np.allclose(near, at, rtol=1e-7)
    for exponent in (-2000.0, 2000.0):
        drawn = power_draw(u, exponent, 2.0, 80.0)
        assert np.isfinite(drawn).all()
        assert ((drawn >= 2) & (drawn <= 80)).all() and (np.diff(drawn) >= 0).all()
    assert np.median(power_draw(u, 2000.0, 2.0, 80.0)) == pytest.approx(80 * 0.5 ** (1 / 2001))


@pytest.mark.parametrize(
    ("low", "high"),
    [(-np.inf, np.inf), (30.0, np.inf), (-np.inf, 12.0), (34.0, 36.0), (80.0, 99.0)],
)
def test_truncated_normal_draws_follow_the_exact_distribution_function(low, high):
    u = np.random.default_rng(2).random(20_000)
    drawn = normal_draw(u, 35.0, 4.0, low, high)
    exact = truncnorm((low - 35) / 4, (high - 35) / 4, 35, 4)
    assert ((drawn >= low) & (drawn <= high)).all()
    assert kstest(drawn, exact.cdf).pvalue > 1e-3
    assert drawn.mean() == pytest.approx(exact.mean(), abs=5 * exact.std() / np.sqrt(20_000))


def test_components_are_drawn_by_their_rates_with_the_moments_of_each():
    components = Components(1, 1)
    truth = {"log_rate_0": np.log(3.0), "log_rate_1": 0.0, "alpha_pl_0": 1.0, "beta_pl_0": -1.0}
    truth |= {"mmin_pl_0": 5.0, "mmax_pl_0": 20.0, "m1_loc_g_0": 60.0, "m1_scale_g_0": 2.0}
    truth |= {"m2_loc_g_0": 60.0, "m2_scale_g_0": 2.0, "m2_high_g_0": 60.0}
    size = 40_000
    masses = draw_masses(np.random.default_rng(3), components, truth, size)
    gaussian = masses[masses[:, 0] > 40]
    assert len(gaussian) / size == pytest.approx(0.25, abs=5 * np.sqrt(0.1875 / size))
    assert gaussian[:, 0].mean() == pytest.approx(60, abs=0.1)
    # A normal cut at its mean lies 2 sqrt(2 / pi) below it.
    assert gaussian[:, 1].mean() == pytest.approx(60 - 2 * np.sqrt(2 / np.pi), abs=0.1)
    assert (gaussian[:, 1] > gaussian[:, 0]).any(), "a Gaussian does not order its masses"
    m1, m2 = masses[masses[:, 0] < 40].T
    assert (m2 <= m1).all() and m2.min() >= 5 and m1.max() <= 20
    assert kstest(m1, exact_cdf(-1.0, 5.0, 20.0)).pvalue > 1e-3
    # At beta = -1, ln q is even between ln(mmin / m1) and 0.
    assert kstest(np.log(m2 / m1) / np.log(5 / m1), "uniform").pvalue > 1e-3


def test_rejection_draws_the_weighted_density_and_says_when_it_cannot():
    rng = np.random.default_rng(4)
    drawn = accept(
        rng, lambda r, n: r.random((n, 1)), lambda x: 3 * np.log(x[:, 0]), 20_000, pilot=5
    )
    assert drawn.shape == (20_000, 1)
    assert kstest(drawn[:, 0] ** 4, "uniform").pvalue > 1e-3
    with pytest.raises(ValueError, match="no draw from the population can be detected"):
        accept(rng, lambda r, n: r.random((n, 1)), lambda x: np.full(len(x), -np.inf), 3)
    with pytest.raises(ValueError, match="got NaN"):
        accept(rng, lambda r, n: r.random((n, 1)), lambda x: np.full(len(x), np.nan), 3)


@pytest.mark.parametrize("consistent", [True, False])
def test_detected_events_have_the_density_of_population_times_volume(consistent):
    spec = GeneratedCatalogue(error_size=1, max_events=2000, consistent=consistent, seed=5)
    catalogue = mock_catalogue(spec, log_vt, 1500.0)
    m1, m2 = catalogue.true_masses.T
    assert len(m1) == len(catalogue.names) == pytest.approx(1500, abs=5 * np.sqrt(1500))
    nodes, weights = np.polynomial.legendre.leggauss(60)
    a, w = 30 + 20 * nodes, weights
    b = 10 + (a - 10)[:, None] * (nodes + 1) / 2
    density = power_law(spec.truth, a[:, None], b) * np.exp(log_vt(a[:, None], b))
    density *= w[:, None] * w * (a - 10)[:, None]
    for values, at in ((np.log(m1), np.log(a)[:, None]), (m2 / m1, b / a[:, None])):
        mean = (density * at).sum() / density.sum()
        # GWKokab draws with replacement from 11,500, which adds a little to the variance.
        assert values.mean() == pytest.approx(mean, abs=5 * values.std() / np.sqrt(len(values)))


def test_numbers_and_masses_do_not_depend_on_how_events_are_measured():
    one = mock_catalogue(GeneratedCatalogue(error_size=50, seed=6), log_vt, 20.0)
    two = mock_catalogue(GeneratedCatalogue(error_size=80, scale_Mc=2.0, seed=6), log_vt, 20.0)
    again = mock_catalogue(GeneratedCatalogue(error_size=50, seed=6), log_vt, 20.0)
    other = mock_catalogue(GeneratedCatalogue(error_size=50, seed=7), log_vt, 20.0)
    assert np.array_equal(one.true_masses, two.true_masses)
    assert np.array_equal(one.m1, again.m1) and np.array_equal(one.m2, again.m2)
    assert not np.array_equal(one.true_masses[0], other.true_masses[0])
    assert one.truth == default_truth(Components()) and "seed 6" in one.source


def test_signal_to_noise_ratios_are_those_of_sources_even_in_volume():
    rng = np.random.default_rng(8)
    found = np.array([snr(rng) for _ in range(5000)])
    assert found.min() >= 9
    assert kstest((9 / found) ** 3, "uniform").pvalue > 1e-3


def test_the_width_of_the_chirp_mass_is_the_originals():
    assert width_mc(40.0, 12.0) == 0.07
    v = (np.pi * 8.0 * 20 * 4.9255e-6) ** (1 / 3)
    assert width_mc(8.0, 24.0) == pytest.approx(0.45 * (v / 0.2) ** 7 / 2, rel=1e-12)
    # v is cut at 0.2, so no width exceeds that of heavy binaries.
    assert width_mc(1e4, 9.0) == pytest.approx(0.07 * 12 / 9)


def test_the_originals_samples_scatter_about_a_shifted_measurement():
    spec = GeneratedCatalogue(error_size=20_000, scale_Mc=0.5, scale_eta=0.1, consistent=False)
    mass = np.array([60.0, 20.0])
    rows, again = draw_event(np.random.default_rng(9), mass, spec)
    rng = np.random.default_rng(9)
    rho, shift = snr(rng), rng.standard_normal(2)
    m1, m2 = rows.T
    mc = (m1 * m2) ** 0.6 / (m1 + m2) ** 0.2
    eta = m1 * m2 / (m1 + m2) ** 2
    true_mc, true_eta = (60 * 20) ** 0.6 / 80**0.2, 1200 / 6400
    b, e = 0.07 * 12 / rho, 0.03 * 12 / rho
    assert again == 0 and len(rows) == 20_000 and (m2 <= m1).all()
    assert mc.mean() == pytest.approx(true_mc * (1 + b * shift[0]), rel=5 * b * 0.5 / np.sqrt(2e4))
    assert mc.std() == pytest.approx(true_mc * b * 0.5, rel=0.03)
    assert eta.mean() == pytest.approx(true_eta * (1 + e * shift[1]), rel=1e-3)
    assert eta.std() == pytest.approx(true_eta * e * 0.1, rel=0.03)


def test_the_originals_rows_above_a_quarter_are_dropped_and_told():
    spec = GeneratedCatalogue(error_size=300, consistent=False, scale_eta=1.0, seed=10)
    catalogue = mock_catalogue(spec, log_vt, 60.0)
    assert (catalogue.sizes >= 1).all() and (catalogue.sizes < 300).any()
    assert (catalogue.m2 <= catalogue.m1).all()
    told = {note.event: note.text for note in catalogue.notes if note.about == "dropped"}
    for name, size in zip(catalogue.names, catalogue.sizes, strict=True):
        if size < 300:
            assert told[name] == f"{300 - size} of 300 rows dropped: their η exceeds 1/4."
        else:
            assert name not in told


def test_an_event_without_a_row_is_measured_again():
    spec = GeneratedCatalogue(error_size=1, consistent=False, scale_eta=1.0)
    equal = np.array([30.0, 30.0])
    drawn = [draw_event(np.random.default_rng(k), equal, spec) for k in range(60)]
    assert all(rows.shape == (1, 2) for rows, _ in drawn)
    share = np.mean([again > 0 for _, again in drawn])
    assert 0.25 < share < 0.75, "half of the measurements of equal masses have eta above 1/4"


def test_masses_and_measured_coordinates_are_inverse_to_each_other():
    masses = np.array([[30.0, 20.0], [10.0, 40.0], [5.0, 5.0]])
    assert np.allclose(to_masses(from_masses(masses)), masses, rtol=1e-12)
    step = 1e-6
    for x in from_masses(masses):
        moved = [
            (to_masses((x + step * e)[None]) - to_masses((x - step * e)[None]))[0] / (2 * step)
            for e in np.eye(2)
        ]
        m1, m2 = to_masses(x[None])[0]
        assert abs(np.linalg.det(np.array(moved))) == pytest.approx(m1 * m2, rel=1e-6)


@pytest.mark.parametrize("both_orders", [False, True])
def test_consistent_samples_have_the_posterior_density_by_quadrature(both_orders):
    observed, sd = np.array([np.log(25.0), 0.1]), np.array([0.07, 0.3])
    rng = np.random.default_rng(11)
    drawn = posterior(rng, observed, sd, log_vt, 20_000, both_orders=both_orders)
    assert (drawn[:, 1] > drawn[:, 0]).any() == both_orders
    x = from_masses(drawn)
    for k in (0, 1):

        def density(value, power=0, k=k):
            # The other coordinate summed out on a fine grid.
            other = np.linspace(*(observed[1 - k] + 9 * np.array([-1, 1]) * sd[1 - k]), 2001)
            both = np.empty((len(other), 2))
            both[:, k], both[:, 1 - k] = value, other
            m1, m2 = to_masses(both).T
            p = norm.pdf(both, observed, sd).prod(1) * np.exp(log_vt(m1, m2)) * m1 * m2
            keep = p if both_orders else p * (both[:, 1] <= 0)
            return value**power * keep.sum()

        low, high = observed[k] - 9 * sd[k], observed[k] + 9 * sd[k]
        high = high if both_orders or k == 0 else 0.0
        total, first, second = (
            quad(density, low, high, args=(power,), limit=200)[0] for power in (0, 1, 2)
        )
        mean, spread = first / total, np.sqrt(second / total - (first / total) ** 2)
        assert x[:, k].mean() == pytest.approx(mean, abs=5 * spread / np.sqrt(20_000))
        assert x[:, k].std() == pytest.approx(spread, rel=0.03)


CASES = {
    "rising": {},
    "falling": {
        "log_rate_0": 4.6, "alpha_pl_0": 3.0, "beta_pl_0": 2.0, "mmin_pl_0": 5.0, "mmax_pl_0": 80.0,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_true_masses_lie_anywhere_in_consistent_posteriors_and_not_in_the_originals(name):
    """Under the true population each event's posterior covers its masses as often as it says."""
    found = {}
    for consistent in (True, False):
        spec = GeneratedCatalogue(
            seed=12, error_size=1500, truth=CASES[name], consistent=consistent, max_events=600,
            scale_Mc=1.0, scale_eta=1.0,
        )  # fmt: skip
        catalogue = mock_catalogue(spec, log_vt, 400.0)
        below, errors = [], []
        for n, (t1, t2) in enumerate(catalogue.true_masses):
            m1, m2 = catalogue.event(n)
            w = power_law(spec.truth, m1, m2)
            if not w.sum():
                assert not consistent
                continue
            w = w / w.sum()
            below.append([w @ (m1 < t1), w @ (m2 / m1 < t2 / t1)])
            errors.append([w @ np.log(m1) - np.log(t1), w @ np.log(m2 / m1) - np.log(t2 / t1)])
        z = np.mean(errors, 0) / np.std(errors, 0) * np.sqrt(len(errors))
        found[consistent] = [kstest(u, "uniform").pvalue for u in np.transpose(below)], z
    (ranks, z), (wrong_ranks, wrong_z) = found[True], found[False]
    assert min(ranks) > 1e-3 and np.abs(z).max() < 3.5
    assert min(wrong_ranks) < 1e-6 and np.abs(wrong_z).max() > 5, "else this test sees nothing"


def test_power_laws_alone_have_samples_of_ordered_masses_and_gaussians_of_both_orders():
    ordered = mock_catalogue(GeneratedCatalogue(seed=1, error_size=100), log_vt, 20.0)
    assert (ordered.m2 <= ordered.m1).all() and not ordered.notes
    both = mock_catalogue(GeneratedCatalogue(seed=1, error_size=100, n_g=1), log_vt, 20.0)
    assert (both.m2 > both.m1).any() and (both.sizes == 100).all()


@pytest.mark.parametrize(
    ("given", "expected", "message"),
    [
        ({"max_events": 5}, 20.0, r"at most 5 events \(`max_events`\), but the seed 37 gives"),
        ({"max_events": 5}, 1e6, "but 1e\\+06 are expected: lower the rates"),
        ({}, 1e-9, "gives none where 1e-09 are expected: raise the rates"),
        ({}, 0.0, "but 0 are expected: raise them"),
        ({"error_size": 20_000}, 300.0, "at most 2,000,000 rows in all, but"),
    ],
)
def test_what_cannot_be_generated_is_refused(given, expected, message):
    with pytest.raises(ValueError, match=message):
        mock_catalogue(GeneratedCatalogue(**given), log_vt, expected)


def test_a_population_that_is_not_seen_is_refused():
    def blind(m1, m2):
        return np.full(np.shape(m1), -np.inf)

    for consistent in (True, False):
        spec = GeneratedCatalogue(consistent=consistent)
        with pytest.raises(ValueError, match="Choose masses that the sensitivity covers"):
            mock_catalogue(spec, blind, 10.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": -1}, "greater than or equal to 0"),
        ({"n_pl": -1}, "greater than or equal to 0"),
        ({"n_pl": 0, "n_g": 0}, "must be 1 to 6 components, got 0 power laws and 0 Gaussians"),
        ({"n_pl": 4, "n_g": 3}, "must be 1 to 6 components"),
        ({"error_size": 0}, "greater than or equal to 1"),
        ({"error_size": 20_001}, "less than or equal to 20000"),
        ({"max_events": 2_001}, "less than or equal to 2000"),
        ({"scale_Mc": 0.0}, "greater than or equal to 0.01"),
        ({"truth": {"alpha_pl_0": 1.0}}, 'got none for "log_rate_0", "beta_pl_0", "mmin_pl_0"'),
        ({"truth": default_truth(Components()) | {"alpha_pl_1": 1.0}}, 'got "alpha_pl_1": choose'),
        (
            {"truth": default_truth(Components()) | {"mmin_pl_0": 60.0}},
            "must lie below `mmax_pl_0`",
        ),
        ({"truth": default_truth(Components()) | {"mmin_pl_0": 0.0}}, "got 0"),
        ({"truth": default_truth(Components()) | {"mmin_pl_0": np.nan}}, "finite number"),
        ({"trueth": {}}, "Extra inputs are not permitted"),
    ],
)
def test_specs_say_what_is_wrong(given, message):
    with pytest.raises(ValidationError, match=message):
        GeneratedCatalogue(**given)


def test_a_spec_fills_in_its_truth_and_comes_back_from_json():
    spec = GeneratedCatalogue(n_pl=1, n_g=1)
    assert set(spec.truth) == set(Components(1, 1).names) - set(Components(1, 1).optional)
    assert np.exp([spec.truth["log_rate_0"], spec.truth["log_rate_1"]]).sum() == pytest.approx(
        np.exp(4.6), rel=1e-5
    )
    again = GeneratedCatalogue.model_validate_json(spec.model_dump_json())
    assert again == spec and hash(again) == hash(spec)


def test_the_expected_number_is_that_of_the_sensitivity():
    """Of a constant VT, mu = T VT R whatever the masses; samples ignore a constant."""
    truth = default_truth(Components()) | {"log_rate_0": np.log(50.0)}
    spec = GeneratedCatalogue(truth=truth, pmean=Constant(vt=0.02, time_scale=100.0), error_size=50)
    assert "where 100.0 are expected" in load_catalogue(spec).source
    lower = spec.model_copy(update={"pmean": Analytic(time_scale=1.0)})
    by_hand = 0.0
    nodes, weights = np.polynomial.legendre.leggauss(40)
    a = 30 + 20 * nodes
    b = 10 + (a - 10)[:, None] * (nodes + 1) / 2
    p = power_law(truth, a[:, None], b) * weights[:, None] * weights * (a - 10)[:, None]
    by_hand = 50 * (p * np.exp(log_vt(a[:, None], b))).sum() / p.sum()
    assert f"where {by_hand:.1f} are expected" in load_catalogue(lower).source


def test_a_set_of_injections_cannot_generate_events():
    """It weighs a population, but gives no sensitivity at two masses."""
    spec = GeneratedCatalogue(pmean=Injections(filename="found.hdf5"))
    with pytest.raises(ValueError, match="njection"):
        load_catalogue(spec)
