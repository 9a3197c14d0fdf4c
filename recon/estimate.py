"""The noise level of measured data, estimated from the data themselves."""

from __future__ import annotations

from math import comb, sqrt

import torch
from torch import Tensor

from recon.files.item import DataError

GAUSS = 0.6744897501960817
"""Median of |n| for n ~ N(0, 1)."""
OUTER = 20
"""One in so many samples of k-space counts as far from its centre."""
LEAST = 64
"""Details needed for an estimate good to about 15 %, times the square of their order, since neighbours overlap."""
ORDERS = (4, 2, 1)
"""Orders of the differences along both axes, the first of which there are enough being used."""


def estimate_sigma(data: Tensor, source: str = "the data") -> float:
    """Standard deviation σ of white Gaussian noise on one measurement, by the median of its finest details.

    With d the differences of fourth order along both of the last two axes, divided by the norm 70 of their weights, so
    that they have standard deviation σ where the signal is locally a cubic polynomial,

        σ ≈ median|d| / 0.6745.

    Exact zeros count as not measured: differences that touch one are left out, and where few remain those of second
    and of first order are used, then (a − b)/√2 along the last axis and along the one before. For complex data d runs
    over real and imaginary parts and σ is that of each part, as in :class:`recon.operators.GaussianNoise`.

    The estimate is high by the share of places that hold edges or texture; it is for stationary noise, not for counts.

    Raises
    ------
    DataError
        If too little is measured, or the estimate is zero (noiseless or coarsely rounded data).

    Source: the median of Donoho and Johnstone, Biometrika 81 (1994) 425, section 3; differences that vanish on smooth
    signals as in Immerkær, Comput. Vis. Image Underst. 64 (1996) 300.
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


def estimate_kspace_sigma(data: Tensor, radius: Tensor, source: str = "the data") -> float:
    """Standard deviation σ of white Gaussian noise of each part of k-space, from the samples farthest from its centre.

        σ ≈ median|n| / 0.6745,  n the real and imaginary parts of the outermost twentieth of the samples.

    The signal there is taken as lost in noise; where it is not, the estimate is high. Exact zeros were not measured.

    Parameters
    ----------
    data
        Complex, ``(..., *k)``.
    radius
        Distance from the centre of k-space, ``(*k)``.

    Raises
    ------
    DataError
        If too little is measured, or the estimate is zero.
    """
    measured = data != 0
    distance = radius.to(data.device).expand(data.shape)[measured]
    count = max(LEAST, distance.numel() // OUTER)
    if distance.numel() < 2 * count:
        raise DataError(f"{source} has too few samples to estimate sigma; give it as a number.")
    outermost = data[measured][distance >= distance.topk(count).values.amin()]
    sigma = float(torch.view_as_real(outermost.resolve_conj()).double().abs().median()) / GAUSS
    if not sigma > 0:
        raise DataError(f"{source} seems to hold no noise, sigma comes out as 0; give it as a number.")
    return sigma


def _details(x: Tensor, measured: Tensor) -> Tensor | None:
    """Details of unit gain on white noise, the finest kind of which there are enough."""
    kinds = [(order, (-1, -2)) for order in ORDERS if x.ndim > 2] + [(1, (axis,)) for axis in (-1, -2)[: x.ndim - 1]]
    for order, axes in kinds:
        details, whole = x, measured
        for axis in axes:
            details, whole = _difference(details, order, axis), _all(whole, order, axis)
        if int(whole.sum()) >= LEAST * order**2:
            return details[whole]
    return None


def _difference(x: Tensor, order: int, axis: int) -> Tensor:
    """The difference of an order along an axis, of unit gain on white noise (Σ weights² = binomial(2n, n))."""
    difference: Tensor = x.diff(n=order, dim=axis)
    return difference / sqrt(comb(2 * order, order))


def _all(measured: Tensor, order: int, axis: int) -> Tensor:
    """Where everything that a difference touches is measured."""
    length = max(0, measured.shape[axis] - order)
    parts = [measured.narrow(axis, start, length) for start in range(order + 1)] if length else []
    return torch.stack(parts).all(0) if parts else measured.narrow(axis, 0, 0)
