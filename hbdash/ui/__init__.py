"""The only rooms that know Streamlit: frame, controls, run panel, results, share link."""
