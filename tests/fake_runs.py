"""Draws without a sampler: exact independent draws from normal means, in the shape of real runs.

The model is y_k ~ Normal(theta_k, standard_error_k), theta_k ~ Normal(mu, tau), mu ~ Normal(0, 20),
tau ~ HalfNormal(10). Its posterior is drawn exactly: log tau from a fine grid, then mu given tau,
then theta given both. `fake_exact` holds the densities of the same posterior.
"""

import numpy as np
import xarray as xr

MU_SD, TAU_SCALE = 20.0, 10.0


def fake_data(groups: int, sigma: float, seed: int, mu: float = 4.5, tau: float = 3.5):
    """Return n, mean, standard_error, theta, rows and their index for K groups."""
    rng = np.random.default_rng(seed)
    n = np.resize([10, 5, 100, 10, 1, 5, 40, 10, 5], groups)
    theta = rng.normal(mu, tau, groups)
    index = np.repeat(np.arange(groups), n)
    values = rng.normal(theta[index], sigma)
    mean = np.bincount(index, values, groups) / n
    return n.astype(float), mean, sigma / np.sqrt(n), theta, values, index


def _given_tau(tau, mean, standard_error):
    """Return log p(tau | y) up to a constant, and mean and sd of mu given tau; shape of tau."""
    v = standard_error**2 + np.asarray(tau)[..., None] ** 2
    precision = MU_SD**-2 + (1 / v).sum(-1)
    center = (mean / v).sum(-1) / precision
    log_p = -0.5 * (
        np.log(v).sum(-1)
        + np.log(precision)
        + (mean**2 / v).sum(-1)
        - precision * center**2
        + (tau / TAU_SCALE) ** 2
    )
    return log_p, center, precision**-0.5


def _log_tau_density(log_tau, mean, standard_error):
    log_p = _given_tau(np.exp(log_tau), mean, standard_error)[0] + log_tau
    p = np.exp(log_p - log_p.max())
    return p / np.trapezoid(p, log_tau)


def _sample_stats(rng, shape, lp, diverging, dimensions):
    depth = rng.integers(2, 6, shape)
    return {
        "diverging": diverging,
        "energy": -lp + 0.5 * rng.chisquare(dimensions, shape),
        "lp": lp,
        "step_size": np.broadcast_to(rng.uniform(0.1, 0.6, (shape[0], 1)), shape).copy(),
        "n_steps": 2**depth - 1,
        "tree_depth": depth,
        "acceptance_rate": rng.beta(8, 2, shape),
        "reached_max_treedepth": np.zeros(shape, bool),
    }


def fake_run(
    groups: int = 9,
    *,
    chains: int = 4,
    draws: int = 1000,
    warmup: int = 200,
    centeredness: float | np.ndarray = 1.0,
    sigma: float = 10.0,
    divergences: int = 40,
    seed: int = 0,
    data_seed: int = 7,
    known_sigma: bool = True,
    rows: bool = True,
    truth: bool = True,
) -> xr.DataTree:
    """Make one run's DataTree; runs with the same `data_seed`, `groups`, `sigma` share their data.

    Parameters
    ----------
    divergences : how many draws diverge, the ones lowest in log tau (with some noise).
    known_sigma : whether sigma is left out of the posterior.
    rows, truth : whether the rows and the generating values are part of the tree.
    """
    rng = np.random.default_rng(seed)
    n, mean, se, theta_true, values, index = fake_data(groups, sigma, data_seed)
    c = np.broadcast_to(np.asarray(centeredness, float), groups).copy()
    names = [f"group {k + 1}" for k in range(groups)]
    shape = (chains, draws)
    log_tau_grid = np.linspace(-5, 4, 4001)
    density = _log_tau_density(log_tau_grid, mean, se)
    cdf = np.cumsum(density) / density.sum()
    log_tau = np.interp(rng.random(shape), cdf, log_tau_grid)
    tau = np.exp(log_tau)
    _, center, sd = _given_tau(tau, mean, se)
    mu = rng.normal(center, sd)
    t, m = tau[..., None], mu[..., None]
    shrink = se**2 / (se**2 + t**2)
    theta = rng.normal((1 - shrink) * mean + shrink * m, np.sqrt(1 - shrink) * se)
    lp = (
        -0.5 * (((theta - m) / t) ** 2 + ((mean - theta) / se) ** 2).sum(-1)
        - groups * log_tau
        - 0.5 * (mu / MU_SD) ** 2
        - 0.5 * (tau / TAU_SCALE) ** 2
        + log_tau
    )
    diverging = np.zeros(chains * draws, bool)
    diverging[np.argsort((log_tau + rng.normal(0, 0.4, shape)).ravel())[:divergences]] = True
    warm = (chains, warmup)
    cd, cdg = ["chain", "draw"], ["chain", "draw", "group"]
    posterior = {"mu": (cd, mu), "tau": (cd, tau), "theta": (cdg, theta)}
    if not known_sigma:
        posterior["sigma"] = (cd, sigma * np.exp(rng.normal(0, 0.1, shape)))
    stats = _sample_stats(rng, shape, lp, diverging.reshape(shape), groups + 2)
    warmup_stats = _sample_stats(
        rng, warm, rng.normal(-20, 4, warm), rng.random(warm) < 0.01, groups + 2
    )
    warmup_stats["step_size"] = warmup_stats["step_size"] * np.exp(rng.normal(0, 0.5, warm))
    observed = {
        "n": ("group", n),
        "mean": ("group", mean),
        "ss": ("group", np.bincount(index, (values - mean[index]) ** 2, groups)),
        "standard_error": ("group", se),
    }
    if rows:
        observed |= {"values": ("row", values), "index": ("row", index)}
    constant = {"centeredness": ("group", c)}
    if truth:
        constant |= {"true_mu": 4.5, "true_tau": 3.5, "true_sigma": sigma}
        constant["true_theta"] = ("group", theta_true)
    coords = {"chain": np.arange(chains), "draw": np.arange(draws), "group": names}
    of_group = {"group": names}
    sampled = (theta - m) / t ** (1 - c) + c * m
    warm_coords = {"chain": np.arange(chains), "draw": np.arange(warmup)}
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(posterior, coords),
            "unconstrained_posterior": xr.Dataset({"theta": (cdg, sampled)}, coords),
            "sample_stats": xr.Dataset({name: (cd, value) for name, value in stats.items()}),
            "warmup_sample_stats": xr.Dataset(
                {name: (cd, value) for name, value in warmup_stats.items()}, warm_coords
            ),
            "observed_data": xr.Dataset(observed, of_group),
            "constant_data": xr.Dataset(constant, of_group),
        }
    )
    tree.attrs = {
        "key": f"fake{seed}",
        "spec": "{}",
        "wall_seconds": 0.4,
        "compile_seconds": 3.0,
        "gradients": int(stats["n_steps"].sum() + warmup_stats["n_steps"].sum()),
    }
    return tree


def fake_exact(run: xr.DataTree, *, coordinates: str = "theta") -> xr.Dataset:
    """Exact posterior densities of `fake_run`, on the grids that figures expect.

    `coordinates` is "theta" or "sampled" (the coordinate at the run's own centeredness).
    """
    mean = run["observed_data/mean"].values
    se = run["observed_data/standard_error"].values
    c = run["constant_data/centeredness"].values if coordinates == "sampled" else np.ones(len(mean))

    wide = np.linspace(-12, 5, 2000)
    seen = wide[_log_tau_density(wide, mean, se) > 2e-4]
    log_tau = np.linspace(seen[0], seen[-1], 400)
    tau = np.linspace(np.exp(seen[0]), np.exp(seen[-1]), 400)
    coarse = np.linspace(seen[0], seen[-1], 80)
    p_log_tau = _log_tau_density(log_tau, mean, se)
    p_tau = np.interp(np.log(tau), log_tau, p_log_tau) / tau
    p_coarse = _log_tau_density(coarse, mean, se)

    _, center, sd = _given_tau(np.exp(coarse), mean, se)
    spread = np.sqrt(np.average(sd**2, weights=p_coarse))
    middle = np.average(center, weights=p_coarse)
    mu = np.linspace(middle - 6 * spread, middle + 6 * spread, 400)
    mu_coarse = np.linspace(mu[0], mu[-1], 80)

    def normal(x, loc, scale):
        return np.exp(-0.5 * ((x - loc) / scale) ** 2) / (scale * np.sqrt(2 * np.pi))

    joint = p_coarse[:, None] * normal(mu_coarse, center[:, None], sd[:, None])
    p_mu = np.trapezoid(
        p_coarse[:, None] * normal(mu, center[:, None], sd[:, None]), coarse, axis=0
    )

    t = np.exp(coarse)[:, None]
    shrink = se**2 / (se**2 + t**2)
    s = t ** (1 - c)
    loc = (1 - shrink) * (mean - center[:, None]) / s + c * center[:, None]
    var = (1 - shrink) * (se / s) ** 2 + ((c - (1 - shrink) / s) * sd[:, None]) ** 2
    weight = p_coarse / p_coarse.sum()
    theta_mean = weight @ loc
    theta_sd = np.sqrt(weight @ (var + (loc - theta_mean) ** 2))
    cells = theta_mean[:, None] + theta_sd[:, None] * np.linspace(-4.5, 4.5, 80)
    density = np.stack(
        [
            p_coarse[:, None] * normal(cells[k], loc[:, k, None], np.sqrt(var[:, k, None]))
            for k in range(len(mean))
        ]
    )

    def moments(grid, p):
        first = np.trapezoid(p * grid, grid)
        return first, np.sqrt(np.trapezoid(p * (grid - first) ** 2, grid))

    attrs = {}
    for name, grid, p in (("mu", mu, p_mu), ("tau", tau, p_tau), ("log_tau", log_tau, p_log_tau)):
        attrs[f"{name}_mean"], attrs[f"{name}_sd"] = map(float, moments(grid, p))
    return xr.Dataset(
        {
            "mu_density": ("mu_grid", p_mu),
            "tau_density": ("tau_grid", p_tau),
            "log_tau_density": ("log_tau_grid", p_log_tau),
            "mu_log_tau_density": (("log_tau_coarse", "mu_coarse"), joint),
            "theta_density": (("group", "log_tau_coarse", "cell"), density),
            "theta_mean": ("group", theta_mean),
            "theta_sd": ("group", theta_sd),
        },
        coords={
            "mu_grid": mu,
            "tau_grid": tau,
            "log_tau_grid": log_tau,
            "mu_coarse": mu_coarse,
            "log_tau_coarse": coarse,
            "theta_grid": (("group", "cell"), cells),
            "group": run["posterior"].coords["group"].values
            if "group" in run["posterior"].coords
            else np.arange(len(mean)).astype(str),
        },
        attrs=attrs,
    )
