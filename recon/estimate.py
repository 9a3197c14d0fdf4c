"""The noise level of measured data, estimated from the data themselves."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.files.item import DataError

GAUSS = 0.6744897501960817
"""Median of |n| for n ~ N(0, 1)."""
LEAST = 64
"""Differences needed for an estimate good to about 15 %."""


def estimate_sigma(data: Tensor, source: str = "the data") -> float:
    """Standard deviation σ of white Gaussian noise on one measurement, by the median of its finest details.

    With d the diagonal Haar details (a − b − c + e)/2 of all 2 × 2 blocks of the last two axes, which have standard
    deviation σ where the signal is locally planar,

        σ ≈ median|d| / 0.6745.

    Exact zeros count as not measured: blocks that touch one are left out, and where fewer than 64 blocks remain the
    differences (a − b)/√2 along the last axis are used, then those along the one before. For complex data d runs over
    real and imaginary parts and σ is that of each part, as in :class:`recon.operators.GaussianNoise`.

    The estimate is high by the share of blocks that hold edges; it is for stationary noise, not for counts.

    Raises
    ------
    DataError
        If too little is measured, or the estimate is zero (noiseless or coarsely rounded data).

    Source: Donoho and Johnstone, Biometrika 81 (1994) 425, section 3.
    """
    measured = data != 0
    planes = torch.stack((data.real, data.imag)) if data.is_complex() else data[None]
    details = _details(planes.double(), measured.expand(planes.shape))
    if details is None:
        raise DataError(f"{source} has too few measured neighbours to estimate sigma; give it as a number.")
    sigma = float(details.abs().median()) / GAUSS
    if not sigma > 0:
        raise DataError(f"{source} seems to hold no noise, sigma comes out as 0; give it as a number.")
    return sigma


def _details(x: Tensor, measured: Tensor) -> Tensor | None:
    """Details of unit gain on white noise, the finest kind of which there are enough."""
    if x.ndim > 2:
        block = (x[..., 1:, 1:] - x[..., 1:, :-1] - x[..., :-1, 1:] + x[..., :-1, :-1]) / 2
        whole = measured[..., 1:, 1:] & measured[..., 1:, :-1] & measured[..., :-1, 1:] & measured[..., :-1, :-1]
        if int(whole.sum()) >= LEAST:
            return block[whole]
    for axis in (-1, -2)[: x.ndim - 1]:
        n = x.shape[axis] - 1
        step = (x.narrow(axis, 1, n) - x.narrow(axis, 0, n)) / 2**0.5
        both = measured.narrow(axis, 1, n) & measured.narrow(axis, 0, n)
        if int(both.sum()) >= LEAST:
            return step[both]
    return None
