"""Every control has its value for its default, as the browser shows that where a value is lost.

A rerun that comes before the browser has what the run before sent drops that: new widgets then
arrive without the values that were put into the session for them.
"""

import pytest
from streamlit.testing.v1 import AppTest

from tests.test_app import healthy

#: Links that set what is not usual, by page.
LINKS = {
    "funnel": {
        "d": "simulated", "n": "12x3", "s": "0.3", "m": "1.5", "t": "2.5", "ds": "7", "w": "60",
        "k": "70", "c": "3", "td": "7", "a": "0.9", "dm": "1", "rs": "4", "pm": "Cauchy_1_2",
        "p": "mixed.h1~partial.0.35",
    },
    "regression": {"n": "6x9", "w": "60", "k": "70", "c": "3", "p": "centered~noncentered"},
    "missing_predictors": {"n": "9x8", "w": "60", "k": "70", "c": "3", "sn": "1.5", "ds": "3"},
    "population": {"g": "1"},
}  # fmt: skip


def held_and_default(at: AppTest) -> dict[str, tuple]:
    """What each control of the draft holds, and what the browser shows where that is lost."""
    found = {}
    for kind in ("number_input", "toggle", "text_input"):
        for widget in at.get(kind):
            if widget.value is not None:  # an empty field has no default
                found[widget.key] = widget.value, widget.proto.default
    for slider in (*at.get("slider"), *at.get("select_slider")):
        (default,) = slider.proto.default
        found[slider.key] = slider.value, default
        if slider.proto.options:
            found[slider.key] = str(slider.value), slider.proto.options[int(default)]
    for one in at.get("selectbox"):
        found[one.key] = one.index, one.proto.default
    for several in (*at.get("button_group"), *at.get("multiselect")):
        found[several.key] = several.indices, several.proto.default
    return {key: pair for key, pair in found.items() if str(key).startswith("w.")}


@pytest.mark.parametrize("page", LINKS)
def test_what_a_control_holds_is_its_default(page):
    at = AppTest.from_file("../app.py", default_timeout=270).switch_page(f"pages/{page}.py")
    for name, value in LINKS[page].items():
        at.query_params[name] = value
    at.session_state["live"] = False  # nothing is sampled
    found = held_and_default(healthy(at.run()))
    assert len(found) > 12
    assert {key: pair for key, pair in found.items() if pair[0] != pair[1]} == {}
