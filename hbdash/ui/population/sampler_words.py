"""What the options of the samplers are called on the screen, in the order of the screen."""

from hbdash.ui.population.forms import Words

SEED = {"seed": Words("Seed", "The same seed gives the same draws on the same machine.")}
AIES = {
    "num_ensembles": Words(
        "Ensembles",
        "Walkers of one ensemble interact, so only independent ensembles can confirm each other.",
    ),
    "num_walkers": Words(
        "Walkers",
        "In each ensemble; empty: four more than twice the parameters.",
        2,
        "automatic",
    ),
    "num_warmup": Words("Warmup", "Steps per walker that are not kept.", 500),
    "num_samples": Words("Steps", "Steps per walker after the warmup.", 1000),
    "thinning": Words("Thinning", "Every so-many-th step is kept; it must divide both numbers."),
} | SEED
AIES_MORE = {
    "moves": Words(
        "Moves", "Weights of differential evolution (de) and of the stretch move, as JSON."
    ),
    "randomize_split": Words("Random halves", "Split the walkers anew at every step."),
}
FLOWMC = {
    "n_chains": Words("Chains"),
    "local_sampler": Words("Local sampler", "hmc and mala use gradients; grw is a random walk."),
    "n_training_loops": Words("Training", "Loops whose draws train the flow, and are not kept."),
    "n_production_loops": Words("Production", "Loops whose draws are the posterior."),
    "n_local_steps": Words("Local steps", "In each loop.", 5),
    "n_global_steps": Words("Global steps", "Proposals of the flow in each loop.", 5),
    "step_size": Words("Step size", "Of the local sampler, in the unconstrained space."),
    "n_leapfrog": Words("Leapfrogs", "Steps of HMC; a step costs two gradients more."),
    "n_epochs": Words("Epochs", "Of training, in each training loop."),
    "learning_rate": Words("Learning rate"),
} | SEED
FLOWMC_MORE = {
    "adapt_step_size": Words("Adapt step size", "Compiles the local sampler anew at each change."),
    "early_stopping": Words("Stop training early"),
    "condition_matrix": Words(
        "Inverse mass", "About the posterior variance: one number, or one a parameter as a list."
    ),
    "n_max_examples": Words("Examples", "Draws that each training goes through.", 500),
    "batch_size": Words("Batch", "Examples in one step of training.", 100),
    "history_window": Words("History", "Last stored steps of each chain to train on.", 10),
    "local_thinning": Words("Thin local", "Every so-many-th local step is stored."),
    "global_thinning": Words("Thin global", "Every so-many-th global step is stored."),
    "n_NFproposal_batch_size": Words("Flow batch", "Proposals of the flow at a time."),
    "chain_batch_size": Words("Chain batch", "Chains at a time; 0: all of them."),
    "rq_spline_hidden_units": Words("Hidden units", "Of the flow's networks, as a list."),
    "rq_spline_range": Words("Spline range", "The flow is the identity outside, as a list."),
    "rq_spline_n_bins": Words("Spline bins"),
    "rq_spline_n_layers": Words("Layers", "Of the flow."),
    "flow_samples": Words("Flow draws", "Of the trained flow: not the posterior.", 100),
    "verbose": Words("Verbose", "flowMC's own lines, in the server's log."),
}
NUTS = {
    "num_chains": Words("Chains"),
    "max_tree_depth": Words("Tree depth", "A draw costs at most 2 to this power gradients."),
    "num_warmup": Words("Warmup", "Transitions per chain that are not kept.", 100),
    "num_samples": Words("Draws", "Kept per chain.", 100),
    "target_accept_prob": Words("Target accept", "Higher: smaller steps, more gradients.", 0.01),
} | SEED
NUTS_MORE = {
    "warmup_tree_depth": Words("Depth in warmup", "Where it differs."),
    "thinning": Words("Thinning", "Every so-many-th draw is kept."),
    "step_size": Words("Step size", "Where the adaptation starts, or the step size without it."),
    "max_divergences": Words("Most divergences", "End by itself after so many."),
    "dense_mass": Words("Dense metric", "Learn the full covariance in the warmup."),
    "adapt_step_size": Words("Adapt step size"),
    "adapt_mass_matrix": Words("Adapt metric"),
    "regularize_mass_matrix": Words("Regularize metric"),
    "find_heuristic_step_size": Words("Heuristic start", "Of the step size."),
    "forward_mode_differentiation": Words("Forward mode", "Of differentiation."),
    "chain_method": Words("Chain method", "The file's word; chains run in threads."),
}
