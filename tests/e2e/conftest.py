"""One server, one browser and one tab for all paths of a person; each begins with an empty one."""

import os

import pytest
from playwright.sync_api import expect

from tests.e2e import browser as drive

# A machine three times slower than a laptop, beside other work: what is waited for comes.
expect.set_options(timeout=120_000)


@pytest.fixture(scope="session")
def chromium():
    if drive.CHROMIUM is None:
        missing = "no Chromium found: install Debian's chromium to run the browser tests"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with drive.browser() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def address(chromium, tmp_path_factory):
    with drive.server(tmp_path_factory.mktemp("store")) as address:
        yield address


@pytest.fixture(scope="session")
def kept_tab(chromium):
    """One tab for all tests: the app's code is compiled once in it."""
    page = drive.new_page(chromium)
    yield page
    page.context.close()


@pytest.fixture
def tab(kept_tab):
    """An empty tab."""
    yield kept_tab
    drive.empty(kept_tab)


@pytest.fixture
def other_tab(kept_tab):
    """Another empty tab of the same window, for a link that is passed on."""
    page = drive.new_tab(kept_tab.context)
    yield page
    page.close()
