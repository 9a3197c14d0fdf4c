"""Solvers that draw from a posterior."""
