"""Which samples of Cartesian k-space to take."""
