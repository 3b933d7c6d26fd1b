"""Bundled tables, each with its first publication named in `hbdash.data`."""
