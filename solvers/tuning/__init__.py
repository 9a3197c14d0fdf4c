"""Regularisation weights from the data."""
