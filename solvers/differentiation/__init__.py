"""Derivatives of what solvers return."""
