"""The funnel lab: normal means under several parameterizations, beside the exact answer."""

from hbdash.ui.frame import require_frame

require_frame()

from hbdash.ui import controls, results, run_panel  # noqa: E402  (nothing runs outside the frame)

draft = controls.sidebar()
asked = run_panel.ask(draft)
results.show(asked)
