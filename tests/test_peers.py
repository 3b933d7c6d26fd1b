"""The comparison with other libraries, as far as it needs none of them."""

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import measure, report
from benchmarks.peers.__main__ import turns
from benchmarks.peers.measure import AGAIN, COLD, DATA, PARAMETERIZATION, REPLACED, Record, judge
from benchmarks.peers.problems import COORDINATES, problems
from benchmarks.peers.protocol import ARMS, Arm, NoAnswer

PROGRAMS = Path(measure.__file__).parent / "stan"
SHORT = {"num_warmup": 300, "num_samples": 300}
SCHOOLS = problems()["eight schools"]


def test_arms_answer_the_protocol(tmp_path):
    question = SCHOOLS.question("noncentered", 1, **SHORT)
    arms = []
    for name in ("hbdash", "numpyro"):
        (tmp_path / name).mkdir()
        arms.append(Arm(name, tmp_path / name))  # both compile at once
    for arm in arms:
        answer = arm.ask(question, 200, arm.began)
        arm.close()
        assert {k: np.shape(v) for k, v in answer["draws"].items()} == {
            "mu": (4, 300), "log_tau": (4, 300),
        }  # fmt: skip
        assert answer["gradients"] > 1200
        ess, error = judge(answer["draws"], SCHOOLS.exact())
        assert ess > 100
        assert error < 5


def test_an_arm_that_takes_too_long_is_ended(tmp_path):
    arm = Arm("numpyro", tmp_path)
    with pytest.raises(NoAnswer, match="> 0.01 s"):
        arm.ask(SCHOOLS.question("centered", 1), 0.01)
    arm.close()
    with pytest.raises(ProcessLookupError):
        os.killpg(arm.pid, 0)


def test_an_arm_that_ends_says_so(tmp_path, capsys):
    arm = Arm("nobody", tmp_path)
    with pytest.raises(NoAnswer, match="failed"):
        arm.ask(SCHOOLS.question("centered", 1), 60)
    arm.close()
    assert "No module named" in capsys.readouterr().err


class Scripted:
    """An arm that answers at once, except in its given processes and questions."""

    fails: set[tuple[int, int]] = set()
    started = 0

    def __init__(self, name, caches):
        type(self).started += 1
        self.began, self.number, self.asked = 0.0, self.started, 0

    def ask(self, question, timeout, since=None):
        self.asked += 1
        if (self.number, self.asked) in self.fails:
            raise NoAnswer("> 5 s")
        rng = np.random.default_rng(question["seed"])
        draws = {name: rng.normal(size=(4, 100)) for name in COORDINATES[question["kind"]]}
        return {"seconds": 2.0, "spared": 40.0, "gradients": 800, "draws": draws}

    def close(self):
        pass


@pytest.mark.parametrize(
    ("fails", "whats"),
    [
        (set(), [COLD, AGAIN, DATA, PARAMETERIZATION, DATA]),
        ({(1, 1), (2, 1)}, [COLD, AGAIN, REPLACED, DATA]),
        ({(2, 2)}, [COLD, AGAIN, DATA, REPLACED, DATA]),
    ],
)
def test_a_session_goes_on_after_a_failure(monkeypatch, tmp_path, fails, whats):
    arm = type("Fresh", (Scripted,), {"fails": fails})
    monkeypatch.setattr(measure, "Arm", arm)
    found = list(measure.session(SCHOOLS, "stan", 0, 5, tmp_path))
    assert [record.what for record in found] == whats
    assert Counter(record.none for record in found)["> 5 s"] == len(fails)
    # What another process had compiled counts where it would have to be compiled.
    for record in found:
        if not record.none:
            assert record.seconds == (42.0 if record.what in (COLD, PARAMETERIZATION) else 2.0)


def test_draws_are_judged_against_the_exact_means():
    rng = np.random.default_rng(0)
    draws = {"mu": rng.normal(1.0, 1.0, (4, 1000)), "log_tau": rng.normal(0.0, 1.0, (4, 1000))}
    ess, error = judge(draws, {"mu": 1.0, "log_tau": 0.0})
    assert 3000 < ess < 5000
    assert error < 4
    # An sd of 1 over the root of 4,000 draws: 0.0158.
    assert judge(draws, {"mu": 1.0, "log_tau": 1.0})[1] == pytest.approx(63, rel=0.1)


@pytest.mark.parametrize("name", problems())
def test_problems_are_complete(name):
    problem = problems()[name]
    changed = problem.changed(1)
    for data in (problem, changed):
        assert set(data.exact()) == set(COORDINATES[data.kind])
        for parameterization, centered in data.centered.items():
            asked = json.loads(json.dumps(data.question(parameterization, 1)))
            assert len(asked["group"]) == len(asked["y"])
            assert len(centered) == asked["groups"]
            assert (PROGRAMS / f"{data.kind}_{parameterization}.stan").exists()
    shapes = [{k: np.shape(v) for k, v in data.columns.items()} for data in (problem, changed)]
    assert shapes[0] == shapes[1]
    assert problem.columns["y"] != changed.columns["y"]
    assert problem.exact() != changed.exact()


def test_radon_needs_its_columns(tmp_path):
    path = tmp_path / "radon.csv"
    path.write_text("county,floor,log_radon\nA,0,1.5\nA,1,1.2\nB,0,0.5\nB,1,0.1\n")
    assert problems(path)["radon"].columns["group"] == [0, 0, 1, 1]
    path.write_text("county,log_radon\nA,1.5\n")
    with pytest.raises(ValueError, match="lacks floor"):
        problems(path)


def test_every_arm_is_asked_and_none_is_always_first():
    asked = list(turns(2, ["a", "b"], ARMS))
    assert len(asked) == len(set(asked)) == 2 * 2 * len(ARMS)
    assert {arm for _, _, arm in asked[:: len(ARMS)]} == {"hbdash", "numpyro", "nutpie"}


def record(arm, what, seconds, ess=100.0, gradients=1000, **about):
    about = {"problem": "weak", "parameterization": "centered"} | about
    return Record(0, arm=arm, what=what, seconds=seconds, ess=ess, gradients=gradients, **about)


RECORDS = [
    record("nutpie", DATA, 1.0, ess=200.0),
    record("hbdash", DATA, 0.25),
    record("hbdash", DATA, 0.75),
    record("hbdash", COLD, 4.0),
    record("nutpie", COLD, 2.0),
    record("stan", COLD, None, none="> 300 s"),
]


def test_cells_say_what_was_and_what_was_not_measured():
    assert report.cell(RECORDS[1:3]) == "0.5 (0.25 to 0.75)"
    assert report.cell(RECORDS[3:4]) == "4"
    assert report.cell(RECORDS[-1:]) == "> 300 s"
    assert report.cell(RECORDS[-2:]) == "2, 1 x > 300 s"
    assert report.cell([]) == "-"


def test_ratios_are_above_one_where_hbdash_is_better():
    def ratio(measure):
        return report.ratios(RECORDS, "nutpie", measure).get("weak, centered")

    assert ratio(DATA) == pytest.approx(1.0 / 0.5)
    assert ratio(COLD) == pytest.approx(2.0 / 4.0)
    # 100 / 0.25 and 100 / 0.75 a second against 200 / 1.
    assert ratio("ESS / s") == pytest.approx(np.median([400, 400 / 3]) / 200)
    assert ratio(AGAIN) is None
    assert report.ratios(RECORDS, "stan", COLD) == {}


def test_the_report_names_where_hbdash_is_behind(capsys):
    report.report(RECORDS)
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("Where hbdash is behind")
    assert [line.split() for line in lines[start + 3 :]] == [
        ["weak,", "centered", "nutpie", "nothing", "compiled", "0.50"],
        ["weak,", "centered", "nutpie", "ESS", "/", "1,000", "gradients", "0.67"],
    ]
    assert any("> 300 s" in line and "stan" in line for line in lines)
