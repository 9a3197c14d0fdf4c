"""Compiled loops of MRI."""
