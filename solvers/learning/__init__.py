"""Learning what a variational problem depends on from pairs of data and truth."""
