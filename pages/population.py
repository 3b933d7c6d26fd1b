"""The population lab: what many events, each known through posterior samples, come from."""

from hbdash.ui.frame import heading, require_frame

require_frame()
heading("Population lab", "Which population do these uncertain events come from?")

from hbdash.ui import run_panel  # noqa: E402  (heading first)
from hbdash.ui.population import results, sidebar  # noqa: E402
from hbdash.ui.population.lab import LAB  # noqa: E402

draft = sidebar.show()
asked = run_panel.ask(LAB, draft)
results.show(LAB, draft, asked)
