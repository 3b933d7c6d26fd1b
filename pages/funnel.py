"""The funnel lab: normal means under several parameterizations, beside the exact answer."""

from hbdash.ui.frame import heading, require_frame

require_frame()
heading("Funnel lab", "Groups around a population: which coordinates let NUTS see all of it?")

from hbdash.ui import controls, funnel_lab, results, run_panel  # noqa: E402  (heading first)

lab = funnel_lab.LAB
draft = controls.sidebar(lab)
asked = run_panel.ask(lab, draft)
results.show(lab, asked)
