"""Populations from spec to DataTree: the density, its starts, the three samplers, the queue."""

import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hbdash import jobs as jobs_
from hbdash import store
from hbdash.population.catalogue import load_catalogue
from hbdash.population.cost import estimate
from hbdash.population.derived import chosen
from hbdash.population.expected import expected_number
from hbdash.population.mass_models import log_rate_density
from hbdash.population.priors import complete, draw, unconstrain
from hbdash.population.question import prepare
from hbdash.population.spec import PopulationSpec
from hbdash.quantities import variable
from hbdash.run import run
from hbdash.samplers.nuts import SamplingError
from hbdash.spec import RunSpec, parse

AIES = {
    "kind": "aies", "num_walkers": 20, "num_warmup": 40, "num_samples": 40, "thinning": 10,
    "moves": {"de": 0.5, "stretch": 0.5},
}  # fmt: skip
NUTS = {"kind": "nuts", "num_warmup": 30, "num_samples": 20, "num_chains": 2, "max_tree_depth": 3}
FLOWMC = {
    "kind": "flowmc", "n_chains": 4, "n_local_steps": 6, "n_global_steps": 6, "n_epochs": 2,
    "local_thinning": 1, "global_thinning": 1,
    "n_training_loops": 2, "n_production_loops": 2, "rq_spline_hidden_units": [8],
    "rq_spline_n_layers": 2, "rq_spline_n_bins": 4, "n_max_examples": 100, "batch_size": 50,
    "flow_samples": 20,
}  # fmt: skip


def ask(sampler=AIES, **fields):
    return PopulationSpec.model_validate({"sampler": sampler} | fields)


@pytest.fixture(scope="module")
def by_aies():
    return run(ask())


def test_the_potential_is_the_posterior_written_out():
    spec = ask()
    question = prepare(spec)
    given, target, catalogue = question.given, question.target, question.catalogue
    posterior = jax.jit(lambda z: target.potential(z, given))
    rates = jax.jit(
        lambda params: log_rate_density(target.components, params, catalogue.m1, catalogue.m2)
    )
    drawn = draw(question.priors, jax.random.key(3), 40)
    compared = 0
    for k in range(40):
        sampled = {name: values[k] for name, values in drawn.items()}
        params = complete(target.prior, sampled, given["constants"])
        z = unconstrain(target.prior, given["priors"], params)
        density = np.asarray(rates(params))
        with np.errstate(divide="ignore"):
            found = [
                np.log(np.mean(np.exp(density[a:b])))
                for a, b in itertools.pairwise(catalogue.offsets)
            ]
        expected, _ = expected_number(target.pmean, target.components, params, given["pmean"])
        likelihood = sum(found) + len(found) * np.log(spec.pmean.time_scale) - float(expected)
        # Uniform priors: the density in z is the product of sigmoid'(z).
        jacobian = float(jnp.sum(jax.nn.log_sigmoid(z) + jax.nn.log_sigmoid(-z)))
        potential = float(posterior(z))
        if np.isinf(likelihood):
            assert potential == np.inf
        else:
            assert potential == pytest.approx(-(likelihood + jacobian), rel=1e-9)
            compared += 1
    assert compared >= 5


def test_keys_hold_what_is_asked_and_nothing_else():
    spec = ask()
    assert spec.key == ask(AIES | {"num_samples": 40.0}).key
    longer = spec.with_draws(80)
    assert longer.stem == spec.stem and longer.length == 80
    priors = spec.priors | {"alpha_pl_0": {"dist": "Uniform", "low": -5, "high": 5}}
    assert ask(priors=priors).stem == spec.stem
    others = [ask(NUTS), ask(FLOWMC), ask(n_buckets=2), ask(variance_cut=1.0)]
    others.append(ask(priors=spec.priors | {"beta_pl_0": 0.0}))
    assert len({spec.stem} | {other.stem for other in others}) == 1 + len(others)
    again = parse(json.loads(spec.model_dump_json()))
    assert isinstance(again, PopulationSpec) and again.key == spec.key
    assert isinstance(parse({}), RunSpec)


def test_the_components_decide_the_priors_of_a_fresh_spec():
    spec = PopulationSpec(n_pl=1, n_g=1)
    assert set(spec.components.names) - set(spec.components.optional) <= set(spec.priors)
    with pytest.raises(ValueError, match="must be 1 to 6 components"):
        PopulationSpec(n_pl=0, n_g=0)


@pytest.mark.parametrize("sampler", [AIES, NUTS, FLOWMC], ids=["aies", "nuts", "flowmc"])
def test_every_sampler_gives_the_same_groups(sampler, by_aies):
    dt = by_aies if sampler is AIES else run(ask(sampler))
    names = json.loads(dt.attrs["parameters"])
    assert names == list(dt["posterior"].data_vars)
    assert set(names) == set(ask().components.names)
    chains, draws = dt["posterior"].sizes["chain"], dt["posterior"].sizes["draw"]
    for name in names:
        values = variable(dt, f"posterior/{name}").values
        assert values.shape == (chains, draws) and np.isfinite(values).all()
        prior = [
            variable(dt, f"constant_data/prior_{end}_{name}").item() for end in ("low", "high")
        ]
        assert prior[0] <= values.min() <= values.max() <= prior[1]
    assert np.isfinite(variable(dt, "sample_stats/lp")).all()
    assert dt.attrs["sampler"] == sampler["kind"] and dt.attrs["model"] == "population"
    catalogue = load_catalogue(ask().data)
    assert list(dt["event_diagnostics"]["event"].values) == list(catalogue.names)
    rows = np.diff(catalogue.offsets)
    n_eff = variable(dt, "event_diagnostics/n_eff").values
    assert (n_eff > 0).all() and (n_eff <= rows + 1e-9).all()
    expected = variable(dt, "generated_quantities/expected_number").values
    assert (expected > 0).all()
    resampled = variable(dt, "reweighted/m1").values
    for n, (first, last) in enumerate(itertools.pairwise(catalogue.offsets)):
        assert np.isin(resampled[n], catalogue.m1[first:last]).all()


def test_what_is_derived_agrees_with_the_parameters(by_aies):
    spectrum = by_aies["spectrum"].to_dataset()
    at = chosen(by_aies["posterior"].to_dataset(), 200)
    total = np.exp(variable(by_aies, "posterior/log_rate_0").values[at])
    # The rate densities integrate to the rate, but where a draw reaches beyond the grid.
    share = np.trapezoid(spectrum["rate_m1"], spectrum["m1"], axis=1) / total
    assert share.max() < 1.03 and np.quantile(share, 0.1) > 0.97
    lp = variable(by_aies, "sample_stats/lp").values
    inside = variable(by_aies, "generated_quantities/log_likelihood").values
    assert (inside > lp).all()  # the Jacobians of Uniform priors are all below 1
    detected = np.trapezoid(spectrum["detected_m1"], spectrum["m1"], axis=1)
    share = detected / variable(by_aies, "generated_quantities/expected_number").values[at]
    assert share.max() < 1.05 and np.quantile(share, 0.1) > 0.95


def test_nuts_goes_on_where_it_ended():
    short = run(ask(NUTS | {"num_samples": 12}))
    long = run(ask(NUTS), earlier=short)
    whole = run(ask(NUTS))
    for name in json.loads(whole.attrs["parameters"]):
        np.testing.assert_array_equal(
            variable(long, f"posterior/{name}"), variable(whole, f"posterior/{name}")
        )
    assert long.attrs["key"] == whole.attrs["key"]


def test_thinned_nuts_keeps_every_other_draw():
    whole, thinned = run(ask(NUTS)), run(ask(NUTS | {"thinning": 2}))
    np.testing.assert_array_equal(
        variable(thinned, "posterior/mmax_pl_0"), variable(whole, "posterior/mmax_pl_0")[:, 1::2]
    )


def test_starts_that_do_not_exist_are_explained_by_event_and_mass():
    priors = ask().priors | {"mmax_pl_0": {"dist": "Uniform", "low": 30, "high": 31}}
    with pytest.raises(SamplingError) as refused:
        run(ask(priors=priors))
    message = str(refused.value)
    assert "event_" in message and "mmax_pl_0 from 30" in message and "Widen" in message
    catalogue = load_catalogue(ask().data)
    above = [
        name
        for name, (a, b) in zip(catalogue.names, itertools.pairwise(catalogue.offsets), strict=True)
        if catalogue.m1[a:b].min() > 31
    ]
    assert above and all(f"{name} (" in message for name in above[:3])


def test_all_constants_leave_nothing_to_sample():
    priors = {"log_rate_0": 3.0, "alpha_pl_0": 1.0, "beta_pl_0": 0.0}
    priors |= {"mmin_pl_0": 5.0, "mmax_pl_0": 80.0}
    with pytest.raises(ValueError, match="give at least one of them a distribution"):
        prepare(ask(priors=priors))


@pytest.fixture
def queue(tmp_path, monkeypatch):
    monkeypatch.setenv("HBDASH_STORE", str(tmp_path))
    monkeypatch.setattr(store, "WRITE_DELAY", 0.0)
    store.forget()
    found = jobs_.Jobs()
    yield found
    found.close()
    store.forget()


def test_a_population_is_queued_stored_and_found_again(queue, by_aies):
    (job,) = queue.want("one", [ask()])
    worker = queue._workers["populations"]
    while job.active:
        worker.join(0.05)
    assert job.phase == "done" and job.error is None
    dt = store.load(job.result)
    assert dt is not None
    for name in json.loads(dt.attrs["parameters"]):
        np.testing.assert_array_equal(
            variable(dt, f"posterior/{name}"), variable(by_aies, f"posterior/{name}")
        )
    assert store.save(dt)
    store.forget()
    found = store.find(ask())
    assert found is not None and found.attrs["key"] == ask().key


def test_a_short_run_does_not_wait_for_a_population(queue):
    long = AIES | {"num_warmup": 4000, "num_samples": 4000}
    (slow,) = queue.want("one", [ask(long)])
    (quick,) = queue.want("two", [RunSpec.model_validate({"sampler": {"num_warmup": 50}})])
    while quick.active:
        queue._workers["groups"].join(0.02)
    assert quick.phase == "done" and slow.active
    queue.want("one", [])
    worker = queue._workers["populations"]
    while slow.active:
        worker.join(0.02)
    assert slow.phase == "cancelled"


def test_a_stopped_run_is_the_run_of_fewer_draws():
    long = AIES | {"num_samples": 4000}
    dt = run(ask(long), lambda progress: not progress.has_draws)
    spec = parse(json.loads(dt.attrs["spec"]))
    assert 0 < spec.length < 4000 and spec.key == dt.attrs["key"]
    assert dt["posterior"].sizes["draw"] == spec.length // 10
    again = run(spec)
    np.testing.assert_array_equal(
        variable(dt, "posterior/mmin_pl_0"), variable(again, "posterior/mmin_pl_0")
    )


def test_the_cost_counts_what_each_sampler_asks_for():
    walks = FLOWMC | {"local_sampler": "grw"}
    climbs = FLOWMC | {"local_sampler": "mala"}
    walk, climb = (estimate(ask(sampler)) for sampler in (walks, climbs))
    steps = 4 * 12 * 4  # chains, local and global steps, loops
    assert (walk.evaluations, walk.gradients) == (steps, 0)
    assert (climb.evaluations, climb.gradients) == (steps, steps)  # two a local step, half of all
    assert "evaluations" in str(walk) and "gradients" in str(climb)
    ensembles = estimate(ask(AIES))
    assert (ensembles.evaluations, ensembles.gradients) == (2 * 20 * 80, 0)
    many = estimate(ask(AIES | {"num_samples": 20_000}))
    added = many.evaluations - ensembles.evaluations
    assert many.each_ms == ensembles.each_ms  # timed once
    assert many.seconds - ensembles.seconds == pytest.approx(added * ensembles.each_ms / 1e3)
    trees = estimate(ask(NUTS))
    assert trees.gradients == 2 * 50 * (2**3 - 1)
