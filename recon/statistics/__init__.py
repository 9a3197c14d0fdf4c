"""Statistics of results image by image: intervals, paired differences and tests."""

from recon.statistics.comparison import MIN_PAIRS, Comparison, compare
from recon.statistics.holm import holm
from recon.statistics.interval import Interval, mean_interval

__all__ = ["MIN_PAIRS", "Comparison", "Interval", "compare", "holm", "mean_interval"]
