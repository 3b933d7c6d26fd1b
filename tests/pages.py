"""Driving one lab's page without a browser: open it, read its draft and tables, give it a file."""

import io
from dataclasses import dataclass
from typing import Any

import pandas as pd
from streamlit.testing.v1 import AppTest

from tests.test_app import healthy, settle


@dataclass(frozen=True)
class Page:
    """A lab's page, by the model of the lab, whose name its file has too."""

    model: str

    def open(self, **query: str) -> AppTest:
        """Open the page with a link."""
        at = AppTest.from_file("../app.py", default_timeout=270)
        at.switch_page(f"pages/{self.model}.py")
        for name, value in query.items():
            at.query_params[name] = value
        return settle(healthy(at.run()))

    def draft(self, at: AppTest) -> Any:
        return at.session_state[f"lab.{self.model}"]["draft"]

    def open_tab(self, at: AppTest, tab: str) -> AppTest:
        at.session_state[f"tab.{self.model}"] = tab
        return healthy(at.run())


def summary(at: AppTest) -> pd.DataFrame:
    """The table of the Summary tab."""
    return next(frame.value for frame in at.dataframe if "hdi_low" in frame.value)


def upload(at: AppTest, table: pd.DataFrame) -> AppTest:
    """Give the page a table as a CSV file."""
    written = io.BytesIO()
    table.to_csv(written, index=False)
    at.file_uploader[0].set_value(("own.csv", written.getvalue(), "text/csv"))
    return settle(healthy(at.run()))
