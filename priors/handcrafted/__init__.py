"""Priors with an explicit cost."""
