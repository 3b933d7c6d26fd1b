"""The missing-predictors lab: which predictor applies to which group, and what it weighs there."""

from hbdash.ui.frame import heading, require_frame

require_frame()
heading("Missing predictors", "Some predictors do not apply to some groups: what then?")

from hbdash.ui import controls, missing_lab, results, run_panel  # noqa: E402  (heading first)

lab = missing_lab.LAB
draft = controls.sidebar(lab)
asked = run_panel.ask(lab, draft)
results.show(lab, asked)
