"""Estimates of E[x₀ | u, y] from a prior and an operator."""
