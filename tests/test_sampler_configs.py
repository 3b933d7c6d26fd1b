"""Files that configure samplers: the forms that are read, what is refused, and the way back."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer.hmc import hmc
from pydantic import ValidationError

from hbdash.population.flowmc_keys import (
    BUNDLE,
    DATA_DUMP,
    FIELDS,
    MAPPING,
    NEW,
    NEWER,
    OLDER,
    REFUSED,
)
from hbdash.population.numpyro_config import KERNEL as KERNEL_OPTIONS
from hbdash.population.numpyro_config import MCMC
from hbdash.population.nuts_config import PopulationNUTS
from hbdash.population.sampler_configs import (
    read_aies_config,
    read_flowmc_config,
    read_numpyro_config,
    read_sampler_config,
    write_aies_config,
    write_flowmc_config,
    write_numpyro_config,
    write_sampler_config,
)
from hbdash.samplers.aies import AIES
from hbdash.samplers.flowmc import FlowMC

NUMPYRO = """{
    "kernel": {
        "max_tree_depth": 6
    },
    "mcmc": {
        "num_warmup": 3000,
        "num_samples": 1000,
        "num_chains": 10,
        "thinning": 1,
        "chain_method": "parallel",
        "progress_bar": true,
        "jit_model_args": true
    }
}"""
FLOWMC = """{
    "data_dump": {
        "n_samples": 10000
    },
    "bundle_config": {
        "chain_batch_size": 0,
        "n_chains": 100,
        "batch_size": 10000,
        "n_epochs": 4,
        "n_max_examples": 200000,
        "history_window": 2000,
        "n_NFproposal_batch_size": 50,
        "n_global_steps": 100,
        "n_local_steps": 100,
        "n_production_loops": 10,
        "n_training_loops": 10,
        "global_thinning": 4,
        "local_thinning": 4,
        "local_sampler_name": "hmc",
        "step_size": 0.01,
        "condition_matrix": 1.0,
        "n_leapfrog": 5,
        "rq_spline_hidden_units": [64, 64],
        "rq_spline_n_bins": 10,
        "rq_spline_n_layers": 8,
        "rq_spline_range": [-10.0, 10.0],
        "learning_rate": 0.001,
        "verbose": false
    }
}"""


def numpyro(kernel=None, mcmc=None, **more):
    """Write a file of NUTS with some options changed."""
    content = json.loads(NUMPYRO)
    content["kernel"] |= kernel or {}
    content["mcmc"] |= mcmc or {}
    return json.dumps(content | more)


def flowmc(bundle=None, **more):
    """Write a file of flowMC with some keys changed; None takes one away."""
    content = json.loads(FLOWMC)
    content["bundle_config"] |= bundle or {}
    content["bundle_config"] = {k: v for k, v in content["bundle_config"].items() if v is not None}
    return json.dumps(content | more)


# NUTS


def test_the_documents_numpyro_file_is_read_and_written_as_it_stands():
    config, notes = read_numpyro_config(NUMPYRO)
    assert config == PopulationNUTS(
        max_tree_depth=6, num_warmup=3000, num_samples=1000, num_chains=10
    )
    assert config.transitions == 40_000
    assert json.loads(write_numpyro_config(config)) == json.loads(NUMPYRO)
    assert any("a thread of each processor" in note for note in notes)
    assert any("progress is shown" in note for note in notes)


def test_left_out_options_are_those_of_the_form():
    older, _ = read_numpyro_config('{"kernel": {}, "mcmc": {"num_warmup": 50, "num_samples": 60}}')
    assert (older.max_tree_depth, older.num_chains, older.target_accept_prob) == (10, 1, 0.8)
    newer, notes = read_numpyro_config('{"sampler_name": "numpyro"}')
    assert newer == PopulationNUTS(
        max_tree_depth=8, num_warmup=1000, num_samples=2000, num_chains=1
    )
    assert any("R-hat compares chains" in note for note in notes)
    flat, _ = read_numpyro_config(
        '{"sampler_name": "numpyro", "num_warmup": 50, "dense_mass": true, "num_chains": 2}'
    )
    assert flat == PopulationNUTS(
        num_warmup=50, num_samples=2000, num_chains=2, dense_mass=True, max_tree_depth=8
    )
    nested, _ = read_numpyro_config(
        '{"sampler_name": "numpyro", "kernel": {"dense_mass": true}, "mcmc": {"num_warmup": 50, '
        '"num_chains": 2}}'
    )
    assert nested == flat


KERNEL = {
    "step_size": 0.1,
    "adapt_step_size": False,
    "adapt_mass_matrix": False,
    "dense_mass": True,
    "target_accept_prob": 0.9,
    "max_tree_depth": [5, 7],
    "find_heuristic_step_size": True,
    "forward_mode_differentiation": True,
    "regularize_mass_matrix": False,
}


def test_every_option_of_the_kernel_reaches_it():
    text = numpyro(KERNEL | {"inverse_mass_matrix": None}, {"thinning": 2, "progress_rate": 5})
    config, _ = read_numpyro_config(text)
    assert dict(config.options) == {
        "max_tree_depth": (5, 7),
        **{k: v for k, v in KERNEL.items() if k not in ("max_tree_depth", "target_accept_prob")},
    }
    assert config.target_accept_prob == 0.9 and config.thinning == 2
    assert hash(config.options)
    again, _ = read_numpyro_config(write_numpyro_config(config))
    assert again == config
    init, transition = hmc(lambda z: 0.5 * jnp.sum(z**2), algo="NUTS")
    state = init(jnp.ones(2), 20, rng_key=jax.random.key(0), **dict(config.options))
    assert state.adapt_state.inverse_mass_matrix.shape == (2, 2)
    assert np.isfinite(transition(state).potential_energy)


#: Another value than the document's for every option of NUTS, and the field that takes it.
CHANGED = KERNEL | {
    "num_warmup": 200, "num_samples": 300, "num_chains": 3, "thinning": 2,
    "chain_method": "vectorized",
}  # fmt: skip
#: Options that change nothing here, and the words that say so.
TOLD = {"inverse_mass_matrix": None, "progress_bar": False, "progress_rate": 3}
TOLD |= {"jit_model_args": False}


@pytest.mark.parametrize("form", ["nested", "named", "flat"])
@pytest.mark.parametrize("name", [*KERNEL_OPTIONS, *MCMC])
def test_every_option_of_nuts_is_honoured_or_told(name, form):
    content = json.loads(NUMPYRO)
    if form != "nested":
        content["sampler_name"] = "numpyro"
    if form == "flat":
        content |= content.pop("kernel") | content.pop("mcmc")
    before, _ = read_numpyro_config(json.dumps(content))
    part = content if form == "flat" else content["kernel" if name in KERNEL_OPTIONS else "mcmc"]
    part[name] = (CHANGED | TOLD)[name]
    after, notes = read_numpyro_config(json.dumps(content))
    if name in TOLD:
        assert after == before
        assert name == "inverse_mass_matrix" or any(name in note for note in notes)
    elif name == "max_tree_depth":
        assert (after.warmup_tree_depth, after.max_tree_depth) == (5, 7)
    else:
        assert getattr(after, name) == CHANGED[name] != getattr(before, name)
        assert after.model_copy(update={name: getattr(before, name)}) == before


def test_plain_options_are_only_the_depth_and_the_mass():
    assert PopulationNUTS().options == (("max_tree_depth", 10), ("dense_mass", False))
    assert dict(PopulationNUTS(warmup_tree_depth=10).options)["max_tree_depth"] == 10


def test_a_config_is_a_config_of_nuts():
    config = PopulationNUTS(num_samples=500, step_size=1)
    assert PopulationNUTS.model_validate_json(config.model_dump_json()) == config
    with pytest.raises(ValidationError, match="thinning must be at most num_samples"):
        PopulationNUTS(num_samples=5, thinning=6)
    with pytest.raises(ValidationError, match="must be at most 200,000, got 16 x"):
        PopulationNUTS(num_chains=16, num_samples=50_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (numpyro({"max_tree_dept": 6}), '"kernel" has no option "max_tree_dept". Did you mean "ma'),
        (numpyro(mcmc={"num_sample": 6}), '"mcmc" has no option "num_sample". Did you mean "num_'),
        (numpyro({"num_warmup": 6}), '"kernel" has no option "num_warmup"'),
        (numpyro(num_warmup=6), '"num_warmup": belongs into "mcmc"; move it there.'),
        (numpyro(mcm={}), 'n.json has no option "mcm". Did you mean "mcmc"?'),
        (numpyro(seed=3), 'n.json has no option "seed": the seed is given beside the file'),
        (numpyro(sampler_name="flowMC"), 'must be "numpyro", got the text "flowMC"'),
        (numpyro(kernel={"dense_mass": [["a", "b"]]}), "Blocks of parameters are not offered"),
        (numpyro(kernel={"dense_mass": 1}), '"dense_mass": must be true or false, got 1.'),
        (numpyro({"inverse_mass_matrix": [1.0, 2.0]}), '"inverse_mass_matrix": must be null, got'),
        (numpyro({"max_tree_depth": True}), '"max_tree_depth": must be a whole number, got true.'),
        (numpyro({"max_tree_depth": 6.0}), '"max_tree_depth": must be a whole number, got 6.0.'),
        (numpyro({"max_tree_depth": 0}), '"max_tree_depth": must be at least 1, got 0.'),
        (numpyro({"max_tree_depth": 13}), '"max_tree_depth": must be at most 12, got 13.'),
        (numpyro({"max_tree_depth": [6]}), "must be a whole number or two, [in the warmup, after"),
        (numpyro({"max_tree_depth": [0, 6]}), '"max_tree_depth": must be at least 1, got 0.'),
        (numpyro({"step_size": 0}), '"step_size": must be above 0, got 0.'),
        (numpyro({"step_size": "0.1"}), '"step_size": must be a number, got the text "0.1".'),
        (numpyro({"adapt_step_size": 1}), '"adapt_step_size": must be true or false, got 1.'),
        (numpyro({"target_accept_prob": 1.0}), '"target_accept_prob": must be at most 0.999, got'),
        (numpyro(mcmc={"num_samples": 0}), '"num_samples": must be at least 1, got 0.'),
        (numpyro(mcmc={"num_samples": -5}), '"num_samples": must be at least 1, got -5.'),
        (numpyro(mcmc={"num_chains": False}), '"num_chains": must be a whole number, got false.'),
        (numpyro(mcmc={"thinning": None}), '"thinning": must be a whole number, got null.'),
        (numpyro(mcmc={"thinning": 0}), '"thinning": must be at least 1, got 0.'),
        (
            numpyro(mcmc={"chain_method": "threads"}),
            "\"chain_method\": must be 'parallel', 'sequential' or 'vectorized', got the text",
        ),
        (numpyro(mcmc={"progress_bar": 1}), '"progress_bar": must be true or false, got 1.'),
        (numpyro(mcmc={"jit_model_args": "yes"}), '"jit_model_args": must be true or false, got'),
        (numpyro(mcmc={"progress_rate": 0}), '"progress_rate": must be a positive whole number'),
        ('{"kernel": {}, "mcmc": {"num_samples": 9}}', '"mcmc": must give num_warmup; add'),
        ('{"kernel": {}}', '"mcmc": must give num_warmup and num_samples; add them.'),
        ('{"kernel": [], "mcmc": {}}', '"kernel": must be an object, {...}, got the list [].'),
        ('{"kernel": {}, "kernel": {}}', 'line 1, column 16: the key "kernel" is there already'),
        (
            numpyro(mcmc={"num_chains": 16, "num_samples": 20_000}),
            "n.json: num_chains x (num_warmup + num_samples) must be at most 200,000, got 16 x",
        ),
    ],
)
def test_wrong_options_of_nuts_are_refused(text, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        read_numpyro_config(text, "n.json")
    assert str(caught.value).startswith("n.json")


# flowMC


def test_the_documents_flowmc_file_is_read_and_written_as_it_stands():
    config, notes = read_flowmc_config(FLOWMC)
    assert config == FlowMC(
        n_chains=100, n_local_steps=100, n_global_steps=100, n_training_loops=10,
        n_production_loops=10, n_epochs=4, n_max_examples=200_000, batch_size=10_000,
        history_window=2000, n_NFproposal_batch_size=50, chain_batch_size=0, local_thinning=4,
        global_thinning=4, local_sampler="hmc", step_size=0.01, condition_matrix=1.0, n_leapfrog=5,
        adapt_step_size=False, rq_spline_hidden_units=(64, 64), rq_spline_n_bins=10,
        rq_spline_n_layers=8, rq_spline_range=(-10, 10), learning_rate=0.001, early_stopping=False,
        verbose=False, flow_samples=10_000,
    )  # fmt: skip
    written = write_flowmc_config(config)
    assert json.loads(written) == json.loads(FLOWMC)
    assert list(json.loads(written)["bundle_config"]) == list(json.loads(FLOWMC)["bundle_config"])
    assert any("unconstrained space" in note for note in notes)


def test_the_flat_form_has_the_newer_values():
    config, _ = read_flowmc_config('{"sampler_name": "flowMC"}')
    assert (config.n_chains, config.n_local_steps, config.n_global_steps) == (10, 300, 20)
    assert (config.n_training_loops, config.n_production_loops) == (15, 40)
    assert config.rq_spline_hidden_units == (128, 128) and config.history_window == 500
    flat = json.loads(FLOWMC)["bundle_config"] | {"sampler_name": "flowMC"}
    nested, _ = read_flowmc_config(FLOWMC)
    config, _ = read_flowmc_config(json.dumps(flat | {"data_dump": {"n_samples": 10_000}}))
    assert config == nested


def test_older_defaults_and_other_samplers():
    left = dict.fromkeys(OLDER)
    config, _ = read_flowmc_config(flowmc(left))
    assert (config.local_sampler, config.n_leapfrog, config.history_window) == ("mala", 10, 100)
    config, notes = read_flowmc_config(
        flowmc({"local_sampler_name": "grw", "adapt_step_size": True, "early_stopping": True})
    )
    assert config.local_sampler == "grw" and config.adapt_step_size and config.early_stopping
    assert any("used by hmc alone" in note for note in notes)
    assert read_flowmc_config(write_flowmc_config(config))[0] == config
    config, notes = read_flowmc_config(flowmc({"condition_matrix": [0.5, 1, 2.0]}))
    assert config.condition_matrix == (0.5, 1.0, 2.0)
    assert any("order of the sampled parameters" in note for note in notes)
    assert read_flowmc_config(write_flowmc_config(config))[0] == config


OTHER = {
    "chain_batch_size": 5, "n_chains": 10, "batch_size": 500, "n_epochs": 3,
    "n_max_examples": 1000, "history_window": 50, "n_NFproposal_batch_size": 5,
    "n_global_steps": 80, "n_local_steps": 60, "n_production_loops": 3, "n_training_loops": 4,
    "global_thinning": 2, "local_thinning": 5, "local_sampler_name": "mala", "step_size": 0.1,
    "condition_matrix": 2.0, "n_leapfrog": 3, "rq_spline_hidden_units": (32,),
    "rq_spline_n_bins": 6, "rq_spline_n_layers": 3, "rq_spline_range": (-5.0, 5.0),
    "learning_rate": 0.01, "verbose": True, "adapt_step_size": True, "early_stopping": True,
}  # fmt: skip


@pytest.mark.parametrize("form", ["nested", "flat"])
@pytest.mark.parametrize("key", [*BUNDLE, *NEW])
def test_every_key_of_flowmc_is_honoured(key, form):
    content = json.loads(FLOWMC)
    if form == "flat":
        content |= content.pop("bundle_config") | {"sampler_name": "flowMC"}
    before, _ = read_flowmc_config(json.dumps(content))
    (content if form == "flat" else content["bundle_config"])[key] = OTHER[key]
    after, _ = read_flowmc_config(json.dumps(content))
    field = FIELDS.get(key, key)
    assert getattr(after, field) == OTHER[key] != getattr(before, field)
    assert after.model_copy(update={field: getattr(before, field)}) == before


@pytest.mark.parametrize(("mass", "matrix"), [(4, 0.25), ([1, 2, 5.0], (1.0, 0.5, 0.2))])
def test_a_mass_matrix_is_the_inverse_of_the_condition_matrix(mass, matrix):
    for text in (
        json.dumps({"sampler_name": "flowMC", "mass_matrix": mass}),
        flowmc({"mass_matrix": mass, "condition_matrix": None}),
    ):
        config, notes = read_flowmc_config(text)
        assert config.condition_matrix == matrix
        assert any("its inverse is taken" in note for note in notes)


@pytest.mark.parametrize("key", REFUSED)
def test_keys_that_are_refused_say_why(key):
    for text in (flowmc({key: 1}), json.dumps({"sampler_name": "flowMC", key: 1})):
        with pytest.raises(ValueError) as caught:
            read_flowmc_config(text, "f.json")
        assert f'"{key}": is refused: {REFUSED[key]}' in str(caught.value)


def test_the_data_dump_is_honoured_or_refused():
    dump = {"n_samples": 7, "save_chains_every_step": True, "save_weighted_samples": False}
    config, notes = read_flowmc_config(flowmc(data_dump=dump))
    assert config.flow_samples == 7
    assert any("kept as they are made" in note for note in notes)
    with pytest.raises(ValueError, match="production chains are the posterior"):
        read_flowmc_config(flowmc(data_dump=dump | {"save_weighted_samples": True}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (flowmc({"n_chain": 5}), '"bundle_config" has no option "n_chain". Did you mean "n_chains'),
        (flowmc(bundle_confg={}), 'has no option "bundle_confg". Did you mean "bundle_config"?'),
        (flowmc(n_chains=5), '"n_chains": belongs into "bundle_config"; move it there.'),
        (
            flowmc(data_dump={"n_sample": 5}),
            '"data_dump" has no option "n_sample". Did you mean "n',
        ),
        (flowmc(data_dump={}), '"data_dump": must give n_samples; add it.'),
        (flowmc(data_dump={"n_samples": -1}), '"n_samples": must be at least 0, got -1.'),
        (flowmc(data_dump={"n_samples": 1.5}), '"n_samples": must be a whole number, got 1.5.'),
        (
            flowmc(data_dump={"n_samples": 1, "save_chains_every_step": "no"}),
            '"save_chains_every_step": must be true or false, got the text "no".',
        ),
        (flowmc(seed=3), 'has no key "seed": the seed is given beside the file'),
        (flowmc(sampler_name="flowmc"), 'must be "flowMC", got the text "flowmc"'),
        (
            flowmc({"n_chains": None, "verbose": None}),
            '"bundle_config": must give n_chains, verbose; add them.',
        ),
        (flowmc({"n_chains": True}), '"n_chains": must be a whole number, got true.'),
        (flowmc({"n_chains": 0}), '"n_chains": must be at least 2, got 0.'),
        (flowmc({"n_chains": 10.5}), '"n_chains": must be a whole number, got 10.5.'),
        (flowmc({"n_epochs": "4"}), '"n_epochs": must be a whole number, got the text "4".'),
        (flowmc({"chain_batch_size": -1}), '"chain_batch_size": must be at least 0, got -1.'),
        (
            flowmc({"local_sampler_name": "nuts"}),
            "\"local_sampler_name\": must be 'hmc', 'mala' or 'grw', got the text \"nuts\".",
        ),
        (flowmc({"step_size": -0.1}), '"step_size": must be above 0, got -0.1.'),
        (
            flowmc({"condition_matrix": -1}),
            '"condition_matrix": must be a positive number, or a list of positive numbers, one for '
            "each parameter, got -1.",
        ),
        (flowmc({"condition_matrix": [1, 0]}), '"condition_matrix": must be a positive number, or'),
        (flowmc({"condition_matrix": [[1]]}), '"condition_matrix": must be a positive number, or'),
        (flowmc({"condition_matrix": "1"}), '"condition_matrix": must be a positive number, or a'),
        (flowmc({"mass_matrix": 2}), '"mass_matrix": is the inverse of condition_matrix, which is'),
        (flowmc({"mass_matrix": 0, "condition_matrix": None}), '"mass_matrix": must be a positive'),
        (flowmc({"mass_matrix": [[1]], "condition_matrix": None}), "got the list [[1]]."),
        (flowmc({"condition_matrix": []}), "condition_matrix must hold a number for each param"),
        (
            flowmc({"rq_spline_hidden_units": [64, 0]}),
            '"rq_spline_hidden_units", entry 2: must be at least 1, got 0.',
        ),
        (flowmc({"rq_spline_hidden_units": 64}), '"rq_spline_hidden_units": must be a list, got 6'),
        (flowmc({"rq_spline_hidden_units": []}), '_units": must have at least 1 entries, got the'),
        (flowmc({"rq_spline_range": [1, 10]}), "rq_spline_range must enclose 0"),
        (flowmc({"learning_rate": 0}), '"learning_rate": must be above 0, got 0.'),
        (flowmc({"verbose": 0}), '"verbose": must be true or false, got 0.'),
        (flowmc({"local_thinning": 3}), "local_thinning must divide n_local_steps, got 3 and 100"),
        (flowmc({"n_local_steps": 10_000, "n_chains": 1000}), "must be at most 20,000,000"),
        ('{"bundle_config": {"n_chains": NaN}}', "line 1, column 32: NaN is no JSON number"),
    ],
)
def test_wrong_keys_of_flowmc_are_refused(text, words):
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        read_flowmc_config(text, "f.json")
    assert str(caught.value).startswith("f.json")


def test_the_mapping_names_every_key_once():
    keys = [row.key for row in MAPPING]
    assert sorted(keys) == sorted([*BUNDLE, *NEW, *(f"data_dump.{key}" for key in DATA_DUMP)])
    values = json.loads(FLOWMC)["bundle_config"]
    for row in MAPPING:
        if row.key in values:
            assert json.loads(row.value) == values[row.key]
    assert set(NEWER) == set(BUNDLE) and set(OLDER) < set(BUNDLE)


# AIES, and telling them apart


def test_a_file_of_aies_is_read_and_written():
    config = AIES(num_ensembles=3, num_walkers=20, moves={"de": 1, "stretch": 0.25}, seed=5)
    written = write_aies_config(config)
    assert json.loads(written)["sampler_name"] == "aies" and "kind" not in json.loads(written)
    assert read_aies_config(written) == (config, ())
    assert read_aies_config('{"sampler_name": "aies"}')[0] == AIES()
    # What the class itself dumps is read as well.
    assert read_sampler_config(config.model_dump_json(), "a.json")[0] == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"num_walker": 20}', 'a.json has no option "num_walker". Did you mean "num_walkers"?'),
        ('{"num_walkers": true}', '"num_walkers": must be a whole number, got true.'),
        ('{"num_walkers": 31}', "num_walkers must be even"),
        ('{"moves": {"de": -1}}', '"moves", "de": must be at least 0, got -1.'),
        ('{"moves": {"walk": 1}}', '"moves", "walk": is no option here, got 1.'),
        ('{"moves": 3}', '"moves": must be an object, got 3.'),
        ('{"sampler_name": "AIES"}', 'must be "aies", got the text "AIES"'),
    ],
)
def test_wrong_options_of_aies_are_refused(text, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        read_aies_config(text, "a.json")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (NUMPYRO, PopulationNUTS),
        (FLOWMC, FlowMC),
        ('{"sampler_name": "numpyro"}', PopulationNUTS),
        ('{"sampler_name": "flowMC", "n_chains": 5}', FlowMC),
        ('{"sampler_name": "aies", "num_samples": 100}', AIES),
        ('{"num_warmup": 100, "num_chains": 2}', PopulationNUTS),
        ('{"n_chains": 20}', FlowMC),
        ('{"num_walkers": 20, "num_warmup": 100, "num_samples": 60}', AIES),
    ],
)
def test_the_three_are_told_apart(text, kind):
    config, _ = read_sampler_config(text, "s.json")
    assert type(config) is kind
    assert read_sampler_config(write_sampler_config(config), "s.json")[0] == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "s.json must say which sampler it configures"),
        ('{"num_warmup": 100}', "s.json must say which sampler it configures"),
        (
            '{"sampler_name": "emcee"}',
            'must be "numpyro", "flowMC" or "aies", got the text "emcee"',
        ),
        ('{"sampler_name": ["flowMC"]}', "got the list"),
        ('{"sampler_name": "numpyro", "n_chains": 3}', 'has no option "n_chains". Did you mean'),
        ("[]", "s.json must hold a JSON object"),
    ],
)
def test_what_is_none_of_them_is_refused(text, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        read_sampler_config(text, "s.json")
