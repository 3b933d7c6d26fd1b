"""One server and one browser for all paths of a person; every path has a tab of its own."""

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


@pytest.fixture
def tab(chromium):
    page = drive.new_page(chromium)
    yield page
    page.context.close()
