"""The command line: each verb reads flags, calls the package, and prints."""
