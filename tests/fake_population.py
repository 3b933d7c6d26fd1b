"""Population runs without a sampler: draws near a known truth, in the shape of real runs.

Posteriors are autocorrelated Gaussians around the generating values with the widths of a catalogue
of forty events; events are drawn from a power law, detected by a volume that grows with mass, and
blurred by correlated errors. Spectra are exact for the draws; the sensitivity is rough.
"""

import json
from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy import exp, log
from scipy.signal import lfilter

from hbdash.population.parameters import Components, label

#: Generating value and posterior standard deviation of a parameter, without its number.
TRUTH = {
    "log_rate": (4.6, 0.16),
    "alpha_pl": (1.2, 0.45),
    "beta_pl": (0.3, 0.4),
    "mmin_pl": (8.0, 0.9),
    "mmax_pl": (55.0, 2.2),
    "m1_loc_g": (34.0, 1.1),
    "m1_scale_g": (4.0, 0.8),
    "m1_low_g": (8.0, 0.5),
    "m1_high_g": (70.0, 2.0),
    "m2_loc_g": (31.0, 1.4),
    "m2_scale_g": (4.5, 0.9),
    "m2_low_g": (6.0, 0.5),
    "m2_high_g": (65.0, 2.0),
}
SIZES = {"nuts": (4, 500), "aies": (60, 400), "flowmc": (20, 300)}
#: Autocorrelation of neighbouring draws: an ensemble's walkers move slowly.
AR = {"nuts": 0.3, "aies": 0.5, "flowmc": 0.3}
M1, Q = np.linspace(5, 90, 120), np.linspace(0.1, 1, 60)


def stem(name: str) -> str:
    return name.rpartition("_")[0]


def log_density(params: dict[str, float | np.ndarray], m1, q):
    """Density of (m1, q) of the first power law, normalised in both; draws on the last axis."""
    alpha, beta, low, high = (params[f"{p}_pl_0"] for p in ("alpha", "beta", "mmin", "mmax"))
    below = np.maximum(low / m1, 1e-9)
    with np.errstate(all="ignore"):
        norm_m = (high ** (1 - alpha) - low ** (1 - alpha)) / (1 - alpha)
        norm_q = (1 - below ** (beta + 1)) / (beta + 1)
        value = -alpha * log(m1) - log(norm_m) + beta * log(q) - log(norm_q)
    return np.where((m1 > low) & (m1 < high) & (q > below), value, -np.inf)


def fake_spectrum(draws: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rate density of m1 (sample, m1) and of q (sample, q), by the first power law."""
    columns = {name: values[:, None, None] for name, values in draws.items()}
    both = exp(log_density(columns, M1[:, None], Q)) * exp(columns["log_rate_0"])
    return np.trapezoid(both, Q, axis=2), np.trapezoid(both, M1, axis=1)


def fake_events(events: int, rows: int | Sequence[int], seed: int):
    """Draw detected events and blur them: true (events, 2), then m1, m2 and event of each row."""
    rng = np.random.default_rng(seed)
    truth = {f"{key}_0": value for key, (value, _) in TRUTH.items()}
    m1, q = np.meshgrid(np.linspace(8, 60, 150), np.linspace(0.12, 1, 90), indexing="ij")
    weight = exp(log_density(truth, m1, q)) * (m1**2.2 * q)
    at = rng.choice(weight.size, events, p=weight.ravel() / weight.sum())
    true = np.stack([m1.ravel()[at], (m1 * q).ravel()[at]], 1)
    number = np.resize(rows, events)
    index = np.repeat(np.arange(events), number)
    error = rng.uniform(0.06, 0.16, events)
    shift = rng.normal(0, 0.7 * error)
    total = true.sum(1)[index] * exp(0.5 * (shift + rng.normal(0, 0.5, events) * error)[index])
    total *= exp(0.4 * error[index] * rng.normal(size=len(index)))
    ratio = (true[:, 1] / true[:, 0])[index] * exp(
        (shift + 1.3 * rng.normal(0, error))[index]
        + 1.8 * error[index] * rng.normal(size=len(index))
    )
    ratio = np.where(ratio > 1, 1 / ratio, ratio)
    return true, total / (1 + ratio), total * ratio / (1 + ratio), index


def fake_population(
    sampler: str = "nuts",
    *,
    n_pl: int = 1,
    n_g: int = 0,
    chains: int | None = None,
    draws: int | None = None,
    ensembles: int = 2,
    events: int = 40,
    rows: int | Sequence[int] = (200, 120, 200, 40),
    truth: bool = True,
    apart: float = 0.0,
    absent: Sequence[str] = (),
    seed: int = 0,
    data_seed: int = 7,
) -> xr.DataTree:
    """Make one run's DataTree; runs of the same data arguments share their data.

    Parameters
    ----------
    sampler : "nuts", "aies" or "flowmc".
    ensembles : into how many the walkers of AIES fall.
    truth : whether the generating values are part of the tree.
    apart : how many posterior standard deviations the chains (of AIES: the ensembles) lie apart;
        trees of NUTS reach their maximum depth then.
    absent : groups that are left out.
    """
    rng = np.random.default_rng(seed)
    length = SIZES[sampler][1] if draws is None else draws
    shape = (SIZES[sampler][0] if chains is None else chains, length)
    names = [n for n in Components(n_pl, n_g).names if "_low_" not in n and "_high_" not in n]
    ensemble = np.arange(shape[0]) * ensembles // max(shape[0], 1)
    values = _draw(rng, names, shape, sampler, apart, ensemble)
    cd = ["chain", "draw"]
    coords: dict = {"chain": np.arange(shape[0]), "draw": np.arange(length)}
    if sampler == "aies":
        coords["ensemble"] = ("chain", ensemble)
    true, m1, m2, index = fake_events(events, rows, data_seed)
    of_event = {"event": [f"event_{n}" for n in range(events)]}
    flat = {name: value.reshape(-1) for name, value in values.items()}
    kept = np.linspace(0, len(flat["log_rate_0"]) - 1, min(200, flat["log_rate_0"].size)).astype(
        int
    )
    few = {name: value[kept] for name, value in flat.items()}
    known = {name: TRUTH[stem(name)][0] for name in names}
    constant = {}
    if truth:
        constant |= {f"true_{name}": value for name, value in known.items()}
        constant |= {"true_m1": ("event", true[:, 0]), "true_m2": ("event", true[:, 1])}
    tree = {
        "posterior": xr.Dataset({n: (cd, v) for n, v in values.items()}, coords),
        "sample_stats": xr.Dataset(_stats(rng, sampler, shape, ensemble, 7 if apart else 10)),
        "generated_quantities": xr.Dataset(
            {
                "expected_number": (cd, rng.gamma(events, 1, shape)),
                "expected_number_sd": (cd, rng.uniform(0.2, 0.4, shape)),
                "log_likelihood": (cd, rng.normal(-80, 2, shape)),
                "variance": (cd, rng.gamma(8, 0.05, shape)),
            }
        ),
        "event_diagnostics": _event_diagnostics(rng, len(kept), index, of_event),
        "observed_data": _observed(m1, m2, index, of_event),
        "constant_data": xr.Dataset(constant, of_event),
    }
    if sampler != "flowmc":
        tree["warmup_sample_stats"] = xr.Dataset(
            {"lp": (cd, rng.normal(-90, 4, (shape[0], max(length // 4, 1))))}
        )
    else:
        tree |= _training(rng, shape[0], names)
    if n_pl and events and len(kept):
        tree["spectrum"] = _spectrum(few, known, events, truth)
        tree["reweighted"] = _reweighted(rng, few, m1, m2, index, of_event)
    dt = xr.DataTree.from_dict({k: v for k, v in tree.items() if k not in absent})
    dt.attrs = {
        "spec": "{}", "key": f"fake{seed}", "model": "population", "sampler": sampler,
        "n_pl": n_pl, "n_g": n_g, "wall_seconds": 20.0, "compile_seconds": 3.0,
        "gradients": 0 if sampler == "aies" else 63 * shape[0] * length,
        "evaluations": 64 * shape[0] * length, "levels": "{}", "scales": "[]", "rows": len(m1),
        "parameters": json.dumps(names), "labels": json.dumps({n: label(n) for n in names}),
        "source": "simulated",
    }  # fmt: skip
    return dt


def _draw(rng, names, shape, sampler, apart, ensemble) -> dict[str, np.ndarray]:
    """Autocorrelated draws; slopes and rate are correlated as in a real posterior."""
    rho = AR[sampler]
    noise = rng.normal(size=(len(names), *shape))
    start = rng.normal(size=(len(names), shape[0], 1))
    standard = lfilter([(1 - rho**2) ** 0.5], [1, -rho], noise, zi=rho * start)[0]
    place = ensemble if sampler == "aies" else np.arange(shape[0])
    shift = apart * (place - place.mean()) if shape[0] else place
    found = {}
    for k, name in enumerate(names):
        z = standard[k]
        if k:
            z = 0.8 * z + 0.6 * (-1) ** k * standard[k - 1]
        mean, sd = TRUTH[stem(name)]
        found[name] = mean + sd * (z + 0.4 * np.sin(k) + shift[:, None])
    return found


def _stats(rng, sampler: str, shape, ensemble, deepest: int) -> dict:
    cd = ("chain", "draw")
    stats = {"lp": rng.normal(-85, 2, shape)}
    if sampler == "nuts":
        depth = rng.integers(3, 8, shape)
        stats |= {
            "energy": -stats["lp"] + rng.normal(0, 1, shape), "diverging": np.zeros(shape, bool),
            "acceptance_rate": rng.beta(8, 2, shape), "n_steps": 2**depth - 1,
            "step_size": np.full(shape, 0.1), "tree_depth": depth,
            "reached_max_treedepth": depth >= deepest,
        }  # fmt: skip
    elif sampler == "aies":
        share = np.clip(rng.normal(0.35, 0.06, (10, shape[1])), 0, 1)
        stats["acceptance_rate"] = share[ensemble]
    else:
        local = np.arange(shape[1]) // 50 % 2 == 0
        hit = rng.random(shape)
        stats["local_acceptance"] = np.where(local, (hit < 0.7) * 1.0, np.nan)
        stats["global_acceptance"] = np.where(~local, (hit < 0.4) * 1.0, np.nan)
    return {name: (cd, value) for name, value in stats.items()}


def _training(rng, chains: int, names) -> dict[str, xr.Dataset]:
    cd, columns = ("chain", "draw"), 400
    local = np.arange(columns) // 50 % 2 == 0
    grown = 0.45 * (1 - exp(-np.arange(columns) / 120))
    hit = rng.random((chains, columns))
    training = {
        "lp": (cd, rng.normal(-88, 3, (chains, columns))),
        "local_acceptance": (cd, np.where(local, (hit < 0.7) * 1.0, np.nan)),
        "global_acceptance": (cd, np.where(~local, (hit < grown) * 1.0, np.nan)),
        "loss": ("epoch", 4 + 5 * exp(-np.arange(40) / 8) + rng.normal(0, 0.05, 40)),
    }
    flow = {n: ("sample", rng.normal(*TRUTH[stem(n)], 500)) for n in names}
    return {"training": xr.Dataset(training), "flow": xr.Dataset(flow)}


def _event_diagnostics(rng, kept: int, index: np.ndarray, of_event) -> xr.Dataset:
    rows = np.bincount(index, minlength=len(of_event["event"]))
    share = rng.beta(4, 3, len(rows))
    n_eff = np.maximum(rows * share * exp(rng.normal(0, 0.15, (kept, len(rows)))), 12.0)
    evidence = rng.normal(-4, 1, len(rows)) + rng.normal(0, 0.3, (kept, len(rows)))
    return xr.Dataset(
        {
            "n_eff": (("sample", "event"), n_eff),
            "log_evidence": (("sample", "event"), evidence),
            "n_eff_at_mean": ("event", rows * share),
        },
        of_event,
    )


def _observed(m1, m2, index, of_event) -> xr.Dataset:
    events, levels = len(of_event["event"]), [0.05, 0.5, 0.95]
    of = [np.flatnonzero(index == n) for n in range(events)]
    numbers = {"rows": ("event", np.array([len(at) for at in of]))}
    for name, mass in (("m1", m1), ("m2", m2)):
        numbers[f"{name}_mean"] = ("event", np.array([mass[at].mean() for at in of]))
        found = np.array([np.quantile(mass[at], levels) for at in of]).reshape(events, 3)
        numbers[f"{name}_q"] = (("event", "quantile"), found)
    numbers |= {"m1": ("row", m1), "m2": ("row", m2), "event_index": ("row", index)}
    return xr.Dataset(numbers, of_event | {"quantile": levels})


def _spectrum(few, known, events: int, truth: bool) -> xr.Dataset:
    rate_m1, rate_q = fake_spectrum(few)
    volume = M1**2.2
    seen = rate_m1 * volume
    seen *= events / np.maximum(np.trapezoid(seen, M1, axis=1), 1e-12)[:, None]
    numbers = {
        "rate_m1": (("sample", "m1"), rate_m1),
        "rate_q": (("sample", "q"), rate_q),
        "detected_m1": (("sample", "m1"), seen),
    }
    if truth:
        exact = fake_spectrum({name: np.array([value]) for name, value in known.items()})
        numbers |= {"true_rate_m1": ("m1", exact[0][0]), "true_rate_q": ("q", exact[1][0])}
    return xr.Dataset(numbers, {"m1": M1, "q": Q})


def _reweighted(rng, few, m1, m2, index, of_event) -> xr.Dataset:
    mean = {name: value.mean() for name, value in few.items()}
    weight = exp(log_density(mean, m1, np.minimum(m2 / m1, 1))) / m1
    found, n_eff = [], []
    for n in range(len(of_event["event"])):
        at = np.flatnonzero(index == n)
        w = weight[at] + 1e-300
        w /= w.sum()
        n_eff.append(1 / (w**2).sum())
        found.append(at[rng.choice(len(at), 40, p=w)])
    at = np.array(found).reshape(len(found), 40)
    return xr.Dataset(
        {
            "m1": (("event", "resample"), m1[at]),
            "m2": (("event", "resample"), m2[at]),
            "weights_n_eff": ("event", np.array(n_eff)),
        },
        of_event,
    )
