"""The regression lab: a line for each group, and the population that the lines come from."""

from hbdash.ui.frame import heading, require_frame

require_frame()
heading("Regression lab", "Varying intercepts and slopes: what does each group learn from others?")

from hbdash.ui import controls, regression_lab, results, run_panel  # noqa: E402  (heading first)

lab = regression_lab.LAB
draft = controls.sidebar(lab)
asked = run_panel.ask(lab, draft)
results.show(lab, asked)
