"""The population lab from a terminal: the commands, their flags, and the files that they write."""
