"""A web page in one file: its figures and all that draws them are in it, and it asks no network.

The page's policy lets run only the two scripts that it holds, by their hashes: whatever a name or
a label says, it is text. Plotly's own drawing of many points compiles code, hence 'unsafe-eval'.
"""

import base64
import hashlib
import html
from functools import cache
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from hbdash.figures.markup import without_markup
from hbdash.figures.theme import backdrop

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 1000px; padding: 1.5rem; color: #1B2733; background: #FFFFFF;
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .2rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #DDE3E9; }
h3 { font-size: 1.02rem; margin: 1.4rem 0 .4rem; }
p, li, td, th { overflow-wrap: anywhere; }
.small, figcaption { color: #5B6470; font-size: .87rem; }
.verdict { border-left: 4px solid; padding: .6rem .9rem; background: #F4F6F8; }
.good { border-color: #009E73; } .warn { border-color: #E69F00; } .bad { border-color: #C0392B; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #DDE3E9; }
th:first-child, td:first-child, .words th, .words td { text-align: left; }
thead { display: table-header-group; } tr { break-inside: avoid; }
math { font-size: 1.05rem; margin: .5rem 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #F4F6F8; padding: .6rem; }
figure { margin: 1rem 0 1.6rem; break-inside: avoid; }
button { font: inherit; font-size: .8rem; margin-right: .4rem; padding: .1rem .6rem;
  cursor: pointer; color: #1B2733; background: #FFFFFF; border: 1px solid #C5CDD6;
  border-radius: .3rem; }
@page { margin: 14mm; }
@media print {
  body { padding: 0; max-width: none; font-size: 11px; }
  button, .modebar-container { display: none !important; }
  .drawing { zoom: .68; }
  .wide { overflow: visible; } table { font-size: .72rem; }
  h2, h3 { break-after: avoid; }
}
"""
_DRAW = """
for (const place of document.querySelectorAll('figure')) {
  const {data, layout} = JSON.parse(place.querySelector('script').textContent);
  const drawing = place.querySelector('.drawing'), filename = place.dataset.name;
  const config = {responsive: true, displaylogo: false, toImageButtonOptions: {filename, scale: 2}};
  Plotly.newPlot(drawing, data, layout, config);
  for (const button of place.querySelectorAll('button'))
    button.addEventListener('click', () => Plotly.downloadImage(drawing, {
      format: button.dataset.format, filename, scale: 2,
      width: drawing.offsetWidth, height: drawing.offsetHeight,
    }));
}
"""
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{library}</script>
<script>{draw}</script>
</body>
</html>
"""
_FIGURE = """\
<figure data-name="{name}">
{heading}<div class="drawing"></div>
<script type="application/json">{content}</script>
<button data-format="png">PNG</button><button data-format="svg">SVG</button>
<figcaption>{caption}</figcaption>
</figure>
"""


class Picture(NamedTuple):
    """A figure with its words.

    Attributes
    ----------
    name : for the files that are saved of it. title, caption : above and under it.
    figure : drawn for a light page.
    """

    name: str
    title: str
    figure: go.Figure
    caption: str


def text(words: object) -> str:
    """Write anybody's words so that a page shows them as they are."""
    return html.escape(str(words))


def page(title: str, body: str) -> str:
    """Write a page.

    Parameters
    ----------
    title : as plain text.
    body : as HTML: of words only what `text` returns, of figures what `drawing` does.
    """
    library, hashes = _library()
    policy = (
        f"default-src 'none'; script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=policy, title=text(title), style=STYLE, body=body, library=library, draw=_DRAW
    )


def drawing(picture: Picture) -> str:
    """Write a figure, with buttons that save it as PNG and SVG; unless it has one, on white."""
    figure = go.Figure(without_markup(picture.figure))
    figure.update_layout(paper_bgcolor=figure.layout["paper_bgcolor"] or backdrop(dark=False))
    # In a script no letter needs escaping but the one that could end it.
    content = str(figure.to_json()).replace("<", "\\u003c")
    return _FIGURE.format(
        name=text(picture.name),
        heading=f"<h3>{text(picture.title)}</h3>\n" if picture.title else "",
        content=content,
        caption=text(picture.caption),
    )


def figure_page(picture: Picture) -> str:
    """Write a page of one figure."""
    return page(picture.title or picture.name, drawing(picture))


@cache
def _library() -> tuple[str, str]:
    """Plotly's script, and the hashes of all that may run as a policy names them."""
    library = get_plotlyjs()
    assert "</script" not in library.lower()
    digests = (hashlib.sha256(code.encode()).digest() for code in (library, _DRAW))
    return library, " ".join(f"'sha256-{base64.b64encode(d).decode()}'" for d in digests)
