"""Populations of events known through posterior samples: mass models, likelihood, priors, data."""
