"""Noise of receive coils, and what makes it white."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.tensors import fixed, is_number


def noise_covariance(noise: Tensor) -> Tensor:
    """Ψ = N^{−1} Σ_j n_j n_jᴴ of N samples ``(coils, ...)`` of noise alone: complex128, ``(coils, coils)``.

    Errors: TypeError for real samples, ValueError for non-finite ones or fewer than there are coils.
    """
    samples = fixed(noise, "noise_covariance", "noise")
    if not samples.is_complex():
        raise TypeError("noise_covariance expects complex samples of noise.")
    flat = samples.reshape(len(samples), -1).to(torch.complex128)
    if flat.shape[1] < len(flat):
        raise ValueError(f"noise_covariance expects more samples than coils, got {flat.shape[1]} of {len(flat)} coils.")
    return flat @ flat.mH / flat.shape[1]


def whitening_matrix(covariance: Tensor, sigma: float = 1.0) -> Tensor:
    """W = 2^½ σ L^{−1}, Ψ = L Lᴴ by Cholesky: complex128, ``(coils, coils)``, lower triangular.

    Of noise with the covariance E n nᴴ = Ψ it makes white noise, W Ψ Wᴴ = 2σ² I: of standard deviation σ in each real
    component, which is that of :class:`~recon.operators.noise.GaussianNoise`.

    Errors: ValueError for a σ that is not positive, or a covariance that is no Hermitian positive definite matrix.
    """
    matrix = fixed(covariance, "whitening_matrix", "covariance").to(torch.complex128)
    if not is_number(sigma) or not 0 < sigma < float("inf"):
        raise ValueError(f"whitening_matrix expects sigma > 0, got {sigma!r}.")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ValueError(f"whitening_matrix expects a covariance (coils, coils), got shape {tuple(matrix.shape)}.")
    lower, failed = torch.linalg.cholesky_ex(matrix)
    if int(failed) or not torch.allclose(matrix, matrix.mH, atol=1e-6 * float(matrix.abs().max())):
        raise ValueError("whitening_matrix expects a covariance that is Hermitian and positive definite.")
    unit = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    whitened: Tensor = 2**0.5 * sigma * torch.linalg.solve_triangular(lower, unit, upper=False)
    return whitened
