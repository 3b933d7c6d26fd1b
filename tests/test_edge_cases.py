"""Questions at the edge of what is allowed, and nonsense: an answer or a sentence, never more."""

import json
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from hbdash import diagnostics, store
from hbdash.__main__ import main
from hbdash.cli.status import NOT_UNDERSTOOD
from hbdash.models import MODELS
from hbdash.question import prepare
from hbdash.run import run
from hbdash.samplers import nuts
from hbdash.spec import RunSpec, explain
from tests.questions import ask, same

SHORT = {"num_warmup": 50, "num_samples": 20, "num_chains": 2}
ROWS: dict[str, Any] = {
    "source": "regression_rows",
    "group": list("aabb") * 3,
    "response": [1, 2, 3, 5] * 3,
    "predictors": {"u": [1, 2, 3, 4] * 3, "v": [4, 1, 2, 7] * 3},
    "mask": [[True, False], [True, True]],
}


def missing(data: dict[str, Any] = ROWS, **sampler: Any) -> RunSpec:
    return RunSpec.model_validate(
        {"model": "missing_predictors", "data": data, "sampler": SHORT | sampler}
    )


def test_the_order_of_predictors_is_part_of_the_question():
    """The columns of a mask go by it: in another order the same mask says something else."""
    turned = dict(reversed(ROWS["predictors"].items()))
    one, other = missing(), missing(ROWS | {"predictors": turned})
    assert one.key != other.key
    assert RunSpec.model_validate_json(one.model_dump_json()).key == one.key


def test_unpooled_weights_go_on_where_they_ended():
    """Nothing there is centered: the group of the other coordinates is empty."""
    longer = missing(num_samples=45)
    start = run(missing())
    store.save(start)
    store.forget()
    stored = store.load(start.attrs["key"])
    assert stored is not None
    once = run(longer)
    same(once, run(longer, earlier=start), ignoring=("observed_data", "constant_data"))
    draws = run(longer, earlier=stored)["posterior"]
    for name, values in once["posterior"].to_dataset().data_vars.items():
        np.testing.assert_array_equal(values, draws[str(name)])


@pytest.mark.parametrize("model", MODELS)
def test_a_single_draw_has_no_sd(model):
    spec = RunSpec.model_validate(
        {"model": model, "sampler": {"num_warmup": 20, "num_samples": 1, "num_chains": 1}}
    )
    dt = run(spec)
    for about in diagnostics.moments(dt).values():
        assert np.isnan(about["sd"]).all() and np.isfinite(about["mean"]).all()
    assert np.isnan(diagnostics.score("one", dt).ess_bulk)


def test_short_chunks_keep_no_long_buffers(monkeypatch):
    """A slow model goes draw by draw: each must not hold the memory of a whole chunk."""
    monkeypatch.setattr(nuts, "CHUNK_SECONDS", 1e-9)
    kept: list[np.ndarray] = []

    def look(progress):
        kept.extend(rows["lp"] for chain in progress.chains.each for rows in chain.draws)
        return True

    run(ask(num_samples=20), look)
    assert kept and all(rows.base is None for rows in kept if len(rows) == 1)


def test_numbers_of_blank_cells_share_a_program():
    data = {"source": "manufacturing", "missing": "latent", "blanks": 0.05}
    shapes = {prepare(missing(data | {"seed": seed})).shape for seed in range(12)}
    assert len(shapes) <= 3


def refused(content: Any) -> str:
    with pytest.raises(ValidationError) as error:
        RunSpec.model_validate(content)
    return explain(error.value)


@pytest.mark.parametrize("model", [[], {}, [[]], None, 3, "nothing"])
def test_a_model_that_is_no_name_is_refused(model):
    assert refused({"model": model}).startswith("model: ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"predictors": {" u": [1] * 12, "u": [2] * 12}}, "names of their own"),
        ({"predictors": {"group": [1, 2] * 6}}, "names of their own"),
        ({"predictors": {"y": [1, 2] * 6}}, "names of their own"),
        ({"predictors": {"  ": [1, 2] * 6}}, "got a blank one"),
        ({"group": ["a"] * 11 + ["b\0"]}, "must be plain text"),
        ({"group": ["a"] * 11 + ["\t"]}, "got a blank one"),
    ],
)
def test_names_that_nothing_could_be_found_by_are_refused(change, said):
    assert said in refused({"model": "missing_predictors", "data": ROWS | change})


def test_a_predictor_called_as_the_group_is_refused():
    named = [{"name": "product_group", "low": 0, "high": 1}] * 3
    data = {"source": "manufacturing", "predictors": named}
    assert "names of their own" in refused({"model": "missing_predictors", "data": data})


def test_labels_are_brought_into_one_line():
    data = missing(ROWS | {"group": [" a", "a  ", "b  c", "b c"] * 3}).grouped()
    assert data.names == ("a", "b c")


def test_a_fault_in_every_cell_is_said_a_few_times():
    said = refused({"model": "missing_predictors", "data": ROWS | {"response": ["x" * 5000] * 900}})
    assert len(said) < 15_000 and said.endswith("more.")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"sampler": {"seed": 1e999}}'])
def test_the_command_line_explains_nonsense(text, tmp_path, capsys):
    path = tmp_path / "spec.json"
    path.write_text(text)
    assert main(["run", str(path)]) == NOT_UNDERSTOOD
    assert len(capsys.readouterr().err.splitlines()) == 1
    path.write_text(json.dumps({"data": {"source": "rows", "group": ["\ud800"], "value": [1]}}))
    assert main(["run", str(path)]) == NOT_UNDERSTOOD
