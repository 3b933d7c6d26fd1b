"""The report: one file that shows everything, asks no network, and takes all words as words."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pandas as pd
import plotly.graph_objects as go
import pytest
import xarray as xr

from hbdash.figures import FIGURES
from hbdash.figures.theme import backdrop
from hbdash.models import MODELS
from hbdash.population.equations import equations
from hbdash.population.parameters import Components
from hbdash.report import MAIN, equation, report
from hbdash.run import run
from hbdash.web_page import Picture, figure_page
from tests.fake_missing import fake_missing
from tests.fake_population import fake_population
from tests.fake_regression import fake_regression
from tests.questions import ask
from tests.test_take_away import SPECS, asked

EVIL = "<img src=x onerror=alert(1)>"
CLOSING = "</script><script>alert(2)</script>"
PLOT = Picture("one", "A <b>title</b>", go.Figure(go.Scatter(y=[1, 2, 3], name=EVIL)), CLOSING)


class Page(HTMLParser):
    """A page as a browser takes it apart: its tags, its scripts, and the words outside of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.words = ""
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = tag
        if tag == "script":
            self.scripts.append((dict(attrs).get("type"), ""))

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            kind, code = self.scripts[-1]
            self.scripts[-1] = kind, code + data
        elif self._in != "style":
            self.words += data

    @property
    def policy(self) -> str:
        meta = next(a for tag, a in self.tags if tag == "meta" and "http-equiv" in a)
        assert meta["http-equiv"] == "Content-Security-Policy"
        return str(meta["content"])


def self_contained(text: str) -> Page:
    """Assert that a page names no address, and that its policy lets its own two scripts run."""
    page = Page(text)
    code = [code for kind, code in page.scripts if kind is None]
    assert len(code) == 2 and "plotly.js v" in code[0][:200]
    outside = text.replace(code[0], "")
    assert len(outside) < len(text) - 4_000_000
    assert not re.search(r"https?:|//\w+\.\w|@import|url\(", outside)
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "img", "object", "base", "form", "a")
        assert not {"src", "href"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert page.policy.startswith("default-src 'none';") and "http" not in page.policy
    for one in code:
        digest = base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.policy
    scripts = page.policy.partition("script-src")[2].partition(";")[0]
    assert "unsafe-inline" not in scripts
    return page


def hostile() -> dict[str, xr.DataTree]:
    names = [EVIL, CLOSING, "c & d", "plain"]
    dt = fake_regression(4, names=names, response=EVIL, predictor=CLOSING)
    return {EVIL: asked(dt, SPECS["regression"])}


def runs_of(model: str) -> dict[str, xr.DataTree]:
    """Runs of a model, real ones of normal means."""
    if model == "normal_means":
        return {kind: run(ask("weak", kind)) for kind in ("centered", "noncentered")}
    make = {
        "regression": lambda: fake_regression(4),
        "missing_predictors": lambda: fake_missing(3, 2),
        "population": lambda: fake_population("aies"),
    }
    return {"one": asked(make[model](), SPECS[model])}


@pytest.mark.parametrize("model", MAIN)
def test_a_report_of_every_model(model):
    runs = runs_of(model)
    board = pd.DataFrame({"R-hat": ["1.003"] * len(runs)}, index=pd.Index(list(runs)))
    text = report(
        runs,
        title="T",
        verdict=("warn", r"Use **one\_\*\*** \<b\>."),
        scoreboard=board,
        query="v=1&c=2",
    )
    page = self_contained(text)
    drawn = [a["data-name"] for tag, a in page.tags if tag == "figure"]
    assert drawn == list(MAIN[model])
    assert sum(kind == "application/json" for kind, _ in page.scripts) == len(drawn)
    assert (
        "Use <b>one_**</b> &lt;b&gt;." in text
        and "1.003" in page.words
        and "?v=1&c=2" in page.words
    )
    assert any(tag == "math" for tag, _ in page.tags)
    for dt in runs.values():
        assert dt.attrs["key"] in page.words
    for site in runs[next(iter(runs))]["posterior"].data_vars:
        assert str(site) in page.words
    for prior in SPECS[model].priors:
        assert prior in page.words
    if model == "normal_means":
        assert "jaxlib" in page.words and "non-centered" in page.words


def test_words_of_others_are_words():
    runs = hostile()
    text = report(
        runs, title=EVIL, verdict=("good", f"**{CLOSING}** {EVIL}"), shown=[PLOT], query=EVIL
    )
    page = self_contained(text)
    assert "<img" not in text.replace(page.scripts[-2][1], "") and "alert(2)</script" not in text
    for words in (EVIL, CLOSING):
        assert words in page.words
    assert text.count("alert(2)") == text.count("alert(2)&lt;") + text.count("alert(2)\\u003c")


def test_what_is_on_the_screen_comes_first_and_once():
    runs = runs_of("regression")
    shown = Picture("forest", "As shown", go.Figure(), "mine")
    page = self_contained(report(runs, shown=[PLOT, shown]))
    drawn = [a["data-name"] for tag, a in page.tags if tag == "figure"]
    assert drawn == ["one", "forest", *(n for n in MAIN["regression"] if n != "forest")]
    assert "As shown" in page.words


def test_runs_of_other_data_share_no_figure():
    one, other = fake_regression(4, data_seed=1), fake_regression(4, data_seed=2)
    runs = {"a": asked(one, SPECS["regression"]), "b": asked(other, SPECS["regression"])}
    page = self_contained(report(runs))
    assert not [tag for tag, _ in page.tags if tag == "figure"]


def test_a_figure_alone_is_a_page_on_white():
    page = self_contained(figure_page(PLOT))
    (content,) = (code for kind, code in page.scripts if kind == "application/json")
    assert f'"paper_bgcolor":"{backdrop(False)}"' in content and "<" not in content
    assert [a["data-format"] for tag, a in page.tags if tag == "button"] == ["png", "svg"]
    assert "A <b>title</b>" in page.words and CLOSING in page.words


def test_main_figures_are_on_the_menu_and_of_every_model():
    assert set(MAIN) == {*MODELS, "population"}
    assert {name for names in MAIN.values() for name in names} <= set(FIGURES)


def testequations_are_mathematics():
    lines = list(equations(Components(1, 1)))
    for model in MODELS.values():
        lines += [line for line in model.equations(model.default_priors())]
        for sites in model.structures:
            known = model.default_priors()
            lines += model.equations(
                {site: known.get(site, next(iter(known.values()))) for site in sites}
            )
    for line in lines:
        written = equation(line)
        # What is not known of LaTeX stays as its letters, with a backslash.
        assert written.startswith("<math") and "\\" not in written and "http" not in written
