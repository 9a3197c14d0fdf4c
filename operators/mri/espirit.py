"""Coil sensitivities from the calibration centre of k-space."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.mri.calibration import calibration_region, sampling_mask

_SQUARINGS = 6
_PIXELS = 1 << 13
"""Pixels whose coil matrices are held at a time."""


def estimate_coil_maps(
    kspace: Tensor, calib_width: int = 24, kernel_width: int = 6, thresh: float = 0.02, crop: float = 0.95
) -> Tensor:
    """ESPIRiT coil maps S with Σ_c |S_c|² = 1 where there is signal and 0 elsewhere.

    Patches of k-space of all coils, ``kernel_width`` wide, span a small space; q_n are the eigenvectors of their Gram
    matrix with singular values above ``thresh`` times the largest. In the image domain projection on that space,
    averaged over the positions of the window, multiplies the coil vector of each pixel by

        G(x) = k⁻² Σ_n q̂_n(x) q̂_n(x)ᴴ,   q̂_n(x)_c = Σ_δ q_n[c, δ] exp(2πi δ·x/N),

    of which S(x) is the eigenvector for the eigenvalue 1. It is taken from G^64, so that what remains of the next
    eigenvector is (λ₂/λ₁)^64. Its phase, which no data determine, is chosen so that the virtual coil that carries most
    energy in the calibration data has real, positive sensitivity.

    Parameters
    ----------
    kspace
        ``(*batch, coils, ny, nx)``, complex, zero frequency at N//2, zeros where nothing was sampled.
    calib_width
        Greatest width of the calibration region. The fully sampled centre is detected and cut to this width.
    kernel_width
        k, width of the patches in samples.
    thresh
        Relative singular value below which patches count as noise.
    crop
        Pixels with an eigenvalue below this get maps of zero.

    Errors: TypeError for real k-space, ValueError for other shapes, non-finite samples, or where no fully sampled
    centre at least ``kernel_width`` wide is found.

    Source: M. Uecker et al., Magn. Reson. Med. 71 (2014) 990.
    """
    if not kspace.is_complex():
        raise TypeError(
            f"estimate_coil_maps expects complex k-space, got {str(kspace.dtype).removeprefix('torch.')}; "
            "for two real channels use torch.view_as_complex."
        )
    if kspace.ndim < 3:
        raise ValueError(f"estimate_coil_maps expects k-space (coils, ny, nx), got shape {tuple(kspace.shape)}.")
    if not bool(torch.isfinite(torch.view_as_real(kspace)).all()):
        raise ValueError("estimate_coil_maps expects finite k-space, got NaN or infinity.")
    items = kspace.reshape(-1, *kspace.shape[-3:])
    maps = [_maps(item, calib_width, kernel_width, thresh, crop) for item in items]
    return torch.stack(maps).reshape(kspace.shape)


def _maps(kspace: Tensor, calib_width: int, kernel_width: int, thresh: float, crop: float) -> Tensor:
    coils, ny, nx = kspace.shape
    region = calibration_region(sampling_mask(kspace), calib_width)
    found = tuple(s.stop - s.start for s in region)
    if min(found) < kernel_width:
        raise ValueError(
            f"estimate_coil_maps needs a fully sampled centre of k-space at least {kernel_width} samples wide, found "
            f"{found[0]}×{found[1]}; give coil maps, or a smaller kernel_width or calib_width."
        )
    calibration = kspace[:, region[0], region[1]].to(torch.complex128)
    lags = _lag_kernel(calibration, kernel_width, thresh)
    reference = torch.linalg.svd(calibration.reshape(coils, -1), full_matrices=False)[0][:, 0].to(kspace.dtype)
    y, x = (_harmonics(n, kernel_width).to(kspace) for n in (ny, nx))
    along_y = (y @ lags.to(kspace).reshape(len(lags), -1)).reshape(ny, -1, coils * coils)
    out = kspace.new_empty((ny, nx, coils))
    rows = max(1, _PIXELS // nx)
    for start in range(0, ny, rows):
        G = (x @ along_y[start : start + rows]).reshape(-1, nx, coils, coils)
        S, eigenvalue = _principal(G)
        S = S * torch.where(eigenvalue < crop, 0, 1)[..., None]
        phase = (S @ reference.conj()).sgn()
        out[start : start + rows] = S * phase.conj()[..., None]
    return out.permute(2, 0, 1).contiguous()


def _lag_kernel(calibration: Tensor, k: int, thresh: float) -> Tensor:
    """k⁻² Σ_n Σ_δ q_n[c, δ + t] conj(q_n[d, δ]) for lags t, cyclic in 2k − 1: ``(2k−1, 2k−1, coils, coils)``."""
    coils = len(calibration)
    patches = calibration.unfold(1, k, 1).unfold(2, k, 1).permute(1, 2, 0, 3, 4).reshape(-1, coils * k * k)
    values, vectors = torch.linalg.eigh(patches.mT @ patches.conj())
    kept = vectors[:, values > thresh**2 * values[-1]]
    kernels = kept.mT.reshape(-1, coils, k, k)
    size = 2 * k - 1
    spectra = torch.fft.fft2(kernels, s=(size, size))
    products = torch.einsum("nchw,ndhw->hwcd", spectra, spectra.conj())
    lags: Tensor = torch.fft.ifft2(products, dim=(0, 1)) / k**2
    return lags


def _harmonics(n: int, k: int) -> Tensor:
    """exp(2πi t x/n) for centred pixels x and the lags t of :func:`_lag_kernel`."""
    t = torch.arange(2 * k - 1)
    t = torch.where(t < k, t, t - (2 * k - 1))
    x = torch.arange(n) - n // 2
    angle = (2 * torch.pi / n) * ((x[:, None] * t) % n).double()
    return torch.polar(torch.ones_like(angle), angle)


def _principal(G: Tensor) -> tuple[Tensor, Tensor]:
    """Unit eigenvector and eigenvalue that dominate each of a stack of positive semidefinite matrices."""
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
