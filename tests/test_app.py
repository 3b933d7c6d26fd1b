"""The page without a browser: every control, every tab, every link, and what is refused."""

import json
import re
import time
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from hbdash import data as data_
from hbdash import store
from hbdash.ahead import Ahead
from hbdash.parameterization import LABELS
from hbdash.priors import LOCATION, SCALE
from hbdash.spec import RunSpec
from hbdash.ui.funnel_lab import LAB
from hbdash.ui.parameterization_controls import SINGLE

SHORT = {"w": "50", "k": "50", "c": "2"}
EVERY_TAB = tuple(LAB.tabs)


def open_app(**query: str) -> AppTest:
    """Open the page with a link."""
    at = AppTest.from_file("../app.py", default_timeout=270)
    for name, value in query.items():
        at.query_params[name] = value
    return healthy(at.run())


def healthy(at: AppTest) -> AppTest:
    assert not at.exception, at.exception[0].value
    return at


def settle(at: AppTest, seconds: float = 270) -> AppTest:
    """Poll, as the page does by itself, until nothing is running."""
    until = time.monotonic() + seconds
    while any(button.key == "stop" for button in at.button):
        assert time.monotonic() < until, "the runs did not finish"
        time.sleep(0.05)
        healthy(at.run())
    return at


def board(at: AppTest) -> dict[str, dict]:
    """Read the scoreboard, by parameterization."""
    assert at.dataframe, [said.value for said in (*at.error, *at.info, *at.warning)]
    return at.dataframe[0].value.set_index("label").to_dict("index")


def draft(at: AppTest) -> Any:
    """The `Draft` that the page holds."""
    return at.session_state[own("lab")]["draft"]


def own(name: str) -> str:
    """The key of a widget that the lab shares with no other."""
    return f"{name}.{LAB.model}"


def open_tab(at: AppTest, tab: str) -> AppTest:
    at.session_state[own("tab")] = tab
    return healthy(at.run())


def choose(at: AppTest, key: str, value) -> AppTest:
    """Move a widget, and wait for what follows."""
    kinds = ("button_group", "selectbox", "slider", "select_slider", "number_input", "toggle")
    for kind in (*kinds, "multiselect"):
        widgets: Any = at.get(kind)
        for widget in widgets:
            if widget.key == key:
                widget.set_value(value)
                return settle(healthy(at.run()))
    raise AssertionError(f"no widget {key}")


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click()
    return settle(healthy(at.run()))


def said(at: AppTest) -> str:
    """Everything the page says in boxes and toasts."""
    boxes = (*at.error, *at.warning, *at.info, *at.toast)
    return "\n".join(as_read(box.value) for box in boxes)


def as_read(text: str) -> str:
    """What a reader sees of Markdown in which the text of others is escaped."""
    return re.sub(r"\\(?=[\\`*_\[\]$<>~#:|!{}])", "", text).replace("\N{WORD JOINER}", "")


def test_a_first_visit_shows_the_weak_scene():
    at = settle(open_app())
    assert list(board(at)) == ["centered", "non-centered"]
    assert board(at)["centered"]["divergences"] > 0
    assert board(at)["non-centered"]["divergences"] <= board(at)["centered"]["divergences"]
    assert at.query_params == {"v": "1"}
    assert [tab.label for tab in at.tabs] == list(EVERY_TAB)


def test_a_stored_run_is_shown_at_once():
    first = settle(open_app(**SHORT))
    asked = {spec.key for spec in draft(first).specs().values()}
    until = time.monotonic() + 120
    while not asked <= set(store.keys()) and time.monotonic() < until:
        time.sleep(0.02)
    store.forget()
    again = open_app(**SHORT)
    assert not any(button.key == "stop" for button in again.button)
    assert board(again) == board(first)


def test_the_page_says_what_is_compiled_ahead(monkeypatch):
    asked, busy = [], [True]
    monkeypatch.setattr(Ahead, "want", lambda self, specs: asked.append(specs[0].key))
    monkeypatch.setattr(Ahead, "busy", property(lambda self: busy[0]))
    monkeypatch.setattr(Ahead, "purpose", "up to 30 groups")
    at = settle(open_app(**SHORT))
    told = "Compiling in the background: up to 30 groups. Runs go first."
    assert told in [caption.value for caption in at.caption]
    choose(at, "w.seed", 5)
    settle(at)
    assert asked == list(dict.fromkeys(asked)) and len(asked) == 2  # once for each draft
    busy[0] = False
    assert told not in [caption.value for caption in healthy(at.run()).caption]


@pytest.mark.parametrize("tab", EVERY_TAB)
def test_every_tab_opens(tab):
    at = settle(open_app(**SHORT, p="centered~noncentered~partial"))
    open_tab(at, tab)
    assert at.session_state[own("tab")] == tab
    assert at.get("plotly_chart") or tab == "Model" and at.code
    for key in ("coordinates", "contours"):
        if tab in ("Funnels", "One group"):
            choose(at, own(f"{key}_{tab}"), "sampled" if key == "coordinates" else True)


def test_every_scene_by_one_click():
    at = settle(open_app(**SHORT))
    wall = {str(board(at))}
    for name in ("strong", "unbalanced", "eight schools", "weak"):
        choose(at, "w.ready", name)
        wall.add(str(board(at)))
        assert draft(at).data.name == name.replace(" ", "_")
    assert len(wall) == 4


def test_simulating():
    at = settle(open_app(**SHORT))
    choose(at, "w.source", "simulated")
    assert draft(at).data.source == "simulated"
    choose(at, "w.groups", 4)
    choose(at, "w.rows", 3)
    choose(at, "w.sigma", 0.3)
    choose(at, "w.mu", -2.5)
    choose(at, "w.tau", 0.0)
    choose(at, "w.data_seed", 7)
    given = {"n": (3,) * 4, "sigma": 0.3, "mu": -2.5, "tau": 0.0, "seed": 7}
    assert draft(at).data.model_dump() == {"source": "simulated"} | given
    choose(at, "w.sizes", "study")
    assert draft(at).data.n == (10, 5, 1000, 10, 1, 5, 100, 10, 5)
    choose(at, "w.sizes", "table")
    assert draft(at).data.n == (10, 5, 1000, 10, 1, 5, 100, 10, 5)
    choose(at, "w.source", "ready")
    choose(at, "w.source", "simulated")
    assert draft(at).data.sigma == 0.3 and draft(at).data.n[2] == 1000
    assert board(at)


@pytest.mark.parametrize("n", ["1x1", "30x1", "1x200"])
def test_one_group_and_many(n):
    at = settle(open_app(v="1", d="simulated", n=n, w="40", k="30", c="2"))
    assert set(board(at)) == {"centered", "non-centered"}
    for tab in EVERY_TAB:
        open_tab(at, tab)


@pytest.mark.parametrize("kind", SINGLE)
def test_every_parameterization(kind):
    at = settle(open_app(**SHORT, p=kind))
    (found,) = board(at)
    assert found.startswith(LABELS[kind])
    assert [chosen.kind for chosen in draft(at).parameterizations] == [kind]


def test_parameterizations_are_set_by_hand():
    at = settle(open_app(**SHORT, d="scene", n="unbalanced"))
    choose(at, "w.kinds", ["mixed", "partial"])
    choose(at, "w.threshold", 100)
    choose(at, "w.centeredness", 0.25)
    assert list(board(at)) == ["mixed (n ≥ 100)", "partial (0.25)"]
    choose(at, "w.mixed_how", "hand")
    choose(at, "w.mixed_groups", [2, 6])
    choose(at, "w.partial_by_group", True)
    assert draft(at).parameterizations[0].groups == (2, 6)
    assert draft(at).parameterizations[1].centeredness == (0.25,) * 9
    choose(at, "w.mixed_how", "rows")
    choose(at, "w.partial_by_group", False)
    choose(at, "w.centeredness", 0.75)
    choose(at, "w.mixed_how", "hand")
    choose(at, "w.partial_by_group", True)
    assert draft(at).parameterizations[0].groups == (2, 6)
    assert draft(at).parameterizations[1].centeredness == (0.25,) * 9
    choose(at, "w.kinds", [])
    assert len(draft(at).parameterizations) == 2
    assert "Choose at least one" in " ".join(caption.value for caption in at.caption)


@pytest.mark.parametrize(("site", "families"), [("mu", LOCATION), ("tau", SCALE), ("sigma", SCALE)])
def test_every_prior(site, families):
    at = settle(open_app(**SHORT, d="simulated", n="5x4", p="noncentered"))
    if site == "sigma":
        choose(at, "w.infer_sigma", True)
    for family in families:
        choose(at, f"w.prior.{site}", family)
        assert draft(at).priors[site].dist == family
        assert board(at), said(at)
    open_tab(at, "Priors")


def test_what_was_set_comes_back():
    at = settle(open_app(**SHORT, p="noncentered"))
    choose(at, "w.prior.mu.Normal.loc", 3.0)
    choose(at, "w.prior.mu", "Cauchy")
    choose(at, "w.prior.mu", "Normal")
    assert draft(at).priors["mu"].parameters["loc"] == 3.0
    choose(at, "w.infer_sigma", True)
    choose(at, "w.prior.sigma.HalfNormal.scale", 12.0)
    choose(at, "w.infer_sigma", False)
    assert "sigma" not in draft(at).priors
    choose(at, "w.infer_sigma", True)
    assert draft(at).priors["sigma"].parameters["scale"] == 12.0
    open_tab(at, "One group")
    choose(at, own("group"), 4)
    open_tab(at, "Traces")
    open_tab(at, "One group")
    assert at.session_state[own("group")] == 4


@pytest.mark.parametrize("link", [{}, {"d": "example"}, {"d": "simulated", "n": "1x1"}])
def test_scaling_the_priors_to_the_data(link):
    at = settle(open_app(**SHORT, **link))
    press(at, "Scale the priors to the data")
    assert draft(at).priors["mu"].parameters["loc"] != 0
    assert board(at)


def test_without_live_the_results_say_what_they_belong_to():
    at = settle(open_app(**SHORT))
    before = board(at)
    choose(at, "live", False)
    choose(at, "w.ready", "strong")
    assert "These results belong to other settings" in said(at)
    assert board(at) == before
    press(at, "Run")
    assert "These results belong to other settings" not in said(at)
    assert board(at) != before


def test_going_on_extends_the_draws():
    at = settle(open_app(**SHORT, p="noncentered"))
    keys = {spec.key for spec in draft(at).specs().values()}
    press(at, "Continue: 1,000 more draws")
    assert draft(at).sampler.num_samples == 1050
    assert at.query_params["k"] == "1050"
    (spec,) = draft(at).specs().values()
    assert {spec.stem} == {key.rpartition("-")[0] for key in keys}
    dt = store.load(spec.key)
    assert dt is not None and dt["posterior"].sizes["draw"] == 1050


def test_stopping_after_divergences():
    at = settle(open_app(p="centered", md="10"))
    assert 10 <= board(at)["centered"]["divergences"] < 60


def test_json_is_applied():
    at = settle(open_app(**SHORT))
    content = json.loads(at.text_area(key="json_text").value or "")
    assert content == draft(at).model_dump(mode="json")
    content["priors"]["mu"] = {"dist": "StudentT", "df": 3, "loc": 1, "scale": 5}
    at.text_area(key="json_text").set_value(json.dumps(content))
    press(at, "Apply")
    assert str(draft(at).priors["mu"]) == "StudentT(df=3, loc=1, scale=5)"
    assert board(at)


@pytest.mark.parametrize(
    "data",
    [
        {"source": "rows", "group": ["a", "a", "b"], "value": [1, 2, 4], "sigma": 1},
        {"source": "estimates", "group": ["a", "b"], "estimate": [1, 2], "standard_error": [1, 1]},
    ],
    ids=["rows", "estimates"],
)
def test_data_in_the_json_are_kept_as_an_upload(data):
    at = settle(open_app(**SHORT))
    content = json.loads(at.text_area(key="json_text").value or "") | {"data": data}
    at.text_area(key="json_text").set_value(json.dumps(content))
    press(at, "Apply")
    assert draft(at).data.source == "uploaded"
    assert data_.load(draft(at).data).names == ("a", "b")
    assert at.query_params["d"] == "uploaded" and board(settle(at))


def test_json_follows_the_controls():
    at = settle(open_app(**SHORT))
    choose(at, "w.ready", "strong")
    assert json.loads(at.text_area(key="json_text").value or "")["data"]["name"] == "strong"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "This is not JSON"),
        ("[1, 2]", "dictionary"),
        ('{"priors": {"mu": {"dist": "Normla", "loc": 0, "scale": 1}}}', "`dist` must be one of"),
        ('{"priors": {"mu": {"dist": "Normal", "loc": 0}}}', "Normal takes loc and scale"),
        ('{"priors": {"mu": {"dist": "Normal", "loc": 0, "scale": -1}}}', "must lie in"),
        ('{"data": {"source": "simulated", "sigma": 99}}', "less than or equal to 30"),
        ('{"sampler": {"num_samples": 50000, "num_chains": 16}}', "at most 200,000"),
        ('{"colour": "red"}', "colour"),
        ("[" * 100_000, "nested too deeply"),
        ('{"data": {"source": "rows", "group": ["a"], "value": [1, 2]}}', "one entry a row"),
    ],
)
def test_wrong_json_is_refused_and_nothing_lost(text, message):
    at = settle(open_app(**SHORT))
    before = draft(at)
    at.text_area(key="json_text").set_value(text)
    press(at, "Apply")
    assert message in said(at)
    assert draft(at) == before
    assert board(at)
    assert at.text_area(key="json_text").value == text  # to be mended, not typed again


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"zzz": "1"}, "a link has no such field"),
        ({"v": "2"}, "reads links of version 1"),
        ({"d": "moon"}, "must be simulated, scene, example or uploaded"),
        ({"d": "simulated", "s": "1000"}, "less than or equal to 30"),
        ({"d": "simulated", "s": "nan"}, "finite number"),
        ({"d": "simulated", "s": "x"}, "a number must stand here"),
        ({"d": "simulated", "n": "5x500"}, "1 to 200 groups"),
        ({"k": "inf"}, "a whole number must stand here"),
        ({"c": "4", "k": "49999"}, "at most 200,000"),
        ({"pm": "Normal_0_-3"}, "must lie in"),
        ({"pm": "Normla_0_3"}, "must be one of"),
        ({"p": "centered~sideways"}, "is not one of"),
        ({"up": "abc"}, "have no `sha256`"),
        ({"x" * 50: "y" * 9000}, "longer than"),
    ],
)
def test_links_with_wrong_values(query, message):
    at = settle(open_app(**({"w": "50"} | query)))
    assert message in said(at)
    assert "Not taken from the link" in said(at)
    assert board(at)


def test_a_link_with_odd_values_is_followed():
    link = {"d": "simulated", "n": "1-2-3", "s": "0.123", "m": "0.001", "t": "7.77", "ds": "9"}
    at = settle(open_app(v="1", **link, **SHORT, a="0.8765", p="partial.0.33"))
    assert draft(at).data.sigma == 0.123
    assert draft(at).data.n == (1, 2, 3)
    assert draft(at).sampler.target_accept_prob == 0.8765
    assert list(board(at)) == ["partial (0.33)"]
    assert not at.toast
    choose(at, "w.sigma", 0.03)
    assert draft(at).data.sigma == 0.03 and draft(at).data.tau == 7.77


def test_a_link_to_a_table_that_is_not_here():
    at = settle(open_app(v="1", d="uploaded", up="ab" * 32))
    assert "abab…" in said(at) and "upload the file again" in said(at)
    choose(at, "w.source", "ready")
    assert board(at)


def test_the_back_button_is_followed_and_a_stale_address_is_not():
    at = settle(open_app(**SHORT))
    first = dict(at.query_params)
    choose(at, "w.ready", "strong")
    second = dict(at.query_params)
    at.query_params = dict(first)
    settle(healthy(at.run()))
    assert draft(at).data.name == "weak" and at.query_params == first
    choose(at, "w.ready", "strong")
    at.query_params = dict(first)  # the browser had not heard of the second link yet
    choose(at, "w.kinds", ["noncentered"])
    assert draft(at).data.name == "strong"
    assert at.query_params == second | {"p": "noncentered"}


def test_choices_of_what_is_shown_survive_other_runs():
    at = settle(open_app(**SHORT, d="simulated", n="1x12", p="centered~noncentered~partial"))
    open_tab(at, "One group")
    choose(at, own("group"), 11)
    choose(at, own("shown_One group"), ["centered", "partial (0.5)"])
    choose(at, "w.centeredness", 0.8)
    choose(at, "w.groups", 5)
    assert at.session_state[own("tab")] == "One group"
    assert board(at)


def test_stopping_before_the_first_draw_is_said():
    at = open_app(p="centered", w="10000", k="30000", d="simulated", n="1x20")
    press(at, "Stop and keep")
    assert "stopped before its first draw" in said(at)
    settle(healthy(at.run()))
    assert not at.dataframe
    at.number_input(key="w.num_warmup").set_value(50)
    choose(at, "w.num_samples", 50)
    assert board(at)


def test_a_failing_run_is_said_once_and_the_page_lives(monkeypatch):
    asked = []

    def fail(spec: RunSpec, *_):
        asked.append(spec)
        time.sleep(1)
        raise ValueError("The likelihood is not finite here.")

    monkeypatch.setattr("hbdash.jobs.run", fail)
    at = settle(open_app(**SHORT, p="centered"))
    assert "The likelihood is not finite here." in said(at)
    settle(healthy(at.run()))
    assert len(asked) == 1
    monkeypatch.undo()
    press(at, "Run")
    assert board(at)
