"""A person's own tables: read, guessed, checked, kept under the hash of their content."""
