"""What others wrote stays text: no link, no picture, no code, no request to anywhere else."""

from urllib.parse import quote, urlsplit

import pandas as pd
import pytest
from playwright.sync_api import Page

from tests.e2e import browser as drive
from tests.e2e.reading import open_page, open_tab, settled, upload
from tests.e2e.test_page import choose
from tests.nasty import MARKUP

#: The policy that `docs/deploy.md` gives to a proxy; the pages are shown under it.
POLICY = next(
    line.split('"')[1]
    for line in (drive.ROOT / "docs/deploy.md").read_text().splitlines()
    if "Content-Security-Policy" in line
)
_FOREIGN = """
() => [...document.querySelectorAll('a[href], img[src], [*|href]')]
  .map(e => e.getAttribute('href') || e.getAttribute('src') || e.getAttribute('xlink:href') || '')
  .filter(to => !to.startsWith('#') && /evil|javascript:/i.test(to))
"""


@pytest.fixture
def guarded(tab, address):
    """Show pages under the policy; in the end nothing must have gone elsewhere."""
    wrong: list[str] = []

    def with_policy(route):
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"content-security-policy": POLICY})

    def asked(request):
        where = urlsplit(request.url)
        if where.scheme not in ("data", "blob") and where.netloc != urlsplit(address).netloc:
            wrong.append(f"a request to {request.url}")

    # A page that a test hands to the browser is taken for one of another network than its stream.
    tab.context.grant_permissions(["local-network-access"], origin=address)
    tab.route(lambda url: "_stcore" not in url and "static" not in url, with_policy)

    def opened(dialog):
        wrong.append(dialog.message)
        dialog.dismiss()

    tab.on("request", asked)
    tab.on("dialog", opened)
    with drive.listening(tab) as errors:
        yield tab
    tab.remove_listener("request", asked)
    tab.remove_listener("dialog", opened)
    assert errors + wrong == []


def as_text(page: Page, *, seen: str) -> None:
    """See the names on the page, and nothing that was made of them."""
    assert seen in page.locator("body").inner_text().replace("\N{WORD JOINER}", "")
    assert page.evaluate(_FOREIGN) == []


def test_names_of_groups(guarded, address):
    rows = [(name, value) for name in MARKUP for value in (1.0, 2.5, 4.0)]
    open_page(guarded, address, "", "w=100&k=100&c=2")
    choose(guarded, "Upload")
    upload(guarded, pd.DataFrame(rows, columns=["<b>group</b>", "value"]), f"{MARKUP[4]}.csv")
    for name in ("Funnels", "Shrinkage", "Predictive"):
        open_tab(guarded, name)
        as_text(guarded, seen="")
    drawn = guarded.locator(".js-plotly-plot").all_inner_texts()
    assert any("<a href" in text or "<img" in text for text in drawn), drawn


def test_names_of_columns(guarded, address):
    rows = pd.DataFrame(
        {
            MARKUP[0]: [1.0, 2.0, 4.0, 3.0, 1.0, 2.0] * 3,
            MARKUP[3]: [2.0, 1.0, 4.0, 3.0, 5.0, 2.0] * 3,
            MARKUP[2]: ["a", "b", "c"] * 6,
            MARKUP[6]: [1.0, 2.0, 3.5, 3.0, 1.5, 2.5] * 3,
        }
    )
    open_page(guarded, address, "missing_predictors", "w=100&k=100&c=2")
    choose(guarded, "Upload")
    upload(guarded, rows)
    for name in ("Weights", "New rows"):
        open_tab(guarded, name)
        as_text(guarded, seen="")
    bad = pd.DataFrame({"group": list("abc"), MARKUP[2]: MARKUP[:3], MARKUP[3]: MARKUP[2:5]})
    upload(guarded, bad)
    as_text(guarded, seen="must")


def test_words_of_a_link(guarded, address):
    words = "&".join(f"z{k}{quote(text)}={quote(text)}" for k, text in enumerate(MARKUP))
    guarded.goto(f"{address}/?{words}&w=100&k=100&c=2")
    drive.wait_for_results(guarded)
    as_text(guarded, seen="has no such field")
    as_text(guarded, seen="![d](http://evil")


def test_a_configuration(guarded, address):
    open_page(guarded, address, "", "w=100&k=100&c=2")
    guarded.get_by_role("button", name="Configuration as JSON").click()
    box = guarded.get_by_role("textbox", name="Edit and apply")
    box.fill('{"priors": {"' + " ".join(MARKUP).replace("\\", "\\\\") + '": 1}}')
    box.press("Control+Enter")
    guarded.get_by_role("button", name="Apply", exact=True).click()
    settled(guarded)
    as_text(guarded, seen="<img src=http://evil")
