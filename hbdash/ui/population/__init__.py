"""The rooms of the population lab: its controls, its words in a link, and its tabs."""
