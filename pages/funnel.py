"""The funnel lab: normal means under several parameterizations, beside the exact answer."""

from hbdash.ui.frame import require_frame

require_frame()

from hbdash.ui import controls, results, run_panel  # noqa: E402  (nothing runs outside the frame)

controls.heading(
    "Funnel lab",
    "Groups around a population: which coordinates let NUTS see all of it?",
)
draft = controls.sidebar()
asked = run_panel.ask(draft)
results.show(asked)
