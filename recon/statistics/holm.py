"""Holm's correction of p-values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p: Sequence[float | None]) -> list[float | None]:
    """p-values such that rejecting those below α makes any false rejection at most α likely, in the order given.

    With p₍₁₎ ≤ … ≤ p₍ₘ₎ the k-th becomes max over j ≤ k of min(1, (m − j + 1) p₍ⱼ₎). None stays None and does not
    count.

    Source: S. Holm, Scand. J. Stat. 6 (1979) 65.
    """
    known = [(value, place) for place, value in enumerate(p) if value is not None]
    for value, _ in known:
        if not 0 <= value <= 1:
            raise ValueError(f"holm expects p-values between 0 and 1, got {value!r}.")
    adjusted: list[float | None] = [None] * len(p)
    order = sorted(known)
    scaled = np.minimum([(len(order) - j) * value for j, (value, _) in enumerate(order)], 1.0)
    for (_, place), value in zip(order, np.maximum.accumulate(scaled), strict=True):
        adjusted[place] = float(value)
    return adjusted
