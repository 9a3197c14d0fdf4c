"""Denoisers and generative priors."""
