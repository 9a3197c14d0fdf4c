"""Markov chains whose law tends to a posterior."""
