"""Start the lab: ``streamlit run app.py``."""

from hbdash.ui.frame import main

main()
