"""Reconstructions by a formula, in one step."""
