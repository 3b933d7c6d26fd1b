"""The compare page: all stored runs, and any two to six of them side by side."""

from hbdash.ui.frame import heading, require_frame

require_frame()
heading("Compare", "Which of these runs should be believed, and what do they disagree about?")

from hbdash.ui.compare import page  # noqa: E402  (heading first)

page.show()
