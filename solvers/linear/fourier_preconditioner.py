"""Preconditioners that are periodic convolutions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def fourier_preconditioner(
    operator: Callable[[Tensor], Tensor], shape: Sequence[int], like: Tensor | None = None, floor: float = 1e-3
) -> Callable[[Tensor], Tensor]:
    """P = F⁻¹ diag(1/m̂) F for a self-adjoint M > 0 that is nearly a convolution, m̂ the spectrum of M's response to an
    impulse in the middle of the image.

    M P = I where M is a periodic convolution. AᴴA of tomography and MRI with TV's DᴴD beside it is nearly one: P takes
    the blur 1/|ω| of projecting and backprojecting away, and conjugate gradients become several times fewer. One
    application costs two Fourier transforms.

    Parameters
    ----------
    operator
        M on tensors ``(*batch, *shape)``.
    shape
        Shape of one item.
    like
        A tensor whose precision (complex or real) and device M works in; double precision by default.
    floor
        m̂ is raised to that share of its largest value, which keeps P positive definite.

    Errors: ValueError for an M whose response has no positive spectrum.

    Source: Fessler and Booth, IEEE Trans. Image Process. 8 (1999) 688, section III-B.
    """
    if not 0 < floor < 1:
        raise ValueError(f"fourier_preconditioner expects floor in (0, 1), got {floor!r}.")
    shape = tuple(shape)
    reference = torch.zeros((), dtype=torch.float64) if like is None else like
    impulse = torch.zeros(shape, dtype=reference.dtype, device=reference.device)
    impulse[tuple(n // 2 for n in shape)] = 1
    dims = tuple(range(-len(shape), 0))
    spectrum = (torch.fft.fftn(operator(impulse), dim=dims) * torch.fft.fftn(impulse, dim=dims).conj()).real
    largest = float(spectrum.max())
    if not 0 < largest < float("inf"):
        raise ValueError("fourier_preconditioner expects a positive definite M; its response to an impulse is not.")
    gains = 1 / spectrum.clamp(min=floor * largest)

    def apply(b: Tensor) -> Tensor:
        out: Tensor = torch.fft.ifftn(gains * torch.fft.fftn(b, dim=dims), dim=dims)
        return out if b.is_complex() else out.real

    return apply
