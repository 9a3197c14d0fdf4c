"""Trajectories that configurations can name."""
