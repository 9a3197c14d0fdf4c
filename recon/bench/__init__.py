"""Benchmark runs: the grid, the measurements, the cells, and the folder in which they lie."""
