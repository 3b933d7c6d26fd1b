"""The compare page: the run library, and any two to six runs side by side."""
