"""Whether k-space can be what its operator takes it for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from recon.operators import (
    CartesianMRI,
    NonCartesianMRI,
    OffResonanceMRI,
    Operator,
    QuantitativeMRI,
    SoftSENSE,
    SubspaceMRI,
)
from recon.run.errors import ItemError
from recon.run.kspace import image_ndim

_MISSING = 0.4
"""Share of the samples of a mask that may be zero in all coils: readouts cut short, partial Fourier, padding."""
_SHORTEST = 8
"""Samples from which an axis tells where its zero frequency is."""
_FAR = 10.0
"""How many times the energy of the centre the edges must have where zero frequency lies there."""


def sampled_kspace(operator: Operator, data: Tensor, source: str) -> Tensor:
    """K-space ``(rows, *range_shape)`` with zeros where the operator samples nothing; data of other operators as it is.

    Refuses k-space that its mask contradicts, that is not centred, or zero throughout. Where a mask is transposed or
    belongs to other data, many of its samples are zero. The energy of k-space is about zero frequency, at N//2, or at
    the ends of an axis that was not shifted.
    """
    scan = _scan(operator)
    if scan is None:
        return data
    sampling = scan.sampling if isinstance(scan, SoftSENSE) else scan
    if not bool(data.any()):
        raise ItemError(f"{source} is zero throughout, so nothing was measured.")
    if isinstance(sampling, NonCartesianMRI):
        return data
    coils = -1 - sampling.ndim
    several = sampling.coil_maps is not None or scan is not sampling
    energy = data.abs().square()
    energy = energy.sum(coils) if several else energy
    mask = sampling.mask.to(data.device)
    _check_centre(energy, mask, sampling.ndim, source)
    empty = energy == 0
    claimed = mask.expand_as(empty)
    _check_mask(empty, claimed, source)
    if bool((empty | claimed).all()):
        return data
    return data * (mask.unsqueeze(coils) if several else mask)


def check_maps(operator: Operator, meta: Mapping[str, Any], source: str) -> None:
    """Refuse maps that a step estimated of images of other axes: of the planes of a volume, planes taken for coils."""
    scan = _scan(operator)
    estimated = meta.get("coil_maps_ndim")
    if estimated is None or scan is None or scan.coil_maps is None:
        return
    ndim = image_ndim(scan)
    if ndim != estimated:
        raise ItemError(
            f"{source} got coil maps of images of {estimated} axes, but {operator.name} takes images of {ndim}; give "
            f"the step that estimates them ndim: {ndim}."
        )


def _scan(operator: Operator) -> CartesianMRI | NonCartesianMRI | SoftSENSE | None:
    """The scan that an operator describes or rests on."""
    while isinstance(operator, OffResonanceMRI | QuantitativeMRI | SubspaceMRI):
        operator = operator.scan
    return operator if isinstance(operator, CartesianMRI | NonCartesianMRI | SoftSENSE) else None


def _check_mask(empty: Tensor, claimed: Tensor, source: str) -> None:
    missing = float((empty & claimed).sum() / claimed.sum())
    if missing > _MISSING:
        elsewhere = ", while it leaves out others that are not" if bool((~empty & ~claimed).any()) else ""
        raise ItemError(
            f"{source} is zero at {missing:.0%} of the samples that its mask says were taken{elsewhere}; it may "
            "be transposed or of other data, and the step sampling_mask finds the one that the data have."
        )


def _check_centre(energy: Tensor, mask: Tensor, ndim: int, source: str) -> None:
    for axis in range(-ndim, 0):
        n = energy.shape[axis]
        if n < _SHORTEST:
            continue
        reach = n // 16
        along = energy.movedim(axis, -1).flatten(0, -2).sum(0)
        sampled = mask.movedim(axis, -1).flatten(0, -2).any(0)
        centre = slice(n // 2 - reach, n // 2 + reach + 1)
        edges = along.roll(reach)[: 2 * reach + 1]
        if bool(sampled[centre].all()) and float(edges.sum()) > _FAR * float(along[centre].sum()):
            raise ItemError(
                f"{source} has zero frequency at index 0 of axis {axis}, as FFTs leave it, which belongs at N//2; "
                "move it there by numpy.fft.fftshift, and that of the mask too."
            )
