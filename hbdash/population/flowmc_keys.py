"""The keys of a flowMC_config.json: what each is called in flowMC 0.6.4 and in `FlowMC`."""

from typing import Any, NamedTuple


class Row(NamedTuple):
    """A key of the file, the argument of flowMC 0.6.4, a value that is usual, and what to know."""

    key: str
    argument: str
    value: str
    note: str


MAPPING: tuple[Row, ...] = (
    Row("n_chains", "n_chains", "100", ""),
    Row("n_local_steps", "n_local_steps", "100", "steps of a loop; one in local_thinning is kept"),
    Row("n_global_steps", "n_global_steps", "100", "one in global_thinning is kept"),
    Row("n_training_loops", "n_training_loops", "10", "with early_stopping a maximum"),
    Row("n_production_loops", "n_production_loops", "10", "their draws are the posterior"),
    Row("local_thinning", "local_thinning", "4", "must divide n_local_steps"),
    Row("global_thinning", "global_thinning", "4", "must divide n_global_steps"),
    Row("n_epochs", "n_epochs", "4", "of training in a loop"),
    Row("n_max_examples", "n_max_examples", "200000", "drawn with replacement"),
    Row("batch_size", "batch_size", "10000", "of training"),
    Row("history_window", "history_window", "2000", "kept steps of each chain to train on"),
    Row("n_NFproposal_batch_size", "n_NFproposal_batch_size", "50", "changes memory, not draws"),
    Row("chain_batch_size", "chain_batch_size", "0", "0: all chains at once; changes memory"),
    Row(
        "local_sampler_name",
        "RQSpline_HMC_Bundle, RQSpline_MALA_Bundle or RQSpline_GRW_Bundle",
        '"hmc"',
        'chooses the class: "hmc", "mala", or "grw", a random walk without gradients',
    ),
    Row(
        "step_size",
        "hmc_step_size, mala_step_size or grw_step_size",
        "0.01",
        "of the unconstrained space; not adapted unless adapt_step_size is true",
    ),
    Row(
        "condition_matrix",
        "condition_matrix",
        "1.0",
        "the inverse mass of HMC, about the posterior variance: a number, or one for each "
        "parameter (diagonal); a mass_matrix, its inverse, is read as well",
    ),
    Row("n_leapfrog", "hmc_n_leapfrog", "5", "n + 2 gradients a step"),
    Row("rq_spline_hidden_units", "rq_spline_hidden_units", "[64, 64]", ""),
    Row("rq_spline_n_bins", "rq_spline_n_bins", "10", ""),
    Row("rq_spline_n_layers", "rq_spline_n_layers", "8", ""),
    Row(
        "rq_spline_range",
        "none: MaskedCouplingRQSpline(spline_range)",
        "[-10.0, 10.0]",
        "no argument of the bundle; the flow is built with it",
    ),
    Row("learning_rate", "learning_rate", "0.001", ""),
    Row("verbose", "verbose", "false", ""),
    Row("adapt_step_size", "adapt_step_size", "false", "new; true there unless given"),
    Row("early_stopping", "early_stopping", "false", "new"),
    Row(
        "data_dump.n_samples",
        "none",
        "10000",
        "draws of the trained flow, kept apart: they are not the posterior",
    ),
    Row("data_dump.save_chains_every_step", "none", "true", "chains are kept as they are made"),
    Row(
        "data_dump.save_weighted_samples",
        "none",
        "false",
        "true is refused: the chains are the posterior, and need no weights",
    ),
)

#: Keys of the file that are called otherwise in `FlowMC`, and the file's name of a field.
FIELDS = {"local_sampler_name": "local_sampler"}
KEYS = {field: key for key, field in FIELDS.items()} | {"flow_samples": "n_samples"}
#: Keys of the bundle, in the order of a written file, and those that a newer flowMC brought.
BUNDLE = (
    "chain_batch_size",
    "n_chains",
    "batch_size",
    "n_epochs",
    "n_max_examples",
    "history_window",
    "n_NFproposal_batch_size",
    "n_global_steps",
    "n_local_steps",
    "n_production_loops",
    "n_training_loops",
    "global_thinning",
    "local_thinning",
    "local_sampler_name",
    "step_size",
    "condition_matrix",
    "n_leapfrog",
    "rq_spline_hidden_units",
    "rq_spline_n_bins",
    "rq_spline_n_layers",
    "rq_spline_range",
    "learning_rate",
    "verbose",
)
NEW = ("adapt_step_size", "early_stopping")
#: What GWKokab 0.3 has in the place of condition_matrix: its inverse.
MASS = "mass_matrix"
_STOPPING = "with early_stopping, flowMC's own value holds"
#: Arguments of flowMC that no file may give, and why.
REFUSED = {
    "adapt_step_size_per_dim": "adapt_step_size fits the step size and the matrix together",
    "early_stopping_tolerance": _STOPPING,
    "early_stopping_patience": _STOPPING,
    "early_stopping_min_acceptance": _STOPPING,
    "periodic": "no parameter of a population is an angle",
}
DATA_DUMP = ("n_samples", "save_chains_every_step", "save_weighted_samples")
#: What GWKokab 0.2 takes for keys of the nested form that are left out; the others must be there.
OLDER: dict[str, Any] = {
    "history_window": 100,
    "local_sampler_name": "mala",
    "condition_matrix": 1.0,
    "n_leapfrog": 10,
}
#: What GWKokab 0.3 takes for keys of the flat form that are left out.
NEWER: dict[str, Any] = {
    "chain_batch_size": 0,
    "n_chains": 10,
    "batch_size": 1000,
    "n_epochs": 4,
    "n_max_examples": 100_000,
    "history_window": 500,
    "n_NFproposal_batch_size": 10,
    "n_global_steps": 20,
    "n_local_steps": 300,
    "n_production_loops": 40,
    "n_training_loops": 15,
    "global_thinning": 1,
    "local_thinning": 1,
    "local_sampler_name": "hmc",
    "step_size": 0.01,
    "condition_matrix": 1.0,
    "n_leapfrog": 10,
    "rq_spline_hidden_units": [128, 128],
    "rq_spline_n_bins": 8,
    "rq_spline_n_layers": 10,
    "rq_spline_range": [-10.0, 10.0],
    "learning_rate": 0.001,
    "verbose": False,
}
