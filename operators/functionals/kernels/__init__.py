"""Compiled pieces of functionals."""
