"""The samplers: one file each, a frozen config with one method `sample`."""
