"""What others wrote, in Markdown, in figures and in CSV: each function by itself."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from hbdash.figures.markup import without_markup
from hbdash.tables.csv_table import read_csv
from hbdash.tables.csv_text import to_csv
from hbdash.ui.plain import plain
from tests.nasty import MARKUP


@pytest.mark.parametrize("name", MARKUP)
def test_names_in_figures(name):
    text = np.array([name, "b"], object)
    fig = go.Figure(go.Scatter(x=[1, 2], y=[1, 2], name=name, text=text))
    fig.update_layout(title_text=f"<b>{name}</b><br>", xaxis={"ticktext": [name], "tickvals": [1]})
    written = str(without_markup(fig).to_plotly_json())
    assert "<a" not in written and "<img" not in written
    assert "<b>" in written and "<br>" in written


def test_figures_without_names_stay_themselves():
    fig = go.Figure(
        go.Scatter(x=[1], y=[1], hovertemplate='<b style="color:red">a</b><extra></extra>')
    )
    assert without_markup(fig) is fig


@pytest.mark.parametrize("text", ["http://a.b", "www.a.b", "a@b.c", ":smile:", ":material/home:"])
def test_nothing_is_recognized(text):
    shown = plain(text)
    assert text not in shown.replace("\\", "")  # a sign without room keeps it apart
    assert shown.replace("\\", "").replace("\N{WORD JOINER}", "") == text


def test_an_error_is_shown_by_its_message():
    assert plain(LookupError("Upload it.")) == "Upload it."


def test_formulas_are_text_and_come_back():
    names = ["=1+1", "+a", "-b", "@c", "-3", "1e5", "plain"]
    table = pd.DataFrame({"group": names, "=value": np.arange(7.0)})
    text = to_csv(table)
    assert "'=1+1" in text and "'-b" in text and "'=value" in text
    assert "\n-3," in text  # a number is one
    again = read_csv(text.encode())
    assert list(again["group"]) == names and list(again.columns) == ["group", "=value"]
