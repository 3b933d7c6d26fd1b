"""The funnel lab: normal means under several parameterizations, beside the exact answer."""

from hbdash.ui.frame import heading, require_frame

require_frame()
heading("Funnel lab", "Groups around a population: which coordinates let NUTS see all of it?")

from hbdash.ui import controls, results, run_panel  # noqa: E402  (the heading is drawn before)

draft = controls.sidebar()
asked = run_panel.ask(draft)
results.show(asked)
