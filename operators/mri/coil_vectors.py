"""What estimates of coil sensitivities share: checks, the calibration centre, eigenvectors and phases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import isqrt

import torch
from torch import Tensor

from recon.operators.mri.calibration import calibration_region, sampling_mask
from recon.operators.tensors import checked_count, is_number

_SQUARINGS = 6


def item_by_item(kspace: Tensor, estimate: Callable[[Tensor], Tensor], owner: str, ndim: int) -> Tensor:
    """Maps of each item of k-space ``(*batch, coils, [nz,] ny, nx)``, behind its batch dimensions.

    Errors: TypeError for real k-space and half precision, ValueError for other shapes, other than 2 or 3 for ``ndim``,
    and non-finite samples.
    """
    if ndim not in (2, 3):
        raise ValueError(f"{owner} expects ndim 2 for images (ny, nx) or 3 for (nz, ny, nx), got {ndim!r}.")
    if not isinstance(kspace, Tensor):
        raise TypeError(f"{owner} expects a torch tensor, got {type(kspace).__name__}.")
    if not kspace.is_complex():
        raise TypeError(
            f"{owner} expects complex k-space, got {str(kspace.dtype).removeprefix('torch.')}; "
            "for two real channels use torch.view_as_complex."
        )
    if kspace.dtype == torch.complex32:
        raise TypeError(
            f"{owner} expects k-space of single or double precision, got complex32; use .to(torch.complex64)."
        )
    if kspace.ndim <= ndim:
        wanted = "(coils, ny, nx)" if ndim == 2 else "(coils, nz, ny, nx)"
        raise ValueError(f"{owner} expects k-space {wanted}, got shape {tuple(kspace.shape)}.")
    if not bool(torch.isfinite(torch.view_as_real(kspace)).all()):
        raise ValueError(f"{owner} expects finite k-space, got NaN or infinity.")
    batch = kspace.shape[: -1 - ndim]
    if not batch:
        return estimate(kspace)
    maps = torch.stack([estimate(item) for item in kspace.flatten(0, len(batch) - 1)])
    return maps.reshape(*batch, *maps.shape[1:])


def check_settings(owner: str, calib_width: int, crop: float, **widths: int) -> None:
    """Refuse widths that are no positive whole numbers, and a ``crop`` outside [0, 1)."""
    for name, width in {"calib_width": calib_width, **widths}.items():
        checked_count(width, owner, name)
    if not is_number(crop) or not 0 <= crop < 1:
        raise ValueError(f"{owner} expects crop from 0 to 1, 1 excluded, got {crop!r}.")


def calibration_centre(kspace: Tensor, calib_width: int, least: int, owner: str, advice: str) -> tuple[slice, ...]:
    """Where k-space ``(coils, [nz,] ny, nx)`` is fully sampled about its centre, at most ``calib_width`` wide.

    Errors: ValueError where it is less than ``least`` wide.
    """
    region = calibration_region(sampling_mask(kspace), calib_width)
    found = tuple(s.stop - s.start for s in region)
    if min(found) < least:
        raise ValueError(
            f"{owner} needs a fully sampled centre of k-space at least {least} samples wide, found "
            f"{'×'.join(map(str, found))}; {advice}."
        )
    return region


def blocks(shape: Sequence[int], pixels: int) -> Iterator[tuple[slice, ...]]:
    """Boxes of about so many pixels that tile images ``([nz,] ny, nx)``: rows of full length, of planes near by."""
    lines = max(1, pixels // shape[-1])
    rows = lines if len(shape) == 2 else max(isqrt(lines), lines // shape[0])
    sides = (*(() if len(shape) == 2 else (max(1, lines // min(rows, shape[1])),)), rows, shape[-1])
    starts = product(*(range(0, n, side) for n, side in zip(shape, sides, strict=True)))
    for corner in starts:
        yield tuple(slice(i, min(i + side, n)) for i, side, n in zip(corner, sides, shape, strict=True))


def low_resolution_images(kspace: Tensor, region: tuple[slice, ...]) -> Tensor:
    """Images of the centre of k-space, weighted by cos²(π j/(n + 1)) at distance j from the middle of n samples."""
    centre, shape = kspace[(slice(None), *region)], kspace.shape[1:]
    for axis in range(-len(shape), 0):
        n = centre.shape[axis]
        j = torch.arange(n, dtype=torch.float64) - n // 2
        centre = centre * torch.cos(torch.pi * j / (n + 1)).square().to(centre.real).reshape(-1, *(1,) * (-axis - 1))
    return interpolated(centre, shape)


def interpolated(centre: Tensor, shape: Sequence[int]) -> Tensor:
    """Images ``(..., *shape)`` of k-space ``(..., *widths)`` that is zero but for this centre, as centred_ifft."""
    images = centre
    for axis, n in zip(range(-len(shape), 0), shape, strict=True):
        width = centre.shape[axis]
        transform = waves(n, torch.arange(width) - width // 2) / n**0.5
        images = torch.tensordot(images, transform.to(centre), ([axis], [1])).movedim(-1, axis)
    return images.contiguous()


def waves(n: int, frequency: Tensor) -> Tensor:
    """exp(2πi f x/n) for centred pixels x, ``(n, frequencies)``."""
    x = torch.arange(n) - n // 2
    angle = (2 * torch.pi / n) * ((x[:, None] * frequency) % n).double()
    return torch.polar(torch.ones_like(angle), angle)


def reference_coil(calibration: Tensor) -> Tensor:
    """The weights of the virtual coil that carries most energy of ``(coils, *widths)``: its first left singular vector.

    Its phase is such that the sample at the middle, the sum of that coil's image, is real and positive.
    """
    samples = calibration.to(torch.complex128)
    weights = torch.linalg.svd(samples.flatten(1), full_matrices=False)[0][:, 0]
    middle = samples
    for n in samples.shape[1:]:
        middle = middle[:, n // 2]
    phase = (weights.conj() @ middle).sgn()
    referring: Tensor = weights * torch.where(phase == 0, 1, phase)
    return referring


def referred(vectors: Tensor, reference: Tensor) -> Tensor:
    """Coil vectors ``(..., coils)``, each turned so that the virtual coil ``reference`` is real and positive."""
    phase = (vectors @ reference.to(vectors).conj()).sgn()
    return vectors * phase.conj()[..., None]


def principal(G: Tensor) -> tuple[Tensor, Tensor]:
    """Unit eigenvector and eigenvalue that dominate each of a stack of positive semidefinite matrices.

    The vector is a column of G^64, in which the next eigenvector is left with (λ₂/λ₁)^64.
    """
    power = G
    for _ in range(_SQUARINGS):
        trace = power.diagonal(dim1=-2, dim2=-1).real.sum(-1).clamp(min=torch.finfo(G.dtype).tiny)
        power = power / trace[..., None, None]
        power = power @ power
    column = power.diagonal(dim1=-2, dim2=-1).real.argmax(-1)
    index = column[..., None, None].expand(*column.shape, G.shape[-1], 1)
    v = torch.gather(power, -1, index)[..., 0]
    v = v / torch.linalg.vector_norm(v, dim=-1, keepdim=True).clamp(min=torch.finfo(G.dtype).tiny)
    image = (G @ v[..., None])[..., 0]
    return v, (v.conj() * image).sum(-1).real
