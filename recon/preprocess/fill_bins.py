"""Bins that cannot be trusted, from their neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def fill_bins(values: npt.NDArray[np.float64], bad: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """``(..., bins)`` with the bins where ``bad``, ``(bins,)``, interpolated linearly between the nearest good ones.

    Beyond the first and the last good bin their values are continued. At least one bin must be good.
    """
    good, missing = np.flatnonzero(~bad), np.flatnonzero(bad)
    place = np.searchsorted(good, missing)
    left, right = good[np.maximum(place - 1, 0)], good[np.minimum(place, len(good) - 1)]
    share = np.clip((missing - left) / np.maximum(right - left, 1), 0, 1)
    filled = values.copy()
    filled[..., missing] = (1 - share) * values[..., left] + share * values[..., right]
    return filled
