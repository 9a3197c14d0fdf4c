"""Solvers that minimise an objective or seek a fixed point."""
